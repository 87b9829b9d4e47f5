"""Money that went the wrong way: taken back, found to be owed, or moved between the system's own accounts."""

from contracts.ledger import MoveInternally, PostingView, TakeBack, TakenView
from workers.ledger import accounts, chart, journal
from workers.ledger.accounts import Account, wallet
from workers.ledger.handlers import handlers
from workers.runtime.needs import rows
from workers.runtime.unit_of_work import UnitOfWork

__all__ = ["handlers"]


@handlers.command(
    TakeBack,
    needs=lambda c: [
        rows(
            Account,
            c.account_id,
            chart.receivable_id(c.account_id, c.currency),
            chart.account_id(chart.CLEARING, c.currency),
        )
    ],
)
def take_back(command: TakeBack, uow: UnitOfWork) -> TakenView:
    """Take what is there, whatever the wallet's status; the rest is owed from now on."""
    account = wallet(uow.find(Account, command.account_id))
    clearing = journal.system_account(uow, chart.CLEARING, command.currency)
    taken = min(max(account.available, 0), command.amount)
    if taken:
        clearing = journal.post(uow, account, clearing, taken, command.kind).credit
    owed = command.amount - taken
    if owed:
        journal.post(uow, _receivable(uow, command), clearing, owed, command.kind, number=1)
    return TakenView(taken=taken, receivable=owed)


@handlers.command(
    MoveInternally,
    needs=lambda c: [rows(Account, *(chart.account_id(role, c.currency) for role in (c.debit, c.credit)))],
)
def move_internally(command: MoveInternally, uow: UnitOfWork) -> PostingView:
    """Both accounts are this process's own stripes."""
    debit = journal.system_account(uow, command.debit, command.currency)
    credit = journal.system_account(uow, command.credit, command.currency)
    posted = journal.post(uow, debit, credit, command.amount, command.kind)
    return PostingView(movement_id=posted.movement.id, account_id=posted.credit.id)


def _receivable(uow: UnitOfWork, command: TakeBack) -> Account:
    found = uow.find(Account, chart.receivable_id(command.account_id, command.currency))
    if found is not None:
        return found
    new = accounts.receivable(command.account_id, command.currency, uow.now)
    uow.add(new)
    return new
