"""Free TCP ports, remembered in the home so that they stay the same from run to run."""

import json
import os
import secrets
import socket
from contextlib import suppress
from threading import Lock

from ops.local.home import Home

LOCALHOST = "127.0.0.1"
# Below the range from which the kernel takes ports for outgoing connections:
# otherwise one of those could hold our port while a server restarts.
FIRST_PORT, LAST_PORT = 20_000, 32_000
BLOCK = 400
"""A process chooses within a block by its id: what two choose at the same time is free for both until it is used."""

ATTEMPTS_MAX = 200

_choosing = Lock()


def is_free(port: int, host: str = LOCALHOST) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(port: int, host: str = LOCALHOST, timeout_seconds: float = 1.0) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((host, port), timeout_seconds).close()
    except OSError:
        return False
    return True


def remembered(home: Home, name: str) -> int | None:
    """The port that was chosen for this name, if any."""
    return _read(home).get(name)


def choose(home: Home, name: str) -> int:
    """The remembered port of this name, or another when it is taken or none was chosen yet."""
    with _choosing:
        known = _read(home)
        port = known.get(name)
        if port is None or not is_free(port):
            port = _free(set(known.values()))
            _write(home, known | {name: port})
        return port


def _free(taken: set[int]) -> int:
    block = os.getpid() % ((LAST_PORT - FIRST_PORT) // BLOCK)
    for _ in range(ATTEMPTS_MAX):
        port = FIRST_PORT + block * BLOCK + secrets.randbelow(BLOCK)
        if port not in taken and is_free(port):
            return port
    message = "no free port found"
    raise RuntimeError(message)


def _read(home: Home) -> dict[str, int]:
    file = home.root / "ports.json"
    with suppress(FileNotFoundError, json.JSONDecodeError):
        known: dict[str, int] = json.loads(file.read_text())
        return known
    return {}


def _write(home: Home, known: dict[str, int]) -> None:
    (home.root / "ports.json").write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
