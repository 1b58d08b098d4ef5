"""From a flow's story to its verdict: an ordered chain of rules, the first that holds decides.

Outcome, cause, what the application saw (errno and epoll mask), who noticed, how late,
and the frames that prove it. Kernels over a told batch; the words are in `report/words/sentences.py`.
"""

from array import array
from typing import Any

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table, rows_of
from analyzer.keepalive.story.gaps import Rows, Told
from analyzer.keepalive.story.values import BY_MIDDLEBOX, CYCLE
from analyzer.keepalive.verdict.batch import EVIDENCE, Case, begin, conclude, prove, show_asked, show_fins
from analyzer.keepalive.verdict.os_errors import EPOLL_DEAD
from analyzer.keepalive.verdict.resets import was_reset, was_reset_by_application
from analyzer.keepalive.verdict.unanswered_data import (
    acks_are_unheard,
    data_goes_unanswered,
    data_was_given_up,
    window_was_given_up,
)
from analyzer.keepalive.verdict.unanswered_probes import gave_up, is_probing
from analyzer.keepalive.verdict.values import (
    ALIVE,
    APPLICATION,
    CERTAIN,
    CLOSED,
    FIN_BOTH,
    GUESS,
    LIKELY,
    NEIGHBOUR_SILENT,
    NEVER_OPENED,
    NO_PROBE_DUE,
    ONE_SIDED,
    ONLY_RESETS,
    PROBES_ANSWERED,
    PROBES_CEASED,
    PROBES_IGNORED,
    UNDETECTED,
    UNKNOWN,
    because,
)
from analyzer.schema import NEVER, OPENED_MIDSTREAM
from analyzer.schema.results import ASKED_FOR, PROOFS, RESETS, SURROUNDINGS, VERDICTS

SILENT_CYCLES = 3
"""A prober is gone when so many of its periods pass without a probe."""


def judge(case: Case, first: int, last: int) -> int:
    """Kernel: the verdicts of rows first..last-1 of the batch."""
    for it in range(first, last):
        begin(case, it)
        decide(case, it)
        note_epoll(case, it)
    return last - first


def decide(case: Case, it: int) -> bool:
    """The rules in order; the first that holds has said what it is."""
    if never_opened(case, it):
        return True
    if case.told.flows.reset_row[it] != NEVER:
        return gave_up(case, it) or was_reset(case, it) or was_reset_by_application(case, it)
    return (
        was_closed(case, it)
        or is_one_sided(case, it)
        or data_was_given_up(case, it)
        or data_goes_unanswered(case, it)
        or window_was_given_up(case, it)
        or is_probing(case, it)
        or acks_are_unheard(case, it)
        or is_gone_from_link(case, it)
        or is_half_open(case, it)
        or has_fallen_silent(case, it)
        or is_open(case, it)
    )


def note_epoll(case: Case, it: int) -> None:
    """The mask is the same for every pending error. Only Linux has epoll, and it never puts an octet into a probe
    (tcp_output.c tcp_xmit_probe_skb). Of what a middlebox probes for, no application learns."""
    v, p, t = case.verdicts, case.told.probes, case.told.flows
    if v.prober[it] != NEVER and case.told.ends.probed_by[2 * it + v.prober[it]] == BY_MIDDLEBOX:
        v.errno[it] = NEVER
    if v.errno[it] == NEVER:
        return
    v.epoll[it] = EPOLL_DEAD
    if v.prober[it] != NEVER:
        for probe in range(t.first_probe[it], t.first_probe[it + 1]):
            if p.end[probe] == v.prober[it] and case.rows.candidates.payload_len[p.row[probe]]:
                v.epoll[it] = NEVER
                return


def was_closed(case: Case, it: int) -> bool:
    """FIN from both sides."""
    fins = case.told.ends.fin_frame
    if not (fins[2 * it] and fins[2 * it + 1]):
        return False
    conclude(case, it, CLOSED, CERTAIN, because(FIN_BOTH, 0))
    case.verdicts.cause[it] = APPLICATION
    show_fins(case, it)
    return True


def never_opened(case: Case, it: int) -> bool:
    """Neither end sent anything but SYNs and RSTs: a scan, a refusal, or the rest of a connection gone before.

    What a RST ended, and who sent it, cannot be told where nothing came before it, or only an empty segment of the
    other end, as scanners send.
    """
    e, t = case.told.ends, case.told.flows
    spoke = e.has_spoken[2 * it] + e.has_spoken[2 * it + 1]
    is_midstream = case.rows.flows.opened[t.flow[it]] == OPENED_MIDSTREAM
    if spoke and not (is_midstream and spoke == 1 and is_empty_before_reset(case, it)):
        return False
    conclude(case, it, UNKNOWN, LIKELY, because(ONLY_RESETS if is_midstream else NEVER_OPENED, 0))
    return True


def is_empty_before_reset(case: Case, it: int) -> bool:
    """A RST ended it, before which there was no data, no FIN and no probe."""
    e, flow = case.told.ends, case.told.flows.flow[it]
    has_probed, has_closed = e.probes[2 * it] + e.probes[2 * it + 1], e.fin_frame[2 * it] + e.fin_frame[2 * it + 1]
    return bool(
        case.told.flows.reset_row[it] != NEVER and not (case.rows.flows.octets[flow] or has_probed or has_closed)
    )


def is_one_sided(case: Case, it: int) -> bool:
    """The end that would answer is not in the capture at all, and nothing else says that it is gone."""
    e, t, last_ns = case.told.ends, case.told.flows, case.rows.ends.last_ns
    if last_ns[2 * t.flow[it]] != NEVER and last_ns[2 * t.flow[it] + 1] != NEVER:
        return False
    has_icmp = t.run_end[it] != NEVER and e.icmp_errors[2 * it + t.run_end[it]] > 0
    if t.deaf_end[it] != NEVER:
        has_icmp = has_icmp or e.icmp[2 * it + t.deaf_end[it]] != NEVER
    is_waiting = t.run_end[it] != NEVER or t.deaf_end[it] != NEVER
    if has_icmp or (is_waiting and case.around.asked[it]):
        return False
    conclude(case, it, UNKNOWN, LIKELY, because(ONE_SIDED, 0))
    return True


def is_gone_from_link(case: Case, it: int) -> bool:
    """Nobody answers ARP for an end of an idle connection, and no keepalive has noticed."""
    if not case.around.asked[it]:
        return False
    conclude(case, it, UNDETECTED, LIKELY, because(NEIGHBOUR_SILENT, 0))
    show_asked(case, it)
    return True


def is_half_open(case: Case, it: int) -> bool:
    """An end of an idle connection has been started anew, and the other end does not probe."""
    e, around = case.told.ends, case.around
    if not around.restart[it] or e.probes[2 * it] or e.probes[2 * it + 1]:
        return False
    conclude(case, it, UNDETECTED, LIKELY, around.restart[it])
    case.verdicts.first_evidence[it] = around.first_restart_frame[it]
    case.verdicts.evidence[it] = around.restart_frames[it]
    return True


def has_fallen_silent(case: Case, it: int) -> bool:
    """An end that probed again and again ceased to: it is gone, or closed unseen, or the capture was cut here."""
    c, e, g, p, t = case.rows.candidates, case.told.ends, case.told.gaps, case.told.probes, case.told.flows
    prober = 0 if e.probes[2 * it] else 1
    is_one = e.probes[2 * it + prober] > 0 and e.probes[2 * it + 1 - prober] == 0
    if not is_one or e.fin_frame[2 * it] or e.fin_frame[2 * it + 1]:
        return False
    probe, longest_ns = e.last_probe[2 * it + prober], NEVER
    if p.answer_row[probe] == NEVER:
        return False
    for gap in range(t.first_gap[it], t.first_gap[it + 1]):
        if g.kind[gap] == CYCLE and g.end[gap] == prober:
            longest_ns = max(longest_ns, g.probe_ns[gap])
    silent_ns = t.capture_end_ns[it] - case.rows.flows.last_ns[t.flow[it]]
    if longest_ns == NEVER or silent_ns <= SILENT_CYCLES * longest_ns:
        return False
    conclude(case, it, UNKNOWN, GUESS, because(PROBES_CEASED, 0))
    prove(case, it, c.frame[p.row[probe]])
    prove(case, it, c.frame[p.answer_row[probe]])
    return True


def is_open(case: Case, it: int) -> bool:
    """No other rule holds: the connection is open as far as the capture shows."""
    c, e, p, t, v = case.rows.candidates, case.told.ends, case.told.probes, case.told.flows, case.verdicts
    is_ignored = False
    for end in (1, 0):
        me = 2 * it + end
        if e.probes[me]:
            v.prober[it] = end
            is_captured = case.rows.ends.last_ns[2 * t.flow[it] + 1 - end] != NEVER
            is_ignored = is_ignored or (e.lost[me] > 0 and is_captured)
    for me in (2 * it, 2 * it + 1):
        if e.probes[me] and p.answer_row[e.last_probe[me]] != NEVER:
            prove(case, it, c.frame[p.answer_row[e.last_probe[me]]])
    if v.prober[it] == NEVER:
        conclude(case, it, ALIVE, LIKELY, because(NO_PROBE_DUE, 0))
    else:
        conclude(case, it, ALIVE, CERTAIN, because(PROBES_IGNORED if is_ignored else PROBES_ANSWERED, 0))
    return True


class Court:
    """Where told batches are judged."""

    def __init__(self, rows: Rows, engine: Engine) -> None:
        self._rows, self._engine = rows, engine

    def judge(self, told: Told, flows: int, around: Any, asked: Any, proofs: Any, proved: "array[int]") -> Any:
        """VERDICTS of the first `flows` in `told`.

        `around` are their SURROUNDINGS, `asked` and `proofs` the tables that these refer to; in PROOFS `proved[0]`
        rows are in use, and there is room for what proves the verdicts.
        """
        verdicts = rows_of(VERDICTS, flows)
        case = Case(self._rows, told, around, asked, rows_of(RESETS, 1), verdicts, proofs, proved)
        self._engine.run(judge, case, 0, flows)
        return verdicts

    def judge_alone(self, told: Told, flows: int) -> Any:
        """The same, as if nothing were known of their surroundings."""
        around, proofs = rows_of(SURROUNDINGS, flows), rows_of(PROOFS, EVIDENCE * flows)
        for it in range(flows):
            around.silent_end[it] = NEVER
        return self.judge(told, flows, around, Table(ASKED_FOR).view, proofs, array("q", [0]))
