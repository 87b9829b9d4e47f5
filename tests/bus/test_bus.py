"""What the bus says of a publish is true: accepted, certainly not accepted, or unknown."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aio_pika
import pytest
from aiormq.exceptions import AMQPError

from contracts import topology
from contracts.bus import Bus, NotSent, Unconfirmed, user_of
from ops.local import ports, rabbitmq_binary
from ops.local.home import Home
from ops.local.rabbitmq import GATEWAY, LISTENERS, RabbitMQ
from tests.servers import Vhost, Vhosts
from tests.system import eventually

QUEUE = topology.commands("transfers")


@pytest.fixture
async def bus(vhost: Vhost) -> AsyncIterator[Bus]:
    bus = Bus(vhost.gateway_url, name="test", confirm_timeout_seconds=1)
    await bus.start()
    yield bus
    await bus.stop()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    broker = RabbitMQ(Home(tmp_path_factory.mktemp("broker")))
    broker.start()
    yield broker
    broker.clear()


@pytest.fixture
async def own_bus(broker: RabbitMQ, alone: None) -> AsyncIterator[Bus]:
    del alone
    bus = Bus(broker.url(GATEWAY), name="test", confirm_timeout_seconds=1)
    await bus.start()
    yield bus
    await bus.stop()


async def _get(vhost: Vhost, queue: str) -> aio_pika.abc.AbstractIncomingMessage | None:
    async with await aio_pika.connect(vhost.workers_url) as connection:
        channel = await connection.channel()
        return await (await channel.get_queue(queue, ensure=False)).get(fail=False)


async def test_a_confirmed_message_is_durable_and_says_who_sent_it(bus: Bus, vhost: Vhost) -> None:
    await bus.publish(topology.COMMANDS, QUEUE, b"[]")
    found = await _get(vhost, QUEUE)
    assert found is not None
    assert found.body == b"[]"
    assert found.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert found.user_id == user_of(vhost.gateway_url)


async def test_what_no_queue_takes_was_not_sent(bus: Bus) -> None:
    with pytest.raises(NotSent):
        await bus.publish(topology.COMMANDS, "nobody.commands", b"[]")


async def test_an_answer_to_nobody_is_no_error(bus: Bus) -> None:
    await bus.reply("gateway.gone.replies", b"[]")
    await bus.publish(topology.COMMANDS, QUEUE, b"[]")


async def test_the_delay_queue_brings_a_message_back_to_where_it_came_from(bus: Bus, vhost: Vhost) -> None:
    await bus.publish(topology.DELAY, topology.slow("topups"), b"[1]", delay_seconds=0.1)
    for _ in range(100):
        found = await _get(vhost, topology.slow("topups"))
        if found is not None:
            break
        await asyncio.sleep(0.05)
    assert found is not None
    assert found.body == b"[1]"


async def test_nobody_speaks_in_anothers_name(vhost: Vhost) -> None:
    async with await aio_pika.connect(vhost.gateway_url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(topology.COMMANDS, ensure=False)
        with pytest.raises(aio_pika.exceptions.ChannelClosed):
            await exchange.publish(aio_pika.Message(b"[]", user_id="workers"), QUEUE)


async def test_everybody_may_declare_the_topology_again(bus: Bus, vhost: Vhost) -> None:
    again = Bus(vhost.workers_url, name="again")
    await again.start()
    await again.stop()
    assert bus.ready


async def test_a_queue_that_got_lost_with_the_broker_is_declared_after_the_reconnect(
    vhost: Vhost, vhosts: Vhosts
) -> None:
    bus = Bus(vhost.gateway_url, name="loser")
    await bus.start()
    await vhosts.call("DELETE", f"queues/{vhost.name}/{QUEUE}")
    assert await vhosts.drop_connections(vhost, "loser") == 1

    async def sent() -> bool:
        with suppress(NotSent, Unconfirmed):
            await bus.publish(topology.COMMANDS, QUEUE, b"[]")
            return True
        return False

    await eventually("the queue is there again", 20, sent)
    await bus.stop()


async def test_a_topology_that_cannot_be_is_told_at_the_start(vhost: Vhost, vhosts: Vhosts) -> None:
    await vhosts.call("PUT", f"queues/{vhost.name}/{QUEUE}", {"durable": True})
    bus = Bus(vhost.workers_url, name="test")
    with pytest.raises(AMQPError):
        await bus.start()
    await bus.stop()


@contextmanager
def _frozen(broker: RabbitMQ) -> Iterator[None]:
    process = broker.daemon.pid
    assert process is not None
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


async def test_a_frozen_broker_leaves_it_unknown(own_bus: Bus, broker: RabbitMQ) -> None:
    with _frozen(broker), pytest.raises(Unconfirmed):
        await own_bus.publish(topology.COMMANDS, QUEUE, b"[]")
    await own_bus.publish(topology.COMMANDS, QUEUE, b"[]")


async def test_whoever_is_cancelled_while_closing_is_cancelled(own_bus: Bus, broker: RabbitMQ) -> None:
    with _frozen(broker):
        stopping = asyncio.create_task(own_bus.stop())
        await asyncio.sleep(0.1)
        stopping.cancel()
        await asyncio.wait({stopping}, timeout=1)
        assert stopping.cancelled()


async def _publish_for_ever(bus: Bus) -> None:
    async with asyncio.timeout(20):
        while True:
            await bus.publish(topology.COMMANDS, QUEUE, b"[]")
            await asyncio.sleep(0.1)


async def test_a_blocked_broker_is_told_apart(own_bus: Bus, broker: RabbitMQ) -> None:
    _control(broker, "set_vm_memory_high_watermark", "0.0000001")
    try:
        # It looks at its memory now and then, and says that it blocks with the first message that it doesn't take.
        with pytest.raises((Unconfirmed, NotSent)):
            await _publish_for_ever(own_bus)
        assert not own_bus.ready
        with pytest.raises(NotSent):
            await own_bus.publish(topology.COMMANDS, QUEUE, b"[]")
    finally:
        _control(broker, "set_vm_memory_high_watermark", "0.4")
    await _until_ready(own_bus)
    await own_bus.publish(topology.COMMANDS, QUEUE, b"[]")


async def test_a_killed_broker_is_away_and_comes_back(own_bus: Bus, broker: RabbitMQ) -> None:
    await own_bus.publish(topology.COMMANDS, QUEUE, b"[]")
    broker.kill()
    for _ in range(50):
        if not own_bus.ready:
            break
        await asyncio.sleep(0.05)
    with pytest.raises(NotSent):
        await own_bus.publish(topology.COMMANDS, QUEUE, b"[]")
    await asyncio.to_thread(broker.start)
    await _until_ready(own_bus)
    await own_bus.publish(topology.COMMANDS, QUEUE, b"[]")


async def _until_ready(bus: Bus) -> None:
    for _ in range(400):
        if bus.ready:
            break
        await asyncio.sleep(0.05)
    else:
        pytest.fail("the bus did not come back")


def _control(broker: RabbitMQ, *arguments: str) -> None:
    chosen = {name: ports.remembered(broker.home, name) or 0 for name in LISTENERS}
    program = Path(rabbitmq_binary.find()).with_name("rabbitmqctl")
    command = [str(program), "-n", "saldo@localhost", *arguments]
    subprocess.run(command, env=broker._environment(chosen), check=True, capture_output=True, timeout=60)
