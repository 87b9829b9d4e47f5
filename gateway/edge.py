"""The route table: one line binds an HTTP name to a message, and everything else is worked out from the message."""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import AwareDatetime, BaseModel

from contracts import topology
from contracts.message import Asked, Call, Command, Message, Nothing, Query
from gateway import problems
from gateway.response import NO_CONTENT, Response
from gateway.validation import Rules

if TYPE_CHECKING:
    from contracts.envelope import Caller
    from gateway.instance import Instance
    from gateway.request import Request

Endpoint = Callable[["Instance", "Request", "Route", "Caller | None", dict[str, str]], Awaitable[Response]]
Swap = Callable[["Instance", "Request", "Caller", str, Any], Awaitable[tuple[Any, Any]]]
Kind = Literal["command", "call", "query"]

PARAMETER = re.compile(r"\{([a-z_]+)\}")
WHOLE_NUMBER = (re.compile(r"-?[0-9]{1,18}"), "This must be a whole number.")
MOMENT = (
    re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)"),
    "This must be an RFC 3339 date and time with an offset.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One HTTP operation.

    `scope` is the permission that it needs (None: open to all); whoever has `<scope>_any` may see or act on other
    people's things here. `keys_only` says that workers refuse it to people, who can but pass its scope on to API keys.
    `grants` names the field with permissions that are passed on: nobody passes on what they lack. `limit` names a
    stricter rate limit: per address where nobody has said yet who calls, and per caller, beside the usual one, where
    they have. `collection` is where it creates. A `raw` body is somebody else's to define, and reaches the message as
    it is. What `streams` answers with events, for as long as they last. What is `versioned` has an ETag, and a change
    of it may name the one that it was made from.
    """

    method: str
    path: str
    message: type[Asked[Any]]
    kind: Kind
    group: str
    status: int = 200
    money: bool = False
    scope: str | None = None
    keys_only: bool = False
    grants: str | None = None
    limit: str | None = None
    collection: str | None = None
    csv: bool = False
    streams: bool = False
    endpoint: Endpoint | None = None
    raw: bool = False
    body: type[Message] | None = None
    swap: Swap | None = None
    queue: str = ""
    parameters: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    versioned: bool = False
    rules: Rules = field(default_factory=lambda: Rules({}))

    @property
    def name(self) -> str:
        """The route as people write it."""
        return f"{self.method} {self.path}"

    @property
    def said(self) -> type[Message]:
        """What people say here: the message, unless that is made of it at the edge."""
        return self.body or self.message

    @property
    def body_fields(self) -> tuple[str, ...]:
        """The fields that the body says, not the path."""
        return () if self.raw else tuple(name for name in self.said.model_fields if name not in self.parameters)


class Routes:
    """A table of routes, in the order in which people read them."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.routes: list[Route] = []

    def __iter__(self) -> Iterator[Route]:
        return iter(self.routes)

    def says(
        self,
        name: str,
        message: type[Asked[Any]],
        *,
        creates: bool | str = False,
        money: bool = False,
        scope: str | None = None,
        grants: str | None = None,
        limit: str | None = None,
    ) -> None:
        """Bind a name to a command or a call. What it `creates` is found at this path, or at the one that is named."""
        method, path = name.split(" ")
        collection = creates if isinstance(creates, str) else path if creates else None
        # Deleting many things is answered with how many they were.
        silent = message.answer is Nothing or (method == "DELETE" and path.endswith("}"))
        status = 201 if creates else NO_CONTENT if silent else 200
        options = {"money": money, "scope": scope, "grants": grants, "limit": limit, "collection": collection}
        self._add(method, path, message, status=status, **options)

    def hears(self, name: str, message: type[Call[Any]], *, endpoint: Endpoint, limit: str) -> None:
        """Bind a name to a call that strangers make in words of their own, which `endpoint` passes on."""
        method, path = name.split(" ")
        self._add(method, path, message, limit=limit, endpoint=endpoint, raw=True)

    def swaps(
        self, name: str, body: type[Message], swap: Swap, message: type[Asked[Any]], *, scope: str, keys_only: bool
    ) -> None:
        """Bind a name to a money command that creates: callers say `body`, and `swap` makes the command of it.

        What it answers besides is what the fingerprint is taken of.
        """
        method, path = name.split(" ")
        options = {"scope": scope, "keys_only": keys_only, "collection": path, "body": body, "swap": swap}
        self._add(method, path, message, status=201, money=True, **options)

    def asks(
        self,
        name: str,
        message: type[Asked[Any]],
        *,
        scope: str | None = None,
        csv: bool = False,
        streams: bool = False,
        endpoint: Endpoint | None = None,
    ) -> None:
        """Bind a name to a query; an `endpoint` answers in its own way."""
        method, path = name.split(" ")
        self._add(method, path, message, scope=scope, csv=csv, streams=streams, endpoint=endpoint)

    def _add(self, method: str, path: str, message: type[Asked[Any]], **options: Any) -> None:
        parameters = tuple(PARAMETER.findall(path))
        assert set(parameters) <= message.model_fields.keys(), f"{path} names what {message.__name__} has not"
        kind, queue = _kind(message)
        assert not options.get("money") or kind == "command", f"{path}: money moves by commands only"
        self.routes.append(
            Route(
                method=method,
                path=path,
                message=message,
                kind=kind,
                group=self.group,
                queue=queue,
                parameters=parameters,
                maps=_maps(message),
                versioned="version" in getattr(message.answer, "model_fields", ()),
                rules=_rules(message),
                **options,
            )
        )


class Table:
    """Finds the route of a request: fixed paths by a dictionary, the others by their parts."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._paths: dict[str, dict[str, Route]] = {}
        for route in routes:
            methods = self._paths.setdefault(PARAMETER.sub("{}", route.path), {})
            assert route.method not in methods, f"{route.name} is there twice"
            methods[route.method] = route
        self._fixed = {path: methods for path, methods in self._paths.items() if "{}" not in path}
        self._open: dict[int, list[tuple[list[str], dict[str, Route]]]] = {}
        for path, methods in self._paths.items():
            if "{}" in path:
                parts = path.split("/")
                self._open.setdefault(len(parts), []).append((parts, methods))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and its path parameters. Raises `Trouble` 404, 405."""
        methods, values = self.at(path)
        route = methods.get(method) or (methods.get("GET") if method == "HEAD" else None)
        if route is None:
            raise problems.method_not_allowed(allow(methods))
        return route, dict(zip(route.parameters, values, strict=True)) if values else {}

    def at(self, path: str) -> tuple[dict[str, Route], list[str]]:
        """The routes of a path by method, and the values of its parameters. Raises `Trouble` 404."""
        if methods := self._fixed.get(path):
            return methods, []
        parts = path.split("/")
        for template, methods in self._open.get(len(parts), ()):
            if all(name == part or (name == "{}" and part) for name, part in zip(template, parts, strict=True)):
                return methods, [part for name, part in zip(template, parts, strict=True) if name == "{}"]
        raise problems.not_found()


def allow(methods: Iterable[str]) -> str:
    """An `Allow` header."""
    known = {*methods, "OPTIONS"}
    return ", ".join(sorted(known | {"HEAD"} if "GET" in known else known))


def _kind(message: type[Asked[Any]]) -> tuple[Kind, str]:
    if issubclass(message, Command):
        assert not message.internal, f"{message.__name__} is for workers only"
        return "command", topology.slow(message.domain) if message.slow else topology.commands(message.domain)
    if issubclass(message, Call):
        return "call", topology.calls(message.domain)
    assert issubclass(message, Query)
    return "query", topology.queries(message.domain)


def _maps(message: type[BaseModel]) -> tuple[str, ...]:
    maps = tuple(name for name, info in message.model_fields.items() if get_origin(info.annotation) is dict)
    nested = (part for info in message.model_fields.values() for part in _types(info.annotation))
    for part in nested:
        if isinstance(part, type) and issubclass(part, BaseModel):
            assert not _maps(part), f"{part.__name__}: fingerprints need to be told of maps in nested models"
    return maps


def _rules(message: type[Asked[Any]]) -> Rules:
    found = {}
    for name, info in message.model_fields.items():
        types = set(_types(info.annotation))
        if int in types:
            found[name] = WHOLE_NUMBER
        elif types & {datetime, AwareDatetime}:
            found[name] = MOMENT
    return Rules(found)


def _types(annotation: Any) -> Iterator[Any]:
    """All types that an annotation is made of, however deep."""
    try:
        hash(annotation)
    except TypeError:
        return
    yield annotation
    for part in get_args(annotation):
        yield from _types(part)
