"""Spans of time, however the frames come; never more of them than there can be holes."""

from array import array
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.coverage import HOLE_NS, Coverage, may_end
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


DAY_NS = 86_400 * 10**9


def test_capturing_may_go_on_after_the_last_frame() -> None:
    coverage = covered([YEAR_NS, YEAR_NS + 5])
    assert coverage.until_ns == coverage.last_ns
    coverage.went_on(YEAR_NS + 5, YEAR_NS + 70)
    assert (coverage.first_ns, coverage.last_ns, coverage.until_ns) == (YEAR_NS, YEAR_NS + 5, YEAR_NS + 70)
    assert coverage.end_after(YEAR_NS) == YEAR_NS + 70
    coverage.went_on(ABSENT, ABSENT)
    coverage.end_at(YEAR_NS + 60)
    assert coverage.until_ns == YEAR_NS + 60


def test_an_end_counts_for_the_frames_before_it_alone() -> None:
    """A year without frames stays a hole, however long after the first of them somebody captured."""
    coverage = covered([YEAR_NS, 2 * YEAR_NS])
    coverage.went_on(YEAR_NS, YEAR_NS + HOLE_NS)
    assert coverage.holes == 1
    assert coverage.end_after(YEAR_NS) == YEAR_NS + HOLE_NS
    assert coverage.until_ns == coverage.last_ns == 2 * YEAR_NS


days = st.integers(0, 400).map(DAY_NS.__mul__)
waits = st.integers(0, 30).map(DAY_NS.__mul__)


@given(st.lists(st.tuples(days, waits), max_size=20), st.randoms(use_true_random=False))
def test_frames_and_ends_in_any_order(frames: list[tuple[int, int]], random: Random) -> None:
    """As the shards of many files bring them."""
    coverage = covered([frame for frame, _ in frames])
    for frame, wait in frames:
        coverage.went_on(frame, frame + wait)
    other = Coverage()
    for frame, wait in random.sample(frames, len(frames)):
        other.add(frame, frame, frame + wait)
    assert coverage.spans == other.spans
    expected = spans([frame for frame, _ in frames])
    assert coverage.spans == [
        (first, last, max(frame + wait for frame, wait in frames if first <= frame <= last)) for first, last in expected
    ]


def test_how_long_after_its_last_frame_a_capture_may_have_ended() -> None:
    assert [may_end(5, until) for until in (4, 5, 5 + HOLE_NS, 6 + HOLE_NS)] == [False, True, True, False]
