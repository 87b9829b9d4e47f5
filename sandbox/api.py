"""The provider's HTTP API: make charges and payouts, look them up, list them, read the statement."""

import json
from datetime import date
from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import guards, problems, transport
from sandbox.callbacks import Callbacks
from sandbox.payments import ChargeRequest, Kind, Payment, PayoutRequest, Reference
from sandbox.problems import ProblemError
from sandbox.settings import Settings
from sandbox.store import KeyReusedError, Outcome, Store

JSON = "application/json"
REQUESTS: dict[Kind, type[ChargeRequest]] = {"charge": ChargeRequest, "payout": PayoutRequest}


class ListQuery(BaseModel):
    """The query string of `GET /v1/charges` and `GET /v1/payouts`."""

    model_config = ConfigDict(extra="forbid")

    reference: Reference | None = None
    after: Annotated[str, Field(pattern=r"^(chg|pyt)_[0-9a-f]{32}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class StatementQuery(BaseModel):
    """The query string of `GET /v1/statement`."""

    model_config = ConfigDict(extra="forbid")

    date: date
    after: Annotated[str, Field(pattern=r"^lin_[0-9a-f]{32}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 100


class Api:
    """Endpoints over one store; every one of them wants the provider's key."""

    def __init__(self, store: Store, settings: Settings, callbacks: Callbacks) -> None:
        self._store = store
        self._settings = settings
        self._callbacks = callbacks

    def routes(self) -> list[Route]:
        """Bind names to endpoints."""
        found = [Route("/v1/statement", self.statement, methods=["GET"])]
        for kind in REQUESTS:
            path = f"/v1/{kind}s"
            found += [
                Route(path, self._creator(kind), methods=["POST"]),
                Route(path, self._lister(kind), methods=["GET"]),
                Route(f"{path}/{{payment_id}}", self.get, methods=["GET"]),
            ]
        return found

    async def get(self, request: Request) -> Response:
        """Look one payment up by its id."""
        guards.authorise(request, self._settings.provider_key)
        payment = await self._store.find(request.path_params["payment_id"])
        if payment is None or not request.url.path.startswith(f"/v1/{payment.kind}s/"):
            raise ProblemError(HTTPStatus.NOT_FOUND, "not_found", "There is no such payment.")
        return Response(payment.json_bytes(), media_type=JSON)

    async def statement(self, request: Request) -> Response:
        """What moved money on a day (UTC, by the sandbox's clock), oldest first."""
        guards.authorise(request, self._settings.provider_key)
        query = _query(StatementQuery, request)
        lines = await self._store.statement(query.date.isoformat(), query.after, query.limit)
        data, more = lines[: query.limit], len(lines) > query.limit
        answer = {"data": data, "has_more": more, "next": data[-1]["id"] if more else None}
        return Response(json.dumps(answer), media_type=JSON)

    def _creator(self, kind: Kind):  # type: ignore[no-untyped-def] # noqa: ANN202 - an endpoint, as Starlette has them
        async def create(request: Request) -> Response:
            """Make one payment per idempotency key, following its script."""
            guards.authorise(request, self._settings.provider_key)
            key, asked = guards.idempotency_key(request), await self._asked(kind, request)
            try:
                outcome = await self._store.submit(kind, key, asked)
            except KeyReusedError:
                raise ProblemError(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    "idempotency_key_reused",
                    "This Idempotency-Key was used with another body.",
                ) from None
            return await self._answer(request, outcome)

        return create

    def _lister(self, kind: Kind):  # type: ignore[no-untyped-def] # noqa: ANN202 - likewise
        async def listing(request: Request) -> Response:
            """List payments, newest first, of one reference where it is given."""
            guards.authorise(request, self._settings.provider_key)
            query = _query(ListQuery, request)
            page = await self._store.page(kind, query.reference, query.after, query.limit)
            return _listing(page.payments, has_more=page.has_more)

        return listing

    async def _answer(self, request: Request, outcome: Outcome) -> Response:
        if outcome.payment is None:
            if outcome.script.resets:
                return transport.reset(request)
            raise ProblemError(
                HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Scripted failure: repeat with the same key."
            )
        if not outcome.replayed and outcome.script.callbacks == "early":
            await self._callbacks.tell_now(outcome.payment.id)
        path = f"/v1/{outcome.payment.kind}s/{outcome.payment.id}"
        headers = {"Location": path} | ({"Idempotency-Replayed": "true"} if outcome.replayed else {})
        status = HTTPStatus.OK if outcome.replayed else HTTPStatus.CREATED
        answer = Response(outcome.payment.json_bytes(), status, headers, JSON)
        if outcome.replayed:
            return answer
        return await transport.travel(request, answer, outcome.script.answer, self._settings.slow_answer_seconds)

    async def _asked(self, kind: Kind, request: Request) -> ChargeRequest:
        settings = self._settings
        body = await guards.json_body(
            request, limit_bytes=settings.body_limit_bytes, timeout_seconds=settings.body_timeout_seconds
        )
        return parsed(REQUESTS[kind], body)


def parsed[M: BaseModel](model: type[M], body: bytes) -> M:
    """A body as this model. Raises `ProblemError`."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise ProblemError(HTTPStatus.BAD_REQUEST, "malformed_json", "The body is not JSON.") from None
        raise problems.invalid(error) from None


def _query[M: BaseModel](model: type[M], request: Request) -> M:
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise problems.invalid(error) from None


def _listing(payments: list[Payment], *, has_more: bool) -> Response:
    data = [payment.model_dump(exclude_none=True) for payment in payments]
    next_cursor = payments[-1].id if has_more else None
    return Response(json.dumps({"data": data, "has_more": has_more, "next": next_cursor}), media_type=JSON)
