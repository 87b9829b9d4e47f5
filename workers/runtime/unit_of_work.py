"""The world of a batch, and one message's own view of it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, cast

from contracts import ids, topology
from contracts.envelope import Caller, Envelope, encode
from contracts.message import Command, Event, NotFound
from workers.runtime.audit import Entry, Shown, difference
from workers.runtime.codes import Code
from workers.runtime.needs import Matching, Need, Rows
from workers.runtime.stored import Entity
from workers.runtime.tables import Claim, Timer

type Index = tuple[type[Any], tuple[str, ...]]


type Row = tuple[type[Any], str]
type Rowset = defaultdict[type[Any], dict[str, Any]]


def rowset() -> Rowset:
    """Rows by type and key."""
    return defaultdict(dict)


@dataclass(slots=True)
class Changes:
    """Rows to insert, update and delete. Deleted ones are named by their keys alone."""

    inserted: Rowset = field(default_factory=rowset)
    updated: Rowset = field(default_factory=rowset)
    removed: dict[type[Any], set[str]] = field(default_factory=dict)

    def of[E](self, kind: type[E]) -> list[E]:
        """The rows of a kind as they will be."""
        return [*self.inserted[kind].values(), *self.updated[kind].values()]


@dataclass(slots=True)
class World:
    """What a batch has loaded, locked and decided so far. `None` stands for a row that was looked for in vain.

    What is `inserted`, `updated` and `removed` has not been saved yet. `touched` are the rows that the part at work was
    the first to change: they are saved with it, each in its newest state.
    """

    now: datetime
    entities: Rowset = field(default_factory=rowset)
    indexes: dict[Index, dict[tuple[Any, ...], set[str]]] = field(default_factory=dict)
    inserted: Rowset = field(default_factory=rowset)
    updated: Rowset = field(default_factory=rowset)
    removed: dict[type[Any], set[str]] = field(default_factory=dict)
    touched: list[Row] = field(default_factory=list)

    def missing(self, needs: Iterable[Need]) -> list[Need]:
        """What of `needs` has not been loaded yet."""
        return [rest for need in needs if (rest := self._missing(need)) is not None]

    def insert(self, entity: Entity) -> None:
        """A new row; one that is there already is somebody else's."""
        kind, key = type(entity), entity.id
        assert self.entities[kind].get(key) is None, f"{kind.__name__} {key} is there already"
        self.inserted[kind][key] = self.entities[kind][key] = entity
        self.touched.append((kind, key))
        if self.indexes:
            self._index(entity)

    def claim(self, claim: Claim) -> None:
        """A message is handled by a domain; others hosted here may handle the same one."""
        key = f"{claim.domain} {claim.id}"
        self.inserted[Claim][key] = claim
        self.touched.append((Claim, key))

    def update(self, entity: Entity) -> None:
        """A row with new values; one that this batch inserted is inserted with them."""
        kind, key = type(entity), entity.id
        changed = self.inserted[kind]
        if key not in changed:
            changed = self.updated[kind]
            if key not in changed:
                self.touched.append((kind, key))
        changed[key] = self.entities[kind][key] = entity
        if self.indexes:
            self._index(entity)

    def remove(self, kind: type[Any], key: str) -> None:
        """Delete a row, or don't insert it; from now on it is not found."""
        self.updated[kind].pop(key, None)
        if self.inserted[kind].pop(key, None) is None:
            self.removed.setdefault(kind, set()).add(key)
        self.entities[kind][key] = None

    def take(self, touched: Iterable[Row]) -> Changes:
        """What is to be saved of these rows; they count as saved from now on."""
        taken = Changes(removed=self.removed)
        self.removed = {}
        for kind, key in touched:
            if (row := self.inserted[kind].pop(key, None)) is not None:
                taken.inserted[kind][key] = row
            elif (row := self.updated[kind].pop(key, None)) is not None:
                taken.updated[kind][key] = row
        return taken

    def take_all(self) -> Changes:
        """What has not been saved yet; it counts as saved from now on."""
        taken = Changes(self.inserted, self.updated, self.removed)
        self.inserted, self.updated, self.removed = rowset(), rowset(), {}
        return taken

    def remember(self, kind: type[Any], key: str, entity: Any) -> None:
        """A loaded row; what the batch has decided since is not overwritten."""
        known = self.entities[kind]
        if known.get(key) is None:
            known[key] = entity

    def _missing(self, need: Need) -> Need | None:
        if isinstance(need, Matching):
            return None if need.values in self.indexes.get((need.entity, need.columns), {}) else need
        known = self.entities[need.entity]
        keys = tuple([key for key in need.keys if key not in known])
        return Rows(need.entity, keys) if keys else None

    def _index(self, entity: Entity) -> None:
        for (kind, columns), index in self.indexes.items():
            if kind is type(entity):
                found = index.get(tuple(getattr(entity, column) for column in columns))
                if found is not None:
                    found.add(entity.id)


class Sent(NamedTuple):
    """A message that leaves a handler, before it has an envelope of its own.

    A saga's command names its `id`, its `saga` and where that is answered. One that is asked `again` goes through the
    broker, so that the recipient's inbox recognises it. `operation` is another one than that of the message at work;
    `queue` is where a message goes that is no command of a domain.
    """

    message: Any
    id: str | None = None
    saga: str | None = None
    reply_to: str | None = None
    again: bool = False
    operation: str | None = None
    queue: str | None = None


class UnitOfWork:
    """What one handler sees and decides. Nothing of it counts unless the handler returns."""

    __slots__ = (
        "_added",
        "_removed",
        "_world",
        "_written",
        "envelope",
        "finished",
        "forwarded",
        "outputs",
        "prepared",
        "revealed",
    )

    def __init__(self, world: World, envelope: Envelope, prepared: Any = None) -> None:
        self._world = world
        self.envelope = envelope
        self._written: dict[Row, Any] = {}
        self._added: set[Row] = set()
        self._removed: list[Row] = []
        self.outputs: list[Sent] = []
        self.finished: list[tuple[dict[str, Any], Any]] = []
        self.forwarded: tuple[tuple[str, Envelope], ...] = ()
        self.prepared = prepared
        self.revealed: dict[str, str | Code] = {}

    @property
    def now(self) -> datetime:
        """The batch's time, UTC."""
        return self._world.now

    @property
    def caller(self) -> Caller:
        """On whose behalf."""
        assert self.envelope.caller is not None, "this message has no caller"
        return self.envelope.caller

    @property
    def address(self) -> str | None:
        """The network address that the edge saw, if any: also of somebody who is not logged in yet."""
        return None if self.envelope.caller is None else self.envelope.caller.address

    @property
    def device(self) -> str | None:
        """What the client calls itself, where the edge says so."""
        return None if self.envelope.caller is None else self.envelope.caller.device

    @property
    def request_id(self) -> str | None:
        """The request as its sender knows it: by the id that they gave it, or that we answered with."""
        caller = self.envelope.caller
        return (None if caller is None else caller.request) or self.envelope.request

    @property
    def operation_id(self) -> str:
        """The operation that this message belongs to."""
        assert self.envelope.operation is not None, "this message belongs to no operation"
        return self.envelope.operation

    @property
    def message_id(self) -> str:
        """The message's own id: the same on each delivery."""
        return self.envelope.id

    def id(self, prefix: str) -> str:
        """An identifier derived from the message: its operation's body for a root command, else a hash."""
        if self.envelope.id == self.envelope.operation:
            return ids.sibling(prefix, self.envelope.id)
        return ids.derived(prefix, self.envelope.id)

    def get[E](self, entity: type[E], key: str) -> E:
        """A row that `needs` declared. Raises `NotFound`."""
        found = self.find(entity, key)
        if found is None:
            raise NotFound
        return found

    def find[E](self, entity: type[E], key: str) -> E | None:
        """A row that `needs` declared, if it exists."""
        own = self._written.get((entity, key))
        if own is not None:
            return cast("E", own)
        known = self._world.entities[entity]
        assert key in known, f"{entity.__name__} was not declared in needs"
        return cast("E | None", known[key])

    def matching[E](self, entity: type[E], **columns: Any) -> list[E]:
        """The rows that have these values, in order of their ids; `needs` declared the same columns."""
        names, values = tuple(columns), tuple(columns.values())
        index = self._world.indexes.get((entity, names), {})
        assert values in index, f"{entity.__name__} by {names} was not declared in needs"
        keys = index[values] | {key for kind, key in self._written if kind is entity}
        found = [self.find(entity, key) for key in sorted(keys)]
        return [one for one in found if one is not None and tuple(getattr(one, name) for name in names) == values]

    def add(self, entity: Entity) -> None:
        """Insert a row."""
        row = type(entity), entity.id
        self._written[row] = entity
        self._added.add(row)

    def save(self, entity: Entity) -> None:
        """Update a row's mutable columns. Only what `needs` declared is locked, so only that may change."""
        row = kind, key = type(entity), entity.id
        known = row in self._written or self._world.entities[kind].get(key) is not None
        assert known, f"{kind.__name__} was not declared in needs"
        self._written[row] = entity

    def remove(self, kind: type[Any], key: str) -> None:
        """Delete a row: of the runtime's own, or of what may be purged. Money never is."""
        self._removed.append((kind, key))

    def emit(self, event: Event, *, operation: str | None = None) -> None:
        """Tell everybody who listens, once this is committed, as a part of this message's operation or another one."""
        self.outputs.append(Sent(event, operation=operation))

    def reveal(self, **values: str | Code) -> None:
        """Show these in the operation's answer, to its own principal, for some minutes; the view has them as null.

        They are what the command's answer marks as `Revealed`. Nothing else ever holds a value that must not be kept.
        """
        self.revealed |= values

    def send(self, command: Command[Any]) -> None:
        """Have an internal command of the own domain carried out, once this is committed; nobody hears its answer."""
        self.outputs.append(Sent(command))

    def later(self, command: Command[Any], at: datetime) -> str:
        """Send an internal command of the own domain at a time; the answer is the timer, for `forget`.

        It comes as a part of the same operation, with the timer's id as its own, on nobody's behalf.
        """
        assert command.internal, "what people say has no timer"
        timer, cause = ids.new("tim"), self.envelope
        envelope = Envelope(
            timer,
            command.wire_name,
            command,
            operation=cause.operation,
            request=cause.request,
            cause=cause.id,
            traceparent=cause.traceparent,
        )
        self.add(Timer(timer, at, topology.commands(command.domain), encode(envelope).decode()))
        return timer

    def forget(self, timer: str) -> None:
        """Don't, unless it has been sent already."""
        self.remove(Timer, timer)

    def audit(
        self,
        key: str,
        *,
        before: Shown = None,
        after: Shown = None,
        reason: str | None = None,
        actor: str | None = None,
    ) -> None:
        """Write down that the caller changed the thing `key`, and from where. Of a change of nothing there is no entry.

        `before` and `after` are views, or a few fields; what names or looks like a secret is hidden, of two only the
        difference is kept. They stay for ever, so nothing personal belongs in them. `actor` is for somebody who has no
        token yet.
        """
        old, new = difference(before, after)
        if old == new and before is not None:
            return
        envelope = self.envelope
        self.add(
            Entry(
                ids.new("aud"),
                actor or self.caller.principal,
                envelope.type.rpartition(".")[0],
                key,
                old,
                new,
                self.address,
                self.request_id,
                envelope.operation,
                reason,
                self.now,
            )
        )

    def forward(self, queue: str, envelope: Envelope) -> None:
        """Send somebody else's message on as it is, once this is committed."""
        self.forwarded = (*self.forwarded, (queue, envelope))

    def finish(self, context: dict[str, Any], told: Any) -> None:
        """End the operation that a saga was started by."""
        self.finished.append((context, told))

    def merge(self) -> None:
        """Make what was decided part of the world."""
        for row, entity in self._written.items():
            if row in self._added:
                self._world.insert(entity)
            else:
                self._world.update(entity)
        for kind, key in self._removed:
            self._world.remove(kind, key)
