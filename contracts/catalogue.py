"""Every message there is, by wire name: what schemas, AsyncAPI and the completeness tests are made from."""

import importlib
from inspect import isclass
from typing import Any

from contracts.message import Asked, Call, Command, Event, Message, Query
from contracts.topology import DOMAINS

KINDS: tuple[type[Message], ...] = (Command, Call, Query, Event)


def messages() -> dict[str, type[Message]]:
    """The commands, calls, queries and events of all domains."""
    found = [
        thing
        for domain in DOMAINS
        for thing in vars(importlib.import_module(f"contracts.{domain}")).values()
        if isclass(thing) and issubclass(thing, KINDS) and thing.__module__ == f"contracts.{domain}"
        # `Command[WalletView]` stands in this module too, but nobody says it.
        if not thing.__pydantic_generic_metadata__["args"]
    ]
    return {message.wire_name: message for message in sorted(found, key=lambda message: message.wire_name)}


def schema(message: type[Message]) -> dict[str, Any]:
    """The message as JSON Schema (2020-12): what is said and, for a question, how it is answered."""
    said = {"message": message.model_json_schema(mode="validation")}
    if issubclass(message, Asked):
        said["answer"] = message.answer.model_json_schema(mode="serialization")
    return said
