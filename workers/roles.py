"""Who hosts what: every domain with its handlers, queries and sagas."""

from contracts.topology import DOMAINS
from workers.callbacks import handlers as callbacks_handlers
from workers.cards import queries as cards_queries
from workers.cards import reactions as cards_handlers
from workers.identity import handlers as identity_handlers
from workers.identity import password_handlers, role_handlers, session_handlers, totp_handlers
from workers.identity import queries as identity_queries
from workers.ledger import corrections as ledger_handlers
from workers.ledger import queries as ledger_queries
from workers.merchants import queries as merchants_queries
from workers.merchants import reactions as merchants_handlers
from workers.operations import handlers as operations_handlers
from workers.operations import queries as operations_queries
from workers.payments import handlers as payments_handlers
from workers.payments import queries as payments_queries
from workers.reconciliation import handlers as reconciliation_handlers
from workers.reconciliation import queries as reconciliation_queries
from workers.runtime.roster import Domain
from workers.sagas.capture_payment import CapturePayment
from workers.sagas.correct_top_up import CorrectTopUpBooks
from workers.sagas.correct_withdrawal import CorrectWithdrawalBooks
from workers.sagas.forget_user import ForgetUser
from workers.sagas.issue_wallet_card import IssueWalletCard
from workers.sagas.pay_merchant import PayMerchant
from workers.sagas.refund_payment import RefundPayment
from workers.sagas.release_payment import ReleasePayment
from workers.sagas.take_on_merchant import TakeOnMerchant
from workers.sagas.top_up_wallet import TopUpWallet
from workers.sagas.transfer_money import TransferMoney
from workers.sagas.withdraw_money import WithdrawMoney
from workers.topups import queries as topups_queries
from workers.topups import reactions as topups_handlers
from workers.transfers import handlers as transfers_handlers
from workers.transfers import queries as transfers_queries
from workers.withdrawals import queries as withdrawals_queries
from workers.withdrawals import reactions as withdrawals_handlers

ALL: dict[str, Domain] = {
    "identity": Domain(
        identity_handlers.handlers.including(
            session_handlers.handlers, role_handlers.handlers, password_handlers.handlers, totp_handlers.handlers
        ),
        identity_queries.queries,
        (ForgetUser,),
    ),
    "ledger": Domain(ledger_handlers.handlers, ledger_queries.queries),
    "topups": Domain(topups_handlers.handlers, topups_queries.queries, (TopUpWallet, CorrectTopUpBooks)),
    "transfers": Domain(transfers_handlers.handlers, transfers_queries.queries, (TransferMoney,)),
    "cards": Domain(cards_handlers.handlers, cards_queries.queries, (IssueWalletCard,)),
    "merchants": Domain(merchants_handlers.handlers, merchants_queries.queries, (TakeOnMerchant,)),
    "payments": Domain(
        payments_handlers.handlers,
        payments_queries.queries,
        (PayMerchant, CapturePayment, ReleasePayment, RefundPayment),
    ),
    "reconciliation": Domain(reconciliation_handlers.handlers, reconciliation_queries.queries),
    "withdrawals": Domain(
        withdrawals_handlers.handlers, withdrawals_queries.queries, (WithdrawMoney, CorrectWithdrawalBooks)
    ),
    "callbacks": Domain(callbacks_handlers.handlers),
    "operations": Domain(operations_handlers.handlers, operations_queries.queries),
}
assert tuple(ALL) == DOMAINS


def chosen(names: list[str]) -> list[Domain]:
    """The domains of these names; `all` is every one. Raises `KeyError`."""
    return list(ALL.values()) if "all" in names else [ALL[name] for name in dict.fromkeys(names)]
