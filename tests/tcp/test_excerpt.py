"""Some flows by themselves say what they say among the others."""

from analyzer.tcp.excerpt import excerpt
from tests.tcp.test_eviction import lives


def test_flows_are_numbered_anew_and_candidates_stay_in_capture_order() -> None:
    tracker = lives().tracker
    c = tracker.candidates.view
    rows = {flow: [row for row in range(tracker.candidates.rows) if c.flow[row] == flow] for flow in (3, 2)}
    part = excerpt(tracker, rows)
    frames = list(part.candidates.view.frame[: part.candidates.rows])
    assert frames == sorted(c.frame[row] for one in rows.values() for row in one)
    assert [number >> 16 for number in part.table.flows.view.ports] == [4, 3]
    assert {(c.frame[row], 0 if c.flow[row] == 3 else 1) for one in rows.values() for row in one} == set(
        zip(frames, part.candidates.view.flow, strict=True)
    )


def test_the_whole_is_left_as_it_was() -> None:
    tracker = lives().tracker
    before = list(tracker.candidates.view.flow)
    excerpt(tracker, {1: [1, 2]}).candidates.view.flow[0] = 77
    assert list(tracker.candidates.view.flow) == before
