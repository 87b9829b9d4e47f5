"""Identity over HTTP."""

from contracts.identity import (
    ArchiveRole,
    AssignRoles,
    BeginTotp,
    ChangePassword,
    ConfirmTotp,
    CreateRole,
    ForgetPassword,
    GetMe,
    GetRole,
    GetSigningKeys,
    ListPermissions,
    ListRoles,
    ListSessions,
    LogIn,
    LogOut,
    PurgeArchivedRoles,
    PurgeRole,
    Refresh,
    Register,
    RemoveTotp,
    ResetPassword,
    RestoreArchivedRoles,
    RestoreRole,
    RevokeSession,
    UpdateRole,
)
from gateway.answers import signing_keys
from gateway.edge import Routes

routes = Routes("Identity")
routes.says("POST /v1/auth/register", Register, creates="/v1/users", limit="register")
routes.says("POST /v1/auth/login", LogIn, limit="login")
routes.says("POST /v1/auth/refresh", Refresh, limit="refresh")
routes.says("POST /v1/auth/logout", LogOut, scope="sessions:delete")
routes.asks("GET /v1/auth/sessions", ListSessions, scope="sessions:read")
routes.says("DELETE /v1/auth/sessions/{session_id}", RevokeSession, scope="sessions:delete")
routes.says("POST /v1/auth/password", ChangePassword, scope="profile:update", limit="password")
routes.says("POST /v1/auth/password/forgot", ForgetPassword, limit="reset")
routes.says("POST /v1/auth/password/reset", ResetPassword, limit="reset")
routes.says("POST /v1/auth/totp", BeginTotp, scope="profile:update", limit="totp")
routes.says("POST /v1/auth/totp/confirm", ConfirmTotp, scope="profile:update", limit="totp")
routes.says("DELETE /v1/auth/totp", RemoveTotp, scope="profile:update", limit="totp")
routes.asks("GET /v1/auth/me", GetMe, scope="profile:read")
routes.asks("GET /.well-known/jwks.json", GetSigningKeys, endpoint=signing_keys)

routes.says("PUT /v1/users/{user_id}/roles", AssignRoles, scope="roles:assign")
routes.asks("GET /v1/permissions", ListPermissions, scope="permissions:read")
routes.asks("GET /v1/roles", ListRoles, scope="roles:read")
routes.says("POST /v1/roles", CreateRole, creates=True, scope="roles:create")
routes.says("POST /v1/roles/archived/restore", RestoreArchivedRoles, scope="roles:update")
routes.says("DELETE /v1/roles/archived", PurgeArchivedRoles, scope="roles:delete")
routes.asks("GET /v1/roles/{role_id}", GetRole, scope="roles:read")
routes.says("PATCH /v1/roles/{role_id}", UpdateRole, scope="roles:update")
routes.says("DELETE /v1/roles/{role_id}", PurgeRole, scope="roles:delete")
routes.says("POST /v1/roles/{role_id}/archive", ArchiveRole, scope="roles:update")
routes.says("POST /v1/roles/{role_id}/restore", RestoreRole, scope="roles:update")
