"""Card numbers: the check digit, the brands' lengths, and codes of the right length."""

from hypothesis import given
from hypothesis import strategies as st

from contracts.cards import BRANDS, Brand
from workers.cards import numbers, vault
from workers.runtime.settings import BINS

brands = st.sampled_from(BRANDS)


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Brand, str, str]:
    brand = draw(brands)
    bin_ = draw(st.sampled_from(BINS[brand]))
    return brand, bin_, numbers.drawn(bin_, brand, lambda most: draw(st.integers(0, most - 1)))


@given(drawn())
def test_a_drawn_number_is_its_brands_and_valid(one: tuple[Brand, str, str]) -> None:
    brand, bin_, pan = one
    assert pan.startswith(bin_)
    assert len(pan) == {"amex": 15, "diners": 14}.get(brand, 16)
    assert numbers.valid(pan)


@given(drawn(), st.data())
def test_one_wrong_digit_is_always_found_out(one: tuple[Brand, str, str], data: st.DataObject) -> None:
    pan = one[2]
    place = data.draw(st.integers(0, len(pan) - 1))
    digit = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != pan[place]]))
    assert not numbers.valid(pan[:place] + digit + pan[place + 1 :])


def test_known_numbers() -> None:
    for pan in ("4111111111111111", "5555555555554444", "378282246310005", "30569309025904", "6011111111111117"):
        assert numbers.valid(pan)
    for pan in ("4111111111111112", "", "4111 1111 1111 1111", "\u0664" * 16):
        assert not numbers.valid(pan)


def test_an_amex_code_has_four_digits_and_the_others_three() -> None:
    assert {brand: numbers.cvv_digits(brand) for brand in BRANDS} == dict.fromkeys(BRANDS, 3) | {"amex": 4}


@given(drawn(), st.binary(min_size=32, max_size=32))
def test_a_code_belongs_to_number_and_expiry(one: tuple[Brand, str, str], key: bytes) -> None:
    brand, _, pan = one
    digits = numbers.cvv_digits(brand)
    assert len(vault.code(pan, "2030-11", digits).computed(key)) == digits
    wide = vault.code(pan, "2030-11", 9).computed(key)
    assert wide != vault.code(pan, "2030-12", 9).computed(key)


def test_every_brand_has_bins_that_leave_digits() -> None:
    assert set(BINS) == set(BRANDS)
    assert all(len(bin_) >= 6 for bins in BINS.values() for bin_ in bins)
