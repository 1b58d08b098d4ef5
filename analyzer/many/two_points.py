"""The comparison of two capture points of the same traffic: which connections are the same, and where a probe or its
answer was lost.

A segment is recognised at the other point by what nobody on the way changes: sequence numbers, length, control bits,
timestamp. Addresses and ports are not compared, so a NAT may lie in between; one that rewrites sequence numbers hides
what is behind it. The clocks of the points need not agree: their difference is measured.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from statistics import median_low
from typing import Any

from analyzer.analysis import Analysis
from analyzer.keepalive.story.values import Answer, Probe
from analyzer.schema import ACK, KIND_TCP, UNKNOWN_TTL

SAME_NS = 500_000_000
"""Largest deviation from the usual time between the points at which two segments are one; probes lie further apart."""
FEWEST_SHARED = 2
"""Number of different segments that show two connections to be one: a lone RST may look like another."""

Fingerprint = tuple[int, int, int, int, int]


class Fate(StrEnum):
    """The fate of a probe, seen from two points."""

    ANSWERED = "answered"
    PROBE_LOST_BETWEEN = "probe-lost-between"
    """It passed the point nearer to its sender, and never the other."""
    ANSWER_LOST_BETWEEN = "answer-lost-between"
    LOST_BEYOND = "lost-beyond"
    """It passed both points and no answer passed either: it, its answer or the peer is lost beyond the further one."""
    SEEN_AT_ONE = "seen-at-one"
    """It was captured at one point only, and which of them is nearer to its sender is not known."""
    NOT_CAPTURED = "not-captured"
    """It passed the further point, so that the nearer one missed it, or one of them was not capturing then."""


@dataclass(frozen=True)
class ProbeFate:
    """`frames` are those of the probe at both points, 0 where it was not captured; `answer_frames` likewise."""

    end: int
    fate: Fate
    frames: tuple[int, int]
    answer_frames: tuple[int, int]


@dataclass(frozen=True)
class Match:
    """One connection at both points."""

    flows: tuple[int, int]
    is_turned: bool
    """End 0 at the first point is end 1 at the second."""
    is_translated: bool
    """Its addresses or ports differ from point to point."""
    shared: int
    """Number of segments by which the connection was recognised."""
    offset_ns: int
    """Lead of the second point's clock over the first in ns, including the time on the way between them."""
    nearer: tuple[int | None, int | None]
    """For each end, as the first point numbers them, which point is nearer to it: 0, 1, None unknown."""
    probes: tuple[ProbeFate, ...]
    """Probes of both ends, in the order of time."""

    def count(self, fate: Fate) -> int:
        return sum(probe.fate is fate for probe in self.probes)


class Side:
    """The candidates of one point, by connection and by fingerprint."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.c = analysis.candidates.view
        self.rows_of: dict[int, list[int]] = defaultdict(list)
        self.flows_by_fingerprint: dict[Fingerprint, set[int]] = defaultdict(set)
        for row in range(analysis.candidates.rows):
            if self.c.kind[row] == KIND_TCP:
                flow = self.c.flow[row]
                self.rows_of[flow].append(row)
                self.flows_by_fingerprint[self.fingerprint(row)].add(flow)

    def fingerprint(self, row: int) -> Fingerprint:
        c = self.c
        ack = c.ack[row] if c.flags[row] & ACK else 0
        return c.flags[row], c.seq[row], ack, c.payload_len[row], c.tsval[row]

    def is_watching(self, ts_ns: int) -> bool:
        return self.analysis.capture.first_ns <= ts_ns <= self.analysis.capture.until_ns


def compare(first: Analysis, second: Analysis) -> tuple[Match, ...]:
    """Match the connections that both points have; return them in the order of the first."""
    sides = Side(first), Side(second)
    matches = []
    taken: set[int] = set()
    for flow in sorted(sides[0].rows_of):
        votes: Counter[int] = Counter()
        for fingerprint in {sides[0].fingerprint(row) for row in sides[0].rows_of[flow]}:
            votes.update(sides[1].flows_by_fingerprint.get(fingerprint, ()))
        best = [(other, shared) for other, shared in votes.most_common(2) if other not in taken]
        is_clear = bool(best) and (len(best) == 1 or best[0][1] > best[1][1])
        if is_clear and best[0][1] >= FEWEST_SHARED:
            taken.add(best[0][0])
            matches.append(_Meeting(sides, (flow, best[0][0])).match(best[0][1]))
    return tuple(matches)


class _Meeting:
    """One connection at both points, while it is compared."""

    def __init__(self, sides: tuple[Side, Side], flows: tuple[int, int]) -> None:
        self._sides, self._flows = sides, flows
        self._rows = tuple(side.rows_of[flow] for side, flow in zip(sides, flows, strict=True))
        pairs = list(self._surely_same())
        c, d = sides[0].c, sides[1].c
        self._is_turned = 2 * sum(bool(c.end[a] != d.end[b]) for a, b in pairs) > len(pairs)
        offsets = [d.ts_ns[b] - c.ts_ns[a] for a, b in pairs]
        self._offset_ns = median_low(offsets) if offsets else 0
        self._same = dict(self._all_same())
        """Rows at the second point by those at the first."""

    def _surely_same(self) -> Iterator[tuple[int, int]]:
        """Yield pairs of rows that are surely the same segment: of each fingerprint that occurs equally often at both
        points."""
        at: tuple[dict[Fingerprint, list[int]], dict[Fingerprint, list[int]]] = (defaultdict(list), defaultdict(list))
        for side, rows, rows_by_fingerprint in zip(self._sides, self._rows, at, strict=True):
            for row in rows:
                rows_by_fingerprint[side.fingerprint(row)].append(row)
        for fingerprint, rows in at[0].items():
            others = at[1].get(fingerprint, [])
            if len(rows) == len(others):
                yield from zip(rows, others, strict=True)

    def _all_same(self) -> Iterator[tuple[int, int]]:
        """Yield each row of the first point with the nearest one that has the same fingerprint at the second."""
        c, d = self._sides[0].c, self._sides[1].c
        waiting: dict[Fingerprint, list[int]] = defaultdict(list)
        for row in self._rows[1]:
            waiting[self._sides[1].fingerprint(row)].append(row)
        for row in self._rows[0]:
            others = waiting.get(self._sides[0].fingerprint(row), [])
            at_ns = c.ts_ns[row] + self._offset_ns
            near = min(others, key=lambda other: abs(d.ts_ns[other] - at_ns), default=None)
            if near is not None and abs(d.ts_ns[near] - at_ns) <= SAME_NS:
                others.remove(near)
                yield row, near

    def match(self, shared: int) -> Match:
        flows = [side.analysis.flows[flow] for side, flow in zip(self._sides, self._flows, strict=True)]
        ends = [(end.address, end.port) for end in flows[0].ends]
        others = [(end.address, end.port) for end in flows[1].ends]
        return Match(
            flows=self._flows,
            is_turned=self._is_turned,
            is_translated=ends != (others[::-1] if self._is_turned else others),
            shared=shared,
            offset_ns=self._offset_ns,
            nearer=(self._nearer(0), self._nearer(1)),
            probes=tuple(self._fates()),
        )

    def _nearer(self, end: int) -> int | None:
        """Return the point that is nearer to the end: it sees its segments with more hops left, or, without routers
        between the points, its answers sooner. None if unknown."""
        c, d = self._sides[0].c, self._sides[1].c
        same = [(a, b) for a, b in self._same.items() if c.end[a] == end]
        hops = {c.ttl[a] - d.ttl[b] for a, b in same if UNKNOWN_TTL not in (c.ttl[a], d.ttl[b])}
        if len(hops) == 1 and hops != {0}:
            return 0 if hops.pop() > 0 else 1
        peers = sorted(a for a in self._same if c.end[a] != end)
        took: list[int] = []
        for a, b in same:
            before = [peer for peer in peers if peer < a]
            if before:
                first_ns = c.ts_ns[a] - c.ts_ns[before[-1]]
                second_ns = d.ts_ns[b] - d.ts_ns[self._same[before[-1]]]
                took.append(first_ns - second_ns)
        if not took or not median_low(took):
            return None
        return 0 if median_low(took) < 0 else 1

    def _fates(self) -> Iterator[ProbeFate]:
        """Yield the fate of every probe that either point has."""
        c = self._sides[0].c
        row_at = [{side.c.frame[row]: row for row in rows} for side, rows in zip(self._sides, self._rows, strict=True)]
        first_of = {b: a for a, b in self._same.items()}
        found: list[tuple[int, ProbeFate]] = []
        for end in (0, 1):
            for probe in self._probes(0, end):
                a = row_at[0][probe.frame]
                b = self._same.get(a)
                found.append((probe.ts_ns, self._fate(end, (a, b), probe)))
            for probe in self._probes(1, end ^ self._is_turned):
                b = row_at[1][probe.frame]
                if b not in first_of:
                    found.append((probe.ts_ns - self._offset_ns, self._fate(end, (None, b), probe)))
                elif not self._is_probe(first_of[b], end):
                    found.append((c.ts_ns[first_of[b]], self._fate(end, (first_of[b], b), probe)))
        yield from (fate for _, fate in sorted(found, key=lambda pair: pair[0]))

    def _probes(self, point: int, end: int) -> tuple[Probe, ...]:
        return self._sides[point].analysis.flows[self._flows[point]].ends[end].story.probes

    def _is_probe(self, row: int, end: int) -> bool:
        frame = self._sides[0].c.frame[row]
        return any(probe.frame == frame for probe in self._probes(0, end))

    def _fate(self, end: int, rows: tuple[int | None, int | None], probe: Probe) -> ProbeFate:
        frames = tuple(0 if row is None else self._sides[at].c.frame[row] for at, row in enumerate(rows))
        answers = tuple(self._answer_frame(at, end, frame) for at, frame in enumerate(frames))
        return ProbeFate(
            end, self._judged(end, frames, answers, probe), (frames[0], frames[1]), (answers[0], answers[1])
        )

    def _answer_frame(self, point: int, end: int, frame: int) -> int:
        probes = self._probes(point, end ^ self._is_turned if point else end)
        return next((one.answer_frame for one in probes if one.frame == frame and one.answer is not Answer.ICMP), 0)

    def _judged(self, end: int, frames: Any, answers: Any, probe: Probe) -> Fate:
        near = self._nearer(end)
        if all(answers):
            return Fate.ANSWERED
        missing = [point for point in (0, 1) if not frames[point]]
        if missing:
            [lacks] = missing
            at_ns = probe.ts_ns + (self._offset_ns if lacks else -self._offset_ns)
            if not self._sides[lacks].is_watching(at_ns):
                return Fate.NOT_CAPTURED
            if near is None:
                return Fate.SEEN_AT_ONE
            return Fate.NOT_CAPTURED if lacks == near else Fate.PROBE_LOST_BETWEEN
        if not any(answers):
            return Fate.LOST_BEYOND
        if near is None:
            return Fate.SEEN_AT_ONE
        return Fate.NOT_CAPTURED if answers[near] else Fate.ANSWER_LOST_BETWEEN
