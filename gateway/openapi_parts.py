"""The parts of the OpenAPI document that do not come from messages: headers, problems, what can go wrong where."""

from http import HTTPStatus
from typing import Any, get_args

from contracts.merchants import KeyScope
from gateway.edge import Route
from gateway.schemas import Schema, reference

KEY_SCOPES = frozenset(get_args(KeyScope))

KEY: Schema = {
    "type": "string",
    "pattern": r'^([!#-~]([ -~]{0,253}[!-~])?|"([ !#-\[\]-~]|\\["\\]){1,255}")$',
    "examples": ["8e03978e-40d5-43dd-bc93-6894a57f9324"],
}

SECURITY_SCHEMES: dict[str, Schema] = {
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token from `POST /v1/auth/login`.",
    },
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "sk_…",
        "description": "A merchant's API key with the scope that is the operation's `x-permission`.",
    },
}

HEADERS: dict[str, Schema] = {
    name: {"description": description, "schema": {"type": "string"}}
    for name, description in {
        "X-Request-Id": "Names this request in the logs; the client's own if it sent a usable one.",
        "RateLimit": "What is left of the quota and when it is full again (IETF draft).",
        "RateLimit-Policy": "The quota (IETF draft).",
        "Retry-After": "After how many seconds to try again or to poll (RFC 9110).",
        "WWW-Authenticate": "How to authenticate (RFC 6750).",
        "Location": "Where the resource or operation is.",
        "Preference-Applied": "Which preference was honoured (RFC 7240).",
        "Idempotency-Replayed": "`true` where an earlier request made this operation.",
        "ETag": "The version of what is shown (RFC 9110).",
        "Link": "Where the next page is (RFC 8288).",
    }.items()
}

PARAMETERS: dict[str, Schema] = {
    "IdempotencyKeyRequired": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Requests with the same key are the same operation. One key space per user across all routes.",
        "schema": KEY,
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Requests with the same key are the same operation. One key space per user across all routes.",
        "schema": KEY,
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": "The ETag of what is changed: refused with `version_conflict` if it has changed since.",
        "schema": {"type": "string", "pattern": r'^("[1-9][0-9]{0,17}"|\*)$'},
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "required": False,
        "description": "`wait=n` waits up to n (0–30) seconds for the result, `respond-async` does not (RFC 7240).",
        "schema": {"type": "string", "examples": ["wait=10"]},
    },
}

SCHEMAS: dict[str, Schema] = {
    "Problem": {
        "type": "object",
        "description": "RFC 9457. `code` is stable; `errors` is there where fields are not valid.",
        "required": ["type", "title", "status", "detail", "code", "instance"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "code": {"type": "string", "pattern": "^[a-z0-9_]+$"},
            "instance": {"type": "string", "format": "uri-reference"},
            "errors": {"type": "array", "items": reference("FieldError")},
        },
        "examples": [
            {
                "type": "urn:saldo:problem:insufficient_funds",
                "title": "Insufficient funds",
                "status": 402,
                "detail": "The wallet's available balance is too low.",
                "code": "insufficient_funds",
                "instance": "/v1/operations/op_06bq8k9d5h1k7m3p0r2t4v6x8z0a2c4e6g",
            }
        ],
    },
    "FieldError": {
        "type": "object",
        "required": ["pointer", "detail"],
        "properties": {
            "pointer": {"type": "string", "description": "RFC 6901"},
            "detail": {"type": "string"},
        },
    },
    "Operation": {
        "type": "object",
        "description": "Where a command stands. `unknown` is not final. A 202 has only the required fields.",
        "required": ["id", "type", "status", "created_at"],
        "properties": {
            "id": {"type": "string"},
            "type": {"type": "string"},
            "status": {"enum": ["pending", "succeeded", "failed", "unknown"]},
            "created_at": {"type": "string", "format": "date-time"},
            "completed_at": {"type": ["string", "null"], "format": "date-time"},
            "result": {"type": ["object", "null"], "description": "The resource as the command left it."},
            "problem": {"oneOf": [reference("Problem"), {"type": "null"}]},
        },
    },
}


def with_headers(response: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """A response with references to its headers."""
    return response | {"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names}}


ACCEPTED = with_headers(
    {
        "description": "Accepted, durable and not finished: poll the operation.",
        "content": {"application/json": {"schema": reference("Operation")}},
    },
    ["X-Request-Id", "RateLimit", "RateLimit-Policy", "Location", "Retry-After", "Preference-Applied",
     "Idempotency-Replayed"],
)  # fmt: skip


def problem(status: int | None) -> dict[str, Any]:
    """A response that is a problem."""
    names = ["X-Request-Id", "RateLimit", "RateLimit-Policy"]
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        names.append("Retry-After")
    if status == HTTPStatus.UNAUTHORIZED:
        names.append("WWW-Authenticate")
    content = {"application/problem+json": {"schema": reference("Problem")}}
    description = HTTPStatus(status).phrase if status else "Any other problem."
    return with_headers({"description": description, "content": content}, names)


def security_of(route: Route) -> list[Schema]:
    """What to authenticate with, one or the other; nothing where everybody may."""
    people: list[Schema] = [{"accessToken": []}] if route.scope and not route.keys_only else []
    return [*people, {"apiKey": []}] if route.scope in KEY_SCOPES else people


def troubles_of(route: Route) -> list[int]:
    """Which problems a route is known to answer with."""
    found = {404, 422, 503}
    if route.scope or route.limit:
        found |= {401, 429}
    if route.scope:
        found.add(403)
    if route.kind != "query":
        found |= {400, 408, 409, 413, 415}
    if route.kind == "command":
        found.add(402)
    return sorted(found)


def headers_of(route: Route) -> list[str]:
    """Which common request headers a route reads."""
    if route.kind == "command":
        names = ["IdempotencyKeyRequired" if route.money else "IdempotencyKey", "Prefer"]
        return [*names, "IfMatch"] if "version" in route.body_fields else names
    return ["Prefer"] if route.path == "/v1/operations/{operation_id}" else []


def success_headers_of(route: Route) -> list[str]:
    """Which headers a route's success carries."""
    names = ["X-Request-Id"]
    if route.scope or route.limit:
        names += ["RateLimit", "RateLimit-Policy"]
    if "Prefer" in headers_of(route):
        names.append("Preference-Applied")
    if route.kind == "command":
        names.append("Idempotency-Replayed")
    if route.collection:
        names.append("Location")
    if route.versioned:
        names.append("ETag")
    return [*names, "Link"] if route.csv else names
