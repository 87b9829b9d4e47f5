"""A provider's statement held against our side, from the command line."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ops import gateway
from ops.console import console

PATH = "/v1/ops/reconciliations"

app = typer.Typer(help="See how days compare with providers' statements, and resolve exceptions.", no_args_is_help=True)
Day = Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="A day in UTC; yesterday if empty.")]
Run = Annotated[str, typer.Argument(help="The reconciliation's id: rec_…")]


def reconcile(
    day: Day = None,
    provider: Annotated[str, typer.Option(help="Whose statement.")] = "sandbox",
) -> None:
    """Compare a provider's statement of a day with our side; exit 1 when something needs a person."""
    wanted = day.date() if day else (datetime.now(UTC) - timedelta(days=1)).date()
    with gateway.session() as session:
        found = session.ask("POST", PATH, {"date": wanted.isoformat(), "provider": provider})
        _tell(session.ask("GET", f"{PATH}/{found['id']}"))
    if found["open"]:
        raise typer.Exit(1)


@app.command(name="list")
def list_runs(
    open_only: Annotated[bool | None, typer.Option("--open/--clean", help="Only those with open exceptions.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 20,
) -> None:
    """List reconciliations, the last compared first."""
    table = _table("Reconciliation", "Date", "Provider", "Matched", "Exceptions", "Open")
    for one in gateway.listed(PATH, limit, open=open_only):
        exceptions = one["missing_here"] + one["missing_there"] + one["different"]
        open_items = f"[bold red]{one['open']}[/]" if one["open"] else "0"
        table.add_row(one["id"], one["date"], one["provider"], str(one["matched"]), str(exceptions), open_items)
    console.print(table if table.row_count else "[dim]Nothing has been compared yet.[/]")


@app.command(name="show")
def show_run(run: Run) -> None:
    """Show one with its exceptions."""
    _tell(gateway.ask("GET", f"{PATH}/{run}"))


@app.command(name="resolve")
def resolve_item(
    run: Run,
    item: Annotated[str, typer.Argument(help="The exception's id: rit_…")],
    reason: Annotated[str, typer.Option(help="How it was dealt with; kept in the audit trail.", prompt="Why")],
) -> None:
    """Write down that an exception has been dealt with."""
    gateway.ask("POST", f"{PATH}/{run}/items/{item}/resolve", {"reason": reason})
    console.print(f"[bold green]✓[/] {escape(item)} is resolved")


def _tell(run: dict[str, Any]) -> None:
    mark = "[bold red]✗[/]" if run["open"] else "[bold green]✓[/]"
    console.print(
        f"{mark} {run['provider']}, {run['date']}: {run['matched']} matched, {run['missing_here']} missing here, "
        f"{run['missing_there']} missing there, {run['different']} different; {run['open']} open ({run['id']})",
        soft_wrap=True,
    )
    if run["items"]:
        table = _table("Exception", "Kind", "Type", "Reference", "Ours", "Theirs", "Status", "Reason")
        for one in run["items"]:
            table.add_row(
                one["id"],
                one["kind"].replace("_", " "),
                one["type"],
                escape(one["reference"]),
                _money(one["ours"], one["ours_currency"]),
                _money(one["theirs"], one["theirs_currency"]),
                one["status"],
                escape(one["resolved_reason"] or ""),
            )
        console.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        # What is copied from here must be whole.
        table.add_column(column, no_wrap=column in ("Reconciliation", "Exception"), overflow="fold")
    return table


def _money(amount: int | None, currency: str | None) -> str:
    return "" if amount is None else f"{amount} {currency}"
