"""Identity over HTTP."""

from contracts.identity import GetMe, GetSigningKeys, LogIn, Register
from gateway.answers import signing_keys
from gateway.edge import Routes

routes = Routes("Identity")
routes.says("POST /v1/auth/register", Register, creates=True, limit="register")
routes.says("POST /v1/auth/login", LogIn, limit="login")
routes.asks("GET /v1/auth/me", GetMe, scope="profile:read")
routes.asks("GET /.well-known/jwks.json", GetSigningKeys, endpoint=signing_keys)
