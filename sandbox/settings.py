"""Every setting of the sandbox, one environment variable each, checked once at start."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

CALLBACK_SECRET_MIN = 8


class SettingsInvalidError(Exception):
    """The process can't start; `problems` has one readable line per wrong setting, without its value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """Each field is the environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    http_host: str = Field(default="127.0.0.1", min_length=1)
    http_port: int = Field(default=5100, ge=0, le=65_535)
    provider_key: SecretStr = Field(min_length=8, max_length=256)
    sandbox_store: Path = Path(".saldo/sandbox.sqlite3")

    callback_url: str | None = Field(default=None, pattern=r"^https?://")
    callback_secret: SecretStr = Field(default=SecretStr(""), max_length=256)
    callback_timeout_seconds: float = Field(default=5, gt=0, le=300)
    callback_retry_seconds: float = Field(default=1, gt=0, le=3600)

    slow_answer_seconds: float = Field(default=10, ge=0, le=300)
    delay_seconds: float = Field(default=5, ge=0, le=86_400)
    reversal_seconds: float = Field(default=172_800, ge=0, le=31_536_000)
    body_limit_bytes: int = Field(default=16_384, ge=256, le=1_048_576)
    body_timeout_seconds: float = Field(default=10, gt=0, le=300)
    connections_limit: int = Field(default=1_000, ge=1)
    shutdown_timeout_seconds: int = Field(default=5, ge=1, le=300)

    @model_validator(mode="after")
    def _callbacks_are_signed(self) -> Self:
        if self.callback_url is not None and len(self.callback_secret.get_secret_value()) < CALLBACK_SECRET_MIN:
            raise ValueError("CALLBACK_SECRET must have 8 characters or more where CALLBACK_URL is set")
        return self


def load() -> Settings:
    """Read the environment; raises `SettingsInvalidError`."""
    try:
        return Settings.model_validate({})
    except ValidationError as error:
        raise SettingsInvalidError(_problems(error)) from None


def _problems(error: ValidationError) -> list[str]:
    # Without the input: a rejected secret must not end up on a screen or in a log.
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return [
        f"{str(item['loc'][0]).upper()}: {_sentence(item['type'], item['msg'])}" if item["loc"] else item["msg"]
        for item in found
    ]


def _sentence(kind: str, message: str) -> str:
    if kind == "missing":
        return "is required and not set"
    return message[0].lower() + message[1:]
