"""A payout, prepared beside the delivery loop: what the provider says of it."""

from sqlalchemy import select

from contracts.withdrawals import ConfirmPayout, SubmitPayout
from workers.provider import asking
from workers.provider.asking import Said
from workers.provider.port import Beneficiary, Order
from workers.runtime.handlers import Preparation
from workers.withdrawals import terms
from workers.withdrawals.rules import Withdrawal
from workers.withdrawals.tables import read, withdrawals


async def ask_to_pay(command: SubmitPayout, preparation: Preparation) -> Said:
    """Pay, once for one withdrawal however often it is asked; nobody is asked what is known."""
    withdrawal, resources = await _read(command.withdrawal_id, preparation), preparation.resources
    if withdrawal.is_answered:
        return asking.nothing(resources)
    since = withdrawal.begun_at or withdrawal.created_at
    order = _order(withdrawal)
    return await asking.submit(order, withdrawal.provider, asks=withdrawal.asks, since=since, resources=resources)


async def ask_for_the_end(command: ConfirmPayout, preparation: Preparation) -> Said:
    """What has become of it; a callback may have told already."""
    withdrawal, resources = await _read(command.withdrawal_id, preparation), preparation.resources
    if withdrawal.is_answered:
        return asking.nothing(resources)
    return await asking.look_up(_order(withdrawal), withdrawal.provider, resources)


def _order(withdrawal: Withdrawal) -> Order:
    beneficiary = Beneficiary(**withdrawal.beneficiary)
    return Order("payout", withdrawal.id, terms.METHOD, withdrawal.amount, withdrawal.currency, beneficiary)


async def _read(key: str, preparation: Preparation) -> Withdrawal:
    async with preparation.resources.database.connect() as connection:
        return read((await connection.execute(select(withdrawals).where(withdrawals.c.id == key))).one())
