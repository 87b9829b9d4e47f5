"""The commands of those who run Saldo in production."""

from typing import Annotated

import typer

from ops import ledger, migrate

OPERATOR = "Operate"
ledger_app = typer.Typer(help="Prove that no cent is lost.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(name="migrate", rich_help_panel=OPERATOR)(migrate_schema)
    app.add_typer(ledger_app, name="ledger", rich_help_panel=OPERATOR)


def migrate_schema(
    target: Annotated[str, typer.Option(help="The revision to upgrade to.")] = "head",
) -> None:
    """Bring the schema of MIGRATIONS_DATABASE_URL up to date."""
    migrate.migrate(target)


@ledger_app.command(name="verify")
def verify_ledger() -> None:
    """Check every invariant of the ledger in DATABASE_URL; exit 1 when one is broken."""
    if not ledger.verify():
        raise typer.Exit(1)
