"""What can be done with top-ups."""

from contracts.topups import (
    ChargeTopUp,
    ChargeView,
    CompleteTopUp,
    Declined,
    FailTopUp,
    RequestTopUp,
    TopUpView,
)
from workers.runtime.handlers import Handlers, Preparation
from workers.runtime.needs import rows
from workers.runtime.unit_of_work import UnitOfWork
from workers.sagas.top_up_wallet import TopUpWallet
from workers.topups import provider
from workers.topups.provider import Answer, Charge
from workers.topups.rules import TopUp

handlers = Handlers("topups")


@handlers.command(RequestTopUp, finished_by=TopUpWallet)
def request_topup(command: RequestTopUp, uow: UnitOfWork) -> TopUpView:
    """Record the intent; the `TopUpWallet` saga charges. Raises `MethodUnknown`, `AmountOutOfRange`."""
    topup = TopUp.request(command, by=uow.caller, at=uow.now, key=uow.id("top"))
    uow.add(topup)
    uow.emit(topup.requested())
    return topup.view()


async def ask_provider(command: ChargeTopUp, preparation: Preparation) -> Answer:
    """Charge, once for one message however often it is delivered. Raises `Unclear` unless the answer is."""
    charge = Charge(command.topup_id, command.method, command.amount, command.currency)
    return await provider.reached_by(preparation.resources).charge(charge, key=preparation.message_id)


@handlers.command(ChargeTopUp, needs=lambda c: [rows(TopUp, c.topup_id)], prepare=ask_provider)
def charge_topup(command: ChargeTopUp, uow: UnitOfWork) -> ChargeView:
    """Keep what the provider said. Raises `Declined`."""
    answer: Answer = uow.prepared
    if answer.declined is not None:
        raise Declined(answer.declined)
    uow.save(uow.get(TopUp, command.topup_id).charge(answer.provider_id))
    return ChargeView(provider_id=answer.provider_id)


@handlers.command(CompleteTopUp, needs=lambda c: [rows(TopUp, c.topup_id)])
def complete_topup(command: CompleteTopUp, uow: UnitOfWork) -> TopUpView:
    """The money is in the wallet: say so."""
    topup = uow.get(TopUp, command.topup_id)
    succeeded = topup.succeed(at=uow.now)
    if succeeded is not topup:
        uow.save(succeeded)
        uow.emit(succeeded.succeeded())
    return succeeded.view()


@handlers.command(FailTopUp, needs=lambda c: [rows(TopUp, c.topup_id)])
def fail_topup(command: FailTopUp, uow: UnitOfWork) -> TopUpView:
    """Nothing was charged: say so, and why."""
    topup = uow.get(TopUp, command.topup_id)
    failed = topup.fail(command, at=uow.now)
    if failed is not topup:
        uow.save(failed)
        uow.emit(failed.failed())
    return failed.view()
