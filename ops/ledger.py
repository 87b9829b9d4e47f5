"""Prove that no cent is lost: the ledger's invariants, checked by command."""

import asyncio
import importlib
import os
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

from ops.console import console
from ops.trouble import Trouble

Verify = Callable[[str], Coroutine[Any, Any, Sequence[str]]]


def verify(database_url: str | None = None) -> bool:
    """Print every broken invariant of the ledger in this database (or `DATABASE_URL`); true when none is."""
    url = database_url or os.environ.get("DATABASE_URL")
    if not url:
        raise Trouble("Set DATABASE_URL to the database whose ledger is to be verified.")
    broken = asyncio.run(_verification()(url))
    for sentence in broken:
        console.print(f"[bold red]✗[/] {sentence}", soft_wrap=True)
    if not broken:
        console.print("[bold green]✓[/] the ledger is sound")
    return not broken


def _verification() -> Verify:
    module = importlib.import_module("workers.ledger.verification")
    return cast("Verify", module.verify)
