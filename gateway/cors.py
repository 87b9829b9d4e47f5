"""Cross-origin requests, for the origins that the setting names (none by default)."""

from gateway.problems import Header

ALLOWED_HEADERS = b"Authorization, Content-Type, Idempotency-Key, If-Match, Prefer, X-Request-Id, traceparent"
EXPOSED_HEADERS = (
    b"ETag, Idempotency-Replayed, Link, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, "
    b"X-Request-Id"
)
MAX_AGE = b"600"


class Cors:
    """Tokens travel in a header, so credentials (cookies) are never allowed."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)

    def headers(self, origin: bytes | None) -> tuple[Header, ...]:
        """What a response to this origin carries."""
        if origin is None or not self._allows(origin):
            return ()
        return (
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", EXPOSED_HEADERS),
            (b"vary", b"Origin"),
        )

    def preflight(self, origin: bytes | None, allow: str) -> tuple[Header, ...]:
        """What the answer to a preflight adds."""
        if origin is None or not self._allows(origin):
            return ()
        return (
            (b"access-control-allow-methods", allow.encode()),
            (b"access-control-allow-headers", ALLOWED_HEADERS),
            (b"access-control-max-age", MAX_AGE),
        )

    def _allows(self, origin: bytes) -> bool:
        return origin in self._origins or b"*" in self._origins
