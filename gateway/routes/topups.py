"""Top-ups over HTTP."""

from contracts.topups import GetTopUp, ListTopUpMethods, ListTopUps, RequestTopUp, ResolveTopUp, ReverseTopUp
from gateway.edge import Routes

routes = Routes("Top-ups")
routes.says("POST /v1/topups", RequestTopUp, creates=True, money=True, scope="topups:create")
routes.asks("GET /v1/topups", ListTopUps, scope="topups:read")
routes.asks("GET /v1/topups/{topup_id}", GetTopUp, scope="topups:read")
routes.asks("GET /v1/topup-methods", ListTopUpMethods, scope="topups:read")
routes.says("POST /v1/topups/{topup_id}/reverse", ReverseTopUp, money=True, scope="topups:reverse")
routes.says("POST /v1/topups/{topup_id}/resolve", ResolveTopUp, scope="topups:resolve")
