"""The join of shards in capture order, into what a single pass over all of their files would have found.

A flow whose endpoints no earlier file has is taken over as the shard has it. Of the others the shard's prefix is
tracked again, twice: in the state that the flow really had, and in none, as the shard did. If both end in the same
state, all that follows is the same too, and the shard's end state and candidates are taken over, with what only the
flow's beginning can say about them filled in (`resume.py`). If not, the file is read once more for these flows.
ARCHITECTURE.md says why that is exact.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from analyzer.analysis import Analysis, Analyzer, read_capture
from analyzer.capture.coverage import Coverage
from analyzer.capture.decode.packets import Tunnels
from analyzer.capture.decode.selection import PacketFilter
from analyzer.capture.described import Part
from analyzer.capture.files.reader import CHUNK_OCTETS
from analyzer.capture.until import Until
from analyzer.diagnostics import FILE_GONE, Diagnostics
from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.errors import CaptureError
from analyzer.many.resume import FIRSTS, Meeting, State, state_of
from analyzer.many.shard import Shard, TooLargeError, read_again
from analyzer.many.tables import add, arrays, copy_of, put, records, take
from analyzer.schema import ABSENT, KIND_ICMP_ERROR, KIND_TCP, UNSEEN
from analyzer.tcp.duplicates import Recent
from analyzer.tcp.eviction import Limits
from analyzer.tcp.segment_facts import LATE_DUPLICATE_NS
from analyzer.tcp.tracker import Tracker

Again = Callable[[Shard, Engine], Iterator[tuple[Table, Tunnels]]]


@dataclass(frozen=True)
class Found:
    """The result of a join: tables as the tracker has them, and what does not belong to a flow."""

    flows: Table
    ends: Table
    candidates: Table
    neighbours: Table
    tunnels: Sequence[Sequence[int]]
    diagnostics: Diagnostics
    frames: int
    tcp_packets: int
    coverage: Coverage
    files: list[Part]


class Join:
    """The flows so far; `add` takes the next shard."""

    def __init__(
        self,
        engine: Engine | None = None,
        again: Again | None = None,
        limits: Limits | None = None,
        packet_filter: PacketFilter | None = None,
    ) -> None:
        """Start without files; without `limits` everything is kept. `packet_filter` is that of the shards."""
        self.analyzer = Analyzer(engine, limits, packet_filter)
        self._limits = limits
        self._again = again or partial(read_again, packet_filter=packet_filter)
        self._tracker = self.analyzer.tracker
        self._engine = self.analyzer.engine
        self._later: list[Table] = []
        """Candidates taken over, with the flow numbers of the join."""
        self._parts: list[Part] = []

    def add(self, shard: Shard) -> None:
        step = _Step(shard, self.analyzer, self._again)
        step.run()
        self._later.extend(step.candidates)
        self._take_in_counts(shard)
        if self._limits is not None:
            self._stay_within(self._limits, shard.coverage.last_ns)

    def take(self, name: str, read: Shard | CaptureError) -> None:
        """Take in the result of reading the next file: a shard, or an error."""
        if isinstance(read, Shard):
            self.add(read)
        elif isinstance(read, TooLargeError):
            self._pass_over(name)
        else:
            self.leave_out(name, read)

    def _pass_over(self, name: str) -> None:
        """Read a file here, as a single pass does."""
        self._settle()
        try:
            self._parts.append(read_capture(name, self.analyzer, CHUNK_OCTETS, None))
        except CaptureError as error:
            self.leave_out(name, error)

    def _stay_within(self, limits: Limits, now_ns: int) -> None:
        tracker = self._tracker
        candidates = tracker.candidates.rows + sum(table.rows for table in self._later)
        if tracker.table.flows.rows > limits.flows or candidates > limits.candidates:
            self._settle()
        self.analyzer.stay_within(limits, now_ns)

    def _settle(self) -> None:
        """Bring all candidates together, in capture order."""
        if not self._later:
            return
        candidates = self._tracker.candidates
        for more in self._later:
            candidates.extend(more)
        self._later.clear()
        self._tracker.candidates = take(candidates, np.argsort(arrays(candidates).frame, kind="stable"))

    def _take_in_counts(self, shard: Shard) -> None:
        whole = self.analyzer
        whole.diagnostics.absorb(shard.diagnostics, whole.frames)
        neighbours = copy_of(shard.neighbours)
        add(neighbours, "frame", whole.frames)
        n = arrays(neighbours)
        n.tunnel[:] = np.array(whole.decoder.tunnels.adopt(shard.tunnels.keys), dtype="i")[n.tunnel]
        self._tracker.neighbours.extend(neighbours)
        whole.frames += shard.part.frames
        whole.tcp_packets += shard.tcp_packets
        for span in shard.coverage.spans:
            whole.coverage.add(*span)
        self._parts.append(shard.part)

    def leave_out(self, name: str, error: CaptureError) -> None:
        """Note that the file whose turn it is cannot be used."""
        self._parts.append(self.analyzer.left_out(name, error))

    def found(self) -> Found:
        """Return everything, for another join to take in."""
        self._settle()
        whole, tracker = self.analyzer, self._tracker
        return Found(
            tracker.table.flows,
            tracker.table.ends,
            tracker.candidates,
            tracker.neighbours,
            whole.decoder.tunnels.keys,
            whole.diagnostics,
            whole.frames,
            whole.tcp_packets,
            whole.coverage,
            self._parts,
        )

    def add_part(self, found: Found) -> None:
        """Add what another join found of other flows in the same files; what does not belong to a flow comes with the
        first part."""
        whole, tracker = self.analyzer, self._tracker
        tunnels = np.array(whole.decoder.tunnels.adopt(found.tunnels), dtype="i")
        first = tracker.table.flows.rows
        arrays(found.flows).tunnel[:] = tunnels[arrays(found.flows).tunnel]
        arrays(found.candidates).flow[:] += first
        tracker.table.append(found.flows, found.ends, self._engine)
        self._later.append(found.candidates)
        whole.diagnostics.absorb(found.diagnostics, 0)
        if not self._parts:
            tracker.neighbours.extend(found.neighbours)
            whole.frames, whole.tcp_packets, whole.coverage = found.frames, found.tcp_packets, found.coverage
            self._parts = found.files
        if self._limits is not None:
            self._stay_within(self._limits, whole.coverage.last_ns)

    def finish(self, until: Until | None = None) -> Analysis:
        """Draw the findings, as `Analyzer.conclude` does."""
        analyzer, parts = self.whole()
        return analyzer.conclude(parts, until)

    def whole(self) -> tuple[Analyzer, list[Part]]:
        """Return the analyzer and the files as a single pass would have left them: flows are numbered by their first
        frames."""
        tracker = self._tracker
        f = arrays(tracker.table.flows)
        order = np.argsort(f.first_frame, kind="stable")
        number = np.empty(len(order), dtype="i")
        number[order] = np.arange(len(order), dtype="i")
        pairs = np.stack((2 * order, 2 * order + 1), axis=1).ravel()
        tracker.table.ends = take(tracker.table.ends, pairs)
        tracker.table.flows = take(tracker.table.flows, order)
        self._settle()
        c = arrays(tracker.candidates)
        c.flow[:] = number[c.flow]
        return self.analyzer, self._parts


class _Step:
    """The join of one shard. In comments `s` stands for flows of the shard, `t` for flows of the join."""

    def __init__(self, shard: Shard, whole: Analyzer, again: Again) -> None:
        self.candidates: list[Table] = []
        self._shard = shard
        self._whole = whole
        self._again = again
        self._frames_before = whole.frames
        self._tracker, self._engine = whole.tracker, whole.engine
        self._tunnels = np.array(whole.decoder.tunnels.adopt(shard.tunnels.keys), dtype="i")
        self._flows = copy_of(shard.flows)
        f = arrays(self._flows)
        f.tunnel[:] = self._tunnels[f.tunnel]
        add(self._flows, "first_frame", self._frames_before)
        for _, frame in FIRSTS:
            numbers = getattr(f, frame)
            put(records(self._flows), frame, ..., numbers + (numbers > 0) * self._frames_before)
        self._prefix = self._numbered(copy_of(shard.prefix), self._tunnels)
        self._last_kept = np.zeros(shard.flows.rows, dtype="q")
        """Last frame of each of the shard's flows that was tracked again."""
        self._since_ns = arrays(self._prefix).since_ns.copy()  # as the shard saw it
        self._may_hold_copies = np.zeros(shard.flows.rows, dtype=bool)
        """For each of the shard's flows, whether it may hold duplicates, after the prefix, of what was captured before
        the shard."""

    def run(self) -> None:
        known = np.append(np.array(self._tracker.table.find(self._flows, self._engine), dtype="q"), ABSENT)
        p = arrays(self._prefix)
        flow = p.flow.astype("q")  # -1 finds the last place of `known`, which is ABSENT
        np.maximum.at(self._last_kept, flow[flow >= 0], p.frame[flow >= 0])
        self._recognise()
        self._track(take(self._prefix, flow == ABSENT))  # ICMP errors about flows that only an earlier file may have
        self._take_over(np.flatnonzero(known[:-1] == ABSENT))
        life = np.append(_lives(known[:-1]), ABSENT)
        is_unlike = np.zeros(known.max() + 2, dtype=bool)
        resume = np.full(self._flows.rows, ABSENT, dtype="q")
        for number in range(life.max() + 1):
            rows = (life[flow] == number) & ~is_unlike[known[flow]]
            unlike = self._continue(rows, flow[rows])
            is_unlike[known[unlike]] = True
            resume[unlike] = self._last_kept[unlike]
            resume[(life[:-1] > number) & np.isin(known[:-1], known[unlike])] = 0
        if is_unlike.any():
            self._read_again(resume)
        recent = copy_of(self._shard.recent)
        arrays(recent).tunnel[:] = self._tunnels[arrays(recent).tunnel]
        self._tracker.recent.overlay(recent, self._engine)

    def _numbered(self, packets: Table, tunnels: Any) -> Table:
        """Renumber the frames and tunnels of packets as in the join, in place; return the packets."""
        add(packets, "frame", self._frames_before)
        p = arrays(packets)
        p.tunnel[:] = tunnels[p.tunnel]
        return packets

    def _track(self, packets: Table) -> None:
        if packets.rows:
            self._tracker.follow(packets, self._engine)

    def _recognise(self) -> None:
        """Look for earlier duplicates of the segments whose slot was unused when the shard recorded them.

        Only the first segment in each slot of the table can have one (`duplicates.py`), and only within
        LATE_DUPLICATE_NS. If files overlap, the shard has not kept all that would have to be compared.
        """
        before, shard = self._tracker.recent, self._shard
        p = arrays(self._prefix)
        is_unseen = (p.kind == KIND_TCP) & (p.since_ns == UNSEEN)
        first = take(self._prefix, is_unseen)
        copy_of_recent(before).recognise(first, self._engine)
        p.since_ns[is_unseen] = arrays(first).since_ns
        unseen = self._numbered(copy_of(shard.unseen), self._tunnels)
        copy_of_recent(before).recognise(unseen, self._engine)
        u = arrays(unseen)
        is_later = (u.since_ns >= 0) & (u.since_ns <= LATE_DUPLICATE_NS) & (u.frame > self._last_kept[u.flow])
        self._may_hold_copies[u.flow[is_later]] = True
        if arrays(before.table).ts_ns.max() > shard.first_frame_ns:
            self._may_hold_copies[:] = True

    def _take_over(self, flows: Any) -> None:
        """Add flows of which no earlier file has segments, as they are."""
        number = np.full(self._flows.rows, ABSENT, dtype="q")
        number[flows] = self._tracker.table.flows.rows + np.arange(len(flows))
        ends = np.stack((2 * flows, 2 * flows + 1), axis=1).ravel()
        self._tracker.table.append(take(self._flows, flows), take(self._shard.ends, ends), self._engine)
        candidates = self._shard.candidates
        chosen = take(candidates, number[arrays(candidates).flow] != ABSENT)
        self._hand_on(chosen, number, np.zeros(self._flows.rows, dtype=bool))

    def _hand_on(self, candidates: Table, number: Any, is_turned: Any) -> None:
        """Append candidates of the shard, with frames and flows as in the join; `is_turned` where the ends are
        exchanged."""
        c = arrays(candidates)
        c.end[:] ^= is_turned[c.flow]
        c.flow[:] = number[c.flow]
        add(candidates, "frame", self._frames_before)
        self.candidates.append(candidates)

    def _continue(self, rows: Any, flow: Any) -> Any:
        """Track the prefixes of these flows, each of other endpoints; return the flows whose rest may differ.

        `rows` selects rows of the prefix, one bool each; `flow` has the shard's flow of each selected row.
        """
        packets, copy = take(self._prefix, rows), take(self._prefix, rows)
        arrays(copy).since_ns[:] = self._since_ns[rows]
        alone = Tracker()
        alone.follow(copy, self._engine)
        self._track(packets)
        flows, last = np.unique(flow[::-1], return_index=True)
        last = len(flow) - 1 - last
        p, a, c = arrays(packets), arrays(copy), arrays(self._shard.candidates)
        is_after = c.frame + self._frames_before > self._last_kept[c.flow]
        is_all_kept = arrays(self._flows).packets[flows] == arrays(alone.table.flows).packets[a.flow[last]]
        is_open = ~is_all_kept | np.isin(flows, c.flow[is_after])
        flows, last = flows[is_open], last[is_open]
        is_turned = a.end[last] != p.end[last]
        meeting = Meeting(
            alone=state_of(alone.table, a.flow[last]),
            known=state_of(self._tracker.table, p.flow[last], is_turned),
            end=State(self._flows, self._shard.ends, flows),
        )
        place = np.full(self._flows.rows, ABSENT, dtype="q")
        place[flows] = np.arange(len(flows))
        after = np.flatnonzero(is_after & (place[c.flow] != ABSENT))
        rest = take(self._shard.candidates, after)
        at = place[arrays(rest).flow]
        is_like = meeting.is_alike() & meeting.is_surely_amended(arrays(rest), at) & ~self._may_hold_copies[flows]
        if self._shard.is_gone and not is_like.all():
            self._whole.diagnostics.add(FILE_GONE, 0, self._shard.part.name)
            is_like[:] = True
        meeting.amend(arrays(rest), at)
        meeting.move_on(is_like)
        number, turned = np.full(self._flows.rows, ABSENT, dtype="q"), np.zeros(self._flows.rows, dtype=bool)
        number[flows], turned[flows] = p.flow[last], is_turned
        self._hand_on(take(rest, is_like[at]), number, turned)
        return flows[~is_like]

    def _read_again(self, resume: Any) -> None:
        """Track flows from the frame after `resume` on in the file itself; those with ABSENT are left out."""
        recent = copy_of_recent(self._tracker.recent)
        try:
            for packets, tunnels in self._again(self._shard, self._engine):
                numbers = np.array(self._whole.decoder.tunnels.adopt(tunnels.keys), dtype="i")
                self._numbered(packets, numbers)
                recent.recognise(packets, self._engine)
                p = arrays(packets)
                is_wanted = (p.flow >= 0) & np.isin(p.kind, (KIND_TCP, KIND_ICMP_ERROR))
                since = np.where(is_wanted, np.append(resume, ABSENT)[np.where(is_wanted, p.flow, -1)], ABSENT)
                self._track(take(packets, (since != ABSENT) & (p.frame > since)))
                del p  # the table cannot grow while an array refers to it
        except CaptureError as error:
            self._whole.diagnostics.add(FILE_GONE, 0, str(error))


def copy_of_recent(recent: Recent) -> Recent:
    made = Recent()
    made.table = copy_of(recent.table)
    return made


def _lives(known: Any) -> Any:
    """Number the flows with equal endpoints in this shard, from 0; ABSENT for endpoints that are new."""
    order = np.argsort(known, kind="stable")
    places = np.arange(len(known))
    begins = np.append(True, np.diff(known[order]) != 0)[: len(known)]
    life = np.empty(len(known), dtype="q")
    life[order] = places - np.maximum.accumulate(np.where(begins, places, 0))
    return np.where(known == ABSENT, ABSENT, life)
