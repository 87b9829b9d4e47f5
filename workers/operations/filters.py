"""Which sagas and dead letters are asked for."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_

from contracts.operations import ListDeadLetters, ListSagas
from workers.runtime.saga import OPEN
from workers.runtime.tables import dead_letters, sagas


def of_sagas(query: ListSagas, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions that a saga must meet."""
    conditions: list[ColumnElement[bool]] = []
    if query.status is not None:
        conditions.append(sagas.c.phase == query.status)
    if query.type is not None:
        conditions.append(sagas.c.type == query.type)
    if query.operation_id is not None:
        conditions.append(sagas.c.operation_id == query.operation_id)
    if query.stuck is not None:
        late = and_(sagas.c.phase.in_(sorted(OPEN)), sagas.c.deadline_at < now)
        stuck = or_(sagas.c.phase == "stuck", late)
        conditions.append(stuck if query.stuck else ~stuck)
    if query.created_from is not None:
        conditions.append(sagas.c.created_at >= query.created_from)
    if query.created_to is not None:
        conditions.append(sagas.c.created_at < query.created_to)
    return conditions


def of_letters(query: ListDeadLetters) -> list[ColumnElement[bool]]:
    """The conditions that a dead letter must meet."""
    letters = dead_letters.c
    conditions = [letters[name] == value for name in ("queue", "type") if (value := getattr(query, name)) is not None]
    if query.status is not None:
        wanted = None if query.status == "open" else query.status
        conditions.append(letters.resolution.is_not_distinct_from(wanted))
    if query.died_from is not None:
        conditions.append(letters.died_at >= query.died_from)
    if query.died_to is not None:
        conditions.append(letters.died_at < query.died_to)
    return conditions
