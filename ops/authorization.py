"""The page that says who may do what: every route and every built-in role, from what the routes declare."""

from collections.abc import Iterator

from contracts.identity import CUSTOMER, ROLES
from gateway.edge import Route
from gateway.routes import TABLES

OPEN, REFUSED, NOBODY = "open", "–", "401"
OWN, ANY, YES = "own", "any", "yes"
PEOPLE = ("customer", "merchant", "support", "operator", "admin")
assert set(PEOPLE) == ROLES.keys()

HEAD = f"""\
# Who may do what

Made by `./dev generate` from the routes and the built-in roles, and walked by
`tests/gateway/standing/test_authorization.py`, which holds every cell against a running gateway. Custom roles are sets
of the same permissions.

- `{OPEN}`: nobody has to say who they are.
- `{NOBODY}`: without a good access token: with none, or one that is expired, forged, revoked or meant for others.
- `{OWN}`: one's own things; anybody else's are answered like things that don't exist (404).
- `{ANY}`: everybody's things, by the permission `<scope>_any`.
- `{YES}`: there is no owner to ask about.
- `{REFUSED}`: 403 `permission_denied`.

The scope is checked in one place at the edge (`gateway/caller.py`), ownership in the workers' handlers and queries.
"""


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join([HEAD, *_tables()])


def expected(route: Route) -> list[str]:
    """What nobody, and then each of `PEOPLE`, may do here."""
    if route.scope is None:
        return [OPEN] * (1 + len(PEOPLE))
    return [NOBODY, *(_cell(route.scope, frozenset(ROLES[role])) for role in PEOPLE)]


def _cell(scope: str, allowed: frozenset[str]) -> str:
    if f"{scope}_any" in allowed:
        return ANY
    if scope not in allowed:
        return REFUSED
    return OWN if scope in CUSTOMER else YES


def _tables() -> Iterator[str]:
    for table in TABLES:
        yield f"## {table.group}\n"
        yield f"| route | scope | nobody | {' | '.join(PEOPLE)} |"
        yield "|---" * (3 + len(PEOPLE)) + "|"
        for route in table:
            scope = f"`{route.scope}`" if route.scope else ""
            yield f"| `{route.name}` | {scope} | {' | '.join(expected(route))} |"
        yield ""
