"""Connections whose probes are answered as before: told from columns, and told the same as from snapshots."""

from pathlib import Path

import pytest

from analyzer.capture.files.reader import CaptureReader
from analyzer.capture.files.source import open_source
from analyzer.monitor import watcher as watching
from analyzer.monitor.changes import changes
from analyzer.monitor.events import Event
from analyzer.monitor.steady import Standing
from analyzer.monitor.watcher import Watcher
from tests.monitor.live import at, brief, told
from tests.monitor.test_watcher import ALIVE, LOST, OPENED
from tests.recordings import SHORT

SECOND = 10**9


def answered(first: int, last: int, delay: str = "01") -> str:
    """A probe every 30 s, and its answer."""
    return "\n".join(
        f"{30 * n}.0 A>B A seq 999 ack 5000\n {30 * n}.{delay} B>A A seq 5000 ack 1000" for n in range(first, last + 1)
    )


@pytest.fixture
def snapshots(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """When snapshots were compared."""
    taken: list[int] = []

    def counted(snapshot: object, reported: object) -> list[Event]:
        taken.append(snapshot.now_ns)
        return changes(snapshot, reported)

    monkeypatch.setattr(watching, "changes", counted)
    return taken


def standing(watcher: Watcher) -> Standing:
    [(_, one)] = watcher.standings()
    return one


def test_probes_that_are_answered_as_before_take_no_snapshot(snapshots: list[int]) -> None:
    events = told(f"{OPENED}\n{answered(1, 20)}")
    assert brief(events, "keepalive-probe") == [("keepalive-probe", 30.0 * n, 0) for n in range(1, 21)]
    assert brief(events, "keepalive-answer") == [("keepalive-answer", 30.0 * n + 0.01, 1) for n in range(1, 21)]
    assert snapshots
    assert max(snapshots) < at("120")


def test_a_probe_on_its_way_takes_none_and_a_missing_answer_does(snapshots: list[int]) -> None:
    watcher = Watcher()
    told(f"{OPENED}\n{answered(1, 6)}", watcher=watcher)
    seen = len(snapshots)
    on_its_way = told("210.0 A>B A seq 999 ack 5000", until="210.5", watcher=watcher)
    assert brief(on_its_way) == [("keepalive-probe", 210.0, 0)]
    assert len(snapshots) == seen
    missing = [event for tenth in range(6, 10) for event in watcher.tick(at(f"210.{tenth}"))]
    assert brief(missing) == [("probe-unanswered", 210.6, 0)]
    assert len(snapshots) > seen


def test_the_view_knows_the_latest_probe_without_a_snapshot() -> None:
    watcher = Watcher()
    told(f"{OPENED}\n{answered(1, 8)}", watcher=watcher)
    one = standing(watcher)
    assert (one.outcome.value, one.end_ns, one.probers) == ("alive", at("240.01"), (0,))
    expected = one.forecasts[0].next_probe
    assert expected.earliest_ns <= at("270.0") <= expected.latest_ns


def test_a_connection_that_icmp_errors_are_about_always_takes_a_snapshot(snapshots: list[int]) -> None:
    watcher = Watcher()
    error = "100.0 icmp host-unreachable about A>B seq 999"
    told(f"{OPENED}\n{answered(1, 3)}\n{error}\n{answered(4, 8)}", watcher=watcher)
    assert max(snapshots) >= at("240")


@pytest.mark.parametrize("text", [ALIVE, LOST, f"{OPENED}\n{answered(1, 9, '8')}"], ids=["alive", "lost", "late"])
def test_what_is_told_is_what_snapshots_tell(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steadily = told(text, until="400")
    monkeypatch.setattr(watching, "signs_of", lambda *_: None)
    assert steadily == told(text, until="400")


def played(capture: Path) -> list[Event]:
    watcher = Watcher()
    analyzer, events = watcher.analyzer, []
    with open_source(str(capture)) as source:
        for buffer, records, _ in CaptureReader(source, analyzer.diagnostics, 300).chunks(analyzer.engine):
            watcher.feed(buffer, records)
            now_ns = max(records.view.ts_ns[: records.rows])
            events += watcher.tick(now_ns) + watcher.tick(now_ns + SECOND)
    return events + watcher.last_tick(analyzer.coverage.last_ns)


@pytest.mark.parametrize("capture", SHORT[::3], ids=lambda path: path.parent.name)
def test_recordings_are_told_as_snapshots_tell_them(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steadily = played(capture)
    monkeypatch.setattr(watching, "signs_of", lambda *_: None)
    assert steadily == played(capture)
