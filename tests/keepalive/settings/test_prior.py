"""The prior: which whole second is picked from bounds."""

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.keepalive.settings.prior import BIT, KNOWN, PRIOR, likeliest, log2_of, weight


@pytest.mark.parametrize(
    ("low", "high", "picked"),
    [
        (30, 31, 30),
        (74, 75, 75),
        (57, 61, 60),
        (108, 120, 120),
        (6327, 7200, 7200),
        (36, 37, 37),  # none is round: the nearest to what was seen
        (33, 38, 35),
        (61, 71, 70),
        (83, 83, 83),
    ],
)
def test_likeliest(low: int, high: int, picked: int) -> None:
    assert likeliest(PRIOR, low, high) == picked


def test_odd_values_thin_out() -> None:
    assert weight(PRIOR, 37) > weight(PRIOR, 371) > weight(PRIOR, 3711)
    assert weight(PRIOR, 60) > weight(PRIOR, 50) > weight(PRIOR, 40) > weight(PRIOR, 35) > weight(PRIOR, 37)


def test_every_known_value_outweighs_its_neighbours() -> None:
    for seconds in KNOWN:
        assert weight(PRIOR, seconds) > max(weight(PRIOR, seconds - 1), weight(PRIOR, seconds + 1))


@given(st.integers(1, 5000), st.integers(0, 500))
def test_likeliest_is_as_good_as_any(low: int, width: int) -> None:
    """But for thinning: within a class the highest is taken, though lower ones are a little likelier."""
    high = low + width
    best = max(weight(PRIOR, seconds) for seconds in range(low, high + 1))
    assert best - (log2(high / low) + 1e-5) * BIT <= weight(PRIOR, likeliest(PRIOR, low, high)) <= best


@given(st.integers(1, 1 << 49))
def test_logarithms_are_good_to_five_places(number: int) -> None:
    assert abs(log2_of(PRIOR, number) / BIT - log2(number)) < 1e-5
