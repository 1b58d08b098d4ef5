"""A flow's story, which `story/story.py` has written into columns, as values: each part is read on first use."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Generic, TypeVar, overload

from analyzer.keepalive.settings.observations import counts_other_connections
from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.heartbeats import period_ns, stopped_ns
from analyzer.keepalive.story.holes import is_numbered
from analyzer.keepalive.story.prober import LOW_ACK, TIMESTAMP, WINDOW, agreed_on_timestamps
from analyzer.keepalive.story.resends import (
    earliest_give_up_ns,
    latest_give_up_ns,
    stuck_end,
    tries_of,
    unacknowledged_end,
    unacknowledged_octets,
)
from analyzer.keepalive.story.story import capture_rtt_ns
from analyzer.keepalive.story.values import (
    BY_ACK,
    BY_DATA,
    SPACING,
    Answer,
    Echo,
    Gap,
    GapKind,
    Heartbeat,
    Probe,
    ProbedBy,
    ProbeLook,
    ProbeRun,
    Reset,
    Silence,
    Solicitation,
    UnansweredData,
)
from analyzer.keepalive.verdict.reset_sender import is_give_up, probe_of
from analyzer.keepalive.verdict.values import FlowContext
from analyzer.schema import ABSENT

ASKING_NS = 11_000_000_000
"""A probe can make a host ask for so long: after 5 s, three times directly and three times everybody, a second apart
(delay_first_probe_time, ucast_solicit, mcast_solicit, retrans_time_ms)."""
ANSWERS, KINDS, ECHOES, PROBERS = tuple(Answer), tuple(GapKind), tuple(Echo), tuple(ProbedBy)


Value = TypeVar("Value")


class Part(Generic[Value]):
    """A property that is read on first use, and kept.

    `functools.cached_property` takes a lock before Python 3.12: a sixth of what assembling a connection takes.
    """

    def __init__(self, read: Callable[[Any], Value]) -> None:
        self._read, self.__doc__ = read, read.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, of: None, owner: type) -> "Part[Value]": ...
    @overload
    def __get__(self, of: object, owner: type) -> Value: ...
    def __get__(self, of: object, owner: type) -> "Value | Part[Value]":
        """Return the value, which is found in the object itself from now on."""
        if of is None:
            return self
        value = of.__dict__[self._name] = self._read(of)
        return value


@cache
def _parts_of(kind: type) -> tuple[str, ...]:
    """Return the names of what is read from the tables, but for what only helps to read it."""
    return tuple(name for name, part in vars(kind).items() if type(part) is Part and name[0] != "_")


class ReadOnDemand:
    """Base class: each part is read from the tables on first use, and all of them before pickling or comparing."""

    @property
    def parts(self) -> dict[str, Any]:
        """Return all parts by name."""
        return {name: getattr(self, name) for name in _parts_of(type(self))}  # type: ignore[arg-type]  # mypy takes the hash of a story for its class's

    def settle(self) -> None:
        """Read all parts, and let go of the batch, or of the excerpt of a live capture, from which they are read."""
        self.__dict__ = self.parts

    def __eq__(self, other: object) -> bool:
        """Tell whether both have the same parts."""
        return isinstance(other, type(self)) and self.parts == other.parts

    def __hash__(self) -> int:
        """Return a hash of all parts."""
        return hash(tuple(self.parts.values()))

    def __getstate__(self) -> dict[str, Any]:
        """Return all parts, for pickling."""
        return self.parts


class EndStory(ReadOnDemand):
    """What one end showed of its timer."""

    def __init__(self, rows: Rows, stories: StoryTables, flow_row: int, end: int) -> None:
        """Take the flow at row `flow_row` of these stories."""
        self._rows, self._stories, self._flow_row, self._end = rows, stories, flow_row, end
        self._flow, self._end_row = stories.flows.flow[flow_row], 2 * flow_row + end

    @Part
    def sent(self) -> int:
        """Return how many probes it sent."""
        count: int = self._stories.ends.probes[self._end_row]
        return count

    @Part
    def probes(self) -> tuple[Probe, ...]:
        """Return its probes with their answers."""
        return tuple(probe_at(self._rows, self._stories, row) for row in self._probe_rows)

    @Part
    def answered(self) -> int:
        """Return how many of them were answered by an ACK or data."""
        answers = self._stories.probes.answer
        return sum(answers[row] in (BY_ACK, BY_DATA) for row in self._probe_rows)

    @Part
    def payload_len(self) -> int:
        """Return the octets in the longest of the probes, 0 without any."""
        return max(self._payloads(), default=0)

    @Part
    def probe_octets(self) -> int:
        """Return the octets in all of them."""
        return sum(self._payloads()) if self.payload_len else 0

    @Part
    def has_timestamps(self) -> bool:
        """Tell whether one of its probes carries a timestamp (RFC 7323 §3)."""
        return any(self._rows.candidates.tsval[self._stories.probes.row[at]] != ABSENT for at in self._probe_rows)

    @Part
    def has_bare_probes(self) -> bool:
        """Tell whether its probes carry no timestamp, although both ends had agreed on them."""
        is_bare = self.sent > 0 and not self.has_timestamps
        return is_bare and agreed_on_timestamps(self._rows, self._flow, self._end)

    @Part
    def probed_by(self) -> ProbedBy | None:
        """Return who sends the probes; None without probes, and where nothing shows it."""
        by = self._stories.ends.probed_by[self._end_row]
        return PROBERS[by] if by != ABSENT else None

    @Part
    def probe_look(self) -> ProbeLook | None:
        """Return how the probes compare with the end's own segments; None without probes."""
        e, end_row, found = self._stories.ends, self._end_row, self._stories.ends.probe_signs[self._end_row]
        if e.probe_ttl_low[end_row] == ABSENT:
            return None
        return ProbeLook(
            ttl=(e.probe_ttl_low[end_row], e.probe_ttl_high[end_row]),
            own_ttl=(e.own_ttl_low[end_row], e.own_ttl_high[end_row]) if e.own_ttl_low[end_row] != ABSENT else None,
            has_other_window=bool(found & WINDOW),
            has_other_timestamps=bool(found & TIMESTAMP),
            acknowledges_less=bool(found & LOW_ACK),
        )

    @Part
    def gaps(self) -> tuple[Gap, ...]:
        """Return the gaps that its timer left."""
        return tuple(map(self._gap, self._gap_rows()))

    @Part
    def spacings_ns(self) -> tuple[int, ...]:
        """Return the spacings of probes that nothing answered, in ns."""
        g = self._stories.gaps
        rows = (row for row in self._gap_rows() if g.kind[row] == SPACING)
        return tuple([g.probe_ns[row] for row in rows if g.probe_ns[row] > 0])

    @Part
    def fin_frame(self) -> int:
        """Return the frame of its first FIN, 0 without one."""
        frame: int = self._stories.ends.fin_frame[self._end_row]
        return frame

    @Part
    def capture_rtt_ns(self) -> int:
        """Return the time in ns from the capture point to the end and back."""
        return capture_rtt_ns(self._rows.ends, 2 * self._flow + self._end)

    @Part
    def heartbeat(self) -> Heartbeat | None:
        """Return its small messages up to the reset as a heartbeat, if they come evenly."""
        c, e, end_row = self._rows.candidates, self._stories.ends, self._end_row
        if not e.steady_beats[end_row]:
            return None
        first, last = e.first_beat[end_row], e.last_beat[end_row]
        return Heartbeat(
            period_ns=period_ns(e[end_row]),
            octets=(e.least_beat[end_row], e.most_beat[end_row]),
            sent=e.beats[end_row],
            answered=e.answered_beats[end_row],
            first_frame=c.frame[first],
            last_frame=c.frame[last],
            last_ns=c.ts_ns[last],
            stopped_ns=stopped_ns(self._rows, self._stories, self._flow_row, self._end),
        )

    @Part
    def window_closed_ns(self) -> int:
        """Return for how long it has been probing the closed window of the other end, in ns; 0 if it is not, or if the
        clock was set back meanwhile."""
        e, end_row = self._stories.ends, self._end_row
        is_closed = e.window_probes[end_row] > 0
        return max(int(e.window_ns[end_row] - e.window_first_ns[end_row]), 0) if is_closed else 0

    @Part
    def _probe_rows(self) -> list[int]:
        """Return the end's rows in STORY_PROBES."""
        t, ends = self._stories.flows, self._stories.probes.end
        rows = range(t.first_probe[self._flow_row], t.first_probe[self._flow_row + 1])
        return [row for row in rows if ends[row] == self._end]

    def _gap_rows(self) -> Iterator[int]:
        """Yield the end's rows in STORY_GAPS."""
        t, ends = self._stories.flows, self._stories.gaps.end
        rows = range(t.first_gap[self._flow_row], t.first_gap[self._flow_row + 1])
        return (row for row in rows if ends[row] == self._end)

    def _payloads(self) -> Iterator[int]:
        """Yield the octets in each probe."""
        lengths, rows = self._rows.candidates.payload_len, self._stories.probes.row
        return (lengths[rows[row]] for row in self._probe_rows) if self.sent else iter(())

    def _gap(self, row: int) -> Gap:
        """Return a row of STORY_GAPS as a value."""
        g, e = self._stories.gaps, self._stories.ends
        return Gap(
            kind=KINDS[g.kind[row]],
            frame=g.frame[row],
            at_ns=g.at_ns[row],
            heard_ns=g.heard_ns[row],
            any_ns=g.any_ns[row],
            probe_ns=g.probe_ns[row],
            unanswered=g.unanswered[row],
            capture_rtt_ns=self.capture_rtt_ns,
            since_new_segment_ns=g.since_new_segment_ns[row],
            missing=ABSENT if counts_other_connections(e, self._end_row) else g.missing[row],
            is_numbered=is_numbered(e[self._end_row]),
            echo=ECHOES[g.echo[row]],
            has_uncaptured=bool(e.has_uncaptured[self._end_row]),
        )


def probe_at(rows: Rows, stories: StoryTables, row: int) -> Probe:
    """Return a row of STORY_PROBES as a value."""
    c, p = rows.candidates, stories.probes
    sent, answer = p.row[row], p.answer_row[row]
    is_alone = rows.ends.last_ns[2 * c.flow[sent] + 1 - p.end[row]] == ABSENT
    return Probe(
        frame=c.frame[sent],
        ts_ns=c.ts_ns[sent],
        payload_len=c.payload_len[sent],
        answer=Answer.UNSEEN if is_alone and answer == ABSENT else ANSWERS[p.answer[row]],
        answer_frame=c.frame[answer] if answer != ABSENT else 0,
        answer_ns=c.ts_ns[answer] if answer != ABSENT else ABSENT,
        may_go_unanswered=bool(p.may_go_unanswered[row]),
    )


class Story(ReadOnDemand):
    """A flow's story, from which its verdict and settings are derived."""

    def __init__(self, rows: Rows, stories: StoryTables, flow_row: int) -> None:
        """Take the flow at row `flow_row` of these stories."""
        self._rows, self._stories, self._flow_row = rows, stories, flow_row
        self._flow: int = stories.flows.flow[flow_row]

    def settle(self) -> None:
        """Read all parts, of both ends, too."""
        for end in self.ends:
            end.settle()
        super().settle()

    @Part
    def ends(self) -> tuple[EndStory, EndStory]:
        """Return the stories of both ends."""
        return EndStory(self._rows, self._stories, self._flow_row, 0), EndStory(
            self._rows, self._stories, self._flow_row, 1
        )

    @Part
    def run(self) -> ProbeRun | None:
        """Return the probes that nothing answered up to the story's end, None if there are none."""
        t, p, c = self._stories.flows, self._stories.probes, self._rows.candidates
        end = t.run_end[self._flow_row]
        if end == ABSENT:
            return None
        end_row = 2 * self._flow_row + end
        places = range(self._stories.ends.run_probe[end_row], t.first_probe[self._flow_row + 1])
        rows = [p.row[place] for place in places if p.end[place] == end]
        return ProbeRun(
            end=end,
            frames=tuple(c.frame[row] for row in rows),
            first_ns=c.ts_ns[rows[0]],
            last_ns=c.ts_ns[rows[-1]],
            heard_ns=self._stories.ends.run_heard_ns[end_row],
            is_unheard=t.reset_unheard[self._flow_row] > 0,
        )

    @Part
    def unanswered_data(self) -> UnansweredData | None:
        """Return what an end sends again and again without an answer, None if there is nothing."""
        end = self._stories.flows.unresponsive_end[self._flow_row]
        if end == ABSENT:
            return None
        rows, sender = self._rows, self._stories.ends[2 * self._flow_row + end]
        is_data = unacknowledged_end(rows, self._stories, self._flow_row) == end
        if is_data and stuck_end(rows, self._stories, self._flow_row) == ABSENT:
            return None
        since_ns, first, resends = tries_of(rows, self._flow, sender)
        c, last = rows.candidates, sender.resend_row
        return UnansweredData(
            end=end,
            heard_ns=self.heard_ns[1 - end],
            octets=unacknowledged_octets(rows.ends[2 * self._flow + end]) if is_data else 0,
            since_ns=since_ns,
            resends=resends,
            gives_up_ns=(
                earliest_give_up_ns(c, since_ns, first, last, resends),
                latest_give_up_ns(c, since_ns, first, last),
            ),
        )

    @Part
    def reset(self) -> Reset | None:
        """Return the RST that ended the connection, None without one."""
        t, c, row = self._stories.flows, self._rows.candidates, self._stories.flows.reset_row[self._flow_row]
        if row == ABSENT:
            return None
        probe = probe_of(self._rows, self._stories, self._flow_row)
        return Reset(
            frame=c.frame[row],
            ts_ns=c.ts_ns[row],
            end=c.end[row],
            is_give_up=is_give_up(self._rows, self._stories, self._flow_row),
            answers_frame=c.frame[probe] if probe != ABSENT else 0,
            follows_data=bool(t.reset_follows_data[self._flow_row]),
            own_ns=c.ts_ns[row] - c.own_ns[row] if c.own_ns[row] != ABSENT else ABSENT,
        )

    @Part
    def last_ns(self) -> int:
        """Return when the flow's last segment was captured."""
        ts_ns: int = self._rows.flows.last_ns[self._flow]
        return ts_ns

    @Part
    def capture_end_ns(self) -> int:
        """Return when the flow ceased to be watched: the capture's end, or a jump of its clock before it."""
        ts_ns: int = self._stories.flows.capture_end_ns[self._flow_row]
        return ts_ns

    @Part
    def heard_ns(self) -> tuple[int, int]:
        """Return when each end last sent anything, -1 for never."""
        last_ns = self._rows.ends.last_ns
        return last_ns[2 * self._flow], last_ns[2 * self._flow + 1]

    @Part
    def silences(self) -> tuple[Silence, ...]:
        """Return in order all silences of 10 s and more, and the longest survived one, even if it is shorter."""
        t, s, c = self._stories.flows, self._stories.silences, self._rows.candidates
        found = []
        for silence in range(t.first_silence[self._flow_row], t.first_silence[self._flow_row + 1]):
            row = s.row[silence]
            survived = bool(s.survived[silence])
            found.append(Silence(c.frame[row], c.ts_ns[row], c.idle_ns[row], c.end[row], survived))
        return tuple(found)

    @Part
    def bridged_ns(self) -> int:
        """Return the longest time without data, in ns, after which an answered probe showed that the path still
        works."""
        ns: int = self._stories.flows.bridged_ns[self._flow_row]
        return ns

    @Part
    def resending_end(self) -> int:
        """Return the end that sends again what was acknowledged, since the ACKs do not arrive; -1 if none."""
        end: int = self._stories.flows.resending_end[self._flow_row]
        return end

    @Part
    def lacks(self) -> int:
        """Return how many of a thousand segments of the connection the capture lacks, 0 without a sign of it."""
        lacks: int = self._stories.flows.lacks[self._flow_row]
        return lacks

    @Part
    def is_too_incomplete(self) -> bool:
        """Tell whether so much of the connection is missing in the capture that gaps say nothing of timers."""
        return bool(self._stories.flows.is_too_incomplete[self._flow_row])


def solicitations(story: Story, context: FlowContext) -> tuple[Solicitation, ...]:
    """Return the unanswered solicitations, each with the probe that made the host ask, where one was captured."""
    if context.silent_end is None:
        return ()
    asker = 1 - context.silent_end
    unanswered = [probe for probe in story.ends[asker].probes if not probe.answer_frame]
    found = []
    for ts_ns, frame in context.asked:
        causes = [one.frame for one in unanswered if one.frame < frame and 0 <= ts_ns - one.ts_ns <= ASKING_NS]
        found.append(Solicitation(frame, ts_ns, asker, causes[-1] if causes else 0))
    return tuple(found)
