"""What is new since the last look; test_watcher.py has the looks themselves."""

from analyzer.keepalive.story.values import Answer, Probe
from analyzer.monitor.changes import (
    LONGEST_PATIENCE_NS,
    SHORTEST_PATIENCE_NS,
    Reported,
    Snapshot,
    changes,
    next_due_ns,
    patience_ns,
)
from analyzer.monitor.forecast import forecast
from analyzer.monitor.watcher import Watcher
from tests.keepalive.made import EndStory
from tests.monitor.live import at, told
from tests.monitor.test_watcher import ALIVE, LOST, OPENED

SECOND = 10**9


def story(*delays_ns: int) -> EndStory:
    probes = tuple(Probe(n, n * SECOND, 0, Answer.ACK, n, n * SECOND + one) for n, one in enumerate(delays_ns))
    return EndStory(probes)


def test_patience_follows_the_slowest_answer_within_bounds() -> None:
    assert patience_ns(story()) == SHORTEST_PATIENCE_NS
    assert patience_ns(story(1_000_000, 2_000_000)) == SHORTEST_PATIENCE_NS
    assert patience_ns(story(400_000_000, 1_000_000)) == 800_000_000
    assert patience_ns(story(60 * SECOND)) == LONGEST_PATIENCE_NS


def look_of(text: str) -> tuple[Snapshot, Reported]:
    """A snapshot at the text's end, and what was reported by then."""
    watcher = Watcher()
    told(text, watcher=watcher)
    analyzer = watcher.analyzer
    now_ns = analyzer.coverage.last_ns
    flow = analyzer.analysis_of(analyzer.tracker, now_ns).alone([0]).assemble(0)
    heard_ns = flow.story.heard_ns
    forecasts = (forecast(flow.ends[0], heard_ns[1]), forecast(flow.ends[1], heard_ns[0]))
    return Snapshot(flow, (), forecasts, now_ns), watcher.watched[0].reported


def test_the_same_look_again_says_nothing() -> None:
    snapshot, before = look_of(LOST)
    assert changes(snapshot, before) == []


def test_a_first_look_says_everything_in_order_of_time() -> None:
    snapshot, _ = look_of(LOST)
    events = changes(snapshot, Reported(7))
    assert [event.time_ns for event in events] == sorted(event.time_ns for event in events)
    assert {event.flow for event in events} == {7}


def test_after_a_reset_nothing_more_is_waited_for() -> None:
    snapshot, before = look_of(LOST)
    assert next_due_ns(snapshot, before) is None


def test_a_probe_is_waited_for_and_then_the_next_one() -> None:
    snapshot, before = look_of(f"{OPENED}\n 30.0 A>B A seq 999 ack 5000")
    assert next_due_ns(snapshot, before) == at("30.6")
    snapshot, before = look_of(ALIVE)
    due_ns = next_due_ns(snapshot, before)
    assert at("90.0") < due_ns < at("96.0")
