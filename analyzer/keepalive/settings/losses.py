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
and with its usual cycle (`usual`). `mend` finds those that are longer or shorter by a loss; those that nothing confirms
are doubted (`doubts`).

Plain functions over columns: HEARD_GAPS as captured in, SEEN as the prober lived it out.
"""

from typing import Any

from analyzer.engine.dispatch import apart
from analyzer.keepalive.settings.constraints import TELLS_NOTHING
from analyzer.keepalive.settings.typical import (
    MAX_IN_BAND,
    Lived,
    intvls_in,
    is_after_unheard,
    is_cycle,
    is_cycle_and_intvls,
    lateness_ns,
    lost_in_cycle,
    lost_in_first,
    may_be_cycle,
    most_in,
    one_more_ns,
)
from analyzer.keepalive.story.values import (
    CYCLE,
    FIRST,
    GIVE_UP,
    PENDING,
    SPACING,
    SURVIVED,
    UNHEARD,
    UNSEEN,
)
from analyzer.schema import NEVER

DISTANT_NS = 1_000_000
"""A segment needs longer to an end and back: the capture was not taken there."""
FEWEST_COUNTED = 2
"""So many segments that follow each other by their IP identifications show that their end counts them."""


def is_idle(kind: int) -> bool:
    """A timer of the idle time may have ended such a gap."""
    return kind == FIRST or kind == CYCLE


def is_intvl(kind: int) -> bool:
    """The interval's timer ended such a gap."""
    return kind == SPACING or kind == GIVE_UP


def has_sign_of_loss(gaps: Any, it: int) -> bool:
    """The end's own identifications, or what it echoes of the other's, do not agree with what was captured."""
    return bool(gaps.missing[it] > 0 or gaps.echo[it] == UNHEARD or gaps.echo[it] == UNSEEN)


def is_distant(gaps: Any, rows: int) -> bool:
    """The way to the end and back takes time; or segments of the end seem to be missing, on however short a way."""
    skipping = following = 0
    for it in range(rows):
        if gaps.is_torn[it] or gaps.echo[it] == UNSEEN or gaps.lag_ns[it] > DISTANT_NS:
            return True
        skipping += gaps.missing[it] > 0
        following += gaps.missing[it] == 0
    counts_its_segments = following >= FEWEST_COUNTED and following >= 2 * skipping
    return 0 < skipping <= following and not counts_its_segments


def forget_doubtful(gaps: Any, rows: int) -> None:
    """What identifications say of an end that is not sure to number its segments by them.

    An idle time is doubted all the same, unless its length is the usual one; so is a spacing that is the only one.
    """
    spacings = 0
    for it in range(rows):
        spacings += is_intvl(gaps.kind[it])
    for it in range(rows):
        if spacings != 1 and is_intvl(gaps.kind[it]) and gaps.missing[it] > 0 and not gaps.is_numbered[it]:
            gaps.missing[it] = NEVER


@apart
def mend(lived: Lived, rows: int, is_far: bool) -> None:
    """The gaps of an end as the prober lived them; where it was captured itself only runs may have holes,
    and what lacks segments by their identifications.
    """
    gaps, seen, usual, was_usual = lived.gaps, lived.seen, lived.usual, False
    told = spoilt = 0
    for it in range(rows):
        take(gaps, it, seen, it)
        kind, echo = gaps.kind[it], gaps.echo[it]
        if echo == UNHEARD or echo == UNSEEN:
            mend_by_echo(lived, it)
        elif is_intvl(kind):
            mend_spacing(lived, it)
            if not is_far:
                seen.fewest[it] = 0
        elif is_far or gaps.missing[it] > 0:
            mend_idle(lived, it, was_usual)
        was_usual = bool(kind == CYCLE and usual.is_repeated[0] and is_cycle(usual, gaps.probe_ns[it]))
        if not has_sign_of_loss(gaps, it) and (is_idle(seen.kind[it]) or is_intvl(seen.kind[it])):
            told += 1
            spoilt += seen.slack_ns[it] == TELLS_NOTHING
    if 2 * spoilt > told:  # it is not losses that make the gaps differ
        for it in range(rows):
            if not has_sign_of_loss(gaps, it):
                take(gaps, it, seen, it)
                seen.jitter_ns[it] = usual.jitter_ns[0]


@apart
def take(gaps: Any, it: int, seen: Any, row: int) -> None:
    """A gap as it was captured: whole, and nothing missing."""
    seen.kind[row], seen.frame[row], seen.unanswered[row] = gaps.kind[it], gaps.frame[it], gaps.unanswered[it]
    seen.heard_ns[row], seen.any_ns[row], seen.speech_ns[row] = gaps.heard_ns[it], gaps.any_ns[it], gaps.speech_ns[it]
    seen.probe_ns[row], seen.lag_ns[row], seen.missing[row] = gaps.probe_ns[it], gaps.lag_ns[it], gaps.missing[it]
    seen.echo[row], seen.is_torn[row], seen.is_numbered[row] = gaps.echo[it], gaps.is_torn[it], gaps.is_numbered[it]
    seen.ceilings[row] = gaps.ceilings[it]
    trust(seen, row)


def trust(seen: Any, it: int) -> None:
    """What it says is believed to the last tick."""
    seen.slack_ns[it] = seen.jitter_ns[it] = seen.is_restart[it] = 0
    miss(seen, it, 0, 0, 0)


def miss(seen: Any, it: int, fewest: int, best: int, most: int) -> None:
    seen.fewest[it], seen.best[it], seen.most[it] = fewest, best, most


def spoil(seen: Any, it: int, fewest: int, best: int, most: int) -> None:
    """No single run of a timer made it: so many probes are missing in it."""
    seen.slack_ns[it] = TELLS_NOTHING
    miss(seen, it, fewest, best, most)


def make_spacing(seen: Any, it: int) -> None:
    """The prober had not heard the answer that was captured."""
    seen.kind[it], seen.unanswered[it] = SPACING, 1


def mend_by_echo(lived: Lived, it: int) -> None:
    """The prober had not heard the answer that was captured, or had heard one that was not.

    When that came, and which of the missing probes it answered, nothing tells; by the gap's end the idle time was over.
    """
    gaps, seen, usual = lived.gaps, lived.seen, lived.usual
    missing, probe_ns = max(gaps.missing[it], 0), gaps.probe_ns[it]
    seen.jitter_ns[it] = usual.jitter_ns[0]
    if gaps.echo[it] == UNHEARD:
        make_spacing(seen, it)
        is_after = is_after_unheard(gaps, it)
        if is_after or missing > 0:
            seen.slack_ns[it] = TELLS_NOTHING
        miss(seen, it, missing, missing, missing)
        if is_after:
            miss(seen, it, 0, missing, max(missing, most_in(usual, probe_ns)))
        return
    since_ns = probe_ns
    if is_idle(gaps.kind[it]):
        since_ns = gaps.heard_ns[it]
    else:
        seen.kind[it] = CYCLE
    seen.heard_ns[it] = seen.any_ns[it] = seen.speech_ns[it] = since_ns
    most = missing if gaps.missing[it] >= 0 else most_in(usual, since_ns)
    seen.slack_ns[it], seen.is_restart[it] = max(since_ns, 0), 1
    miss(seen, it, 0, 0, max(0, most - 1) if is_idle(gaps.kind[it]) else most)


def mend_spacing(lived: Lived, it: int) -> None:
    """After an unanswered probe: one interval; or more, and probes are missing; or a cycle, and an answer is."""
    gaps, seen, usual = lived.gaps, lived.seen, lived.usual
    probe_ns, missing, unanswered = gaps.probe_ns[it], gaps.missing[it], gaps.unanswered[it]
    seen.jitter_ns[it] = usual.jitter_ns[0]
    if probe_ns < 0:
        return
    intvls, is_answered = intvls_in(usual, probe_ns, unanswered >= 2), is_cycle(usual, probe_ns)
    if missing > 0 and intvls != 1:  # within one interval it is no probe that is missing
        best = min(missing, intvls - 1) if intvls else missing
        spoil(seen, it, best if intvls else 0, best, best)
    elif intvls != 1 and (is_answered or (intvls and missing)):
        if intvls:
            spoil(seen, it, -unanswered if is_answered else intvls - 1, intvls - 1, intvls - 1)
        else:
            spoil(seen, it, 0, 0, 0)
            seen.is_restart[it] = 1


def mend_idle(lived: Lived, it: int, was_usual: bool) -> None:
    """After traffic or an answered probe; what a timer survived says less where a probe may be missing.

    `was_usual`: the usual cycle came before, so that nothing but a loss makes this one another.
    """
    gaps, seen, usual = lived.gaps, lived.seen, lived.usual
    kind, missing, heard_ns = gaps.kind[it], gaps.missing[it], gaps.heard_ns[it]
    seen.jitter_ns[it] = usual.jitter_ns[0]
    if kind == PENDING or is_open(gaps, it):  # the give-up may be lost; nothing shows that the end was still there
        seen.slack_ns[it] = TELLS_NOTHING
        return
    if kind == SURVIVED:
        seen.slack_ns[it] = one_more_ns(usual, heard_ns)
        return
    duration_ns = gaps.probe_ns[it] if kind == CYCLE else heard_ns
    is_usual = is_cycle(usual, duration_ns)
    if missing > 0 and not gaps.is_numbered[it] and usual.is_repeated[0] and is_usual:
        return  # as long as ever: the identifications number other connections' segments, too
    if missing > 0 and kind == CYCLE:  # after traffic it may as well be an ACK that is missing
        spoil(seen, it, missing if is_cycle_and_intvls(usual, duration_ns, missing) else 0, missing, missing)
        return
    if gaps.is_torn[it] and missing < 0 and usual.cycle_ns[0] < 0 <= duration_ns:
        seen.slack_ns[it] = duration_ns
        miss(seen, it, 0, 0, most_in(usual, duration_ns))
        return
    is_confirmed = is_usual and (kind == CYCLE or usual.is_repeated[0])
    if missing > 0 and duration_ns >= 0 and not is_confirmed:
        seen.slack_ns[it] = idle_slack_ns(gaps, it, usual)
        miss(seen, it, 0, 0, missing)
    if usual.cycle_ns[0] >= 0 and duration_ns >= 0 and not is_usual:
        mend_unusual(lived, it, duration_ns, was_usual)


def mend_unusual(lived: Lived, it: int, duration_ns: int, was_usual: bool) -> None:
    """An idle time, or an answered cycle, that is not as long as the others."""
    gaps, seen, usual = lived.gaps, lived.seen, lived.usual
    is_first, probe_ns = gaps.kind[it] == FIRST, gaps.probe_ns[it]
    if is_first and probe_ns >= 0 and (usual.intvl_ns[0] <= 0 or intvls_in(usual, probe_ns, 0) == 1):
        return  # traffic, while the interval's timer was running
    if duration_ns > usual.cycle_ns[0]:
        if gaps.missing[it] != 0:
            if is_first:
                fewest, best, most = lost_in_first(usual, duration_ns)
            else:
                fewest, best, most = lost_in_cycle(usual, duration_ns, was_usual)
            if most:
                spoil(seen, it, fewest, best, most)
        return
    intvls = 0 if is_first else intvls_in(usual, duration_ns, 0)
    may_be_usual = may_be_cycle(usual, duration_ns)
    if intvls == 1 and may_be_usual:  # cycles of nearly an interval vary by themselves
        if was_usual:
            spoil(seen, it, 0, 0, 0)
    elif 0 < intvls <= MAX_IN_BAND and not may_be_usual:
        make_spacing(seen, it)
        miss(seen, it, intvls - 1, intvls - 1, intvls - 1)
        seen.slack_ns[it] = 0 if intvls == 1 else TELLS_NOTHING


def is_open(gaps: Any, it: int) -> bool:
    """The capture's end ended it (`timeline.Gap.is_open`)."""
    return bool(gaps.kind[it] == PENDING or (gaps.kind[it] == SURVIVED and gaps.any_ns[it] < 0))


def idle_slack_ns(gaps: Any, it: int, usual: Any) -> int:
    """By so much an idle time may be longer than its timer, if a probe was lost before its end."""
    missing: int = gaps.missing[it]
    heard_ns: int = gaps.heard_ns[it]
    if missing > 0:  # so many intervals longer than the idle time, or so many times its length
        whole_ns = heard_ns + lateness_ns(heard_ns)
        return max(missing * one_more_ns(usual, heard_ns), whole_ns * missing // (missing + 1))
    if gaps.kind[it] == CYCLE and (usual.intvl_ns[0] < 0 or intvls_in(usual, gaps.probe_ns[it], 0)):
        return TELLS_NOTHING
    return one_more_ns(usual, heard_ns)


def has_losses(seen: Any, rows: int) -> bool:
    """Something is missing, or seems to be."""
    for it in range(rows):  # noqa: SIM110  # numba compiles no generators
        if seen.most[it] > 0 or has_sign_of_loss(seen, it):
            return True
    return False


def believe_prober(lived: Lived, rows: int) -> bool:
    """At the prober itself only what bears a sign of loss is another than it was captured: is anything else?"""
    seen, is_other = lived.seen, False
    for it in range(rows):
        if not has_sign_of_loss(lived.gaps, it):
            is_other = is_other or seen.slack_ns[it] > 0 or seen.most[it] > 0 or seen.is_restart[it] > 0
            trust(seen, it)
    return is_other


def doubt_counts(seen: Any, rows: int) -> None:
    """Perhaps nothing was lost, and the gaps differ for another reason."""
    for it in range(rows):
        seen.fewest[it] = min(0, seen.fewest[it])
