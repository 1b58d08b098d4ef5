"""A capture whose past is moved onto another clock says what it would have said on that clock from the beginning."""

import pytest

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.tcp.clock_steps import move_clock
from tests.transcript import fed, feed, transcript

SECOND = 10**9
BEFORE = """
    0.000  A>B  S   seq 99
    0.010  B>A  SA  seq 499  ack 100
    0.020  A>B  PA  seq 100  ack 500  len 50
    0.030  B>A  A   seq 500  ack 150
    1.000  ask B by A
    30.00  A>B  A   seq 149  ack 500
"""
AFTER = """
    30.01  B>A  A   seq 500  ack 150
    60.00  A>B  A   seq 149  ack 500
    60.01  B>A  A   seq 500  ack 150
    70.00  A>B  PA  seq 150  ack 500  len 5
"""


def rows(table: Table) -> list[tuple[int, ...]]:
    return [tuple(column[row] for column in table.view) for row in range(table.rows)]


@pytest.mark.parametrize("by_s", [3600, -3600, 86_400 * 400, -5])
def test_everything_is_as_if_the_clock_had_been_right_from_the_beginning(by_s: int) -> None:
    by_ns = by_s * SECOND
    before, after = transcript(BEFORE), transcript(AFTER)
    stepped = fed(before)
    move_clock(stepped.tracker, Engine(), by_ns)
    feed(stepped, [(ts_ns + by_ns, frame) for ts_ns, frame in after])
    right = fed([(ts_ns + by_ns, frame) for ts_ns, frame in (*before, *after)])
    one, other = stepped.tracker, right.tracker
    assert one.candidates.rows > 5
    assert rows(one.candidates) == rows(other.candidates)
    assert rows(one.table.flows) == rows(other.table.flows)
    assert rows(one.table.ends) == rows(other.table.ends)
    assert rows(one.neighbours) == rows(other.neighbours) != []
