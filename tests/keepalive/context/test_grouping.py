"""Sorts by digits and by counts, held against Python's own."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from analyzer.engine.dispatch import Engine
from analyzer.keepalive.context.grouping import by_key, grouped

KEYS = st.one_of(st.integers(-1, 20), st.integers(0, 2**61), st.sampled_from([0, 1_800_000_000 * 10**9]))


@given(st.lists(KEYS, max_size=80), st.randoms())
def test_rows_are_in_order_of_their_keys(keys: list[int], random: "st.Random") -> None:
    rows = array("i", random.sample(range(len(keys)), len(keys)))
    expected = sorted(rows, key=keys.__getitem__)
    by_key(rows, len(rows), array("q", keys), Engine())
    assert list(rows) == expected


@given(st.lists(st.integers(0, 9), max_size=80), st.integers(0, 10))
def test_rows_of_one_number_stay_in_their_order(numbers: list[int], left_out: int) -> None:
    rows = array("i", reversed(range(len(numbers))))
    count = max(len(rows) - left_out, 0)
    group = grouped(rows, count, array("i", numbers), 10, Engine())
    for number in range(10):
        mine = list(group.rows[group.starts[number] : group.starts[number + 1]])
        assert mine == [row for row in rows[:count] if numbers[row] == number]
