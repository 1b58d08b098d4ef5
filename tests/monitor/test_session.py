"""From a source to events, a recording and an analysis, without a network."""

import io
import json
from array import array
from collections.abc import Iterator, Sequence
from itertools import count

import pytest

from analyzer.capture.files.writer import Described, PcapngWriter
from analyzer.capture.live.merge import Frames
from analyzer.keepalive.summary.expectations import TIME, Expectation
from analyzer.monitor.events import Event, Name
from analyzer.monitor.session import Clock, Session, Stop
from analyzer.monitor.watcher import Watcher
from analyzer.report.json import document
from tests.capture.live.test_merge import block
from tests.capture.reading import read_capture
from tests.monitor.live import at
from tests.monitor.test_watcher import ALIVE, LOST
from tests.transcript import transcript

SECOND = 10**9


class Scripted:
    """Batches as they are given; None is a silence."""

    is_live = True
    names: tuple[str, ...] = ("eth0",)
    formats: tuple[str, ...] = ("live",)
    dropped: Sequence[int] = (3,)

    def __init__(self, *batches: "Frames | None") -> None:
        self._batches = batches
        self.is_finished = False
        self.step_ns = 0

    def batches(self) -> Iterator[Frames | None]:
        yield from self._batches

    def described(self) -> Sequence[Described]:
        return [Described("eth0", 1, 256)]

    def notices(self) -> list[Event]:
        return []

    def clock_step_ns(self) -> int:
        by_ns, self.step_ns = self.step_ns, 0
        return by_ns

    def finish(self) -> None:
        self.is_finished = True


def batch(*frames: tuple[int, bytes]) -> Frames:
    buffer, records = block(*frames)
    return Frames(bytearray(buffer), records, array("i", [0] * len(frames)))


def lost() -> list[Frames]:
    return [batch(frame) for frame in transcript(LOST)]


def run(session: Session) -> list[Event]:
    events = [event for events in session.run() for event in events]
    last, _ = session.finish()
    return events + last


def test_events_come_out_and_the_analysis_is_that_of_a_file() -> None:
    source = Scripted(*lost())
    session = Session(source, Watcher(), Stop())
    events = [event for events in session.run() for event in events]
    last, analysis = session.finish()
    assert {event.name for event in events + last} >= {Name.KEEPALIVE_PROBE, Name.GIVE_UP}
    assert analysis.flows[0].verdict.outcome.value == "timed-out"
    assert (analysis.capture.files, analysis.capture.formats, analysis.capture.packets) == (("eth0",), ("live",), 10)
    assert source.is_finished


def test_what_is_concluded_comes_last_and_is_that_of_the_document() -> None:
    session = Session(Scripted(*lost()), Watcher(), Stop())
    before = [event for events in session.run() for event in events]
    last, analysis = session.finish()
    concluded = [event for event in last if event.name is Name.CONCLUSION]
    assert last[-len(concluded) :] == concluded != []
    assert not any(event.name is Name.CONCLUSION or event.time_ns > concluded[0].time_ns for event in before)
    head = next(iter(document.document(analysis)))
    assert [event.fields for event in concluded] == json.loads(head + "]}")["conclusions"]
    assert not any(event.is_trouble for event in concluded)


def test_what_is_expected_is_among_what_is_concluded() -> None:
    session = Session(Scripted(*lost()), Watcher(), Stop())
    for _ in session.run():
        pass
    last, _ = session.finish([Expectation({TIME: 60})])
    [first, *_] = [event.fields["code"] for event in last if event.name is Name.CONCLUSION]
    assert first == "settings-not-in-force"


def test_without_a_frame_nothing_is_concluded() -> None:
    assert run(Session(Scripted(None), Watcher(), Stop())) == []


def test_live_the_clock_says_when_capturing_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so does the recording: as a file it shows the same."""
    instants = iter(range(0, 10**12, 10 * SECOND))
    monkeypatch.setattr("analyzer.monitor.session.time.monotonic_ns", lambda: next(instants))
    file = io.BytesIO()
    session = Session(Scripted(*lost(), None, None, None), Watcher(), Stop(), PcapngWriter(file))
    list(session.run())
    _, analysis = session.finish()
    assert analysis.capture.until_ns == analysis.capture.last_ns + 20 * SECOND
    reading = read_capture(file.getvalue())
    assert reading.ended == (analysis.capture.last_ns, analysis.capture.until_ns)


def test_it_stops_after_so_many_frames_and_not_one_more() -> None:
    session = Session(Scripted(*lost()[:3], batch(*transcript(LOST)[3:])), Watcher(), Stop(frames=5))
    run(session)
    assert session.watcher.analyzer.frames == 5


def test_it_stops_after_so_long() -> None:
    silence: list[Frames | None] = [None] * 1000
    session = Session(Scripted(*silence), Watcher(), Stop(duration_ns=0))
    assert len(list(session.run())) == 1


def test_the_recording_is_what_was_analysed() -> None:
    file = io.BytesIO()
    run(Session(Scripted(*lost()), Watcher(), Stop(frames=7), PcapngWriter(file)))
    octets = file.getvalue()
    assert all(frame in octets for _, frame in transcript(LOST)[:7])
    assert transcript(LOST)[8][1] not in octets


def test_time_goes_on_while_nothing_comes() -> None:
    clock = Clock(is_live=True)
    clock.waited(5 * SECOND)
    assert clock.now_ns == -1  # no frame so far
    clock.saw(at("10"))
    clock.waited(5 * SECOND)
    clock.waited(7 * SECOND)
    assert clock.now_ns == at("12")
    clock.saw(at("11"))  # a block that was held up
    assert clock.now_ns == at("10") or clock.now_ns == at("11")
    clock.waited(9 * SECOND)
    assert clock.now_ns == at("11")


def test_of_a_file_time_is_what_it_says() -> None:
    clock = Clock(is_live=False)
    clock.saw(at("10"))
    clock.waited(5 * SECOND)
    clock.waited(50 * SECOND)
    assert clock.now_ns == at("10")


PROBED = f"""{ALIVE}
    90.000  A>B  A  seq 999   ack 5000
"""
REST = """
    90.020   B>A  A  seq 5000  ack 1000
    120.000  A>B  A  seq 999   ack 5000
    120.010  B>A  A  seq 5000  ack 1000
"""


class Stepping(Scripted):
    """A clock that is set between two batches."""

    def __init__(self, by_ns: int) -> None:
        super().__init__()
        self._by_ns = by_ns

    def batches(self) -> Iterator[Frames | None]:
        for frame in transcript(PROBED):
            yield batch(frame)
        self.step_ns = self._by_ns
        yield None
        for ts_ns, frame in transcript(REST):
            yield batch((ts_ns + self._by_ns, frame))
            yield None


@pytest.mark.parametrize("by_s", [3600, -3600, 40 * 86_400, -86_400], ids=["hour", "back", "months", "day-back"])
def test_a_clock_that_is_set_takes_nothing_for_missing_and_nothing_for_negative(
    by_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told is what is told where the clock is not set, but for the times: a probe is on its way meanwhile."""
    found = {}
    for step_ns in (0, by_s * SECOND):
        instants = count(10**12, 100_000_000)
        monkeypatch.setattr("analyzer.monitor.session.time.monotonic_ns", instants.__next__)
        session = Session(Stepping(step_ns), Watcher(), Stop())
        events = [event for events in session.run() for event in events]
        last, analysis = session.finish()
        flow = analysis.flows[0]
        found[step_ns] = (
            [(one.name, one.flow, one.end, one.fields.get("frame")) for one in events + last],
            (flow.verdict.outcome, flow.ends[0].settings.tcp_keepalive_time, flow.end_ns - flow.start_ns),
            [probe.delay_ns for probe in flow.ends[0].story.probes],
        )
        codes = [one.code.name for one in analysis.of_reading]
        assert codes == (["clock-set"] if step_ns else [])
        assert analysis.capture.last_ns == transcript(REST)[-1][0] + step_ns
    assert found[0] == found[by_s * SECOND]
    assert not {Name.PROBE_UNANSWERED, Name.GIVE_UP} & {name for name, *_ in found[0][0]}


def test_a_pipes_clock_that_is_set_back_takes_now_with_it() -> None:
    """Else every probe of the next hour would have been unanswered for an hour."""
    clock = Clock(is_live=True)
    clock.saw(at("5000"))
    clock.saw(at("1400"))
    assert clock.now_ns == at("1400")
    of_file = Clock(is_live=False)
    of_file.saw(at("5000"))
    of_file.saw(at("1400"))
    assert of_file.now_ns == at("5000")
