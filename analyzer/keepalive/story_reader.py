"""A flow's story, as `story.py` has told it in columns, read as values: each part when it is asked for."""

from array import array
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from analyzer.keepalive.settings.observations import counts_other_connections, is_numbered
from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.prober import LOW_ACK, TIMESTAMP, WINDOW
from analyzer.keepalive.story.story import capture_rtt_ns
from analyzer.keepalive.story.values import (
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
    heartbeat,
)
from analyzer.keepalive.tags import tag
from analyzer.keepalive.verdict.resets import is_give_up, probe_of
from analyzer.keepalive.verdict.values import FlowContext
from analyzer.schema import ABSENT, ACK, RST, SYN

ASKING_NS = 11_000_000_000
"""A probe can make a host ask so long: after 5 s, three times directly and three times everybody, a second apart
(delay_first_probe_time, ucast_solicit, mcast_solicit, retrans_time_ms)."""
NOT_ITS_OWN = (tag.DUPLICATE_FRAME, tag.ICMP_UNREACHABLE)
"""Tags of what an end did not send then and there."""
ANSWERS, KINDS, ECHOES, PROBERS = tuple(Answer), tuple(GapKind), tuple(Echo), tuple(ProbedBy)


class ReadOnDemand:
    """Of whose parts each is read when it is asked for; all of them, where it travels or is compared."""

    @property
    def parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name, part in vars(type(self)).items() if type(part) is cached_property}

    def settle(self) -> None:
        """Read all of it, and let go of the batch, or of the excerpt of a live capture, that it is read from."""
        self.__dict__ = self.parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(tuple(self.parts.values()))

    def __getstate__(self) -> dict[str, Any]:
        return self.parts


class EndStory(ReadOnDemand):
    """What one end showed of its timer."""

    def __init__(self, rows: Rows, stories: StoryTables, flow_row: int, end: int) -> None:
        """Of row `it` in `told`."""
        self._rows, self._told, self._it, self._end = rows, stories, flow_row, end
        self._flow, self._me = stories.flows.flow[flow_row], 2 * flow_row + end

    @cached_property
    def sent(self) -> int:
        """How many probes."""
        count: int = self._told.ends.probes[self._me]
        return count

    @cached_property
    def probes(self) -> tuple[Probe, ...]:
        return tuple(map(self._probe, self._probe_rows()))

    @cached_property
    def payload_len(self) -> int:
        """Octets in the longest of the probes, 0 without any."""
        return max(self._payloads(), default=0)

    @cached_property
    def probe_octets(self) -> int:
        """Octets in all of them."""
        return sum(self._payloads())

    @cached_property
    def has_bare_probes(self) -> bool:
        """They carry no timestamp, although both ends had agreed on them (RFC 7323 §2.2, §3.2).

        A SYN only offers them; a SYN-ACK, or anything else of this end, carries them only if both have.
        """
        if not self.sent:
            return False
        c, tags = self._rows.candidates, self._rows.segments.tag
        stamped = [row for row in self._flow_rows() if c.tsval[row] != ABSENT and tags[row] not in NOT_ITS_OWN]
        if any(tags[row] == tag.PROBE and c.end[row] == self._end for row in stamped):
            return False
        return any(
            (c.flags[row] & SYN and c.flags[row] & ACK) or (c.end[row] == self._end and not c.flags[row] & (SYN | RST))
            for row in stamped
        )

    @cached_property
    def probed_by(self) -> ProbedBy | None:
        """Who sends the probes; None without probes, and where nothing shows it."""
        by = self._told.ends.probed_by[self._me]
        return PROBERS[by] if by != ABSENT else None

    @cached_property
    def probe_look(self) -> ProbeLook | None:
        """How the probes compare with the end's own segments; None without probes."""
        e, end_row, found = self._told.ends, self._me, self._told.ends.probe_signs[self._me]
        if e.probe_ttl_low[end_row] == ABSENT:
            return None
        return ProbeLook(
            ttl=(e.probe_ttl_low[end_row], e.probe_ttl_high[end_row]),
            own_ttl=(e.own_ttl_low[end_row], e.own_ttl_high[end_row]) if e.own_ttl_low[end_row] != ABSENT else None,
            has_other_window=bool(found & WINDOW),
            has_other_timestamps=bool(found & TIMESTAMP),
            acknowledges_less=bool(found & LOW_ACK),
        )

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        return tuple(map(self._gap, self._gap_rows()))

    @cached_property
    def spacings_ns(self) -> tuple[int, ...]:
        """Between probes that nothing answered."""
        g = self._told.gaps
        rows = (row for row in self._gap_rows() if g.kind[row] == SPACING)
        return tuple([g.probe_ns[row] for row in rows if g.probe_ns[row] > 0])

    @cached_property
    def fin_frame(self) -> int:
        """0 without FIN."""
        frame: int = self._told.ends.fin_frame[self._me]
        return frame

    @cached_property
    def capture_rtt_ns(self) -> int:
        return capture_rtt_ns(self._rows.ends, 2 * self._flow + self._end)

    @cached_property
    def heartbeat(self) -> Heartbeat | None:
        """The little messages up to the reset, if they come evenly."""
        c, tags, beats = self._rows.candidates, self._rows.segments.tag, []
        for row in self._flow_rows():
            if row == self._told.flows.reset_row[self._it]:
                break
            if tags[row] == tag.HEARTBEAT and c.end[row] == self._end:
                beats.append((c.frame[row], c.ts_ns[row], c.payload_len[row]))
        return heartbeat(beats)

    def _flow_rows(self) -> "array[int]":
        return self._rows.order[self._rows.starts[self._flow] : self._rows.starts[self._flow + 1]]

    def _probe_rows(self) -> Iterator[int]:
        t, ends = self._told.flows, self._told.probes.end
        rows = range(t.first_probe[self._it], t.first_probe[self._it + 1])
        return (row for row in rows if ends[row] == self._end)

    def _gap_rows(self) -> Iterator[int]:
        t, ends = self._told.flows, self._told.gaps.end
        rows = range(t.first_gap[self._it], t.first_gap[self._it + 1])
        return (row for row in rows if ends[row] == self._end)

    def _payloads(self) -> Iterator[int]:
        lengths, rows = self._rows.candidates.payload_len, self._told.probes.row
        return (lengths[rows[row]] for row in self._probe_rows()) if self.sent else iter(())

    def _probe(self, row: int) -> Probe:
        c, p = self._rows.candidates, self._told.probes
        sent, answer = p.row[row], p.answer_row[row]
        is_alone = self._rows.ends.last_ns[2 * self._flow + 1 - self._end] == ABSENT
        return Probe(
            frame=c.frame[sent],
            ts_ns=c.ts_ns[sent],
            payload_len=c.payload_len[sent],
            answer=Answer.UNSEEN if is_alone and answer == ABSENT else ANSWERS[p.answer[row]],
            answer_frame=c.frame[answer] if answer != ABSENT else 0,
            answer_ns=c.ts_ns[answer] if answer != ABSENT else ABSENT,
            may_go_unanswered=bool(p.may_go_unanswered[row]),
        )

    def _gap(self, row: int) -> Gap:
        g, e = self._told.gaps, self._told.ends
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
            missing=ABSENT if counts_other_connections(e, self._me) else g.missing[row],
            is_numbered=is_numbered(e, self._me),
            echo=ECHOES[g.echo[row]],
            has_uncaptured=bool(e.has_uncaptured[self._me]),
        )


class Story(ReadOnDemand):
    """What the verdict is drawn from."""

    def __init__(self, rows: Rows, stories: StoryTables, flow_row: int) -> None:
        """Row `it` of `told`."""
        self._rows, self._told, self._it = rows, stories, flow_row
        self._flow: int = stories.flows.flow[flow_row]

    def settle(self) -> None:
        """The same of both ends."""
        for end in self.ends:
            end.settle()
        super().settle()

    @cached_property
    def ends(self) -> tuple[EndStory, EndStory]:
        return EndStory(self._rows, self._told, self._it, 0), EndStory(self._rows, self._told, self._it, 1)

    @cached_property
    def run(self) -> ProbeRun | None:
        """The probes that nothing has answered in the end."""
        t, p, c = self._told.flows, self._told.probes, self._rows.candidates
        end = t.run_end[self._it]
        if end == ABSENT:
            return None
        end_row = 2 * self._it + end
        places = range(self._told.ends.run_probe[end_row], t.first_probe[self._it + 1])
        rows = [p.row[place] for place in places if p.end[place] == end]
        return ProbeRun(
            end=end,
            frames=tuple(c.frame[row] for row in rows),
            first_ns=c.ts_ns[rows[0]],
            last_ns=c.ts_ns[rows[-1]],
            heard_ns=self._told.ends.run_heard_ns[end_row],
            is_unheard=t.reset_unheard[self._it] > 0,
        )

    @cached_property
    def unanswered_data(self) -> UnansweredData | None:
        end = self._told.flows.unresponsive_end[self._it]
        return UnansweredData(end, self.heard_ns[1 - end]) if end != ABSENT else None

    @cached_property
    def reset(self) -> Reset | None:
        t, c, row = self._told.flows, self._rows.candidates, self._told.flows.reset_row[self._it]
        if row == ABSENT:
            return None
        probe = probe_of(self._rows, self._told, self._it)
        return Reset(
            frame=c.frame[row],
            ts_ns=c.ts_ns[row],
            end=c.end[row],
            is_give_up=is_give_up(self._rows, self._told, self._it),
            answers_frame=c.frame[probe] if probe != ABSENT else 0,
            follows_data=bool(t.reset_follows_data[self._it]),
            own_ns=c.ts_ns[row] - c.own_ns[row] if c.own_ns[row] != ABSENT else ABSENT,
        )

    @cached_property
    def last_ns(self) -> int:
        """The flow's last segment."""
        ts_ns: int = self._rows.flows.last_ns[self._flow]
        return ts_ns

    @cached_property
    def capture_end_ns(self) -> int:
        ts_ns: int = self._told.flows.capture_end_ns[self._it]
        return ts_ns

    @cached_property
    def heard_ns(self) -> tuple[int, int]:
        """When each end last sent anything, -1 for never."""
        last_ns = self._rows.ends.last_ns
        return last_ns[2 * self._flow], last_ns[2 * self._flow + 1]

    @cached_property
    def silences(self) -> tuple[Silence, ...]:
        """All of 10 s and more, in order."""
        t, s, c = self._told.flows, self._told.silences, self._rows.candidates
        found = []
        for silence in range(t.first_silence[self._it], t.first_silence[self._it + 1]):
            row = s.row[silence]
            survived = bool(s.survived[silence])
            found.append(Silence(c.frame[row], c.ts_ns[row], c.idle_ns[row], c.end[row], survived))
        return tuple(found)

    @cached_property
    def bridged_ns(self) -> int:
        """The longest time without data after which an answered probe showed that the path still works."""
        ns: int = self._told.flows.bridged_ns[self._it]
        return ns

    @cached_property
    def resending_end(self) -> int:
        """The end that sends again what was acknowledged: the ACKs of it do not arrive; -1."""
        end: int = self._told.flows.resending_end[self._it]
        return end

    @cached_property
    def is_too_incomplete(self) -> bool:
        """So much of the connection is missing in the capture that gaps say nothing of timers."""
        return bool(self._told.flows.is_too_incomplete[self._it])


def solicitations(story: Story, context: FlowContext) -> tuple[Solicitation, ...]:
    """What nobody answered, with the probe that made the host ask, where one was captured."""
    if context.silent_end is None:
        return ()
    asker = 1 - context.silent_end
    unanswered = [probe for probe in story.ends[asker].probes if not probe.answer_frame]
    found = []
    for ts_ns, frame in context.asked:
        causes = [probe.frame for probe in unanswered if 0 <= ts_ns - probe.ts_ns <= ASKING_NS]
        found.append(Solicitation(frame, ts_ns, asker, causes[-1] if causes else 0))
    return tuple(found)
