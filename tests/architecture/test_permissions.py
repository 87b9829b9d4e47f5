"""Permissions are those of the routes: none that opens nothing, none that nobody can have."""

import re

from contracts.identity import ROLES
from gateway.routes import ROUTES

SCOPES = {route.scope for route in ROUTES if route.scope is not None}
NAME = re.compile(r"[a-z_]+:[a-z_]+")


def test_every_scope_is_some_roles() -> None:
    given = {permission.removesuffix("_any") for allowed in ROLES.values() for permission in allowed}
    assert not SCOPES - given, "give it to a role in contracts/identity.py"


def test_the_admin_may_do_all_that_others_may() -> None:
    everything = {permission for allowed in ROLES.values() for permission in allowed}
    assert everything == set(ROLES["admin"])


def test_permissions_have_one_form() -> None:
    assert all(NAME.fullmatch(permission) for allowed in ROLES.values() for permission in allowed)


def test_customers_oversee_nothing() -> None:
    for role in ("customer", "merchant"):
        assert not [permission for permission in ROLES[role] if permission.endswith("_any")]
