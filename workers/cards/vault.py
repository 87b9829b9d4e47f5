"""Card numbers under keys: hashed to be found, sealed to be kept, and the codes that belong to them."""

import base64
import hmac

from workers.cards import numbers
from workers.cards.rules import Number
from workers.runtime.codes import Code
from workers.runtime.sealing import Sealer
from workers.runtime.settings import Settings


class Vault:
    """What the keys of the settings do to numbers."""

    def __init__(self, settings: Settings) -> None:
        self._sealer = Sealer(settings.card_keys)
        self._pepper = _key(settings.card_pepper.get_secret_value())
        self._cvv_key = _key(settings.cvv_key.get_secret_value())

    def __repr__(self) -> str:
        return "Vault()"

    def hash(self, pan: str) -> str:
        """HMAC-SHA-256: the same number is found again, and no list of numbers finds it without the pepper."""
        return hmac.digest(self._pepper, pan.encode(), "sha256").hex()

    def kept(self, pan: str, card_id: str) -> Number:
        """A number as its card keeps it."""
        return Number(pan[: numbers.BIN_SHOWN], pan[-4:], self.hash(pan), self._sealer.seal(pan.encode(), to=card_id))

    def right(self, cvv: str, pan: str, expiry: str) -> bool:
        """Whether these are digits of that card's code; how many there must be is the brand's to say."""
        return hmac.compare_digest(code(pan, expiry, len(cvv)).computed(self._cvv_key), cvv)


def code(pan: str, expiry: str, digits: int) -> Code:
    """The recipe of the code of a card that is good to the end of `expiry` (`2030-11`)."""
    return Code(digits, ("cvv", pan, expiry))


def _key(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")
