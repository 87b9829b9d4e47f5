"""Identity: people, their roles and permissions, and the tokens they call with."""

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from contracts.ids import RoleId, SessionId, UserId
from contracts.message import (
    Call,
    Change,
    Command,
    CountView,
    Event,
    Kind,
    Nothing,
    Query,
    Reason,
    Refusal,
    Secret,
    SecretText,
    Text,
    View,
)
from contracts.pages import Moment, PageOf

LOCAL_PART_MAX = 64
"""RFC 5321, 4.5.3.1.1."""


def _email(value: str) -> str:
    local, _, host = value.rpartition("@")
    if (
        not local
        or len(local) > LOCAL_PART_MAX
        or "." not in host
        or ".." in value
        or local.startswith(".")
        or local.endswith(".")
        or any(not label or label.startswith("-") or label.endswith("-") for label in host.split("."))
    ):
        message = "This is not an e-mail address."
        raise ValueError(message)
    # However the letters were typed, it is one address (RFC 6532, 3.1); folding more would merge what are two.
    return unicodedata.normalize("NFC", value.lower())


EmailAddress = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=254, pattern=r"^[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+@[A-Za-z0-9.-]+$"
    ),
    AfterValidator(_email),
]
"""An e-mail address, folded to lower case: two people never differ by case alone."""

Name = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
OldPassword = Annotated[SecretText, StringConstraints(max_length=256)]
NewPassword = Annotated[SecretText, StringConstraints(min_length=12, max_length=256)]
RoleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,39}$")]
RoleDescription = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Permission = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}:[a-z_]{1,40}$")]
Permissions = Annotated[list[Permission], Field(max_length=200)]
Version = Annotated[int, Field(strict=True, ge=1)]


UserStatus = Literal["active", "archived"]


class UserView(View):
    """A person as they see themselves. `version` counts the changes; it is the ETag, too."""

    id: UserId
    email: str
    first_name: str
    last_name: str
    status: UserStatus
    roles: list[str]
    created_at: datetime
    archived_at: datetime | None = None
    version: int = 1


class MeView(UserView):
    """The caller, with what they may do."""

    permissions: list[str]


class TokensView(View):
    """RFC 6749 token response. `access_token` is an EdDSA JWT (RFC 8037, RFC 9068), `expires_in` in seconds."""

    access_token: SecretText
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int
    refresh_token: SecretText | None = None


class JwksView(View):
    """RFC 7517 key set with the public keys that verify access tokens."""

    keys: list[dict[str, Any]]


class UserRef(View):
    """Who stands behind an e-mail address: nothing more than the id."""

    user_id: UserId


class Register(Call[UserView]):
    """Make a new customer."""

    email: EmailAddress
    password: NewPassword
    first_name: Name
    last_name: Name


class LogIn(Call[TokensView]):
    """Trade credentials for tokens."""

    email: EmailAddress
    password: OldPassword
    totp: Annotated[SecretText, StringConstraints(max_length=64)] | None = None
    """What an authenticator shows now, or a recovery code."""


class ChangePassword(Call[Nothing]):
    """Replace the caller's own password; their other sessions end."""

    current_password: OldPassword
    new_password: NewPassword


class ForgetPassword(Call[Nothing]):
    """Have a token for `ResetPassword` mailed, if somebody has this address; the answer doesn't tell."""

    email: EmailAddress


class ResetPassword(Call[Nothing]):
    """Replace the password of whoever the token was mailed to; all of their sessions end. A token works once."""

    token: Annotated[SecretText, StringConstraints(max_length=256)]
    new_password: NewPassword


class SendPasswordReset(Command[Nothing]):
    """Mail the token, retried until it is sent. The token is worked out when it is: no message ever holds it."""

    internal = True
    slow = True

    email: EmailAddress


class TotpView(View):
    """RFC 6238: the secret in base32, the same as a URI for a QR code, and recovery codes. They are shown only now."""

    secret: SecretText
    otpauth_uri: SecretText
    recovery_codes: Annotated[list[str], Secret()]


class BeginTotp(Call[TotpView]):
    """Make a secret for the caller's authenticator. Logging in asks for codes once `ConfirmTotp` has seen one."""


class ConfirmTotp(Call[Nothing]):
    """Prove that the authenticator works."""

    code: Annotated[SecretText, StringConstraints(max_length=64)]


class RemoveTotp(Call[Nothing]):
    """Log in without codes again."""

    password: OldPassword


class Refresh(Call[TokensView]):
    """Trade a refresh token for a new pair. It works once: using it again ends the session (RFC 9700, 4.14.2)."""

    refresh_token: Annotated[SecretText, StringConstraints(max_length=256)]


class LogOut(Call[Nothing]):
    """End the caller's own session."""


class RevokeSession(Call[Nothing]):
    """End one of the caller's sessions. Raises `NotFound`."""

    session_id: SessionId


class SessionView(View):
    """Where somebody is logged in. `device` is what their client called itself; `current` is the one that asks."""

    id: SessionId
    device: str | None = None
    address: str | None = None
    current: bool
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


class ListSessions(PageOf[SessionView]):
    """The caller's open sessions, newest first."""


class RoleView(View):
    """A set of permissions with a name. Built-in ones can't be changed; an archived one allows nothing."""

    id: RoleId
    name: str
    description: str | None = None
    permissions: list[str]
    status: Literal["active", "archived"]
    builtin: bool
    version: int
    created_at: datetime | None = None


class CreateRole(Command[RoleView]):
    """A new role, with permissions that the caller has. Raises `RoleNameTaken`, `PermissionUnknown`, `BeyondOwn`."""

    name: RoleName
    description: RoleDescription | None = None
    permissions: Permissions


class UpdateRole(Change[RoleView]):
    """Change what is said; what is not stays. Nobody adds or takes what they don't have themselves.

    Raises `VersionConflict` where `version` is not the role's, `RoleBuiltin`, `BeyondOwn`.
    """

    role_id: RoleId
    description: RoleDescription | None = None
    permissions: Permissions | None = None
    version: Version | None = None


class ArchiveRole(Command[RoleView]):
    """It allows nothing any more, and can be restored. Again is harmless. Raises `RoleBuiltin`, `BeyondOwn`."""

    role_id: RoleId


class RestoreRole(Command[RoleView]):
    """It allows again what it did. Again is harmless. Raises `BeyondOwn`."""

    role_id: RoleId


class PurgeRole(Command[Nothing]):
    """Remove an archived role for good; its name is never used again. Raises `NotArchived`, `BeyondOwn`."""

    role_id: RoleId


class RestoreArchivedRoles(Command[CountView]):
    """All archived roles that the caller may restore."""


class PurgeArchivedRoles(Command[CountView]):
    """All archived roles that the caller may purge."""


class GetRole(Query[RoleView]):
    """One role."""

    role_id: RoleId


class ListRoles(PageOf[RoleView]):
    """The roles that were made here, newest first, then the built-in ones."""

    status: Literal["active", "archived"] | None = None
    include: Literal["archived"] | None = None


class ListPermissions(PageOf[str]):
    """Everything that a role can allow, by name."""

    limit: Annotated[int, Field(ge=1, le=100)] = 100


class AssignRoles(Command[UserView]):
    """Give somebody just these roles. Nobody gives or takes what they don't have themselves.

    Raises `NotFound`, also for whoever is purged, `RoleUnknown`, `BeyondOwn`, `LastAdmin`, and `VersionConflict` where
    `version` is not the user's.
    """

    user_id: UserId
    roles: Annotated[list[RoleName], Field(max_length=20)]
    version: Version | None = None


class RoleGrant(View):
    """What a role allows: nothing, once archived or purged. The higher `version` is the newer one."""

    name: str
    permissions: list[str]
    version: int


class UserGrant(View):
    """Which roles somebody has now, and whether they may act at all. The higher `version` is the newer one."""

    user_id: UserId
    roles: list[str]
    active: bool
    version: int


class AccessView(View):
    """What gateways must know to believe tokens that were issued before something changed.

    `roles` are all that were ever made here. `users` and `sessions` changed or ended within an access token's lifetime.
    """

    roles: list[RoleGrant]
    users: list[UserGrant]
    sessions: list[SessionId]


class GetAccess(Query[AccessView]):
    """Asked by gateways at start and whenever they may have missed an event."""


class SessionsRevoked(Event):
    """Access tokens of these sessions are not to be believed any more."""

    sessions: list[SessionId]


class UserAccessChanged(Event):
    """Somebody may do more or less than before."""

    grant: UserGrant


class RoleChanged(Event):
    """A role allows more or less than before."""

    grant: RoleGrant


class GetMe(Query[MeView]):
    """The caller."""


class GetSigningKeys(Query[JwksView]):
    """The public keys; asked by gateways at start and when a token names a key they don't know."""


class FindUserByEmail(Command[UserRef]):
    """Who receives a transfer to this address. Refused with `NotFound` for strangers and archived people."""

    internal = True

    email: EmailAddress


class GetUser(Query[UserView]):
    """One person: the caller, or anybody for those who oversee. Purged people are nobody."""

    user_id: UserId


class ListUsers(PageOf[UserView]):
    """People, newest first; those who don't oversee find only themselves. `created_to` is exclusive.

    `search` looks for a part of the e-mail address or of the whole name, whatever its case. Archived people come only
    with `include=archived` or `status=archived`.
    """

    search: Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    status: UserStatus | None = None
    include: Literal["archived"] | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None


class CreateUser(Call[UserView]):
    """Make a customer. Who is given no password is mailed a token to choose one. Raises `EmailTaken`."""

    email: EmailAddress
    password: NewPassword | None = None
    first_name: Name
    last_name: Name


class UpdateUser(Command[UserView]):
    """Change what is said; `version` is the one that the change was made from.

    Raises `NotFound`, `VersionConflict`, `EmailTaken`, `UserInactive`, and `PermissionDenied` to those who may do less
    than the person whom they change.
    """

    user_id: UserId
    email: EmailAddress | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    version: Version | None = None


class ArchiveUser(Command[UserView]):
    """Nobody archived logs in, is found or does anything; their money stays. Raises `LastAdmin`, `PermissionDenied`.

    Their cards pay nothing and their merchants take nothing, as soon as these domains have heard of it.
    """

    user_id: UserId
    reason: Reason | None = None


class RestoreUser(Command[UserView]):
    """The opposite of `ArchiveUser`: cards and merchants are what they were; whoever is restored logs in afresh."""

    user_id: UserId
    reason: Reason | None = None


class PurgeUser(Command[Nothing]):
    """Forget an archived person for good. Raises `NotArchived`.

    Where the ledger knows them, their movements stay, of somebody without a name.
    """

    user_id: UserId
    reason: Reason | None = None


class RestoreArchivedUsers(Command[CountView]):
    """Restore everybody who is archived, except those who may do more than the caller.

    `count` is how many that are. Of very many some are restored after the answer, lot by lot.
    """

    slow = True

    reason: Reason | None = None


class PurgeArchivedUsers(Command[CountView]):
    """Purge everybody who is archived, except those who may do more than the caller. As `RestoreArchivedUsers`."""

    slow = True

    reason: Reason | None = None


class RestoreMoreUsers(Command[Nothing]):
    """The next lot of `RestoreArchivedUsers`: who comes after this id."""

    internal = True
    slow = True

    after: UserId
    reason: Reason | None = None


class PurgeMoreUsers(Command[Nothing]):
    """The next lot of `PurgeArchivedUsers`: who comes after this id."""

    internal = True
    slow = True

    after: UserId
    reason: Reason | None = None


class RemoveUser(Command[Nothing]):
    """Forget where somebody purged has been, and unless `keep_id` that there was anybody. Again is harmless.

    Very many sessions are forgotten lot by lot, by sending this again.
    """

    internal = True
    slow = True

    user_id: UserId
    keep_id: bool


class UserArchived(Event):
    """Somebody may do nothing any more, until restored. Of two words on a person the higher `version` is newer."""

    user_id: UserId
    version: int = 1


class UserRestored(Event):
    """Somebody may do again what they could. `version` as in `UserArchived`."""

    user_id: UserId
    version: int = 1


class UserPurged(Event):
    """Somebody is gone for good: whatever would still act for them must not. `version` as in `UserArchived`."""

    user_id: UserId
    version: int = 1


class UserInactive(Refusal):
    """An archived person only changes by being restored."""

    kind = Kind.CONFLICT
    detail = "This person is archived; restore them first."


class LastAdmin(Refusal):
    """Without an admin nobody could make one."""

    kind = Kind.CONFLICT
    detail = "This is the last admin; make another one first."


class EmailTaken(Refusal):
    """Somebody has registered with this address before."""

    kind = Kind.CONFLICT
    detail = "An account with this e-mail address exists already."


class PermissionDenied(Refusal):
    """The caller may not do this."""

    kind = Kind.FORBIDDEN
    detail = "You are not allowed to do this."


class TokenInvalid(Refusal):
    """Unknown, expired, or of a session that has ended."""

    kind = Kind.UNAUTHENTICATED
    detail = "The token is not valid, or not any more. Log in again."


class TokenReused(Refusal):
    """A refresh token came a second time, so somebody else has it as well."""

    kind = Kind.UNAUTHENTICATED
    detail = "This refresh token was used before. Its session has been ended; log in again."


class BeyondOwn(Refusal):
    """Nobody gives, takes or changes what they may not do themselves."""

    kind = Kind.FORBIDDEN
    detail = "This takes permissions that you don't have yourself."

    @classmethod
    def code(cls) -> str:
        """For who asks it is a permission like any other."""
        return "permission_denied"


class RoleNameTaken(Refusal):
    """There is, or was, a role of this name."""

    kind = Kind.CONFLICT
    detail = "There is a role of this name already, or there was one."


class RoleBuiltin(Refusal):
    """The built-in roles are what they are."""

    kind = Kind.CONFLICT
    detail = "This role is built in and can't be changed."


class RoleUnknown(Refusal):
    """No active role has this name."""

    kind = Kind.INVALID
    detail = "There is no active role of this name."


class PermissionUnknown(Refusal):
    """No route asks for this permission."""

    kind = Kind.INVALID
    detail = "There is no such permission."


class CredentialsInvalid(Refusal):
    """The same answer for an unknown address and a wrong password."""

    kind = Kind.UNAUTHENTICATED
    detail = "The e-mail address or the password is wrong."


class PasswordTooCommon(Refusal):
    """It would be guessed: many people have it, it is a pattern, or it is made of the person's own name or address."""

    kind = Kind.INVALID
    detail = "This password is too easy to guess. Choose one that is no common word, pattern or name of yours."


class TotpRequired(Refusal):
    """The password is right, and a code is needed as well."""

    kind = Kind.UNAUTHENTICATED
    detail = "This account asks for a code of its authenticator, or a recovery code, in `totp`."


class TotpInvalid(Refusal):
    """The code is wrong, out of date, or was used before."""

    kind = Kind.UNAUTHENTICATED
    detail = "The code is wrong, has expired, or was used before."


class TotpEnabled(Refusal):
    """There is an authenticator already."""

    kind = Kind.CONFLICT
    detail = "An authenticator is set up already. Remove it first."


class TotpNotBegun(Refusal):
    """There is nothing to confirm."""

    kind = Kind.CONFLICT
    detail = "No authenticator is being set up."


class ResetTokenInvalid(Refusal):
    """Forged, used, superseded or too old: which of these is not told."""

    kind = Kind.UNAUTHENTICATED
    detail = "This token is not valid, or not any more. Ask for a new one."


class LockedOut(Refusal):
    """Too many failures: for a while nothing is tried, be it right or wrong."""

    kind = Kind.TOO_MANY
    detail = "There were too many failed attempts. Try again later."


MERCHANT = (
    "api_keys:create",
    "api_keys:read",
    "api_keys:revoke",
    "merchants:create",
    "merchants:read",
    "merchants:update",
    "payments:capture",
    "payments:create",
    "payments:read",
    "payments:refund",
    "payments:void",
)
"""What owning a merchant takes. Anybody may own one, and pass on to its keys what they may do themselves."""

CUSTOMER = (
    *MERCHANT,
    "cards:create",
    "cards:delete",
    "cards:read",
    "cards:update",
    "operations:read",
    "profile:read",
    "sessions:delete",
    "sessions:read",
    "profile:update",
    "topups:create",
    "topups:read",
    "transfers:create",
    "transfers:read",
    "users:read",
    "users:update",
    "wallets:create",
    "wallets:read",
    "wallets:update",
    "withdrawals:cancel",
    "withdrawals:create",
    "withdrawals:read",
)
SUPPORT = (
    "api_keys:read_any",
    "cards:read_any",
    "merchants:read_any",
    "operations:read_any",
    "payments:read_any",
    "permissions:read",
    "roles:read",
    "topups:read_any",
    "transfers:read_any",
    "users:read_any",
    "wallets:read_any",
    "withdrawals:read_any",
)
OPERATOR = (
    *SUPPORT,
    "api_keys:revoke_any",
    "audit:read",
    "cards:delete_any",
    "cards:update_any",
    "dead_letters:act",
    "dead_letters:read",
    "ledger:verify",
    "merchants:approve",
    "merchants:update_any",
    "receivables:read",
    "reconciliations:act",
    "reconciliations:read",
    "sagas:act",
    "sagas:read",
    "topups:resolve",
    "topups:reverse",
    "users:archive_any",
    "users:create",
    "users:delete_any",
    "users:update_any",
    "wallets:update_any",
    "withdrawals:cancel_any",
    "withdrawals:resolve",
)
ADMIN = (
    "roles:assign",
    "roles:create",
    "roles:delete",
    "roles:update",
)
ROLES: dict[str, tuple[str, ...]] = {
    "admin": (*CUSTOMER, *OPERATOR, *ADMIN),
    "operator": (*CUSTOMER, *OPERATOR),
    "support": (*CUSTOMER, *SUPPORT),
    "merchant": CUSTOMER,
    "customer": CUSTOMER,
}
"""The built-in roles: sets of permissions. `…_any` lets one see or act on other people's things."""
PERMISSIONS = frozenset(permission for granted in ROLES.values() for permission in granted)
"""All there are: the admin's, and with them everybody's."""
