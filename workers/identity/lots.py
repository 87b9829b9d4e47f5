"""What is done to very many rows: chosen before the transaction, lot by lot, each in a transaction of its own."""

from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.identity import PurgeArchivedUsers, PurgeMoreUsers, RemoveUser, RestoreArchivedUsers, RestoreMoreUsers
from workers.identity.tables import sessions, users
from workers.runtime.handlers import Preparation

LOT_MAX = 500
"""How many people, or sessions of one, a message changes at most."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Ids in their order, and whether there are more. `all_by_roles` counts how many have which roles, all lots."""

    ids: list[str]
    more: bool
    all_by_roles: list[tuple[list[str], int]]


async def of_archived(
    command: RestoreArchivedUsers | PurgeArchivedUsers | RestoreMoreUsers | PurgeMoreUsers, preparation: Preparation
) -> Lot:
    """Who is archived; of the first lot of several one learns how many that are."""
    after = command.after if isinstance(command, RestoreMoreUsers | PurgeMoreUsers) else ""
    archived = users.c.status == "archived"
    wanted = select(users.c.id).where(archived, users.c.id > after).order_by(users.c.id)
    async with preparation.resources.database.connect() as connection:
        found = list(await connection.scalars(wanted.limit(LOT_MAX + 1)))
        more = len(found) > LOT_MAX
        return Lot(found[:LOT_MAX], more, await _counted(connection) if more and not after else [])


async def of_places(command: RemoveUser, preparation: Preparation) -> Lot:
    """Sessions that still say where somebody was."""
    theirs = sessions.c.user_id == command.user_id
    telling = or_(sessions.c.address.is_not(None), sessions.c.device.is_not(None))
    wanted = select(sessions.c.id).where(theirs, telling).order_by(sessions.c.id).limit(LOT_MAX + 1)
    async with preparation.resources.database.connect() as connection:
        found = list(await connection.scalars(wanted))
    return Lot(found[:LOT_MAX], len(found) > LOT_MAX, [])


async def _counted(connection: AsyncConnection) -> list[tuple[list[str], int]]:
    wanted = select(users.c.roles, func.count()).where(users.c.status == "archived").group_by(users.c.roles)
    return [(roles, count) for roles, count in await connection.execute(wanted)]
