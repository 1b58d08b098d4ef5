"""The rules for probes that nothing answers: whose fault it is, whether their end still tries, when it gave up.

While nobody answers for the peer's address on the link, probes and resends are not sent. Each makes its host send a
solicitation instead (net/core/neighbour.c __neigh_event_send), so that solicitations come when the probes would have
come.

Kernels over a batch of stories; each rule fills the flow's row if it holds.
"""

from typing import Any

from analyzer.keepalive.model.linux import RATES, SECOND, fires_at, jiffies_ns, wheel_depth
from analyzer.keepalive.story.holes import MANY_MISSING
from analyzer.keepalive.story.values import CYCLE, FIRST, SPACING
from analyzer.keepalive.tags.rules import ANSWER_NS
from analyzer.keepalive.verdict import values
from analyzer.keepalive.verdict.batch import Batch, conclude, note_delay, prove, show_asked, show_run
from analyzer.keepalive.verdict.os_errors import ETIMEDOUT
from analyzer.keepalive.verdict.reset_sender import is_give_up
from analyzer.keepalive.verdict.values import because
from analyzer.schema import ABSENT

SILENCE = 2
"""A run of probes has ended without a RST when this many of its intervals pass without a probe."""
LATEST = 8
"""A timer is late by an eighth of its time at most (timer_wheel LVL_GRAN)."""
ALIKE, JITTER_NS = 256, 250_000_000
"""Spacings that are alike differ by less than this part of them, and by what the way to the capture point varies."""
FEWEST_ALIKE = 3
"""Unanswered probes after which two spacings are known, of which the second is what all others are."""
LONGEST_INTERVAL_NS = 90_000_000_000
"""Stands for an interval that the run does not show: the default of 75 s, a timer's lateness included."""
SOLICITED_NS = 3_200_000_000
"""A solicitation is under way for three tries, a second apart (net/core/neighbour.c mcast_solicit)."""
LEAST_SHARE = 50
"""Of a thousand segments: as many are reckoned with where a flow shows only that some are missing."""
RARELY = 5_000
"""Answers are missing by chance no more often than once in so many runs."""
FEWEST_SPURIOUS = 3
"""Fewer resends of what was acknowledged may be due to a round trip that took longer than usual."""
SHORTEST_INTERVAL_NS = 1_200_000_000
"""Tries of one solicitation are 1 s apart and show no interval of the timer."""
FEWEST_ASKED = 4
"""Fewest solicitations that show the grid of a timer: the first interval is shorter, since the first of them was
late."""
ON_WHEEL_NS = 10_000_000
"""Largest deviation of a timer that runs out evenly: a tick of the slowest clock."""
EXACT_NS = 10_000_000
"""Most by which an interval of an exact timer is longer than it was set to, or shorter."""
MARKED_NS = 20_000_000
"""A wheel that makes an interval later by less cannot be told from a program that waits whole seconds."""
LONGEST_NS = 119_000_000_000
"""Longest spacing that only a keepalive timer explains: resends come evenly, too, once they have backed off to their
limit (tcp.h TCP_RTO_MAX)."""


def gave_up(batch: Batch, flow_row: int) -> bool:
    """Conclude TIMED_OUT or UNREACHABLE where a RST came an interval after the last unanswered probe.

    See tcp_timer.c tcp_keepalive_timer.
    """
    story, verdict = batch.stories.flows[flow_row], batch.verdicts[flow_row]
    if story.run_end == ABSENT or not is_give_up(batch.rows, batch.stories, flow_row):
        return False
    rst, why = batch.rows.candidates[story.reset_row], why_silent(batch, flow_row)
    conclude(batch, flow_row, outcome_of(why), confidence_of(why), because(values.GIVE_UP_RST, why))
    verdict.cause, verdict.prober, verdict.errno = cause_of(why), rst.end, errno_of_probes(batch, flow_row, why)
    note_delay(batch, flow_row, rst.ts_ns, batch.stories.ends[2 * flow_row + story.run_end].run_heard_ns)
    show_run(batch, flow_row)
    prove(batch, flow_row, rst.frame)
    return True


def is_probing(batch: Batch, flow_row: int) -> bool:
    """Conclude on unanswered probes without a RST: still running at the capture's end, or given up in silence.

    In between, when the next probe is overdue, nobody knows; nor after a single one where others were lost before; nor
    once another was due in a capture that lacks many frames, as it may lack that probe, or the RST.

    Where nobody answers ARP for the peer, the solicitations stand for probes that are not sent, or for those of another
    connection to it, if there is one.
    """
    story, verdict = batch.stories.flows[flow_row], batch.verdicts[flow_row]
    if story.run_end != ABSENT and not is_one_stray_loss(batch, flow_row):
        end = story.run_end
        heard_ns, probe_ns = batch.stories.ends[2 * flow_row + end].run_heard_ns, last_probe_ns(batch, flow_row, end)
        show_run(batch, flow_row)
    elif stand_for_probes(batch, flow_row):
        end = 1 - batch.context[flow_row].silent_end
        heard_ns, probe_ns = batch.rows.ends[2 * story.flow + 1 - end].last_ns, ABSENT
    else:
        return False
    show_asked(batch, flow_row)
    why, longest_ns = why_silent(batch, flow_row), longest_spacing_ns(batch, flow_row)
    verdict.cause, verdict.prober = cause_of(why), end
    prober = batch.stories.ends[2 * flow_row + end]
    own_ns = max(probe_ns, batch.rows.flows[story.flow].last_ns)
    last_ns = max(own_ns, last_asked_ns(batch, flow_row))
    is_spaced = longest_ns >= SHORTEST_INTERVAL_NS or (story.run_end != ABSENT and prober.unanswered > 1)
    wait_ns = longest_ns if is_spaced else longest_interval_ns(batch, flow_row)
    silent_ns, is_single = story.capture_end_ns - last_ns, story.run_end != ABSENT and prober.unanswered == 1
    least_ns = least_spacing_ns(batch, flow_row)
    due_ns = latest_ns(wait_ns, least_ns, prober.unanswered) if is_spaced else SILENCE * wait_ns
    if prober.pace_kind == SPACING and prober.unanswered >= FEWEST_ALIKE:
        due_ns = min(due_ns, prober.pace_ns + prober.pace_ns // ALIKE + JITTER_NS)
    if is_single:  # hardly anybody waits longer for the second probe than for the first
        due_ns = min(due_ns, longest_idle_ns(batch, flow_row) + longest_idle_ns(batch, flow_row) // LATEST)
    if story.lacks:
        due_ns = min(due_ns, wait_ns)
    if due_ns < silent_ns <= SILENCE * wait_ns:
        return is_left_open(batch, flow_row, values.PROBES_CEASED)
    if silent_ns <= due_ns and is_single and (prober.lost > 1 or story.lacks):
        return is_left_open(batch, flow_row, values.ONE_UNANSWERED)
    if silent_ns <= due_ns < story.capture_end_ns - own_ns and not batch.context[flow_row].is_only:
        return is_left_open(batch, flow_row, values.NEIGHBOUR_SILENT)
    if silent_ns <= due_ns and story.lacks >= MANY_MISSING and silent_ns > least_ns - least_ns // LATEST:
        return is_left_open(batch, flow_row, values.TOO_MUCH_MISSING)
    if silent_ns <= due_ns:
        confidence = values.LIKELY if is_single else confidence_of(why)
        conclude(batch, flow_row, values.PROBING, confidence, because(values.RUN_GOES_ON, why))
        return True
    sign = values.SILENT_AFTER_PROBES if prober.probes else values.ASKED_BY_TIMER
    conclude(batch, flow_row, outcome_of(why), values.LIKELY, because(sign, because(values.SILENT_GIVE_UP, why)))
    verdict.errno = errno_of_probes(batch, flow_row, why)
    note_delay(batch, flow_row, given_up_ns(batch, flow_row, probe_ns, longest_ns), heard_ns)
    return True


def is_left_open(batch: Batch, flow_row: int, reason: int) -> bool:
    """Conclude UNKNOWN about a run of probes, which goes on or has ended; always return True."""
    conclude(batch, flow_row, values.UNKNOWN, values.LIKELY, because(reason, 0))
    batch.verdicts[flow_row].cause = batch.verdicts[flow_row].prober = ABSENT
    return True


def errno_of_probes(batch: Batch, flow_row: int, why: int) -> int:
    """Return what the application sees when probes are given up; ABSENT where that depends on the stack.

    Linux discards ICMP errors that quote a probe (tcp_ipv4.c tcp_v4_err); FreeBSD (tcp_drop) and gVisor report the last
    of them. Their timers are exact, while the wheel makes intervals longer by more than a few milliseconds.
    """
    off_ns = (least_spacing_ns(batch, flow_row) + EXACT_NS) % SECOND
    is_exact = batch.stories.flows[flow_row].run_end == ABSENT or off_ns <= 2 * EXACT_NS
    return ABSENT if cause_of(why) == values.PATH_UNREACHABLE and is_exact else ETIMEDOUT


def may_lack_answers(batch: Batch, flow_row: int) -> bool:
    """Conclude UNKNOWN where a run of probes has no answers in a capture that lacks frames, and may have had them.

    A prober that hears no answer probes again after an interval, and one that hears it after its idle time: where the
    interval is the shorter, the spacings of the run tell. A long run is no accident.
    """
    story = batch.stories.flows[flow_row]
    if not story.lacks or story.run_end == ABSENT or is_one_stray_loss(batch, flow_row):
        return False
    unanswered = batch.stories.ends[2 * flow_row + story.run_end].unanswered
    if not may_all_be_missing(unanswered, story.lacks) or is_run_spaced(batch, flow_row):
        return False
    conclude(batch, flow_row, values.UNKNOWN, values.LIKELY, because(values.ANSWERS_MISSING, 0))
    show_run(batch, flow_row)
    return True


def may_all_be_missing(answers: int, lacks: int) -> bool:
    """Tell whether so many answers in a row may be missing by chance where `lacks` of a thousand segments are."""
    share, chance = max(lacks, LEAST_SHARE), 1000 * RARELY
    for _ in range(answers):
        chance = chance * share // 1000
    return chance > 1000


def is_run_spaced(batch: Batch, flow_row: int) -> bool:
    """Tell whether the run's probes follow each other sooner than those that were answered."""
    t, least_cycle_ns, least_ns = batch.stories.flows, ABSENT, least_spacing_ns(batch, flow_row)
    for row in range(t[flow_row].first_gap, t[flow_row + 1].first_gap):
        gap = batch.stories.gaps[row]
        if gap.end == t[flow_row].run_end and (gap.kind == CYCLE or gap.kind == FIRST):
            least_cycle_ns = gap.any_ns if least_cycle_ns == ABSENT else min(least_cycle_ns, gap.any_ns)
    return bool(least_ns != ABSENT and (least_cycle_ns == ABSENT or 8 * least_ns < 7 * least_cycle_ns))


def least_spacing_ns(batch: Batch, flow_row: int) -> int:
    """Return the shortest time in ns between two probes of its end of which the first went unanswered, ABSENT without
    any."""
    t, least_ns = batch.stories.flows, ABSENT
    for row in range(t[flow_row].first_gap, t[flow_row + 1].first_gap):
        gap = batch.stories.gaps[row]
        if gap.end == t[flow_row].run_end and gap.kind == SPACING and gap.unanswered > 0:
            least_ns = gap.probe_ns if least_ns == ABSENT else min(least_ns, gap.probe_ns)
    return least_ns


def latest_ns(longest_ns: int, least_ns: int, unanswered: int) -> int:
    """Return within which time in ns after a probe the next one is due, given the longest and shortest spacing before.

    All spacings but the first of a run are alike; one that is far longer lacks a probe.
    """
    if 0 < least_ns < longest_ns - longest_ns // LATEST:
        longest_ns = least_ns
    return longest_ns + (longest_ns // LATEST if unanswered < FEWEST_ALIKE else longest_ns // ALIKE + JITTER_NS)


def is_one_stray_loss(batch: Batch, flow_row: int) -> bool:
    """Tell whether only one probe is unanswered, and that may be mere loss.

    The peer was heard since, or the capture ends before an answer was due and lacks nothing.
    """
    story = batch.stories.flows[flow_row]
    end_row = 2 * flow_row + story.run_end
    prober, peer = batch.stories.ends[end_row], batch.stories.ends[end_row ^ 1]
    if prober.unanswered - prober.excused > 1 or batch.context[flow_row].asked or prober.icmp_errors:
        return False
    sent_ns = last_probe_ns(batch, flow_row, story.run_end)
    return bool(peer.sent_ns > sent_ns or (story.capture_end_ns - sent_ns < ANSWER_NS and not story.lacks))


def last_probe_ns(batch: Batch, flow_row: int, end: int) -> int:
    """Return when the end's last probe was captured, in ns."""
    probe = batch.stories.probes[batch.stories.ends[2 * flow_row + end].last_probe]
    sent_ns: int = batch.rows.candidates[probe.row].ts_ns
    return sent_ns


def last_asked_ns(batch: Batch, flow_row: int) -> int:
    """Return when the end that fell silent was last asked for on the link, -1 if never."""
    context = batch.context[flow_row]
    return batch.asked[context.first_asked + context.asked - 1].ts_ns if context.asked else ABSENT


def stand_for_probes(batch: Batch, flow_row: int) -> bool:
    """Tell whether solicitations stand for probes that could not be sent.

    A prober's host sends them; or somebody sends them for the only connection there, as evenly as nothing but a timer
    of Linux runs out.
    """
    context = batch.context[flow_row]
    if context.silent_end == ABSENT or not context.asked:
        return False
    is_prober = batch.stories.ends[2 * flow_row + 1 - context.silent_end].probes > 0
    first, last = context.first_asked, context.first_asked + context.asked
    return is_prober or (context.is_only > 0 and are_on_wheel(batch.asked, first, last))


def longest_spacing_ns(batch: Batch, flow_row: int) -> int:
    """Return the longest time in ns between ticks of the prober's timer, 0 without two.

    Ticks are unanswered probes, and first tries of solicitations.
    """
    c, p, context, asked = batch.rows.candidates, batch.stories.probes, batch.context[flow_row], batch.asked
    end, last_probe = batch.stories.flows[flow_row].run_end, batch.stories.flows[flow_row + 1].first_probe
    probe = batch.stories.ends[2 * flow_row + end].run_probe if end != ABSENT else last_probe
    row, last_row, before_ns, longest_ns = context.first_asked, context.first_asked + context.asked, ABSENT, 0
    while probe < last_probe or row < last_row:
        is_probe = row == last_row or (probe < last_probe and c[p[probe].row].ts_ns <= asked[row].ts_ns)
        if is_probe:
            now_ns, is_tick = c[p[probe].row].ts_ns, p[probe].end == end
            probe += 1
        else:
            now_ns, is_tick = asked[row].ts_ns, is_first_try(asked, context.first_asked, row)
            row += 1
        if is_tick:
            longest_ns = max(longest_ns, now_ns - before_ns if before_ns != ABSENT else 0)
            before_ns = max(before_ns, now_ns)
    return longest_ns


def longest_interval_ns(batch: Batch, flow_row: int) -> int:
    """Return the longest interval in ns that may follow a run of one probe.

    Hardly anybody waits longer than before the first one.
    """
    return max(LONGEST_INTERVAL_NS, longest_idle_ns(batch, flow_row))


def longest_idle_ns(batch: Batch, flow_row: int) -> int:
    """Return the longest idle time in ns that a probe ended, 0 without any."""
    t, longest_ns = batch.stories.flows, 0
    for row in range(t[flow_row].first_gap, t[flow_row + 1].first_gap):
        gap = batch.stories.gaps[row]
        if gap.kind == FIRST or gap.kind == CYCLE:
            longest_ns = max(longest_ns, gap.any_ns)
    return longest_ns


def given_up_ns(batch: Batch, flow_row: int, probe_ns: int, longest_ns: int) -> int:
    """Return when the connection was given up, in ns: one interval after the last probe at the latest.

    Where nobody answers ARP, the RST itself causes a last solicitation. While a solicitation is under way, nothing
    causes another (net/core/neighbour.c __neigh_event_send): then of a short interval every other one shows, and the
    RST may have come up to that long after the last.
    """
    context = batch.context[flow_row]
    first, last = context.first_asked, context.first_asked + context.asked
    asked_ns = last_try_ns(batch.asked, first, last)
    if asked_ns < probe_ns:
        return probe_ns + (longest_ns if longest_ns >= SHORTEST_INTERVAL_NS else 0)
    shortest_ns = shortest_spacing_ns(batch.asked, first, last)
    return asked_ns + (min(shortest_ns, SOLICITED_NS) if shortest_ns <= 2 * SOLICITED_NS else 0)


# ---- whose fault it is


def why_silent(batch: Batch, flow_row: int) -> int:
    """Return what ICMP, ARP and the peer's other connections say about a peer that does not answer probes, packed."""
    story = batch.stories.flows[flow_row]
    if story.run_end != ABSENT:
        end_row = 2 * flow_row + story.run_end
        prober, peer = batch.stories.ends[end_row], batch.stories.ends[end_row ^ 1]
        if prober.icmp_errors:
            return because(values.ICMP_DISCARDED, 0)
        if story.reset_unheard:
            return because(values.ANSWERS_UNHEARD, 0)
        if peer.sent_ns > batch.rows.candidates[batch.stories.probes[prober.run_probe].row].ts_ns:
            return because(values.PEER_STILL_SENDS, 0)
    return because(values.ACKS_UNHEARD, 0) if is_one_way(batch, flow_row) else why_unresponsive(batch, flow_row)


def is_one_way(batch: Batch, flow_row: int) -> bool:
    """Tell whether an end sends again and again what was acknowledged (FEWEST_SPURIOUS)."""
    end = batch.stories.flows[flow_row].resending_end
    return bool(end != ABSENT and batch.stories.ends[2 * flow_row + end].spurious_resends >= FEWEST_SPURIOUS)


def why_unresponsive(batch: Batch, flow_row: int) -> int:
    """Return what ARP, the peer's other connections and its network say about a peer that does not answer, packed."""
    context = batch.context[flow_row]
    if context.moved_frame:
        return because(values.REBOUND, 0)
    if context.asked:
        return because(values.NEIGHBOUR_SILENT, 0)
    if context.answers_elsewhere:
        if context.restart:
            return int(context.restart)
        if context.has_new_address:
            return because(values.PEER_ADDRESS_ANEW, 0)
        return because(values.PEER_PORTS_ANEW if context.has_new_ports else values.PEER_HOST_ANSWERS, 0)
    if context.is_network_silent:
        return because(values.NETWORK_SILENT, 0)
    return because(values.PEER_HOST_SILENT, because(values.PEER_FLOWS_SILENT, 0) if context.silent_flows else 0)


def cause_of(why: int) -> int:
    """Return what packed reasons, of which the first decides, mean for the connection."""
    first = (why & 0xFF) - 1
    if first == values.ICMP_DISCARDED or first == values.ICMP_QUOTES_DATA:
        return values.PATH_UNREACHABLE
    if first == values.NEIGHBOUR_SILENT:
        return values.LINK_DEAD
    return values.PEER_SILENT if first == values.PEER_HOST_SILENT or is_anew(first) else values.PATH_DROPPED


def is_anew(reason: int) -> bool:
    """Tell whether by this reason the peer's host may have lost what it knew of its connections."""
    return reason == values.PEER_PORTS_ANEW or reason == values.PEER_ADDRESS_ANEW or reason == values.PEER_RECONNECTED


def outcome_of(why: int) -> int:
    """Return the outcome that goes with packed reasons: UNREACHABLE by ICMP, else TIMED_OUT."""
    return values.UNREACHABLE if cause_of(why) == values.PATH_UNREACHABLE else values.TIMED_OUT


def confidence_of(why: int) -> int:
    """Return how sure packed reasons are.

    Where the peer's host answers others, something else may still be the matter with this one.
    """
    first = (why & 0xFF) - 1
    if is_anew(first):
        return values.LIKELY
    return (
        values.LIKELY if cause_of(why) == values.PATH_DROPPED and first != values.PEER_STILL_SENDS else values.CERTAIN
    )


def is_first_try(asked: Any, first: int, row: int) -> bool:
    """Tell whether row `row` of ASKED_FOR begins a solicitation; `first` is where the rows of this flow begin."""
    return bool(row == first or asked[row].ts_ns - asked[row - 1].ts_ns >= SHORTEST_INTERVAL_NS)


def are_on_wheel(asked: Any, first: int, last: int) -> bool:
    """Tell whether solicitations come one interval of Linux's timer wheel apart each time.

    Resends wait twice as long each time, programs whole seconds. The first interval is shorter, since the first of them
    was late.
    """
    tries, before_ns, opening_ns, least_ns, most_ns = 0, 0, 0, LONGEST_NS, 0
    for row in range(first, last):
        if is_first_try(asked, first, row):
            spacing_ns = asked[row].ts_ns - before_ns
            if tries == 1:
                opening_ns = spacing_ns
            elif tries > 1:
                least_ns, most_ns = min(least_ns, spacing_ns), max(most_ns, spacing_ns)
            before_ns = asked[row].ts_ns
            tries += 1
    if tries < FEWEST_ASKED or most_ns - least_ns > 2 * ON_WHEEL_NS:
        return False
    usual_ns = usual_spacing_ns(asked, first, last, least_ns, most_ns)
    is_even = max(most_ns - usual_ns, usual_ns - least_ns, opening_ns - usual_ns) <= ON_WHEEL_NS
    return is_even and usual_ns <= LONGEST_NS and is_of_wheel(usual_ns)


def usual_spacing_ns(asked: Any, first: int, last: int, low_ns: int, high_ns: int) -> int:
    """Return the lower median in ns of the spacings of first tries but the first one; all lie in low_ns..high_ns."""
    while low_ns < high_ns:
        middle_ns = (low_ns + high_ns) // 2
        tries, before_ns, balance = 0, 0, 0
        for row in range(first, last):
            if is_first_try(asked, first, row):
                if tries > 1:
                    balance += 1 if asked[row].ts_ns - before_ns <= middle_ns else -1
                before_ns = asked[row].ts_ns
                tries += 1
        if balance >= 0:
            high_ns = middle_ns
        else:
            low_ns = middle_ns + 1
    return low_ns


def is_of_wheel(spacing_ns: int) -> bool:
    """Tell whether a timer wheel turns an interval of whole seconds into this spacing, so much later that it shows."""
    for hz in RATES:
        for intvl_s in range(max(1, spacing_ns * 7 // 8 // SECOND), spacing_ns // SECOND + 1):
            one_ns = jiffies_ns(hz, fires_at(wheel_depth(hz), 0, intvl_s * hz))
            if abs(one_ns - spacing_ns) <= ON_WHEEL_NS and one_ns % SECOND > MARKED_NS:
                return True
    return False


def last_try_ns(asked: Any, first: int, last: int) -> int:
    """Return when the last solicitation began, -1 without any."""
    for row in range(last - 1, first - 1, -1):
        if is_first_try(asked, first, row):
            return int(asked[row].ts_ns)
    return ABSENT


def shortest_spacing_ns(asked: Any, first: int, last: int) -> int:
    """Return the shortest time in ns between the beginnings of solicitations, 0 without two."""
    before_ns, shortest_ns = ABSENT, ABSENT
    for row in range(first, last):
        if is_first_try(asked, first, row):
            spacing_ns = asked[row].ts_ns - before_ns
            if before_ns != ABSENT:
                shortest_ns = spacing_ns if shortest_ns == ABSENT else min(shortest_ns, spacing_ns)
            before_ns = asked[row].ts_ns
    return max(shortest_ns, 0)
