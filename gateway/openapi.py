"""The OpenAPI 3.1 document, generated from the route table."""

import re
from functools import cache
from typing import Any

from contracts.message import Message
from contracts.operations import OperationView
from gateway import examples, openapi_parts, schemas
from gateway.edge import Route
from gateway.openapi_parts import problem, with_headers
from gateway.response import NO_CONTENT
from gateway.schemas import Schema, reference

DESCRIPTION = """\
Wallets, top-ups, transfers, cards, payments and withdrawals. Every command is an operation: money commands answer
`202 Accepted` with its address unless `Prefer: wait=n` lets them finish. Amounts are integers in minor units. Errors
are `application/problem+json` (RFC 9457) with a stable `code`. Whoever has too many requests or event streams open at
once is refused with 429 `rate_limited`, as are those who come too fast."""


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    from gateway.routes import ROUTES  # noqa: PLC0415 - the routes answer with modules that show this document

    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Saldo", "version": "0.1.0", "description": DESCRIPTION, "license": _license()},
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(route.group for route in ROUTES)],
        "paths": paths,
        "components": schemas.pruned(_components(ROUTES), paths),
    }


def _license() -> dict[str, str]:
    return {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def _components(routes: tuple[Route, ...]) -> dict[str, Any]:
    answers: list[type[Message]] = [route.message.answer for route in routes]
    return {
        "schemas": _together(
            schemas.of_inputs(route.said for route in routes if route.kind != "query"),
            # An operation is shown in other words than the workers'.
            schemas.of_answers(answer for answer in answers if answer is not OperationView),
            openapi_parts.SCHEMAS,
        ),
        "headers": openapi_parts.HEADERS,
        "parameters": openapi_parts.PARAMETERS,
        "securitySchemes": openapi_parts.SECURITY_SCHEMES,
    }


def _together(*parts: dict[str, Schema]) -> dict[str, Schema]:
    whole: dict[str, Schema] = {}
    for part in parts:
        taken = whole.keys() & part.keys()
        assert not taken, f"{sorted(taken)} would be described as something else of that name: name the message anew"
        whole |= part
    return whole


def _operation(route: Route) -> dict[str, Any]:
    # What a handler raises is for those who read the code; callers read the problems.
    words = " ".join((route.message.__doc__ or "").split()).partition(" Raises ")[0]
    suffix = "Events" if route.streams else ""
    operation: dict[str, Any] = {
        "operationId": route.message.__name__[0].lower() + route.message.__name__[1:] + suffix,
        "tags": [route.group],
        "summary": re.split(r"(?<=[.:])\s", words)[0].rstrip(".:"),
        "description": words,
        "parameters": _parameters(route),
        "responses": _responses(route),
        "security": openapi_parts.security_of(route),
    }
    if route.scope:
        operation["x-permission"] = route.scope
    if body := _body(route):
        operation["requestBody"] = body
    return operation


def _input(route: Route) -> Schema:
    return schemas.of_inputs([route.said])[route.said.__name__ + schemas.INPUT]


def _parameters(route: Route) -> list[Schema]:
    known = _input(route)
    found = [
        {"name": name, "in": "path", "required": True, "schema": known["properties"][name]} for name in route.parameters
    ]
    if route.kind == "query":
        found += [
            {"name": name, "in": "query", "required": False, "schema": _parameter(known["properties"][name])}
            for name in route.body_fields
        ]
    return [*found, *({"$ref": f"#/components/parameters/{name}"} for name in openapi_parts.headers_of(route))]


def _parameter(schema: Schema) -> Schema:
    """A query string has no null: what is optional is left out."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    return options[0] | {key: value for key, value in schema.items() if key != "anyOf"} if options else schema


def _body(route: Route) -> dict[str, Any] | None:
    if route.raw:
        return {"required": True, "content": {"application/json": {"schema": {}}}}
    if route.kind == "query" or not (route.body_fields or not route.parameters):
        return None
    schema = reference(route.said.__name__ + schemas.INPUT)
    if route.parameters:
        known = _input(route)
        properties = {name: known["properties"][name] for name in route.body_fields}
        required = [name for name in known.get("required", ()) if name in properties]
        schema = {"type": "object", "properties": properties, "additionalProperties": False, "required": required}
    media: dict[str, Any] = {"schema": schema}
    if example := examples.BODIES.get(route.said.__name__):
        media["example"] = example
    # Where nothing must be said, nothing need be sent.
    needed = any(route.said.model_fields[name].is_required() for name in route.body_fields)
    return {"required": needed, "content": {"application/json": media}}


def _responses(route: Route) -> dict[str, Any]:
    found = {str(route.status): _success(route)}
    if route.kind == "command":
        found["202"] = openapi_parts.ACCEPTED
    for status in openapi_parts.troubles_of(route):
        found[str(status)] = problem(status)
    found["default"] = problem(None)
    return found


def _success(route: Route) -> dict[str, Any]:
    names = openapi_parts.success_headers_of(route)
    if route.status == NO_CONTENT:
        return with_headers({"description": "Done."}, names)
    schema = reference(schemas.name_of(route.message.answer))
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if route.streams:
        content = {"text/event-stream": {"schema": {"type": "string"}}}
    if route.csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    if route.message.answer is OperationView and "application/json" in content:
        content["application/json"]["schema"] = reference("Operation")
    return with_headers({"description": "Done.", "content": content}, names)
