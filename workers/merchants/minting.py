"""What takes settings or chance, before the transaction: keys are made here, and a new merchant's terms found."""

import base64
import secrets
from hashlib import blake2b
from typing import Any

from contracts import api_key
from contracts.merchants import FeeTerms
from workers.merchants.api_keys import Minted
from workers.runtime.handlers import Preparation
from workers.runtime.settings import Settings


async def minted(_: Any, preparation: Preparation) -> Minted:
    """A new key."""
    key = api_key.written("".join(secrets.choice(api_key.ALPHABET) for _ in range(api_key.BODY_LENGTH)))
    return Minted(key, api_key.shown(key), kept(api_key.digest(key), preparation.resources.settings))


async def usual_terms(_: Any, preparation: Preparation) -> FeeTerms:
    """What a new merchant pays, unless an operator agrees on something else."""
    settings = preparation.resources.settings
    return FeeTerms(fixed=settings.merchant_fee_fixed, basis_points=settings.merchant_fee_basis_points)


def kept(digest: str, settings: Settings) -> str:
    """The keyed hash by which a key is kept and found: a copy of the database alone recognises no key."""
    pepper = base64.urlsafe_b64decode(settings.api_key_pepper.get_secret_value() + "==")
    return blake2b(bytes.fromhex(digest), digest_size=32, key=pepper).hexdigest()
