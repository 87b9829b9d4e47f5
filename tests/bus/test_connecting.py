"""A connection that was given up doesn't come back: it would consume beside the next, and keep its process alive."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aio_pika.exceptions import AMQPConnectionError, AMQPError

from contracts import topology
from contracts.bus import Bus
from tests.servers import Vhost
from workers.runtime.listening import Listening

OPEN = [
    pytest.param(lambda url: Bus(url, name="test").start(), id="publishing"),
    pytest.param(lambda url: Listening(url, "test").start(), id="consuming"),
]

Open = Callable[[str], Awaitable[None]]
Silent = tuple[str, asyncio.Queue[asyncio.StreamReader]]


@pytest.fixture
async def silent() -> AsyncIterator[Silent]:
    """A broker that takes connections and says nothing; where it is, and who comes."""
    came: asyncio.Queue[asyncio.StreamReader] = asyncio.Queue()
    writers: list[asyncio.StreamWriter] = []

    def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.put_nowait(reader)
        writers.append(writer)

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    yield f"amqp://a:b@127.0.0.1:{server.sockets[0].getsockname()[1]}/", came
    for writer in writers:
        writer.close()
    server.close()


@pytest.mark.parametrize("start", OPEN)
async def test_one_cancelled_while_it_is_made(start: Open, silent: Silent) -> None:
    url, came = silent
    before = asyncio.all_tasks()
    starting = asyncio.ensure_future(start(url))
    async with asyncio.timeout(5):
        connection = await came.get()
        await connection.readexactly(len(b"AMQP0091"))
        starting.cancel()
        await asyncio.wait({starting})
        assert starting.cancelled()
        assert await connection.read() == b""
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before


@pytest.mark.parametrize("start", OPEN)
async def test_one_that_nobody_takes(start: Open) -> None:
    before = asyncio.all_tasks()
    with pytest.raises(AMQPConnectionError):
        await start("amqp://a:b@127.0.0.1:1/")
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before


async def _refuse(*_: object, **__: object) -> None:
    raise AMQPError


async def test_one_whose_subscriber_does_not_stop(vhost: Vhost, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Bus(vhost.workers_url, name="test")
    await bus.start()
    await bus.stop()
    listening = Listening(vhost.workers_url, "test")
    listening.listen(topology.commands("transfers"), 1, _refuse)
    await listening.start()
    monkeypatch.setattr(type(listening.subscribers[0]), "stop", _refuse)
    await listening.pause()
    connection = await listening.connect()
    await listening.close()
    assert connection.is_closed


async def test_one_that_gets_no_channel(vhost: Vhost, monkeypatch: pytest.MonkeyPatch) -> None:
    before = asyncio.all_tasks()
    listening = Listening(vhost.workers_url, "test")
    monkeypatch.setattr(listening.config.channel_manager.__class__, "get_channel", _refuse)
    with pytest.raises(AMQPError):
        await listening.start()
    await listening.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before
