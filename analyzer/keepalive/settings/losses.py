"""What a capture away from the prober misses, and what its gaps then mean.

At the prober (`is_distant` is false) the capture shows what its stack sent and heard. Anywhere else a frame may be lost
before the capture point or after it, which shows in the lengths of gaps:

- A probe lost before the point is unanswered, and the next one comes an interval later: what should be one interval is
  two, what should be an answered cycle is a cycle and an interval.
- An answer lost after the point was captured, but the prober heard nothing: the next probe comes after an interval, and
  the run of unanswered probes goes on.
- An answer that only the capture lost makes an answered cycle look like a spacing.

Where an end counts its segments in their IP identifications (`Gap.missing`), a probe that was not captured shows in the
next one. Elsewhere the gaps of an end are compared with its own interval, which is the same each time, and with its
typical cycle (`typical`). `correct_for_loss` finds those that are longer or shorter by a loss; those that nothing
confirms are ambiguous (`ambiguous`).

Plain functions over columns: OBSERVED_GAPS as captured in, CORRECTED_GAPS as the prober measured them out.

The timer counts what it sends (tcp_timer.c icsk_probes_out), a capture what passes it: `count_runs` adds up what the
prober had counted, with the probes that are missing within each gap.
"""

from typing import Any

from analyzer.engine.dispatch import not_inlined
from analyzer.keepalive.settings.constraints import TELLS_NOTHING
from analyzer.keepalive.settings.observations import copy_gap, is_idle, is_intvl, is_open
from analyzer.keepalive.settings.typical import (
    MAX_IN_BAND,
    EndWork,
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
    AGREES,
    CYCLE,
    FIRST,
    GIVE_UP,
    PENDING,
    SPACING,
    SURVIVED,
    UNHEARD,
    UNSEEN,
)
from analyzer.schema import ABSENT

DISTANT_NS = 1_000_000
"""Round trip to an end above which the capture was not taken there."""
FEWEST_FOLLOWING = 2
"""Fewest segments with consecutive IP identifications that show that their end counts its segments."""


def has_sign_of_loss(gaps: Any, gap: int) -> bool:
    """Tell whether the end's own identifications, or its timestamp echoes, contradict what was captured."""
    return bool(gaps.missing[gap] > 0 or gaps.echo[gap] == UNHEARD or gaps.echo[gap] == UNSEEN)


def is_distant(gaps: Any, rows: int) -> bool:
    """Tell whether the capture was taken away from this end.

    That is so if the round trip to the end takes time, or if segments of the end seem to be missing, however short the
    round trip is.
    """
    skipping = following = 0
    for gap in range(rows):
        if gaps.has_uncaptured[gap] or gaps.echo[gap] == UNSEEN or gaps.capture_rtt_ns[gap] > DISTANT_NS:
            return True
        skipping += gaps.missing[gap] > 0
        following += gaps.missing[gap] == 0
    counts_its_segments = following >= FEWEST_FOLLOWING and following >= 2 * skipping
    return 0 < skipping <= following and not counts_its_segments


def forget_ambiguous(gaps: Any, rows: int) -> None:
    """Forget what identifications say of spacings if the end is not known to number its segments one by one.

    Idle times keep it, and are ambiguous all the same unless their length is the typical one; so does a lone spacing.
    """
    spacings = 0
    for gap in range(rows):
        spacings += is_intvl(gaps.kind[gap])
    for gap in range(rows):
        if spacings != 1 and is_intvl(gaps.kind[gap]) and gaps.missing[gap] > 0 and not gaps.is_numbered[gap]:
            gaps.missing[gap] = ABSENT


@not_inlined
def correct_for_loss(work: EndWork, rows: int, is_far: bool) -> None:
    """Write the gaps of an end to CORRECTED_GAPS as its prober measured them.

    If the capture was taken at the prober, something may be missing only in runs of unanswered probes, and where
    identifications show it.
    """
    gaps, corrected, typical, was_typical = work.gaps, work.corrected, work.typical, False
    measuring = discarded = 0
    for gap in range(rows):
        take_as_captured(gaps, gap, corrected, gap)
        kind, echo = gaps.kind[gap], gaps.echo[gap]
        if echo == UNHEARD or echo == UNSEEN:
            correct_by_echo(work, gap)
        elif is_intvl(kind):
            correct_spacing(work, gap)
            if not is_far:
                corrected.fewest[gap] = 0
        elif is_far or gaps.missing[gap] > 0:
            correct_idle(work, gap, was_typical)
        was_typical = bool(kind == CYCLE and typical.is_repeated[0] and is_cycle(typical, gaps.probe_ns[gap]))
        if not has_sign_of_loss(gaps, gap) and (is_idle(corrected.kind[gap]) or is_intvl(corrected.kind[gap])):
            measuring += 1
            discarded += corrected.slack_ns[gap] == TELLS_NOTHING
    if 2 * discarded > measuring:  # losses do not explain why gaps differ
        for gap in range(rows):
            if not has_sign_of_loss(gaps, gap):
                take_as_captured(gaps, gap, corrected, gap)
                corrected.jitter_ns[gap] = typical.jitter_ns[0]


@not_inlined
def take_as_captured(gaps: Any, gap: int, corrected: Any, row: int) -> None:
    """Copy a gap as it was captured: whole, and nothing missing."""
    copy_gap(gaps, gap, corrected, row)
    trust_exactly(corrected, row)


def trust_exactly(corrected: Any, gap: int) -> None:
    """Trust a gap to the last tick."""
    corrected.slack_ns[gap] = corrected.jitter_ns[gap] = corrected.is_restart[gap] = 0
    set_missing(corrected, gap, 0, 0)


def set_missing(corrected: Any, gap: int, fewest: int, most: int) -> None:
    """Set how many probes are missing within the gap, at least and at most."""
    corrected.fewest[gap], corrected.most[gap] = fewest, most


def discard(corrected: Any, gap: int, fewest: int, most: int) -> None:
    """Discard a gap's length, as no single run of a timer made it; so many probes are missing in it."""
    corrected.slack_ns[gap] = TELLS_NOTHING
    set_missing(corrected, gap, fewest, most)


def make_spacing(corrected: Any, gap: int) -> None:
    """Make a gap a spacing: the prober had not heard the answer that was captured."""
    corrected.kind[gap], corrected.unanswered[gap] = SPACING, 1


def correct_by_echo(work: EndWork, gap: int) -> None:
    """Correct a gap whose echo does not agree with the answers that were captured.

    The prober had not heard the answer that was captured, or had heard one that was not. When that came, and which of
    the missing probes it answered, is unknown; by the gap's end the idle time was over.
    """
    gaps, corrected, typical = work.gaps, work.corrected, work.typical
    missing, probe_ns = max(gaps.missing[gap], 0), gaps.probe_ns[gap]
    corrected.jitter_ns[gap] = typical.jitter_ns[0]
    if gaps.echo[gap] == UNHEARD:
        make_spacing(corrected, gap)
        is_after = is_after_unheard(gaps, gap)
        if is_after or missing > 0:
            corrected.slack_ns[gap] = TELLS_NOTHING
        set_missing(corrected, gap, missing, missing)
        if is_after:
            set_missing(corrected, gap, 0, max(missing, most_in(typical, probe_ns)))
        return
    since_ns = probe_ns
    if is_idle(gaps.kind[gap]):
        since_ns = gaps.heard_ns[gap]
    else:
        corrected.kind[gap] = CYCLE
    corrected.heard_ns[gap] = corrected.any_ns[gap] = corrected.since_new_segment_ns[gap] = since_ns
    most = missing if gaps.missing[gap] >= 0 else most_in(typical, since_ns)
    corrected.slack_ns[gap], corrected.is_restart[gap] = max(since_ns, 0), 1
    set_missing(corrected, gap, 0, max(0, most - 1) if is_idle(gaps.kind[gap]) else most)


def correct_spacing(work: EndWork, gap: int) -> None:
    """Correct a gap after an unanswered probe.

    It is one interval; or several, and probes are missing; or a cycle, and an answer is missing.
    """
    gaps, corrected, typical = work.gaps, work.corrected, work.typical
    probe_ns, missing, unanswered = gaps.probe_ns[gap], gaps.missing[gap], gaps.unanswered[gap]
    corrected.jitter_ns[gap] = typical.jitter_ns[0]
    if probe_ns < 0:
        return
    intvls, is_answered = intvls_in(typical, probe_ns, unanswered >= 2), is_cycle(typical, probe_ns)
    if missing > 0 and intvls != 1:  # within one interval it is no probe that is missing
        most = min(missing, intvls - 1) if intvls else missing
        discard(corrected, gap, most if intvls else 0, most)
    elif intvls != 1 and (is_answered or (intvls and missing)):
        if intvls:
            discard(corrected, gap, -unanswered if is_answered else intvls - 1, intvls - 1)
        else:
            discard(corrected, gap, 0, 0)
            corrected.is_restart[gap] = 1


def correct_idle(work: EndWork, gap: int, was_typical: bool) -> None:
    """Correct a gap after traffic or an answered probe, or one that a timer survived.

    What was survived says less if a probe may be missing. `was_typical` tells that the typical cycle came before, so
    that only a loss can make this gap differ from it.
    """
    gaps, corrected, typical = work.gaps, work.corrected, work.typical
    kind, missing, heard_ns = gaps.kind[gap], gaps.missing[gap], gaps.heard_ns[gap]
    corrected.jitter_ns[gap] = typical.jitter_ns[0]
    if kind == PENDING or is_open(gaps, gap):  # the give-up may be lost; nothing shows that the end was still there
        corrected.slack_ns[gap] = TELLS_NOTHING
        return
    if kind == SURVIVED:
        corrected.slack_ns[gap] = one_more_ns(typical, heard_ns)
        return
    duration_ns = gaps.probe_ns[gap] if kind == CYCLE else heard_ns
    is_typical = is_cycle(typical, duration_ns)
    if missing > 0 and not gaps.is_numbered[gap] and typical.is_repeated[0] and is_typical:
        return  # as long as ever: the identifications number other connections' segments, too
    if missing > 0 and kind == CYCLE:  # after traffic it may as well be an ACK that is missing
        discard(corrected, gap, missing if is_cycle_and_intvls(typical, duration_ns, missing) else 0, missing)
        return
    if gaps.has_uncaptured[gap] and missing < 0 and typical.cycle_ns[0] < 0 <= duration_ns:
        corrected.slack_ns[gap] = duration_ns
        set_missing(corrected, gap, 0, most_in(typical, duration_ns))
        return
    is_confirmed = is_typical and (kind == CYCLE or typical.is_repeated[0])
    if missing > 0 and duration_ns >= 0 and not is_confirmed:
        corrected.slack_ns[gap] = idle_slack_ns(gaps, gap, typical)
        set_missing(corrected, gap, 0, missing)
    if typical.cycle_ns[0] >= 0 and duration_ns >= 0 and not is_typical:
        correct_atypical(work, gap, duration_ns, was_typical)


def correct_atypical(work: EndWork, gap: int, duration_ns: int, was_typical: bool) -> None:
    """Correct an idle time, or an answered cycle, that is not as long as the others.

    One of an interval's length follows an answer that was not heard, unless the end echoes that answer's timestamp:
    then its settings were changed.
    """
    gaps, corrected, typical = work.gaps, work.corrected, work.typical
    is_first, probe_ns = gaps.kind[gap] == FIRST, gaps.probe_ns[gap]
    if is_first and probe_ns >= 0 and (typical.intvl_ns[0] <= 0 or intvls_in(typical, probe_ns, 0) == 1):
        return  # traffic, while the interval's timer was running
    if duration_ns > typical.cycle_ns[0]:
        if gaps.missing[gap] != 0:
            if is_first:
                fewest, _, most = lost_in_first(typical, duration_ns)
            else:
                fewest, _, most = lost_in_cycle(typical, duration_ns, was_typical)
            if most:
                discard(corrected, gap, fewest, most)
        return
    intvls = 0 if is_first else intvls_in(typical, duration_ns, 0)
    may_be_typical = may_be_cycle(typical, duration_ns)
    if intvls == 1 and may_be_typical:  # cycles of nearly an interval vary by themselves
        if was_typical:
            discard(corrected, gap, 0, 0)
    elif 0 < intvls <= MAX_IN_BAND and not may_be_typical and gaps.echo[gap] != AGREES:
        make_spacing(corrected, gap)
        set_missing(corrected, gap, intvls - 1, intvls - 1)
        corrected.slack_ns[gap] = 0 if intvls == 1 else TELLS_NOTHING


def idle_slack_ns(gaps: Any, gap: int, typical: Any) -> int:
    """Return by how much an idle time may be longer than its timer, in ns, if a probe was lost before its end."""
    missing: int = gaps.missing[gap]
    heard_ns: int = gaps.heard_ns[gap]
    if missing > 0:  # so many intervals longer than the idle time, or so many times its length
        whole_ns = heard_ns + lateness_ns(heard_ns)
        return max(missing * one_more_ns(typical, heard_ns), whole_ns * missing // (missing + 1))
    if gaps.kind[gap] == CYCLE and (typical.intvl_ns[0] < 0 or intvls_in(typical, gaps.probe_ns[gap], 0)):
        return TELLS_NOTHING
    return one_more_ns(typical, heard_ns)


def has_losses(corrected: Any, rows: int) -> bool:
    """Tell whether something is missing, or seems to be."""
    for gap in range(rows):  # noqa: SIM110  # numba compiles no generators
        if corrected.most[gap] > 0 or has_sign_of_loss(corrected, gap):
            return True
    return False


def believe_prober(work: EndWork, rows: int) -> bool:
    """Trust the gaps without a sign of loss exactly; tell whether any of them had been corrected.

    At the prober itself only gaps with such a sign differ from what was captured.
    """
    corrected, is_other = work.corrected, False
    for gap in range(rows):
        if not has_sign_of_loss(work.gaps, gap):
            is_other = (
                is_other or corrected.slack_ns[gap] > 0 or corrected.most[gap] > 0 or corrected.is_restart[gap] > 0
            )
            trust_exactly(corrected, gap)
    return is_other


def make_counts_ambiguous(corrected: Any, rows: int) -> None:
    """Lower the least number of missing probes to 0: perhaps nothing was lost, and the gaps differ otherwise."""
    for gap in range(rows):
        corrected.fewest[gap] = min(0, corrected.fewest[gap])


def count_runs(corrected: Any, rows: int, run_counts: Any) -> None:
    """Write what the prober had counted by the end of each gap to RUN_COUNTS, if only the visible losses happened.

    A gap may have been left out, so that the next one counts more than one probe more, or belongs to another run.
    """
    fewest = most = unheard_ns = captured = runs = 0
    for gap in range(rows):
        kind, unanswered = corrected.kind[gap], corrected.unanswered[gap]
        if kind == SURVIVED:
            continue
        left_out = unanswered - captured
        captured = 1 if is_unheard(corrected, gap) else unanswered + 1
        if kind == FIRST or kind == CYCLE or corrected.is_restart[gap]:
            fewest = most = unheard_ns = 0
        elif left_out < 0:
            fewest = most = unanswered
            unheard_ns = 0
        elif fewest == 0 and most == 0:
            fewest = most = unanswered
        elif is_unheard(corrected, gap):
            unheard_ns += corrected.probe_ns[gap]
        if left_out > 0 and runs and most < unanswered:
            fewest, most = fewest + left_out, most + left_out
        fewest, most = max(0, fewest + corrected.fewest[gap]), most + corrected.most[gap]
        run_counts.fewest[gap], run_counts.most[gap] = fewest, most
        run_counts.unheard_ns[gap] = unheard_ns
        runs += 1
        if kind == GIVE_UP:
            fewest = most = 0
        else:
            fewest, most = fewest + 1, most + 1


def is_unheard(corrected: Any, gap: int) -> bool:
    """Tell whether an answer was captured that the prober did not hear, so that its clock began with an earlier one."""
    return bool(corrected.kind[gap] == SPACING and 0 <= corrected.heard_ns[gap] <= corrected.probe_ns[gap])
