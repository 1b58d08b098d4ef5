"""Who sends an end's probes: the end itself, or something on the path that keeps the connection open in its name.

A middlebox builds its probes from what little it knows of the connection, and its distance cannot be hidden: so their
TTL decides, and other fields add weight. None of these alone says anything: stacks probe without options (XNU), with
another window, or with an ACK one too low (S7-1500), and routes change. What continues the end's own timestamps or IP
identifications is the end's, whatever its route.

Kernels over a flow's rows, and over the end's row of STORY_ENDS.
"""

from typing import Any

from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.values import BY_ITSELF, BY_MIDDLEBOX
from analyzer.keepalive.tags import tag
from analyzer.schema import ABSENT, ACK, RST, SYN, UNKNOWN_TTL
from analyzer.sequence import seq_add, seq_diff
from analyzer.tcp import segment_facts

WINDOW, TIMESTAMP, LOW_ACK, OWN_AGAIN, SAME_CLOCK, NEXT_ID = (1 << bit for bit in range(6))
"""Signs at an end's probes, beside their TTL. WINDOW: they take back window that was offered, or the end's own segments
take back theirs. TIMESTAMP: they lack the end's timestamps, or have others. LOW_ACK: they acknowledge one octet too
few. OWN_AGAIN: the end's own segments come between or after them as before. SAME_CLOCK, NEXT_ID: they continue the
end's timestamps, or its IP identifications."""
SIGNS = (WINDOW, TIMESTAMP, LOW_ACK, OWN_AGAIN)
CLEARLY_HOPS = 2
"""Fewest hops that weigh by themselves: a route that changes is often longer or shorter by one."""
FARTHEST_HOPS = 32
"""No change of route makes such a difference: other initial TTLs (64, 128, 255) lie further apart."""
FEWEST_SIGNS = 2
NEXT_IDS = 4
"""Largest step of a counter: one for each connection moves on by one, one for all connections of a quiet host by a few
(RFC 6864)."""
SHRUNK_OCTETS = 1 << 14
"""No window scale rounds by more (RFC 7323 §2.2)."""
MILLISECOND = 1_000_000
SLACK_TICKS = 1000
"""Ticks by which a timestamp may be ahead of what its time says."""


def note_prober(rows: Rows, flow: int, end: int, stories: StoryTables, flow_row: int) -> None:
    """Note how the end's probes compare with its own segments, and who sends them."""
    prober = stories.ends[2 * flow_row + end]
    prober.probed_by = ABSENT
    prober.own_ttl_low = prober.own_ttl_high = prober.probe_ttl_low = prober.probe_ttl_high = ABSENT
    prober.probe_signs = 0
    if prober.probes:
        compare(rows, flow, end, stories, flow_row)
        prober.probed_by = probed_by(prober)


def compare(rows: Rows, flow: int, end: int, stories: StoryTables, flow_row: int) -> None:
    """Note the TTLs and signs of all segments of the end up to the flow's reset.

    A segment that is no candidate shows its TTL in the next one that is.
    """
    c, reset_row, prober = rows.candidates, stories.flows[flow_row].reset_row, stories.ends[2 * flow_row + end]
    foreign_ns = ABSENT  # the end's latest segment that may not be its own
    probe, own = ABSENT, ABSENT  # its latest probe, its latest own candidate
    for place in range(rows.starts[flow], rows.starts[flow + 1]):
        row = rows.order[place]
        if row == reset_row:
            break
        segment, what = c[row], rows.segments[row].tag
        if segment.end != end or what == tag.DUPLICATE_FRAME or what == tag.ICMP_UNREACHABLE:
            continue
        follows_own = segment.own_ns != ABSENT and segment.ts_ns - segment.own_ns != foreign_ns
        if follows_own and segment.usual_ttl != ABSENT:
            note_own_ttl(prober, segment.usual_ttl)
        if what == tag.PROBE:
            note_probe_ttl(prober, segment.ttl)
            prober.probe_signs |= signs(c, segment, own, follows_own)
            probe = row
        if what == tag.PROBE or what == tag.STRAY or what == tag.WINDOW_PROBE or segment.flags & RST:
            foreign_ns = segment.ts_ns
            continue
        note_own_ttl(prober, segment.ttl)
        if probe != ABSENT:
            prober.probe_signs |= OWN_AGAIN | (WINDOW if shrinks_window(segment, c[probe]) else 0)
        if segment.flags & (SYN | ACK) != SYN:  # which only offers timestamps
            own = row


def note_own_ttl(prober: Any, ttl: int) -> None:
    """Extend the range of the end's own TTLs."""
    if ttl == UNKNOWN_TTL:
        return
    prober.own_ttl_low = ttl if prober.own_ttl_low == ABSENT else min(prober.own_ttl_low, ttl)
    prober.own_ttl_high = max(prober.own_ttl_high, ttl)


def note_probe_ttl(prober: Any, ttl: int) -> None:
    """Extend the range of its probes' TTLs."""
    if ttl == UNKNOWN_TTL:
        return
    prober.probe_ttl_low = ttl if prober.probe_ttl_low == ABSENT else min(prober.probe_ttl_low, ttl)
    prober.probe_ttl_high = max(prober.probe_ttl_high, ttl)


def signs(c: Any, probe: Any, own_row: int, follows_own: bool) -> int:
    """Return what a probe has in common with the end's own segments before it, and what not, as bits.

    `own_row` is the row of the latest of these that is a candidate, or ABSENT.
    """
    found = 0
    if follows_own:
        if probe.ip_id > 0 and probe.own_ip_id > 0 and 0 < (probe.ip_id - probe.own_ip_id) & 0xFFFF <= NEXT_IDS:
            found |= NEXT_ID
        is_current = probe.facts & (segment_facts.SAME_ACK | segment_facts.ADVANCES)
        if probe.relation == segment_facts.REL_BELOW and not is_current:
            found |= LOW_ACK
    if own_row == ABSENT:
        return found
    own = c[own_row]
    if shrinks_window(probe, own):
        found |= WINDOW
    if probe.tsval != ABSENT and continues_clock(probe, own):
        found |= SAME_CLOCK
    elif probe.tsval != ABSENT or own.tsval != ABSENT:
        found |= TIMESTAMP
    return found


def shrinks_window(segment: Any, earlier: Any) -> bool:
    """Tell whether a segment's right window edge lies left of what was offered before.

    That is discouraged (RFC 9293 §3.8.6).
    """
    edge, offered = seq_add(segment.ack, segment.window), seq_add(earlier.ack, earlier.window)
    return seq_diff(edge, offered) < -SHRUNK_OCTETS


def continues_clock(segment: Any, own: Any) -> bool:
    """Tell whether a segment's timestamp is of the same clock as the end's own.

    A clock ticks once a millisecond at most (RFC 7323 §5.4).
    """
    if own.tsval == ABSENT:
        return False
    most = (segment.ts_ns - own.ts_ns) // MILLISECOND * 5 // 4 + SLACK_TICKS
    return bool(0 <= seq_diff(segment.tsval, own.tsval) <= most)


def probe_fingerprint(rows: Rows, flow: int, row: int) -> int:
    """Return TTL and window as they stand in a probe, as one number: the same for all probes of one middlebox."""
    probe = rows.candidates[row]
    end_row = 2 * flow + probe.end
    shift, peer_shift = rows.ends[end_row].window_shift, rows.ends[end_row ^ 1].window_shift
    window: int = probe.window >> shift if shift > 0 and peer_shift != ABSENT else probe.window
    return int(probe.ttl) << 32 | window


def probed_by(prober: Any) -> int:
    """Return BY_ITSELF or BY_MIDDLEBOX, ABSENT where nothing decides.

    Nothing does where nothing else of the end was captured, or where it may be a change of route.
    """
    if prober.own_ttl_low == ABSENT:
        return ABSENT
    hops = max(prober.own_ttl_low - prober.probe_ttl_high, prober.probe_ttl_low - prober.own_ttl_high)
    if hops <= 0 or prober.probe_signs & SAME_CLOCK:
        return BY_ITSELF
    if hops <= max(prober.own_ttl_high - prober.own_ttl_low, prober.probe_ttl_high - prober.probe_ttl_low):
        return ABSENT  # it varies as much by itself: several ways of equal cost
    if hops >= FARTHEST_HOPS:
        return BY_MIDDLEBOX
    if prober.probe_signs & NEXT_ID:
        return BY_ITSELF
    found = int(hops >= CLEARLY_HOPS)
    for sign in SIGNS:
        found += prober.probe_signs & sign != 0
    return BY_MIDDLEBOX if found >= FEWEST_SIGNS else ABSENT


def agreed_on_timestamps(rows: Rows, flow: int, end: int) -> bool:
    """Tell whether both ends have agreed on timestamps (RFC 7323 §2.2, §3.2).

    A SYN only offers them; a SYN-ACK, or anything else of this end, carries them only if both have.
    """
    for place in range(rows.starts[flow], rows.starts[flow + 1]):
        row = rows.order[place]
        segment, its_tag = rows.candidates[row], rows.segments.tag[row]
        if segment.tsval == ABSENT or its_tag == tag.DUPLICATE_FRAME or its_tag == tag.ICMP_UNREACHABLE:
            continue
        is_syn_ack = segment.flags & SYN and segment.flags & ACK
        if is_syn_ack or (segment.end == end and not segment.flags & (SYN | RST)):
            return True
    return False
