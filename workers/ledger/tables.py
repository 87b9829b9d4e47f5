"""The ledger's tables as handlers and queries see them; the migrations make them, with every guard."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from workers.ledger.accounts import Account
from workers.ledger.holds import Hold
from workers.ledger.postings import Movement
from workers.ledger.verifications import Verification
from workers.runtime.stored import stored

metadata = MetaData(schema="ledger")

Time = DateTime(timezone=True)
Id = Text(collation="C")

accounts = Table(
    "accounts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner", Id, nullable=False),
    Column("role", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("label", Text),
    Column("status", Text, nullable=False),
    Column("frozen_by", Text),
    Column("posted", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("created_at", Time, nullable=False),
)
holds = Table(
    "holds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, nullable=False),
    Column("to_account", Id),
    Column("amount", BigInteger, nullable=False),
    Column("remaining", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("operation_id", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("ended_at", Time),
)
movements = Table(
    "movements",
    metadata,
    Column("id", Id, primary_key=True),
    Column("debit_account", Id, nullable=False),
    Column("credit_account", Id, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("operation_id", Text, nullable=False),
    Column("hold_id", Text),
    Column("debit_seq", BigInteger, nullable=False),
    Column("credit_seq", BigInteger, nullable=False),
    Column("debit_balance_after", BigInteger, nullable=False),
    Column("credit_balance_after", BigInteger, nullable=False),
    Column("created_at", Time, nullable=False),
)

measurements = Table(
    "measurements",
    metadata,
    Column("id", Id, primary_key=True),
    Column("found", JSONB, nullable=False),
    Column("measured_at", Time, nullable=False),
)
verifications = Table(
    "verifications",
    metadata,
    Column("id", Id, primary_key=True),
    Column("sound", Boolean, nullable=False),
    Column("report", JSONB, nullable=False),
    Column("started_at", Time, nullable=False),
    Column("finished_at", Time, nullable=False),
)

stored(Account, accounts, order=10, mutable=("label", "status", "frozen_by", "posted", "held", "sequence"))
stored(Hold, holds, order=20, mutable=("remaining", "status", "ended_at"))
stored(Movement, movements, order=30)
stored(Verification, verifications, order=35)
