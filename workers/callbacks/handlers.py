"""What a provider says by itself is verified, remembered once, and told to whom it concerns."""

from contracts.callbacks import (
    CallbackView,
    ChargeReported,
    HearCallback,
    PayoutReported,
    ProviderWord,
)
from workers.callbacks import verifying
from workers.callbacks.tables import Taken
from workers.provider.port import Callback
from workers.runtime.handlers import Handlers
from workers.runtime.needs import rows
from workers.runtime.unit_of_work import UnitOfWork

handlers = Handlers("callbacks")


@handlers.command(
    HearCallback,
    needs_more=lambda call, _, said: [] if said is None else [rows(Taken, Taken.key(call.provider, said.id))],
    prepare=verifying.verify,
)
def hear_callback(call: HearCallback, uow: UnitOfWork) -> CallbackView:
    """Once it is remembered it will be told, and only once."""
    said: Callback = uow.prepared
    key = Taken.key(call.provider, said.id)
    if uow.find(Taken, key) is not None:
        return CallbackView()
    uow.add(Taken(key, uow.now))
    word = ProviderWord(
        provider=call.provider,
        provider_id=said.word.provider_id,
        reference=said.word.reference,
        status=said.word.status,
        amount=said.word.amount,
        currency=said.word.currency,
        version=said.word.version,
        reason=said.word.reason,
    )
    uow.emit(ChargeReported(word=word) if said.word.kind == "charge" else PayoutReported(word=word))
    return CallbackView()
