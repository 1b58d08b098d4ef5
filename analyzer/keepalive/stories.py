"""The stories of all flows: told batch by batch by the kernel of `story.py`, read as values (`timeline.py`).

What a kernel need not know is read here from the flow's rows. Of all flows only what `waits.py` notes is kept.
"""

from array import array
from collections.abc import Sequence
from typing import Any

from analyzer.columns import Table
from analyzer.jit import Engine
from analyzer.keepalive.addresses import Addresses
from analyzer.keepalive.gaps import Rows, Told
from analyzer.keepalive.heard import counts_others, handshake, is_numbered, is_riddled
from analyzer.keepalive.judge import Court
from analyzer.keepalive.ledger import heartbeat
from analyzer.keepalive.rst import is_give_up, probe_of
from analyzer.keepalive.story import CLOSING_GAPS, lag_ns, tell
from analyzer.keepalive.tags import (
    HEARTBEAT,
)
from analyzer.keepalive.timeline import (
    Answer,
    Deafness,
    Echo,
    EndStory,
    Gap,
    GapKind,
    Probe,
    ProbeRun,
    Reset,
    Silence,
    Story,
)
from analyzer.keepalive.waits import Notes
from analyzer.schema import NEVER
from analyzer.schema.told import TOLD_ENDS, TOLD_FLOWS, TOLD_GAPS, TOLD_PROBES, TOLD_SILENCES

BATCH = 4096
"""So many flows are told at a time: what their stories need stays in a few megabytes."""
FLOW_TABLES = (TOLD_FLOWS, TOLD_ENDS, TOLD_PROBES, TOLD_GAPS, TOLD_SILENCES)
ANSWERS, KINDS, ECHOES = tuple(Answer), tuple(GapKind), tuple(Echo)


class Stories:
    """The stories of a capture's flows, read when asked for; what flows must know of each other is noted at once."""

    def __init__(
        self, rows: Rows, flows: int, addresses: Addresses, capture_end: tuple[int, int], engine: Engine
    ) -> None:
        """`capture_end` is the last frame's number and time."""
        self._rows = rows
        self._last_frame, self._capture_end_ns = capture_end
        self._engine = engine
        self._tables = tuple(map(Table, FLOW_TABLES))
        self.notes = Notes(flows, addresses)
        self.court = Court(rows, engine)
        for first in range(0, flows, BATCH):
            batch = range(first, min(first + BATCH, flows))
            told = self.tell(batch)
            self.notes.note(rows, told, self.court.judge_alone(told, len(batch)), len(batch), engine)

    def tell(self, flows: Sequence[int]) -> Told:
        """The stories of these flows, a row each; good until the next are told."""
        count, rows = len(flows), self._rows_of_all(flows)
        for one, room in zip(self._tables, (count, 2 * count, rows, rows + CLOSING_GAPS * count, rows), strict=True):
            one.reserve(room + 1)
        flows_view, ends, probes, gaps, silences = (one.view for one in self._tables)
        told = Told(flows_view, ends, probes, gaps, silences, array("q", [0, 0, 0]))
        self._engine.run(tell, self._rows, array("i", flows), count, self._last_frame, self._capture_end_ns, told)
        return told

    def _rows_of_all(self, flows: Sequence[int]) -> int:
        """How many rows these flows have."""
        starts = self._rows.starts
        if isinstance(flows, range) and flows.step == 1:
            return starts[flows.stop] - starts[flows.start]
        return sum(starts[flow + 1] - starts[flow] for flow in flows)

    def read(self, told: Told, it: int) -> Story:
        """The story of row `it` as values."""
        flow = told.flows.flow[it]
        return Story(
            ends=self._ends(told, flow, it),
            run=self._run(told, it),
            deafness=self._deafness(told, flow, it),
            reset=self._reset(told, it),
            last_ns=self._rows.flows.last_ns[flow],
            capture_end_ns=told.flows.capture_end_ns[it],
            heard_ns=(self._rows.ends.last_ns[2 * flow], self._rows.ends.last_ns[2 * flow + 1]),
            silences=self._silences(told, it),
            bridged_ns=told.flows.bridged_ns[it],
            resending_end=told.flows.resending_end[it],
            is_riddled=is_riddled(
                told.ends, 2 * it, handshake(self._rows.flows.opened[flow], self._rows.ends, 2 * flow)
            ),
        )

    def _ends(self, told: Told, flow: int, it: int) -> tuple[EndStory, EndStory]:
        t, e = told.flows, told.ends
        probes: tuple[list[Probe], list[Probe]] = ([], [])
        gaps: tuple[list[Gap], list[Gap]] = ([], [])
        for row in range(t.first_probe[it], t.first_probe[it + 1]):
            end = told.probes.end[row]
            is_alone = self._rows.ends.last_ns[2 * flow + 1 - end] == NEVER
            probes[end].append(self._probe(told.probes, row, is_alone))
        for row in range(t.first_gap[it], t.first_gap[it + 1]):
            end = told.gaps.end[row]
            gaps[end].append(_gap(told, row, lag_ns(self._rows.ends, 2 * flow + end), 2 * it + end))
        beats = self._beats(flow, t.reset_row[it])
        first, second = (
            EndStory(
                probes=tuple(probes[end]),
                gaps=tuple(gaps[end]),
                fin_frame=e.fin_frame[2 * it + end],
                lag_ns=lag_ns(self._rows.ends, 2 * flow + end),
                heartbeat=heartbeat(beats[end]),
            )
            for end in (0, 1)
        )
        return first, second

    def _probe(self, p: Any, row: int, is_alone: bool) -> Probe:
        """`is_alone`: the other end is not in the capture."""
        c, sent, answer = self._rows.candidates, p.row[row], p.answer_row[row]
        return Probe(
            frame=c.frame[sent],
            ts_ns=c.ts_ns[sent],
            payload_len=c.payload_len[sent],
            answer=Answer.UNSEEN if is_alone and answer == NEVER else ANSWERS[p.answer[row]],
            answer_frame=c.frame[answer] if answer != NEVER else 0,
            answer_ns=c.ts_ns[answer] if answer != NEVER else NEVER,
            may_go_unanswered=bool(p.may_go_unanswered[row]),
        )

    def _beats(self, flow: int, reset: int) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """Frame, time and octets of each end's heartbeats up to the reset."""
        c, tags = self._rows.candidates, self._rows.segments.tag
        beats: tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]] = ([], [])
        for row in self._rows_of(flow):
            if row == reset:
                break
            if tags[row] == HEARTBEAT:
                beats[c.end[row]].append((c.frame[row], c.ts_ns[row], c.payload_len[row]))
        return beats

    def _rows_of(self, flow: int) -> "array[int]":
        return self._rows.order[self._rows.starts[flow] : self._rows.starts[flow + 1]]

    def _run(self, told: Told, it: int) -> ProbeRun | None:
        end = told.flows.run_end[it]
        if end == NEVER:
            return None
        c, e, me = self._rows.candidates, told.ends, 2 * it + end
        places = range(e.run_probe[me], told.flows.first_probe[it + 1])
        rows = [told.probes.row[place] for place in places if told.probes.end[place] == end]
        return ProbeRun(
            end=end,
            frames=tuple(c.frame[row] for row in rows),
            first_ns=c.ts_ns[rows[0]],
            last_ns=c.ts_ns[rows[-1]],
            heard_ns=e.run_heard_ns[me],
            is_unheard=told.flows.reset_unheard[it] > 0,
        )

    def _deafness(self, told: Told, flow: int, it: int) -> Deafness | None:
        end = told.flows.deaf_end[it]
        return Deafness(end, self._rows.ends.last_ns[2 * flow + 1 - end]) if end != NEVER else None

    def _reset(self, told: Told, it: int) -> Reset | None:
        row = told.flows.reset_row[it]
        if row == NEVER:
            return None
        c, probe = self._rows.candidates, probe_of(self._rows, told, it)
        return Reset(
            frame=c.frame[row],
            ts_ns=c.ts_ns[row],
            end=c.end[row],
            is_give_up=is_give_up(self._rows, told, it),
            answers_frame=c.frame[probe] if probe != NEVER else 0,
            follows_data=bool(told.flows.reset_follows_data[it]),
            own_ns=c.ts_ns[row] - c.own_ns[row] if c.own_ns[row] != NEVER else NEVER,
        )

    def _silences(self, told: Told, it: int) -> tuple[Silence, ...]:
        c, found = self._rows.candidates, []
        for silence in range(told.flows.first_silence[it], told.flows.first_silence[it + 1]):
            row = told.silences.row[silence]
            survived = bool(told.silences.survived[silence])
            found.append(Silence(c.frame[row], c.ts_ns[row], c.idle_ns[row], c.end[row], survived))
        return tuple(found)


def _gap(told: Told, row: int, lag_ns: int, me: int) -> Gap:
    g, e = told.gaps, told.ends
    return Gap(
        kind=KINDS[g.kind[row]],
        frame=g.frame[row],
        at_ns=g.at_ns[row],
        heard_ns=g.heard_ns[row],
        any_ns=g.any_ns[row],
        probe_ns=g.probe_ns[row],
        unanswered=g.unanswered[row],
        lag_ns=lag_ns,
        speech_ns=g.speech_ns[row],
        missing=NEVER if counts_others(e, me) else g.missing[row],
        is_numbered=is_numbered(e, me),
        echo=ECHOES[g.echo[row]],
        is_torn=bool(e.torn[me]),
    )
