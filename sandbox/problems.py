"""Errors as RFC 9457 problem+json with a stable `code`."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """An answer that is an error; may be raised anywhere below the application."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers

    def response(self, instance: str) -> Response:
        """Build the answer; `instance` is the path that was asked for."""
        body: dict[str, object] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "code": self.code,
            "instance": instance,
        }
        if self.errors is not None:
            body["errors"] = self.errors
        return Response(json.dumps(body), self.status.value, self.headers, MEDIA_TYPE)


def invalid(error: ValidationError) -> ProblemError:
    """Say 422 with one pointer (RFC 6901) per wrong field."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    errors = [{"pointer": _pointer(item["loc"]), "detail": item["msg"]} for item in found]
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY, "validation_failed", "The request has invalid fields.", errors=errors
    )


def _pointer(location: tuple[str | int, ...]) -> str:
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return "".join(f"/{part}" for part in escaped)


async def on_problem(request: Request, error: Exception) -> Response:
    """Answer a problem that was raised."""
    assert isinstance(error, ProblemError)
    return error.response(request.url.path)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer the router's own errors, 404 and 405, in the same form."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    problem = ProblemError(
        status, status.name.lower(), f"{status.description or status.phrase}.", headers=error.headers
    )
    return problem.response(request.url.path)
