"""API keys as text: `sk_`, forty random letters and digits, and six that tell a typo before anybody looks it up."""

import re
from hashlib import sha256
from zlib import crc32

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX = "sk_"
BODY_LENGTH = 40
CHECKSUM_LENGTH = 6
SHOWN_LENGTH = 9
KEY = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{BODY_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})")


def written(body: str) -> str:
    """The key of a random body of `BODY_LENGTH` letters of the alphabet: 238 bits, of which `shown` gives away 36."""
    return f"{PREFIX}{body}{_checksum(body)}"


def well_formed(key: str) -> bool:
    """Whether somebody may have been given this key: its checksum is right."""
    found = KEY.fullmatch(key)
    return found is not None and _checksum(found[1]) == found[2]


def digest(key: str) -> str:
    """What a gateway asks by: SHA-256 in hexadecimal. A key is random, so nothing slower protects it better."""
    return sha256(key.encode()).hexdigest()


def shown(key: str) -> str:
    """How a key begins: enough to tell a person's keys apart, too little to guess the rest."""
    return key[:SHOWN_LENGTH]


def _checksum(body: str) -> str:
    rest, letters = crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, letter = divmod(rest, len(ALPHABET))
        letters = ALPHABET[letter] + letters
    return letters
