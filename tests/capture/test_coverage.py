"""Spans of time, however the frames come; never more of them than there can be holes."""

from array import array
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.coverage import HOLE_NS, Coverage
from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.schema import ABSENT
from analyzer.schema.packets import RECORDS

YEAR_NS = 365 * 86_400 * 10**9


def covered(*batches: list[int]) -> Coverage:
    coverage = Coverage()
    for times in batches:
        records = Table(RECORDS)
        for ts_ns in times:
            records.append(ts_ns, 0, 0, 0, 1)
        coverage.note(records.view, len(records), Engine(), array("q", [0, 0]))
    return coverage


def spans(times: list[int]) -> list[tuple[int, int]]:
    """The same, slowly."""
    found: list[tuple[int, int]] = []
    for ts_ns in sorted(times):
        if found and ts_ns - found[-1][1] <= HOLE_NS:
            found[-1] = (found[-1][0], ts_ns)
        else:
            found.append((ts_ns, ts_ns))
    return found


def test_a_capture_without_frames() -> None:
    coverage = covered([])
    assert (coverage.first_ns, coverage.last_ns, coverage.holes) == (ABSENT, ABSENT, 0)


def test_a_frame_of_another_century() -> None:
    now = 56 * YEAR_NS
    coverage = covered([now, now + 5, 136 * YEAR_NS, now + 9], [now + 20])
    assert (coverage.first_ns, coverage.last_ns, coverage.holes) == (now, 136 * YEAR_NS, 1)
    assert coverage.end_after(now + 7) == now + 20
    assert coverage.end_after(136 * YEAR_NS) == 136 * YEAR_NS


@given(st.lists(st.lists(st.integers(0, 400).map(lambda days: days * 86_400 * 10**9), max_size=12), max_size=8))
def test_any_times_in_any_batches(batches: list[list[int]]) -> None:
    coverage, times = covered(*batches), [one for batch in batches for one in batch]
    expected = spans(times)
    assert coverage.holes == max(len(expected) - 1, 0)
    assert all(
        coverage.end_after(one) == next(last for first, last in expected if first <= one <= last) for one in times
    )


def test_there_are_never_many() -> None:
    random = Random(1)
    assert covered(*[[random.getrandbits(62) for _ in range(500)] for _ in range(40)]).holes < 2**62 // HOLE_NS + 1
