"""Strict reading of what clients send: JSON bodies, query strings and path parameters, into messages."""

import json
from functools import cache
from typing import Any, NoReturn, cast
from urllib.parse import parse_qsl

from pydantic import ValidationError
from pydantic_core import to_json

from contracts.message import Message
from contracts.pages import PageOf
from gateway import problems
from gateway.problems import Trouble

ERRORS_MAX = 20
QUERY_FIELDS_MAX = 50
DUPLICATE = "This name occurs twice."
WRONG_FORM = "This does not have the right form."
UNKNOWN = "There is no such field."


class _Duplicate(Exception):
    """An object names a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Duplicate
    return found


def _constant(_: str) -> NoReturn:
    raise ValueError


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def decode(body: bytes) -> Any:
    """A JSON document by the letter: UTF-8, no duplicate keys, no NaN. Raises `Trouble` 400 or 422."""
    try:
        return _decoder.decode(body.decode())
    except _Duplicate:
        raise problems.validation_failed([_error("", DUPLICATE)]) from None
    except UnicodeDecodeError:
        raise problems.malformed_json("The body is not UTF-8.") from None
    except (ValueError, RecursionError):
        raise problems.malformed_json("The body is not valid JSON.") from None


def message[M: Message](cls: type[M], body: bytes, path: dict[str, str]) -> M:
    """The message that a body and the path say together. Raises `Trouble` 400, 404 or 422."""
    data = {} if not body and (path or not _required(cls)) else decode(body)
    if path or not body:
        if not isinstance(data, dict):
            raise problems.validation_failed([_error("", "The body must be a JSON object.")])
        if taken := path.keys() & data.keys():
            raise problems.validation_failed([_error(f"/{_escaped(name)}", UNKNOWN) for name in sorted(taken)])
        body = _encoded(data | path)
    try:
        return cast("M", cls.__pydantic_validator__.validate_json(body, strict=True, extra="forbid"))
    except ValidationError as error:
        raise _trouble(error, path) from None


def _encoded(data: dict[str, Any]) -> bytes:
    try:
        return to_json(data)
    except ValueError:
        # Half a surrogate pair, or nested deeper than anything that we could take.
        raise problems.malformed_json("The body is not valid JSON.") from None


@cache
def _required(cls: type[Message]) -> bool:
    """Whether there is anything that must be said."""
    return any(info.is_required() for info in cls.model_fields.values())


def told[M: Message](cls: type[M], data: dict[str, Any], path: dict[str, str]) -> M:
    """A message made from parts of a request. Raises `Trouble` 404 or 422."""
    try:
        return cls.model_validate(data)
    except ValidationError as error:
        raise _trouble(error, path) from None


def question[M: Message](cls: type[M], query: bytes, path: dict[str, str], rules: "Rules") -> M:
    """The query that a query string and the path say together; an empty filter is none.

    Raises `Trouble` 404 or 422.
    """
    if not query:
        data: dict[str, str] = path
    else:
        data = parameters(query)
        if taken := path.keys() & data.keys():
            raise problems.validation_failed([_error(f"/{_escaped(name)}", UNKNOWN) for name in sorted(taken)])
        data = {name: value for name, value in data.items() if value or not _filters(cls, name)}
        rules.check(data)
        data |= path
    try:
        return cls.model_validate_strings(data, extra="forbid")
    except ValidationError as error:
        raise _trouble(error, path) from None


def _filters(cls: type[Message], name: str) -> bool:
    """Whether a question may be narrowed by this; an empty cursor would rather turn its pages for ever."""
    info = cls.model_fields.get(name)
    return info is not None and not info.is_required() and name not in PageOf.model_fields


def parameters(query: bytes) -> dict[str, str]:
    """A query string's parameters, each at most once. Raises `Trouble` 422."""
    try:
        pairs = parse_qsl(
            query.decode("latin-1"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=QUERY_FIELDS_MAX,
        )
    except ValueError:
        raise problems.validation_failed([_error("", "The query string can't be read.")]) from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise problems.validation_failed([_error("", DUPLICATE)])
    return found


class Rules:
    """How parameters of some types must be written, beyond what pydantic would read into them."""

    def __init__(self, rules: dict[str, tuple[Any, str]]) -> None:
        self._rules = rules

    def check(self, data: dict[str, str]) -> None:
        """Raise `Trouble` 422 unless each is written as its rule says."""
        for name, value in data.items():
            pattern, detail = self._rules.get(name, (None, ""))
            if pattern is not None and not pattern.fullmatch(value):
                raise problems.validation_failed([_error(f"/{_escaped(name)}", detail)])


def none_expected(query: bytes) -> None:
    """Refuse parameters where none are known. Raises `Trouble` 422."""
    if query:
        names = list(parameters(query))[:ERRORS_MAX]
        raise problems.validation_failed([_error(f"/{_escaped(name)}", UNKNOWN) for name in names])


def _trouble(error: ValidationError, path: dict[str, str]) -> Trouble:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    if any(item["type"] == "json_invalid" for item in found):
        return problems.malformed_json("The body is not valid JSON.")
    if any(item["loc"] and item["loc"][0] in path for item in found):
        # An id that no id of ours could be: nothing has it.
        return problems.not_found()
    return problems.validation_failed(
        [_error(_pointer(item["loc"]), _detail(item["type"], item["msg"])) for item in found[:ERRORS_MAX]]
    )


def _detail(kind: str, text: str) -> str:
    # People read this; a regular expression is for machines, who find it in the OpenAPI document.
    return {"extra_forbidden": UNKNOWN, "string_pattern_mismatch": WRONG_FORM}.get(
        kind, text.removeprefix("Value error, ")
    )


def _pointer(location: tuple[int | str, ...]) -> str:
    # RFC 6901; pydantic marks an error in a map's key by a last part of its own.
    parts = location[:-1] if location and location[-1] == "[key]" else location
    return "".join(f"/{_escaped(str(part))}" for part in parts)


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _error(pointer: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "detail": detail}
