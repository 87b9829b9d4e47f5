"""Passwords and keys of a local stack, generated once and kept in `secrets.env`."""

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable

from ops.local.home import Home


def key() -> str:
    """32 random bytes as base64url."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _signing_keys() -> str:
    return json.dumps([{"kid": f"local-{secrets.token_hex(4)}", "seed": key()}])


def _sealing_keys() -> str:
    return json.dumps([{"id": f"local-{secrets.token_hex(4)}", "key": key()}])


_MADE_BY: dict[str, Callable[[], str]] = {
    "POSTGRES_PASSWORD": secrets.token_hex,
    "RABBITMQ_PASSWORD": secrets.token_hex,
    "VALKEY_PASSWORD": secrets.token_hex,
    "API_KEY_PEPPER": key,
    "CARD_KEYS": _sealing_keys,
    "CARD_PEPPER": key,
    "CVV_KEY": key,
    "OPERATION_ID_KEY": key,
    "PROVIDER_CALLBACK_SECRET": key,
    "PROVIDER_KEY": key,
    "SEALING_KEYS": _sealing_keys,
    "SIGNING_KEYS": _signing_keys,
}


def load(home: Home) -> dict[str, str]:
    """Every secret of this home by its name; the missing ones are made and kept."""
    file = home.root / "secrets.env"
    known = _parse(file.read_text()) if file.exists() else {}
    missing = {name: make() for name, make in _MADE_BY.items() if name not in known}
    if missing:
        known |= missing
        home.prepare()
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as output:
            output.writelines(f"{name}='{value}'\n" for name, value in sorted(known.items()))
    return known


def derive(secret: str, name: str) -> str:
    """The password of one user of a server, from that server's administrator password.

    So whoever can administrate a server (a test run, for one) can tell the passwords of its users.
    """
    return hmac.digest(secret.encode(), name.encode(), hashlib.sha256).hex()[:40]


def _parse(text: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {name: value.strip("'") for name, value in pairs}
