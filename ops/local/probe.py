"""Ask a local process over HTTP whether it is there, past any proxy that the environment names."""

import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url: str, headers: Mapping[str, str] | None = None, timeout_seconds: float = 2.0) -> bool:
    """Whether it answers 200."""
    request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310 - our own address
    with suppress(OSError), _opener.open(request, timeout=timeout_seconds) as answer:
        return bool(answer.status == HTTPStatus.OK)
    return False
