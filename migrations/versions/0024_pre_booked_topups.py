"""A top-up says how much of it is in the books, and whether that is parked at suspense."""

from migrations.scripts import run

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """The defaults stay: the version before this one doesn't write these columns."""
    run("""
        ALTER TABLE topups.topups
            ADD booked bigint NOT NULL DEFAULT 0 CHECK (booked >= 0),
            ADD parked boolean NOT NULL DEFAULT false
    """)


def downgrade() -> None:
    """Money that is parked will look as if it had never come."""
    run("ALTER TABLE topups.topups DROP booked, DROP parked")
