"""Lets happen what is due, and tells Saldo of it: callbacks signed as Standard Webhooks says, until they are taken."""

import asyncio
import base64
import hashlib
import hmac
import time
from contextlib import suppress
from http import HTTPStatus

import aiohttp

from sandbox import log
from sandbox.settings import Settings
from sandbox.store import Notice, Store

BATCH = 32
IDLE_SECONDS = 1.0
RETRY_FACTOR_MAX = 64


class Callbacks:
    """One task for all of it."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._http: aiohttp.ClientSession | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        timeout = aiohttp.ClientTimeout(total=self._settings.callback_timeout_seconds)
        self._http = aiohttp.ClientSession(timeout=timeout)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; what was not told is told after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def tell_now(self, payment_id: str) -> None:
        """Tell of one payment before anything else happens, once."""
        if self._settings.callback_url is not None:
            for notice in await self._store.notices_of(payment_id):
                await self._tell(notice)

    async def _run(self) -> None:
        while True:
            self._store.changed.clear()
            try:
                await self._store.happen()
                told = await self._tell_due()
                waiting = await self._store.waiting_seconds(telling=self._settings.callback_url is not None)
            except Exception:  # noqa: BLE001 - a bank that loses its clerk for ever is no provider
                log.LOGGER.exception("callbacks_failed")
                told, waiting = 0, IDLE_SECONDS
            if not told:
                with suppress(TimeoutError):
                    await asyncio.wait_for(
                        self._store.changed.wait(), IDLE_SECONDS if waiting is None else min(waiting, IDLE_SECONDS)
                    )

    async def _tell_due(self) -> int:
        if self._settings.callback_url is None:
            return 0
        due = await self._store.notices(BATCH)
        await asyncio.gather(*(self._tell(notice) for notice in due))
        return len(due)

    async def _tell(self, notice: Notice) -> None:
        if await self._taken(notice):
            await self._store.noticed(notice.id)
        else:
            factor = min(2**notice.attempts, RETRY_FACTOR_MAX)
            await self._store.postpone(notice.id, self._settings.callback_retry_seconds * factor)

    async def _taken(self, notice: Notice) -> bool:
        settings = self._settings
        assert settings.callback_url is not None
        assert self._http is not None
        sent_at = str(int(time.time()))
        signed = b".".join((notice.id.encode(), sent_at.encode(), notice.body))
        digest = hmac.digest(settings.callback_secret.get_secret_value().encode(), signed, hashlib.sha256)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": notice.id,
            "webhook-timestamp": sent_at,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }
        try:
            async with self._http.post(settings.callback_url, data=notice.body, headers=headers) as answer:
                return answer.status < HTTPStatus.MULTIPLE_CHOICES
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
