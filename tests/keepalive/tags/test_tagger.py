"""The kernel around the rules: rows by flow, and runs of heartbeats; test_tags.py has the situations."""

from array import array
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from analyzer.keepalive.tags.tagger import sort_by_flow
from tests.transcript import told


@given(st.lists(st.integers(0, 4), max_size=40))
def test_rows_are_sorted_by_flow_and_stay_in_capture_order(flow: list[int]) -> None:
    order, starts = array("q", [0] * max(len(flow), 1)), array("q", [0] * 7)
    sort_by_flow(SimpleNamespace(flow=flow), len(flow), order, starts)
    assert list(order[: len(flow)]) == sorted(range(len(flow)), key=flow.__getitem__)
    assert [list(flow).count(one) for one in range(5)] == [starts[one + 1] - starts[one] for one in range(5)]


def test_a_run_of_heartbeats_ends_where_the_pace_changes_and_another_may_begin() -> None:
    """The beat at 50 s is the last of the first run and the first of the second."""
    told("""
    10   A>B  PA  seq 1  ack 1  len 1
    20   A>B  PA  seq 2  ack 1  len 1  | heartbeat
    30   A>B  PA  seq 3  ack 1  len 1  | heartbeat
    40   A>B  PA  seq 4  ack 1  len 1  | heartbeat
    50   A>B  PA  seq 5  ack 1  len 1  | heartbeat
    80   A>B  PA  seq 6  ack 1  len 1  | heartbeat
    110  A>B  PA  seq 7  ack 1  len 1  | heartbeat
    115  A>B  PA  seq 8  ack 1  len 1
    """)
