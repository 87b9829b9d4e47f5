"""Withdrawals over HTTP."""

from contracts.withdrawals import (
    CancelWithdrawal,
    GetWithdrawal,
    ListWithdrawals,
    RequestWithdrawal,
    ResolveWithdrawal,
)
from gateway.edge import Routes

routes = Routes("Withdrawals")
routes.says("POST /v1/withdrawals", RequestWithdrawal, creates=True, money=True, scope="withdrawals:create")
routes.asks("GET /v1/withdrawals", ListWithdrawals, scope="withdrawals:read")
routes.asks("GET /v1/withdrawals/{withdrawal_id}", GetWithdrawal, scope="withdrawals:read")
routes.says("POST /v1/withdrawals/{withdrawal_id}/cancel", CancelWithdrawal, scope="withdrawals:cancel")
routes.says("POST /v1/withdrawals/{withdrawal_id}/resolve", ResolveWithdrawal, scope="withdrawals:resolve")
