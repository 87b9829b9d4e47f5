"""The journal: the only place that writes movements, and the balances that they change."""

from contracts import ids
from contracts.ledger import MovementKind
from contracts.money import Currency
from workers.ledger import accounts, chart, postings
from workers.ledger.accounts import Account
from workers.ledger.postings import Entry, Posted
from workers.runtime.unit_of_work import UnitOfWork


def post(
    uow: UnitOfWork,
    debit: Account,
    credit: Account,
    amount: int,
    kind: MovementKind,
    *,
    hold_id: str | None = None,
    number: int = 0,
) -> Posted:
    """Move `amount` minor units from `debit` to `credit`. Raises what `postings.post` does.

    `number` tells the movements of one message apart: the same message always makes the same ids.
    """
    key = ids.derived("mov", uow.message_id, str(number)) if number else uow.id("mov")
    entry = Entry(key, amount, kind, uow.operation_id, hold_id, uow.now)
    posted = postings.post(debit, credit, entry)
    uow.add(posted.movement)
    uow.save(posted.debit)
    uow.save(posted.credit)
    return posted


def system_account(uow: UnitOfWork, role: str, currency: Currency) -> Account:
    """This process's own account of a role, opened when it is first needed; `needs` must name it."""
    found = uow.find(Account, chart.account_id(role, currency))
    if found is not None:
        return found
    new = accounts.system(role, currency, uow.now)
    uow.add(new)
    return new
