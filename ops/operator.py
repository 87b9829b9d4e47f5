"""The commands of those who run Saldo in production."""

from typing import Annotated

import typer

from ops import keys, ledger, mending, migrate, reconciling, signing_keys, users

OPERATOR = "Operate"
ledger_app = typer.Typer(help="Prove that no cent is lost.", no_args_is_help=True)
keys_app = typer.Typer(help="Change keys while everything runs.", no_args_is_help=True)
users_app = typer.Typer(help="Make people who may do more.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(name="migrate", rich_help_panel=OPERATOR)(migrate_schema)
    app.add_typer(ledger_app, name="ledger", rich_help_panel=OPERATOR)
    app.add_typer(keys_app, name="keys", rich_help_panel=OPERATOR)
    app.add_typer(mending.sagas_app, name="sagas", rich_help_panel=OPERATOR)
    app.add_typer(mending.letters_app, name="dead-letters", rich_help_panel=OPERATOR)
    app.command(name="reconcile", rich_help_panel=OPERATOR)(reconciling.reconcile)
    app.add_typer(reconciling.app, name="reconciliations", rich_help_panel=OPERATOR)
    app.add_typer(users_app, name="users", rich_help_panel=OPERATOR)


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


@keys_app.command(name="rotate")
def rotate_keys(
    *,
    at_once: Annotated[bool, typer.Option("--at-once", help="Believe no other key any more: one has leaked.")] = False,
) -> None:
    """Make a new key for access tokens; the others are believed until the last token that they signed has expired."""
    signing_keys.rotate(at_once=at_once)


@keys_app.command(name="rotate-pan")
def rotate_pan() -> None:
    """Seal card numbers with the first of CARD_KEYS, in use as they are; the workers must have it in front already."""
    keys.rotate_pan()


@users_app.command(name="create-admin")
def create_admin(
    email: Annotated[str, typer.Option(help="The address to log in with.")],
    first_name: Annotated[str, typer.Option()] = "Saldo",
    last_name: Annotated[str, typer.Option()] = "Admin",
) -> None:
    """Make an admin in DATABASE_URL; the password is asked for, or is the first line of the input."""
    users.create_admin(email, first_name, last_name)
