"""The tests of a filter, one by one, on packets in columns; tests/capture/test_filter.py has the language."""

import pickle

import pytest

from analyzer.capture.decode.selection import FAILS, PASSES, PacketFilter, select
from analyzer.capture.filter import packet_filter
from analyzer.diagnostics import FILTERED_OUT, Diagnostics
from analyzer.engine.table import Table
from analyzer.schema import KIND_ICMP_ERROR, KIND_NEIGHBOUR, KIND_OTHER, KIND_TCP
from analyzer.schema.packets import FILTER_TESTS, PACKETS
from tests.engines import chosen


def packets(*kinds: int) -> Table:
    table = Table(PACKETS)
    table.reserve(len(kinds))
    table.rows = len(kinds)
    for row, kind in enumerate(kinds):
        table.view.kind[row], table.view.frame[row] = kind, row + 1
        table.view.ports[row] = 40_000 << 16 | 80
    return table


@pytest.mark.parametrize("is_native", [False, True], ids=["interpreted", "native"])
def test_what_passes_or_fails_without_a_test(is_native: bool) -> None:
    for begin, left in ((PASSES, KIND_TCP), (FAILS, KIND_OTHER)):
        table, counts = packets(KIND_TCP, KIND_NEIGHBOUR), Diagnostics().counts
        PacketFilter("", empty(), begin).apply(table, chosen(is_native), counts)
        assert list(table.view.kind[:2]) == [left, KIND_NEIGHBOUR]
        assert counts[2 * FILTERED_OUT] == (begin == FAILS)


def empty() -> Table:
    tests = Table(FILTER_TESTS)
    tests.reserve(1)
    return tests


@pytest.mark.parametrize(
    ("expression", "passed"),
    [("port 80", 2), ("src port 80", 0), ("dst port 80", 2), ("src and dst port 80", 0), ("icmp6", 1), ("tcp", 2)],
)
@pytest.mark.parametrize("is_native", [False, True], ids=["interpreted", "native"])
def test_only_segments_and_errors_about_them_are_tested(is_native: bool, expression: str, passed: int) -> None:
    table, one = packets(KIND_TCP, KIND_OTHER, KIND_ICMP_ERROR, KIND_NEIGHBOUR), packet_filter(expression)
    counts = Diagnostics().counts
    run = chosen(is_native).run
    assert run(select, table.view, table.rows, one.tests.view, one.begin, counts) == passed
    assert counts[2 * FILTERED_OUT] == 2 - passed


def test_a_filter_travels_to_other_processes() -> None:
    one = packet_filter("host 10.0.0.1 or port 80")
    again = pickle.loads(pickle.dumps(one))
    assert (again.expression, again.begin) == (one.expression, one.begin)
    assert bytes(again.tests.octets) == bytes(one.tests.octets)
