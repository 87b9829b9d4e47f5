"""Every setting of the gateway, one environment variable each, checked once at start."""

from base64 import urlsafe_b64decode
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

KEY_BYTES = 32

Seconds = Annotated[float, Field(gt=0, le=3600)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Network = IPv4Network | IPv6Network


class SettingsInvalid(Exception):
    """The process can't start; `problems` has one readable line per wrong setting, without its value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def _key(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        key = urlsafe_b64decode(str(value) + "=" * (-len(str(value)) % 4))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("must be 32 random bytes as base64url, e.g. from `openssl rand -base64 32 | tr +/ -_`")
    return key


def _separated(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _networks(value: object) -> object:
    parts = _separated(value)
    try:
        return tuple(ip_network(part, strict=False) for part in parts) if isinstance(parts, tuple) else parts
    except ValueError:
        raise ValueError("must be networks such as 10.0.0.0/8, separated by commas") from None


class Settings(BaseSettings):
    """Each field is the environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    amqp_url: Annotated[SecretStr, Field(description="The broker, as the gateway's own user")]
    redis_url: SecretStr
    operation_id_key: Annotated[bytes, NoDecode, BeforeValidator(_key)]

    http_host: str = Field(default="127.0.0.1", min_length=1)
    http_port: Port = 5000
    metrics_host: str = Field(default="127.0.0.1", min_length=1)
    metrics_port: Port = 5001

    acceptance_wait_seconds: Seconds = 0.25
    default_wait_seconds: Seconds = 5
    max_wait_seconds: int = Field(default=30, ge=1, le=300)
    call_timeout_seconds: Seconds = 10
    query_timeout_seconds: Seconds = 5
    confirm_timeout_seconds: Seconds = 5
    ask_again_seconds: Seconds = 1
    """How often a waiter asks the workers, beside waiting to be told."""

    echo_seconds: Seconds = 5
    """How often a gateway checks that it hears its own replies."""

    events_max_seconds: Seconds = 300
    events_heartbeat_seconds: Seconds = 15
    outcome_ttl_seconds: int = Field(default=600, ge=1, le=86_400)

    body_limit_bytes: int = Field(default=65_536, ge=1024, le=1_048_576)
    body_timeout_seconds: Seconds = 10
    head_limit_bytes: int = Field(default=32_768, ge=4096, le=1_048_576)
    head_timeout_seconds: Seconds = 10
    keep_alive_seconds: int = Field(default=75, ge=1, le=3600)
    in_flight_limit: int = Field(default=4096, ge=1)
    """How many requests are answered at the same time, those that wait for an outcome among them; no event streams."""

    in_flight_limit_per_caller: int = Field(default=1024, ge=1)
    streams_limit: int = Field(default=4096, ge=1)
    """How many event streams there are at the same time; they take nobody's place among the requests."""

    streams_limit_per_caller: int = Field(default=32, ge=1)
    connections_limit: int = Field(default=10_000, ge=1)
    drain_seconds: Seconds = 5
    shutdown_seconds: int = Field(default=15, ge=1, le=300)

    keys_reload_seconds: Annotated[float, Field(gt=0, le=50)] = 30
    """How often the keys that verify tokens are asked for. A new one is published two minutes before it signs."""

    token_cache_size: int = Field(default=50_000, ge=1)
    rate_limit_per_minute: int = Field(default=600, ge=1)
    register_limit_per_minute: int = Field(default=30, ge=1)
    wrong_key_limit_per_minute: int = Field(default=30, ge=1)
    """How many wrong API keys an address may present."""

    api_key_cache_seconds: Seconds = 300
    """How long a verified key is not asked for again; that it was revoked is told at once."""

    api_key_note_seconds: Seconds = 60
    """How often the workers are told when keys were last used."""

    login_limit_per_minute: int = Field(default=30, ge=1)
    refresh_limit_per_minute: int = Field(default=120, ge=1)
    reset_limit_per_minute: int = Field(default=30, ge=1)
    password_limit_per_minute: int = Field(default=10, ge=1)
    totp_limit_per_minute: int = Field(default=10, ge=1)
    callback_limit_per_minute: int = Field(default=6000, ge=1)
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = ()
    cors_origins: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^(\*|https?://[^/\s]+)$")], ...],
        NoDecode,
        BeforeValidator(_separated),
    ] = ()

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    access_log: bool = True
    otel_exporter_otlp_endpoint: str = ""


def load() -> Settings:
    """Read the environment; raises `SettingsInvalid`."""
    try:
        return Settings.model_validate({})
    except ValidationError as error:
        raise SettingsInvalid(_problems(error)) from None


def _problems(error: ValidationError) -> list[str]:
    # Without the input: a rejected secret must not end up on a screen or in a log.
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return [f"{str(item['loc'][0]).upper()}: {_sentence(item['type'], item['msg'])}" for item in found]


def _sentence(kind: str, message: str) -> str:
    if kind == "missing":
        return "is required and not set"
    message = message.removeprefix("Value error, ")
    return message[0].lower() + message[1:]
