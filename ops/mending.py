"""What operators see and mend from the command line: business processes and messages that have died."""

import json
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.syntax import Syntax
from rich.table import Table

from ops import gateway
from ops.console import console

sagas_app = typer.Typer(help="See business processes, and mend those that hang.", no_args_is_help=True)
letters_app = typer.Typer(help="See messages that have died, and replay or discard them.", no_args_is_help=True)

SAGAS, LETTERS = "/v1/ops/sagas", "/v1/ops/dead-letters"
STATUS_COLOURS = {"completed": "green", "failed": "yellow", "stuck": "bold red", "open": "bold red"}

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the audit trail.", prompt="Why")]
Saga = Annotated[str, typer.Argument(help="The saga's id: sag_…")]
Letter = Annotated[str, typer.Argument(help="The letter's id: dlt_…")]
Kind = Annotated[str | None, typer.Option("--type", help="Only these.")]


@sagas_app.command(name="list")
def list_sagas(
    status: Annotated[str | None, typer.Option(help="running, undoing, failing, stuck, completed or failed.")] = None,
    stuck: Annotated[bool | None, typer.Option(help="Only those that need a person or are late.")] = None,
    kind: Kind = None,
    limit: Limit = 20,
) -> None:
    """List business processes, newest first."""
    found = gateway.listed(SAGAS, limit, status=status, stuck=stuck, type=kind)
    table = _table("Saga", "Type", "Status", "Awaits", "Asked again", "Since", "Why")
    for one in found:
        problem = one["problem"] and one["problem"]["code"]
        late = " (late)" if one["stuck"] and one["status"] != "stuck" else ""
        status_shown = f"{_status(one['status'])}{late}"
        table.add_row(
            one["id"],
            one["type"],
            status_shown,
            one["awaiting"] or "",
            str(one["asked_again"] or ""),
            _moment(one["created_at"]),
            problem or "",
        )
    _show(table, found, "No business process is like that.")


@sagas_app.command(name="show")
def show_saga(saga: Saga) -> None:
    """Show one with its state and everything that happened to it."""
    found = gateway.ask("GET", f"{SAGAS}/{saga}")
    _facts(found, "type", "status", "awaiting", "operation_id", "created_at", "deadline_at")
    console.print(_json(found["state"]))
    table = _table("When", "What", "Step", "By", "Reason")
    for entry in found["history"]:
        table.add_row(
            _moment(entry["at"]),
            escape(entry["what"]),
            escape(entry["step"]),
            entry["by"] or "",
            escape(entry["reason"] or ""),
        )
    console.print(table)


@sagas_app.command(name="retry")
def retry_saga(saga: Saga, reason: Reason) -> None:
    """Ask its outstanding question again now; one that is stuck goes on where it stuck."""
    _done(gateway.ask("POST", f"{SAGAS}/{saga}/retry", {"reason": reason}))


@sagas_app.command(name="compensate")
def compensate_saga(saga: Saga, reason: Reason) -> None:
    """Undo one that has not reached its point of no return."""
    _done(gateway.ask("POST", f"{SAGAS}/{saga}/compensate", {"reason": reason}))


@letters_app.command(name="list")
def list_letters(
    status: Annotated[str | None, typer.Option(help="open, replayed or discarded; all of them if empty.")] = "open",
    kind: Kind = None,
    limit: Limit = 20,
) -> None:
    """List messages that have died, newest first."""
    found = gateway.listed(LETTERS, limit, status=status or None, type=kind)
    table = _table("Letter", "Type", "Queue", "Status", "Died", "Reason")
    for one in found:
        table.add_row(
            one["id"],
            escape(one["type"]),
            one["queue"],
            _status(one["status"]),
            _moment(one["died_at"]),
            escape(one["reason"][:80]),
        )
    _show(table, found, "No message is like that.")


@letters_app.command(name="show")
def show_letter(letter: Letter) -> None:
    """Show one with its payload, secrets masked, and the stack of its last failure."""
    found = gateway.ask("GET", f"{LETTERS}/{letter}")
    _facts(found, "type", "queue", "status", "reason", "died_at", "operation_id", "saga_id", "resolved_by")
    console.print(_json(found["payload"]) if found["payload"] is not None else escape(found["text"] or ""))
    console.print(escape(found["stack"]))


@letters_app.command(name="replay")
def replay_letters(
    reason: Reason,
    letters: Annotated[list[str] | None, typer.Argument(help="Ids: dlt_…")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="All open ones of this type instead.")] = None,
) -> None:
    """Send letters to their queues again: these, or all open ones of a type."""
    if bool(letters) == bool(kind):
        raise typer.BadParameter("Name letters, or a --type.")
    chosen = {"ids": letters} if letters else {"type": kind}
    told = gateway.ask("POST", f"{LETTERS}/replay", {**chosen, "reason": reason})
    more = "; there are more of them" if told["has_more"] else ""
    console.print(f"[bold green]✓[/] {told['count']} replayed{more}")


@letters_app.command(name="discard")
def discard_letter(letter: Letter, reason: Reason) -> None:
    """Give one up: its sender is refused, so that business processes undo and operations end."""
    gateway.ask("DELETE", f"{LETTERS}/{letter}", {"reason": reason})
    console.print(f"[bold green]✓[/] {letter} is discarded")


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        # What is copied from here must be whole.
        table.add_column(column, no_wrap=column in ("Saga", "Letter"), overflow="fold")
    return table


def _show(table: Table, found: list[Any], nothing: str) -> None:
    console.print(table if found else f"[dim]{nothing}[/]")


def _facts(found: dict[str, Any], *names: str) -> None:
    for name in names:
        if found[name] is not None:
            console.print(f"[dim]{name.replace('_', ' ')}:[/] {escape(str(found[name]))}", soft_wrap=True)


def _done(saga: dict[str, Any]) -> None:
    console.print(f"[bold green]✓[/] {saga['id']} is {_status(saga['status'])}, awaits {saga['awaiting'] or 'nothing'}")


def _status(status: str) -> str:
    colour = STATUS_COLOURS.get(status)
    return f"[{colour}]{status}[/]" if colour else status


def _moment(value: str) -> str:
    return value[:19].replace("T", " ")


def _json(value: Any) -> Syntax:
    return Syntax(json.dumps(value, indent=2, ensure_ascii=False), "json", background_color="default", word_wrap=True)
