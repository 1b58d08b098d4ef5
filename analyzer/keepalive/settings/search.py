"""Which questions are put to the search about one end, and what its answers say together.

First: which settings explain its gaps as they seem, then with each ambiguous gap taken as a loss. If nothing does, idle
times and intervals are searched apart from each other. Plain functions over columns: HYPOTHESES and SOLUTIONS have a
row for each question.
"""

from analyzer.engine.dispatch import not_inlined
from analyzer.keepalive.settings.candidates import FIRST_EXACT, SLOW, is_on_slow_tick, wider
from analyzer.keepalive.settings.constraints import TELLS_NOTHING
from analyzer.keepalive.settings.evidence import Search
from analyzer.keepalive.settings.observations import is_idle, is_intvl
from analyzer.schema import ABSENT

MAX_QUESTIONS = 18
"""Most questions: the gaps as they seem, six readings of ambiguous gaps, two kinds of gaps apart; each perhaps of a
slow timer, too."""


@not_inlined
def plan(s: Search, questions: int, gaps: tuple[int, int], ambiguities: tuple[int, int]) -> int:
    """Plan the question which settings explain these gaps, if these ambiguities are losses.

    Return how many questions there are now. With ambiguities, whatever explains the gaps counts as rare. If a slow
    timer may have made the gaps, a second question is which intervals it would have.
    """
    a = s.hypotheses
    is_slow = a.clocks[0] & FIRST_EXACT and may_be_slow(s, gaps[0], gaps[1])
    for strict in range(2 if is_slow else 1):
        row = questions + strict
        a.first_gap[row], a.last_gap[row], a.first_ambiguity[row], a.last_ambiguity[row] = *gaps, *ambiguities
        a.is_whole[row], a.is_strict[row] = a.is_whole[0], strict
        a.clocks[row] = SLOW if strict else a.clocks[0]
        a.is_rare[row] = ambiguities[0] < ambiguities[1] and not strict
    return questions + 1 + (is_slow > 0)


def plan_all(s: Search, rows: int, ambiguous: int, spacings: int, is_alone: bool) -> int:
    """Plan the questions about all gaps; return how many there are.

    The first `ambiguous` rows of AMBIGUITIES are idle times, then come `spacings` lone spacings. `is_alone` tells that
    no idle time is confirmed by another.
    """
    questions = plan(s, 0, (0, rows), (0, 0))
    for ambiguity in range(ambiguous):
        questions = plan(s, questions, (0, rows), (ambiguity, ambiguity + 1))
    if is_alone and ambiguous > 1:
        questions = plan(s, questions, (0, rows), (0, ambiguous))
    return plan(s, questions, (0, rows), (ambiguous, ambiguous + spacings)) if spacings else questions


def may_be_slow(s: Search, first: int, last: int) -> bool:
    """Tell whether a slow timer may have made the gaps.

    Its ticks then show in every distance of probes (lwIP tcp.c tcp_slowtmr), and no shorter interval is measured.
    """
    corrected, idle_ns, spacing_ns = s.corrected, TELLS_NOTHING, ABSENT
    for gap in range(first, last):
        probe_ns = corrected.probe_ns[gap]
        if probe_ns >= 0 and (is_idle(corrected.kind[gap]) or is_intvl(corrected.kind[gap])):
            if not is_on_slow_tick(probe_ns):
                return False
            if is_idle(corrected.kind[gap]):
                idle_ns = min(idle_ns, probe_ns)
            else:
                spacing_ns = max(spacing_ns, probe_ns)
    return idle_ns < TELLS_NOTHING and (spacing_ns == ABSENT or spacing_ns > idle_ns)


def add_all(s: Search, first: int, last: int) -> None:
    """Combine all solutions of these questions, in the rows of those that assume nothing rare."""
    for question in range(first, last):
        if s.hypotheses.is_strict[question]:
            add_intvls(s, question - 1, question)
    for question in range(first, last):
        if s.hypotheses.is_rare[question]:
            add_rare(s, question)


def add_intvls(s: Search, row: int, other: int) -> None:
    """Widen the intervals of a solution by those of a slow timer; its likeliest idle time stays."""
    f = s.solutions
    if f.clocks[row] and f.clocks[other]:
        f.intvl_low[row] = min(f.intvl_low[row], f.intvl_low[other])
        f.intvl_high[row] = wider(f.intvl_high[row], f.intvl_high[other])
        f.is_intvl_known[row] = f.is_intvl_known[row] and not f.is_rare[row]


@not_inlined
def add_rare(s: Search, other: int) -> None:
    """Add a solution that is rare to row 0; of equally likely ones the first is kept."""
    f = s.solutions
    if not f.clocks[other]:
        return
    if f.clocks[0]:
        f.time_low[0] = min(f.time_low[0], f.time_low[other])
        f.intvl_low[0] = min(f.intvl_low[0], f.intvl_low[other])
        f.time_high[0] = wider(f.time_high[0], f.time_high[other])
        f.intvl_high[0] = wider(f.intvl_high[0], f.intvl_high[other])
        f.clocks[0] |= f.clocks[other]
        if not f.is_rare[0]:
            return
        f.is_time_known[0] = f.is_time_known[0] and f.is_time_known[other]
        f.is_intvl_known[0] = f.is_intvl_known[0] and f.is_intvl_known[other]
        if f.weight[other] < f.weight[0] or (f.weight[other] == f.weight[0] and f.time[other] <= max(f.time[0], 0)):
            return
    else:
        f.clocks[0], f.is_rare[0] = f.clocks[other], f.is_rare[other]
        f.time_low[0], f.time_high[0] = f.time_low[other], f.time_high[other]
        f.intvl_low[0], f.intvl_high[0] = f.intvl_low[other], f.intvl_high[other]
        f.is_time_known[0], f.is_intvl_known[0] = f.is_time_known[other], f.is_intvl_known[other]
    f.clock[0], f.time[0], f.intvl[0], f.weight[0] = f.clock[other], f.time[other], f.intvl[other], f.weight[other]
