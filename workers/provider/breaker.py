"""A circuit breaker: a provider that keeps failing is left alone for a while."""

import time
from collections.abc import Callable

from workers.provider.port import NotAsked


class Breaker:
    """Opens after `failures` in a row; after `rest_seconds` one request may try, and closes it or opens it again."""

    def __init__(self, failures: int, rest_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = failures
        self._rest_seconds = rest_seconds
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0

    @property
    def open(self) -> bool:
        """Whether requests are kept away now."""
        return self._failures >= self._most and self._clock() < self._open_until

    def admit(self) -> None:
        """Let a request pass. Raises `NotAsked` while it is open."""
        if self.open:
            raise NotAsked("the provider keeps failing and is left alone for a while")
        if self._failures >= self._most:
            # This one tries; the others wait for what it finds.
            self._open_until = self._clock() + self._rest_seconds

    def succeeded(self) -> None:
        """It answers."""
        self._failures = 0

    def failed(self) -> None:
        """It does not."""
        self._failures += 1
        if self._failures >= self._most:
            self._open_until = self._clock() + self._rest_seconds
