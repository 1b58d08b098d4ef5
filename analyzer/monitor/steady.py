"""What is kept of a connection between two looks, and the look at one whose probes are answered as before.

On most connections that are probed nothing is new but a probe and its answer. Columns show that: what any other event
could come from, the `signs`, is as it was. Then no value is made of the connection. Where a sign differs, or where only
values can tell, `changes.py` compares all of it.
"""

from dataclasses import dataclass

from analyzer.capture.decode.packets import endpoint
from analyzer.keepalive.findings import Flow, Found
from analyzer.keepalive.settings.infer import SETTINGS
from analyzer.keepalive.settings.values import Settings
from analyzer.keepalive.story.values import (
    BY_ACK,
    BY_DATA,
    BY_ICMP,
    BY_NOTHING,
    CYCLE,
    FIRST,
    SPACING,
    Probe,
)
from analyzer.keepalive.story_reader import probe_at
from analyzer.keepalive.verdict.values import Cause, Outcome
from analyzer.monitor.changes import (
    LONGEST_PATIENCE_NS,
    SHORTEST_PATIENCE_NS,
    TROUBLED_NS,
    Reported,
    Sent,
    Snapshot,
    answer_event,
    ends_of,
    has_latest,
    may_be_answered,
    missing_ns,
    probe_event,
)
from analyzer.monitor.events import Event
from analyzer.monitor.forecast import INFERRED, Count, Forecast, Shown, forecast_of
from analyzer.schema import ABSENT
from analyzer.tcp.flows import end_ns

Signs = tuple[int, ...]
OUTCOMES, CAUSES = tuple(Outcome), tuple(Cause)
PROBED = (FIRST, CYCLE, SPACING)
"""Kinds of gaps that a probe ended."""
HEARD = (BY_ACK, BY_DATA)
"""Answers that are told as such."""
NOT_HEARD = (BY_NOTHING, BY_ICMP)
UNSURE = (Outcome.OPEN, Outcome.UNKNOWN)
"""Outcomes of which nothing is said."""


@dataclass(frozen=True, slots=True)
class EndStanding:
    """What is known of an end without its story."""

    address: str
    port: int
    settings: Settings
    matches: tuple[str, ...]
    is_probed_for: bool

    def __str__(self) -> str:
        """Return address and port, as text."""
        return endpoint(self.address, self.port)


@dataclass(slots=True)
class Standing:
    """What is kept of a connection between two looks."""

    ends: tuple[EndStanding, EndStanding]
    names: tuple[str, str]
    """Both ends, as text."""
    probers: tuple[int, ...]
    signs: Signs | None
    """What an event may come from that is no probe's or answer's; None where only values can tell."""
    outcome: Outcome
    end_ns: int
    forecasts: tuple[Forecast | None, Forecast | None]
    is_reset: bool
    is_given_up: bool
    is_troubled: bool
    """Whether an end has waited in vain for an answer."""
    has_heartbeat: bool
    """Whether an end's heartbeat goes on."""
    pending_ns: int
    """When the probe was sent whose answer is still awaited, ABSENT without one."""
    steady_looks: int = 0
    """Looks since the last snapshot."""

    @property
    def is_over(self) -> bool:
        """Tell whether the connection was reset, or given up in silence."""
        return self.is_reset or self.is_given_up

    def move(self, by_ns: int) -> None:
        """Put all instants onto a clock that was set by so much."""
        first, second = (one and one.moved(by_ns) for one in self.forecasts)
        self.end_ns, self.forecasts = self.end_ns + by_ns, (first, second)
        if self.pending_ns != ABSENT:
            self.pending_ns += by_ns

    def is_waiting(self, now_ns: int) -> bool:
        """Tell whether an answer is missing, so that other connections may say why."""
        is_late = self.pending_ns != ABSENT and now_ns - self.pending_ns >= SHORTEST_PATIENCE_NS
        return not self.is_reset and (self.is_troubled or is_late)


def standing_of(snapshot: Snapshot, reported: Reported, signs: Signs | None) -> Standing:
    """Return what is kept of a connection whose snapshot was compared."""
    flow, run = snapshot.flow, snapshot.flow.story.run
    is_pending = run is not None and may_be_answered(snapshot, reported)
    beats = [end.story.heartbeat for end in flow.ends]
    return Standing(
        ends=(_end_of(flow, 0), _end_of(flow, 1)),
        names=ends_of(flow),
        probers=flow.probers,
        signs=signs,
        outcome=flow.verdict.outcome,
        end_ns=flow.end_ns,
        forecasts=snapshot.forecasts,
        is_reset=flow.story.reset is not None,
        is_given_up=flow.verdict.errno is not None,
        is_troubled=flow.story.unanswered_data is not None or (run is not None and not is_pending),
        has_heartbeat=any(one is not None and one.stopped_ns < 0 for one in beats),
        pending_ns=run.last_ns if run is not None and is_pending else ABSENT,
    )


def _end_of(flow: Flow, end: int) -> EndStanding:
    one = flow.ends[end]
    return EndStanding(one.address, one.port, one.settings, one.matches, one.is_probed_for)


def signs_of(found: Found, flow_row: int) -> Signs | None:
    """Return what an event may come from that is no probe's or answer's; None where only values can tell."""
    flows, ends, verdicts = found.stories.flows, found.stories.ends, found.verdicts
    first, second = 2 * flow_row, 2 * flow_row + 1
    is_ending = flows.closing_row[flow_row] != ABSENT or flows.reset_row[flow_row] != ABSENT
    if is_ending or flows.unresponsive_end[flow_row] != ABSENT or verdicts.errno[flow_row] != ABSENT:
        return None
    if ends.steady_beats[first] or ends.steady_beats[second]:
        return None
    clocks, probed_by, t = found.inferred.clocks, ends.probed_by, found.settings
    settings = slice(2 * SETTINGS * flow_row, 2 * SETTINGS * (flow_row + 1))
    return (
        *(clocks[first], clocks[second], probed_by[first], probed_by[second], verdicts.cause[flow_row]),
        *t.basis[settings].tolist(),
        *t.value[settings].tolist(),
        *t.low_ms[settings].tolist(),
        *t.high_ms[settings].tolist(),
    )


class Look:
    """A row of the columns of a look, at an instant."""

    def __init__(self, found: Found, flow_row: int, now_ns: int) -> None:
        self.found, self.flow_row, self.now_ns = found, flow_row, now_ns
        self.flow: int = found.stories.flows.flow[flow_row]
        flows, p = found.stories.flows, found.stories.probes
        probes = slice(flows.first_probe[flow_row], flows.first_probe[flow_row + 1])
        self.first_probe: int = flows.first_probe[flow_row]
        self.rows: list[int] = p.row[probes].tolist()
        self.senders: list[int] = p.end[probes].tolist()
        self.answers: list[int] = p.answer[probes].tolist()

    @property
    def outcome(self) -> Outcome:
        place: int = self.found.verdicts.outcome[self.flow_row]
        return OUTCOMES[place]

    @property
    def run_end(self) -> int:
        """Return the end whose probes go unanswered, ABSENT without."""
        end: int = self.found.stories.flows.run_end[self.flow_row]
        return end

    def last_place(self, end: int) -> int:
        """Return the place of the end's last probe among the connection's."""
        return len(self.senders) - 1 - self.senders[::-1].index(end)

    def sent_ns(self, place: int) -> int:
        ts_ns: int = self.found.rows.candidates.ts_ns[self.rows[place]]
        return ts_ns

    def probe(self, place: int) -> Probe:
        """Return the probe at a place as a value."""
        return probe_at(self.found.rows, self.found.stories, self.first_probe + place)

    def in_a_row(self, place: int) -> int:
        """Return how many unanswered probes of its end the one at a place is the last of."""
        frame, end = self.found.rows.candidates.frame[self.rows[place]], self.senders[place]
        g = self.found.stories.gaps
        for row in reversed(self._gap_rows()):
            if g.frame[row] == frame and g.end[row] == end and g.kind[row] in PROBED:
                return int(g.unanswered[row]) + 1
        return 1

    def cycle_ns(self, end: int) -> int:
        """Return the time from the end's last answered probe to the one after it, ABSENT without."""
        g = self.found.stories.gaps
        for row in reversed(self._gap_rows()):
            if g.kind[row] == CYCLE and g.end[row] == end and g.probe_ns[row] > 0:
                return int(g.probe_ns[row])
        return ABSENT

    def unanswered(self, end: int, heard_ns: int) -> int:
        """Count the end's latest probes since which nothing was heard."""
        number = 0
        for place in range(len(self.rows) - 1, -1, -1):
            if self.senders[place] == end:
                if self.answers[place] not in NOT_HEARD or self.sent_ns(place) <= heard_ns:
                    break
                number += 1
        return number

    def slowest_ns(self, end: int) -> int:
        """Return how long the slowest answer to a probe of the end took, 0 without any."""
        places = (place for place, sender in enumerate(self.senders) if sender == end and self.answers[place] == BY_ACK)
        return max((self.probe(place).delay_ns for place in places), default=0)

    def _gap_rows(self) -> range:
        flows = self.found.stories.flows
        return range(flows.first_gap[self.flow_row], flows.first_gap[self.flow_row + 1])


def steady_changes(look: Look, standing: Standing, reported: Reported) -> list[Event] | None:
    """Return new events in order of time where only probes and their answers are new, and note in `reported` what they
    say; None where a snapshot shows more."""
    if standing.signs is None or not is_calm(look, reported) or signs_of(look.found, look.flow_row) != standing.signs:
        return None
    frame = look.found.rows.candidates.frame
    frames = [frame[row] for row in look.rows]
    answered = set(reported.answered)
    new = [place for place, one in enumerate(frames) if one not in answered]
    if any(look.answers[place] not in HEARD and not is_awaited(look, place, frames[place], reported) for place in new):
        return None
    events = []
    for place in new:
        probe, end = look.probe(place), look.senders[place]
        if probe.frame not in reported.waiting:
            reported.waiting[probe.frame] = Sent.REPORTED
            events.append(probe_event(reported.number, standing.names, end, probe, look.in_a_row(place)))
        if look.answers[place] in HEARD:
            answered.add(probe.frame)
            events.append(answer_event(reported.number, standing.names, end, probe))
    if new or len(frames) < len(answered):
        reported.note_probes(set(frames), answered)
    return sorted(events, key=lambda event: event.time_ns)


def is_calm(look: Look, reported: Reported) -> bool:
    """Tell whether the verdict is no news, and the story ends with no more than a probe on its way."""
    found, flow_row, outcome = look.found, look.flow_row, look.outcome
    last_ns = found.rows.ends.last_ns
    if ABSENT in (last_ns[2 * look.flow], last_ns[2 * look.flow + 1]):
        return False
    cause = found.verdicts.cause[flow_row]
    is_known = (outcome, CAUSES[cause] if cause != ABSENT else None) == reported.outcome
    is_no_news = outcome in UNSURE or (outcome is Outcome.ALIVE and is_known)
    if look.run_end == ABSENT:
        return is_no_news
    is_single = found.stories.ends.unanswered[2 * flow_row + look.run_end] == 1
    return is_single and (is_no_news or outcome is Outcome.PROBING)


def is_awaited(look: Look, place: int, frame: int, reported: Reported) -> bool:
    """Tell whether nothing is to be said of an unanswered probe: its answer may still come, or it was said already."""
    if reported.waiting.get(frame) is Sent.UNANSWERED:
        return True
    end = look.senders[place]
    is_last = end == look.run_end and place == look.last_place(end)
    return is_last and look.answers[place] == BY_NOTHING and look.now_ns - look.sent_ns(place) < SHORTEST_PATIENCE_NS


def renew(standing: Standing, look: Look, heard_ns: tuple[int, int], counts: tuple[Count | None, Count | None]) -> None:
    """Bring up to date what depends on the latest probe; `heard_ns` is when each end last accepted anything, `counts`
    what is known of their hosts."""
    first, second = (_forecast(standing, look, end, heard_ns[end], counts[end]) for end in (0, 1))
    run_end = look.run_end
    standing.outcome, standing.forecasts = look.outcome, (first, second)
    standing.pending_ns = look.sent_ns(look.last_place(run_end)) if run_end != ABSENT else ABSENT
    standing.is_troubled = False
    standing.steady_looks += 1
    standing.end_ns = end_ns(look.found.rows.flows, look.flow)


def _forecast(standing: Standing, look: Look, end: int, heard_ns: int, others: Count | None) -> Forecast | None:
    before = standing.forecasts[end]
    if before is None or end not in look.senders:
        return None
    count = before.count if before.count is not None and before.count.basis == INFERRED else others or before.count
    last, unanswered = look.probe(look.last_place(end)), look.unanswered(end, heard_ns)
    return forecast_of(Shown(standing.ends[end].settings, count, last, unanswered, look.cycle_ns(end)), heard_ns)


def steady_due_ns(standing: Standing, look: Look) -> int | None:
    """Return the time in ns when another look is worth while although nothing was captured; None for never."""
    due = [missing_ns(one, look.now_ns) for one in standing.forecasts if has_latest(one)]
    if look.run_end != ABSENT:
        patience_ns = min(max(2 * look.slowest_ns(look.run_end), SHORTEST_PATIENCE_NS), LONGEST_PATIENCE_NS)
        due += [standing.pending_ns + patience_ns, look.now_ns + TROUBLED_NS]
    return min(due, default=None)
