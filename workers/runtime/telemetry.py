"""What a worker shows of itself: structured logs, Prometheus metrics and, where asked for, OTLP traces."""

import logging
import sys
from dataclasses import dataclass, field
from typing import Any

import structlog
from opentelemetry import trace
from prometheus_client import Counter, Gauge, Histogram

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass(frozen=True)
class Metrics:
    """The worker's metrics; labels are bounded: message types, domains, outcomes."""

    handled: Counter = field(
        default_factory=lambda: Counter("saldo_messages_handled", "Messages decided", ["type", "outcome"])
    )
    failed: Counter = field(
        default_factory=lambda: Counter("saldo_messages_failed", "Messages that raised", ["domain", "type", "fate"])
    )
    contention: Counter = field(
        default_factory=lambda: Counter("saldo_batch_contention", "Batches tried again for contention", ["error"])
    )
    batch_messages: Histogram = field(
        default_factory=lambda: Histogram("saldo_batch_messages", "Messages per batch", buckets=SIZES)
    )
    batch_seconds: Histogram = field(
        default_factory=lambda: Histogram("saldo_batch_seconds", "Time of one batch's transaction", buckets=SECONDS)
    )
    queue_age_seconds: Histogram = field(
        default_factory=lambda: Histogram(
            "saldo_queue_age_seconds",
            "From sending to taking the oldest message of a bundle",
            ["domain"],
            buckets=SECONDS,
        )
    )
    saga_seconds: Histogram = field(
        default_factory=lambda: Histogram(
            "saldo_saga_seconds", "From a saga's start to its end", ["saga", "phase"], buckets=SECONDS
        )
    )
    queries: Histogram = field(
        default_factory=lambda: Histogram(
            "saldo_query_seconds", "Time of one query", ["type", "outcome"], buckets=SECONDS
        )
    )
    sagas_open: Gauge = field(default_factory=lambda: Gauge("saldo_sagas_open", "Open sagas", ["phase"]))
    oldest_saga_seconds: Gauge = field(
        default_factory=lambda: Gauge("saldo_oldest_saga_seconds", "Age of the oldest open saga", ["phase"])
    )
    unknown: Gauge = field(
        default_factory=lambda: Gauge("saldo_unknown", "Things whose outcome at a provider is unknown", ["domain"])
    )
    oldest_unknown_seconds: Gauge = field(
        default_factory=lambda: Gauge("saldo_oldest_unknown_seconds", "Age of the oldest of them", ["domain"])
    )
    reconciliation_exceptions: Gauge = field(
        default_factory=lambda: Gauge("saldo_reconciliation_exceptions", "Exceptions that need a person", ["kind"])
    )
    untold: Gauge = field(default_factory=lambda: Gauge("saldo_untold_batches", "Batches that are not told yet"))
    oldest_untold_seconds: Gauge = field(
        default_factory=lambda: Gauge("saldo_oldest_untold_seconds", "Age of the oldest of them")
    )
    overdue_timers: Gauge = field(default_factory=lambda: Gauge("saldo_overdue_timers", "Timers that are due"))
    oldest_timer_seconds: Gauge = field(
        default_factory=lambda: Gauge("saldo_oldest_timer_overdue_seconds", "How long the oldest of them has been due")
    )
    dead_letters: Gauge = field(default_factory=lambda: Gauge("saldo_dead_letters", "Unresolved dead letters"))
    invariants_measured: Gauge = field(
        default_factory=lambda: Gauge(
            "saldo_ledger_invariants_measured_timestamp_seconds", "When the ledger's invariants were measured last"
        )
    )
    invariant: Gauge = field(
        default_factory=lambda: Gauge("saldo_ledger_invariant", "Must be zero", ["invariant", "currency"])
    )


metrics = Metrics()


def configure_logs(level: str) -> None:
    """JSON lines on stderr, for our own logs and everybody else's."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _process,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # A lost connection is told by those who notice; the libraries tell of each callback that it fails.
    for noisy in ("aio_pika", "aiormq"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)


def configure_traces(endpoint: str, name: str) -> None:
    """Export spans over OTLP/HTTP to `endpoint`; without one, tracing costs nothing."""
    if not endpoint:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - only if asked for
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)


def _process(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    event["process"] = "workers"
    return event
