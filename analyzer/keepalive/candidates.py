"""The search: which idle times and intervals explain all gaps of an end on one kind of clock.

Intervals come first, mostly from the spacings alone. For each of them the idle time is bounded by
the gaps that no interval explains, and what lies between the bounds is tried by boundaries.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from math import log2
from typing import NamedTuple

from analyzer.keepalive import prior
from analyzer.keepalive.constraints import (
    TELLS_NOTHING,
    UNKNOWN,
    Claim,
    Fit,
    Reading,
    Seen,
    finest_level,
    fit_idle,
    is_in_phase,
    latest_ns,
    least_s,
    level_of,
    may_be_spacing,
    may_still_run,
    read,
    tolerance_ns,
)
from analyzer.keepalive.timeline import GapKind
from analyzer.keepalive.timer import SECOND, Clock

MAX_INTVLS = 8
"""More candidates than this for the interval are not paired with those for the idle time."""
MAX_TRIED = 400
"""More than this, as for an interval of hours, are not even tried one by one."""
MAX_PHASED = 32
"""So many gaps are compared by their boundaries; more add time and no knowledge."""
MAX_ALIKE = 3
"""Of gaps that are the same to a few milliseconds so many are compared."""
ALIKE_SHIFT = 23
"""2^23 ns are 8 ms."""


class Strictness(IntEnum):
    """What is believed; each step drops the weakest evidence that the one before still has."""

    ALL = 0
    NO_CENSORED = 1
    """What a timer survived says nothing: keepalive may have been switched on only afterwards."""
    NO_OPENING = 2
    """Nor does the lateness of an end's first probe, for the same reason."""


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
    weight: float
    """How likely they are, as a power of two: the prior, and how exactly they foretell the gaps."""
    claims: tuple[Claim, ...] = ()
    """The boundaries on which it puts probes."""
    is_rare: bool = False
    """Possible, and so within the bounds, but not to be answered while there is anything else."""


class Intvls(NamedTuple):
    """Intervals that explain the gaps which only an interval explains."""

    low: int
    high: int | None
    value: int | None


class Evidence:
    """The readings of one end, sorted by what they bear on."""

    def __init__(self, seen: Sequence[Seen], clock: Clock, strictness: Strictness, has_phase: bool) -> None:
        self.clock = clock
        self.has_phase = has_phase and clock.is_wheel
        self.idle, self.spacing = list[Reading](), list[Reading]()
        self.survived, self.pending = list[Reading](), list[Reading]()
        for r in read(seen, clock):
            kind = r.kind
            if r.slack_ns == TELLS_NOTHING:
                continue
            if kind is GapKind.FIRST or kind is GapKind.CYCLE:
                if r.idle is not UNKNOWN:
                    self.idle.append(r)
            elif kind is GapKind.SURVIVED:
                if r.idle is not UNKNOWN and strictness is Strictness.ALL:
                    self.survived.append(r)
            elif r.spacing is UNKNOWN:
                continue
            elif kind is not GapKind.PENDING:
                self.spacing.append(r)
            elif strictness is Strictness.ALL:
                self.pending.append(r)
        self.sure_idle = [r for r in self.idle if strictness < Strictness.NO_OPENING or has_probe(r)]
        self.phased_idle = telling(self.sure_idle)
        self.phased_spacing = telling(self.spacing)
        self.least_spacing_ns = max((r.spacing.least_ns for r in self.phased_spacing), default=0)
        self._claims: dict[int, tuple[Claim, ...]] = {}
        self._is_in_phase: dict[int, bool] = {}
        most_ns = min((r.idle.most_ns for r in self.idle), default=None)
        self.time_high = None if most_ns is None else most_ns // SECOND

    def claims_at(self, level: int) -> tuple[Claim, ...]:
        """The ends of spacings lie on the interval's boundaries, and so do the beginnings of all but a run's first."""
        if level not in self._claims:
            claims = []
            for r in self.phased_spacing:
                claims.append(Claim(level, r.chain, r.at_ns, r.jitter_ns, r.frame))
                if r.is_on_grid:
                    claims.append(Claim(level, r.chain, r.at_ns - r.spacing.seen_ns, r.jitter_ns))
            self._claims[level] = tuple(claims)
        return self._claims[level]

    def are_spacings_in_phase(self, level: int) -> bool:
        if level not in self._is_in_phase:
            self._is_in_phase[level] = is_phase_possible(self, self.claims_at(level))
        return self._is_in_phase[level]

    def least_time(self, readings: Iterable[Reading]) -> int:
        """The idle time that so long a gap takes at least."""
        return least_s(self.clock, max((r.idle.least_ns for r in readings), default=0))

    def time_floor(self, intvls: Intvls, unseen_ns: int = 0) -> int:
        """The idle time that a timer survived: none was due before, unless the interval was still running.

        `unseen_ns` is how long that may be after a probe that was not captured. What was survived began with an
        answer, which restarts a timer that hears all.
        """
        hears_all = self.clock.hears_all
        free = (r for r in self.survived if hears_all or not may_still_run(self.clock, r, intvls.high))
        return self.least_time(r for r in free if has_probe(r) or r.idle.seen_ns > unseen_ns)


def has_probe(reading: Reading) -> bool:
    return reading.spacing is not UNKNOWN


def telling(readings: Sequence[Reading]) -> list[Reading]:
    """The first sharp readings, without many repetitions."""
    if len(readings) <= MAX_ALIKE:
        return [reading for reading in readings if not reading.slack_ns]
    seen: Counter[tuple[GapKind, int, int]] = Counter()
    kept = []
    for reading in readings:
        if reading.slack_ns:
            continue
        alike = reading.kind, reading.idle.seen_ns >> ALIKE_SHIFT, reading.spacing.seen_ns >> ALIKE_SHIFT
        seen[alike] += 1
        if seen[alike] <= MAX_ALIKE:
            kept.append(reading)
    return kept[:MAX_PHASED]


def candidates(
    seen: Sequence[Seen], clock: Clock, strictness: Strictness, has_phase: bool, is_whole: bool
) -> Iterator[Candidate]:
    """All settings that explain the gaps, in stretches of idle time that explain them alike.

    Without `has_phase` the boundaries of the wheel are not believed. `is_whole` as in `settings.infer`.
    """
    evidence = Evidence(seen, clock, strictness, has_phase)
    for intvls in possible_intvls(evidence):
        weight = 0.0 if clock.is_wheel else prior.EXACT_CLOCK
        weight += prior.weight(intvls.value) if intvls.value is not None else 0.0
        floor = evidence.time_floor(intvls)
        forced = [r for r in evidence.sure_idle if not may_be_spacing(clock, r, intvls.low, intvls.high)]
        if not is_whole:
            yield from unseen_probe(evidence, intvls, forced, weight)
        if not forced or evidence.time_high is None:
            if evidence.time_high is None or floor <= evidence.time_high:
                known = spacing_claims(evidence, intvls.low) if intvls.low == intvls.high else ()
                yield Candidate(clock, floor, evidence.time_high, None, *intvls, weight, known)
            continue
        low = max(floor, evidence.least_time(forced))
        for first, last, lateness, claims in possible_times(evidence, intvls, low, evidence.time_high):
            time = prior.likeliest(first, last)
            yield Candidate(clock, first, last, time, *intvls, weight + prior.weight(time) + lateness, claims)


def unseen_probe(evidence: Evidence, intvls: Intvls, forced: Sequence[Reading], weight: float) -> Iterator[Candidate]:
    """What else holds if the interval of a probe before the capture's begin made the first gap as long as it is.

    That takes an interval longer than the idle time, which is rare, unless it shows that this one is.
    """
    high = evidence.time_high
    longest_ns = TELLS_NOTHING if intvls.high is None else latest_ns(evidence.clock, intvls.high)
    sure = [r for r in forced if has_probe(r) or r.idle.least_ns > longest_ns]
    floor = evidence.time_floor(intvls, longest_ns)
    low = max(floor, evidence.least_time(sure))
    is_other = len(sure) < len(forced) or floor < evidence.time_floor(intvls)
    if is_other and (high is None or low <= high):
        is_rare = high is None or intvls.low <= high
        yield Candidate(evidence.clock, low, high, None, *intvls, weight, is_rare=is_rare)


def possible_intvls(evidence: Evidence) -> Iterator[Intvls]:
    """Each interval that explains the spacings; or, if nothing measures it, its bounds at once."""
    clock = evidence.clock
    measured = evidence.spacing + [r for r in beyond_idle(evidence) if has_probe(r)]
    low = least_s(clock, max((r.spacing.least_ns for r in measured + evidence.pending), default=0))
    # Where every segment restarts the timer, as in BSD, the interval may be longer than an answered cycle.
    limiting = measured if clock.hears_all else measured + [r for r in evidence.idle if has_probe(r)]
    most_ns = min((r.spacing.most_ns for r in limiting), default=None)
    high = None if most_ns is None else most_ns // SECOND
    if high is not None and high < low:
        return
    if not measured or high is None:
        yield Intvls(low, high, None)
        return
    if high - low > MAX_TRIED:
        yield Intvls(low, high, prior.likeliest(low, high))
        return
    fitting = [intvl for intvl in range(low, high + 1) if explains_spacings(evidence, intvl)]
    if len(fitting) > MAX_INTVLS:
        yield Intvls(fitting[0], fitting[-1], prior.likeliest(fitting[0], fitting[-1]))
        return
    yield from (Intvls(intvl, intvl, intvl) for intvl in fitting)


def beyond_idle(evidence: Evidence) -> list[Reading]:
    """Gaps too long for any idle time that the shortest gap leaves: the interval made them."""
    if evidence.time_high is None:
        return []
    longest_ns = latest_ns(evidence.clock, evidence.time_high)
    return [r for r in evidence.sure_idle if r.idle.least_ns > longest_ns]


def explains_spacings(evidence: Evidence, intvl: int) -> bool:
    """The longest spacing bounds the lateness; the boundaries depend on nothing but the interval's level."""
    level = level_of(evidence.clock, intvl * SECOND)
    need = finest_level(evidence.clock, evidence.least_spacing_ns - intvl * SECOND, intvl * SECOND)
    return need <= level and evidence.are_spacings_in_phase(level)


def spacing_claims(evidence: Evidence, intvl: int) -> tuple[Claim, ...]:
    return evidence.claims_at(level_of(evidence.clock, intvl * SECOND))


def possible_times(
    evidence: Evidence, intvls: Intvls, low: int, high: int
) -> Iterator[tuple[int, int, float, tuple[Claim, ...]]]:
    """Stretches of idle times that explain all gaps, each with how exactly it foretells them, and boundaries."""
    clock = evidence.clock
    intvl = intvls.low if intvls.low == intvls.high else None
    spaced = [may_be_spacing(clock, r, intvls.low, intvls.high) for r in evidence.phased_idle]
    known = () if intvl is None else spacing_claims(evidence, intvl)
    spacing_level = 0 if intvl is None else level_of(clock, intvl * SECOND)

    def fits(time: int) -> tuple[Fit, ...]:
        return tuple(fit_idle(clock, r, time, intvl) for r in evidence.phased_idle)

    for first, last, stretch in plateaus(fits, low, high):
        explained = list(zip(evidence.phased_idle, stretch, spaced, strict=True))
        if not all(fit.is_possible or may_be for _, fit, may_be in explained):
            continue
        claims = list(known)
        for reading, fit, may_be in explained:
            level = min([fit.level] * fit.is_possible + [spacing_level] * may_be)  # of two explanations the weaker
            claims.append(Claim(level, reading.chain, reading.at_ns, reading.jitter_ns, reading.frame))
        if is_phase_possible(evidence, claims):
            firsts = (fit for r, fit, may_be in explained if r.kind is GapKind.FIRST and not may_be)
            yield first, last, sum(exactness(clock, fit, last) for fit in firsts), tuple(claims)


def is_phase_possible(evidence: Evidence, claims: Sequence[Claim]) -> bool:
    return not evidence.has_phase or is_in_phase(evidence.clock, claims)


def exactness(clock: Clock, fit: Fit, time: int) -> float:
    """The density of a probe's lateness after traffic, as a power of two.

    The delay that was left when the timer was last armed may be anything up to the whole, so
    levels occur as 8 to 1, and their boundaries lie as 1 to 8: each level that explains the
    lateness adds the same. Small lateness speaks for a setting, large against it.
    """
    time_ns = time * SECOND
    width_ns = clock.lateness_ns(time_ns) + tolerance_ns(clock, time_ns)
    return log2((fit.top - fit.need + 1) * SECOND / width_ns)


def plateaus(key: Callable[[int], tuple[Fit, ...]], low: int, high: int) -> Iterator[tuple[int, int, tuple[Fit, ...]]]:
    """The stretches of low..high over which `key` is constant; each part of it must be monotone."""
    while low <= high:
        value, last, beyond = key(low), low, high + 1
        while beyond - last > 1:
            middle = (last + beyond) // 2
            if key(middle) == value:
                last = middle
            else:
                beyond = middle
        yield low, last, value
        low = beyond
