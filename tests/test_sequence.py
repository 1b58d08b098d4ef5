"""Sequence numbers wrap at 2^32 (RFC 9293 §3.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.sequence import seq_add, seq_diff

u32 = st.integers(0, 2**32 - 1)
near = st.integers(-(2**31), 2**31 - 1)


@pytest.mark.parametrize(
    ("a", "b", "difference"),
    [
        (5, 3, 2),
        (3, 5, -2),
        (0, 0xFFFFFFFF, 1),
        (0xFFFFFFFF, 0, -1),
        (0x80000000, 0, -(2**31)),
        (0x7FFFFFFF, 0, 2**31 - 1),
    ],
)
def test_difference_is_signed_and_wraps(a: int, b: int, difference: int) -> None:
    assert seq_diff(a, b) == difference


@pytest.mark.parametrize(("a", "octets", "total"), [(1, 2, 3), (0xFFFFFFFF, 1, 0), (0, -1, 0xFFFFFFFF)])
def test_sum_wraps(a: int, octets: int, total: int) -> None:
    assert seq_add(a, octets) == total


@given(u32, near)
def test_difference_undoes_the_sum(a: int, octets: int) -> None:
    assert seq_diff(seq_add(a, octets), a) == octets
    assert 0 <= seq_add(a, octets) < 2**32
