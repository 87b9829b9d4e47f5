"""What people and gateways ask about identities."""

from sqlalchemy import select

from contracts.identity import GetMe, GetSigningKeys, JwksView, MeView
from contracts.message import NotFound
from workers.identity import keys
from workers.identity.tables import read, users
from workers.runtime.handlers import Queries
from workers.runtime.reading import Reading

queries = Queries("identity")


@queries.query(GetMe)
async def get_me(query: GetMe, reading: Reading) -> MeView:
    """The caller. Raises `NotFound` when they are no more, or were never a person."""
    del query
    row = await reading.row(select(users).where(users.c.id == reading.caller.principal))
    if row is None:
        raise NotFound
    return read(row).me()


@queries.query(GetSigningKeys)
async def get_signing_keys(query: GetSigningKeys, reading: Reading) -> JwksView:
    """The keys that verify access tokens."""
    del query
    assert reading.resources is not None, "identity's queries need the settings"
    return keys.public(reading.resources.settings)
