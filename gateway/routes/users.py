"""People over HTTP: their own profile, and everybody's for those who oversee them."""

from contracts.identity import (
    ArchiveUser,
    CreateUser,
    GetUser,
    ListUsers,
    PurgeArchivedUsers,
    PurgeUser,
    RestoreArchivedUsers,
    RestoreUser,
    UpdateUser,
)
from gateway.edge import Routes

routes = Routes("Users")
routes.says("POST /v1/users", CreateUser, creates=True, scope="users:create")
routes.asks("GET /v1/users", ListUsers, scope="users:read")
routes.asks("GET /v1/users/{user_id}", GetUser, scope="users:read")
routes.says("PATCH /v1/users/{user_id}", UpdateUser, scope="users:update")
routes.says("POST /v1/users/{user_id}/archive", ArchiveUser, scope="users:archive")
routes.says("POST /v1/users/{user_id}/restore", RestoreUser, scope="users:archive")
routes.says("DELETE /v1/users/{user_id}", PurgeUser, scope="users:delete")
routes.says("POST /v1/users/archived/restore", RestoreArchivedUsers, scope="users:archive")
routes.says("DELETE /v1/users/archived", PurgeArchivedUsers, scope="users:delete")
