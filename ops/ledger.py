"""Prove that no cent is lost: the ledger's invariants, checked by command."""

import asyncio

from ops import database
from ops.console import console


def verify(database_url: str | None = None) -> bool:
    """Print every broken invariant of the ledger in this database (else `ops.database`'s); true when none is."""
    from workers.ledger import verification  # noqa: PLC0415 - the rest of the commands start without SQLAlchemy

    url = database_url or database.url()
    with database.reached():
        broken = asyncio.run(verification.verify(url))
    for sentence in broken:
        console.print(f"[bold red]✗[/] {sentence}", soft_wrap=True)
    if not broken:
        console.print("[bold green]✓[/] the ledger is sound")
    return not broken
