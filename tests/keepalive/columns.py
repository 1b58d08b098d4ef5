"""Columns of inference from values, and back: the gaps of one end, a question about them, its answer."""

from collections.abc import Sequence
from typing import NamedTuple

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.keepalive.model.linux import Clock
from analyzer.keepalive.settings.candidates import search
from analyzer.keepalive.settings.constraints import ALL_CLOCKS, UNHINDERED
from analyzer.keepalive.settings.evidence import Search
from analyzer.keepalive.settings.infer import allocate, inferred
from analyzer.keepalive.settings.losses import take_as_captured
from analyzer.keepalive.settings.observations import EXACT_CLOCKS, LIKELY_CLOCKS, Observations, copy_timed
from analyzer.keepalive.settings.search import plan
from analyzer.keepalive.settings.typical import EndWork
from analyzer.keepalive.settings.values import Settings, settings_of
from analyzer.keepalive.story.values import Echo, Gap, GapKind
from analyzer.schema import ABSENT
from analyzer.schema.results import OBSERVED_ENDS, OBSERVED_GAPS

KINDS, ECHOES = list(GapKind), list(Echo)


class ObservedEnd(NamedTuple):
    """What OBSERVED_ENDS has of an end, as values."""

    gaps: Sequence[Gap]
    """In the order in which they ended."""
    is_whole: bool = False
    may_be_linux: bool = True
    is_one_sided: bool = False
    has_company: bool = False
    is_cut_off: bool = False
    hastens: bool = False
    may_tick: bool = False
    lacks: int = 0


def observed_of(ends: Sequence[ObservedEnd]) -> Observations:
    observed, gaps = Table(OBSERVED_ENDS), Table(OBSERVED_GAPS)
    for one in ends:
        clocks = LIKELY_CLOCKS if one.may_be_linux else EXACT_CLOCKS
        observed.append(gaps.rows, one.is_whole, clocks, *one[3:])
        for gap in one.gaps:
            gaps.append(*row_of(gap))
    observed.append(gaps.rows, *(0,) * (len(OBSERVED_ENDS.columns) - 1))
    return Observations(gaps.view, observed.view)


def row_of(gap: Gap) -> tuple[int, ...]:
    """Of OBSERVED_GAPS, in the order of its columns."""
    durations_ns = gap.heard_ns, gap.any_ns, gap.since_new_segment_ns, gap.probe_ns
    said = gap.capture_rtt_ns, gap.missing, gap.is_numbered, ECHOES.index(gap.echo), gap.has_uncaptured
    return KINDS.index(gap.kind), gap.frame, gap.at_ns, *durations_ns, gap.unanswered, *said, UNHINDERED


def infer(gaps: Sequence[Gap], is_whole: bool = False, may_be_linux: bool = True) -> Settings:
    """The settings that explain one end's gaps."""
    return settings_of_end(ObservedEnd(gaps, is_whole, may_be_linux))


def settings_of_end(end: ObservedEnd) -> Settings:
    return settings_of(inferred(observed_of([end]), 1, Engine()), 0)


class Seen(NamedTuple):
    """A gap, and how far it may be believed."""

    gap: Gap
    slack_ns: int = 0
    jitter_ns: int = 0


class Answer(NamedTuple):
    """A row of SOLUTIONS. None where nothing bounds a setting, or does not determine it."""

    clocks: tuple[Clock, ...] = ()
    time_low: int = 0
    time_high: int | None = None
    intvl_low: int = 0
    intvl_high: int | None = None
    is_rare: bool = True
    is_time_known: bool = False
    is_intvl_known: bool = False
    clock: Clock = ALL_CLOCKS[0]
    time: int | None = None
    intvl: int | None = None
    weight: int = 0


UNANSWERED = Answer()


def timed_of(gaps: Sequence[Gap]) -> tuple[EndWork, int]:
    """The gaps of an end that its timer may have made, and how many they are."""
    observed = observed_of([ObservedEnd(gaps)])
    work, _, _ = allocate(1, len(gaps), len(gaps))
    return work, copy_timed(observed, 0, work.gaps)


def corrected_as(corrected: Sequence[Seen]) -> EndWork:
    """Gaps that are believed as they were captured."""
    observed = observed_of([ObservedEnd([one.gap for one in corrected])])
    work, _, _ = allocate(1, len(corrected), len(corrected))
    for it, one in enumerate(corrected):
        take_as_captured(observed.gaps, it, work.corrected, it)
        work.corrected.slack_ns[it], work.corrected.jitter_ns[it] = one.slack_ns, one.jitter_ns
    return work


def asked(corrected: Sequence[Seen], clocks: tuple[Clock, ...], is_whole: bool, is_rare: bool = False) -> Search:
    """One question about these gaps, as they are."""
    _, s, _ = allocate(1, len(corrected), len(corrected))
    s = s._replace(corrected=corrected_as(corrected).corrected)
    s.hypotheses.clocks[0], s.hypotheses.is_whole[0] = bits(clocks), is_whole
    plan(s, 0, (0, len(corrected)), (0, 0))
    s.hypotheses.is_rare[0] = is_rare
    return s


def answer_to(corrected: Sequence[Seen], clocks: tuple[Clock, ...], is_whole: bool, is_rare: bool = False) -> Answer:
    s = asked(corrected, clocks, is_whole, is_rare)
    search(s, 0)
    return solve(s, 0)


def bits(clocks: tuple[Clock, ...]) -> int:
    return sum(1 << ALL_CLOCKS.index(clock) for clock in clocks)


def solve(s: Search, row: int) -> Answer:
    f = s.solutions
    if not f.clocks[row]:
        return UNANSWERED
    return Answer(
        tuple(clock for place, clock in enumerate(ALL_CLOCKS) if f.clocks[row] >> place & 1),
        f.time_low[row],
        known(f.time_high[row]),
        f.intvl_low[row],
        known(f.intvl_high[row]),
        bool(f.is_rare[row]),
        bool(f.is_time_known[row]),
        bool(f.is_intvl_known[row]),
        ALL_CLOCKS[f.clock[row]],
        known(f.time[row]),
        known(f.intvl[row]),
        f.weight[row],
    )


def note(s: Search, row: int, one: Answer) -> None:
    """The other way round."""
    f = s.solutions
    f.clocks[row] = bits(one.clocks)
    f.time_low[row], f.time_high[row] = one.time_low, column(one.time_high)
    f.intvl_low[row], f.intvl_high[row] = one.intvl_low, column(one.intvl_high)
    f.is_rare[row], f.is_time_known[row], f.is_intvl_known[row] = one.is_rare, one.is_time_known, one.is_intvl_known
    f.clock[row], f.weight[row] = ALL_CLOCKS.index(one.clock), one.weight
    f.time[row], f.intvl[row] = column(one.time), column(one.intvl)


def known(bound: int | None) -> int | None:
    return None if bound == ABSENT else bound


def column(bound: int | None) -> int:
    return ABSENT if bound is None else bound
