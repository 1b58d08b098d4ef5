"""From a flow's story to its verdict: an ordered chain of rules, the first that holds decides.

Outcome, cause, what the application saw (errno and epoll mask), who noticed, how late,
and the frames that prove it. Kernels over a told batch; the words are in `report/words/sentences.py`.
"""

from array import array
from typing import Any

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table, rows_of
from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.values import BY_MIDDLEBOX, CYCLE
from analyzer.keepalive.verdict import values
from analyzer.keepalive.verdict.batch import EVIDENCE, Batch, begin, conclude, prove, show_asked, show_fins
from analyzer.keepalive.verdict.os_errors import EPOLL_DEAD
from analyzer.keepalive.verdict.resets import was_reset, was_reset_by_application
from analyzer.keepalive.verdict.unanswered_data import (
    acks_are_unheard,
    data_goes_unanswered,
    data_was_given_up,
    window_was_given_up,
)
from analyzer.keepalive.verdict.unanswered_probes import gave_up, is_probing
from analyzer.keepalive.verdict.values import because
from analyzer.schema import ABSENT, OPENED_MIDSTREAM
from analyzer.schema.results import ASKED_FOR, CONTEXT_FLOWS, PROOFS, RESETS, VERDICTS

SILENT_CYCLES = 3
"""A prober is gone when so many of its periods pass without a probe."""


def judge(batch: Batch, first: int, last: int) -> int:
    """Kernel: the verdicts of rows first..last-1 of the batch."""
    for flow_row in range(first, last):
        begin(batch, flow_row)
        decide(batch, flow_row)
        note_epoll(batch, flow_row)
    return last - first


def decide(batch: Batch, flow_row: int) -> bool:
    """The rules in order; the first that holds has said what it is."""
    if never_opened(batch, flow_row):
        return True
    if batch.stories.flows.reset_row[flow_row] != ABSENT:
        return gave_up(batch, flow_row) or was_reset(batch, flow_row) or was_reset_by_application(batch, flow_row)
    return (
        was_closed(batch, flow_row)
        or is_one_sided(batch, flow_row)
        or data_was_given_up(batch, flow_row)
        or data_goes_unanswered(batch, flow_row)
        or window_was_given_up(batch, flow_row)
        or is_probing(batch, flow_row)
        or acks_are_unheard(batch, flow_row)
        or is_gone_from_link(batch, flow_row)
        or is_half_open(batch, flow_row)
        or has_fallen_silent(batch, flow_row)
        or is_open(batch, flow_row)
    )


def note_epoll(batch: Batch, flow_row: int) -> None:
    """The mask is the same for every pending error. Only Linux has epoll, and it never puts an octet into a probe
    (tcp_output.c tcp_xmit_probe_skb). Of what a middlebox probes for, no application learns."""
    v, p, t = batch.verdicts, batch.stories.probes, batch.stories.flows
    if v.prober[flow_row] != ABSENT and batch.stories.ends.probed_by[2 * flow_row + v.prober[flow_row]] == BY_MIDDLEBOX:
        v.errno[flow_row] = ABSENT
    if v.errno[flow_row] == ABSENT:
        return
    v.epoll[flow_row] = EPOLL_DEAD
    if v.prober[flow_row] != ABSENT:
        for probe in range(t.first_probe[flow_row], t.first_probe[flow_row + 1]):
            if p.end[probe] == v.prober[flow_row] and batch.rows.candidates.payload_len[p.row[probe]]:
                v.epoll[flow_row] = ABSENT
                return


def was_closed(batch: Batch, flow_row: int) -> bool:
    """FIN from both sides."""
    fins = batch.stories.ends.fin_frame
    if not (fins[2 * flow_row] and fins[2 * flow_row + 1]):
        return False
    conclude(batch, flow_row, values.CLOSED, values.CERTAIN, because(values.FIN_BOTH, 0))
    batch.verdicts.cause[flow_row] = values.APPLICATION
    show_fins(batch, flow_row)
    return True


def never_opened(batch: Batch, flow_row: int) -> bool:
    """Neither end sent anything but SYNs and RSTs: a scan, a refusal, or the rest of a connection gone before.

    What a RST ended, and who sent it, cannot be told where nothing came before it, or only an empty segment of the
    other end, as scanners send.
    """
    e, t = batch.stories.ends, batch.stories.flows
    spoke = e.has_spoken[2 * flow_row] + e.has_spoken[2 * flow_row + 1]
    is_midstream = batch.rows.flows.opened[t.flow[flow_row]] == OPENED_MIDSTREAM
    if spoke and not (is_midstream and spoke == 1 and is_empty_before_reset(batch, flow_row)):
        return False
    conclude(
        batch,
        flow_row,
        values.UNKNOWN,
        values.LIKELY,
        because(values.ONLY_RESETS if is_midstream else values.NEVER_OPENED, 0),
    )
    return True


def is_empty_before_reset(batch: Batch, flow_row: int) -> bool:
    """A RST ended it, before which there was no data, no FIN and no probe."""
    e, flow = batch.stories.ends, batch.stories.flows.flow[flow_row]
    has_probed, has_closed = (
        e.probes[2 * flow_row] + e.probes[2 * flow_row + 1],
        e.fin_frame[2 * flow_row] + e.fin_frame[2 * flow_row + 1],
    )
    return bool(
        batch.stories.flows.reset_row[flow_row] != ABSENT
        and not (batch.rows.flows.octets[flow] or has_probed or has_closed)
    )


def is_one_sided(batch: Batch, flow_row: int) -> bool:
    """The end that would answer is not in the capture at all, and nothing else says that it is gone."""
    e, t, last_ns = batch.stories.ends, batch.stories.flows, batch.rows.ends.last_ns
    if last_ns[2 * t.flow[flow_row]] != ABSENT and last_ns[2 * t.flow[flow_row] + 1] != ABSENT:
        return False
    has_icmp = t.run_end[flow_row] != ABSENT and e.icmp_errors[2 * flow_row + t.run_end[flow_row]] > 0
    if t.unresponsive_end[flow_row] != ABSENT:
        has_icmp = has_icmp or e.icmp[2 * flow_row + t.unresponsive_end[flow_row]] != ABSENT
    is_waiting = t.run_end[flow_row] != ABSENT or t.unresponsive_end[flow_row] != ABSENT
    if has_icmp or (is_waiting and batch.context.asked[flow_row]):
        return False
    conclude(batch, flow_row, values.UNKNOWN, values.LIKELY, because(values.ONE_SIDED, 0))
    return True


def is_gone_from_link(batch: Batch, flow_row: int) -> bool:
    """Nobody answers ARP for an end of an idle connection, and no keepalive has noticed."""
    if not batch.context.asked[flow_row]:
        return False
    conclude(batch, flow_row, values.UNDETECTED, values.LIKELY, because(values.NEIGHBOUR_SILENT, 0))
    show_asked(batch, flow_row)
    return True


def is_half_open(batch: Batch, flow_row: int) -> bool:
    """An end of an idle connection has been started anew, and the other end does not probe."""
    e, context = batch.stories.ends, batch.context
    if not context.restart[flow_row] or e.probes[2 * flow_row] or e.probes[2 * flow_row + 1]:
        return False
    conclude(batch, flow_row, values.UNDETECTED, values.LIKELY, context.restart[flow_row])
    batch.verdicts.first_evidence[flow_row] = context.first_restart_frame[flow_row]
    batch.verdicts.evidence[flow_row] = context.restart_frames[flow_row]
    return True


def has_fallen_silent(batch: Batch, flow_row: int) -> bool:
    """An end that probed again and again ceased to: it is gone, or closed unseen, or the capture was cut here."""
    c, e, g, p, t = (
        batch.rows.candidates,
        batch.stories.ends,
        batch.stories.gaps,
        batch.stories.probes,
        batch.stories.flows,
    )
    prober = 0 if e.probes[2 * flow_row] else 1
    is_one = e.probes[2 * flow_row + prober] > 0 and e.probes[2 * flow_row + 1 - prober] == 0
    if not is_one or e.fin_frame[2 * flow_row] or e.fin_frame[2 * flow_row + 1]:
        return False
    probe, longest_ns = e.last_probe[2 * flow_row + prober], ABSENT
    if p.answer_row[probe] == ABSENT:
        return False
    for gap in range(t.first_gap[flow_row], t.first_gap[flow_row + 1]):
        if g.kind[gap] == CYCLE and g.end[gap] == prober:
            longest_ns = max(longest_ns, g.probe_ns[gap])
    silent_ns = t.capture_end_ns[flow_row] - batch.rows.flows.last_ns[t.flow[flow_row]]
    if longest_ns == ABSENT or silent_ns <= SILENT_CYCLES * longest_ns:
        return False
    conclude(batch, flow_row, values.UNKNOWN, values.GUESS, because(values.PROBES_CEASED, 0))
    prove(batch, flow_row, c.frame[p.row[probe]])
    prove(batch, flow_row, c.frame[p.answer_row[probe]])
    return True


def is_open(batch: Batch, flow_row: int) -> bool:
    """No other rule holds: the connection is open as far as the capture shows."""
    c, e, p, t, v = batch.rows.candidates, batch.stories.ends, batch.stories.probes, batch.stories.flows, batch.verdicts
    is_ignored = False
    for end in (1, 0):
        end_row = 2 * flow_row + end
        if e.probes[end_row]:
            v.prober[flow_row] = end
            is_captured = batch.rows.ends.last_ns[2 * t.flow[flow_row] + 1 - end] != ABSENT
            is_ignored = is_ignored or (e.lost[end_row] > 0 and is_captured)
    for end_row in (2 * flow_row, 2 * flow_row + 1):
        if e.probes[end_row] and p.answer_row[e.last_probe[end_row]] != ABSENT:
            prove(batch, flow_row, c.frame[p.answer_row[e.last_probe[end_row]]])
    if v.prober[flow_row] == ABSENT:
        conclude(batch, flow_row, values.ALIVE, values.LIKELY, because(values.NO_PROBE_DUE, 0))
    else:
        conclude(
            batch,
            flow_row,
            values.ALIVE,
            values.CERTAIN,
            because(values.PROBES_IGNORED if is_ignored else values.PROBES_ANSWERED, 0),
        )
    return True


class Court:
    """Where told batches are judged."""

    def __init__(self, rows: Rows, engine: Engine) -> None:
        self._rows, self._engine = rows, engine

    def judge(
        self, stories: StoryTables, flows: int, context: Any, asked: Any, proofs: Any, proved: "array[int]"
    ) -> Any:
        """VERDICTS of the first `flows` in `told`.

        `around` are their SURROUNDINGS, `asked` and `proofs` the tables that these refer to; in PROOFS `proved[0]`
        rows are in use, and there is room for what proves the verdicts.
        """
        verdicts = rows_of(VERDICTS, flows)
        batch = Batch(self._rows, stories, context, asked, rows_of(RESETS, 1), verdicts, proofs, proved)
        self._engine.run(judge, batch, 0, flows)
        return verdicts

    def judge_alone(self, stories: StoryTables, flows: int) -> Any:
        """The same, as if nothing were known of their surroundings."""
        context, proofs = rows_of(CONTEXT_FLOWS, flows), rows_of(PROOFS, EVIDENCE * flows)
        for flow_row in range(flows):
            context.silent_end[flow_row] = ABSENT
        return self.judge(stories, flows, context, Table(ASKED_FOR).view, proofs, array("q", [0]))
