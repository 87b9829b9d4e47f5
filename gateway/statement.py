"""A page of movements as JSON or, for those who ask for it, as CSV (RFC 4180)."""

import csv
import io
from functools import lru_cache
from typing import Any

from gateway import response
from gateway.problems import Header
from gateway.request import REMEMBERED_BYTES_MAX, Request
from gateway.response import Response

COLUMNS = (
    "id", "kind", "amount", "currency", "balance_after", "counterparty", "operation_id", "created_at",
)  # fmt: skip
VARY: Header = (b"vary", b"Accept")
CSV: Header = (b"content-type", b"text/csv; charset=utf-8; header=present")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def answer(request: Request, page: dict[str, Any]) -> Response:
    """The page in the form that the request accepts; where to go on is in the body, or in `Link` (RFC 8288)."""
    if not wants_csv(request.headers.get(b"accept")):
        return response.json(200, page, [VARY])
    headers = [CSV, VARY, (b"content-disposition", b'attachment; filename="movements.csv"')]
    if page["next"]:
        link = f'<{request.path}?{_next(request, page["next"])}>; rel="next"'
        headers.append((b"link", link.encode()))
    return Response(200, _csv(page["data"]), headers)


def wants_csv(accept: bytes | None) -> bool:
    """Whether CSV is preferred over JSON (RFC 9110, 12.5.1); undecided, it is JSON."""
    if accept is None:
        return False
    return _remembered(accept) if len(accept) <= REMEMBERED_BYTES_MAX else _prefers_csv(accept)


def _prefers_csv(accept: bytes) -> bool:
    qualities = {"text/csv": 0.0, "application/json": 0.0}
    for part in accept.decode("latin-1").lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        for known, quality in qualities.items():
            if name in (known, "*/*", known.partition("/")[0] + "/*"):
                qualities[known] = max(quality, _quality(parameters))
    exact = "text/csv" in accept.decode("latin-1").lower()
    return exact and qualities["text/csv"] > 0 and qualities["text/csv"] >= qualities["application/json"]


_remembered = lru_cache(maxsize=256)(_prefers_csv)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def _next(request: Request, cursor: str) -> str:
    kept = [
        part
        for part in request.scope["query_string"].decode("latin-1").split("&")
        if part and not part.startswith("after=") and part.isprintable() and not set(part) & set('<>"')
    ]
    return "&".join([*kept, f"after={cursor}"])


def _csv(movements: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(COLUMNS)
    lines.writerows([_cell(movement.get(name)) for name in COLUMNS] for movement in movements)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    # Text that a spreadsheet would run as a formula is quoted; numbers stay numbers.
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
