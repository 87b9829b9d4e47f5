"""Signed callbacks as the Standard Webhooks specification has them: `webhook-id`, `-timestamp` and `-signature`."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from pydantic import SecretStr

from workers.provider.port import Forged

TOLERANCE_SECONDS = 300
VERSION = "v1,"


def verify(secret: SecretStr, headers: Mapping[str, str], body: bytes, *, now: datetime) -> str:
    """The callback's id, if one of its signatures is right and its time is near. Raises `Forged`."""
    key, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not key or not sent_at.isascii() or not sent_at.isdigit():
        raise Forged("the callback is not signed")
    if abs(now.timestamp() - int(sent_at[:15])) > TOLERANCE_SECONDS:
        raise Forged("the callback was signed too long ago, or in the future")
    expected = sign(secret, key, sent_at, body).encode()
    given = headers.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(one.encode("utf-8", "replace"), expected) for one in given):
        raise Forged("the callback's signature is wrong")
    return key


def sign(secret: SecretStr, key: str, sent_at: str, body: bytes) -> str:
    """The signature of a callback."""
    signed = b".".join((key.encode(), sent_at.encode(), body))
    digest = hmac.digest(secret.get_secret_value().encode(), signed, hashlib.sha256)
    return VERSION + base64.b64encode(digest).decode()
