"""Which ends share one host clock, at which rate it ticks, and where its boundaries lie.

The boundaries of a timer wheel are multiples of the same jiffies, whichever socket, namespace or address a timer
belongs to (timer.c calc_index). So the probes of two ends lie on boundaries that agree if one Linux kernel sent both,
at the rate at which that kernel ticks; at another rate they agree only by chance. Once the boundaries are known, every
probe of that kernel shows how coarse the boundary is on which it lies, and so how late its timer was at most: its
`ceiling`.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import log2
from typing import Any, NamedTuple

from analyzer.engine.dispatch import Engine
from analyzer.keepalive.model.linux import LINUX, LVL_CLK_SHIFT, SECOND, Clock
from analyzer.keepalive.settings.bounds import INTVL, TIME, Inferred
from analyzer.keepalive.settings.constraints import ALL_CLOCKS, CEILING_BITS, CLOCKS, NO_CEILING, tolerance_ns
from analyzer.keepalive.settings.infer import SETTINGS, inferred, replace_end
from analyzer.keepalive.settings.observations import LIKELY_CLOCKS, Observations
from analyzer.keepalive.settings.values import clocks_of
from analyzer.keepalive.story.values import SURVIVED
from analyzer.schema import ABSENT

MAX_HOST_CLOCKS = 8
"""Most host clocks that are looked for behind one address, which may be a NAT's."""
MAX_COMPARED = 64
"""Most addresses whose host clocks are compared with each other, and most probes of each that are."""
MILLISECOND = 1_000_000
"""Boundaries are not known more precisely than this, in ns."""
TELLING_BITS = 2.0
"""A comparison counts if chance would give the same result at most once in four."""
SURE_BITS = 8.0
"""Several ends have one host clock if chance would make them agree at most once in 256."""
MANY_BITS = 24.0
"""What it takes for a second host clock behind an address, or against a rate: among many ends some agree by chance, or
after a loss."""


class Boundary(NamedTuple):
    """A probe that lies on a boundary of this level whatever its end is set to."""

    at_ns: int
    level: int
    jitter_ns: int


class Prober(NamedTuple):
    """A probing end, by its row in OBSERVED_ENDS, as its own gaps explain it."""

    end: int
    address: str
    boundaries: tuple[tuple[Boundary, ...], ...]
    """Its boundaries, for each clock rate of `linux.LINUX`."""
    rates: tuple[bool, ...]
    """Whether each of these rates explains the gaps at all."""


class Comparison(NamedTuple):
    """How many boundaries agree with a train and how many do not."""

    agreeing: int
    differing: int
    bits: float
    """How surprising the most significant agreement is, in bits."""

    @property
    def is_same(self) -> bool:
        """Tell whether the boundaries are of the same host clock; a busy host sends one probe in many late."""
        return self.bits >= TELLING_BITS and 4 * self.differing <= self.agreeing

    @property
    def is_other(self) -> bool:
        """Tell whether the boundaries contradict the host clock."""
        return self.differing > 0 and not self.is_same


class Train:
    """The boundaries of one host clock as its probes show them, at one rate."""

    def __init__(self, clock: Clock, boundaries: Iterable[Boundary]) -> None:
        self.clock = clock
        self._row = ALL_CLOCKS.index(clock)
        self._all = sorted(boundaries)
        self._jitter_ns = max((boundary.jitter_ns for boundary in self._all), default=0)
        self._at_ns: list[list[int]] = [[] for _ in range(NO_CEILING + 1)]
        for boundary in self._all:
            for level in range(1, boundary.level + 1):  # coarse boundaries are fine ones too
                self._at_ns[level].append(boundary.at_ns)

    def compare(self, boundaries: Sequence[Boundary]) -> Comparison:
        """Compare the boundaries of an end with this train."""
        agreeing, differing, bits = 0, 0, 0.0
        for boundary in boundaries:
            off, period, allowed = self._coarsest(boundary)
            worth = log2(period / (2 * allowed)) if period else 0.0
            if worth >= TELLING_BITS:
                agreeing, differing = agreeing + (off <= allowed), differing + (off > allowed)
                bits = max(bits, worth * (off <= allowed))
        return Comparison(agreeing, differing, bits)

    def likeness(self, other: "Train") -> float:
        """Return how surprising it is, in bits, that boundaries of two host clocks lie so close; 0 if they differ."""
        sample = other._all[:: max(1, len(other._all) // MAX_COMPARED)]
        if not self.compare(sample).is_same:
            return 0.0
        shares = sorted(
            max(off, MILLISECOND * self.clock.hz) / period for off, period, _ in map(self._coarsest, sample) if period
        )
        return log2(1 / (2 * shares[len(shares) // 2]))

    def with_those_of(self, other: "Train") -> "Train":
        """Return a train with the boundaries of both."""
        return Train(self.clock, self._all + other._all)

    def ceiling(self, at_ns: int, jitter_ns: int) -> int:
        """Return the coarsest level on whose boundary a probe at this instant may lie."""
        for level in range(1, NO_CEILING + 1):
            off, period, allowed = self._off(level, at_ns, jitter_ns)
            if off > allowed and period >= 4 * allowed:
                return level - 1
        return NO_CEILING

    def _coarsest(self, boundary: Boundary) -> tuple[int, int, int]:
        """Return what `_off` does, at the coarsest level at which something near enough is known to compare with."""
        for level in range(boundary.level, 0, -1):
            off, period, allowed = self._off(level, boundary.at_ns, boundary.jitter_ns)
            if period >= 4 * allowed:
                return off, period, allowed
        return 0, 0, 0

    def _off(self, level: int, at_ns: int, jitter_ns: int) -> tuple[int, int, int]:
        """Return how far an instant is off the grid of the nearest known boundary, its period, its tolerance.

        All three are in ns / HZ.
        """
        known = self._at_ns[level]
        if not known:
            return 0, 0, 1
        place = bisect_left(known, at_ns)
        distance = known[place] - at_ns if place < len(known) else at_ns - known[place - 1]
        if 0 < place < len(known):
            distance = min(distance, at_ns - known[place - 1])
        period = SECOND << level * LVL_CLK_SHIFT
        off = distance * self.clock.hz % period
        allowed = (tolerance_ns(CLOCKS, self._row, distance) + max(jitter_ns, self._jitter_ns)) * self.clock.hz
        return min(off, period - off), period, allowed


Trains = tuple[Train | None, ...]


class HostClock(NamedTuple):
    """Ends whose timers one Linux kernel ran, at one address or at several."""

    addresses: tuple[str, ...]
    ends: frozenset[int]
    trains: Trains
    """One for each clock rate of `linux.LINUX` at which they agree, else None."""

    @property
    def rates(self) -> tuple[int, ...]:
        """Return the clock rates that fit, in Hz."""
        return tuple(train.clock.hz for train in self.trains if train is not None)

    @property
    def clocks(self) -> int:
        """Return the clock rates that fit, as OBSERVED_ENDS.clocks has them."""
        return sum(1 << rate for rate, train in enumerate(self.trains) if train is not None)

    def ceilings(self, at_ns: int, jitter_ns: int) -> int:
        """Return OBSERVED_GAPS.ceilings of a gap that ended at this instant."""
        found = (NO_CEILING if train is None else train.ceiling(at_ns, jitter_ns) for train in self.trains)
        return sum(ceiling << CEILING_BITS * rate for rate, ceiling in enumerate(found))


def prober(observed: Observations, found: Inferred, end: int, address: str) -> Prober:
    """Return an end with what explains its gaps."""
    g, c = observed.gaps, found.claimed
    fired_ns = {g.frame[gap]: g.at_ns[gap] for gap in gaps_of(observed, end) if g.at_ns[gap] != ABSENT}
    boundaries: list[list[Boundary]] = [[] for _ in LINUX]
    for claim in range(found.ends.first_claim[end], found.ends.first_claim[end + 1]):
        if c.frame[claim] in fired_ns:
            boundary = Boundary(fired_ns[c.frame[claim]], c.level[claim], c.jitter_ns[claim])
            boundaries[c.clock[claim]].append(boundary)
    clocks = clocks_of(found.ends.clocks[end])
    return Prober(
        end,
        address,
        tuple([tuple(sorted(known)) for known in boundaries]),
        tuple([clock in clocks for clock in LINUX]),
    )


def host_clocks(ends_of: Mapping[str, Sequence[int]], described: Callable[[int, str], Prober]) -> tuple[HostClock, ...]:
    """Return the host clocks that several ends share, of one address or of several, from the probing ends of each."""
    # An address with one prober says something only where it is compared with others.
    are_compared = sum(len(ends) == 1 for ends in ends_of.values()) <= MAX_COMPARED
    comparable = [(address, ends) for address, ends in ends_of.items() if len(ends) > 1 or are_compared]
    probers = [[described(end, address) for end in ends] for address, ends in comparable]
    found = [host_clock for of_one in probers for host_clock in _of_address(of_one)]
    if are_compared and len(found) <= MAX_COMPARED:
        found = _merge_across_addresses(found)
    return tuple(host_clock for host_clock in found if len(host_clock.ends) > 1)


def _of_address(probers: Sequence[Prober]) -> list[HostClock]:
    """Return the host clocks behind one address, the one with most ends first.

    Only ends that contradict a host clock are evidence of another one.
    """
    address = probers[0].address
    if len(probers) == 1:
        return [_of_one_end(probers[0])]
    left, found = list(probers), list[HostClock]()
    while len(left) > 1 and len(found) < MAX_HOST_CLOCKS:
        groups = [_grow_group(left, rate) for rate in range(len(LINUX))]
        best = max(groups, key=lambda group: (len(group.ends), group.bits))
        if best.bits < (MANY_BITS if found else SURE_BITS):
            break
        members = [one for one in left if one.end in best.ends]
        trains = [group.train if group.ends == best.ends else None for group in groups]
        found.append(HostClock((address,), best.ends, _with_nested(members, trains)))
        others = [one for one in left if one.end not in best.ends]
        left = [one for one in others if not _may_share(found[-1], one)]
    if len(found) == 1 and not left:
        return [found[0]._replace(ends=frozenset(one.end for one in probers))]
    return found


def _of_one_end(one: Prober) -> HostClock:
    """Return the host clock of a single end."""
    trains = tuple(
        Train(clock, boundaries) if boundaries else None
        for clock, boundaries in zip(LINUX, one.boundaries, strict=True)
    )
    return HostClock((one.address,), frozenset([one.end]), trains)


class _Group(NamedTuple):
    ends: frozenset[int]
    bits: float
    train: Train


def _grow_group(probers: Sequence[Prober], rate: int) -> _Group:
    """Return the ends that agree at a clock rate with the best known one, and those that agree with them in turn."""
    clock = LINUX[rate]
    waiting = [one for one in probers if one.boundaries[rate]]
    waiting.sort(key=lambda one: (max(boundary.level for boundary in one.boundaries[rate]), len(one.boundaries[rate])))
    members, joining, bits = list[Prober](), waiting[-1:], 0.0
    train = Train(clock, ())
    while joining:
        members += joining
        ends = {one.end for one in members}
        train = Train(clock, (boundary for one in members for boundary in one.boundaries[rate]))
        waiting = [one for one in waiting if one.end not in ends]
        compared = [(one, train.compare(one.boundaries[rate])) for one in waiting]
        joining = [one for one, comparison in compared if comparison.is_same]
        bits += sum(comparison.bits for _, comparison in compared if comparison.is_same)
    return _Group(frozenset(one.end for one in members), bits, train)


def _with_nested(members: Sequence[Prober], trains: Sequence[Train | None]) -> Trains:
    """Return these trains of a host clock with those of rates that agree because they are nested in one of them.

    Every boundary at 250 Hz is one at 1000 Hz, and some at 1000 Hz are more than one at 250 Hz: agreement at one rate
    is then no chance at the other. Such a rate is left out only where boundaries contradict it, or where they agree
    more closely than it explains.
    """
    known = [train.clock.hz for train in trains if train is not None]
    found = list(trains)
    for rate, clock in enumerate(LINUX):
        is_nested = any(clock.hz % hz == 0 or hz % clock.hz == 0 for hz in known)
        if found[rate] is None and is_nested and all(one.rates[rate] for one in members):
            found[rate] = Train(clock, (boundary for one in members for boundary in one.boundaries[rate]))
    best = max(range(len(LINUX)), key=lambda rate: _agreement(members, rate) if trains[rate] is not None else ABSENT)
    return tuple([train if _is_as_close(members, rate, best) else None for rate, train in enumerate(found)])


def _is_as_close(members: Sequence[Prober], rate: int, best: int) -> bool:
    """Tell whether ends with boundaries at both rates agree as closely at one rate as at the best, give or take
    chance."""
    telling = [one for one in members if one.boundaries[rate] and one.boundaries[best]]
    agreement = _agreement(telling, rate)
    return agreement >= max(_agreement(telling, best) - MANY_BITS, 0)


def _agreement(members: Sequence[Prober], rate: int) -> float:
    """Return in bits how closely the two halves of these ends agree at a clock rate, -1 if they contradict it."""
    agreeing, differing, bits = 0, 0, 0.0
    halves = members[::2], members[1::2]
    for some, others in (halves, halves[::-1]):
        train = Train(LINUX[rate], (boundary for one in some for boundary in one.boundaries[rate]))
        for one in others:
            comparison = train.compare(one.boundaries[rate])
            agreeing, differing = agreeing + comparison.is_same, differing + comparison.is_other
            bits += comparison.bits if comparison.is_same else 0
    return bits if 4 * differing <= agreeing else -1.0


def _may_share(host_clock: HostClock, one: Prober) -> bool:
    """Tell whether nothing contradicts, at some clock rate, that the end has this host clock."""
    return any(
        train is not None and fits and not train.compare(boundaries).is_other
        for train, fits, boundaries in zip(host_clock.trains, one.rates, one.boundaries, strict=True)
    )


def _merge_across_addresses(found: Sequence[HostClock]) -> list[HostClock]:
    """Merge host clocks of several addresses if they agree better than any pair of them all would by chance."""
    needed = SURE_BITS + log2(max(1, len(found) * (len(found) - 1) // 2))
    joined: list[HostClock] = []
    for host_clock in found:
        same = next((place for place, other in enumerate(joined) if _is_same(other, host_clock, needed)), None)
        if same is None:
            joined.append(host_clock)
        else:
            joined[same] = _merged(joined[same], host_clock)
    return joined


def _is_same(one: HostClock, other: HostClock, needed: float) -> bool:
    """Tell whether two host clocks of different addresses are one, by at least `needed` bits."""
    return set(one.addresses).isdisjoint(other.addresses) and any(
        mine is not None and theirs is not None and mine.likeness(theirs) >= needed
        for mine, theirs in zip(one.trains, other.trains, strict=True)
    )


def _merged(one: HostClock, other: HostClock) -> HostClock:
    """Return the host clock of the ends of both."""
    trains = tuple(
        mine.with_those_of(theirs) if mine is not None and theirs is not None and mine.likeness(theirs) > 0 else None
        for mine, theirs in zip(one.trains, other.trains, strict=True)
    )
    return HostClock(one.addresses + other.addresses, one.ends | other.ends, trains)


class Together(NamedTuple):
    """What is found of many ends."""

    found: Inferred
    host_clocks: tuple[HostClock, ...]
    narrowed: frozenset[int]
    """The ends whose host clock narrows their bounds."""


def infer_together(observed: Observations, ends: int, address_of: Callable[[int], str], engine: Engine) -> Together:
    """Infer the settings of many ends: first each from its own gaps, then with what its host clock shows.

    The latter is noted in `observed`. `address_of` an end names what has one host clock: the address, with its tunnel.
    """
    alone = inferred(observed, ends, engine, more=ends)
    ends_of: dict[str, list[int]] = defaultdict(list)
    for end in range(ends):
        if alone.ends.clocks[end] and observed.ends.clocks[end] == LIKELY_CLOCKS and is_probing(observed, end):
            ends_of[address_of(end)].append(end)
    found = host_clocks(ends_of, partial(prober, observed, alone))
    applied = [(end, host_clock) for host_clock in found for end in host_clock.ends]
    for end, host_clock in applied:
        apply(observed, end, host_clock)
    again = inferred(observed, ends, engine) if applied else alone
    narrowed = frozenset(end for end, _ in applied if again.ends.clocks[end] and is_within(again, alone, end))
    for end in narrowed:
        replace_end(alone, end, again, end)
    return Together(alone, found, narrowed)


def is_probing(observed: Observations, end: int) -> bool:
    """Tell whether the end sent any probe."""
    kinds = observed.gaps.kind
    return any(kinds[gap] != SURVIVED for gap in gaps_of(observed, end))


def gaps_of(observed: Observations, end: int) -> range:
    """Return the rows of an end's gaps in OBSERVED_GAPS."""
    return range(observed.ends.first_gap[end], observed.ends.first_gap[end + 1])


def apply(observed: Observations, end: int, host_clock: HostClock) -> None:
    """Note at an end what its host clock says of its gaps."""
    g = observed.gaps
    jitter_ns = max((g.capture_rtt_ns[gap] // 2 for gap in gaps_of(observed, end)), default=0)
    observed.ends.clocks[end] = host_clock.clocks
    for gap in gaps_of(observed, end):
        if g.at_ns[gap] != ABSENT:
            g.ceilings[gap] = host_clock.ceilings(g.at_ns[gap], jitter_ns)


def is_within(narrow: Inferred, wide: Inferred, end: int) -> bool:
    """Tell whether more knowledge only narrowed the bounds; otherwise it was none."""
    return all(is_narrower(narrow.settings, wide.settings, SETTINGS * end + one) for one in (TIME, INTVL))


def is_narrower(narrow: Any, wide: Any, row: int) -> bool:
    """Tell whether a row of INFERRED_SETTINGS lies within the bounds of the same row of another."""
    if wide.basis[row] == ABSENT:
        return True
    if narrow.basis[row] == ABSENT or narrow.low_ms[row] < wide.low_ms[row]:
        return False
    return bool(wide.high_ms[row] == ABSENT or (ABSENT != narrow.high_ms[row] <= wide.high_ms[row]))
