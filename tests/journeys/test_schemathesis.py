"""The machine-readable contract, held against the running gateway by a machine: made-up requests, true and false."""

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

EXAMPLES = {GenerationMode.POSITIVE: 40, GenerationMode.NEGATIVE: 60}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="session")
def system(together: System) -> System:
    """The contract is the gateway's: one arrangement will do."""
    return together


@pytest.mark.parametrize("mode", EXAMPLES, ids=lambda mode: mode.value)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_what_is_answered_is_what_is_documented(ani: Person, route: Route, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{ani.gateways[0]}/openapi.json")
    operation = schema[route.path][route.method]
    checks = [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE else CHECKS

    @settings(
        max_examples=EXAMPLES[mode],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        print("KEY", repr(case.headers))
        headers = {"Authorization": f"Bearer {ani.token}"} if route.scope else {}
        case.call_and_validate(headers=headers, checks=checks)

    ask()
