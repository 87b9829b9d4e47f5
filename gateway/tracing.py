"""OpenTelemetry traces of requests; without an endpoint they cost nothing, and the client's context is passed on."""

import asyncio
from typing import TYPE_CHECKING

from gateway.request import Request

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

TRACE_ID = slice(3, 35)
SERVER_ERROR = 500


class Tracing:
    """A server span per request, whose context travels on in the envelopes."""

    def __init__(self, endpoint: str) -> None:
        self._provider = _provider(endpoint) if endpoint else None
        self._tracer = self._provider.get_tracer("saldo.gateway") if self._provider else None

    def begin(self, request: Request, route: str) -> None:
        """Open the request's span; `request.traceparent` becomes its own context."""
        if self._tracer is None:
            return
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 - not even loaded when off
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        propagator = TraceContextTextMapPropagator()
        incoming = {"traceparent": request.traceparent} if request.traceparent else {}
        attributes = {"http.request.method": request.method, "http.route": route, "saldo.request": request.id}
        request.span = self._tracer.start_span(
            f"{request.method} {route}",
            context=propagator.extract(incoming),
            kind=SpanKind.SERVER,
            attributes=attributes,
        )
        context = request.span.get_span_context()
        request.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"

    def end(self, request: Request, status: int) -> None:
        """Close the request's span."""
        if request.span is not None:
            from opentelemetry.trace import StatusCode  # noqa: PLC0415 - not even loaded when off

            request.span.set_attribute("http.response.status_code", status)
            if status >= SERVER_ERROR:
                request.span.set_status(StatusCode.ERROR)
            request.span.end()

    async def stop(self) -> None:
        """Send what is left."""
        if self._provider is not None:
            await asyncio.to_thread(self._provider.shutdown)


def trace_id(traceparent: str | None) -> str:
    """The trace id of a W3C trace context, for logs."""
    return traceparent[TRACE_ID] if traceparent else ""


def _provider(endpoint: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": "saldo-gateway"}), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
