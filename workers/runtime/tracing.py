"""Spans of messages at work, joined to their caller's trace (W3C trace context); without an exporter they are free."""

import time
from collections.abc import Iterable

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from contracts.envelope import Envelope

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("saldo.workers")


def enabled() -> bool:
    """Whether spans go anywhere."""
    return isinstance(trace.get_tracer_provider(), TracerProvider)


def about(envelope: Envelope) -> dict[str, str | int]:
    """What a line in the log says of a message, so that its operation, its request and its trace can be found."""
    _, _, trace_id = (envelope.traceparent or "").partition("-")
    said: dict[str, str | int | None] = {
        "type": envelope.type,
        "id": envelope.id,
        "operation": envelope.operation,
        "request": envelope.request,
        "attempt": envelope.attempt,
        "trace_id": trace_id.partition("-")[0] or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def begin(envelope: Envelope, queue: str) -> Span | None:
    """A span for the handling of one message, below the one that sent it."""
    if envelope.traceparent is None or not enabled():
        return None
    parent = _propagator.extract({"traceparent": envelope.traceparent})
    attributes: dict[str, str | int] = {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": queue,
        "messaging.message.id": envelope.id,
        "saldo.operation": envelope.operation or "",
        "saldo.attempt": envelope.attempt,
    }
    return _tracer.start_span(f"handle {envelope.type}", parent, SpanKind.CONSUMER, attributes)


def traceparent(span: Span) -> str:
    """The W3C header that continues from this span."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(span))
    return carrier["traceparent"]


def saved(spans: Iterable[Span], begun_ns: int, batch: str, messages: int) -> None:
    """The batch's transaction, shown below each of its messages."""
    attributes: dict[str, str | int] = {
        "db.system.name": "postgresql",
        "db.operation.name": "TRANSACTION",
        "saldo.batch": batch,
        "saldo.batch.messages": messages,
    }
    ended = time.time_ns()
    for span in spans:
        context = trace.set_span_in_context(span)
        child = _tracer.start_span("postgresql transaction", context, SpanKind.CLIENT, attributes, start_time=begun_ns)
        child.end(ended)
