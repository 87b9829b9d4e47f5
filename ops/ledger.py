"""Prove that no cent is lost: the ledger's invariants, checked by command."""

import asyncio
import os

from ops.console import console
from ops.trouble import Trouble


def verify(database_url: str | None = None) -> bool:
    """Print every broken invariant of the ledger in this database (or `DATABASE_URL`); true when none is."""
    from workers.ledger import verification  # noqa: PLC0415 - the rest of the commands start without SQLAlchemy

    url = database_url or os.environ.get("DATABASE_URL")
    if not url:
        raise Trouble("Set DATABASE_URL to the database whose ledger is to be verified.")
    broken = asyncio.run(verification.verify(url))
    for sentence in broken:
        console.print(f"[bold red]✗[/] {sentence}", soft_wrap=True)
    if not broken:
        console.print("[bold green]✓[/] the ledger is sound")
    return not broken
