"""Tagged segments of one flow in, its story out: who probed, what answered, which gaps the timer left.

One pass in capture order. It knows what an observation of the keepalive timer is
(tcp_timer.c tcp_keepalive_timer) and refuses to know what follows from it.
"""

from array import array
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from analyzer.keepalive.ledger import heartbeat
from analyzer.keepalive.tags import (
    ANSWER,
    CHALLENGE_ACK,
    DUPLICATE_FRAME,
    FIN_TAG,
    GIVE_UP_RST,
    HEARTBEAT,
    ICMP_UNREACHABLE,
    PROBE,
    RETRANSMISSION,
    RST_TAG,
    STRAY,
    SYN_ACK,
    SYN_TAG,
    WINDOW_ANSWER,
    WINDOW_PROBE,
)
from analyzer.keepalive.timeline import (
    Answer,
    Deafness,
    EndStory,
    Gap,
    GapKind,
    Persistence,
    Probe,
    ProbeRun,
    Reset,
    Silence,
    Story,
)
from analyzer.schema import ACK as ACK_BIT
from analyzer.schema import NEVER
from analyzer.schema import RST as RST_BIT
from analyzer.sequence import seq_diff
from analyzer.tcp.flows import FlowTable
from analyzer.tcp.tracker import IDLE_NS
from analyzer.tcp.traits import TRAIT_PEER_IN_FLIGHT

UNKNOWN_LAG_NS = 250_000_000
"""Allowance for the way from the capture point to an end that never answered anything measurable."""
ANSWERS_APART_NS = 500_000_000
"""Linux answers empty segments outside of the window no more often (tcp_invalid_ratelimit, tcp_oow_rate_limited)."""
SAME_INSTANT_NS = 5_000_000
"""A second copy of an answer is still that answer."""
LONG_NS = 10_000_000_000
"""Every path survives shorter silences."""
KNOWN_IDS = 4
"""So many IP identifications show whether an end counts them."""


class FlowRows:
    """One flow's candidate rows in capture order, with what the flow table knows about it."""

    def __init__(
        self,
        candidates: Any,
        segments: Any,
        order: "array[int]",
        table: FlowTable,
        flow: int,
        capture_end: tuple[int, int],
    ) -> None:
        """`order` holds the row numbers; `capture_end` the last frame's number and time."""
        self.candidates = candidates
        self.tags, self.rules, self.of = segments.tag, segments.rule, segments.of
        self._order = order
        self._ends = table.ends.view
        self._flow = flow
        self.last_ns: int = table.flows.view.last_ns[flow]
        self.last_frame, self.capture_end_ns = capture_end

    def __iter__(self) -> Iterator[int]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)

    def lag_ns(self, end: int) -> int:
        reply_ns: int = self._ends.reply_ns[2 * self._flow + end]
        return reply_ns if reply_ns != NEVER else UNKNOWN_LAG_NS

    def last_sent_ns(self, end: int) -> int:
        sent_ns: int = self._ends.last_ns[2 * self._flow + end]
        return sent_ns

    def ends_in_reset(self, end: int) -> bool:
        """The end's last segment is a RST."""
        return bool(self._ends.last_flags[2 * self._flow + end] & RST_BIT)

    def has_work(self, end: int) -> bool:
        """At the end of the capture it has octets in flight, or a closed window before it."""
        me = 2 * self._flow + end
        snd_nxt, snd_una = self._ends.snd_nxt[me], self._ends.snd_una[me]
        return bool((snd_una != NEVER and seq_diff(snd_nxt, snd_una) > 0) or self._ends.window[me ^ 1] == 0)


class _EndState:
    """What `tell` carries along for one end; the working side of `EndStory`."""

    def __init__(self, lag_ns: int) -> None:
        self.lag_ns = lag_ns
        self.probes: list[Probe] = []
        self.gaps: list[Gap] = []
        self.survived: Gap | None = None
        self.survived_to_the_end: Gap | None = None
        self.fin_frame = 0
        self.resends: list[tuple[int, int]] = []  # frame and time
        self.unanswered = 0
        self.run_heard_ns = NEVER
        self.answered_ns = NEVER  # when the peer last answered what lies outside of its window
        self.beats: list[tuple[int, int, int]] = []  # frame, time, octets
        self.echo_ns = NEVER  # its last probe or resend
        self.speech_ns = NEVER  # as of then, when it last sent anything else
        self.icmp_frames: list[int] = []
        self.icmp: tuple[int, int] | None = None
        self.ttls: set[int] = set()
        self.ip_ids: list[int] = []
        self.has_timestamp = False
        self.before_reset_ns: int | None = None  # when it was last heard before it sent RST
        self.window_probes: list[tuple[int, int]] = []  # frame and time, all answered so far


def tell(rows: FlowRows) -> Story:
    """One pass over a flow's tagged rows in capture order."""
    c = rows.candidates
    tags, of = rows.tags, rows.of
    ends = (_EndState(rows.lag_ns(0)), _EndState(rows.lag_ns(1)))
    place_of_probe: dict[int, tuple[_EndState, int]] = {}
    reset: Reset | None = None
    silences: list[Silence] = []
    bridged_ns = 0
    for row in rows:
        tag, end = tags[row], c.end[row]
        me, peer = ends[end], ends[1 - end]
        if tag == DUPLICATE_FRAME:
            me.ttls.add(c.ttl[row])
            continue
        if tag == ICMP_UNREACHABLE:
            me.icmp_frames.append(c.frame[row])
            me.icmp = (c.flags[row] >> 8, c.flags[row] & 0xFF)
            _answer(place_of_probe, of[row], Answer.ICMP, c, row)
            continue
        if c.flags[row] & RST_BIT and me.before_reset_ns is None:
            me.before_reset_ns = c.ts_ns[row] - c.own_ns[row] if c.own_ns[row] != NEVER else NEVER
        if reset is not None:
            continue  # what follows a reset is no longer this connection
        if c.idle_ns[row] >= LONG_NS and _is_test_of_path(c, row, tag, ends):
            silences.append(Silence(c.frame[row], c.ts_ns[row], c.idle_ns[row], end, survived=False))
        if not c.flags[row] & RST_BIT:
            _note_looks(c, row, me)
        _note_survived(c, row, tag, ends)
        if tag == PROBE:
            gap = _gap_of_probe(c, row, me, peer)
            if min(gap.heard_ns, gap.any_ns, gap.probe_ns) >= NEVER:  # the clock was not set back
                me.gaps.append(gap)
            _note_echo(c, row, me)
            if not me.unanswered:
                me.run_heard_ns = c.any_ns[row]
            place_of_probe[row] = (me, len(me.probes))
            me.probes.append(_probe(c, row, me))
            me.unanswered += 1
            continue
        if tag == RETRANSMISSION:
            me.resends.append((c.frame[row], c.ts_ns[row]))
            _note_echo(c, row, me)
            continue
        if tag == RST_TAG or tag == GIVE_UP_RST:
            if tag == GIVE_UP_RST:
                me.gaps.append(_timer_gap(GapKind.GIVE_UP, c, row, me, peer))
            if tag == RST_TAG:
                _answer(place_of_probe, of[row], Answer.RST, c, row)
            reset = _reset(c, row, tag == GIVE_UP_RST, of[row], me, peer)
            continue
        if tag == ANSWER and c.data_ns[row] != NEVER:
            bridged_ns = max(bridged_ns, c.ts_ns[row] - c.data_ns[row])
        if tag == STRAY:
            continue
        if tag == HEARTBEAT:
            me.beats.append((c.frame[row], c.ts_ns[row], c.payload_len[row]))
        if tag == ANSWER or tag == WINDOW_ANSWER or tag == CHALLENGE_ACK:
            peer.answered_ns = c.ts_ns[row]
        peer.unanswered = 0
        peer.icmp_frames.clear()
        peer.icmp = None
        peer.resends.clear()
        if of[row] != NEVER:
            _answer(place_of_probe, of[row], Answer.ACK if c.payload_len[row] == 0 else Answer.DATA, c, row)
        if tag != WINDOW_PROBE and tag != WINDOW_ANSWER:
            me.window_probes.clear()
            peer.window_probes.clear()
        if tag == WINDOW_PROBE:
            me.window_probes.append((c.frame[row], c.ts_ns[row]))
        if tag == WINDOW_PROBE or (tag == FIN_TAG and me.fin_frame):
            me.resends.append((c.frame[row], c.ts_ns[row]))
        if tag == FIN_TAG and not me.fin_frame:
            me.fin_frame = c.frame[row]
    if reset is None:
        _note_capture_end(rows, ends)
    return _story(rows, ends, reset, _with_survivors(silences, rows, ends), bridged_ns)


def _is_test_of_path(c: Any, row: int, tag: int, ends: tuple[_EndState, _EndState]) -> bool:
    """Whether the silence began with nothing outstanding, so that only its length can have broken the path."""
    if tag == SYN_TAG or tag == SYN_ACK or tag == GIVE_UP_RST or tag == RETRANSMISSION:
        return False
    is_waiting = c.in_flight[row] > 0 or c.traits[row] & TRAIT_PEER_IN_FLIGHT
    return not is_waiting and not any(state.unanswered or state.resends for state in ends)


def _with_survivors(silences: list[Silence], rows: FlowRows, ends: tuple[_EndState, _EndState]) -> tuple[Silence, ...]:
    """A silence was survived where the end that did not end it was heard later, by more than a RST."""
    last_ns = [rows.last_sent_ns(0), rows.last_sent_ns(1)]
    for end, state in enumerate(ends):
        if state.before_reset_ns is not None and rows.ends_in_reset(end):
            last_ns[end] = state.before_reset_ns
    return tuple(replace(one, survived=last_ns[1 - one.sender] > one.ts_ns) for one in silences)


def _note_looks(c: Any, row: int, me: _EndState) -> None:
    """What a RST is held against: TTLs, IP identifications, the timestamp option."""
    me.ttls.add(c.ttl[row])
    me.has_timestamp = me.has_timestamp or c.tsval[row] != NEVER
    if c.ip_id[row] > 0:
        me.ip_ids = [*me.ip_ids[1 - KNOWN_IDS :], c.ip_id[row]]


def _probe(c: Any, row: int, me: _EndState) -> Probe:
    """Not answered so far. With an octet it would be: those are not limited."""
    is_soon = me.answered_ns != NEVER and c.ts_ns[row] - me.answered_ns < ANSWERS_APART_NS
    may_go_unanswered = bool(is_soon and c.payload_len[row] == 0)
    return Probe(c.frame[row], c.ts_ns[row], c.payload_len[row], Answer.NOTHING, 0, NEVER, may_go_unanswered)


def _answer(places: dict[int, tuple[_EndState, int]], of: int, answer: Answer, c: Any, row: int) -> None:
    if of not in places:
        return
    state, index = places[of]
    probe = state.probes[index]
    if probe.answer is Answer.NOTHING:
        state.probes[index] = replace(probe, answer=answer, answer_frame=c.frame[row], answer_ns=c.ts_ns[row])


def _note_echo(c: Any, row: int, me: _EndState) -> None:
    """A probe or a resend brings nothing new: remember what came before it."""
    previous_ns = c.ts_ns[row] - c.own_ns[row] if c.own_ns[row] != NEVER else NEVER
    if previous_ns != me.echo_ns or previous_ns == NEVER:
        me.speech_ns = previous_ns
    me.echo_ns = c.ts_ns[row]


def _gap_of_probe(c: Any, row: int, me: _EndState, peer: _EndState) -> Gap:
    """Which of the timer's clocks the time before a probe measures (tcp_timer.c tcp_keepalive_timer)."""
    if not me.probes:
        return _timer_gap(GapKind.FIRST, c, row, me, peer)
    before = me.probes[-1]
    heard_ns, any_ns = c.heard_ns[row], c.any_ns[row]
    is_silent = any_ns <= before.ts_ns or (heard_ns != NEVER and heard_ns <= before.ts_ns)
    if is_silent and (me.unanswered or heard_ns < before.ts_ns):  # an answer may bear the probe's own time stamp
        return _timer_gap(GapKind.SPACING, c, row, me, peer)
    if before.answer is Answer.ACK and 0 <= heard_ns - before.answer_ns <= SAME_INSTANT_NS:
        return _timer_gap(GapKind.CYCLE, c, row, me, peer)
    return _timer_gap(GapKind.FIRST, c, row, me, peer)


def _last_speech_ns(c: Any, row: int, peer: _EndState) -> int:
    """The peer's last segment with anything new: some stacks take nothing else for a sign of life."""
    any_ns: int = c.any_ns[row]
    return peer.speech_ns if any_ns != NEVER and any_ns == peer.echo_ns else any_ns


def _timer_gap(kind: GapKind, c: Any, row: int, me: _EndState, peer: _EndState) -> Gap:
    now, speech_ns = c.ts_ns[row], _last_speech_ns(c, row, peer)
    return Gap(
        kind=kind,
        frame=c.frame[row],
        heard_ns=now - c.heard_ns[row] if c.heard_ns[row] != NEVER else NEVER,
        any_ns=now - c.any_ns[row] if c.any_ns[row] != NEVER else NEVER,
        probe_ns=now - me.probes[-1].ts_ns if me.probes else NEVER,
        unanswered=me.unanswered,
        lag_ns=me.lag_ns,
        speech_ns=now - speech_ns if speech_ns != NEVER else NEVER,
    )


def _note_survived(c: Any, row: int, tag: int, ends: tuple[_EndState, _EndState]) -> None:
    """An idle time that ended in traffic: no timer had run out by then, at either end."""
    idle_ns = c.idle_ns[row]
    if idle_ns < IDLE_NS:
        return
    sender = c.end[row]
    for end in (0, 1):
        state = ends[end]
        is_own_probe = tag == PROBE and end == sender
        if is_own_probe or _has_work(c, row, end) or state.unanswered or state.fin_frame:
            continue
        if state.survived is None or idle_ns > state.survived.heard_ns:  # only the longest bounds a timer
            state.survived = _survived(state, c.frame[row], idle_ns, idle_ns, c.ts_ns[row])


def _has_work(c: Any, row: int, end: int) -> bool:
    """Data in flight, or a closed window before it: keepalive is suspended (tcp_keepalive_timer, first test)."""
    if end == c.end[row]:
        return bool(c.in_flight[row] > 0 or c.peer_window[row] == 0)
    return bool(c.traits[row] & TRAIT_PEER_IN_FLIGHT or c.window[row] == 0)


def _survived(state: _EndState, frame: int, heard_ns: int, any_ns: int, now_ns: int) -> Gap:
    since_probe = now_ns - state.probes[-1].ts_ns if state.probes else NEVER
    return Gap(GapKind.SURVIVED, frame, heard_ns, any_ns, since_probe, 0, state.lag_ns)


def _note_capture_end(rows: FlowRows, ends: tuple[_EndState, _EndState]) -> None:
    silent_ns = rows.capture_end_ns - rows.last_ns
    both_closed = ends[0].fin_frame and ends[1].fin_frame
    if silent_ns <= 0 or both_closed:
        return
    for end in (0, 1):
        state = ends[end]
        if state.unanswered:
            last = state.probes[-1]
            since_probe = rows.capture_end_ns - last.ts_ns
            gap = Gap(GapKind.PENDING, last.frame, NEVER, NEVER, since_probe, state.unanswered, state.lag_ns)
            state.gaps.append(gap)
        elif not state.fin_frame and not rows.has_work(end):
            state.survived_to_the_end = _survived(state, rows.last_frame, silent_ns, NEVER, rows.capture_end_ns)


def _reset(c: Any, row: int, is_give_up: bool, of: int, me: _EndState, peer: _EndState) -> Reset:
    return Reset(
        frame=c.frame[row],
        ts_ns=c.ts_ns[row],
        end=c.end[row],
        has_ack=bool(c.flags[row] & ACK_BIT),
        is_give_up=is_give_up,
        answers_frame=c.frame[of] if of != NEVER and not is_give_up else 0,
        follows_data=bool(c.traits[row] & TRAIT_PEER_IN_FLIGHT) or bool(peer.resends),
        ttl=c.ttl[row],
        usual_ttl=c.ttl[row] if c.ttl[row] in me.ttls else c.usual_ttl[row],
        own_ns=c.ts_ns[row] - c.own_ns[row] if c.own_ns[row] != NEVER else NEVER,
        window=c.window[row],
        ip_id=c.ip_id[row],
        has_timestamp=c.tsval[row] != NEVER,
        usual_ip_ids=tuple(me.ip_ids),
        has_usual_timestamp=me.has_timestamp,
    )


def _story(
    rows: FlowRows,
    ends: tuple[_EndState, _EndState],
    reset: Reset | None,
    silences: tuple[Silence, ...],
    bridged_ns: int,
) -> Story:
    return Story(
        ends=(_end_story(ends[0]), _end_story(ends[1])),
        run=_last_run(ends),
        deafness=_deafness(rows, ends),
        reset=reset,
        last_ns=rows.last_ns,
        capture_end_ns=rows.capture_end_ns,
        heard_ns=(rows.last_sent_ns(0), rows.last_sent_ns(1)),
        silences=silences,
        bridged_ns=bridged_ns,
        persistence=_persistence(ends),
    )


def _end_story(state: _EndState) -> EndStory:
    return EndStory(
        probes=tuple(state.probes),
        gaps=(*state.gaps, *(gap for gap in (state.survived, state.survived_to_the_end) if gap)),
        fin_frame=state.fin_frame,
        lag_ns=state.lag_ns,
        heartbeat=heartbeat(state.beats),
    )


def _deafness(rows: FlowRows, ends: tuple[_EndState, _EndState]) -> Deafness | None:
    for end in (0, 1):
        resends = ends[end].resends
        if resends:
            frames, times = tuple(frame for frame, _ in resends), [time for _, time in resends]
            spacing_ns = times[-1] - times[-2] if len(times) > 1 else 0
            return Deafness(end, frames, times[-1], spacing_ns, rows.last_sent_ns(1 - end), ends[end].icmp)
    return None


def _persistence(ends: tuple[_EndState, _EndState]) -> Persistence | None:
    for end in (0, 1):
        probes = ends[end].window_probes
        if probes and not ends[end].resends:
            frames, times = tuple(frame for frame, _ in probes), [ts_ns for _, ts_ns in probes]
            spacing_ns = times[-1] - times[-2] if len(times) > 1 else 0
            return Persistence(end, frames, times[0], times[-1], spacing_ns)
    return None


def _last_run(ends: tuple[_EndState, _EndState]) -> ProbeRun | None:
    """Of both ends' runs the one that began first: it noticed the silence first."""
    runs = []
    for end in (0, 1):
        state = ends[end]
        if state.unanswered:
            probes = state.probes[len(state.probes) - state.unanswered :]
            if all(probe.may_go_unanswered for probe in probes):
                continue
            first_ns, last_ns = probes[0].ts_ns, probes[-1].ts_ns
            frames, icmp_frames = tuple(probe.frame for probe in probes), tuple(state.icmp_frames)
            runs.append(ProbeRun(end, frames, first_ns, last_ns, state.run_heard_ns, icmp_frames))
    return min(runs, key=lambda run: run.first_ns) if runs else None
