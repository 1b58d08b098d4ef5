"""The search: which idle times and intervals explain all gaps of an end on one kind of clock.

Intervals come first, mostly from the spacings alone. For each of them the gaps that no interval explains bound the idle
time; what lies between the bounds is checked against the boundaries of the wheel.

Plain functions over the columns of `schema/inference`.
"""

from analyzer.engine.dispatch import not_inlined
from analyzer.keepalive.model.linux import LINUX, SECOND, SLOW_TICK_NS
from analyzer.keepalive.settings.constraints import (
    CLOCK_COUNT,
    HOST_DELAY_NS,
    LIKELY_COUNT,
    NO_CEILING,
    TELLS_NOTHING,
    fit_idle,
    is_possible,
    lateness_ns,
    latest_ns,
    least_s,
    level_of,
    may_be_spacing,
    may_still_run,
    need_of,
    sure_of,
    tolerance_ns,
    top_of,
)
from analyzer.keepalive.settings.evidence import (
    NO_OPENING,
    SPACED,
    SURE_IDLE,
    SURVIVING,
    Search,
    claim,
    claim_spacings,
    forget_levels,
    gather,
    is_phase_possible,
    keep_levels,
    note_claims,
)
from analyzer.keepalive.settings.prior import EXACT_CLOCK, likeliest, log2_of, weight
from analyzer.keepalive.story.values import CYCLE, FIRST, PENDING, SURVIVED
from analyzer.schema import ABSENT

ATTEMPTS = 2 * (NO_OPENING + 1)
"""Each strictness is tried with and without boundaries."""
FIRST_EXACT = 1 << len(LINUX)
EXACT_CLOCKS = (1 << LIKELY_COUNT) - FIRST_EXACT
SLOW = (1 << CLOCK_COUNT) - (1 << LIKELY_COUNT)
"""Bits of HYPOTHESES.clocks; the slow timers come last."""

MAX_INTVLS = 8
"""Most intervals that are paired with idle times one by one."""
MAX_TRIED = 400
"""Most intervals that are tried one by one; for an interval of hours there would be more."""
EVERYTHING = -TELLS_NOTHING
"""The value of `unseen_ns` if no probe is missing."""


def search(s: Search, question: int) -> None:
    """Find what explains the gaps of a question, dropping as little evidence as possible.

    Gaps that only a wheel explains may come from a slow timer, unless probes come off its ticks. If nothing explains
    all gaps on the wheel's boundaries, the boundaries are ignored: a busy host or path may have blurred them.
    """
    fine = s.hypotheses.clocks[question]
    slow = SLOW if fine & FIRST_EXACT else 0
    is_on_ticks = slow > 0 and are_on_slow_ticks(s, question)
    s.solutions.clocks[question] = 0
    for attempt in range(1 if s.hypotheses.is_strict[question] else ATTEMPTS):
        has_phase = attempt % 2 == 0
        for clock in range(CLOCK_COUNT):
            is_exact = (s.solutions.clocks[question] & EXACT_CLOCKS) != 0
            may_be_slow = slow if (is_on_ticks and not is_exact) or not has_phase else 0
            if (fine | may_be_slow) >> clock & 1:
                explain_on(s, question, clock, attempt // 2, has_phase)
        if s.solutions.clocks[question]:
            return


def are_on_slow_ticks(s: Search, question: int) -> bool:
    """Tell whether every distance of two probes is a whole number of a slow timer's ticks (lwIP tcp.c tcp_slowtmr)."""
    for gap in range(s.hypotheses.first_gap[question], s.hypotheses.last_gap[question]):
        probe_ns, kind = s.corrected.probe_ns[gap], s.corrected.kind[gap]
        if probe_ns >= 0 and kind != SURVIVED and kind != PENDING and not is_on_slow_tick(probe_ns):
            return False
    return True


def is_on_slow_tick(duration_ns: int) -> bool:
    """Tell whether a duration is a whole number of a slow timer's ticks, within what the host delays."""
    return min(duration_ns % SLOW_TICK_NS, -duration_ns % SLOW_TICK_NS) <= HOST_DELAY_NS


def explain_on(s: Search, question: int, clock: int, strictness: int, has_phase: bool) -> None:
    """Find all settings that explain the gaps on this clock, in ranges of idle times that explain them alike."""
    gather(s, question, clock, strictness, has_phase)
    for place in range(possible_intvls(s)):
        pair(s, place)
    note_claims(s)


def possible_intvls(s: Search) -> int:
    """Write the intervals that explain the spacings to INTVLS; return how many rows.

    If nothing measures the interval, one row holds its bounds.
    """
    v, r, clock = s.evidence, s.readings, s.evidence.clock[0]
    longest_ns = latest_ns(s.clocks, clock, v.time_high[0]) if v.time_high[0] != ABSENT else TELLS_NOTHING
    least_ns, most_ns, measured = 0, TELLS_NOTHING, 0
    for gap in range(v.readings[0]):
        role = r.role[gap]
        is_idle = role == SURE_IDLE and r.spacing_ns[gap] >= 0
        is_measured = role == SPACED or (is_idle and r.idle_least_ns[gap] > longest_ns)
        measured += is_measured
        if is_measured:
            least_ns = max(least_ns, r.spacing_least_ns[gap])
        # Where every segment restarts the timer, as in BSD, the interval may be longer than an answered cycle.
        if is_measured or (is_idle and not s.clocks.hears_all[clock]):
            most_ns = min(most_ns, r.spacing_most_ns[gap])
    low, high = least_s(s.clocks, clock, least_ns), ABSENT if most_ns == TELLS_NOTHING else most_ns // SECOND
    if high != ABSENT and high < low:
        return 0
    if not measured:
        return note_intvls(s, 0, low, high, ABSENT)
    if high - low > MAX_TRIED:
        return note_intvls(s, 0, low, high, likeliest(s.prior, low, high))
    return fitting_intvls(s, low, high)


def note_intvls(s: Search, place: int, low: int, high: int, value: int) -> int:
    """Write one row of INTVLS, in s; return the place behind it."""
    s.intvls.low[place], s.intvls.high[place], s.intvls.value[place] = low, high, value
    return place + 1


def fitting_intvls(s: Search, low: int, high: int) -> int:
    """Write the intervals of low..high on whose boundaries the spacings agree to INTVLS; return how many rows.

    `low` is late enough for the longest spacing. Whether the boundaries agree depends on the interval's level only.
    """
    clock, found, level, agrees = s.evidence.clock[0], 0, ABSENT, False
    for intvl in range(low, high + 1):
        if level_of(s.clocks, clock, intvl * SECOND) != level:
            level = level_of(s.clocks, clock, intvl * SECOND)
            agrees = is_phase_possible(s, claim_spacings(s, level))
        if agrees and found < MAX_INTVLS:
            found = note_intvls(s, found, intvl, intvl, intvl)
        elif agrees:
            s.intvls.high[0] = intvl
    if found and s.intvls.high[0] != s.intvls.low[0]:
        return note_intvls(
            s, 0, s.intvls.low[0], s.intvls.high[0], likeliest(s.prior, s.intvls.low[0], s.intvls.high[0])
        )
    return found


def pair(s: Search, place: int) -> None:
    """Find all idle times that go with these intervals."""
    v, clock = s.evidence, s.evidence.clock[0]
    low, high, value = s.intvls.low[place], s.intvls.high[place], s.intvls.value[place]
    v.intvl_low[0], v.intvl_high[0], v.intvl[0] = low, high, value
    v.latest_ns[0] = latest_ns(s.clocks, clock, high) if high != ABSENT else TELLS_NOTHING
    v.weight[0] = 0 if s.clocks.depth[clock] else EXACT_CLOCK
    v.spacing_claims[0] = v.spacing_level[0] = 0
    if value != ABSENT:
        v.weight[0] += weight(s.prior, value)
    if low == high:
        v.spacing_level[0] = level_of(s.clocks, clock, low * SECOND)
        v.spacing_claims[0] = claim_spacings(s, v.spacing_level[0])
    floor = time_floor(s, EVERYTHING)
    if not v.is_whole[0]:
        allow_unseen_probe(s, floor)
    if count_forced(s, EVERYTHING) and v.time_high[0] != ABSENT:
        possible_times(s, max(floor, least_forced_s(s, EVERYTHING)))
    elif v.time_high[0] == ABSENT or floor <= v.time_high[0]:
        keep_levels(s, False)
        add_solution(s, floor, v.time_high[0], ABSENT, v.weight[0], False)


def time_floor(s: Search, unseen_ns: int) -> int:
    """Return the least idle time, in s, that the survived gaps allow: no probe was due in them.

    A gap in which the interval may still have been running does not count; `unseen_ns` is how long it may run after a
    probe that was not captured. On a clock that hears all, survived gaps always count: they began with an answer, which
    restarts the timer.
    """
    r, clock, least_ns = s.readings, s.evidence.clock[0], 0
    for gap in range(s.evidence.readings[0]):
        if r.role[gap] != SURVIVING or not (r.spacing_ns[gap] >= 0 or r.idle_ns[gap] > unseen_ns):
            continue
        if s.clocks.hears_all[clock] or not may_still_run(r, gap, s.evidence.latest_ns[0]):
            least_ns = max(least_ns, r.idle_least_ns[gap])
    return least_s(s.clocks, clock, least_ns)


def is_forced(s: Search, gap: int, unseen_ns: int) -> bool:
    """Tell whether only the idle time explains the gap.

    No interval in question explains it, nor one that runs up to `unseen_ns` after a probe that was not captured.
    """
    r = s.readings
    return bool(
        r.role[gap] == SURE_IDLE
        and (r.spacing_ns[gap] >= 0 or r.idle_least_ns[gap] > unseen_ns)
        and not may_be_spacing(r, gap, s.evidence.intvl_low[0], s.evidence.latest_ns[0])
    )


def count_forced(s: Search, unseen_ns: int) -> int:
    """Return how many gaps only the idle time explains."""
    count = 0
    for gap in range(s.evidence.readings[0]):
        count += is_forced(s, gap, unseen_ns)
    return count


def least_forced_s(s: Search, unseen_ns: int) -> int:
    """Return the least idle time, in s, that explains the gaps that no interval explains."""
    least_ns = 0
    for gap in range(s.evidence.readings[0]):
        if is_forced(s, gap, unseen_ns):
            least_ns = max(least_ns, s.readings.idle_least_ns[gap])
    return least_s(s.clocks, s.evidence.clock[0], least_ns)


def allow_unseen_probe(s: Search, floor: int) -> None:
    """Note what else holds if a probe before the capture's beginning armed the interval that ended the first gap.

    That takes an interval longer than the idle time, which is rare, unless the bounds show that this one is longer.
    """
    high, unseen_ns = s.evidence.time_high[0], s.evidence.latest_ns[0]
    lower = time_floor(s, unseen_ns)
    low = max(lower, least_forced_s(s, unseen_ns))
    is_other = lower < floor or count_forced(s, unseen_ns) < count_forced(s, EVERYTHING)
    if is_other and (high == ABSENT or low <= high):
        is_rare = high == ABSENT or s.evidence.intvl_low[0] <= high
        if not is_rare:
            forget_levels(s)
        add_solution(s, low, high, ABSENT, s.evidence.weight[0], is_rare)


def possible_times(s: Search, low: int) -> None:
    """Find the ranges of idle times that explain all gaps, and weigh each by how exactly it predicts them.

    Each range must also explain the boundaries on which the probes lie.
    """
    v, r = s.evidence, s.readings
    for place in range(v.sharp_idle[0]):
        s.sharp.may_be_spacing[place] = may_be_spacing(r, s.sharp.reading[place], v.intvl_low[0], v.latest_ns[0])
    while low <= v.time_high[0]:
        for place in range(v.sharp_idle[0]):
            s.sharp.fit[place] = fit_of(s, place, low)
        last = last_alike(s, low)
        if is_explained(s) and is_phase_possible(s, claim_idle(s)):
            time = likeliest(s.prior, low, last)
            keep_levels(s, True)
            add_solution(s, low, last, time, v.weight[0] + weight(s.prior, time) + exactness_of_firsts(s, last), False)
        low = last + 1


def fit_of(s: Search, place: int, time_s: int) -> int:
    """Return how an idle time explains one of the sharp gaps (`constraints.fit_idle`)."""
    v = s.evidence
    intvl = v.intvl_low[0] if v.intvl_low[0] == v.intvl_high[0] else ABSENT
    return fit_idle(s.clocks, v.clock[0], s.readings, s.sharp.reading[place], time_s, intvl)


def last_alike(s: Search, low: int) -> int:
    """Return the longest idle time, in s, that explains all gaps as `low` does.

    A binary search, as each part of a fit is monotone.
    """
    beyond = s.evidence.time_high[0] + 1
    while beyond - low > 1:
        middle = (low + beyond) // 2
        if fits_alike(s, middle):
            low = middle
        else:
            beyond = middle
    return low


def fits_alike(s: Search, time_s: int) -> bool:
    """Tell whether this idle time explains all sharp gaps as the one that was just tried."""
    for place in range(s.evidence.sharp_idle[0]):  # noqa: SIM110  # numba compiles no generators
        if fit_of(s, place, time_s) != s.sharp.fit[place]:
            return False
    return True


def is_explained(s: Search) -> bool:
    """Tell whether the idle time or the interval in question explains every sharp gap."""
    for place in range(s.evidence.sharp_idle[0]):
        if not (s.sharp.may_be_spacing[place] or is_possible(s.sharp.fit[place])):
            return False
    return not has_cycles_of_both(s)


def has_cycles_of_both(s: Search) -> bool:
    """Tell whether some answered cycles are shorter than the interval, and others so long that only the interval
    explains them.

    Where answers restart the timer all last for the idle time (XNU tcp_timer_keep); where the interval runs all the
    same none is shorter (FreeBSD tcp_timer_keep, Linux tcp_keepalive_timer).
    """
    r, has_shorter, has_longer = s.readings, False, False
    for place in range(s.evidence.sharp_idle[0]):
        gap = s.sharp.reading[place]
        if r.kind[gap] == CYCLE:
            has_shorter |= r.spacing_most_ns[gap] < s.evidence.intvl_low[0] * SECOND
            has_longer |= not is_possible(s.sharp.fit[place])
    return bool(has_shorter and has_longer)


def claim_idle(s: Search) -> int:
    """Claim the boundaries of probes that the idle time, or else the interval, explains; return the number of claims.

    Of two explanations the weaker one, with the finer boundary, counts.
    """
    v = s.evidence
    count: int = v.spacing_claims[0]
    for place in range(v.sharp_idle[0]):
        fit, gap = s.sharp.fit[place], s.sharp.reading[place]
        level = NO_CEILING + 1
        if is_possible(fit):
            level = max(need_of(fit), sure_of(fit))
        if s.sharp.may_be_spacing[place]:
            level = min(level, v.spacing_level[0])
        s.sharp.level[place] = level
        count = claim(s, count, level, gap, s.readings.at_ns[gap])
    return count


def exactness_of_firsts(s: Search, time_s: int) -> int:
    """Return how exactly an idle time predicts the first gaps that only it explains, as a power of two in BIT."""
    total = 0
    for place in range(s.evidence.sharp_idle[0]):
        if s.readings.kind[s.sharp.reading[place]] == FIRST and not s.sharp.may_be_spacing[place]:
            total += exactness(s, s.sharp.fit[place], time_s)
    return total


def exactness(s: Search, fit: int, time_s: int) -> int:
    """Return the probability density of a probe's lateness after traffic, as a power of two in BIT.

    The delay that was left when the timer was last armed may be anything up to the whole. So a level is eight times as
    frequent as the next finer one, and its boundaries lie eight times as far apart: each level that explains the
    lateness adds the same. Small lateness speaks for a setting, large lateness against it.
    """
    time_ns, clock = time_s * SECOND, s.evidence.clock[0]
    width_ns = lateness_ns(s.clocks, clock, time_ns) + tolerance_ns(s.clocks, clock, time_ns) + s.clocks.early_ns[clock]
    levels = top_of(fit) - need_of(fit) + 1
    return log2_of(s.prior, levels) + log2_of(s.prior, SECOND) - log2_of(s.prior, width_ns)


@not_inlined
def add_solution(s: Search, low: int, high: int, time: int, likelihood: int, is_rare: bool) -> None:
    """Add one explanation to the question's row of SOLUTIONS.

    Of equally likely ones the longest idle time is kept: it is the nearest to what was observed.
    """
    f, v, row = s.solutions, s.evidence, s.evidence.question[0]
    is_rare = is_rare or s.hypotheses.is_rare[row] > 0
    is_first = f.clocks[row] == 0
    f.clocks[row] |= 1 << v.clock[0]
    f.time_low[row] = low if is_first else min(f.time_low[row], low)
    f.intvl_low[row] = v.intvl_low[0] if is_first else min(f.intvl_low[row], v.intvl_low[0])
    f.time_high[row] = high if is_first else wider(f.time_high[row], high)
    f.intvl_high[row] = v.intvl_high[0] if is_first else wider(f.intvl_high[row], v.intvl_high[0])
    if is_rare and not (is_first or f.is_rare[row]):
        return
    if is_first or (f.is_rare[row] and not is_rare):
        f.is_rare[row], f.is_time_known[row], f.is_intvl_known[row] = is_rare, 1, 1
        f.weight[row] = -TELLS_NOTHING
    if time == ABSENT:
        f.is_time_known[row] = 0
    if v.intvl[0] == ABSENT:
        f.is_intvl_known[row] = 0
    if likelihood > f.weight[row] or (likelihood == f.weight[row] and time > f.time[row]):
        f.clock[row], f.time[row], f.intvl[row], f.weight[row] = v.clock[0], time, v.intvl[0], likelihood


def wider(high: int, other: int) -> int:
    """Return the higher of two bounds; -1 means no bound and is the highest."""
    return ABSENT if high == ABSENT or other == ABSENT else max(high, other)
