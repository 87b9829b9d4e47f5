"""The callers of a benchmark: registered and logged in over HTTP like anybody else."""

import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

from ops.trouble import Trouble

COUNT = 50
AT_A_TIME = 4
TIMEOUT_SECONDS = 60.0
TOKEN_SECONDS = 600.0
"""Access tokens live for 15 minutes: older than this, they might expire within a run."""


@dataclass
class People:
    """Some users of one gateway, on `port`, with access tokens that are always fresh enough for a run."""

    port: int
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)
    ids: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict, repr=False)
    _logged_in_at: float = float("-inf")

    def register(self, count: int = COUNT) -> list[str]:
        """Make that many customers; their ids."""
        run = secrets.token_hex(4)
        emails = [f"bench-{run}-{number}@example.com" for number in range(count)]
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            self.ids = dict(zip(emails, pool.map(self._register, emails), strict=True))
        return list(self.ids.values())

    def tokens(self) -> dict[str, str]:
        """An access token by user id."""
        if time.monotonic() - self._logged_in_at > TOKEN_SECONDS:
            with ThreadPoolExecutor(AT_A_TIME) as pool:
                self._tokens = dict(zip(self.ids.values(), pool.map(self._log_in, self.ids), strict=True))
            self._logged_in_at = time.monotonic()
        return self._tokens

    def _register(self, email: str) -> str:
        person = {"email": email, "password": self.password, "first_name": "Load", "last_name": "Generator"}
        return str(self.post("/v1/auth/register", person)["id"])

    def _log_in(self, email: str) -> str:
        return str(self.post("/v1/auth/login", {"email": email, "password": self.password})["access_token"])

    def post(self, path: str, body: dict[str, Any], token: str | None = None) -> dict[str, Any]:
        """Make something, as the owner of `token`; the answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        answer = response.read().decode()
        connection.close()
        if response.status not in (200, 201):
            raise Trouble(f"POST {path} was answered {response.status}: {answer}")
        return dict(json.loads(answer))
