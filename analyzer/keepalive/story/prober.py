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
from analyzer.schema import ABSENT, ACK, RST, SYN
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
    e, end_row = stories.ends, 2 * flow_row + end
    e.probed_by[end_row] = e.own_ttl_low[end_row] = e.own_ttl_high[end_row] = e.probe_ttl_low[
        end_row
    ] = e.probe_ttl_high[end_row] = ABSENT
    e.probe_signs[end_row] = 0
    if e.probes[end_row]:
        compare(rows, flow, end, stories, flow_row)
        e.probed_by[end_row] = probed_by(e, end_row)


def compare(rows: Rows, flow: int, end: int, stories: StoryTables, flow_row: int) -> None:
    """Note the TTLs and signs of all segments of the end up to the flow's reset.

    A segment that is no candidate shows its TTL in the next one that is.
    """
    c, tags, e, end_row = rows.candidates, rows.segments.tag, stories.ends, 2 * flow_row + end
    foreign_ns = ABSENT  # the end's latest segment that may not be its own
    probe, own = ABSENT, ABSENT  # its latest probe, its latest own candidate
    for place in range(rows.starts[flow], rows.starts[flow + 1]):
        row = rows.order[place]
        if row == stories.flows.reset_row[flow_row]:
            break
        if c.end[row] != end or tags[row] == tag.DUPLICATE_FRAME or tags[row] == tag.ICMP_UNREACHABLE:
            continue
        follows_own = c.own_ns[row] != ABSENT and c.ts_ns[row] - c.own_ns[row] != foreign_ns
        if follows_own and c.usual_ttl[row] != ABSENT:
            note_own_ttl(e, end_row, c.usual_ttl[row])
        if tags[row] == tag.PROBE:
            note_probe_ttl(e, end_row, c.ttl[row])
            e.probe_signs[end_row] |= signs(c, row, own, follows_own)
            probe = row
        if tags[row] == tag.PROBE or tags[row] == tag.STRAY or tags[row] == tag.WINDOW_PROBE or c.flags[row] & RST:
            foreign_ns = c.ts_ns[row]
            continue
        note_own_ttl(e, end_row, c.ttl[row])
        if probe != ABSENT:
            e.probe_signs[end_row] |= OWN_AGAIN | (WINDOW if shrinks_window(c, row, probe) else 0)
        if c.flags[row] & (SYN | ACK) != SYN:  # which only offers timestamps
            own = row


def note_own_ttl(e: Any, end_row: int, ttl: int) -> None:
    """Extend the range of the end's own TTLs."""
    e.own_ttl_low[end_row] = ttl if e.own_ttl_low[end_row] == ABSENT else min(e.own_ttl_low[end_row], ttl)
    e.own_ttl_high[end_row] = max(e.own_ttl_high[end_row], ttl)


def note_probe_ttl(e: Any, end_row: int, ttl: int) -> None:
    """Extend the range of its probes' TTLs."""
    e.probe_ttl_low[end_row] = ttl if e.probe_ttl_low[end_row] == ABSENT else min(e.probe_ttl_low[end_row], ttl)
    e.probe_ttl_high[end_row] = max(e.probe_ttl_high[end_row], ttl)


def signs(c: Any, row: int, own: int, follows_own: bool) -> int:
    """Return what a probe has in common with the end's own segments before it, and what not, as bits."""
    found = 0
    if follows_own:
        if c.ip_id[row] > 0 and c.own_ip_id[row] > 0 and 0 < (c.ip_id[row] - c.own_ip_id[row]) & 0xFFFF <= NEXT_IDS:
            found |= NEXT_ID
        if c.relation[row] == segment_facts.REL_BELOW and not c.facts[row] & (
            segment_facts.SAME_ACK | segment_facts.ADVANCES
        ):
            found |= LOW_ACK
    if own == ABSENT:
        return found
    if shrinks_window(c, row, own):
        found |= WINDOW
    if c.tsval[row] != ABSENT and continues_clock(c, row, own):
        found |= SAME_CLOCK
    elif c.tsval[row] != ABSENT or c.tsval[own] != ABSENT:
        found |= TIMESTAMP
    return found


def shrinks_window(c: Any, row: int, earlier: int) -> bool:
    """Tell whether a segment's right window edge lies left of what was offered before.

    That is discouraged (RFC 9293 §3.8.6).
    """
    edge, offered = seq_add(c.ack[row], c.window[row]), seq_add(c.ack[earlier], c.window[earlier])
    return seq_diff(edge, offered) < -SHRUNK_OCTETS


def continues_clock(c: Any, row: int, own: int) -> bool:
    """Tell whether a segment's timestamp is of the same clock as the end's own.

    A clock ticks once a millisecond at most (RFC 7323 §5.4).
    """
    if c.tsval[own] == ABSENT:
        return False
    most = (c.ts_ns[row] - c.ts_ns[own]) // MILLISECOND * 5 // 4 + SLACK_TICKS
    return bool(0 <= seq_diff(c.tsval[row], c.tsval[own]) <= most)


def probe_fingerprint(rows: Rows, flow: int, row: int) -> int:
    """Return TTL and window as they stand in a probe, as one number: the same for all probes of one middlebox."""
    c, ends = rows.candidates, rows.ends
    end_row = 2 * flow + c.end[row]
    is_scaled = ends.window_shift[end_row] > 0 and ends.window_shift[end_row ^ 1] != ABSENT
    window: int = c.window[row] >> ends.window_shift[end_row] if is_scaled else c.window[row]
    return int(c.ttl[row]) << 32 | window


def probed_by(e: Any, end_row: int) -> int:
    """Return BY_ITSELF or BY_MIDDLEBOX, ABSENT where nothing decides.

    Nothing does where nothing else of the end was captured, or where it may be a change of route.
    """
    if e.own_ttl_low[end_row] == ABSENT:
        return ABSENT
    hops = max(e.own_ttl_low[end_row] - e.probe_ttl_high[end_row], e.probe_ttl_low[end_row] - e.own_ttl_high[end_row])
    if hops <= 0 or e.probe_signs[end_row] & SAME_CLOCK:
        return BY_ITSELF
    if hops <= max(
        e.own_ttl_high[end_row] - e.own_ttl_low[end_row], e.probe_ttl_high[end_row] - e.probe_ttl_low[end_row]
    ):
        return ABSENT  # it varies as much by itself: several ways of equal cost
    if hops >= FARTHEST_HOPS:
        return BY_MIDDLEBOX
    if e.probe_signs[end_row] & NEXT_ID:
        return BY_ITSELF
    found = int(hops >= CLEARLY_HOPS)
    for sign in SIGNS:
        found += e.probe_signs[end_row] & sign != 0
    return BY_MIDDLEBOX if found >= FEWEST_SIGNS else ABSENT
