"""From a flow's story to its verdict: an ordered chain of rules, of which the first that holds decides.

Theory of operation. A verdict says how the connection ended (outcome), why (cause), which end's probes decide it, what
that end's application saw (errno and epoll mask), how long after the peer was last heard (delay), which frames prove
it, and how sure that is. A rule is a kernel that looks at one flow. If it holds, it fills the flow's row in VERDICTS
and returns True; else it leaves the row as it was.

A rule may look at the flow's story, at the rows that the story refers to, at the capture's end, and at what other
traffic says about the end that fell silent (CONTEXT_FLOWS). It may not look at the settings, which are inferred from
the same story by themselves. Each flow is judged alone at first, with an empty context, while all stories are made. It
is judged again with its context when it is assembled, and where other hosts may change its outcome.

  Rule                      Looks for                                Clause or reason            Outcome
  ------------------------  ---------------------------------------  --------------------------  ----------------------
  was_rebound               RST for another flow's numbers           RFC 9293 §3.10.7.1          RESET
  never_opened              no segment but SYN and RST               no connection to judge      UNKNOWN
  gave_up                   RST an interval after unanswered probes  tcp_keepalive_timer         TIMED_OUT, UNREACHABLE
  was_reset                 RST for a probe or data, or by the path  RFC 9293 §3.10.7.1          RESET
  was_reset_unexplained     a RST, and frames before it are missing  what it answers is unknown  UNKNOWN
  was_reset_by_application  any other RST                            no other explanation        CLOSED
  was_closed                FIN from both ends                       RFC 9293 §3.6               CLOSED
  is_one_sided              the answering end is not captured        its silence shows nothing   UNKNOWN
  data_was_given_up         resends ceased, unanswered               tcp_write_timeout           TIMED_OUT, UNREACHABLE
  data_goes_unanswered      unanswered resends, silent 5 s           keepalive is suspended      UNDETECTED
  window_was_given_up       answered window probes ceased            tcp_probe_timer             TIMED_OUT, UNKNOWN
  may_lack_answers          unanswered probes, and frames missing    they may have been answered UNKNOWN
  is_probing                unanswered probes, no RST                RFC 1122 §4.2.3.6           PROBING, or as gave_up
  acks_are_unheard          resends of what was acknowledged         one way is broken           UNDETECTED, UNKNOWN
  goes_on_elsewhere         numbers that go on from another port     RFC 4787 §4.3, RFC 5382     UNDETECTED
  is_gone_from_link         nobody answers ARP for an end            neigh_invalidate            UNDETECTED, UNKNOWN
  is_half_open              an end was started anew, nobody probes   RFC 9293 §3.5.1             UNDETECTED
  is_sent_astray            ARP in vain for another address          tcp_retransmit_timer        UNDETECTED
  may_not_hear              answered probes that come ever sooner    or the settings were set    UNKNOWN
  has_fallen_silent         answered probes ceased                   three periods without one   UNKNOWN
  is_alive                  heard no longer ago than its own rhythm          answered, or no silence     ALIVE
  is_open                   anything else                            nobody knows                OPEN

`gave_up` to `was_reset_by_application` are asked only where a RST ended the connection, and no other rule is then. The
rules after them are asked only where none did.

The order goes from what ended the connection to what may be wrong with it. A RST and two FINs end it, whatever came
before. Where an end is not captured, its silence shows nothing, so that no rule about silence may come earlier. Data,
FINs and window probes come before keepalive probes, since keepalive is suspended while they are unacknowledged
(tcp_timer.c tcp_keepalive_timer). What other hosts show comes after what the connection shows itself. Whether answered
probes ceased is asked last of all, since the capture may only have been cut there.

The words are in `report/words/sentences.py`.
"""

from array import array
from typing import Any, NamedTuple

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table, rows_of
from analyzer.keepalive.model.other_stacks import LINUX_TTL, WINDOWS_TTL
from analyzer.keepalive.story.gaps import HEARD, Rows, StoryTables, ends_of, has_echo, has_hastened
from analyzer.keepalive.story.heartbeats import MISSED_PERIODS_2, period_ns
from analyzer.keepalive.story.holes import MANY_MISSING
from analyzer.keepalive.story.story import both_closed
from analyzer.keepalive.story.values import BY_MIDDLEBOX, CYCLE
from analyzer.keepalive.verdict import values
from analyzer.keepalive.verdict.batch import PROVED, Batch, begin, conclude, prove, show_asked, show_fins, sort_evidence
from analyzer.keepalive.verdict.endings import find_endings
from analyzer.keepalive.verdict.moves import goes_on_elsewhere, is_sent_astray, was_rebound
from analyzer.keepalive.verdict.os_errors import EPOLL_DEAD, ETIMEDOUT
from analyzer.keepalive.verdict.resets import was_reset, was_reset_by_application, was_reset_unexplained
from analyzer.keepalive.verdict.unanswered_data import (
    acks_are_unheard,
    data_goes_unanswered,
    data_was_given_up,
    window_was_given_up,
)
from analyzer.keepalive.verdict.unanswered_probes import (
    gave_up,
    is_probing,
    may_lack_answers,
    shortest_spacing_ns,
)
from analyzer.keepalive.verdict.values import because
from analyzer.schema import ABSENT, OPENED_MIDSTREAM, UNKNOWN_TTL
from analyzer.schema.results import ASKED_FOR, CONTEXT_FLOWS, ENDINGS, PROOFS, RESETS, VERDICTS
from analyzer.tcp.tracker import IDLE_NS

SILENT_CYCLES = 3
"""A prober is gone when this many of its periods pass without a probe."""


def judge(batch: Batch, first: int, last: int) -> int:
    """Kernel: judge rows first..last-1 of the batch. Returns how many these are."""
    for flow_row in range(first, last):
        begin(batch, flow_row)
        decide(batch, flow_row)
        sort_evidence(batch, flow_row)
        note_epoll(batch, flow_row)
    return last - first


def decide(batch: Batch, flow_row: int) -> bool:
    """Apply the rules in order; the first that holds has filled the flow's row. Always returns True."""
    if was_rebound(batch, flow_row) or never_opened(batch, flow_row):
        return True
    if batch.stories.flows[flow_row].reset_row != ABSENT:
        return (
            gave_up(batch, flow_row)
            or was_reset(batch, flow_row)
            or was_reset_unexplained(batch, flow_row)
            or was_reset_by_application(batch, flow_row)
        )
    return (
        was_closed(batch, flow_row)
        or is_one_sided(batch, flow_row)
        or data_was_given_up(batch, flow_row)
        or data_goes_unanswered(batch, flow_row)
        or window_was_given_up(batch, flow_row)
        or may_lack_answers(batch, flow_row)
        or is_probing(batch, flow_row)
        or acks_are_unheard(batch, flow_row)
        or goes_on_elsewhere(batch, flow_row)
        or is_gone_from_link(batch, flow_row)
        or is_half_open(batch, flow_row)
        or is_sent_astray(batch, flow_row)
        or may_not_hear(batch, flow_row)
        or has_fallen_silent(batch, flow_row)
        or is_alive(batch, flow_row)
        or is_open(batch, flow_row)
    )


def note_epoll(batch: Batch, flow_row: int) -> None:
    """Write the epoll mask that goes with the errno, and clear the errno where no application learns of the end.

    The mask is the same for every pending error. Only Linux has epoll; it sends packets with a TTL of 64 and never puts
    an octet into a probe (tcp_output.c tcp_xmit_probe_skb), so that a prober that does gets no mask. Nor is it known
    what a give-up is called by stacks that may be lwIP, where it becomes ECONNABORTED; or by smoltcp, which sends 64
    and an octet, and has no such numbers. Where a middlebox probes, no application gets an error.
    """
    verdict, stories = batch.verdicts[flow_row], batch.stories
    if verdict.prober != ABSENT and stories.ends[2 * flow_row + verdict.prober].probed_by == BY_MIDDLEBOX:
        verdict.errno = ABSENT
    if verdict.errno == ABSENT:
        return
    verdict.epoll = EPOLL_DEAD
    if verdict.prober != ABSENT:
        ttl = batch.rows.ends[2 * stories.flows[flow_row].flow + verdict.prober].ttl
        has_octet = sends_octets(batch, flow_row, verdict.prober)
        if ttl > LINUX_TTL or has_octet:
            verdict.epoll = ABSENT
        is_like_lwip = not has_octet and may_be_lwip(batch, flow_row, verdict.prober)
        if (has_octet and ttl <= LINUX_TTL) or (is_like_lwip and verdict.errno == ETIMEDOUT):
            verdict.errno = verdict.epoll = ABSENT


def may_be_lwip(batch: Batch, flow_row: int, end: int) -> bool:
    """Tell whether an end that probes sends packets as lwIP does: with a TTL of 255, or of which nothing is known, and
    without timestamps, which it has only where it was built with them (opt.h LWIP_TCP_TIMESTAMPS)."""
    stories = batch.stories
    ttl = batch.rows.ends[2 * stories.flows[flow_row].flow + end].ttl
    if ttl != UNKNOWN_TTL:
        return bool(ttl > WINDOWS_TTL)
    own = stories.ends[2 * flow_row + end]
    return bool(own.probes and batch.rows.candidates[stories.probes[own.last_probe].row].tsval == ABSENT)


def sends_octets(batch: Batch, flow_row: int, end: int) -> bool:
    """Tell whether a probe of the end has an octet of payload."""
    stories = batch.stories
    for place in range(stories.flows[flow_row].first_probe, stories.flows[flow_row + 1].first_probe):
        probe = stories.probes[place]
        if probe.end == end and batch.rows.candidates[probe.row].payload_len:
            return True
    return False


def was_closed(batch: Batch, flow_row: int) -> bool:
    """Conclude CLOSED where both ends sent a FIN."""
    if not both_closed(batch.stories, flow_row):
        return False
    conclude(batch, flow_row, values.CLOSED, values.CERTAIN, because(values.FIN_BOTH, 0))
    batch.verdicts[flow_row].cause = values.APPLICATION
    show_fins(batch, flow_row)
    return True


def never_opened(batch: Batch, flow_row: int) -> bool:
    """Conclude UNKNOWN where neither end sent anything but SYNs and RSTs.

    That is a scan, a refusal, or the rest of an earlier connection. What a RST ended, and who sent it, stays open where
    nothing came before it, or only an empty segment of the other end, as scanners send.
    """
    story, (first, second) = batch.stories.flows[flow_row], ends_of(batch.stories, flow_row)
    spoke = first.has_spoken + second.has_spoken
    is_midstream = batch.rows.flows[story.flow].opened == OPENED_MIDSTREAM
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
    """Tell whether a RST ended the connection, and no data, FIN or probe came before it."""
    story, (first, second) = batch.stories.flows[flow_row], ends_of(batch.stories, flow_row)
    has_probed, has_closed = first.probes + second.probes, first.fin_frame + second.fin_frame
    return bool(story.reset_row != ABSENT and not (batch.rows.flows[story.flow].octets or has_probed or has_closed))


def is_one_sided(batch: Batch, flow_row: int) -> bool:
    """Conclude UNKNOWN where the end that would answer was not captured at all, and nothing else says that it is gone.

    An ICMP error or an unanswered solicitation for it would say so.
    """
    story, ends = batch.stories.flows[flow_row], batch.stories.ends
    first, second = batch.rows.ends[2 * story.flow], batch.rows.ends[2 * story.flow + 1]
    if first.last_ns != ABSENT and second.last_ns != ABSENT:
        return False
    has_icmp = story.run_end != ABSENT and ends[2 * flow_row + story.run_end].icmp_errors > 0
    if story.unresponsive_end != ABSENT:
        has_icmp = has_icmp or ends[2 * flow_row + story.unresponsive_end].icmp != ABSENT
    is_waiting = story.run_end != ABSENT or story.unresponsive_end != ABSENT
    if has_icmp or (is_waiting and batch.context[flow_row].asked):
        return False
    conclude(batch, flow_row, values.UNKNOWN, values.LIKELY, because(values.ONE_SIDED, 0))
    return True


def is_gone_from_link(batch: Batch, flow_row: int) -> bool:
    """Conclude UNDETECTED where nobody answers ARP for an end of an idle connection, and no keepalive has noticed.

    UNKNOWN where solicitations began anew and ceased: they may be a timer's, which has given up.
    """
    context = batch.context[flow_row]
    if not context.asked:
        return False
    is_repeated = shortest_spacing_ns(batch.asked, context.first_asked, context.first_asked + context.asked) > 0
    outcome = values.UNKNOWN if is_repeated else values.UNDETECTED
    conclude(batch, flow_row, outcome, values.LIKELY, because(values.NEIGHBOUR_SILENT, 0))
    show_asked(batch, flow_row)
    return True


def is_half_open(batch: Batch, flow_row: int) -> bool:
    """Conclude UNDETECTED where an end of an idle connection has been started anew, and neither end probes."""
    context, verdict = batch.context[flow_row], batch.verdicts[flow_row]
    first, second = ends_of(batch.stories, flow_row)
    if not context.restart or first.probes or second.probes:
        return False
    conclude(batch, flow_row, values.UNDETECTED, values.LIKELY, context.restart)
    verdict.first_evidence, verdict.evidence = context.first_restart_frame, context.restart_frames
    return True


def may_not_hear(batch: Batch, flow_row: int) -> bool:
    """Conclude UNKNOWN where an end's last answered probes come sooner than the two or more before.

    An end that does not hear answers probes again after an interval. Its settings may also have been changed. Where
    much is missing, earlier probes may be, and the RST; then only an echo shows that the answers are heard.
    """
    is_sparse = batch.stories.flows[flow_row].lacks >= MANY_MISSING
    for end in (0, 1):
        own = batch.stories.ends[2 * flow_row + end]
        is_unsure = own.probes > 0 and not has_echo(batch.stories, flow_row, end, HEARD)
        hastens = own.hastens or (is_unsure and has_hastened(batch.stories, flow_row, end))
        if hastens or (is_sparse and is_unsure):
            reason = values.PROBES_HASTEN if hastens else values.TOO_MUCH_MISSING
            conclude(batch, flow_row, values.UNKNOWN, values.LIKELY, because(reason, 0))
            prove(batch, flow_row, batch.rows.candidates[batch.stories.probes[own.last_probe].row].frame)
            return True
    return False


def has_fallen_silent(batch: Batch, flow_row: int) -> bool:
    """Conclude UNKNOWN where the only prober ceased to probe although its probes had been answered.

    It is gone, or has closed unseen, or the capture was cut here.
    """
    story, (first, second) = batch.stories.flows[flow_row], ends_of(batch.stories, flow_row)
    is_one = (first.probes > 0) != (second.probes > 0)
    if not is_one or first.fin_frame or second.fin_frame:
        return False
    end = 0 if first.probes else 1
    probe, longest_ns = batch.stories.probes[batch.stories.ends[2 * flow_row + end].last_probe], ABSENT
    if probe.answer_row == ABSENT:
        return False
    for place in range(story.first_gap, batch.stories.flows[flow_row + 1].first_gap):
        gap = batch.stories.gaps[place]
        if gap.kind == CYCLE and gap.end == end:
            longest_ns = max(longest_ns, gap.probe_ns)
    silent_ns = story.capture_end_ns - batch.rows.flows[story.flow].last_ns
    if longest_ns == ABSENT or silent_ns <= SILENT_CYCLES * longest_ns:
        return False
    conclude(batch, flow_row, values.UNKNOWN, values.GUESS, because(values.PROBES_CEASED, 0))
    prove(batch, flow_row, batch.rows.candidates[probe.row].frame)
    prove(batch, flow_row, batch.rows.candidates[probe.answer_row].frame)
    return True


def is_alive(batch: Batch, flow_row: int) -> bool:
    """Conclude ALIVE where both ends were heard no longer ago than the connection's rhythm, and owe nothing."""
    if is_overdue(batch, flow_row):
        return False
    is_ignored = note_probers(batch, flow_row)
    if batch.verdicts[flow_row].prober == ABSENT:
        conclude(batch, flow_row, values.ALIVE, values.LIKELY, because(values.NO_PROBE_DUE, 0))
    else:
        reason = values.PROBES_IGNORED if is_ignored else values.PROBES_ANSWERED
        conclude(batch, flow_row, values.ALIVE, values.CERTAIN, because(reason, 0))
    return True


def is_open(batch: Batch, flow_row: int) -> bool:
    """Conclude OPEN: it was not closed, and nothing tells whether both ends are still there."""
    note_probers(batch, flow_row)
    has_probed = batch.verdicts[flow_row].prober != ABSENT
    reason = values.PROBES_CEASED if has_probed else values.SILENT_FOR_LONG
    conclude(batch, flow_row, values.OPEN, values.LIKELY, because(reason, 0))
    return True


def is_overdue(batch: Batch, flow_row: int) -> bool:
    """Tell whether the connection has been silent for longer than its rhythm, up to the capture's end.

    The rhythm is the longest silence that it has survived, with an eighth for the timer that ended it
    (timer_wheel LVL_GRAN), or a heartbeat's, of which one may be lost. An end that has not acknowledged the last data
    has none.
    """
    story = batch.stories.flows[flow_row]
    flow = batch.rows.flows[story.flow]
    rhythm_ns = max(flow.max_idle_ns + flow.max_idle_ns // 8, IDLE_NS)
    for end in (0, 1):
        own = batch.stories.ends[2 * flow_row + end]
        if own.steady_beats:
            rhythm_ns = max(rhythm_ns, MISSED_PERIODS_2 * period_ns(own) // 2)
    for end in (0, 1):
        tracked, tracked_peer = batch.rows.ends[2 * story.flow + end], batch.rows.ends[2 * story.flow + 1 - end]
        if tracked.sent_ns != ABSENT and tracked_peer.last_ns < tracked.sent_ns:
            rhythm_ns = IDLE_NS
    return bool(story.capture_end_ns - flow.last_ns > rhythm_ns)


def note_probers(batch: Batch, flow_row: int) -> bool:
    """Note who probes, and the answers to the last probes as evidence. Returns whether probes were ignored."""
    story, verdict, is_ignored = batch.stories.flows[flow_row], batch.verdicts[flow_row], False
    for end in (1, 0):
        prober, tracked_peer = batch.stories.ends[2 * flow_row + end], batch.rows.ends[2 * story.flow + 1 - end]
        if prober.probes:
            verdict.prober = end
            is_ignored = is_ignored or (prober.lost > 0 and tracked_peer.last_ns != ABSENT)
    for end in (0, 1):
        prober = batch.stories.ends[2 * flow_row + end]
        if prober.probes:
            answer_row = batch.stories.probes[prober.last_probe].answer_row
            if answer_row != ABSENT:
                prove(batch, flow_row, batch.rows.candidates[answer_row].frame)
    return is_ignored


class Judged(NamedTuple):
    """The columns of what was concluded of some flows, a row each."""

    verdicts: Any
    """VERDICTS."""
    endings: Any
    """ENDINGS."""


class Court:
    """Judges the flows of a batch of stories."""

    def __init__(self, rows: Rows, engine: Engine) -> None:
        """Take the rows of the capture, and the engine that runs the kernels."""
        self._rows, self._engine = rows, engine

    def judge(
        self, stories: StoryTables, flows: int, context: Any, asked: Any, proofs: Any, proved: "array[int]"
    ) -> Judged:
        """Judge the first `flows` of these stories, and find out who ended them.

        `context` are their CONTEXT_FLOWS, `asked` and `proofs` the tables that these refer to. Of PROOFS, `proved[0]`
        rows are in use; there must be room behind them for PROVED frames of each.
        """
        verdicts, endings = rows_of(VERDICTS, flows), rows_of(ENDINGS, flows)
        batch = Batch(self._rows, stories, context, asked, rows_of(RESETS, 1), verdicts, proofs, proved)
        self._engine.run(judge, batch, 0, flows)
        self._engine.run(find_endings, batch, endings, flows)
        return Judged(verdicts, endings)

    def judge_alone(self, stories: StoryTables, flows: int) -> Judged:
        """Judge them with an empty context, as if nothing were known of other traffic."""
        context, proofs = rows_of(CONTEXT_FLOWS, flows), rows_of(PROOFS, PROVED * flows)
        for flow_row in range(flows):
            context.silent_end[flow_row] = ABSENT
        return self.judge(stories, flows, context, Table(ASKED_FOR).view, proofs, array("q", [0]))
