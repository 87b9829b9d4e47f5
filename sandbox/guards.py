"""What a request must bring before it is looked at: the key, a bounded JSON body, an idempotency key."""

import asyncio
import hmac
import re
from http import HTTPStatus

from pydantic import SecretStr
from starlette.requests import ClientDisconnect, Request

from sandbox.problems import ProblemError

KEY_LENGTH_MAX = 255
PRINTABLE = re.compile(r"[\x20-\x7e]+")


def authorise(request: Request, provider_key: SecretStr) -> None:
    """Compare the bearer secret in constant time."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    expected = provider_key.get_secret_value().encode()
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), expected):
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED,
            "provider_key_invalid",
            "Send the provider's key as a bearer token.",
            headers={"WWW-Authenticate": 'Bearer realm="sandbox"'},
        )


def idempotency_key(request: Request) -> str:
    """Return the key; quoted (RFC 8941 string) or bare is the same one."""
    given = [value.strip() for value in request.headers.getlist("idempotency-key")]
    if not given:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "idempotency_key_missing", "Send an Idempotency-Key header.")
    bare = given[0]
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    if len(given) > 1 or len(bare) > KEY_LENGTH_MAX or not PRINTABLE.fullmatch(bare):
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            "idempotency_key_invalid",
            f"Idempotency-Key is sent once and has 1 to {KEY_LENGTH_MAX} printable ASCII characters.",
        )
    return bare


async def json_body(request: Request, *, limit_bytes: int, timeout_seconds: float) -> bytes:
    """Read at most `limit_bytes` in at most `timeout_seconds`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Send application/json.")
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _read(request, limit_bytes)
    except TimeoutError:
        raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, "body_timeout", "The body took too long.") from None
    except ClientDisconnect:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "body_incomplete", "The body ended early.") from None


async def _read(request: Request, limit_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise ProblemError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "body_too_large",
                f"A body has at most {limit_bytes} bytes.",
                headers={"Connection": "close"},
            )
    return bytes(body)
