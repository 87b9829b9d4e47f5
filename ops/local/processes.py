"""The processes of a stack and the environment of each: one setting, one variable."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from contracts.topology import DOMAINS
from ops.local import ports, secrets
from ops.local.home import Home
from ops.local.servers import Urls

GATEWAY_PORT = 5000
HOST = "127.0.0.1"
LOCAL_LIMIT = "600"
LIMITS_PER_ADDRESS = (
    "REGISTER_LIMIT_PER_MINUTE",
    "LOGIN_LIMIT_PER_MINUTE",
    "RESET_LIMIT_PER_MINUTE",
    "WRONG_KEY_LIMIT_PER_MINUTE",
)
# What one kind of process is given, another must not find: the gateway has no database.
CONTRACT = frozenset(
    {
        "AMQP_URL",
        "DATABASE_URL",
        "MIGRATIONS_DATABASE_URL",
        "WORKERS_AMQP_URL",
        "REDIS_URL",
        "HTTP_HOST",
        "HTTP_PORT",
        "METRICS_PORT",
    }
    | {"GATEWAY_BROKER_USER", "OPERATION_ID_KEY", "SIGNING_KEYS", "SEALING_KEYS", "API_KEY_PEPPER"}
    | {"CARD_KEYS", "CARD_PEPPER", "CVV_KEY"}
    | {"NOTIFIER", "NOTIFIER_FOLDER", "SMTP_PASSWORD"}
    | {"PROVIDER_URL", "PROVIDER_KEY", "PROVIDER_CALLBACK_SECRET", "SANDBOX_STORE", "CALLBACK_URL", "CALLBACK_SECRET"}
)


@dataclass(frozen=True)
class Process:
    """One `python -m …` and what it is told."""

    name: str
    arguments: tuple[str, ...]
    port: int
    ready_url: str
    settings: Mapping[str, str] = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment to start it with."""
        inherited = {name: value for name, value in os.environ.items() if name not in CONTRACT}
        return inherited | dict(self.settings)


@dataclass(frozen=True)
class Arrangement:
    """How many processes of each kind."""

    gateways: int = 1
    split: bool = False
    port: int = GATEWAY_PORT
    workers: int = 1


class Plan:
    """Works out the processes of an arrangement; ports are chosen here and remembered in the home."""

    def __init__(self, home: Home, urls: Urls, arrangement: Arrangement) -> None:
        self.home = home
        self.urls = urls
        self.arrangement = arrangement
        generated = secrets.load(home)
        self._chosen: dict[str, int] = {}
        self.secrets = {name: os.environ.get(name, value) for name, value in generated.items()}

    def processes(self) -> list[Process]:
        """All of them, in the order in which they are shown."""
        return [*self._gateways(), *self._workers(), self._sandbox()]

    def _gateways(self) -> Iterable[Process]:
        for number in range(1, self.arrangement.gateways + 1):
            name = "gateway" if number == 1 else f"gateway-{number}"
            port = self.arrangement.port if number == 1 else self._port(name)
            yield self._observed(name, ("gateway",), port, self._gateway_settings(port))

    def _gateway_settings(self, port: int) -> dict[str, str]:
        return {
            "AMQP_URL": self.urls.gateway_amqp,
            "REDIS_URL": self.urls.redis,
            "HTTP_HOST": HOST,
            "HTTP_PORT": str(port),
            "OPERATION_ID_KEY": self.secrets["OPERATION_ID_KEY"],
            # Everybody on this machine has one address; a stranger on the internet gets the default.
            **{name: os.environ.get(name, LOCAL_LIMIT) for name in LIMITS_PER_ADDRESS},
        }

    def _workers(self) -> Iterable[Process]:
        hosted = DOMAINS if self.arrangement.split else ("all",)
        for domain in hosted:
            for number in range(1, self.arrangement.workers + 1):
                name = f"workers-{domain}" if self.arrangement.split else "workers"
                name = name if number == 1 else f"{name}-{number}"
                yield self._observed(name, ("workers", domain), None, self._worker_settings())

    def _worker_settings(self) -> dict[str, str]:
        return {
            "AMQP_URL": self.urls.workers_amqp,
            "DATABASE_URL": self.urls.database,
            "GATEWAY_BROKER_USER": self.urls.gateway_user,
            "SIGNING_KEYS": self.secrets["SIGNING_KEYS"],
            "SEALING_KEYS": self.secrets["SEALING_KEYS"],
            "API_KEY_PEPPER": self.secrets["API_KEY_PEPPER"],
            **{name: self.secrets[name] for name in ("CARD_KEYS", "CARD_PEPPER", "CVV_KEY")},
            "PROVIDER_URL": f"http://{HOST}:{self._port('sandbox')}",
            "PROVIDER_KEY": self.secrets["PROVIDER_KEY"],
            "LOCKOUT_ADDRESS_FAILURES": os.environ.get("LOCKOUT_ADDRESS_FAILURES", LOCAL_LIMIT),
            "NOTIFIER": os.environ.get("NOTIFIER", "file"),
            "NOTIFIER_FOLDER": os.environ.get("NOTIFIER_FOLDER", str(self.home.root / "notices")),
            "SMTP_PASSWORD": os.environ.get("SMTP_PASSWORD", ""),
            "PROVIDER_CALLBACK_SECRET": self.secrets["PROVIDER_CALLBACK_SECRET"],
        }

    def _sandbox(self) -> Process:
        port = self._port("sandbox")
        settings = {
            "HTTP_HOST": HOST,
            "HTTP_PORT": str(port),
            "PROVIDER_KEY": self.secrets["PROVIDER_KEY"],
            "CALLBACK_URL": f"http://{HOST}:{self.arrangement.port}/v1/callbacks/sandbox",
            "CALLBACK_SECRET": self.secrets["PROVIDER_CALLBACK_SECRET"],
            "SANDBOX_STORE": str(self.home.root / "sandbox.sqlite"),
        }
        return Process("sandbox", ("sandbox",), port, f"http://{HOST}:{port}/readyz", settings)

    def _observed(self, name: str, arguments: tuple[str, ...], port: int | None, settings: dict[str, str]) -> Process:
        """A process that answers `/readyz` and `/metrics` on a port of their own."""
        metrics = self._port(f"{name}.metrics")
        told = settings | {"METRICS_PORT": str(metrics)}
        return Process(name, arguments, port or metrics, f"http://{HOST}:{metrics}/readyz", told)

    def _port(self, name: str) -> int:
        # Once only: a port that one of our processes has taken by now is no longer free.
        if name not in self._chosen:
            self._chosen[name] = ports.choose(self.home, name)
        return self._chosen[name]
