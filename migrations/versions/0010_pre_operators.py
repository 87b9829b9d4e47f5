"""What operators list: sagas by their age, dead letters with who resolved them and why."""

from migrations.scripts import run

revision = "0010"
down_revision = "0009"

# `said` is the letter as it travelled, not as its JSON: rubbish too is text.
# Sagas are made in order of time, so that the index grows at one end; what is updated later does not touch it.
CHANGES = """
CREATE INDEX sagas_by_time ON runtime.sagas (created_at DESC, id DESC);
CREATE INDEX dead_letters_by_time ON runtime.dead_letters (died_at DESC, id DESC);
ALTER TABLE runtime.dead_letters ADD COLUMN resolved_by text, ADD COLUMN resolved_reason text,
    ADD COLUMN said text NOT NULL GENERATED ALWAYS AS (message #>> '{}') STORED;
"""
BACK = """
DROP INDEX runtime.sagas_by_time;
DROP INDEX runtime.dead_letters_by_time;
ALTER TABLE runtime.dead_letters DROP COLUMN said, DROP COLUMN resolved_by, DROP COLUMN resolved_reason;
"""


def upgrade() -> None:
    """Add them."""
    run(CHANGES)


def downgrade() -> None:
    """Remove them."""
    run(BACK)
