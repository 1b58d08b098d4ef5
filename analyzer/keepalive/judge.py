"""From a flow's story to its verdict: an ordered table of rules, the first that holds decides.

Outcome, cause, what the application saw (errno and epoll mask), who noticed, how late,
and the frames that prove it. The words are in `report/explain.py`.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from analyzer.keepalive import rst
from analyzer.keepalive.application import EPOLL_DEAD, icmp_errno, link_errno, reset_errno
from analyzer.keepalive.brief import LONGEST_INTERVAL_NS, SHORTEST_INTERVAL_NS, SILENCE, SILENT_CYCLES
from analyzer.keepalive.ledger import ledger
from analyzer.keepalive.solicited import first_tries, stand_for_probes
from analyzer.keepalive.timeline import Deafness, GapKind, Persistence, Reset, Story
from analyzer.keepalive.verdict import Cause, Confidence, Outcome, Reason, Surroundings, Verdict
from analyzer.schema import NEVER

DEAF_NS = 5_000_000_000
"""Resends over a shorter time may be mere loss."""
LONGEST_BACKOFF_NS = 120_000_000_000
"""No stack waits longer between resends (TCP_RTO_MAX)."""
SHORTEST_BACKOFF_NS = 3_000_000_000
"""Resends that follow sooner are the first ones, which need not double (RFC 8985 §7.2, RFC 1122 §4.2.3.1)."""
LATE_TRY_NS = 1_000_000_000
"""A resend after so long is not the first try: one more that nothing answers is no mere loss."""
SOLICITED_NS = 3_200_000_000
"""A solicitation is under way for three tries, a second apart (net/core/neighbour.c mcast_solicit)."""
FEWEST_VAIN = 3
"""Fewer resends of what was acknowledged may be due to a round trip that took longer than usual."""
FEWEST_TRIES = 5
"""No stack gives up data after fewer resends (Windows TcpMaxDataRetransmissions)."""
EVIDENCE = 12
"""So many frames are named."""

type_of_rule = Callable[[Story, Surroundings], Verdict | None]


def judge(story: Story, surroundings: Surroundings) -> Verdict:
    """The first rule of RULES that holds."""
    for rule in RULES:
        verdict = rule(story, surroundings)
        if verdict is not None:
            return verdict if may_be_linux(story, verdict.prober) else replace(verdict, epoll=None)
    return _open(story)


def may_be_linux(story: Story, prober: int | None) -> bool:
    """Only Linux has epoll, and it never puts an octet into a probe (tcp_output.c tcp_xmit_probe_skb)."""
    return prober is None or not any(probe.payload_len for probe in story.ends[prober].probes)


def gave_up(story: Story, around: Surroundings) -> Verdict | None:
    """A RST one interval after the last unanswered probe (tcp_timer.c tcp_keepalive_timer)."""
    if story.reset is None or not story.reset.is_give_up or story.run is None:
        return None
    cause, outcome, confidence, reasons = _why_silent(story, around)
    frames = (*story.run.frames, story.reset.frame)
    delay = story.reset.ts_ns - story.run.heard_ns if story.run.heard_ns != NEVER else None
    reasons = (Reason.GIVE_UP_RST, *reasons)
    return _dead(outcome, cause, story.reset.end, "ETIMEDOUT", delay, confidence, frames, reasons)


def probe_was_reset(story: Story, _around: Surroundings) -> Verdict | None:
    """A RST came back for a probe (RFC 9293 §3.10.7.1, RFC 1122 §4.2.3.6)."""
    if story.reset is None or not story.reset.answers_frame:
        return None
    return _reset_by_peer(story, (story.reset.answers_frame, story.reset.frame), Reason.RST_ANSWERS_PROBE)


def data_was_reset(story: Story, _around: Surroundings) -> Verdict | None:
    """A RST without ACK came back for data: that end has no such connection (RFC 9293 §3.10.7.1)."""
    reset = story.reset
    if reset is None or reset.has_ack or not reset.follows_data or story.ends[reset.end].fin_frame:
        return None
    return _reset_by_peer(story, (reset.frame,), Reason.RST_WITHOUT_STATE)


def was_reset_unasked(story: Story, _around: Surroundings) -> Verdict | None:
    """A RST from another distance than the end's own segments, and neither timer nor probe explains it."""
    reset = story.reset
    if reset is None or reset.is_give_up or story.ends[reset.end].fin_frame or not rst.is_foreign(reset):
        return None
    return _reset_by_peer(story, (reset.frame,), Reason.RST_UNASKED)


def was_closed(story: Story, _around: Surroundings) -> Verdict | None:
    """FIN from both sides, or a RST that no timer and no probe explains: the application's."""
    fins = tuple(end.fin_frame for end in story.ends)
    if story.reset is not None:
        frames = tuple(frame for frame in (*fins, story.reset.frame) if frame)
        errno = _told_by(story, story.reset)
        epoll, reasons = EPOLL_DEAD if errno else None, (Reason.RST_BY_APPLICATION,)
        return Verdict(Outcome.CLOSED, Cause.APPLICATION, None, errno, epoll, None, Confidence.LIKELY, frames, reasons)
    if not all(fins):
        return None
    reasons = (Reason.FIN_BOTH,)
    return Verdict(Outcome.CLOSED, Cause.APPLICATION, None, None, None, None, Confidence.CERTAIN, fins, reasons)


def _told_by(story: Story, reset: Reset) -> str | None:
    """What the other application sees of a RST: nothing, if what its end sends no longer arrives."""
    is_lost = story.run is not None and story.run.end == reset.end
    return None if is_lost else _felt(story, reset)


def _felt(story: Story, reset: Reset) -> str | None:
    """Nothing, if the other application has closed too. One that has only shut down its sending half and still reads
    is in FIN_WAIT2, where a RST is what it always is (tcp_input.c tcp_reset)."""
    told = story.ends[1 - reset.end]
    if told.fin_frame and (not told.reads_on or story.ends[reset.end].fin_frame):
        return None
    return reset_errno(is_half_closed=_is_half_closed(story, reset))


def is_probing(story: Story, around: Surroundings) -> Verdict | None:
    """Unanswered probes, and no RST: still running at the capture's end, or given up in silence.

    Where nobody answers ARP for the peer, the solicitations stand for probes that are not sent.
    """
    run = story.run
    if run is not None:
        prober, heard_ns, probe_frames, last_ns = run.end, run.heard_ns, run.frames, run.last_ns
    elif around.silent_end is not None and stand_for_probes(story, around):
        prober, heard_ns = 1 - around.silent_end, story.heard_ns[around.silent_end]
        probe_frames, last_ns = (), NEVER
    else:
        return None
    cause, outcome, confidence, reasons = _why_silent(story, around)
    frames = (*probe_frames, *around.neighbour_frames)
    last_sign_ns = max(last_ns, around.last_asked_ns, story.last_ns)
    if story.capture_end_ns - last_sign_ns <= SILENCE * _interval_ns(story, around, _longest_interval_ns(story)):
        reasons = (Reason.RUN_GOES_ON, *reasons)
        return Verdict(Outcome.PROBING, cause, prober, None, None, None, confidence, frames[:EVIDENCE], reasons)
    delay = _given_up_ns(story, around) - heard_ns if heard_ns != NEVER else None
    sign = Reason.SILENT_AFTER_PROBES if story.ends[prober].probes else Reason.ASKED_BY_TIMER
    reasons = (sign, Reason.SILENT_GIVE_UP, *reasons)
    return _dead(outcome, cause, prober, "ETIMEDOUT", delay, Confidence.LIKELY, frames, reasons)


def is_gone_from_link(_story: Story, around: Surroundings) -> Verdict | None:
    """Nobody answers ARP for an end of an idle connection, and no keepalive has noticed."""
    if not around.asked:
        return None
    frames = around.neighbour_frames[:EVIDENCE]
    reasons = (Reason.NEIGHBOUR_SILENT,)
    return Verdict(Outcome.UNDETECTED, None, None, None, None, None, Confidence.LIKELY, frames, reasons)


def is_half_open(story: Story, around: Surroundings) -> Verdict | None:
    """An end of an idle connection has been started anew, and the other end does not probe."""
    if not around.restart or any(end.probes for end in story.ends):
        return None
    frames = around.restart_frames[:EVIDENCE]
    return Verdict(Outcome.UNDETECTED, None, None, None, None, None, Confidence.LIKELY, frames, around.restart)


def window_was_given_up(story: Story, _around: Surroundings) -> Verdict | None:
    """Probes of a closed window ceased although each was answered: a user timeout (tcp_timer.c tcp_probe_timer).

    It counts from the first of them and ends the connection in silence; keepalive is suspended all the while.
    Seen from the other end they may as well be lost on the way.
    """
    persistence = story.persistence
    if persistence is None or len(persistence.frames) < 2:
        return None
    wait_ns = _next_try_ns(persistence.spacing_ns)
    if story.capture_end_ns - story.last_ns <= wait_ns + wait_ns // 4:
        return None
    if story.ends[persistence.end].lag_ns > story.ends[1 - persistence.end].lag_ns:  # captured nearer to the other
        reasons: tuple[Reason, ...] = (Reason.PROBES_CEASED,)
        frames = persistence.frames[-EVIDENCE:]
        return Verdict(Outcome.UNDETECTED, None, None, None, None, None, Confidence.LIKELY, frames, reasons)
    delay = persistence.last_ns + wait_ns - persistence.first_ns
    reasons = (Reason.WINDOW_STAYED_CLOSED, Reason.SILENT_GIVE_UP)
    return _dead(Outcome.TIMED_OUT, None, None, "ETIMEDOUT", delay, Confidence.LIKELY, persistence.frames, reasons)


def acks_are_unheard(story: Story, _around: Surroundings) -> Verdict | None:
    """Data sent again and again although it was acknowledged: one way is broken, and its sender will be told.

    When that ceases after a few tries, one of the ACKs may have arrived.
    """
    if not _is_one_way(story.resending):
        return None
    resending = story.resending
    assert resending is not None
    wait_ns, frames = _next_try_ns(resending.spacing_ns), resending.frames[:EVIDENCE]
    why = Reason.ACKS_UNHEARD
    if story.capture_end_ns - resending.last_ns <= wait_ns + wait_ns // 4:
        return Verdict(
            Outcome.UNDETECTED, Cause.PATH_DROPPED, None, None, None, None, Confidence.LIKELY, frames, (why,)
        )
    if len(resending.frames) < FEWEST_TRIES or story.last_ns > resending.last_ns + wait_ns:
        return None
    reasons = (why, Reason.SILENT_GIVE_UP)
    return _dead(Outcome.TIMED_OUT, Cause.PATH_DROPPED, None, "ETIMEDOUT", None, Confidence.GUESS, frames, reasons)


def _is_one_way(resending: Persistence | None) -> bool:
    return resending is not None and len(resending.frames) >= FEWEST_VAIN


def is_one_sided(story: Story, around: Surroundings) -> Verdict | None:
    """The end that would answer is not in the capture at all, and nothing else says that it is gone."""
    if NEVER not in story.heard_ns:
        return None
    has_icmp = (story.run is not None and story.run.icmp_frames) or (story.deafness is not None and story.deafness.icmp)
    if has_icmp or around.neighbour_frames:
        return None
    return Verdict(Outcome.UNKNOWN, None, None, None, None, None, Confidence.CERTAIN, (), (Reason.ONE_SIDED,))


def data_was_given_up(story: Story, around: Surroundings) -> Verdict | None:
    """Resends ceased although nothing answered: tcp_timer.c tcp_write_timeout ends that in silence.

    Where nobody answers ARP for the peer, the solicitations stand for resends that are not sent.
    """
    deaf = story.deafness
    if deaf is None or not _is_no_mere_loss(deaf):
        return None
    tries = [
        deaf.last_ns - deaf.spacing_ns,
        deaf.last_ns,
        *(ts_ns for ts_ns in first_tries(around) if ts_ns > deaf.last_ns),
    ]
    last_ns, wait_ns = max(deaf.last_ns, around.last_asked_ns), _next_try_ns(tries[-1] - tries[-2])
    if story.capture_end_ns - max(last_ns, story.last_ns) <= wait_ns + wait_ns // 4:
        return None
    delay = last_ns + wait_ns - deaf.heard_ns if deaf.heard_ns != NEVER else None
    outcome, cause, errno, why = _why_given_up(deaf, around)
    reasons = (Reason.DATA_GIVEN_UP, Reason.SILENT_GIVE_UP, *why)
    frames = (*deaf.frames, *around.neighbour_frames)
    return _dead(outcome, cause, None, errno, delay, Confidence.LIKELY, frames, reasons)


def _why_given_up(deaf: Deafness, around: Surroundings) -> tuple[Outcome, Cause, str, tuple[Reason, ...]]:
    """ICMP errors about what is in flight become the errno; those about a probe of a closed window do not."""
    if deaf.icmp is not None:
        reasons: tuple[Reason, ...] = (Reason.ICMP_QUOTES_DATA,)
        return Outcome.UNREACHABLE, Cause.PATH_UNREACHABLE, icmp_errno(*deaf.icmp), reasons
    if deaf.icmp_frames:
        return Outcome.UNREACHABLE, Cause.PATH_UNREACHABLE, "ETIMEDOUT", (Reason.ICMP_DISCARDED,)
    cause, reasons = _why_deaf(around)
    is_told = cause is Cause.LINK_DEAD and not deaf.is_window_probe
    errno = link_errno(len(around.asked)) if is_told else "ETIMEDOUT"
    return Outcome.TIMED_OUT, cause, errno, reasons


def _is_no_mere_loss(deaf: Deafness) -> bool:
    return len(deaf.frames) > 1 or deaf.spacing_ns >= LATE_TRY_NS


def _next_try_ns(spacing_ns: int) -> int:
    """The longest until the next resend or window probe: the wait doubles (RFC 6298 §5.5)."""
    return min(max(2 * spacing_ns, SHORTEST_BACKOFF_NS), LONGEST_BACKOFF_NS)


def data_goes_unanswered(story: Story, around: Surroundings) -> Verdict | None:
    """Data sent again and again with no sign of the other end: keepalive does not watch over it."""
    deaf = story.deafness
    if deaf is None or not _is_no_mere_loss(deaf) or story.capture_end_ns - deaf.heard_ns < DEAF_NS:
        return None
    reasons = (Reason.DATA_UNANSWERED, *_why_deaf(around)[1])
    frames = deaf.frames[:EVIDENCE]
    return Verdict(Outcome.UNDETECTED, None, None, None, None, None, Confidence.LIKELY, frames, reasons)


def has_fallen_silent(story: Story, _around: Surroundings) -> Verdict | None:
    """An end that probed again and again ceased to, and the other does not probe: its silence goes unnoticed."""
    if story.reset is not None or any(end.fin_frame for end in story.ends):
        return None
    probers = [end for end in (0, 1) if story.ends[end].probes]
    if len(probers) != 1:
        return None
    prober = story.ends[probers[0]]
    cycles = [gap.probe_ns for gap in prober.gaps if gap.kind is GapKind.CYCLE]
    if not cycles or not prober.probes[-1].answer_frame:
        return None
    if story.capture_end_ns - story.last_ns <= SILENT_CYCLES * max(cycles):
        return None
    frames = (prober.probes[-1].frame, prober.probes[-1].answer_frame)
    reasons = (Reason.PROBES_CEASED,)
    return Verdict(Outcome.UNDETECTED, None, None, None, None, None, Confidence.LIKELY, frames, reasons)


RULES: tuple[type_of_rule, ...] = (
    gave_up,
    probe_was_reset,
    data_was_reset,
    was_reset_unasked,
    was_closed,
    is_one_sided,
    data_was_given_up,
    data_goes_unanswered,
    window_was_given_up,
    is_probing,
    acks_are_unheard,
    is_gone_from_link,
    is_half_open,
    has_fallen_silent,
)


def _open(story: Story) -> Verdict:
    """No rule holds: the connection is open as far as the capture shows."""
    probers = [end for end in (0, 1) if story.ends[end].probes]
    prober = probers[0] if probers else None
    reason = Reason.PROBES_ANSWERED if probers else Reason.NO_PROBE_DUE
    if any(ledger(story.ends[end].probes).lost for end in probers):
        reason = Reason.PROBES_IGNORED
    frames = tuple(probe.answer_frame for end in probers for probe in story.ends[end].probes[-1:] if probe.answer_frame)
    confidence = Confidence.CERTAIN if probers else Confidence.LIKELY
    return Verdict(Outcome.ALIVE, None, prober, None, None, None, confidence, frames, (reason,))


def _why_silent(story: Story, around: Surroundings) -> tuple[Cause, Outcome, Confidence, tuple[Reason, ...]]:
    """What ICMP, ARP and the peer's other connections say about a peer that does not answer."""
    if story.run is not None and story.run.icmp_frames:
        return Cause.PATH_UNREACHABLE, Outcome.UNREACHABLE, Confidence.CERTAIN, (Reason.ICMP_DISCARDED,)
    if story.run is not None and story.run.is_unheard:
        return Cause.PATH_DROPPED, Outcome.TIMED_OUT, Confidence.LIKELY, (Reason.ANSWERS_UNHEARD,)
    if story.run is not None and story.run.peer_sent_ns > story.run.first_ns:
        return Cause.PATH_DROPPED, Outcome.TIMED_OUT, Confidence.CERTAIN, (Reason.PEER_STILL_SENDS,)
    if _is_one_way(story.resending):
        return Cause.PATH_DROPPED, Outcome.TIMED_OUT, Confidence.LIKELY, (Reason.ACKS_UNHEARD,)
    cause, reasons = _why_deaf(around)
    is_certain = cause is Cause.LINK_DEAD or cause is Cause.PEER_SILENT
    return cause, Outcome.TIMED_OUT, Confidence.CERTAIN if is_certain else Confidence.LIKELY, reasons


def _why_deaf(around: Surroundings) -> tuple[Cause, tuple[Reason, ...]]:
    """What ARP, the peer's other connections and its network say about a peer that does not answer."""
    if around.neighbour_frames:
        return Cause.LINK_DEAD, (Reason.NEIGHBOUR_SILENT,)
    if around.answers_elsewhere:
        return Cause.PATH_DROPPED, (Reason.PEER_HOST_ANSWERS,)
    if around.is_network_silent:
        return Cause.PATH_DROPPED, (Reason.NETWORK_SILENT,)
    if around.silent_flows:
        return Cause.PEER_SILENT, (Reason.PEER_HOST_SILENT, Reason.PEER_FLOWS_SILENT)
    return Cause.PEER_SILENT, (Reason.PEER_HOST_SILENT,)


def _reset_by_peer(story: Story, frames: tuple[int, ...], reason: Reason) -> Verdict:
    reset = story.reset
    assert reset is not None
    odd = rst.odd_fields(reset)
    if rst.is_foreign(reset):
        cause, is_certain = Cause.PATH_RESET, len(odd) > 1
        looks = tuple(dict.fromkeys(LOOKS.get(field, Reason.RST_DIFFERS_IN_MORE) for field in odd))
    else:
        cause, is_certain = Cause.PEER_LOST_STATE, not odd and reset.usual_ttl != NEVER
        looks = (Reason.RST_LOOKS_NATIVE,)
    confidence = Confidence.CERTAIN if is_certain else Confidence.LIKELY
    delay = reset.ts_ns - reset.own_ns if reset.own_ns != NEVER else None
    prober = 1 - reset.end if story.ends[1 - reset.end].probes else None
    return _dead(Outcome.RESET, cause, prober, _felt(story, reset), delay, confidence, frames, (reason, *looks))


LOOKS = {
    rst.Field.TTL: Reason.RST_LOOKS_FOREIGN,
    rst.Field.HASTE: Reason.RST_TOO_SOON,
    rst.Field.ONCE: Reason.RST_CAPTURED_ONCE,
}


def _is_half_closed(story: Story, reset: Reset) -> bool:
    """The end that resets had closed its half, and the other had not: CLOSE_WAIT there."""
    return bool(story.ends[reset.end].fin_frame and not story.ends[1 - reset.end].fin_frame)


def _ticks(story: Story, around: Surroundings) -> list[int]:
    """When the prober's timer fired: its unanswered probes, and the first tries of solicitations."""
    frames = set(story.run.frames) if story.run is not None else set()
    probes = [probe.ts_ns for end in story.ends for probe in end.probes if probe.frame in frames]
    return sorted({*probes, *first_tries(around)})


def _given_up_ns(story: Story, around: Surroundings) -> int:
    """One interval after the last probe at the latest. Where nobody answers ARP the RST asks once more itself.

    While a solicitation is under way nothing asks (net/core/neighbour.c __neigh_event_send): then of a short
    interval every other one shows, and the RST may have come up to so long after the last.
    """
    ticks, asked = _ticks(story, around), first_tries(around)
    if ticks[-1] not in asked:
        return ticks[-1] + _interval_ns(story, around, 0)
    shortest_ns = min((later - earlier for earlier, later in pairwise(asked)), default=0)
    return ticks[-1] + (min(shortest_ns, SOLICITED_NS) if shortest_ns <= 2 * SOLICITED_NS else 0)


def _longest_interval_ns(story: Story) -> int:
    """What a run of one probe may be followed by: hardly anybody waits longer than before the first one."""
    idle = (gap.any_ns for end in story.ends for gap in end.gaps if gap.kind is GapKind.FIRST)
    return max((LONGEST_INTERVAL_NS, *idle))


def _interval_ns(story: Story, around: Surroundings, otherwise: int) -> int:
    """The longest spacing that probes and solicitations show."""
    longest = max((later - earlier for earlier, later in pairwise(_ticks(story, around))), default=0)
    return longest if longest >= SHORTEST_INTERVAL_NS else otherwise


def _dead(
    outcome: Outcome,
    cause: Cause | None,
    prober: int | None,
    errno: str | None,
    delay_ns: int | None,
    confidence: Confidence,
    frames: tuple[int, ...],
    reasons: tuple[Reason, ...],
) -> Verdict:
    """The prober's application was told, if it has not closed; the mask is the same for every pending error."""
    epoll = EPOLL_DEAD if errno else None
    return Verdict(outcome, cause, prober, errno, epoll, delay_ns, confidence, frames[:EVIDENCE], reasons)
