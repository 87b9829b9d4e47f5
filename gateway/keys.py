"""The public keys that verify access tokens, asked from the workers now and then, and when a token names a new one."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from contracts.identity import GetSigningKeys
from gateway.problems import Trouble
from gateway.questions import Questions

ASK_AGAIN_SECONDS = 10.0
RETRY_SECONDS_MAX = 5.0
KEYS_MAX = 32

log = structlog.get_logger()


class SigningKeys:
    """Public keys by `kid`; only Ed25519 ones are taken."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._keys: dict[str, PyJWK] = {}
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()
        self._when_gone: Callable[[], None] = lambda: None
        self.document: dict[str, Any] | None = None

    @property
    def loaded(self) -> bool:
        """Whether a worker has answered yet."""
        return self.document is not None

    def when_gone(self, then: Callable[[], None]) -> None:
        """Say `then` when a key is not believed any more: nor is what it has signed."""
        self._when_gone = then

    async def load(self) -> None:
        """Ask until a worker answers."""
        pause = 0.2
        while not await self._ask():
            await asyncio.sleep(pause)
            pause = min(2 * pause, RETRY_SECONDS_MAX)

    async def reload_for_ever(self, every_seconds: float) -> None:
        """Learn of new keys before they sign, and forget those that are not published any more."""
        while True:
            await asyncio.sleep(every_seconds)
            async with self._asking:
                await self._ask()

    async def find(self, kid: str) -> PyJWK | None:
        """The key of this name; for an unknown one the workers are asked, but not for each forged token."""
        if kid in self._keys:
            return self._keys[kid]
        async with self._asking:
            if kid not in self._keys and time.monotonic() - self._asked_at > ASK_AGAIN_SECONDS:
                await self._ask()
        return self._keys.get(kid)

    async def _ask(self) -> bool:
        self._asked_at = time.monotonic()
        try:
            word = await self._questions.ask(GetSigningKeys())
        except Trouble:
            log.warning("signing_keys_not_answered")
            return False
        if word["status"] != "succeeded" or not word["result"]:
            return False
        self._take(word["result"])
        return True

    def _take(self, document: dict[str, Any]) -> None:
        found = {}
        for jwk in document["keys"][:KEYS_MAX]:
            if jwk.get("kty") == "OKP" and jwk.get("crv") == "Ed25519" and "d" not in jwk:
                try:
                    found[str(jwk["kid"])] = PyJWK.from_dict(jwk, algorithm="EdDSA")
                except (PyJWTError, KeyError, ValueError):
                    log.warning("signing_key_unusable")
        gone = self._keys.keys() - found.keys()
        if gone or found.keys() != self._keys.keys():
            log.info("signing_keys_loaded", count=len(found), gone=len(gone))
        self._keys, self.document = found, document
        if gone:
            self._when_gone()
