"""Identity: people, their roles and permissions, and the tokens they call with."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, StringConstraints

from contracts.ids import UserId
from contracts.message import Call, Command, Kind, Query, Refusal, SecretText, Text, View

LOCAL_PART_MAX = 64
"""RFC 5321, 4.5.3.1.1."""


def _email(value: str) -> str:
    local, _, host = value.rpartition("@")
    if (
        not local
        or len(local) > LOCAL_PART_MAX
        or "." not in host
        or ".." in value
        or host.startswith(".")
        or host.endswith(".")
    ):
        message = "This is not an e-mail address."
        raise ValueError(message)
    return value.lower()


EmailAddress = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=254, pattern=r"^[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+@[A-Za-z0-9.-]+$"
    ),
    AfterValidator(_email),
]
"""An e-mail address, folded to lower case: two people never differ by case alone."""

Name = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
NewPassword = Annotated[SecretText, StringConstraints(min_length=12, max_length=256)]


class UserView(View):
    """A person as they see themselves."""

    id: UserId
    email: str
    first_name: str
    last_name: str
    status: Literal["active", "archived"]
    roles: list[str]
    created_at: datetime


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
    password: Annotated[SecretText, StringConstraints(max_length=256)]


class GetMe(Query[MeView]):
    """The caller."""


class GetSigningKeys(Query[JwksView]):
    """The public keys; asked by gateways at start and when a token names a key they don't know."""


class FindUserByEmail(Command[UserRef]):
    """Who receives a transfer to this address. Refused with `NotFound` for strangers and archived people."""

    internal = True

    email: EmailAddress


class EmailTaken(Refusal):
    """Somebody has registered with this address before."""

    kind = Kind.CONFLICT
    detail = "An account with this e-mail address exists already."


class PermissionDenied(Refusal):
    """The caller may not do this."""

    kind = Kind.FORBIDDEN
    detail = "You are not allowed to do this."


class CredentialsInvalid(Refusal):
    """The same answer for an unknown address and a wrong password."""

    kind = Kind.UNAUTHENTICATED
    detail = "The e-mail address or the password is wrong."


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
    "topups:create",
    "topups:read",
    "transfers:create",
    "transfers:read",
    "wallets:create",
    "wallets:read",
    "wallets:update",
)
SUPPORT = (
    "api_keys:read_any",
    "cards:read_any",
    "merchants:read_any",
    "operations:read_any",
    "payments:read_any",
    "topups:read_any",
    "transfers:read_any",
    "wallets:read_any",
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
    "reconciliations:act",
    "reconciliations:read",
    "sagas:act",
    "sagas:read",
    "wallets:update_any",
)
ROLES: dict[str, tuple[str, ...]] = {
    "admin": (*CUSTOMER, *OPERATOR),
    "operator": (*CUSTOMER, *OPERATOR),
    "support": (*CUSTOMER, *SUPPORT),
    "merchant": CUSTOMER,
    "customer": CUSTOMER,
}
"""The built-in roles: sets of permissions. `…_any` lets one see or act on other people's things."""
