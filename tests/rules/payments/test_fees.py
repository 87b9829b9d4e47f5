"""What a payment costs its merchant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.merchants import FeeTerms

amounts = st.integers(0, 10**15)
terms = st.builds(FeeTerms, fixed=st.integers(0, 10**15), basis_points=st.integers(0, 10_000))


@pytest.mark.parametrize(
    ("fixed", "share", "amount", "fee"),
    [(0, 0, 1_000, 0), (10, 250, 1_000, 35), (0, 1, 4_999, 0), (0, 1, 5_000, 1), (50, 0, 20, 20), (50, 10_000, 20, 20)],
)
def test_a_fixed_part_and_a_share_rounded_half_up(fixed: int, share: int, amount: int, fee: int) -> None:
    assert FeeTerms(fixed=fixed, basis_points=share).on(amount) == fee


@given(terms=terms, amount=amounts)
def test_never_more_than_there_is(terms: FeeTerms, amount: int) -> None:
    assert 0 <= terms.on(amount) <= amount


@given(terms=terms, amount=amounts, more=amounts)
def test_more_never_costs_less(terms: FeeTerms, amount: int, more: int) -> None:
    assert terms.on(amount) <= terms.on(amount + more)
