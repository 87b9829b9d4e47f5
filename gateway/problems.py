"""Problems as callers see them (RFC 9457), and the one table from kinds of refusal to HTTP status."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from contracts.message import Kind

STATUS: dict[str, int] = {
    Kind.MALFORMED: 400,
    Kind.INVALID: 422,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.MONEY: 402,
    Kind.TOO_MANY: 429,
    Kind.UNAVAILABLE: 503,
}
CONTENT_TYPE = b"application/problem+json"
RETRY_AFTER_SECONDS = 1
BEARER = 'Bearer realm="saldo"'

Header = tuple[bytes, bytes]


class Trouble(Exception):
    """A request that ends with a problem found at the edge; it uses up no idempotency key."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[dict[str, str]] = (),
        headers: Sequence[Header] = (),
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers

    def document(self, instance: str) -> dict[str, Any]:
        """The problem of this occurrence."""
        title = self.code.replace("_", " ").capitalize()
        problem = _document(self.status, self.code, title, self.detail, instance)
        if self.errors:
            problem["errors"] = list(self.errors)
        return problem


def of_refusal(problem: dict[str, Any], instance: str) -> dict[str, Any]:
    """A worker's refusal (`contracts.message.Problem` as data) as callers see it."""
    status = STATUS.get(problem["kind"], 500)
    return _document(status, problem["code"], problem["title"], problem["detail"], instance)


def headers_of(status: int, retry_after_seconds: int | None = None) -> list[Header]:
    """What a status asks for beside its body."""
    if status == STATUS[Kind.UNAUTHENTICATED]:
        return [(b"www-authenticate", BEARER.encode())]
    if status in (STATUS[Kind.UNAVAILABLE], STATUS[Kind.TOO_MANY]):
        return [(b"retry-after", str(retry_after_seconds or RETRY_AFTER_SECONDS).encode())]
    return []


def encoded(document: dict[str, Any]) -> bytes:
    """The body of a problem response."""
    return to_json(document)


def _document(status: int, code: str, title: str, detail: str, instance: str) -> dict[str, Any]:
    return {
        "type": f"urn:saldo:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "instance": instance,
    }


def refused(problem: dict[str, Any]) -> Trouble:
    """A worker's refusal of a call that was made before anything durable was said."""
    status = STATUS.get(problem["kind"], 500)
    headers = headers_of(status, problem.get("retry_after_seconds"))
    return Trouble(status, problem["code"], problem["detail"], headers=headers)


def bad_request(detail: str) -> Trouble:
    """Not HTTP as we understand it."""
    return Trouble(400, "bad_request", detail)


def malformed_json(detail: str) -> Trouble:
    """The body is not JSON."""
    return Trouble(400, "malformed_json", detail)


def key_missing() -> Trouble:
    """Money moves only under a key."""
    return Trouble(400, "idempotency_key_missing", "This request needs an Idempotency-Key header.")


def key_invalid() -> Trouble:
    """The key is not one."""
    detail = "The Idempotency-Key must be 1 to 255 printable ASCII characters, bare or in double quotes."
    return Trouble(400, "idempotency_key_invalid", detail)


def token_missing() -> Trouble:
    """Nobody said who they are."""
    detail = "This request needs an Authorization header with a bearer token."
    return Trouble(401, "token_invalid", detail, headers=_challenge(None))


def token_invalid() -> Trouble:
    """The token proves nothing; why is not told."""
    detail = "The access token is not valid."
    return Trouble(401, "token_invalid", detail, headers=_challenge(detail))


def token_expired() -> Trouble:
    """The token was good once."""
    detail = "The access token has expired."
    return Trouble(401, "token_expired", detail, headers=_challenge(detail))


def api_key_invalid() -> Trouble:
    """The key is mistyped, unknown, revoked or has expired; which is not told."""
    detail = "The API key is not valid."
    return Trouble(401, "api_key_invalid", detail, headers=_challenge(detail))


def _challenge(description: str | None) -> list[Header]:
    # RFC 6750, 3.1: no error code where no token was presented.
    error = f', error="invalid_token", error_description="{description}"' if description else ""
    return [(b"www-authenticate", f"{BEARER}{error}".encode())]


def permission_denied() -> Trouble:
    """Known, but not allowed."""
    return Trouble(403, "permission_denied", "You lack the permission that this request needs.")


def grant_denied() -> Trouble:
    """Nobody passes on what they lack."""
    return Trouble(403, "permission_denied", "You can't pass on permissions that you lack yourself.")


def merchant_not_active() -> Trouble:
    """The key is good, but its merchant is pending, suspended or archived."""
    return Trouble(403, "merchant_not_active", "The merchant is not active.")


def not_found() -> Trouble:
    """No such thing, or somebody else's."""
    return Trouble(404, "not_found", "There is no such thing here.")


def method_not_allowed(allow: str) -> Trouble:
    """The path is known, the method is not."""
    detail = f"This path answers {allow}."
    return Trouble(405, "method_not_allowed", detail, headers=[(b"allow", allow.encode())])


def version_conflict() -> Trouble:
    """`If-Match` names a version that the thing never had."""
    return Trouble(409, "version_conflict", "This was changed meanwhile; read it again.")


def request_timeout() -> Trouble:
    """The body took too long to arrive."""
    return Trouble(408, "request_timeout", "The request's body did not arrive in time.")


def body_too_large(limit_bytes: int) -> Trouble:
    """More than we read."""
    return Trouble(413, "body_too_large", f"A request body has at most {limit_bytes} bytes.")


def unsupported_media_type() -> Trouble:
    """Not JSON by its own word."""
    detail = "The body must be application/json in UTF-8, without a content encoding."
    accept = [(b"accept", b"application/json")]
    return Trouble(415, "unsupported_media_type", detail, headers=accept)


def validation_failed(errors: Sequence[dict[str, str]]) -> Trouble:
    """JSON, but not what this request takes."""
    return Trouble(422, "validation_failed", "Some fields of the request are not valid.", errors=errors)


def rate_limited(retry_after_seconds: int) -> Trouble:
    """Too many, too fast."""
    detail = f"The rate limit is used up; try again in {retry_after_seconds} s."
    after = [(b"retry-after", str(retry_after_seconds).encode())]
    return Trouble(429, "rate_limited", detail, headers=after)


def too_many_at_once() -> Trouble:
    """Too many of the caller's own are still being answered."""
    detail = "Too many of your requests are being answered at the same time; wait for one of them."
    return Trouble(429, "rate_limited", detail, headers=headers_of(429))


def head_too_large() -> Trouble:
    """More headers than we read."""
    return Trouble(431, "request_header_fields_too_large", "The request's header fields are too large.")


def internal() -> Trouble:
    """Our bug; the log has it under the request's id."""
    return Trouble(500, "internal_error", "Something went wrong on our side.")


def busy() -> Trouble:
    """Cannot now, and nothing was done."""
    return Trouble(503, "busy", "The service can't take this request now.", headers=headers_of(503))


def outcome_unknown() -> Trouble:
    """Sent, but not confirmed: it may or may not have been taken."""
    detail = "It is not known whether the request was taken; repeat it with the same Idempotency-Key."
    return Trouble(503, "outcome_unknown", detail, headers=headers_of(503))
