"""Passwords that would be guessed: common ones, patterns, and the person's own name or address. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from contracts.identity import PasswordTooCommon

LIST = Path(__file__).with_name("common_passwords.txt")
ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop")
RUNS = (*ROWS, *(row[::-1] for row in ROWS))
RUN_MIN = 3
DISTINCT_MIN = 5
LEFT_MIN = 6
"""How much must be left when runs of the keyboard, or the person's own names, are taken away."""

NAME_MIN = 3
LEET = str.maketrans("0134578@$!", "oieastbasi")


def check(password: str, *names: str) -> None:
    """Raise `PasswordTooCommon`; `names` are what the person is called: name, surname, e-mail address."""
    text = unicodedata.normalize("NFKC", password).casefold()
    unit = _repeated(text)
    if (
        len(set(unit)) < DISTINCT_MIN
        or not _common().isdisjoint((*_words(unit), *_words(_repeated(re.sub(r"[\W_]+", "", text)))))
        or len(_without_runs(unit)) < LEFT_MIN
        or len(_without_names(text, names)) < LEFT_MIN
    ):
        raise PasswordTooCommon


def _repeated(text: str) -> str:
    """The part that the text is a repetition of: itself, if it is none."""
    return text[: (text + text).find(text, 1)]


def _words(text: str) -> Iterator[str]:
    """The text, and what is left of it without figures and signs around, as it is and in plain letters."""
    for form in (text, re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text)):
        yield form
        yield form.translate(LEET)


def _without_runs(text: str) -> str:
    """What is not three or more keys in a row, in any direction."""
    left, start = "", 0
    while start < len(text):
        size = _run(text, start)
        left += "" if size >= RUN_MIN else text[start]
        start += size if size >= RUN_MIN else 1
    return left


def _run(text: str, start: int) -> int:
    size = 1
    while start + size < len(text) and any(text[start : start + size + 1] in row for row in RUNS):
        size += 1
    return size


def _without_names(text: str, names: Iterable[str]) -> str:
    """Letters that belong to no name; a text without any name is whole."""
    parts = {part for name in names for part in re.split(r"[\W\d_]+", name.casefold()) if len(part) >= NAME_MIN}
    left = re.sub(r"[\W_]+", "", text)
    if not any(part in left for part in parts):
        return text
    for part in sorted(parts, key=len, reverse=True):
        left = left.replace(part, "")
    return re.sub(r"\d+", "", left)


@cache
def _common() -> frozenset[str]:
    return frozenset(line for line in LIST.read_text().splitlines() if not line.startswith("# "))
