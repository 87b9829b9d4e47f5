"""Wallets and their statements over HTTP."""

from contracts.ledger import (
    CloseWallet,
    FreezeWallet,
    GetWallet,
    ListMovements,
    ListReceivables,
    ListWallets,
    OpenWallet,
    RenameWallet,
    UnfreezeWallet,
)
from gateway.edge import Routes

routes = Routes("Wallets")
routes.says("POST /v1/wallets", OpenWallet, creates=True, scope="wallets:create")
routes.asks("GET /v1/wallets", ListWallets, scope="wallets:read")
routes.asks("GET /v1/wallets/{wallet_id}", GetWallet, scope="wallets:read")
routes.says("PATCH /v1/wallets/{wallet_id}", RenameWallet, scope="wallets:update")
routes.asks("GET /v1/wallets/{wallet_id}/movements", ListMovements, csv=True, scope="wallets:read")
routes.says("POST /v1/wallets/{wallet_id}/freeze", FreezeWallet, scope="wallets:update")
routes.says("POST /v1/wallets/{wallet_id}/unfreeze", UnfreezeWallet, scope="wallets:update")
routes.says("POST /v1/wallets/{wallet_id}/close", CloseWallet, scope="wallets:update")
routes.asks("GET /v1/ops/receivables", ListReceivables, scope="receivables:read")
