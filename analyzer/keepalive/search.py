"""The search for many ends at once: questions in, candidates out; columns for the kernel, values for its callers."""

from array import array
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from analyzer.columns import Table
from analyzer.jit import Engine
from analyzer.keepalive import sought
from analyzer.keepalive.candidates import MAX_INTVLS, search
from analyzer.keepalive.constraints import (
    ALL_CLOCKS,
    CEILING_BITS,
    CLOCKS,
    FAR_NS,
    TELLS_NOTHING,
    Seen,
    idle_of,
    tolerance_ns,
)
from analyzer.keepalive.evidence import MAX_CLAIMS, MAX_PHASED, Search
from analyzer.keepalive.prior import PRIOR
from analyzer.keepalive.timeline import GapKind
from analyzer.keepalive.timer import Clock
from analyzer.schema import NEVER

T = TypeVar("T")

KINDS = {kind: place for place, kind in enumerate(GapKind)}
BATCH = 4096
"""So many ask at a time: what that needs stays in a few megabytes."""
ROOM = 256
"""Rows for answers to begin with."""


class Candidate(NamedTuple):
    """Settings that explain all gaps on one clock."""

    clock: Clock
    time_low: int
    time_high: int | None
    time: int | None
    """The likeliest idle time; None where the gaps need not come from it."""
    intvl_low: int
    intvl_high: int | None
    intvl: int | None
    """The likeliest interval; None where the gaps need not come from it."""
    weight: int
    """How likely they are, as a power of two: the prior, and how exactly they foretell the gaps; in `prior.BIT`."""
    is_rare: bool = False
    """Possible, and so within the bounds, but not to be answered while there is anything else."""

    @property
    def row(self) -> int:
        """The clock's, in CLOCKS."""
        return ALL_CLOCKS.index(self.clock)


class Claim(NamedTuple):
    """A probe, or the give-up, lies on a boundary of this level, as all candidates on this clock have it."""

    clock: Clock
    frame: int
    level: int
    jitter_ns: int


class Answer(NamedTuple):
    """What explains the gaps of one question."""

    found: list[Candidate]
    claims: list[Claim]


UNANSWERED = Answer([], [])


class Span(NamedTuple):
    """A duration of the timer, as well as the capture tells it."""

    seen_ns: int
    least_ns: int
    most_ns: int


class Question(NamedTuple):
    """Which settings explain these gaps?"""

    seen: Sequence[Seen]
    clocks: Sequence[Clock]
    """The kinds of timer that may be behind them."""
    is_whole: bool
    """The capture saw the connection open, so that there is no earlier probe."""
    is_strict: bool = False
    """All evidence is to be believed; else what is weakest may be dropped."""


Asking = Generator[Sequence[Question], Sequence[Answer], T]
"""What asks questions, as often as it has any, goes on with the answers, and comes to a conclusion."""


def converse(askers: Iterable[Asking[T]], engine: Engine) -> list[T]:
    """The conclusions of all askers: round by round their questions are answered together."""
    waiting = iter(askers)
    found = list[T]()
    while batch := list(islice(waiting, BATCH)):
        found += converse_batch(batch, engine)
    return found


def converse_batch(askers: Sequence[Asking[T]], engine: Engine) -> list[T]:
    concluded = dict[int, T]()
    heard: list[tuple[int, Sequence[Answer] | None]] = [(place, None) for place in range(len(askers))]
    while heard:
        asked = list[tuple[int, int]]()
        questions = Questions()
        for place, answers in heard:
            try:
                more = next(askers[place]) if answers is None else askers[place].send(answers)
            except StopIteration as conclusion:
                concluded[place] = conclusion.value
            else:
                asked.append((place, len(more)))
                for question in more:
                    questions.ask(question)
        all_answers = questions.answers(engine)
        heard = [(place, list(islice(all_answers, count))) for place, count in asked]
    return [concluded[place] for place in range(len(askers))]


class Questions:
    """Gaps to be explained, as the kernel reads them."""

    def __init__(self) -> None:
        self._asked, self._seen = Table(sought.ASKED), Table(sought.SEEN)
        self._longest = 0

    def ask(self, question: Question) -> None:
        clocks = sum(1 << ALL_CLOCKS.index(clock) for clock in question.clocks)
        self._asked.append(self._seen.rows, clocks, question.is_whole, question.is_strict, 0, 0)
        for gap, slack_ns, jitter_ns, ceilings in question.seen:
            self._seen.append(
                KINDS[gap.kind],
                gap.frame,
                min(gap.heard_ns, FAR_NS),
                min(gap.any_ns, FAR_NS),
                min(gap.speech_ns, FAR_NS),
                min(gap.probe_ns, FAR_NS),
                gap.unanswered,
                min(gap.lag_ns, FAR_NS),
                min(jitter_ns, FAR_NS),
                slack_ns if slack_ns == TELLS_NOTHING else min(slack_ns, FAR_NS),
                sum(ceiling << CEILING_BITS * rate for rate, ceiling in enumerate(ceilings)),
            )
        self._longest = max(self._longest, len(question.seen))

    def answers(self, engine: Engine) -> Iterator[Answer]:
        """To each question, in order."""
        first, room = 0, ROOM
        while first < self._asked.rows:
            s = self.columns(room)
            last = engine.run(search, s, first, self._asked.rows)
            yield from (self.answer(s, question) for question in range(first, last))
            first, room = last, 2 * room

    def columns(self, room: int) -> Search:
        """What the kernel takes, with room for so many rows of answers."""
        self._asked.reserve(1)
        self._asked.view.first_gap[self._asked.rows] = self._seen.rows
        return Search(
            clocks=CLOCKS,
            prior=PRIOR,
            asked=self._asked.view,
            seen=self._seen.view,
            evidence=_with_room(sought.EVIDENCE, 1),
            readings=_with_room(sought.READINGS, self._longest),
            sharp=_with_room(sought.SHARP, 2 * MAX_PHASED),
            intvls=_with_room(sought.INTVLS, MAX_INTVLS),
            claims=_with_room(sought.CLAIMS, MAX_CLAIMS),
            coarsest=_with_room(sought.CLAIMS, self._longest + 1),
            found=_with_room(sought.FOUND, room),
            claimed=_with_room(sought.CLAIMED, room),
            counts=array("q", [0, 0, room, room, 0]),
        )

    @staticmethod
    def answer(s: Search, question: int) -> Answer:
        """What the kernel has found."""
        found = range(s.asked.first_found[question], s.asked.first_found[question + 1])
        claimed = range(s.asked.first_claim[question], s.asked.first_claim[question + 1])
        return Answer([_candidate(s.found, row) for row in found], [_claim(s.claimed, row) for row in claimed])


def idle_span(one: Seen, clock: int) -> Span:
    """The gap as idle time on a clock, a row of CLOCKS."""
    gap = one.gap
    idle_ns = idle_of(CLOCKS, clock, gap.heard_ns, gap.any_ns, gap.speech_ns)
    vague_ns = gap.lag_ns + max(gap.lag_ns // 2, one.jitter_ns) + one.slack_ns
    off_ns = tolerance_ns(CLOCKS, clock, idle_ns)
    return Span(idle_ns, idle_ns - off_ns - vague_ns, idle_ns + off_ns)


def spacing_span(one: Seen, clock: int) -> Span:
    """The gap as interval."""
    off_ns = tolerance_ns(CLOCKS, clock, one.gap.probe_ns) + max(one.gap.lag_ns // 2, one.jitter_ns)
    return Span(one.gap.probe_ns, one.gap.probe_ns - off_ns - one.slack_ns, one.gap.probe_ns + off_ns)


def _with_room(fields: Any, rows: int) -> Any:
    table = Table(fields)
    table.reserve(rows)
    return table.view


def _candidate(f: Any, row: int) -> Candidate:
    return Candidate(
        ALL_CLOCKS[f.clock[row]],
        f.time_low[row],
        _known(f.time_high[row]),
        _known(f.time[row]),
        f.intvl_low[row],
        _known(f.intvl_high[row]),
        _known(f.intvl[row]),
        f.weight[row],
        bool(f.is_rare[row]),
    )


def _claim(c: Any, row: int) -> Claim:
    return Claim(ALL_CLOCKS[c.clock[row]], c.frame[row], c.level[row], c.jitter_ns[row])


def _known(seconds: int) -> int | None:
    return None if seconds == NEVER else seconds
