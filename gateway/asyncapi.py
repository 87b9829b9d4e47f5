"""The AsyncAPI 3.0 document of the messages, generated from the contracts."""

from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from contracts import catalogue, topology
from contracts.envelope import GIVEN_UP, MAX_BUNDLE_BYTES, MAX_BUNDLE_MESSAGES, Caller, Envelope
from contracts.message import Asked, Call, Command, Message, Query
from contracts.operations import Reply

DESCRIPTION = f"""\
What gateway and workers say to each other over RabbitMQ. Every AMQP message is a bundle: a JSON list of up to
{MAX_BUNDLE_MESSAGES} enveloped messages (at most {MAX_BUNDLE_BYTES} bytes) for one queue. Unknown fields are
ignored; within a version, fields are only added, with a default."""

REPLIES = "gateway.{instance}.replies"
REFERENCE = "#/components/schemas/"


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    messages: list[type[Message]] = [*catalogue.messages().values(), Reply]
    channels = _channels(messages)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Saldo messages", "version": "0.1.0", "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": _operations(channels),
        "components": {
            "schemas": _schemas(messages),
            "messages": {message.wire_name: _message(message) for message in messages},
        },
    }


def _address(message: type[Message]) -> str:
    if message is Reply:
        return REPLIES
    if issubclass(message, Command):
        return topology.slow(message.domain) if message.slow else topology.commands(message.domain)
    if issubclass(message, Call):
        return topology.calls(message.domain)
    return topology.queries(message.domain) if issubclass(message, Query) else topology.EVENTS


def _channels(messages: list[type[Message]]) -> dict[str, Any]:
    channels: dict[str, Any] = {}
    for message in messages:
        channel = channels.setdefault(_key(_address(message)), {"address": _address(message), "messages": {}})
        channel["messages"][message.wire_name] = {"$ref": f"#/components/messages/{message.wire_name}"}
    channels[_key(REPLIES)]["parameters"] = {"instance": {"description": "One gateway process."}}
    return channels


def _operations(channels: dict[str, Any]) -> dict[str, Any]:
    return {
        f"receive_{name}": {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [{"$ref": f"#/channels/{name}/messages/{wire_name}"} for wire_name in channel["messages"]],
        }
        for name, channel in channels.items()
    }


def _message(message: type[Message]) -> dict[str, Any]:
    words = " ".join((message.__doc__ or "").split())
    found: dict[str, Any] = {
        "name": message.wire_name,
        "title": message.__name__,
        "summary": words,
        "payload": {
            "allOf": [
                {"$ref": f"{REFERENCE}Envelope"},
                {"properties": {"type": {"const": message.wire_name}, "body": {"$ref": REFERENCE + message.__name__}}},
            ]
        },
    }
    if issubclass(message, Asked):
        found["description"] = f"Answered with `{message.answer.__name__}`."
    return found


def _schemas(messages: list[type[Message]]) -> dict[str, Any]:
    _, top = models_json_schema([(message, "validation") for message in messages], ref_template=REFERENCE + "{model}")
    caller, envelope = _fields(Caller, ("principal",)), _fields(Envelope, ("id", "type", "body"))
    return {**top["$defs"], "Caller": caller, "Envelope": envelope}


def _fields(of: type[Caller | Envelope], required: tuple[str, ...]) -> dict[str, Any]:
    others: dict[str, Any] = {
        "body": {"type": "object"},
        "caller": {"$ref": f"{REFERENCE}Caller"},
        "oversees": {"type": "boolean"},
        "attempt": {"type": "integer", "minimum": GIVEN_UP, "default": 1, "description": f"{GIVEN_UP} is `GIVEN_UP`."},
        "sent_at": {"type": "number", "description": "Unix time"},
    }
    properties = {name: others.get(name, {"type": "string"}) for name in of.__annotations__}
    return {
        "type": "object",
        "description": " ".join((of.__doc__ or "").split()),
        "required": required,
        "properties": properties,
    }


def _key(address: str) -> str:
    return address.replace(".", "_").replace("{", "").replace("}", "")
