"""The messages keep their word: committed schemas are the code's, and may only grow."""

from copy import deepcopy
from typing import Any

import pytest
from pydantic_core import to_json

from contracts import catalogue, transfers
from contracts.message import Call, Command, Query
from ops import compatibility, generate


def test_committed_schemas_are_what_the_code_says() -> None:
    assert generate.stale() == [], "run ./dev generate"


def test_no_message_breaks_its_version() -> None:
    assert generate.broken() == []


@pytest.mark.parametrize("message", catalogue.messages().values(), ids=lambda message: message.wire_name)
def test_only_calls_carry_secrets(message: Any) -> None:
    assert not message.secrets or issubclass(message, Call), "a secret would be stored with the message"
    assert issubclass(message, Query | Call) or not getattr(getattr(message, "answer", None), "secrets", ())


@pytest.mark.parametrize("message", catalogue.messages().values(), ids=lambda message: message.wire_name)
def test_only_the_answers_of_commands_reveal(message: Any) -> None:
    assert not message.reveals, "what is revealed is told apart from what is said"
    assert issubclass(message, Command) or not getattr(getattr(message, "answer", None), "reveals", ())


@pytest.mark.parametrize("message", catalogue.messages().values(), ids=lambda message: message.wire_name)
def test_what_is_revealed_is_never_written_down(message: Any) -> None:
    answer: Any = getattr(message, "answer", None)
    for name in getattr(answer, "reveals", ()):
        view = answer.model_construct(**{name: "4000000000000002"})
        assert "4000" not in view.model_dump_json() + to_json({"result": view}).decode() + repr(view)


@pytest.fixture
def schema() -> dict[str, Any]:
    return catalogue.schema(transfers.RequestTransfer)


def test_a_field_with_a_default_may_be_added(schema: dict[str, Any]) -> None:
    new = deepcopy(schema)
    new["message"]["properties"]["purpose"] = {"type": "string", "default": ""}
    assert compatibility.breaks(schema, new) == []


def test_a_required_field_may_not_be_added(schema: dict[str, Any]) -> None:
    new = deepcopy(schema)
    new["message"]["properties"]["purpose"] = {"type": "string"}
    new["message"]["required"].append("purpose")
    assert compatibility.breaks(schema, new) == ["message.message.purpose: must have a default"]


def test_a_field_may_not_be_removed(schema: dict[str, Any]) -> None:
    new = deepcopy(schema)
    del new["message"]["properties"]["amount"]
    new["message"]["required"].remove("amount")
    assert "message.message.amount: was removed" in compatibility.breaks(schema, new)


def test_a_field_may_not_change_its_type(schema: dict[str, Any]) -> None:
    new = deepcopy(schema)
    new["message"]["properties"]["amount"] = {"type": "string"}
    assert compatibility.breaks(schema, new) == ["message.message.amount: no longer takes integer"]


def test_the_answer_keeps_its_fields_too(schema: dict[str, Any]) -> None:
    new = deepcopy(schema)
    del new["answer"]["properties"]["status"]
    assert any("answer.status: was removed" in change for change in compatibility.breaks(schema, new))
