"""The worker process's settings: one setting, one environment variable, validated at start."""

import base64
import binascii
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, StringConstraints, field_validator
from pydantic_settings import BaseSettings

from contracts.cards import Brand
from contracts.money import Currency

Bin = Annotated[str, StringConstraints(pattern=r"^[0-9]{6,8}$")]
"""How a card number begins: its issuer (ISO/IEC 7812)."""

Term = Annotated[str, StringConstraints(pattern=r"^(min_amount|max_amount|fee)$")]
"""What is agreed about withdrawals."""

# Test ranges of the brands, all of them: nothing that this issues can be mistaken for a real card.
BINS: dict[Brand, list[Bin]] = {
    "visa": ["400000", "411111"],
    "mastercard": ["520082", "555555"],
    "amex": ["371449", "378282"],
    "jcb": ["353011", "356600"],
    "unionpay": ["620000"],
    "discover": ["601111"],
    "diners": ["305693"],
    "gpn": ["194600"],
}


class SigningKey(BaseModel):
    """One Ed25519 key: `seed` is 32 bytes in base64url. Its public half is published under `kid`."""

    kid: Annotated[str, Field(min_length=1, max_length=64)]
    seed: SecretStr

    @field_validator("seed")
    @classmethod
    def _thirty_two_bytes(cls, value: SecretStr) -> SecretStr:
        return _of_thirty_two_bytes(value)


class SealingKey(BaseModel):
    """One AES-256 key in base64url, for what is kept sealed. Its `id` stays with all that it seals."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    key: SecretStr

    @field_validator("key")
    @classmethod
    def _thirty_two_bytes(cls, value: SecretStr) -> SecretStr:
        return _of_thirty_two_bytes(value)


def _of_thirty_two_bytes(value: SecretStr) -> SecretStr:
    try:
        size = len(base64.urlsafe_b64decode(value.get_secret_value() + "=="))
    except (ValueError, binascii.Error) as error:
        message = "not base64url"
        raise ValueError(message) from error
    if size != 32:  # noqa: PLR2004 - Ed25519 and AES-256
        message = "the key must have 32 bytes"
        raise ValueError(message)
    return value


class Settings(BaseSettings):
    """Everything a worker can be told."""

    database_url: SecretStr
    amqp_url: SecretStr
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9100
    gateway_broker_user: str = "gateway"

    signing_keys: Annotated[list[SigningKey], Field(min_length=1)]
    sealing_keys: Annotated[list[SealingKey], Field(min_length=1)]
    """The first seals; the others still open what they sealed."""

    reveal_seconds: Annotated[float, Field(gt=0, le=600)] = 600.0
    cvv_key: SecretStr
    """Every card's CVV is computed from it: another key gives every card another CVV."""

    card_keys: Annotated[list[SealingKey], Field(min_length=1)]
    """Card numbers are sealed with the first; `saldo keys rotate-pan` seals the older ones' anew."""

    card_pepper: SecretStr
    """Card numbers are recognised by a hash under it; it can't be changed while there are cards."""

    card_bins: dict[Brand, Annotated[list[Bin], Field(min_length=1)]] = BINS
    card_years: Annotated[int, Field(ge=1, le=10)] = 4
    cards_per_owner_max: Annotated[int, Field(ge=1, le=10_000)] = 200
    card_token_seconds: Annotated[int, Field(ge=1, le=3600)] = 300
    card_tries_max: Annotated[int, Field(ge=1)] = 5
    caller_tries_max: Annotated[int, Field(ge=1)] = 50
    card_tries_seconds: Annotated[int, Field(ge=1, le=86_400)] = 3600

    api_key_pepper: SecretStr
    """Keys the hashes of API keys: with another one, no key is known any more."""

    merchant_fee_fixed: Annotated[int, Field(ge=0)] = 0
    merchant_fee_basis_points: Annotated[int, Field(ge=0, le=10_000)] = 250
    """What a new merchant pays per payment, in minor units of its currency and in hundredths of a percent."""

    access_token_seconds: Annotated[int, Field(ge=10, le=900)] = 900
    session_days: Annotated[int, Field(ge=1, le=365)] = 90
    """How long after its login a session ends at the latest."""

    refresh_token_days: Annotated[int, Field(ge=1, le=365)] = 30
    refresh_grace_seconds: Annotated[float, Field(ge=0, le=60)] = 0.0
    """How much later than the first a second use of a refresh token may be sent and still count as its retry."""

    argon2_time_cost: Annotated[int, Field(ge=1)] = 3
    argon2_memory_kib: Annotated[int, Field(ge=8192)] = 65536
    argon2_parallelism: Annotated[int, Field(ge=1)] = 1
    lockout_failures: Annotated[int, Field(ge=1, le=10)] = 10
    lockout_address_failures: Annotated[int, Field(ge=1)] = 10
    lockout_seconds: Annotated[float, Field(ge=1)] = 1800
    reset_seconds: Annotated[int, Field(ge=1, le=86_400)] = 1800
    """How long a mailed token is good for."""

    reset_mails: Annotated[int, Field(ge=1)] = 3
    """How many are sent to one address within `lockout_seconds`."""

    notifier: Literal["none", "file", "smtp"] = "none"
    notifier_folder: Path = Path("notices")
    smtp_host: str = ""
    smtp_port: Annotated[int, Field(ge=1, le=65_535)] = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = "Saldo <saldo@localhost>"
    smtp_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10
    reset_page: str = ""
    """Where people enter the token, if there is such a page. The token is never part of its address."""

    provider_url: str
    provider_key: SecretStr
    provider_callback_secret: Annotated[SecretStr, Field(min_length=8)]
    provider_timeout_seconds: Annotated[float, Field(gt=0)] = 5.0
    provider_retries: Annotated[int, Field(ge=0, le=10)] = 2
    provider_failures: Annotated[int, Field(ge=1)] = 10
    provider_rest_seconds: Annotated[float, Field(gt=0)] = 10.0
    provider_key_hours: Annotated[float, Field(gt=0)] = 24.0
    """How long the provider remembers an idempotency key: an order is not submitted again after it."""

    provider_routes: dict[str, str] = {}
    provider_schedule_seconds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = [
        30, 60, 300, 3_600, 21_600, 86_400,
    ]  # fmt: skip
    """When an outcome that is not known is asked for again; the last of them for ever."""

    callback_retention_days: Annotated[int, Field(ge=7)] = 90
    """How long a callback is known by its id: longer than any provider repeats one."""

    withdrawal_grace_seconds: Annotated[int, Field(ge=0, le=86_400)] = 2
    """How long a withdrawal can still be canceled before it goes to the provider."""

    withdrawal_daily_limits: dict[str, Annotated[int, Field(ge=0)]] = {}
    """By currency, in minor units; a currency that is not named has none."""

    withdrawal_terms: dict[Currency, dict[Term, Annotated[int, Field(ge=0)]]] = {}
    """By currency, in minor units: what differs from the catalogue."""

    payment_authorized_hours: Annotated[float, Field(gt=0, le=24 * 90)] = 24 * 7
    payment_refund_fees: Literal["proportional", "kept"] = "proportional"

    stripe: Annotated[int, Field(ge=0, le=63)] | None = None
    batch_messages: Annotated[int, Field(ge=1, le=4096)] = 512
    prefetch_bundles: Annotated[int, Field(ge=1, le=1024)] = 64
    preparations: Annotated[int, Field(ge=1, le=256)] = 8
    queries_in_flight: Annotated[int, Field(ge=1, le=256)] = 16
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 6
    retry_delay_seconds: Annotated[float, Field(gt=0)] = 5.0
    saga_resend_seconds: Annotated[float, Field(gt=0)] = 30.0
    untold_after_seconds: Annotated[float, Field(gt=0)] = 60.0
    timer_poll_seconds: Annotated[float, Field(gt=0)] = 1.0
    inbox_retention_days: Annotated[int, Field(ge=7)] = 30
    invariants_every_seconds: Annotated[float, Field(gt=0)] = 60.0
    shutdown_seconds: Annotated[float, Field(gt=0)] = 20.0
    log_level: str = "INFO"
    otel_exporter_otlp_endpoint: str = ""

    @field_validator("cvv_key", "api_key_pepper", "card_pepper")
    @classmethod
    def _thirty_two_bytes(cls, value: SecretStr) -> SecretStr:
        return _of_thirty_two_bytes(value)

    @field_validator("card_bins")
    @classmethod
    def _every_brand(cls, value: dict[Brand, list[Bin]]) -> dict[Brand, list[Bin]]:
        return BINS | value
