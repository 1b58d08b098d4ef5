"""The differences between two snapshots of a connection, as events.

Pure: two snapshots and what has been reported go in. A probe is unanswered when its answer is later than answers have
been so far; should one still come, that is reported, too.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeGuard

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.story.heartbeats import MISSED_PERIODS_2
from analyzer.keepalive.story.values import NO_ANSWER, Answer, GapKind, Probe
from analyzer.keepalive.story_reader import EndStory
from analyzer.keepalive.verdict.values import Outcome, Verdict
from analyzer.monitor.events import Event, Name
from analyzer.monitor.forecast import Forecast
from analyzer.report.json import document
from analyzer.report.units import seconds

SHORTEST_PATIENCE_NS = 600_000_000
"""Shortest time that an answer is awaited, also where none was seen before; RFC 6298 §2.4 waits a second for one."""
LONGEST_PATIENCE_NS = 5_000_000_000
MARGIN_NS = 1_000_000_000
"""Delay after which a probe is missing."""
TROUBLED_NS = 5_000_000_000
"""Interval at which a connection in trouble is examined again."""
PROBED = (GapKind.FIRST, GapKind.CYCLE, GapKind.SPACING)
"""Kinds of gaps that a probe ended."""


class Sent(IntEnum):
    """The report of a probe that was not answered so far."""

    REPORTED = 1
    UNANSWERED = 2


@dataclass(slots=True)
class Reported:
    """The facts already reported of one connection; frames tell them apart, since each frame is at most one of them."""

    number: int
    """Number of the connection, since the start."""
    waiting: dict[int, Sent] = field(default_factory=dict)
    """Probes that were not answered so far, by frame."""
    answered: "array[int]" = field(default_factory=lambda: array("q"))
    """Frames of probes whose answers were reported."""
    frames: set[int] = field(default_factory=set)
    """Frames of ICMP errors and resets that were reported."""
    settings: tuple[Any, ...] = (None, None)
    """Settings of both ends, as objects."""
    outcome: tuple[Outcome, Any] = (Outcome.ALIVE, None)
    stopped: tuple[int, int] = (0, 0)
    """Of each end the last heartbeat of which it was reported that no other came, by frame."""
    gave_up: bool = False
    is_closed: bool = False

    def note_probes(self, known: set[int], answered: set[int]) -> None:
        """Keep of the `known` probes, by frame, which were `answered`; the others wait. Older ones are forgotten."""
        self.answered = array("q", sorted(answered & known))
        self.waiting = {frame: state for frame, state in self.waiting.items() if frame in known - answered}


@dataclass(frozen=True, slots=True)
class IcmpError:
    """An ICMP error that quotes a segment of the connection."""

    frame: int
    ts_ns: int
    end: int
    of: int | None
    icmp_type: int
    icmp_code: int
    is_v6: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The findings of one connection at one moment."""

    flow: Flow
    errors: tuple[IcmpError, ...]
    forecasts: tuple[Forecast | None, Forecast | None]
    now_ns: int


def patience_ns(story: EndStory) -> int:
    """Return how long in ns the answer to a probe is awaited: twice as long as the slowest so far took."""
    slowest = max((probe.delay_ns for probe in story.probes if probe.answer is Answer.ACK), default=0)
    return min(max(2 * slowest, SHORTEST_PATIENCE_NS), LONGEST_PATIENCE_NS)


def ends_of(flow: Flow) -> tuple[str, str]:
    return str(flow.ends[0]), str(flow.ends[1])


def changes(snapshot: Snapshot, reported: Reported) -> list[Event]:
    """Return new events in order of time, and note in `reported` what they say."""
    found = [
        *_probes(snapshot, reported),
        *_errors(snapshot, reported),
        *_heartbeats(snapshot, reported),
        *_endings(snapshot, reported),
        *_settings(snapshot, reported),
    ]
    found += _verdict(snapshot, reported)
    reset = snapshot.flow.story.reset
    reported.frames &= {*(one.frame for one in snapshot.errors), *([reset.frame] if reset else [])}
    return sorted(found, key=lambda event: event.time_ns)


def next_due_ns(snapshot: Snapshot, reported: Reported) -> int | None:
    """Return the time in ns when another snapshot is worth while although nothing was captured; None for never.

    That is when a probe has waited for too long; when one that was expected has not come; and again and again while the
    other end is silent, since giving up in silence shows by nothing else.
    """
    story = snapshot.flow.story
    if story.reset is not None:
        return None
    due = [
        probe.ts_ns + patience_ns(end.story)
        for end in snapshot.flow.ends
        for probe in end.story.probes[-1:]
        if reported.waiting.get(probe.frame) is Sent.REPORTED
    ]
    due += [missing_ns(one, snapshot.now_ns) for one in snapshot.forecasts if has_latest(one)]
    for end in snapshot.flow.ends:
        beat = end.story.heartbeat
        if beat is not None and beat.stopped_ns < 0:
            due.append(max(beat.last_ns + MISSED_PERIODS_2 * beat.period_ns // 2 + 1, snapshot.now_ns + MARGIN_NS))
    if story.run is not None or story.unanswered_data is not None:
        due.append(snapshot.now_ns + TROUBLED_NS)
    return min(due, default=None)


def has_latest(forecast: Forecast | None) -> TypeGuard[Forecast]:
    """Tell whether it says until when the next probe comes."""
    return forecast is not None and forecast.next_probe is not None and forecast.next_probe.latest_ns is not None


def missing_ns(forecast: Forecast, now_ns: int) -> int:
    """Return when the next probe is missing; again and again, in ever longer intervals, once it is overdue."""
    assert forecast.next_probe is not None
    assert forecast.next_probe.latest_ns is not None
    overdue_ns = now_ns - forecast.next_probe.latest_ns
    return now_ns + max(overdue_ns, -overdue_ns + MARGIN_NS, MARGIN_NS)


def _event(snapshot: Snapshot, reported: Reported, time_ns: int, name: Name, end: int | None, **fields: Any) -> Event:
    return Event(time_ns, name, reported.number, end, ends_of(snapshot.flow), fields)


def _probes(snapshot: Snapshot, reported: Reported) -> Iterator[Event]:
    ends, answered, known = ends_of(snapshot.flow), set(reported.answered), set[int]()
    for end in (0, 1):
        story = snapshot.flow.ends[end].story
        before = {gap.frame: gap.unanswered for gap in story.gaps if gap.kind in PROBED}
        for probe in story.probes:
            known.add(probe.frame)
            if probe.frame in answered:
                continue
            in_a_row = before.get(probe.frame, 0) + 1
            if probe.frame not in reported.waiting:
                reported.waiting[probe.frame] = Sent.REPORTED
                yield probe_event(reported.number, ends, end, probe, in_a_row)
            if probe.answer not in NO_ANSWER:
                answered.add(probe.frame)
                if probe.answer is not Answer.RST:
                    yield answer_event(reported.number, ends, end, probe)
            elif reported.waiting[probe.frame] is Sent.REPORTED and not probe.may_go_unanswered:
                waited_ns = patience_ns(story)
                if snapshot.now_ns - probe.ts_ns >= waited_ns:
                    reported.waiting[probe.frame] = Sent.UNANSWERED
                    forecast = snapshot.forecasts[end]
                    yield _event(
                        snapshot,
                        reported,
                        probe.ts_ns + waited_ns,
                        Name.PROBE_UNANSWERED,
                        end,
                        frame=probe.frame,
                        waited_s=seconds(waited_ns),
                        unanswered=in_a_row,
                        forecast=forecast.to_object() if forecast else None,
                    )
    reported.note_probes(known, answered)


def probe_event(number: int, ends: tuple[str, str], end: int, probe: Probe, in_a_row: int) -> Event:
    """Return the event of a probe, which is the last of so many that were not answered so far."""
    fields = {"frame": probe.frame, "payload_len": probe.payload_len, "unanswered": in_a_row}
    return Event(probe.ts_ns, Name.KEEPALIVE_PROBE, number, end, ends, fields)


def answer_event(number: int, ends: tuple[str, str], end: int, probe: Probe) -> Event:
    """Return the event of the answer to a probe of this end."""
    delay_s, answer = seconds(probe.delay_ns), probe.answer.value
    fields = {"frame": probe.answer_frame, "of": probe.frame, "delay_s": delay_s, "answer": answer}
    return Event(probe.answer_ns, Name.KEEPALIVE_ANSWER, number, 1 - end, ends, fields)


def _errors(snapshot: Snapshot, reported: Reported) -> Iterator[Event]:
    for one in snapshot.errors:
        if one.frame not in reported.frames:
            reported.frames.add(one.frame)
            fields = {"frame": one.frame, "of": one.of, "icmp_type": one.icmp_type, "icmp_code": one.icmp_code}
            version = 6 if one.is_v6 else 4
            yield _event(snapshot, reported, one.ts_ns, Name.UNREACHABLE, one.end, **fields, icmp_version=version)


def _endings(snapshot: Snapshot, reported: Reported) -> Iterator[Event]:
    reset, verdict = snapshot.flow.story.reset, snapshot.flow.verdict
    if reset is not None and reset.frame not in reported.frames:
        reported.frames.add(reset.frame)
        if reset.is_give_up:
            reported.gave_up = True
            yield _event(
                snapshot, reported, reset.ts_ns, Name.GIVE_UP, reset.end, **_gave_up(verdict, reset.frame, "rst")
            )
        else:
            cause = verdict.cause.value if verdict.cause else None
            fields = {"frame": reset.frame, "answers": reset.answers_frame or None, "cause": cause}
            yield _event(snapshot, reported, reset.ts_ns, Name.RESET, reset.end, **fields)
    is_given_up = verdict.errno is not None and reset is None
    if is_given_up and not reported.gave_up:
        reported.gave_up = True
        yield _event(
            snapshot, reported, snapshot.now_ns, Name.GIVE_UP, verdict.prober, **_gave_up(verdict, None, "silence")
        )
    if verdict.outcome is Outcome.CLOSED and not reported.is_closed:
        reported.is_closed = True
        fields = {"frames": list(verdict.evidence_frames)} | document.ending_object(snapshot.flow.ending)
        by = fields["by"] if fields["by"] in (0, 1) else None
        yield _event(snapshot, reported, snapshot.flow.end_ns, Name.FLOW_CLOSED, by, **fields)


def _heartbeats(snapshot: Snapshot, reported: Reported) -> Iterator[Event]:
    """Yield that an end's heartbeat has stopped, once for each time that it does."""
    for index, end in enumerate(snapshot.flow.ends):
        beat = end.story.heartbeat
        if beat is None or beat.stopped_ns < 0 or beat.last_frame == reported.stopped[index]:
            continue
        if snapshot.flow.ending is not None and snapshot.flow.ending.at_ns is not None:
            continue  # it closed before anybody could have missed one
        reported.stopped = (
            (beat.last_frame, reported.stopped[1]) if index == 0 else (reported.stopped[0], beat.last_frame)
        )
        fields = {"frame": beat.last_frame, "period_s": seconds(beat.period_ns), "silent_s": seconds(beat.stopped_ns)}
        yield _event(snapshot, reported, snapshot.now_ns, Name.HEARTBEAT_STOPPED, index, **fields)


def _gave_up(verdict: Verdict, frame: int | None, basis: str) -> dict[str, Any]:
    delay_s = seconds(verdict.detection_delay_ns)
    return {"frame": frame, "basis": basis, "errno": verdict.errno, "detection_delay_s": delay_s}


def _settings(snapshot: Snapshot, reported: Reported) -> Iterator[Event]:
    for end in snapshot.flow.probers:
        one, forecast = snapshot.flow.ends[end], snapshot.forecasts[end]
        shown = document.settings_object(one.settings)
        if _values(shown) != reported.settings[end]:
            reported.settings = tuple(
                _values(shown) if index == end else old for index, old in enumerate(reported.settings)
            )
            by = one.story.probed_by.value if one.story.probed_by is not None else None
            fields = {"probed_by": by, "settings": shown, "matches": list(one.matches)}
            ahead = forecast.to_object() if forecast else None
            yield _event(snapshot, reported, snapshot.flow.end_ns, Name.SETTINGS, end, **fields, forecast=ahead)


def _values(shown: dict[str, Any]) -> list[Any]:
    """Return the values whose change is worth an event. A bound that merely moves on with time, since nothing closes
    it, is not."""
    return [
        (one["value"], one["low"], one["high"]) if one and one["high"] is not None else None for one in shown.values()
    ]


def may_be_answered(snapshot: Snapshot, reported: Reported) -> bool:
    """Tell whether no probe of the run has waited for too long."""
    run = snapshot.flow.story.run
    return run is not None and all(reported.waiting.get(frame) is Sent.REPORTED for frame in run.frames)


def _verdict(snapshot: Snapshot, reported: Reported) -> list[Event]:
    verdict = snapshot.flow.verdict
    says_nothing = verdict.outcome in (Outcome.OPEN, Outcome.UNKNOWN) or (
        verdict.outcome is Outcome.PROBING and may_be_answered(snapshot, reported)
    )
    if (verdict.outcome, verdict.cause) == reported.outcome or says_nothing:
        return []
    reported.outcome = (verdict.outcome, verdict.cause)
    reset = snapshot.flow.story.reset
    fields = document.verdict_object(verdict)
    return [
        _event(snapshot, reported, reset.ts_ns if reset else snapshot.now_ns, Name.VERDICT, verdict.prober, **fields)
    ]
