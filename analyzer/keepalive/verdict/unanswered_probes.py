"""The rules for probes that nothing answers: whose fault it is, whether their end still tries, when it gave up.

Kernels over a case; each fills the flow's row if it holds.
"""

from analyzer.keepalive.story.values import FIRST
from analyzer.keepalive.tags.rules import ANSWER_NS
from analyzer.keepalive.verdict.batch import Case, conclude, note_delay, prove, show_asked, show_run
from analyzer.keepalive.verdict.os_errors import ETIMEDOUT
from analyzer.keepalive.verdict.rst import is_give_up
from analyzer.keepalive.verdict.solicited import (
    SHORTEST_INTERVAL_NS,
    are_on_wheel,
    is_first_try,
    last_try_ns,
    shortest_spacing_ns,
)
from analyzer.keepalive.verdict.values import (
    ACKS_UNHEARD,
    ANSWERS_UNHEARD,
    ASKED_BY_TIMER,
    CERTAIN,
    GIVE_UP_RST,
    ICMP_DISCARDED,
    ICMP_QUOTES_DATA,
    LIKELY,
    LINK_DEAD,
    NEIGHBOUR_SILENT,
    NETWORK_SILENT,
    PATH_DROPPED,
    PATH_UNREACHABLE,
    PEER_ADDRESS_ANEW,
    PEER_FLOWS_SILENT,
    PEER_HOST_ANSWERS,
    PEER_HOST_SILENT,
    PEER_PORTS_ANEW,
    PEER_RECONNECTED,
    PEER_SILENT,
    PEER_STILL_SENDS,
    PROBING,
    RUN_GOES_ON,
    SILENT_AFTER_PROBES,
    SILENT_GIVE_UP,
    TIMED_OUT,
    UNREACHABLE,
    because,
)
from analyzer.schema import NEVER

SILENCE = 2
"""A run of probes has ended without a RST when so many of its intervals pass without a probe."""
LONGEST_INTERVAL_NS = 90_000_000_000
"""Stands for an interval that the run does not show: the default of 75 s, a timer's lateness included."""
SOLICITED_NS = 3_200_000_000
"""A solicitation is under way for three tries, a second apart (net/core/neighbour.c mcast_solicit)."""
FEWEST_VAIN = 3
"""Fewer resends of what was acknowledged may be due to a round trip that took longer than usual."""


def gave_up(case: Case, it: int) -> bool:
    """A RST one interval after the last unanswered probe (tcp_timer.c tcp_keepalive_timer)."""
    c, t, v = case.rows.candidates, case.told.flows, case.verdicts
    if t.run_end[it] == NEVER or not is_give_up(case.rows, case.told, it):
        return False
    row, why = t.reset_row[it], why_silent(case, it)
    heard_ns = case.told.ends.run_heard_ns[2 * it + t.run_end[it]]
    conclude(case, it, outcome_of(why), confidence_of(why), because(GIVE_UP_RST, why))
    v.cause[it], v.prober[it], v.errno[it] = cause_of(why), c.end[row], ETIMEDOUT
    note_delay(case, it, c.ts_ns[row], heard_ns)
    show_run(case, it)
    prove(case, it, c.frame[row])
    return True


def is_probing(case: Case, it: int) -> bool:
    """Unanswered probes, and no RST: still running at the capture's end, or given up in silence.

    Where nobody answers ARP for the peer, the solicitations stand for probes that are not sent.
    """
    e, t, v = case.told.ends, case.told.flows, case.verdicts
    if t.run_end[it] != NEVER and not is_one_stray_loss(case, it):
        prober = t.run_end[it]
        heard_ns, probe_ns = e.run_heard_ns[2 * it + prober], last_probe_ns(case, it, prober)
        show_run(case, it)
    elif stand_for_probes(case, it):
        prober = 1 - case.around.silent_end[it]
        heard_ns, probe_ns = case.rows.ends.last_ns[2 * t.flow[it] + 1 - prober], NEVER
    else:
        return False
    show_asked(case, it)
    why, longest_ns = why_silent(case, it), longest_spacing_ns(case, it)
    v.cause[it], v.prober[it] = cause_of(why), prober
    last_ns = max(probe_ns, last_asked_ns(case, it), case.rows.flows.last_ns[t.flow[it]])
    wait_ns = longest_ns if longest_ns >= SHORTEST_INTERVAL_NS else longest_interval_ns(case, it)
    if t.capture_end_ns[it] - last_ns <= SILENCE * wait_ns:
        is_single = t.run_end[it] != NEVER and e.unanswered[2 * it + prober] == 1
        conclude(case, it, PROBING, LIKELY if is_single else confidence_of(why), because(RUN_GOES_ON, why))
        return True
    sign = SILENT_AFTER_PROBES if e.probes[2 * it + prober] else ASKED_BY_TIMER
    conclude(case, it, outcome_of(why), LIKELY, because(sign, because(SILENT_GIVE_UP, why)))
    v.errno[it] = ETIMEDOUT
    note_delay(case, it, given_up_ns(case, it, probe_ns, longest_ns), heard_ns)
    return True


def is_one_stray_loss(case: Case, it: int) -> bool:
    """One probe unanswered, and the peer was heard since, or the capture ends before an answer had to come."""
    e, t, prober = case.told.ends, case.told.flows, case.told.flows.run_end[it]
    me = 2 * it + prober
    if e.unanswered[me] - e.excused[me] > 1 or case.around.asked[it] or e.icmp_errors[me]:
        return False
    sent_ns = last_probe_ns(case, it, prober)
    return bool(e.sent_ns[me ^ 1] > sent_ns or t.capture_end_ns[it] - sent_ns < ANSWER_NS)


def last_probe_ns(case: Case, it: int, end: int) -> int:
    probe = case.told.ends.last_probe[2 * it + end]
    sent_ns: int = case.rows.candidates.ts_ns[case.told.probes.row[probe]]
    return sent_ns


def last_asked_ns(case: Case, it: int) -> int:
    """When the end that fell silent was last asked for on the link, -1 without."""
    count = case.around.asked[it]
    return case.asked.ts_ns[case.around.first_asked[it] + count - 1] if count else NEVER


def stand_for_probes(case: Case, it: int) -> bool:
    """A prober's host asks; or somebody asks as evenly as nothing but a timer of Linux runs out, for one connection."""
    first, count, end = case.around.first_asked[it], case.around.asked[it], case.around.silent_end[it]
    if end == NEVER or not count:
        return False
    is_prober = case.told.ends.probes[2 * it + 1 - end] > 0
    return is_prober or (case.around.is_only[it] > 0 and are_on_wheel(case.asked, first, first + count))


def longest_spacing_ns(case: Case, it: int) -> int:
    """The longest time between ticks of the prober's timer: unanswered probes, and first tries of solicitations."""
    c, p, t, asked = case.rows.candidates, case.told.probes, case.told.flows, case.asked
    end, last_probe, first = t.run_end[it], t.first_probe[it + 1], case.around.first_asked[it]
    probe = case.told.ends.run_probe[2 * it + end] if end != NEVER else last_probe
    row, last_row, before_ns, longest_ns = first, first + case.around.asked[it], NEVER, 0
    while probe < last_probe or row < last_row:
        is_probe = row == last_row or (probe < last_probe and c.ts_ns[p.row[probe]] <= asked.ts_ns[row])
        if is_probe:
            now_ns, is_tick = c.ts_ns[p.row[probe]], p.end[probe] == end
            probe += 1
        else:
            now_ns, is_tick = asked.ts_ns[row], is_first_try(asked, first, row)
            row += 1
        if is_tick:
            longest_ns = max(longest_ns, now_ns - before_ns if before_ns != NEVER else 0)
            before_ns = max(before_ns, now_ns)
    return longest_ns


def longest_interval_ns(case: Case, it: int) -> int:
    """What a run of one probe may be followed by: hardly anybody waits longer than before the first one."""
    g, t, longest_ns = case.told.gaps, case.told.flows, LONGEST_INTERVAL_NS
    for gap in range(t.first_gap[it], t.first_gap[it + 1]):
        if g.kind[gap] == FIRST:
            longest_ns = max(longest_ns, g.any_ns[gap])
    return longest_ns


def given_up_ns(case: Case, it: int, probe_ns: int, longest_ns: int) -> int:
    """One interval after the last probe at the latest. Where nobody answers ARP the RST asks once more itself.

    While a solicitation is under way nothing asks (net/core/neighbour.c __neigh_event_send): then of a short
    interval every other one shows, and the RST may have come up to so long after the last.
    """
    first, last = case.around.first_asked[it], case.around.first_asked[it] + case.around.asked[it]
    asked_ns = last_try_ns(case.asked, first, last)
    if asked_ns < probe_ns:
        return probe_ns + (longest_ns if longest_ns >= SHORTEST_INTERVAL_NS else 0)
    shortest_ns = shortest_spacing_ns(case.asked, first, last)
    return asked_ns + (min(shortest_ns, SOLICITED_NS) if shortest_ns <= 2 * SOLICITED_NS else 0)


# ---- whose fault it is


def why_silent(case: Case, it: int) -> int:
    """What ICMP, ARP and the peer's other connections say about a peer that does not answer probes."""
    e, t = case.told.ends, case.told.flows
    me = 2 * it + t.run_end[it]
    if t.run_end[it] != NEVER:
        if e.icmp_errors[me]:
            return because(ICMP_DISCARDED, 0)
        if t.reset_unheard[it]:
            return because(ANSWERS_UNHEARD, 0)
        if e.sent_ns[me ^ 1] > case.rows.candidates.ts_ns[case.told.probes.row[e.run_probe[me]]]:
            return because(PEER_STILL_SENDS, 0)
    return because(ACKS_UNHEARD, 0) if is_one_way(case, it) else why_deaf(case, it)


def is_one_way(case: Case, it: int) -> bool:
    """An end sends again and again what was acknowledged."""
    end = case.told.flows.resending_end[it]
    return bool(end != NEVER and case.told.ends.vain_resends[2 * it + end] >= FEWEST_VAIN)


def why_deaf(case: Case, it: int) -> int:
    """What ARP, the peer's other connections and its network say about a peer that does not answer."""
    around = case.around
    if around.asked[it]:
        return because(NEIGHBOUR_SILENT, 0)
    if around.answers_elsewhere[it]:
        if around.restart[it]:
            return int(around.restart[it])
        if around.has_new_address[it]:
            return because(PEER_ADDRESS_ANEW, 0)
        return because(PEER_PORTS_ANEW if around.has_new_ports[it] else PEER_HOST_ANSWERS, 0)
    if around.is_network_silent[it]:
        return because(NETWORK_SILENT, 0)
    return because(PEER_HOST_SILENT, because(PEER_FLOWS_SILENT, 0) if around.silent_flows[it] else 0)


def cause_of(why: int) -> int:
    """What these reasons, of which the first decides, mean for the connection."""
    first = (why & 0xFF) - 1
    if first == ICMP_DISCARDED or first == ICMP_QUOTES_DATA:
        return PATH_UNREACHABLE
    if first == NEIGHBOUR_SILENT:
        return LINK_DEAD
    return PEER_SILENT if first == PEER_HOST_SILENT or is_anew(first) else PATH_DROPPED


def is_anew(reason: int) -> bool:
    """The peer's host may have lost what it knew of its connections."""
    return reason == PEER_PORTS_ANEW or reason == PEER_ADDRESS_ANEW or reason == PEER_RECONNECTED


def outcome_of(why: int) -> int:
    return UNREACHABLE if cause_of(why) == PATH_UNREACHABLE else TIMED_OUT


def confidence_of(why: int) -> int:
    """Where the peer's host answers others, something else may still be the matter with this one."""
    first = (why & 0xFF) - 1
    if is_anew(first):
        return LIKELY
    return LIKELY if cause_of(why) == PATH_DROPPED and first != PEER_STILL_SENDS else CERTAIN
