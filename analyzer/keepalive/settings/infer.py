"""From the gaps of many ends to their settings, in one compiled function.

For each end: which gaps its timer may have made (`observations`), how its prober measured them (`losses`, `typical`,
`ambiguous`), what explains them (`search`, `candidates`), what the prober had counted (`losses.count_runs`), and what
that says of each setting (`bounds`).
"""

from operator import sub
from typing import Any

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import rows_of
from analyzer.keepalive.model.linux import LINUX, SECOND
from analyzer.keepalive.settings.ambiguous import (
    MAX_AMBIGUOUS,
    allow_for_uneven,
    is_unsure,
    known_idle,
    may_all_be_cycles,
    may_lack_one,
    note_ambiguities,
    note_lone_spacing,
)
from analyzer.keepalive.settings.bounds import (
    CONTRADICTORY,
    GIVE_UP_COUNT,
    INTVL,
    MAX_FRAMES,
    MILLI,
    MILLISECOND,
    PROBES,
    RUN_LENGTH,
    SPACINGS,
    TIME,
    USER_TIMEOUT,
    Inferred,
    note_ceased,
    note_intvl,
    note_probes,
    note_spread_of_intvl,
    note_spread_of_time,
    note_time,
    note_unprobed,
    note_user_timeout,
    says_intvl,
    says_time,
)
from analyzer.keepalive.settings.candidates import MAX_INTVLS, search
from analyzer.keepalive.settings.changes import note_change
from analyzer.keepalive.settings.constraints import CLOCK_COUNT, CLOCKS, TELLS_NOTHING
from analyzer.keepalive.settings.evidence import MAX_CLAIMS, MAX_PHASED, Search
from analyzer.keepalive.settings.losses import (
    believe_prober,
    correct_for_loss,
    count_runs,
    forget_ambiguous,
    has_losses,
    is_distant,
    make_counts_ambiguous,
    take_as_captured,
)
from analyzer.keepalive.settings.observations import Observations, copy_timed, is_idle, is_intvl
from analyzer.keepalive.settings.prior import PRIOR, Prior, likeliest
from analyzer.keepalive.settings.search import MAX_QUESTIONS, add_all, plan, plan_all
from analyzer.keepalive.settings.tenths import allow_tenths
from analyzer.keepalive.settings.typical import FEW, EndWork, find_typical
from analyzer.keepalive.story.holes import MANY_MISSING
from analyzer.keepalive.story.values import AGREES, SURVIVED, UNSEEN
from analyzer.schema import ABSENT, inference, results

SETTINGS = 4
"""Rows of INFERRED_SETTINGS per end."""
CLOCK_BITS = 4
WHEELS = len(LINUX)
EXACT_CLOCK = WHEELS + 1
"""The row in CLOCKS of an exact timer that every segment restarts."""
TICK_MS, SLOWER = 500, 40
"""lwIP's TCP_SLOW_INTERVAL, and by which part of it a tick is longer at most: they were seen to take 500 to 512 ms."""
WIDE = 3
"""Ratio of a value to its lower bound that a single missing probe does not explain."""


def infer(observed: Observations, ends: int, work: EndWork, s: Search, to: Inferred) -> int:
    """Infer the settings of the first ends of `observed`, and the boundaries on which their probes lie; return `ends`.

    A kernel: the compiled function that serves a whole batch.
    """
    for end in range(ends):
        to.ends.clocks[end], to.ends.first_claim[end] = 0, s.in_use.claims[0]
        for row in range(SETTINGS * end, SETTINGS * (end + 1)):
            to.settings.basis[row] = ABSENT
        infer_end(observed, end, work, s, to)
    to.ends.first_claim[ends] = s.in_use.claims[0]
    return ends


def infer_end(observed: Observations, end: int, work: EndWork, s: Search, to: Inferred) -> None:
    """Infer the settings of one end."""
    rows, row, corrected = copy_timed(observed, end, work.gaps), SETTINGS * end, work.corrected
    is_far = is_distant(work.gaps, rows)
    forget_ambiguous(work.gaps, rows)
    find_typical(work, rows)
    correct_for_loss(work, rows, is_far)
    if not is_probed(work.gaps, rows):
        if not observed.ends.lacks[end]:
            note_unprobed(s, rows, observed.ends.is_whole[end], to, row + TIME)
        return
    is_lossy = is_far or has_losses(corrected, rows)
    is_other = False if is_far else believe_prober(work, rows)
    s.hypotheses.clocks[0], s.hypotheses.is_whole[0] = observed.ends.clocks[end], observed.ends.is_whole[end]
    is_explained = explain(work, s, rows, is_lossy, to, end)
    has_wheel, is_exact = has_clock(to, end, 0, WHEELS), (observed.ends.clocks[end] >> EXACT_CLOCK & 1) > 0
    has_missing = is_lossy or observed.ends.lacks[end] > 0
    if is_exact and allow_tenths(corrected, rows, has_wheel, has_missing, to.settings, row):
        add_clock(to, end, EXACT_CLOCK)
    if to.settings.basis[row + TIME] != ABSENT and is_lossy and is_unsure(corrected, rows):
        to.settings.value[row + TIME] = ABSENT
    for one in (row + TIME, row + INTVL):
        if is_lone_guess(to.settings, one) or is_never_seen(to.settings, one):
            to.settings.value[one] = ABSENT
    if to.settings.basis[row + INTVL] == SPACINGS and may_all_be_cycles(work, rows, to.settings.high_ms[row + TIME]):
        to.settings.value[row + INTVL], to.settings.low_ms[row + INTVL] = ABSENT, 0
    if is_other or not (is_far or is_explained):
        correct_for_loss(work, rows, not is_explained)
    if not (is_far or is_explained):
        make_counts_ambiguous(corrected, rows)
    if not observed.ends.is_one_sided[end]:  # where no answer is captured, nobody knows what went unanswered
        count_runs(corrected, rows, work.run_counts)
        allow_for_uneven(corrected, rows, work.run_counts)
        note_probes(corrected, work.run_counts, rows, is_lossy and may_lack_one(work, rows), to, row + PROBES)
        note_user_timeout(corrected, work.run_counts, rows, to, row + USER_TIMEOUT)
    may_cease = not observed.ends.may_tick[end] and not has_clock(to, end, 0, WHEELS)  # lwIP sends a RST
    if may_cease and not is_lossy and not observed.ends.lacks[end]:
        note_ceased(corrected, rows, to, row)
    if observed.ends.hastens[end]:
        allow_for_unheard(work.gaps, rows, to.settings, row)
    if observed.ends.may_tick[end]:
        allow_for_ticks(s.prior, to.settings, row)
    if observed.ends.lacks[end] >= MANY_MISSING:
        allow_for_missing(work.gaps, rows, to.settings, row, is_exact, observed.ends.may_tick[end] > 0)
    elif observed.ends.lacks[end] and not work.gaps.is_numbered[0]:
        allow_for_few(to.settings, row)


def allow_for_unheard(gaps: Any, rows: int, settings: Any, row: int) -> None:
    """Leave of an end's timers only that neither is longer than the longest idle time that a probe ended."""
    longest_ms = 0
    for gap in range(rows):
        if is_idle(gaps.kind[gap]):
            longest_ms = max(longest_ms, gaps.any_ns[gap] // MILLISECOND)
    for one in (row + TIME, row + INTVL):
        settings.value[one], settings.low_ms[one] = ABSENT, MILLI
        settings.high_ms[one] = max(settings.high_ms[one], longest_ms // MILLI * MILLI)


def allow_for_ticks(prior: Prior, settings: Any, row: int) -> None:
    """Widen the bounds of an end's timers by what a clock of slow ticks hides (lwIP core/tcp.c tcp_slowtmr).

    A setting is cut to whole ticks, and a time counts as over at the tick after the one in which it ends. A tick may
    take a little longer: where that adds up, only the likeliest value stays.
    """
    for one in (row + TIME, row + INTVL):
        settings.low_ms[one] = max(0, settings.low_ms[one] - settings.low_ms[one] // SLOWER - 2 * TICK_MS)
        if settings.high_ms[one] != ABSENT:
            settings.high_ms[one] += TICK_MS
            if settings.low_ms[one] > SLOWER * TICK_MS and settings.value[one] != ABSENT:
                low, high = -(-settings.low_ms[one] // MILLI), settings.high_ms[one] // MILLI
                if likeliest(prior, low, high) != settings.value[one]:
                    settings.value[one] = ABSENT


def allow_for_few(settings: Any, row: int) -> None:
    """Leave of an end's settings what holds if a probe is missing where only one gap shows its length.

    Such a gap may be several, and what begins a run may hold the first of its probes.
    """
    is_lone = settings.basis[row + TIME] == CONTRADICTORY
    for one in (row + TIME, row + INTVL):
        if settings.basis[one] != ABSENT and settings.n[one] == 1:
            settings.value[one], settings.low_ms[one], is_lone = ABSENT, 0, True
    if is_lone and settings.basis[row + PROBES] == GIVE_UP_COUNT:
        settings.basis[row + PROBES] = RUN_LENGTH
        settings.value[row + PROBES], settings.high_ms[row + PROBES] = ABSENT, ABSENT
        settings.basis[row + USER_TIMEOUT] = ABSENT


def allow_for_missing(gaps: Any, rows: int, settings: Any, row: int, is_exact: bool, may_tick: bool) -> None:
    """Leave of an end's settings what holds however many of its probes are missing: no timer is longer than its gap.

    Each gap may be several, a run may have begun later, and its count may lack some. An exact timer may have parts of a
    second. Where no echo shows that the end heard the answers, all probes may have come an interval apart; and lwIP
    probes at each tick in the end (core/tcp.c tcp_slowtmr).
    """
    for one in (row + TIME, row + INTVL):
        settings.value[one], settings.low_ms[one] = ABSENT, 0 if is_exact else MILLI
        if settings.high_ms[one] == ABSENT or may_tick or (one == row + TIME and not hears(gaps, rows)):
            settings.basis[one] = ABSENT
        elif is_exact:
            settings.high_ms[one] += MILLI - 1
    for one in (row + PROBES, row + USER_TIMEOUT):
        settings.basis[one] = ABSENT


def hears(gaps: Any, rows: int) -> bool:
    """Tell whether an echo shows that the end heard an answer."""
    for gap in range(rows):  # noqa: SIM110  # numba compiles no generators
        if gaps.echo[gap] == AGREES:
            return True
    return False


def is_lone_guess(settings: Any, row: int) -> bool:
    """Tell whether a single observation supports the value, with bounds as wide as if it lacked probes."""
    is_lone = settings.basis[row] != ABSENT and settings.n[row] == 1 and settings.value[row] != ABSENT
    return bool(is_lone and settings.low_ms[row] * WIDE < settings.value[row] * MILLI)


def is_never_seen(settings: Any, row: int) -> bool:
    """Tell whether all observations are longer than any timer makes the value: each would lack a probe.

    The bounds hold that; a best answer it is not.
    """
    latest_ns = settings.value[row] * SECOND * 8 // 7 + SECOND
    return bool(
        settings.basis[row] != ABSENT and settings.value[row] != ABSENT and settings.shortest_ns[row] > latest_ns
    )


def has_clock(to: Inferred, end: int, first: int, last: int) -> bool:
    """Tell whether one of CLOCKS' rows first..last-1 explains the gaps."""
    left = to.ends.clocks[end]
    while left:
        if first < left % (1 << CLOCK_BITS) <= last:
            return True
        left >>= CLOCK_BITS
    return False


def add_clock(to: Inferred, end: int, clock: int) -> None:
    """Append a clock to those that explain the gaps, unless it is one of them."""
    places = 0
    if not has_clock(to, end, clock, clock + 1):
        while to.ends.clocks[end] >> CLOCK_BITS * places:
            places += 1
        to.ends.clocks[end] |= clock + 1 << CLOCK_BITS * places


def is_probed(gaps: Any, rows: int) -> bool:
    """Tell whether the end sent any probe."""
    for gap in range(rows):  # noqa: SIM110  # numba compiles no generators
        if gaps.kind[gap] != SURVIVED:
            return True
    return False


def explain(work: EndWork, s: Search, rows: int, is_lossy: bool, to: Inferred, end: int) -> bool:
    """Find time and interval of an end; tell whether something explains all of its gaps.

    If nothing does, each setting comes from its own gaps alone.
    """
    together = plan_together(work, s, rows, is_lossy)
    is_explained = False
    for question in range(together):
        solve(work, s, question, not is_explained)
        is_explained = is_explained or (s.solutions.clocks[question] > 0 and not s.hypotheses.is_strict[question])
    if is_explained:
        note_clocks(s, together, to, end)
        add_all(s, 0, together)
        choose_measures(work.corrected, rows)
        note_time(s, 0, 0, rows, to, SETTINGS * end + TIME)
        note_intvl(s, 0, 0, rows, to, SETTINGS * end + INTVL)
        return True
    middle = copy_by_kind(work.corrected, rows)
    questions = plan(s, plan(s, together, (rows, middle), (0, 0)), (middle, 2 * rows), (0, 0))
    for question in range(together, questions):
        solve(work, s, question, False)
    note_separately(s, together, questions, to, SETTINGS * end)
    return False


def plan_together(work: EndWork, s: Search, rows: int, is_lossy: bool) -> int:
    """Plan the questions about all gaps of an end; return how many there are."""
    ambiguous = note_ambiguities(work, rows) if is_lossy else 0
    spacings = note_lone_spacing(work, rows, ambiguous) if is_lossy else 0
    is_alone = ambiguous > 1 and ambiguous == known_idle(work, rows)
    return int(plan_all(s, rows, ambiguous, spacings, is_alone))


def solve(work: EndWork, s: Search, question: int, may_claim: bool) -> None:
    """Find what explains the gaps of a question; without `may_claim` the boundaries that it claims are dropped.

    Only the first explanation may claim boundaries.
    """
    claims, first_ambiguity, last_ambiguity = (
        s.in_use.claims[0],
        s.hypotheses.first_ambiguity[question],
        s.hypotheses.last_ambiguity[question],
    )
    for ambiguity in range(first_ambiguity, last_ambiguity):
        work.corrected.slack_ns[work.ambiguities.gap[ambiguity]] = work.ambiguities.slack_ns[ambiguity]
    search(s, question)
    for ambiguity in range(first_ambiguity, last_ambiguity):
        work.corrected.slack_ns[work.ambiguities.gap[ambiguity]] = 0
    if not may_claim:
        s.in_use.claims[0] = claims


def note_clocks(s: Search, questions: int, to: Inferred, end: int) -> None:
    """Note the kinds of clock that explain the gaps, those first for which nothing rare has to be assumed."""
    known = places = 0
    for question in range(questions):
        if s.hypotheses.is_strict[question]:
            continue
        for clock in range(CLOCK_COUNT):
            if s.solutions.clocks[question] >> clock & ~known >> clock & 1:
                to.ends.clocks[end] |= clock + 1 << CLOCK_BITS * places
                places += 1
        known |= s.solutions.clocks[question]


def choose_measures(corrected: Any, rows: int) -> None:
    """Mark the gaps that measure settings.

    An idle time in which the end heard something that was not captured counts only if there is nothing else.
    """
    clear = 0
    for gap in range(rows):
        corrected.is_measure[gap] = corrected.slack_ns[gap] != TELLS_NOTHING and corrected.echo[gap] != UNSEEN
        clear += corrected.is_measure[gap]
    if not clear:
        for gap in range(rows):
            corrected.is_measure[gap] = corrected.slack_ns[gap] != TELLS_NOTHING


def copy_by_kind(corrected: Any, rows: int) -> int:
    """Copy the gaps behind themselves, the intervals last; return the row of the first copied interval."""
    middle = rows
    for gap in range(rows):
        middle += not is_intvl(corrected.kind[gap])
    others, intvls = rows, middle
    for gap in range(rows):
        row = intvls if is_intvl(corrected.kind[gap]) else others
        take_as_captured(corrected, gap, corrected, row)
        corrected.slack_ns[row], corrected.jitter_ns[row], corrected.is_measure[row] = (
            corrected.slack_ns[gap],
            corrected.jitter_ns[gap],
            1,
        )
        intvls, others = intvls + (row == intvls), others + (row == others)
    return middle


def note_separately(s: Search, times: int, questions: int, to: Inferred, row: int) -> None:
    """Write each setting from its own gaps alone, or bounds around all of them if these do not determine it.

    Idle times must be explained with an interval that the unanswered probes allow, too: both are of one socket. `times`
    is the question about idle times, the next one that about intervals.
    """
    f, a = s.solutions, s.hypotheses
    intvls = times + 1 + a.is_strict[times + 1]
    add_all(s, times, questions)
    if says_intvl(f, intvls) and f.is_intvl_known[intvls] and f.intvl[intvls] != ABSENT:
        note_intvl(s, intvls, a.first_gap[intvls], a.last_gap[intvls], to, row + INTVL)
    else:
        note_spread_of_intvl(s, a.first_gap[intvls], a.last_gap[intvls], to, row + INTVL)
    is_time_known = says_time(f, times) and f.is_time_known[times] and f.time[times] != ABSENT
    if is_time_known and allows(f, times, intvls):
        note_time(s, times, a.first_gap[times], a.last_gap[times], to, row + TIME)
    elif not note_change(s, a.first_gap[times], a.last_gap[times], to, row):
        note_spread_of_time(s, a.first_gap[times], a.last_gap[times], to, row + TIME)


def allows(f: Any, times: int, intvls: int) -> bool:
    """Tell whether the intervals with which idle times are explained agree with those of the unanswered probes."""
    if not f.clocks[intvls]:
        return True
    low = max(f.intvl_low[times], f.intvl_low[intvls])
    is_below = f.intvl_high[times] == ABSENT or low <= f.intvl_high[times]
    return bool(is_below and (f.intvl_high[intvls] == ABSENT or low <= f.intvl_high[intvls]))


def inferred(observed: Observations, ends: int, engine: Engine, more: int = 0) -> Inferred:
    """Return the settings of the first ends of `observed`.

    There is room for the proofs of `more` ends that may replace some of them.
    """
    first_gaps = observed.ends.first_gap[: ends + 1].tolist()
    longest = max(map(sub, first_gaps[1:], first_gaps), default=0)
    work, s, to = allocate(ends, longest, first_gaps[-1], more)
    engine.run(infer, observed, ends, work, s, to)
    return to


def replace_end(to: Inferred, end: int, by: Inferred, row: int) -> None:
    """Replace the findings of an end by those of another search, which had it as its end `row`."""
    to.ends.clocks[end] = by.ends.clocks[row]
    for one in range(SETTINGS):
        mine, other, first = SETTINGS * end + one, SETTINGS * row + one, to.in_use.proofs[0]
        for column, of in zip(to.settings, by.settings, strict=True):
            column[mine] = of[other]
        for frame in range(by.settings.proofs[other] if by.settings.basis[other] != ABSENT else 0):
            to.proofs.frame[first + frame] = by.proofs.frame[by.settings.first_proof[other] + frame]
            to.in_use.proofs[0] += 1
        to.settings.first_proof[mine] = first


def allocate(ends: int, longest: int, gaps: int, more: int = 0) -> tuple[EndWork, Search, Inferred]:
    """Return columns for so many ends, of which one has `longest` gaps and all have `gaps`."""
    claimed, in_use = rows_of(inference.CLAIMED, len(LINUX) * (gaps + longest)), rows_of(inference.IN_USE, 1)
    work = EndWork(
        gaps=rows_of(results.OBSERVED_GAPS, longest + 1),
        corrected=rows_of(inference.CORRECTED_GAPS, 2 * longest),
        typical=rows_of(inference.TYPICAL, 1),
        lengths=rows_of(inference.LENGTHS, longest + FEW),
        ambiguities=rows_of(inference.AMBIGUITIES, MAX_AMBIGUOUS + 1),
        run_counts=rows_of(inference.RUN_COUNTS, longest),
    )
    s = Search(
        clocks=CLOCKS,
        prior=PRIOR,
        hypotheses=rows_of(inference.HYPOTHESES, MAX_QUESTIONS),
        corrected=work.corrected,
        evidence=rows_of(inference.EVIDENCE, 1),
        readings=rows_of(inference.READINGS, longest),
        sharp=rows_of(inference.SHARP, 2 * MAX_PHASED),
        intvls=rows_of(inference.INTVLS, MAX_INTVLS),
        claims=rows_of(inference.CLAIMS, MAX_CLAIMS),
        coarsest=rows_of(inference.CLAIMS, longest + 1),
        solutions=rows_of(inference.SOLUTIONS, MAX_QUESTIONS),
        claimed=claimed,
        in_use=in_use,
    )
    to = Inferred(
        ends=rows_of(results.INFERRED, ends + 1),
        settings=rows_of(results.INFERRED_SETTINGS, SETTINGS * ends),
        proofs=rows_of(results.PROOFS, SETTINGS * MAX_FRAMES * (ends + more)),
        claimed=claimed,
        in_use=in_use,
    )
    return work, s, to
