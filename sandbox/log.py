"""One JSON object per line on stderr."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import override

LOGGER = logging.getLogger("sandbox")


class JsonLines(logging.Formatter):
    """Time, level, event, and what the caller passed as `extra={"fields": {…}}`."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": "sandbox",
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["stack"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure() -> None:
    """Send everything, uvicorn's own lines included, through one handler."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)


def event(name: str, **fields: object) -> None:
    """Log what happened, with its facts beside it."""
    LOGGER.info(name, extra={"fields": fields})
