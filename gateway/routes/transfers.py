"""Transfers over HTTP."""

from contracts.transfers import GetTransfer, ListTransfers, RequestTransfer
from gateway.edge import Routes

routes = Routes("Transfers")
routes.says("POST /v1/transfers", RequestTransfer, creates=True, money=True, scope="transfers:create")
routes.asks("GET /v1/transfers", ListTransfers, scope="transfers:read")
routes.asks("GET /v1/transfers/{transfer_id}", GetTransfer, scope="transfers:read")
