"""A response: status, headers and bytes, or a stream of them."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from pydantic_core import to_json

from gateway import problems
from gateway.problems import Header, Trouble

NO_CONTENT = 204
JSON: Header = (b"content-type", b"application/json")
PROBLEM: Header = (b"content-type", problems.CONTENT_TYPE)

SECURITY: tuple[Header, ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
CACHEABLE: tuple[Header, ...] = ((b"cache-control", b"public, max-age=300"), *SECURITY[1:])


class Response:
    """What goes back. `headers` are those of this response alone, `common` those that nearly all carry."""

    __slots__ = ("body", "common", "headers", "status", "stream")

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        headers: Sequence[Header] = (),
        stream: AsyncIterator[bytes] | None = None,
        common: tuple[Header, ...] = SECURITY,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers
        self.stream = stream
        self.common = common


def json(status: int, value: Any, headers: Sequence[Header] = ()) -> Response:
    """A JSON document."""
    return Response(status, to_json(value), [JSON, *headers])


def trouble(trouble: Trouble, instance: str) -> Response:
    """A problem found at the edge."""
    body = problems.encoded(trouble.document(instance))
    return Response(trouble.status, body, [PROBLEM, *trouble.headers])


def refusal(problem: dict[str, Any], instance: str, headers: Sequence[Header] = ()) -> Response:
    """A worker's refusal."""
    document = problems.of_refusal(problem, instance)
    status: int = document["status"]
    own = [PROBLEM, *problems.headers_of(status, problem.get("retry_after_seconds")), *headers]
    return Response(status, problems.encoded(document), own)
