"""What a gateway consists of, and how it starts, gets ready, drains and stops."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog
from aio_pika.exceptions import AMQPError

from contracts import ids, topology
from contracts.bus import Bus
from gateway.access import Access
from gateway.api_keys import ApiKeys
from gateway.cache import Cache
from gateway.caller import Callers
from gateway.idempotency import OperationIds
from gateway.keys import SigningKeys
from gateway.logs import AccessLog
from gateway.metrics import Metrics
from gateway.operations import Operations
from gateway.outcomes import Outcomes
from gateway.publisher import Publisher
from gateway.questions import Questions
from gateway.rate_limit import Policy, RateLimit
from gateway.replies import Replies
from gateway.settings import Settings
from gateway.tracing import Tracing

CONNECT_AGAIN_SECONDS = BEGIN_ANEW_SECONDS = LAST_NOTE_SECONDS = 1.0

type Work[**P] = Callable[P, Coroutine[Any, Any, None]]

log = structlog.get_logger()


class Instance:
    """One gateway instance: everything that its routes need."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = ids.new("gw").removeprefix("gw_")
        self.reply_to = topology.replies(self.name)
        self.metrics = Metrics()
        self.access = AccessLog(None, enabled=settings.access_log)
        self.tracing = Tracing(settings.otel_exporter_otlp_endpoint)
        self.bus = Bus(
            settings.amqp_url.get_secret_value(),
            name=f"gateway {self.name}",
            confirm_timeout_seconds=settings.confirm_timeout_seconds,
        )
        self.cache = Cache(settings.redis_url.get_secret_value())
        self.ids = OperationIds(settings.operation_id_key)
        self._correlate(settings)
        self.keys = SigningKeys(self.questions)
        self._limit(settings)
        self.api_keys = ApiKeys(
            self.questions,
            self.rights,
            self.limits["wrong_key"],
            cache_size=settings.token_cache_size,
            cache_seconds=settings.api_key_cache_seconds,
        )
        self.callers = Callers(self.keys, self.rights, self.api_keys, settings.token_cache_size)
        self._tasks: set[asyncio.Task[None]] = set()
        self.draining = False

    @property
    def missing(self) -> list[str]:
        """What keeps this gateway from being ready."""
        checks = {
            "broker": self.bus.ready,
            "replies": self._replies.heard,
            "signing_keys": self.keys.loaded,
            "access": self.rights.loaded,
            "running": not self.draining,
        }
        return [name for name, good in checks.items() if not good]

    def start(self) -> None:
        """Begin to get ready; requests that come before are told that we are busy."""
        settings = self.settings
        operations, outcomes = self.operations, self.outcomes
        self._run(self._connect)
        self._run(operations.ask_for_ever, settings.ask_again_seconds)
        self._run(outcomes.save_for_ever)
        self._run(self.api_keys.note_for_ever, settings.api_key_note_seconds)
        self._run(outcomes.listen_for_ever, operations.wanted, operations.tell)

    async def drain(self) -> None:
        """Stop being ready; after a while, let go of everybody who still waits."""
        self.draining = True
        await asyncio.sleep(self.settings.drain_seconds)
        self.operations.drain()

    async def stop(self) -> None:
        """Close everything."""
        await self.api_keys.note(LAST_NOTE_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.questions.stop()
        await self.bus.stop()
        await self.cache.close()
        await self.tracing.stop()
        self.access.flush()

    def _correlate(self, settings: Settings) -> None:
        self.publisher = Publisher(self.bus, self.metrics)
        self.questions = Questions(
            self.publisher,
            self.reply_to,
            query_timeout_seconds=settings.query_timeout_seconds,
            call_timeout_seconds=settings.call_timeout_seconds,
        )
        self.outcomes = Outcomes(self.cache, self.metrics, instance=self.name, ttl_seconds=settings.outcome_ttl_seconds)
        self.operations = Operations(
            self.publisher,
            self.questions,
            self.outcomes,
            self.ids,
            acceptance_wait_seconds=settings.acceptance_wait_seconds,
        )
        self.rights = Access(self.questions)
        self._replies = Replies(self.reply_to, self.questions, self.operations, self.rights, self.metrics)
        self.metrics.watch("saldo_waiters", "Requests that wait for word.", lambda: self.operations.waiting)

    def _limit(self, settings: Settings) -> None:
        stricter = (
            Policy("register", settings.register_limit_per_minute, strict=True, closed=True),
            Policy("login", settings.login_limit_per_minute, strict=True, closed=True),
            Policy("refresh", settings.refresh_limit_per_minute, strict=True),
            Policy("reset", settings.reset_limit_per_minute, strict=True),
            Policy("password", settings.password_limit_per_minute, strict=True),
            Policy("totp", settings.totp_limit_per_minute, strict=True),
            Policy("callbacks", settings.callback_limit_per_minute, closed=True),
            # A good key must not depend on Redis, so wrong ones are counted by each gateway alone while it is away.
            Policy("wrong_key", settings.wrong_key_limit_per_minute),
        )
        self.limit = RateLimit(Policy("caller", settings.rate_limit_per_minute), self.cache)
        self.limits = {policy.name: RateLimit(policy, self.cache) for policy in stricter}

    async def _connect(self) -> None:
        while not self._replies.heard:
            # However the attempt before went wrong, its connection is not left to itself.
            with suppress(AMQPError, OSError, TimeoutError):
                await self.bus.stop()
            try:
                await self.bus.start()
                await self._replies.start(self.bus)
            except (AMQPError, OSError, TimeoutError) as error:
                log.warning("broker_not_reached", error=type(error).__name__)
                await asyncio.sleep(CONNECT_AGAIN_SECONDS)
        self.bus.connection.reconnect_callbacks.add(self._reconnected)
        self._run(self._replies.listen_to_itself_for_ever, self.bus, self.settings.echo_seconds)
        self._run(self.rights.load_for_ever)
        self._run(self._learn_keys)

    async def _learn_keys(self) -> None:
        await self.keys.load()
        log.info("ready", instance=self.name)
        await self.keys.reload_for_ever(self.settings.keys_reload_seconds)

    def _reconnected(self, *_: Any) -> None:
        log.info("broker_reconnected")
        self.rights.doubt()
        self.operations.ask_again()

    def _run[**P](self, work: Work[P], *args: P.args, **kwargs: P.kwargs) -> None:
        task = asyncio.create_task(_persistently(lambda: work(*args, **kwargs)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _persistently(work: Work[[]]) -> None:
    """Begin anew after a failure: without one of these a gateway lives and serves nobody."""
    while True:
        try:
            return await work()
        except Exception:
            log.exception("background_task_failed")
            await asyncio.sleep(BEGIN_ANEW_SECONDS)
