"""Run a script of several SQL statements in the migration's transaction."""

from alembic import op


def run(script: str) -> None:
    """Execute `script` on the bare driver: prepared statements, which SQLAlchemy uses, hold one statement each."""
    connection = op.get_bind().connection.dbapi_connection
    assert connection is not None
    connection.run_async(lambda driver: driver.execute(script))
