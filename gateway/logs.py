"""JSON lines on stderr: events through structlog, accesses by a cheaper way."""

import asyncio
import logging
import sys
import time
from functools import lru_cache
from typing import TextIO

import structlog
from structlog.typing import Processor

FLUSH_SECONDS = 0.1
BUFFER_MAX = 1000


def configure(level: str) -> None:
    """Send everything, the libraries' own lines included, through one handler."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", key="at"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level.upper()),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _process,
                structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # Their reports of each lost connection come with whole stacks; we log the loss ourselves.
    for noisy in ("aio_pika", "aiormq"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)


@lru_cache(maxsize=2)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _moment(now: float) -> str:
    second = int(now)
    return f"{_second(second)}.{int((now - second) * 1000):03d}Z"


def _process(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    event["process"] = "gateway"
    return event


class AccessLog:
    """One line per request, written together a few times a second: a write per request would cost as much as the rest.

    Nothing of a line needs escaping: the route is a template, ids are checked, status and time are numbers.
    """

    def __init__(self, stream: TextIO | None, *, enabled: bool) -> None:
        self._stream = stream
        self._enabled = enabled
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def answered(
        self, method: str, route: str, status: int, seconds: float, request: str, trace: str, principal: str | None
    ) -> None:
        """Log one answered request."""
        if not self._enabled:
            return
        self._lines.append(
            f'{{"at":"{_moment(time.time())}","level":"info","process":"gateway","event":"request","method":"{method}",'
            f'"route":"{route}","status":{status},"duration_ms":{seconds * 1000:.2f},"request_id":"{request}",'
            f'"trace_id":"{trace}","principal":"{principal or ""}"}}\n'
        )
        if len(self._lines) >= BUFFER_MAX:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what is there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines = self._lines, []
        if lines:
            stream = self._stream or sys.stderr
            stream.write("".join(lines))
            stream.flush()
