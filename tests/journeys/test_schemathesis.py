"""The machine-readable contract, held against the running gateway by a machine: made-up requests, true and false."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.edge import Route
from gateway.routes import ROUTES
from tests.people import Person
from tests.system import System

JWKS = "/.well-known/jwks.json"
EXAMPLES = {GenerationMode.POSITIVE: 15, GenerationMode.NEGATIVE: 25}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

# Where nothing can be said, nothing can be said wrongly.
CASES = [
    (route, mode) for route in ROUTES for mode in EXAMPLES if route.path != JWKS or mode is GenerationMode.POSITIVE
]


@pytest.fixture(scope="session")
def system(together: System) -> System:
    """The contract is the gateway's: one arrangement will do."""
    return together


@pytest.fixture(scope="module")
def schema(together: System) -> Any:
    """The contract."""
    return schemathesis.openapi.from_url(f"{together.gateways[0]}/openapi.json")


@pytest.mark.parametrize(("route", "mode"), CASES, ids=lambda one: getattr(one, "name", one))
async def test_what_is_answered_is_what_is_documented(
    ani: Person, schema: Any, route: Route, mode: GenerationMode
) -> None:
    operation = schema[route.path][route.method]
    # Only bodies arrive as they were made up: an empty list in a query, say, is nothing on the wire.
    told_wrong = mode is GenerationMode.NEGATIVE and route.method != "GET" and route.body_fields
    checks = [*CHECKS, negative_data_rejection] if told_wrong else CHECKS

    @settings(
        max_examples=EXAMPLES[mode],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case[Any]) -> None:
        headers = {"Authorization": f"Bearer {ani.token}"} if route.scope else {}
        case.call_and_validate(headers=headers, checks=checks)

    ask()
