"""The lines of a connection's timeline: every segment that is not plain data or a plain ACK; a long one is folded.

Up to WHOLE lines are shown whole. Beyond, an exchange, which is a segment with the answer right behind it, is usual
where it came as long after the one before it of its kind as that after its own. Of many usual ones in a row, KEPT at
either side are shown, and what lies between is one line. Where even that is too long, what has happened often is usual
whenever it came. So whatever is rare is a line of its own, and only what is shown becomes objects: a line takes a
terminal half a millisecond.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from heapq import merge
from typing import NamedTuple

from analyzer.analysis import Analysis
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.story.values import Solicitation
from analyzer.keepalive.tags.tag import ARP_UNANSWERED, DATA, PURE_ACK, RULES, TAGS, Rule, Tag
from analyzer.report.units import SECOND, exact, short
from analyzer.schema import ABSENT

WHOLE = 200
"""Most lines that are shown whatever they are."""
MOST = 1000
"""Most lines that are shown where what comes evenly is folded."""
KEPT = 10
"""Usual exchanges that are shown before and after those that are not."""
SLACK = 8
"""A timer of Linux's wheel is late by up to an eighth of what it was set to."""
MOST_KINDS = 3
"""Most kinds of exchanges that a line names."""
ANSWERS = (Tag.KEEPALIVE_ANSWER, Tag.ZERO_WINDOW_ANSWER)


class Event(NamedTuple):
    """A line of the timeline, in order of frames. For an ICMP error `end` is its receiver."""

    frame: int
    ts_ns: int
    end: int
    idle_ns: int
    tag: Tag
    what: str
    rule: Rule


class Alike(NamedTuple):
    """Exchanges that are one line, since they are as usual."""

    last_ns: int
    """When the last of them ended."""
    what: str


class Kind(NamedTuple):
    """What exchanges of one kind have in common."""

    tag: int
    rule: int
    end: int
    answer: int
    """Tag of the segment behind it that refers to it, -1 without."""


class Exchanges:
    """A flow's exchanges, a number each in these columns, in capture order."""

    def __init__(self, analysis: Analysis, flow: Flow) -> None:
        self._candidates, self._segments = analysis.candidates.view, analysis.segments.view
        self._solicitations = [one for number, one in analysis.solicitations if number == flow.id]
        self.lines = self._lines(analysis.rows(flow.id))
        """Rows in the candidates; -1 and below are solicitations, from the first on."""
        self.kinds: list[Kind] = []
        self.first, self.at_ns, self.kind, self.took_ns = array("q"), array("q"), array("q"), array("q")
        self._find()

    def __len__(self) -> int:
        return len(self.kind)

    def _lines(self, rows: Sequence[int]) -> "array[int]":
        """Return what is worth a line: neither plain data nor a plain ACK, unless it ended a silence."""
        c, tags = self._candidates, self._segments.tag
        idle_ns, frames = c.idle_ns, c.frame
        shown = array("q", [row for row in rows if tags[row] not in (DATA, PURE_ACK) or idle_ns[row] >= SECOND])
        if not self._solicitations:
            return shown
        asked = ((one.frame, ~place) for place, one in enumerate(self._solicitations))
        return array("q", [line for _, line in merge(((frames[row], row) for row in shown), asked)])

    def _find(self) -> None:
        """Fill the columns."""
        c, s, lines, numbers = self._candidates, self._segments, self.lines, dict[Kind, int]()
        tags, rules, of, ends, times = s.tag, s.rule, s.of, c.end, c.ts_ns
        place, count = 0, len(lines)
        while place < count:
            row = lines[place]
            self.first.append(place)
            place += 1
            answer, took_ns = ABSENT, ABSENT
            if row < 0:
                one = self._solicitations[~row]
                kind, at_ns = Kind(ARP_UNANSWERED, ABSENT, one.end, ABSENT), one.ts_ns
            else:
                at_ns = times[row]
                if place < count and (behind := lines[place]) >= 0 and of[behind] == row:
                    answer, took_ns = tags[behind], times[behind] - at_ns
                    place += 1
                kind = Kind(tags[row], rules[row], ends[row], answer)
            self.at_ns.append(at_ns)
            self.took_ns.append(took_ns)
            self.kind.append(numbers.setdefault(kind, len(numbers)))
        self.kinds = list(numbers)
        self.first.append(count)

    def even(self) -> bytearray:
        """Return a mark for each exchange that came as long after the one before it of its kind as that came after its
        own, and was answered as soon."""
        usual = bytearray(len(self))
        before: dict[int, tuple[int, int, int]] = {}
        for place, (kind, at_ns, took_ns) in enumerate(zip(self.kind, self.at_ns, self.took_ns, strict=True)):
            was_ns, was_apart_ns, was_took_ns = before.get(kind, (at_ns, ABSENT, took_ns))
            apart_ns = at_ns - was_ns
            is_late = abs(took_ns - was_took_ns) > SECOND
            usual[place] = not is_late and SLACK * abs(apart_ns - was_apart_ns) <= was_apart_ns
            before[kind] = at_ns, apart_ns, took_ns
        return usual

    def frequent(self) -> bytearray:
        """Return a mark for each exchange with KEPT or more of its kind before it, and as many behind."""
        usual, seen, of_kind = bytearray(len(self)), [0] * len(self.kinds), Counter(self.kind)
        for place, kind in enumerate(self.kind):
            usual[place] = KEPT <= seen[kind] < of_kind[kind] - KEPT
            seen[kind] += 1
        return usual

    def event(self, line: int) -> Event:
        """Return a line; an answer has the probe's frame and the delay."""
        if line < 0:
            return _asked(self._solicitations[~line])
        c, s = self._candidates, self._segments
        tag, of = TAGS[s.tag[line]], s.of[line]
        took_ns = c.ts_ns[line] - c.ts_ns[of] if of != ABSENT else ABSENT
        after = f" after {exact(took_ns)} s" if took_ns >= 0 else ""  # the clock may have been set back
        what = f"{tag} → {c.frame[of]}{after}" if of != ABSENT else f"{tag}"
        return Event(c.frame[line], c.ts_ns[line], c.end[line], c.idle_ns[line], tag, what, RULES[s.rule[line]])

    def alike(self, folded: range) -> Alike:
        """Return the line for exchanges that are not shown."""
        apart_ns: dict[int, list[int]] = defaultdict(list)
        took_ns: dict[int, list[int]] = defaultdict(list)
        before: dict[int, int] = {}
        for place in folded:
            kind, at_ns = self.kind[place], self.at_ns[place]
            took_ns[kind].append(self.took_ns[place])
            if kind in before:
                apart_ns[kind].append(at_ns - before[kind])
            before[kind] = at_ns
        by_number = sorted(took_ns, key=lambda kind: -len(took_ns[kind]))
        named = [_alike(self.kinds[kind], took_ns[kind], apart_ns[kind]) for kind in by_number[:MOST_KINDS]]
        if others := sum(len(took_ns[kind]) for kind in by_number[MOST_KINDS:]):
            named.append(f"{others:,} more of other kinds")
        last = folded[-1]
        return Alike(self.at_ns[last] + max(self.took_ns[last], 0), "; ".join(named))


def timeline(analysis: Analysis, flow: Flow) -> Iterator[Event | Alike]:
    """Yield the lines, in order of frames."""
    exchanges = Exchanges(analysis, flow)
    at = 0
    for folded in _folded(exchanges):
        yield from map(exchanges.event, exchanges.lines[exchanges.first[at] : exchanges.first[folded.start]])
        yield exchanges.alike(folded)
        at = folded.stop
    yield from map(exchanges.event, exchanges.lines[exchanges.first[at] :])


def _folded(exchanges: Exchanges) -> list[range]:
    """Return the exchanges that are not shown one by one: of the ways to fold them the first that leaves few lines."""
    if len(exchanges.lines) <= WHOLE:
        return []
    folded = list(_stretches(exchanges.even(), KEPT, KEPT))
    for fewest in (KEPT, 2):
        left_out = sum(exchanges.first[one.stop] - exchanges.first[one.start] for one in folded)
        if len(exchanges.lines) - left_out <= MOST:
            break
        folded = list(_stretches(exchanges.frequent(), 0, fewest))
    return folded


def _stretches(usual: bytearray, kept: int, fewest: int) -> Iterator[range]:
    """Yield where usual exchanges follow each other, but for `kept` at either side, where so many are left out."""
    end = 0
    while (begin := usual.find(1, end)) >= 0:
        unusual = usual.find(0, begin)
        end = unusual if unusual >= 0 else len(usual)
        if end - begin - 2 * kept >= fewest:
            yield range(begin + kept, end - kept)


def _alike(kind: Kind, took_ns: Sequence[int], apart_ns: Sequence[int]) -> str:
    """Say how many exchanges of one kind there are, how they were answered, and how far apart they came."""
    words = [f"{len(took_ns):,} more {TAGS[kind.tag]}"]
    if kind.answer != ABSENT:
        answer = TAGS[kind.answer]
        words.append("each answered" if answer in ANSWERS else f"each with {answer}")
        words[-1] += f" after {_span(took_ns)}" if min(took_ns) >= 0 else ""  # the clock may have been set back
    if apart_ns and min(apart_ns) >= 0:
        words.append(f"{_span(apart_ns)} apart")
    return ", ".join(words)


def _span(durations_ns: Sequence[int]) -> str:
    least, most = short(min(durations_ns)), short(max(durations_ns))
    return least if least == most else f"{least} to {most}"


def _asked(one: Solicitation) -> Event:
    """Return a solicitation that nobody on the link answered, in the form of a segment."""
    tag, of = Tag.ARP_UNANSWERED, f" → {one.of_frame}" if one.of_frame else ""
    return Event(one.frame, one.ts_ns, one.end, ABSENT, tag, tag + of, Rule.NOBODY_ANSWERS)
