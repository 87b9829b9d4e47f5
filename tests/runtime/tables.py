"""The tables of the tests' own domains."""

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, MetaData, Table, Text

from workers.runtime.stored import stored

SCHEMA = """
CREATE SCHEMA probe;
GRANT USAGE ON SCHEMA probe TO saldo_app;
CREATE TABLE probe.accounts (
    id text COLLATE "C" PRIMARY KEY,
    name text UNIQUE,
    amount bigint NOT NULL CHECK (amount >= 0),
    reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0)
);
CREATE TABLE probe.orders (
    id text COLLATE "C" PRIMARY KEY,
    status text NOT NULL,
    amount bigint NOT NULL
);
CREATE TABLE probe.notes (id text COLLATE "C" PRIMARY KEY, what text NOT NULL);
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA probe TO saldo_app;
"""


class Account(NamedTuple):
    """Money."""

    id: str
    name: str | None
    amount: int
    reserved: int


class Order(NamedTuple):
    """An order of the shop, or its reservation in the bank (`res_…`)."""

    id: str
    status: str
    amount: int


class Note(NamedTuple):
    """What a listener has heard."""

    id: str
    what: str


metadata = MetaData(schema="probe")
Id = Text(collation="C")

accounts = Table(
    "accounts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text),
    Column("amount", BigInteger),
    Column("reserved", BigInteger),
)
orders = Table(
    "orders",
    metadata,
    Column("id", Id, primary_key=True),
    Column("status", Text),
    Column("amount", BigInteger),
)
notes = Table("notes", metadata, Column("id", Id, primary_key=True), Column("what", Text))

stored(Account, accounts, order=1010, mutable=("amount", "reserved"))
stored(Order, orders, order=1020, mutable=("status", "amount"))
stored(Note, notes, order=1030)
