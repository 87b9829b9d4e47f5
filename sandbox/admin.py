"""The sandbox's own controls: what happens next, by hand, and its clock."""

import json
from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import guards, scripts
from sandbox.api import JSON, parsed
from sandbox.payments import Kind
from sandbox.problems import ProblemError
from sandbox.settings import Settings
from sandbox.store import Store, StrangeStateError

ADVANCE_SECONDS_MAX = 400 * 86_400


class PlanRequest(BaseModel):
    """The body of `POST /v1/sandbox/scripts`: the next `times` payments (of one kind) follow `script`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    script: Annotated[str, Field(min_length=1, max_length=64)]
    kind: Kind | None = None
    times: Annotated[int, Field(ge=1, le=100_000)] = 1


class ClockRequest(BaseModel):
    """The body of `POST /v1/sandbox/clock`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    advance_seconds: Annotated[float, Field(ge=0, le=ADVANCE_SECONDS_MAX)]


class ChangeRequest(BaseModel):
    """The body of `POST /v1/sandbox/payments/{id}`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    status: Literal["succeeded", "declined", "reversed"]


class Admin:
    """Endpoints that no bank has."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def routes(self) -> list[Route]:
        """Bind names to endpoints."""
        return [
            Route("/v1/sandbox/scripts", self.plan, methods=["POST"]),
            Route("/v1/sandbox/clock", self.clock, methods=["POST"]),
            Route("/v1/sandbox/payments/{payment_id}", self.change, methods=["POST"]),
        ]

    async def plan(self, request: Request) -> Response:
        """Choose what the next payments do."""
        asked = await self._asked(PlanRequest, request)
        if asked.script not in scripts.BY_NAME:
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "script_unknown", "There is no such script.")
        await self._store.plan(asked.kind, asked.script, asked.times)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def clock(self, request: Request) -> Response:
        """Move the clock on; what is due by then happens."""
        asked = await self._asked(ClockRequest, request)
        return JSONResponse({"now": await self._store.advance(asked.advance_seconds)})

    async def change(self, request: Request) -> Response:
        """Let a pending payment succeed or be declined, or reverse one that has succeeded."""
        asked = await self._asked(ChangeRequest, request)
        code = "do_not_honor" if asked.status == "declined" else None
        try:
            changed = await self._store.change(request.path_params["payment_id"], asked.status, code)
        except StrangeStateError:
            raise ProblemError(HTTPStatus.CONFLICT, "state_conflict", "It can't become that any more.") from None
        if changed is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "not_found", "There is no such payment.")
        return Response(json.dumps(changed.model_dump(exclude_none=True)), media_type=JSON)

    async def _asked[M: BaseModel](self, model: type[M], request: Request) -> M:
        settings = self._settings
        guards.authorise(request, settings.provider_key)
        body = await guards.json_body(
            request, limit_bytes=settings.body_limit_bytes, timeout_seconds=settings.body_timeout_seconds
        )
        return parsed(model, body)
