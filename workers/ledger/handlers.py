"""The ledger's commands: wallets for people, and holds, captures and credits for sagas."""

from collections.abc import Callable, Iterator

from contracts.ledger import (
    AccountRef,
    CheckWallet,
    CloseWallet,
    CreditWallet,
    FindHistory,
    FindWallet,
    FreezeWallet,
    HistoryView,
    HoldView,
    Leg,
    OpenSettlementWallet,
    OpenWallet,
    PlaceHold,
    PostingView,
    PostRefund,
    ReleaseHold,
    RenameWallet,
    SelfTransfer,
    SettleHold,
    UnfreezeWallet,
    VerificationView,
    VerifyLedger,
    WalletView,
)
from contracts.message import NotFound
from contracts.money import Currency
from workers.ledger import accounts, chart, holds, journal, postings, verifications
from workers.ledger.accounts import Account, wallet
from workers.ledger.holds import Hold
from workers.ledger.verifications import Verification
from workers.runtime.handlers import Handlers
from workers.runtime.needs import matching, rows
from workers.runtime.unit_of_work import UnitOfWork

handlers = Handlers("ledger")


@handlers.command(OpenWallet)
def open_wallet(command: OpenWallet, uow: UnitOfWork) -> WalletView:
    """Open an empty wallet for the caller."""
    account = accounts.opened(uow.id("wal"), uow.caller.principal, command.currency, command.label, uow.now)
    uow.add(account)
    uow.audit(account.id, after=account.audited())
    return account.view()


@handlers.command(VerifyLedger, prepare=verifications.examined)
def verify_ledger(_command: VerifyLedger, uow: UnitOfWork) -> VerificationView:
    """Keep what was found. Raises `VerificationRunning`."""
    report, started_at, finished_at = uow.prepared
    found = Verification.of(report, started_at, finished_at, key=uow.id("ver"))
    uow.add(found)
    uow.audit(found.id, after={"sound": found.sound, "violations": report.violations})
    return found.view()


@handlers.command(RenameWallet, needs=lambda c: [rows(Account, c.wallet_id)])
def rename_wallet(command: RenameWallet, uow: UnitOfWork) -> WalletView:
    """Raises `NotFound`, `WalletClosed`."""
    return _change(uow, command.wallet_id, lambda account: account.renamed(command.label))


@handlers.command(FreezeWallet, needs=lambda c: [rows(Account, c.wallet_id)])
def freeze_wallet(command: FreezeWallet, uow: UnitOfWork) -> WalletView:
    """No change if it is frozen already. Raises `NotFound`, `WalletClosed`."""
    return _change(uow, command.wallet_id, lambda account: account.frozen(uow.caller))


@handlers.command(UnfreezeWallet, needs=lambda c: [rows(Account, c.wallet_id)])
def unfreeze_wallet(command: UnfreezeWallet, uow: UnitOfWork) -> WalletView:
    """No change if it is active. Raises `NotFound`, `WalletClosed`, `PermissionDenied`."""
    return _change(uow, command.wallet_id, lambda account: account.unfrozen(uow.caller))


@handlers.command(CloseWallet, needs=lambda c: [rows(Account, c.wallet_id)])
def close_wallet(command: CloseWallet, uow: UnitOfWork) -> WalletView:
    """No change if it is closed already. Raises `NotFound`, `WalletNotEmpty`, `WalletFrozen`."""
    return _change(uow, command.wallet_id, lambda account: account.closed(uow.caller))


@handlers.command(FindWallet, needs=lambda c: [matching(Account, owner=c.owner, currency=c.currency)])
def find_wallet(command: FindWallet, uow: UnitOfWork) -> AccountRef:
    """The owner's oldest active wallet. Raises `NotFound`."""
    theirs = uow.matching(Account, owner=command.owner, currency=command.currency)
    active = [account for account in theirs if account.is_wallet and account.status == "active"]
    if not active:
        raise NotFound
    oldest = min(active, key=lambda account: (account.created_at, account.id))
    return AccountRef(account_id=oldest.id, currency=command.currency)


@handlers.command(OpenSettlementWallet, needs=lambda c: [rows(Account, c.wallet_id)])
def open_settlement_wallet(command: OpenSettlementWallet, uow: UnitOfWork) -> AccountRef:
    """A wallet like any other of its owner's; no change if it is there already."""
    known = uow.find(Account, command.wallet_id)
    assert known is None or (known.owner, known.currency) == (command.owner, command.currency), "one wallet, two owners"
    if known is None:
        uow.add(accounts.opened(command.wallet_id, command.owner, command.currency, command.label, uow.now))
    return AccountRef(account_id=command.wallet_id, currency=command.currency)


@handlers.command(CheckWallet, needs=lambda c: [rows(Account, c.account_id)])
def check_wallet(command: CheckWallet, uow: UnitOfWork) -> AccountRef:
    """Raises `NotFound`, `WalletFrozen`, `WalletClosed`, `CurrencyMismatch`."""
    account = _of(command.owner, uow.find(Account, command.account_id))
    account.must_be_active(command.currency or account.currency)
    return AccountRef(account_id=account.id, currency=account.currency)


@handlers.command(FindHistory, needs=lambda c: [matching(Account, owner=c.owner)])
def find_history(command: FindHistory, uow: UnitOfWork) -> HistoryView:
    """Say whether there is an account of theirs, even an empty one: its row names them for ever."""
    return HistoryView(known=bool(uow.matching(Account, owner=command.owner)))


@handlers.command(
    PlaceHold,
    needs=lambda c: [rows(Account, c.account_id, *([c.to] if c.to else ())), rows(Hold, c.hold_id)],
)
def place_hold(command: PlaceHold, uow: UnitOfWork) -> HoldView:
    """Set money aside. The destination is checked too: a hopeless transfer fails before it holds anything."""
    earlier = uow.find(Hold, command.hold_id)
    if earlier is not None:
        holds.must_be_open(earlier)
    assert earlier is None, "two messages place the same hold"
    if command.account_id == command.to:
        raise SelfTransfer
    source = _of(command.owner, uow.find(Account, command.account_id))
    destination = None if command.to is None else wallet(uow.find(Account, command.to))
    source.must_be_active(command.currency)
    if destination is not None:
        destination.must_receive(command.currency)
    hold, source = holds.place(source, command, uow.operation_id, uow.now)
    uow.add(hold)
    uow.save(source)
    return hold.view(destination and destination.owner)


@handlers.command(
    SettleHold,
    needs=lambda c: [rows(Account, c.account_id, *_accounts_of(c)), rows(Hold, c.hold_id)],
)
def settle_hold(command: SettleHold, uow: UnitOfWork) -> HoldView:
    """Capture a hold, even if its source was frozen since. Destinations are checked again.

    Raises `NotFound`, `HoldCaptured`, `HoldReleased`, `HoldExceeded`; for a destination `WalletFrozen`,
    `WalletClosed`, `WalletBalanceLimit`.
    """
    hold = _hold(uow.get(Hold, command.hold_id), command.account_id)
    source = uow.get(Account, command.account_id)
    hold, source = holds.capture(hold, source, command.legs, uow.now, final=command.final)
    recipient = None
    for number, leg in enumerate(command.legs):
        destination = _destination(uow, leg, hold, source.currency)
        if leg.to == hold.to_account:
            recipient = destination.owner
        posted = journal.post(uow, source, destination, leg.amount, leg.kind, hold_id=hold.id, number=number)
        source = posted.debit
        if leg.fee:
            assert leg.fee <= leg.amount, "a fee is a part of what is paid"
            fees = journal.system_account(uow, chart.FEES, source.currency)
            journal.post(uow, posted.credit, fees, leg.fee, "fee", number=len(command.legs) + number)
    uow.save(hold)
    return hold.view(recipient)


@handlers.command(ReleaseHold, needs=lambda c: [rows(Account, c.account_id), rows(Hold, c.hold_id)])
def release_hold(command: ReleaseHold, uow: UnitOfWork) -> HoldView:
    """Give a hold back. Raises `HoldCaptured`, and `NotFound` for a hold on another account."""
    found = uow.find(Hold, command.hold_id)
    if found is None:
        stone = holds.tombstone(command.hold_id, command.account_id, uow.operation_id, uow.now)
        uow.add(stone)
        return stone.view()
    hold = _hold(found, command.account_id)
    if hold.status in holds.GIVEN_BACK:
        return hold.view()
    hold, source = holds.release(hold, uow.get(Account, hold.account_id), uow.now)
    uow.save(hold)
    uow.save(source)
    return hold.view()


@handlers.command(
    PostRefund,
    needs=lambda c: [rows(Account, c.account_id, c.to, *([chart.account_id(chart.FEES, c.currency)] if c.fee else ()))],
)
def post_refund(command: PostRefund, uow: UnitOfWork) -> PostingView:
    """Give money back, after what the system returns of its fee. Raises what `PlaceHold` does for both ends."""
    if command.account_id == command.to:
        raise SelfTransfer
    source, destination = _of(command.owner, uow.find(Account, command.account_id)), uow.find(Account, command.to)
    source.must_be_active(command.currency)
    destination = wallet(destination)
    destination.must_receive(command.currency)
    if command.fee:
        assert command.fee <= command.amount, "a fee is a part of what was paid"
        fees = journal.system_account(uow, chart.FEES, command.currency)
        source = journal.post(uow, fees, source, command.fee, "fee", number=1).credit
    posted = journal.post(uow, source, destination, command.amount, "refund")
    return PostingView(movement_id=posted.movement.id, account_id=posted.credit.id)


@handlers.command(
    CreditWallet,
    needs=lambda c: [
        rows(
            Account,
            c.account_id,
            chart.account_id(c.source, c.currency),
            chart.account_id(chart.SUSPENSE, c.currency),
        )
    ],
)
def credit_wallet(command: CreditWallet, uow: UnitOfWork) -> PostingView:
    """Post money that has arrived: to the wallet, frozen or not; to suspense if the wallet can't take it."""
    source = journal.system_account(uow, command.source, command.currency)
    found = uow.find(Account, command.account_id)
    if found is None or not _takes(found, command):
        found = journal.system_account(uow, chart.SUSPENSE, command.currency)
    posted = journal.post(uow, source, found, command.amount, command.kind)
    return PostingView(movement_id=posted.movement.id, account_id=posted.credit.id)


def _takes(account: Account, command: CreditWallet) -> bool:
    usable = account.is_wallet and account.status != "closed" and account.currency == command.currency
    return usable and postings.fits(account, command.amount)


def _change(uow: UnitOfWork, key: str, change: Callable[[Account], Account]) -> WalletView:
    account = wallet(uow.find(Account, key))
    if not uow.caller.owns(account.owner):
        raise NotFound
    changed = change(account)
    uow.save(changed)
    uow.audit(key, before=account.audited(), after=changed.audited())
    return changed.view()


def _of(owner: str, found: Account | None) -> Account:
    account = wallet(found)
    if account.owner != owner:
        raise NotFound
    return account


def _hold(hold: Hold, account: str) -> Hold:
    """A hold, verified against the account that its command locked."""
    if hold.account_id != account:
        raise NotFound
    return hold


def _accounts_of(command: SettleHold) -> Iterator[str]:
    """Where its legs go, and their fees: a role of the chart stands for this process's own stripe of it."""
    roles = {leg.to for leg in command.legs if leg.to in chart.ROLES}
    if any(leg.fee for leg in command.legs):
        roles.add(chart.FEES)
    yield from (leg.to for leg in command.legs if leg.to not in chart.ROLES)
    assert not roles or command.currency is not None, "what goes to the chart's accounts needs the currency"
    yield from (chart.account_id(role, command.currency or "") for role in roles)


def _destination(uow: UnitOfWork, leg: Leg, hold: Hold, currency: Currency) -> Account:
    """Where a leg goes: to the wallet that the hold names, or to one of the chart's accounts."""
    if leg.to in chart.ROLES:
        return journal.system_account(uow, leg.to, currency)
    account = uow.get(Account, leg.to)
    if account.is_wallet and leg.to != hold.to_account:
        raise NotFound
    account.must_receive(currency)
    return account
