"""What can be asked about operations; the runtime itself writes them."""

from sqlalchemy import select

from contracts.message import NotFound
from contracts.operations import GetOperation, OperationView
from workers.runtime.handlers import Queries
from workers.runtime.reading import Reading
from workers.runtime.tables import operations

queries = Queries("operations")

SHOWN = [operations.c[name] for name in OperationView.model_fields]


@queries.query(GetOperation)
async def get_operation(query: GetOperation, reading: Reading) -> OperationView:
    """Where a command stands, for its caller. Raises `NotFound`."""
    row = await reading.row(select(operations.c.principal, *SHOWN).where(operations.c.id == query.operation_id))
    if row is None or not reading.caller.owns(row.principal):
        raise NotFound
    return OperationView.model_validate(row, from_attributes=True)
