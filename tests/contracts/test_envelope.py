"""Bundles: what goes in comes out, within the limits; rubbish is named as such."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import ids
from contracts.envelope import (
    MAX_BUNDLE_BYTES,
    MAX_BUNDLE_MESSAGES,
    Caller,
    Envelope,
    Undecodable,
    encode,
    pack,
    unpack,
)

texts = st.none() | st.text(min_size=1, max_size=40)
callers = st.none() | st.builds(Caller, st.text(min_size=1), texts, st.booleans(), texts, texts)
envelopes = st.builds(
    Envelope,
    id=st.text(min_size=1),
    type=st.text(min_size=1),
    body=st.dictionaries(st.text(), st.integers() | st.text() | st.none()),
    operation=texts,
    request=texts,
    fingerprint=texts,
    cause=texts,
    reply_to=texts,
    saga=texts,
    caller=callers,
    attempt=st.integers(1, 100),
    traceparent=texts,
    sent_at=st.floats(0, 1e12),
)


@given(st.lists(envelopes, max_size=20))
def test_what_is_packed_is_unpacked(sent: list[Envelope]) -> None:
    assert [one for bundle in pack(map(encode, sent)) for one in unpack(bundle)] == sent


def test_a_bundle_holds_so_many_messages() -> None:
    bundles = list(pack([encode(Envelope("i", "t", {}))] * (2 * MAX_BUNDLE_MESSAGES + 1)))
    assert [len(unpack(bundle)) for bundle in bundles] == [MAX_BUNDLE_MESSAGES, MAX_BUNDLE_MESSAGES, 1]


def test_a_bundle_holds_so_many_bytes() -> None:
    large = encode(Envelope("i", "t", {"text": "x" * (MAX_BUNDLE_BYTES // 3)}))
    bundles = list(pack([large] * 5))
    assert [len(unpack(bundle)) for bundle in bundles] == [2, 2, 1]
    assert all(len(bundle) <= MAX_BUNDLE_BYTES for bundle in bundles)


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"{",
        b"null",
        b"7",
        b"[1]",
        b"[{}]",
        b'[{"id":"a","type":"t"}]',
        b'[{"id":"a","type":"t","body":[]}]',
        b"\xff",
    ],
)
def test_rubbish_is_undecodable(rubbish: bytes) -> None:
    with pytest.raises(Undecodable):
        unpack(rubbish)


def test_a_caller_needs_a_principal() -> None:
    with pytest.raises(Undecodable):
        unpack(json.dumps([{"id": "a", "type": "t", "body": {}, "caller": {}}]).encode())


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_derived_ids_differ_unless_their_parts_are_the_same(one: list[str], other: list[str]) -> None:
    assert (ids.derived("op", *one) == ids.derived("op", *other)) == (one == other)


def test_new_ids_sort_by_time() -> None:
    made = [ids.new("trf") for _ in range(1000)]
    assert made == sorted(made)
