"""Operations over HTTP: the durable answer behind every 202."""

from contracts.operations import GetOperation, ListAudit
from gateway import answers, events
from gateway.edge import Routes

routes = Routes("Operations")
routes.asks("GET /v1/operations/{operation_id}", GetOperation, endpoint=answers.operation, scope="operations:read")
routes.asks(
    "GET /v1/operations/{operation_id}/events",
    GetOperation,
    endpoint=events.stream,
    streams=True,
    scope="operations:read",
)
routes.asks("GET /v1/audit", ListAudit, scope="audit:read")
