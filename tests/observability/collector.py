"""An OTLP collector in the test's own process: real exports come in, spans come out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """What a test looks at. Ids in hexadecimal; `parent` is empty for the first of a trace."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, str]


class Collector:
    """Keeps every span that it is sent, and the exports as they came."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.exports: list[bytes] = []
        self.url = ""

    async def named(self, name: str, trace: str, *, seconds: float = 20.0) -> Span:
        """The first span of this name in this trace, once it has been exported."""
        async with asyncio.timeout(seconds):
            while True:
                for span in self.spans:
                    if span.name == name and span.trace == trace:
                        return span
                await asyncio.sleep(0.1)

    async def take(self, request: web.Request) -> web.Response:
        """One export."""
        self.exports.append(await request.read())
        export = ExportTraceServiceRequest.FromString(self.exports[-1])
        for resource in export.resource_spans:
            service = next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name")
            self.spans += [
                Span(
                    service,
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    {a.key: a.value.string_value for a in span.attributes},
                )
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        return web.Response(content_type="application/x-protobuf")


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector while the block runs."""
    collector = Collector()
    app = web.Application(client_max_size=2**24)
    app.add_routes([web.post("/v1/traces", collector.take)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.url = "http://{}:{}".format(*runner.addresses[0])
    try:
        yield collector
    finally:
        await runner.cleanup()
