"""The search for many ends at once: questions in, candidates out; columns for the kernel, values for its callers."""

from array import array
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from struct import Struct
from typing import Any, NamedTuple, TypeVar

from analyzer.columns import Table
from analyzer.jit import Engine
from analyzer.keepalive.candidates import MAX_INTVLS, search
from analyzer.keepalive.constraints import (
    ALL_CLOCKS,
    CEILING_BITS,
    CLOCKS,
    FAR_NS,
    TELLS_NOTHING,
    Ceilings,
    Seen,
    idle_of,
    tolerance_ns,
)
from analyzer.keepalive.evidence import MAX_CLAIMS, MAX_PHASED, Search
from analyzer.keepalive.prior import PRIOR
from analyzer.keepalive.timeline import Gap, GapKind
from analyzer.keepalive.timer import LINUX, Clock
from analyzer.schema import NEVER, sought

T = TypeVar("T")

KINDS = {kind: place for place, kind in enumerate(GapKind)}
BATCH = 4096
"""So many ask at a time: what that needs stays in a few megabytes."""
SEEN_ROW = Struct("=qqqqqqqqqibxxx")
"""Of columns.py's layout: the widest first."""


class Claim(NamedTuple):
    """A probe, or the give-up, lies on a boundary of this level, as all candidates on this clock have it."""

    clock: Clock
    frame: int
    level: int
    jitter_ns: int


class Answer(NamedTuple):
    """What explains the gaps of one question. None where nothing bounds a setting, or does not determine it."""

    clocks: tuple[Clock, ...] = ()
    """On which something does; empty if nothing, and then all else says nothing."""
    time_low: int = 0
    time_high: int | None = None
    intvl_low: int = 0
    intvl_high: int | None = None
    is_rare: bool = True
    """All explanations are rare; else what follows is of those that are not."""
    is_time_known: bool = False
    is_intvl_known: bool = False
    """In all of them gaps come from the idle time, or from the interval."""
    clock: Clock = ALL_CLOCKS[0]
    """Of the likeliest of them, with its likeliest settings."""
    time: int | None = None
    intvl: int | None = None
    weight: int = 0
    """How likely it is, as a power of two: the prior, and how exactly it foretells the gaps; in `prior.BIT`."""
    claims: tuple[Claim, ...] = ()

    @property
    def row(self) -> int:
        """The clock's, in CLOCKS."""
        return ALL_CLOCKS.index(self.clock)

    def with_rare(self, other: "Answer") -> "Answer":
        """With the explanations of `other`, which are all rare."""
        if not self.clocks or not other.clocks:
            return self if self.clocks else other
        both = self._replace(
            clocks=self.clocks + tuple(clock for clock in other.clocks if clock not in self.clocks),
            time_low=min(self.time_low, other.time_low),
            time_high=highest(self.time_high, other.time_high),
            intvl_low=min(self.intvl_low, other.intvl_low),
            intvl_high=highest(self.intvl_high, other.intvl_high),
        )
        if not self.is_rare:
            return both
        best = max(self, other, key=lambda one: (one.weight, one.time or 0))
        return both._replace(
            is_time_known=self.is_time_known and other.is_time_known,
            is_intvl_known=self.is_intvl_known and other.is_intvl_known,
            clock=best.clock,
            time=best.time,
            intvl=best.intvl,
            weight=best.weight,
        )

    def with_rare_intvls(self, other: "Answer") -> "Answer":
        """With its likeliest idle time and the intervals of `other`."""
        if not self.clocks or not other.clocks:
            return self
        return self._replace(
            intvl_low=min(self.intvl_low, other.intvl_low),
            intvl_high=highest(self.intvl_high, other.intvl_high),
            is_intvl_known=self.is_intvl_known and not self.is_rare,
        )


def highest(high: int | None, other: int | None) -> int | None:
    """None is the highest of all."""
    return None if high is None or other is None else max(high, other)


UNANSWERED = Answer()


class Span(NamedTuple):
    """A duration of the timer, as well as the capture tells it."""

    seen_ns: int
    least_ns: int
    most_ns: int


class Question(NamedTuple):
    """Which settings explain these gaps?"""

    seen: Sequence[Seen]
    clocks: tuple[Clock, ...]
    """The kinds of timer that may be behind them."""
    is_whole: bool
    """The capture saw the connection open, so that there is no earlier probe."""
    is_strict: bool = False
    """All evidence is to be believed; else what is weakest may be dropped."""
    is_rare: bool = False
    """The gaps are not what they seem: whatever explains them so is rare."""


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
        self._asked, self._seen = Table(sought.ASKED), bytearray()
        self._longest = 0

    def ask(self, question: Question) -> None:
        self._asked.append(
            len(self._seen) // SEEN_ROW.size,
            _bits(question.clocks),
            question.is_whole,
            question.is_strict,
            question.is_rare,
        )
        for one in question.seen:
            self._seen += packed(*one)
        self._longest = max(self._longest, len(question.seen))

    def answers(self, engine: Engine) -> Iterator[Answer]:
        """To each question, in order."""
        if self._asked.rows:
            s = self.columns()
            engine.run(search, s, 0, self._asked.rows)
            yield from (answer(s, question) for question in range(self._asked.rows))

    def columns(self) -> Search:
        """What the kernel takes."""
        gaps = len(self._seen) // SEEN_ROW.size
        seen = _with_room(sought.SEEN, gaps)
        seen.memory[: len(self._seen)] = self._seen
        self._asked.reserve(1)
        self._asked.view.first_gap[self._asked.rows] = gaps
        return Search(
            clocks=CLOCKS,
            prior=PRIOR,
            asked=self._asked.view,
            seen=seen,
            evidence=_with_room(sought.EVIDENCE, 1),
            readings=_with_room(sought.READINGS, self._longest),
            sharp=_with_room(sought.SHARP, 2 * MAX_PHASED),
            intvls=_with_room(sought.INTVLS, MAX_INTVLS),
            claims=_with_room(sought.CLAIMS, MAX_CLAIMS),
            coarsest=_with_room(sought.CLAIMS, self._longest + 1),
            found=_with_room(sought.FOUND, self._asked.rows + 1),
            claimed=_with_room(sought.CLAIMED, len(LINUX) * gaps),
            claimed_rows=array("q", [0]),
        )


def packed(gap: Gap, slack_ns: int, jitter_ns: int, ceilings: Ceilings) -> bytes:
    """A row of SEEN."""
    return SEEN_ROW.pack(
        gap.frame,
        min(gap.heard_ns, FAR_NS),
        min(gap.any_ns, FAR_NS),
        min(gap.speech_ns, FAR_NS),
        min(gap.probe_ns, FAR_NS),
        gap.unanswered,
        min(gap.lag_ns, FAR_NS),
        min(jitter_ns, FAR_NS),
        slack_ns if slack_ns == TELLS_NOTHING else min(slack_ns, FAR_NS),
        ceilings[0] | ceilings[1] << CEILING_BITS | ceilings[2] << 2 * CEILING_BITS | ceilings[3] << 3 * CEILING_BITS,
        KINDS[gap.kind],
    )


def answer(s: Search, question: int) -> Answer:
    """What the kernel has found."""
    f, c = s.found, s.claimed
    if not f.clocks[question]:
        return UNANSWERED
    rows = range(f.first_claim[question], f.first_claim[question + 1])
    return Answer(
        _clocks(f.clocks[question]),
        f.time_low[question],
        _known(f.time_high[question]),
        f.intvl_low[question],
        _known(f.intvl_high[question]),
        bool(f.is_rare[question]),
        bool(f.is_time_known[question]),
        bool(f.is_intvl_known[question]),
        ALL_CLOCKS[f.clock[question]],
        _known(f.time[question]),
        _known(f.intvl[question]),
        f.weight[question],
        tuple([Claim(ALL_CLOCKS[c.clock[row]], c.frame[row], c.level[row], c.jitter_ns[row]) for row in rows]),
    )


@cache
def _bits(clocks: tuple[Clock, ...]) -> int:
    return sum(1 << ALL_CLOCKS.index(clock) for clock in clocks)


@cache
def _clocks(bits: int) -> tuple[Clock, ...]:
    return tuple(clock for row, clock in enumerate(ALL_CLOCKS) if bits >> row & 1)


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


def _known(seconds: int) -> int | None:
    return None if seconds == NEVER else seconds
