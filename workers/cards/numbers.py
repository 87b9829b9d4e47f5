"""Card numbers: what each brand's look like, the check digit, and numbers drawn by chance. Pure."""

from collections.abc import Callable

from contracts.cards import Brand

PAN_DIGITS: dict[Brand, int] = {"amex": 15, "diners": 14}
PAN_DIGITS_USUAL = 16
CVV_DIGITS: dict[Brand, int] = {"amex": 4}
CVV_DIGITS_USUAL = 3
BIN_SHOWN = 6


def pan_digits(brand: Brand) -> int:
    """How many digits a number of this brand has (ISO/IEC 7812)."""
    return PAN_DIGITS.get(brand, PAN_DIGITS_USUAL)


def cvv_digits(brand: Brand) -> int:
    """How many digits its security code has."""
    return CVV_DIGITS.get(brand, CVV_DIGITS_USUAL)


def valid(pan: str) -> bool:
    """Whether the last digit is the right one (Luhn, ISO/IEC 7812-1 annex B)."""
    return pan.isascii() and pan.isdecimal() and _checksum(pan) % 10 == 0


def drawn(bin_: str, brand: Brand, draw: Callable[[int], int]) -> str:
    """A valid number that begins with `bin_`; `draw(n)` gives one of 0 … n-1."""
    free = pan_digits(brand) - len(bin_) - 1
    assert free > 0, f"the BIN {bin_} leaves no digits"
    stem = f"{bin_}{draw(10**free):0{free}}"
    return stem + str(-_checksum(stem + "0") % 10)


def _checksum(pan: str) -> int:
    digits = [int(digit) for digit in reversed(pan)]
    doubled = [sum(divmod(digit * 2, 10)) for digit in digits[1::2]]
    return sum(digits[::2]) + sum(doubled)
