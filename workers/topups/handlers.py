"""What can be done with top-ups."""

from contracts import ids
from contracts.message import NotYet, OutcomeUnknown, Refusal
from contracts.moving import Declined
from contracts.topups import (
    ChargeTopUp,
    ChargeView,
    CompleteTopUp,
    CorrectTopUp,
    DecideTopUp,
    DecisionView,
    FailTopUp,
    RequestTopUp,
    ResolveTopUp,
    ReverseTopUp,
    TopUpView,
)
from workers.provider import routing
from workers.provider.asking import Said
from workers.runtime.handlers import Handlers
from workers.runtime.needs import rows
from workers.runtime.orchestrator import nudge
from workers.runtime.unit_of_work import UnitOfWork
from workers.sagas.correct_top_up import CorrectTopUpBooks
from workers.sagas.top_up_wallet import TopUpWallet
from workers.topups import charging
from workers.topups.rules import TopUp

OPERATOR_SECONDS = 86_400
"""How long a saga waits for an operator before it looks again; a decision wakes it at once."""

handlers = Handlers("topups")


@handlers.command(RequestTopUp, finished_by=TopUpWallet)
def request_topup(command: RequestTopUp, uow: UnitOfWork) -> TopUpView:
    """Record the intent; the `TopUpWallet` saga charges. Raises `MethodUnknown`, `AmountOutOfRange`."""
    provider = routing.provider_of(command.method)
    topup = TopUp.request(command, by=uow.caller, at=uow.now, key=uow.id("top"), provider=provider)
    uow.add(topup)
    uow.emit(topup.requested())
    return topup.view()


@handlers.command(ChargeTopUp, needs=lambda c: [rows(TopUp, c.topup_id)], prepare=charging.ask_provider)
def charge_topup(command: ChargeTopUp, uow: UnitOfWork) -> ChargeView | Refusal:
    """Keep what the provider said. `Declined`, `NotYet` and `OutcomeUnknown` leave it behind, too."""
    said: Said = uow.prepared
    topup = uow.get(TopUp, command.topup_id)
    topup = topup.asked(command.wallet_id, uow.envelope.saga, counts=said.asked)
    if said.word is not None:
        topup = topup.hear(said.word)
    if not topup.is_answered:
        topup = topup.waiting()
        uow.save(topup)
        unclear = OutcomeUnknown if topup.status == "unknown" else NotYet
        return unclear(retry_after_seconds=said.wait_seconds(topup.asks))
    uow.save(topup)
    if topup.heard != "succeeded":
        return Declined(topup.reason)
    assert topup.received is not None, "who says that it was charged says how much"
    return ChargeView(provider_id=topup.provider_id or "", amount=topup.received, fits=topup.fits)


@handlers.command(DecideTopUp, needs=lambda c: [rows(TopUp, c.topup_id)])
def decide_topup(command: DecideTopUp, uow: UnitOfWork) -> DecisionView | Refusal:
    """Wait for an operator's word, or for the provider to take it back."""
    topup = uow.get(TopUp, command.topup_id)
    if topup.heard in ("declined", "reversed"):
        return DecisionView(credited=False, returned=not topup.decided)
    if topup.decided:
        return DecisionView(credited=True)
    uow.save(topup.doubted(uow.envelope.saga))
    return OutcomeUnknown(retry_after_seconds=OPERATOR_SECONDS)


@handlers.command(ResolveTopUp, needs=lambda c: [rows(TopUp, c.topup_id)])
def resolve_topup(command: ResolveTopUp, uow: UnitOfWork) -> TopUpView:
    """An operator's word counts like the provider's. Raises `NotFound`, `NotUnresolved`, `AlreadyResolved`."""
    topup = uow.get(TopUp, command.topup_id)
    resolved = topup.resolve(command.outcome)
    if resolved is not topup:
        uow.save(resolved)
        uow.audit(topup.id, before=topup.audited(), after=resolved.audited(), reason=command.reason)
        if resolved.saga_id is not None:
            nudge(uow, "topups", resolved.saga_id)
    return resolved.view()


@handlers.command(ReverseTopUp, needs=lambda c: [rows(TopUp, c.topup_id)], finished_by=CorrectTopUpBooks)
def reverse_topup(command: ReverseTopUp, uow: UnitOfWork) -> TopUpView:
    """Take it back. Raises `NotFound`, `NotReversible`."""
    topup = uow.get(TopUp, command.topup_id)
    reversed_ = topup.reverse(command).correcting("reversed")
    uow.save(reversed_)
    uow.audit(topup.id, before=topup.audited(), after=reversed_.audited(), reason=command.reason)
    uow.emit(reversed_.contradicted("reversed"))
    return reversed_.view()


@handlers.command(CompleteTopUp, needs=lambda c: [rows(TopUp, c.topup_id)])
def complete_topup(command: CompleteTopUp, uow: UnitOfWork) -> TopUpView:
    """The money is in the wallet: say so."""
    topup = uow.get(TopUp, command.topup_id)
    return end(uow, topup, topup.succeed(command.amount, at=uow.now))


@handlers.command(FailTopUp, needs=lambda c: [rows(TopUp, c.topup_id)])
def fail_topup(command: FailTopUp, uow: UnitOfWork) -> TopUpView:
    """Nothing was charged: say so, and why."""
    topup = uow.get(TopUp, command.topup_id)
    return end(uow, topup, topup.fail(command, at=uow.now))


@handlers.command(CorrectTopUp, needs=lambda c: [rows(TopUp, c.topup_id)])
def correct_topup(command: CorrectTopUp, uow: UnitOfWork) -> TopUpView:
    """The books have followed: say so."""
    topup = uow.get(TopUp, command.topup_id)
    return end(uow, topup, topup.corrected(command, at=uow.now))


def end(uow: UnitOfWork, before: TopUp, after: TopUp) -> TopUpView:
    """Save and tell what has become of it; what was heard meanwhile may have overtaken it."""
    if after is not before:
        uow.emit(after.ended())
        uow.save(follow(uow, after))
    return after.view()


def follow(uow: UnitOfWork, topup: TopUp) -> TopUp:
    """Let the books follow what was heard, as a part of the top-up's own operation."""
    to = topup.correction
    if to is None or topup.wallet_id is None:
        return topup
    uow.emit(topup.contradicted(to), operation=ids.sibling("op", topup.id))
    return topup.correcting(to)
