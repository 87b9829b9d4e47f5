"""The provider's HTTP API: make a charge, look one up, list them."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import guards, problems, scripts
from sandbox.charges import Charge, ChargeRequest, Reference
from sandbox.problems import ProblemError
from sandbox.settings import Settings
from sandbox.store import KeyReusedError, Outcome, Store

JSON = "application/json"


class ListQuery(BaseModel):
    """The query string of `GET /v1/charges`."""

    model_config = ConfigDict(extra="forbid")

    reference: Reference | None = None
    after: Annotated[str, Field(pattern=r"^chg_[0-9a-f]{32}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class Api:
    """Endpoints over one store; every one of them wants the provider's key."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def routes(self) -> list[Route]:
        """Bind names to endpoints."""
        return [
            Route("/v1/charges", self.create, methods=["POST"]),
            Route("/v1/charges", self.list, methods=["GET"]),
            Route("/v1/charges/{charge_id}", self.get, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        """Charge once per idempotency key, following the script of the amount."""
        guards.authorise(request, self._settings.provider_key)
        key, asked = guards.idempotency_key(request), await self._asked(request)
        script = scripts.for_amount(asked.amount)
        try:
            outcome = await self._store.charge(key, asked, script, at=_now())
        except KeyReusedError:
            raise ProblemError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "This Idempotency-Key was used with another body.",
            ) from None
        if script.slow_answer and not outcome.replayed:
            # Only a shutdown out of patience cancels this: the answer is known, so it goes out at once.
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(self._settings.slow_answer_seconds)
        return _answer(outcome)

    async def get(self, request: Request) -> Response:
        """Look one charge up by its id."""
        guards.authorise(request, self._settings.provider_key)
        charge = await self._store.find(request.path_params["charge_id"])
        if charge is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "not_found", "There is no such charge.")
        return Response(charge.json_bytes(), media_type=JSON)

    async def list(self, request: Request) -> Response:
        """List charges, newest first, of one reference where it is given."""
        guards.authorise(request, self._settings.provider_key)
        try:
            query = ListQuery.model_validate(dict(request.query_params))
        except ValidationError as error:
            raise problems.invalid(error) from None
        page = await self._store.page(query.reference, query.after, query.limit)
        return _listing(page.charges, has_more=page.has_more)

    async def _asked(self, request: Request) -> ChargeRequest:
        settings = self._settings
        body = await guards.json_body(
            request, limit_bytes=settings.body_limit_bytes, timeout_seconds=settings.body_timeout_seconds
        )
        try:
            return ChargeRequest.model_validate_json(body)
        except ValidationError as error:
            if error.errors()[0]["type"] == "json_invalid":
                raise ProblemError(HTTPStatus.BAD_REQUEST, "malformed_json", "The body is not JSON.") from None
            raise problems.invalid(error) from None


def _answer(outcome: Outcome) -> Response:
    if outcome.charge is None:
        raise ProblemError(
            HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Scripted failure: repeat with the same key."
        )
    headers = {"Location": f"/v1/charges/{outcome.charge.id}"}
    if outcome.replayed:
        headers["Idempotency-Replayed"] = "true"
    status = HTTPStatus.OK if outcome.replayed else HTTPStatus.CREATED
    return Response(outcome.charge.json_bytes(), status, headers, JSON)


def _listing(charges: list[Charge], *, has_more: bool) -> Response:
    data = [charge.model_dump(exclude_none=True) for charge in charges]
    next_cursor = charges[-1].id if has_more else None
    return Response(json.dumps({"data": data, "has_more": has_more, "next": next_cursor}), media_type=JSON)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
