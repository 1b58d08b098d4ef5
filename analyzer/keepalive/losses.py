"""What a capture away from the prober misses, and what its gaps then mean.

At the prober (`is_distant` is false) what was captured is what its stack sent and heard. Anywhere else
a frame may be lost before the capture point or after it, which shows in the lengths of gaps:

- a probe lost before the point is unanswered, and the next one comes an interval later: what should
  be one interval is two, what should be an answered cycle is a cycle and an interval;
- an answer lost after the point was captured, but the prober heard nothing: the next probe comes after an
  interval, and the run of unanswered probes goes on;
- an answer that only the capture lost makes an answered cycle look like a spacing.

Where an end counts its segments in their IP identifications (`Gap.missing`), a probe that was not captured
shows in the next one. Elsewhere the gaps of an end are compared with its own interval, which is the same each time,
and with its usual cycle. `mend` finds those that are longer or shorter by a loss; `doubts` names one by one those
that nothing confirms: whatever one more loss could have made of them must stay within the bounds.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from analyzer.keepalive.constraints import DRIFT_SHIFT, HOST_DELAY_NS, TELLS_NOTHING, Seen
from analyzer.keepalive.counted import IDLE_KINDS, NONE, Count, Mended, is_unheard
from analyzer.keepalive.timeline import Echo, Gap, GapKind

DISTANT_NS = 1_000_000
"""A segment needs longer to an end and back: the capture was not taken there."""
TICKS_NS = 20_000_000 + HOST_DELAY_NS
"""Two ticks of the slowest clock."""
MAX_DOUBTED = 4
"""So many gaps are doubted, one at a time."""
MAX_IN_BAND = 2
"""So many probes in a row may be lost without any other sign."""
FEW = 8
"""Of so few cycles each is tried as the usual one; of more the median is."""

FEWEST_COUNTED = 2
"""So many segments that follow each other by their IP identifications show that their end counts them."""

INTVL_KINDS = (GapKind.SPACING, GapKind.GIVE_UP)
UNEXPLAINED = 3
"""Counts as so many losses."""


class Usual(NamedTuple):
    """The constants of one end, in ns; -1 where they do not show."""

    intvl_ns: int
    cycle_ns: int
    jitter_ns: int
    is_repeated: bool = False
    """The usual cycle was seen more than once."""

    def off_ns(self, duration_ns: int) -> int:
        """By how much a captured duration may differ from the timer's."""
        return self.jitter_ns + TICKS_NS + (duration_ns >> DRIFT_SHIFT)

    def intvls_in(self, duration_ns: int, is_on_grid: bool = False) -> int:
        """How many intervals the duration is, 0 if not a whole number; all are alike but a run's first."""
        if self.intvl_ns <= 0:
            return 0
        times = (duration_ns + self.intvl_ns // 2) // self.intvl_ns
        allowed = self.off_ns(duration_ns) + (0 if is_on_grid else lateness_ns(self.intvl_ns))
        return times if abs(duration_ns - times * self.intvl_ns) <= min(allowed, self.intvl_ns // 3) else 0

    def is_cycle(self, duration_ns: int) -> bool:
        """As long as the usual cycle."""
        return self.cycle_ns > 0 and abs(duration_ns - self.cycle_ns) <= self.off_ns(duration_ns)

    def may_be_cycle(self, duration_ns: int) -> bool:
        """The same timer may have made both, each late in its own way."""
        longer = max(duration_ns, self.cycle_ns)
        return abs(duration_ns - self.cycle_ns) <= lateness_ns(longer) + self.off_ns(longer)

    def one_more_ns(self, duration_ns: int) -> int:
        """By how much one lost probe may have made a gap longer; an interval above the idle time is rare."""
        if self.intvl_ns > 0:
            longest = self.intvl_ns + lateness_ns(self.intvl_ns) + self.off_ns(self.intvl_ns)
            return min(longest, max(duration_ns, 0))
        return max(duration_ns, 0) // 2

    def lost_in_cycle(self, duration_ns: int, was_usual: bool) -> Count:
        """Probes lost in a gap longer than the usual cycle: an interval for each, beside what the timer may be late."""
        longer_ns = duration_ns - self.cycle_ns
        missing = self.intvls_in(longer_ns)
        if missing and self.is_cycle(duration_ns // ((duration_ns + self.cycle_ns // 2) // self.cycle_ns)):
            return Count(0, missing, missing)  # or a probe was not captured, and its answer neither
        if self.intvl_ns < 0:
            return Count(0, 1, 1) if was_usual or not self.may_be_cycle(duration_ns) else NONE
        if self.may_be_cycle(duration_ns):
            return Count(missing if was_usual else 0, missing, missing) if 0 < missing <= MAX_IN_BAND else NONE
        if missing and (was_usual or (self.is_repeated and self.intvl_ns > lateness_ns(self.cycle_ns))):
            return Count(missing, missing, missing)
        return Count(0, max(1, missing), max(1, (longer_ns + lateness_ns(self.cycle_ns)) // self.intvl_ns + 1))

    def is_cycle_and_intvls(self, duration_ns: int, times: int) -> bool:
        """A cycle and so many intervals, and not as well so many cycles, whose answers were not captured either."""
        if self.intvl_ns <= 0 or self.cycle_ns <= 0:
            return False
        off_ns = self.off_ns(duration_ns)
        by_intvls, by_cycles = self.cycle_ns + times * self.intvl_ns, (times + 1) * self.cycle_ns
        return abs(duration_ns - by_intvls) <= off_ns + lateness_ns(self.intvl_ns) < abs(duration_ns - by_cycles)

    def lost_in_first(self, duration_ns: int) -> Count:
        """The same after traffic. Where the interval is the longer one, cycles do not tell the idle time."""
        if self.is_cycle_an_intvl and not self.may_be_cycle(duration_ns):
            beyond_ns = duration_ns - self.cycle_ns - lateness_ns(self.cycle_ns) - self.off_ns(duration_ns)
            times = max(1, -(-beyond_ns // self.intvl_ns))
            return Count(0, times, max(times, duration_ns // self.intvl_ns))
        return self.lost_in_cycle(duration_ns, was_usual=False)

    def most_in(self, duration_ns: int) -> int:
        """As many intervals: so many probes may be missing in it."""
        return duration_ns // self.intvl_ns if self.intvl_ns > 0 else 1

    @property
    def is_cycle_an_intvl(self) -> bool:
        """Whether an answer was heard or not makes no difference to the next probe."""
        return self.cycle_ns > 0 and self.intvls_in(self.cycle_ns) == 1


def lateness_ns(duration_ns: int) -> int:
    """The most that any wheel makes a timer late (timer.c: 8 of 63 at a level's lower end)."""
    return duration_ns * 8 // 63


def is_distant(gaps: Sequence[Gap]) -> bool:
    """The way to the end and back takes time; or segments of the end seem to be missing, on however short a way."""
    skipping, following = skipped(gaps)
    is_doubtful = 0 < skipping <= following and not counts(gaps)
    is_torn = any(gap.is_torn or gap.echo is Echo.UNSEEN for gap in gaps)
    return is_doubtful or is_torn or any(gap.lag_ns > DISTANT_NS for gap in gaps)


def mend(gaps: Sequence[Gap], usual: Usual, is_far: bool) -> list[Mended]:
    """The gaps of an end as the prober lived them; where it was captured itself only runs may have holes,
    and what lacks segments by their identifications.
    """
    mended, was_usual = [], False
    for gap in gaps:
        if gap.echo in (Echo.UNHEARD, Echo.UNSEEN):
            mended.append(mended_by_echo(gap, usual))
        elif gap.kind in INTVL_KINDS:
            one = mended_spacing(gap, usual)
            mended.append(one if is_far else one._replace(missing=one.missing._replace(fewest=0)))
        else:
            may_have_hole = is_far or has_sign_of_loss(gap)
            mended.append(mended_idle(gap, usual, was_usual) if may_have_hole else Mended(Seen(gap)))
        was_usual = gap.kind is GapKind.CYCLE and usual.is_repeated and usual.is_cycle(gap.probe_ns)
    if are_losses_few(mended):
        return mended
    whole = (Mended(Seen(gap, 0, usual.jitter_ns)) for gap in gaps)
    return [one if has_sign_of_loss(gap) else other for gap, one, other in zip(gaps, mended, whole, strict=True)]


def are_losses_few(mended: Sequence[Mended]) -> bool:
    """Else it is not losses that make the gaps differ."""
    told = [one for one in mended if one.seen.gap.kind in (*IDLE_KINDS, *INTVL_KINDS)]
    spoilt = [one.is_spoilt for one in told if not has_sign_of_loss(one.seen.gap)]
    return 2 * sum(spoilt) <= len(spoilt)


def usual_of(gaps: Sequence[Gap]) -> Usual:
    gaps = [as_heard(gap) for gap in gaps if not (gap.echo is Echo.UNSEEN or is_after_unheard(gap))]
    spacings = [gap for gap in gaps if gap.kind in INTVL_KINDS and gap.probe_ns > 0 >= gap.missing]
    cycles = sorted(gap.probe_ns for gap in gaps if gap.kind is GapKind.CYCLE and gap.probe_ns > 0)
    firsts = [gap.heard_ns for gap in gaps if gap.kind is GapKind.FIRST and gap.heard_ns > 0]
    jitter_ns = max((gap.lag_ns for gap in gaps), default=0) // 2
    usual = Usual(intvl_of([gap.probe_ns for gap in spacings]), -1, jitter_ns)
    on_grid = [gap.probe_ns for gap in spacings if gap.unanswered >= 2 and usual.intvls_in(gap.probe_ns) == 1]
    if on_grid:
        usual = usual._replace(
            intvl_ns=sorted(on_grid)[len(on_grid) // 2], jitter_ns=max(jitter_ns, max(on_grid) - min(on_grid))
        )
    tried = cycles if len(cycles) <= FEW else [cycles[(len(cycles) - 1) // 2]]
    if not tried or (usual.intvl_ns > 0 and len(cycles) + len(firsts) <= FEW):
        tried = [*tried, *firsts[:FEW]]
    if len(tried) > 1 or cycles:
        usual = usual._replace(cycle_ns=min(tried, key=lambda cycle_ns: losses(usual, cycle_ns, cycles, firsts)))
        usual = usual._replace(is_repeated=sum(map(usual.is_cycle, cycles)) > 1)
    if usual.intvl_ns < 0 and tried:
        short = [cycle_ns for cycle_ns in cycles if cycle_ns < usual.cycle_ns and not usual.may_be_cycle(cycle_ns)]
        usual = usual._replace(intvl_ns=intvl_of(short))
    return usual


def is_after_unheard(gap: Gap) -> bool:
    """What passed the capture point before a first gap answers a probe that was not captured, and was not heard."""
    return gap.kind is GapKind.FIRST and gap.echo is Echo.UNHEARD


def as_heard(gap: Gap) -> Gap:
    return replace(gap, kind=GapKind.SPACING, unanswered=1) if gap.echo is Echo.UNHEARD else gap


def intvl_of(spacings: Sequence[int]) -> int:
    """The middle one of those that are not longer by a loss: losses only lengthen."""
    whole = sorted(spacing for spacing in spacings if spacing < 1.5 * min(spacings))
    return whole[len(whole) // 2] if whole else -1


def losses(usual: Usual, cycle_ns: int, cycles: Sequence[int], firsts: Sequence[int]) -> tuple[int, int, int]:
    """How many losses it takes if this is the usual cycle; and how many cycles are not just that."""
    usual = usual._replace(cycle_ns=cycle_ns)
    total = 0
    for other_ns in cycles:
        if not usual.may_be_cycle(other_ns):
            rest_ns = other_ns - cycle_ns if other_ns > cycle_ns else other_ns
            total += min(usual.intvls_in(rest_ns), UNEXPLAINED) or (1 if usual.intvl_ns < 0 else UNEXPLAINED)
    may_be_above = cycle_ns in cycles and (usual.intvl_ns < 0 or usual.intvls_in(cycle_ns) == 1)
    for first_ns in firsts:
        if first_ns > cycle_ns:
            total += min(usual.lost_in_first(first_ns).best, UNEXPLAINED)
        elif not may_be_above and not usual.may_be_cycle(first_ns):
            total += UNEXPLAINED  # only an interval longer than the idle time makes cycles longer than a first gap
    return total, sum(not usual.is_cycle(other_ns) for other_ns in cycles), cycle_ns


def skipped(gaps: Sequence[Gap]) -> tuple[int, int]:
    """In how many gaps IP identifications skip a segment, and in how many none."""
    return sum(gap.missing > 0 for gap in gaps), sum(gap.missing == 0 for gap in gaps)


def counts(gaps: Sequence[Gap]) -> bool:
    """The end counts its segments by their IP identifications."""
    skipping, following = skipped(gaps)
    return following >= FEWEST_COUNTED and following >= 2 * skipping


def with_shared_counter(gaps: Sequence[Gap]) -> list[Gap]:
    """The gaps of an end whose host has other connections: what its identifications skip may be segments of theirs.

    Linux numbers by socket (ip_select_ident_segs), Windows by host.
    """
    return [replace(gap, missing=-1) if gap.missing > 0 and not gap.is_numbered else gap for gap in gaps]


def without_doubts(gaps: Sequence[Gap]) -> list[Gap]:
    """The gaps, without what identifications say of an end that is not sure to number its segments by them.

    An idle time is doubted all the same, unless its length is the usual one; so is a spacing that is the only one.
    """
    doubtful = () if sum(gap.kind in INTVL_KINDS for gap in gaps) == 1 else INTVL_KINDS
    return [
        replace(gap, missing=-1) if gap.missing > 0 and gap.kind in doubtful and not gap.is_numbered else gap
        for gap in gaps
    ]


def of_one_side(gaps: Sequence[Gap]) -> list[Gap]:
    """What is left of an end's gaps where the other end is not in the capture at all, so that answers are not either.

    The wait for the give-up is an interval, and so is the time between probes that echo the same; otherwise probes come
    the longer of time and interval apart, or later.
    """
    give_ups = [replace(gap, unanswered=1) for gap in gaps if gap.kind is GapKind.GIVE_UP]
    spacings = [gap for gap in gaps if gap.kind is GapKind.SPACING]
    intvls = [replace(gap, unanswered=1) for gap in spacings if gap.echo is Echo.AGREES]
    if give_ups or intvls or not spacings:
        return intvls + give_ups
    least = min(spacings, key=lambda gap: gap.probe_ns)
    idle_ns = least.probe_ns
    cycle = replace(least, kind=GapKind.CYCLE, heard_ns=idle_ns, any_ns=idle_ns, speech_ns=idle_ns, unanswered=0)
    return [replace(cycle, echo=Echo.UNTOLD)]


def has_sign_of_loss(gap: Gap) -> bool:
    """The end's own identifications, or what it echoes of the other's, do not agree with what was captured."""
    return gap.missing > 0 or gap.echo in (Echo.UNHEARD, Echo.UNSEEN)


def mended_by_echo(gap: Gap, usual: Usual) -> Mended:
    """The prober had not heard the answer that was captured, or had heard one that was not.

    When that came, and which of the missing probes it answered, nothing tells; by the gap's end the idle time was over.
    """
    missing = max(gap.missing, 0)
    if gap.echo is Echo.UNHEARD:
        unheard = replace(gap, kind=GapKind.SPACING, unanswered=1)
        is_torn = missing > 0 or is_after_unheard(gap)
        fewest = 0 if is_after_unheard(gap) else missing
        most = max(missing, usual.most_in(gap.probe_ns)) if is_after_unheard(gap) else missing
        return Mended(Seen(unheard, TELLS_NOTHING * is_torn, usual.jitter_ns), Count(fewest, missing, most))
    is_answered = gap.kind in IDLE_KINDS
    since_ns = gap.heard_ns if is_answered else gap.probe_ns
    kind = gap.kind if is_answered else GapKind.CYCLE
    bound = replace(gap, kind=kind, heard_ns=since_ns, any_ns=since_ns, speech_ns=since_ns)
    most = gap.missing if gap.missing >= 0 else usual.most_in(since_ns)
    most = max(0, most - 1) if is_answered else most
    return Mended(Seen(bound, max(since_ns, 0), usual.jitter_ns), Count(0, 0, most), is_restart=True)


def mended_spacing(gap: Gap, usual: Usual) -> Mended:
    """After an unanswered probe: one interval; or more, and probes are missing; or a cycle, and an answer is."""
    whole = Mended(Seen(gap, 0, usual.jitter_ns))
    if gap.probe_ns < 0:
        return whole
    intvls, is_answered = usual.intvls_in(gap.probe_ns, gap.unanswered >= 2), usual.is_cycle(gap.probe_ns)
    if gap.missing > 0 and intvls != 1:  # within one interval it is no probe that is missing
        fewest, most = (min(gap.missing, intvls - 1),) * 2 if intvls else (0, gap.missing)
        return Mended(Seen(gap, TELLS_NOTHING, usual.jitter_ns), Count(fewest, most, most))
    if intvls == 1 or not (intvls or is_answered) or (gap.missing == 0 and not is_answered):
        return whole
    fewest = -gap.unanswered if is_answered else intvls - 1
    missing = Count(fewest, intvls - 1, intvls - 1) if intvls else NONE
    return Mended(Seen(gap, TELLS_NOTHING, usual.jitter_ns), missing, is_restart=not intvls)


def mended_idle(gap: Gap, usual: Usual, was_usual: bool) -> Mended:
    """After traffic or an answered probe; what a timer survived says less where a probe may be missing.

    `was_usual`: the usual cycle came before, so that nothing but a loss makes this one another.
    """
    whole = Mended(Seen(gap, 0, usual.jitter_ns))
    if gap.kind is GapKind.PENDING:  # the give-up itself may be lost
        return Mended(Seen(gap, TELLS_NOTHING, usual.jitter_ns))
    if gap.kind is GapKind.SURVIVED and gap.is_open:  # nothing shows that the way was open, or the end still there
        return Mended(Seen(gap, TELLS_NOTHING, usual.jitter_ns))
    if gap.kind is GapKind.SURVIVED:
        return Mended(Seen(gap, usual.one_more_ns(gap.heard_ns), usual.jitter_ns))
    duration_ns = gap.probe_ns if gap.kind is GapKind.CYCLE else gap.heard_ns
    if gap.missing > 0 and not gap.is_numbered and usual.is_repeated and usual.is_cycle(duration_ns):
        return whole  # as long as ever: the identifications number other connections' segments, too
    if gap.missing > 0 and gap.kind is GapKind.CYCLE:  # after traffic it may as well be an ACK that is missing
        unanswered = gap.missing if usual.is_cycle_and_intvls(duration_ns, gap.missing) else 0
        return Mended(Seen(gap, TELLS_NOTHING, usual.jitter_ns), Count(unanswered, gap.missing, gap.missing))
    if gap.is_torn and gap.missing < 0 and usual.cycle_ns < 0 <= duration_ns:
        return Mended(Seen(gap, duration_ns, usual.jitter_ns), Count(0, 0, usual.most_in(duration_ns)))
    is_confirmed = usual.is_cycle(duration_ns) and (gap.kind is GapKind.CYCLE or usual.is_repeated)
    if gap.missing > 0 and duration_ns >= 0 and not is_confirmed:
        slack_ns = idle_slack_ns(gap, usual)
        whole = Mended(Seen(gap, slack_ns, usual.jitter_ns), Count(0, 0, gap.missing))
    if usual.cycle_ns < 0 or duration_ns < 0 or usual.is_cycle(duration_ns):
        return whole
    is_first = gap.kind is GapKind.FIRST
    is_intvl_known = usual.intvl_ns > 0
    if is_first and gap.probe_ns >= 0 and (not is_intvl_known or usual.intvls_in(gap.probe_ns) == 1):
        return whole  # traffic, while the interval's timer was running
    if duration_ns > usual.cycle_ns:
        if gap.missing == 0:
            return whole
        missing = usual.lost_in_first(duration_ns) if is_first else usual.lost_in_cycle(duration_ns, was_usual)
        return whole if missing == NONE else Mended(Seen(gap, TELLS_NOTHING, usual.jitter_ns), missing)
    intvls = 0 if is_first else usual.intvls_in(duration_ns)
    if intvls == 1 and usual.may_be_cycle(duration_ns):  # cycles of nearly an interval vary by themselves
        return Mended(Seen(gap, TELLS_NOTHING, usual.jitter_ns)) if was_usual else whole
    if 0 < intvls <= MAX_IN_BAND and not usual.may_be_cycle(duration_ns):
        unheard = replace(gap, kind=GapKind.SPACING, unanswered=1)
        slack_ns = 0 if intvls == 1 else TELLS_NOTHING
        return Mended(Seen(unheard, slack_ns, usual.jitter_ns), Count(intvls - 1, intvls - 1, intvls - 1))
    return whole


def is_unsure(mended: Sequence[Mended]) -> bool:
    """Every idle time that was captured may be longer than its timer ran: of this end something is missing."""
    told = [one for one in mended if one.seen.gap.kind in (*IDLE_KINDS, *INTVL_KINDS)]
    idle = [one.seen.gap for one in told if one.seen.gap.kind in IDLE_KINDS and one.seen.gap.heard_ns >= 0]
    if idle and all(gap.echo is Echo.UNSEEN or (gap.is_torn and len(idle) == 1 and gap.missing < 0) for gap in idle):
        return True
    return len(idle) == 1 and idle[0].missing != 0 and any(one.missing.most > 0 or one.is_spoilt for one in told)


def doubts(mended: Sequence[Mended], usual: Usual) -> Iterator[list[Seen]]:
    """The gaps with one of them loosened, for each that too few others confirm.

    A first gap may be an interval longer than the idle time; an answered cycle too, or it is an interval
    because the answer was lost; a lone spacing may be two intervals.
    """
    seen = [one.seen for one in mended]
    places = [place for place, one in enumerate(seen) if is_sharp(one, IDLE_KINDS)]
    known = sorted(seen[place].gap.heard_ns for place in places)
    unconfirmed = (place for place in places if is_unconfirmed(seen[place].gap, known, usual))
    doubtful = {place: idle_slack_ns(seen[place].gap, usual) for place in islice(unconfirmed, MAX_DOUBTED)}
    for place, slack_ns in doubtful.items():
        yield loosened(seen, {place: slack_ns})
    if 1 < len(doubtful) == len(places):  # nothing confirms anything
        yield loosened(seen, doubtful)
    spacings = [place for place, one in enumerate(seen) if is_sharp(one, INTVL_KINDS)]
    if len(spacings) == 1 and seen[spacings[0]].gap.missing:
        yield loosened(seen, {spacings[0]: seen[spacings[0]].gap.probe_ns // 2})


def is_unconfirmed(gap: Gap, known: Sequence[int], usual: Usual) -> bool:
    """No other gap, of those that are `known` in order, is as long; and its length would not show an interval more."""
    off_ns = usual.off_ns(gap.heard_ns)
    if bisect_right(known, gap.heard_ns + off_ns) - bisect_left(known, gap.heard_ns - off_ns) > 1:
        return False
    in_band = usual.intvl_ns <= lateness_ns(gap.heard_ns) + off_ns
    is_heard = gap.echo is Echo.AGREES
    may_be_unheard = gap.kind is GapKind.CYCLE and usual.intvls_in(gap.probe_ns) > 0 and not is_heard
    if gap.missing == 0:
        return may_be_unheard or (gap.kind is GapKind.CYCLE and usual.intvl_ns < 0 and not is_heard)
    return gap.missing > 0 or len(known) == 1 or usual.cycle_ns < 0 or in_band or may_be_unheard


def is_sharp(one: Seen, kinds: Sequence[GapKind]) -> bool:
    is_known = one.gap.probe_ns >= 0 if kinds is INTVL_KINDS else one.gap.heard_ns >= 0
    return one.gap.kind in kinds and not one.slack_ns and is_known


def idle_slack_ns(gap: Gap, usual: Usual) -> int:
    if gap.missing > 0:  # so many intervals longer than the idle time, or so many times its length
        whole_ns = gap.heard_ns + lateness_ns(gap.heard_ns)
        return max(gap.missing * usual.one_more_ns(gap.heard_ns), whole_ns * gap.missing // (gap.missing + 1))
    if gap.kind is GapKind.CYCLE and (usual.intvl_ns < 0 or usual.intvls_in(gap.probe_ns)):
        return TELLS_NOTHING
    return usual.one_more_ns(gap.heard_ns)


def loosened(seen: Sequence[Seen], slacks: Mapping[int, int]) -> list[Seen]:
    return [one._replace(slack_ns=slacks.get(place, one.slack_ns)) for place, one in enumerate(seen)]


def may_hide_one(mended: Sequence[Mended], usual: Usual) -> bool:
    """One more probe of the last run may be missing, or one more answer unheard, and the gaps would be the same."""
    opening = next((one for one in reversed(mended) if opens_run(one)), None)
    lone = [one.seen.gap.missing for one in mended if is_sharp(one.seen, INTVL_KINDS)]
    if opening is None or (len(lone) == 1 and lone[0] != 0):
        return True
    gap = opening.seen.gap
    if gap.echo is Echo.UNSEEN:
        return False  # counted already
    if gap.kind is GapKind.CYCLE and usual.intvls_in(gap.probe_ns) == 1 and gap.echo is not Echo.AGREES:
        return True
    known = sorted(one.seen.gap.heard_ns for one in mended if is_sharp(one.seen, IDLE_KINDS))
    return not opening.is_spoilt and is_unconfirmed(gap, known, usual)


def opens_run(one: Mended) -> bool:
    """The run of unanswered probes seems to begin there, and no echo shows that the answer was unheard."""
    is_answered = one.seen.gap.kind in IDLE_KINDS or is_unheard(one)
    return is_answered and one.seen.gap.echo is not Echo.UNHEARD
