"""A charge, prepared beside the delivery loop: what the provider says of it."""

from sqlalchemy import select

from contracts.topups import ChargeTopUp
from workers.provider import asking
from workers.provider.asking import Said
from workers.provider.port import Order
from workers.runtime.handlers import Preparation
from workers.topups.tables import read, topups


async def ask_provider(command: ChargeTopUp, preparation: Preparation) -> Said:
    """Charge, once for one top-up however often it is asked; nobody is asked what is known."""
    resources = preparation.resources
    async with resources.database.connect() as connection:
        row = (await connection.execute(select(topups).where(topups.c.id == command.topup_id))).one()
    topup = read(row)
    if topup.is_answered:
        return asking.nothing(resources)
    order = Order("charge", topup.id, topup.method, topup.amount, topup.currency)
    return await asking.submit(order, topup.provider, asks=topup.asks, since=topup.created_at, resources=resources)
