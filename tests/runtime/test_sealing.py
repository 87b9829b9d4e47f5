"""What is sealed opens with its key and for its purpose, and in no other way."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from workers.runtime.sealing import SealBroken, Sealer
from workers.runtime.settings import SealingKey


def key(name: str, byte: int = 0) -> SealingKey:
    return SealingKey.model_validate({"id": name, "key": base64.urlsafe_b64encode(bytes([byte] * 32)).decode()})


OLD, NEW = key("old", 1), key("new", 2)


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_is_sealed_opens_again(plain: bytes, name: str) -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(plain, to=name)
    assert sealer.open(sealed, to=name) == plain
    assert sealed.startswith("new.")


def test_the_same_thing_is_never_sealed_the_same_way() -> None:
    sealer = Sealer([NEW])
    assert len({sealer.seal(b"plain", to="x") for _ in range(100)}) == 100


def test_keys_are_rotated_by_putting_a_new_one_first() -> None:
    sealed = Sealer([OLD]).seal(b"plain", to="x")
    rotated = Sealer([NEW, OLD])
    assert rotated.open(sealed, to="x") == b"plain"
    assert rotated.outdated(sealed)
    assert not rotated.outdated(rotated.seal(b"plain", to="x"))
    with pytest.raises(SealBroken):
        Sealer([NEW]).open(sealed, to="x")


@pytest.mark.parametrize("sealed", ["", "new", "new.", "new.AAAA", "new.%%%", "none.AAAA", "new.\u00e4"])
def test_rubbish_does_not_open(sealed: str) -> None:
    with pytest.raises(SealBroken):
        Sealer([NEW]).open(sealed, to="x")


def test_nothing_opens_for_another_purpose_or_under_another_id_or_after_a_change() -> None:
    sealer = Sealer([NEW, OLD])
    sealed = sealer.seal(b"plain", to="x")
    name, _, text = sealed.partition(".")
    data = bytearray(base64.urlsafe_b64decode(text))
    data[-1] ^= 1
    changed = f"{name}.{base64.urlsafe_b64encode(bytes(data)).decode()}"
    for broken, purpose in ((sealed, "y"), (f"old.{text}", "x"), (changed, "x")):
        with pytest.raises(SealBroken):
            sealer.open(broken, to=purpose)


def test_a_key_has_32_bytes_and_does_not_show() -> None:
    with pytest.raises(ValidationError):
        SealingKey.model_validate({"id": "short", "key": "AAAA"})
    assert "AQEB" not in repr(OLD)
    assert "AQEB" not in repr(Sealer([OLD]))
