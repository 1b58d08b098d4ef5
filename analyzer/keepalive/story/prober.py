"""Who sends an end's probes: the end itself, or something on the path that keeps the connection open in its name.

A middlebox builds its probes from what little it knows of the connection, and its distance cannot be hidden: so their
TTL decides, and other fields add weight. None of these alone says anything: stacks probe without options (XNU),
with another window, or with an ACK one too low (S7-1500), and routes change. What takes up the end's own timestamps or
IP identifications is the end's, whatever its way. Kernels over a flow's rows, and over the end's row of TOLD_ENDS.
"""

from typing import Any

from analyzer.keepalive.story.gaps import Rows, Told
from analyzer.keepalive.story.values import BY_ITSELF, BY_MIDDLEBOX
from analyzer.keepalive.tags.tag import DUPLICATE_FRAME, ICMP_UNREACHABLE, PROBE, STRAY, WINDOW_PROBE
from analyzer.schema import ACK, NEVER, RST, SYN
from analyzer.sequence import seq_add, seq_diff
from analyzer.tcp.segment_facts import REL_BELOW, TRAIT_ADVANCES, TRAIT_SAME_ACK

WINDOW, TIMESTAMP, LOW_ACK, OWN_AGAIN, SAME_CLOCK, NEXT_ID = (1 << bit for bit in range(6))
"""What is noted of an end's probes beside their TTL. They take back window that was offered, or offer what is taken
back; they lack the end's timestamps, or have others; they acknowledge one octet too few; the end's own segments come
between or after them, as ever. Or they take up the end's timestamps, or its IP identifications."""
SIGNS = (WINDOW, TIMESTAMP, LOW_ACK, OWN_AGAIN)
CLEARLY_HOPS = 2
"""A route that changes is often longer or shorter by one."""
FARTHEST_HOPS = 32
"""No change of route makes such a difference: other initial TTLs (64, 128, 255) lie further apart."""
FEWEST_SIGNS = 2
NEXT_IDS = 4
"""A counter for each connection moves on by one, one for all connections of a quiet host by a few (RFC 6864)."""
SHRUNK_OCTETS = 1 << 14
"""No window scale rounds by more (RFC 7323 §2.2)."""
MILLISECOND = 1_000_000
SLACK_TICKS = 1000
"""By so many a timestamp may be ahead of what its time says."""


def tell_prober(rows: Rows, flow: int, end: int, told: Told, it: int) -> None:
    """Notes how the end's probes compare with its own segments, and by whom they are."""
    e, me = told.ends, 2 * it + end
    e.probed_by[me] = e.own_ttl_low[me] = e.own_ttl_high[me] = e.probe_ttl_low[me] = e.probe_ttl_high[me] = NEVER
    e.probe_signs[me] = 0
    if e.probes[me]:
        compare(rows, flow, end, told, it)
        e.probed_by[me] = probed_by(e, me)


def compare(rows: Rows, flow: int, end: int, told: Told, it: int) -> None:
    """All segments of the end up to the flow's reset. Of those that are no candidates the next one knows the TTL."""
    c, tags, e, me = rows.candidates, rows.segments.tag, told.ends, 2 * it + end
    foreign_ns = NEVER  # the end's latest segment that may not be its own
    probe, own = NEVER, NEVER  # its latest probe, its latest own candidate
    for place in range(rows.starts[flow], rows.starts[flow + 1]):
        row = rows.order[place]
        if row == told.flows.reset_row[it]:
            break
        if c.end[row] != end or tags[row] == DUPLICATE_FRAME or tags[row] == ICMP_UNREACHABLE:
            continue
        follows_own = c.own_ns[row] != NEVER and c.ts_ns[row] - c.own_ns[row] != foreign_ns
        if follows_own and c.usual_ttl[row] != NEVER:
            note_own_ttl(e, me, c.usual_ttl[row])
        if tags[row] == PROBE:
            note_probe_ttl(e, me, c.ttl[row])
            e.probe_signs[me] |= signs(c, row, own, follows_own)
            probe = row
        if tags[row] == PROBE or tags[row] == STRAY or tags[row] == WINDOW_PROBE or c.flags[row] & RST:
            foreign_ns = c.ts_ns[row]
            continue
        note_own_ttl(e, me, c.ttl[row])
        if probe != NEVER:
            e.probe_signs[me] |= OWN_AGAIN | (WINDOW if takes_back(c, row, probe) else 0)
        if c.flags[row] & (SYN | ACK) != SYN:  # which only offers timestamps
            own = row


def note_own_ttl(e: Any, me: int, ttl: int) -> None:
    e.own_ttl_low[me] = ttl if e.own_ttl_low[me] == NEVER else min(e.own_ttl_low[me], ttl)
    e.own_ttl_high[me] = max(e.own_ttl_high[me], ttl)


def note_probe_ttl(e: Any, me: int, ttl: int) -> None:
    e.probe_ttl_low[me] = ttl if e.probe_ttl_low[me] == NEVER else min(e.probe_ttl_low[me], ttl)
    e.probe_ttl_high[me] = max(e.probe_ttl_high[me], ttl)


def signs(c: Any, row: int, own: int, follows_own: bool) -> int:
    """What a probe has in common with the end's own segments before it, and what not."""
    found = 0
    if follows_own:
        if c.ip_id[row] > 0 and c.own_ip_id[row] > 0 and 0 < (c.ip_id[row] - c.own_ip_id[row]) & 0xFFFF <= NEXT_IDS:
            found |= NEXT_ID
        if c.relation[row] == REL_BELOW and not c.traits[row] & (TRAIT_SAME_ACK | TRAIT_ADVANCES):
            found |= LOW_ACK
    if own == NEVER:
        return found
    if takes_back(c, row, own):
        found |= WINDOW
    if c.tsval[row] != NEVER and goes_on(c, row, own):
        found |= SAME_CLOCK
    elif c.tsval[row] != NEVER or c.tsval[own] != NEVER:
        found |= TIMESTAMP
    return found


def takes_back(c: Any, row: int, earlier: int) -> bool:
    """The right edge of its window lies left of what was offered before, which is discouraged (RFC 9293 §3.8.6)."""
    edge, offered = seq_add(c.ack[row], c.window[row]), seq_add(c.ack[earlier], c.window[earlier])
    return seq_diff(edge, offered) < -SHRUNK_OCTETS


def goes_on(c: Any, row: int, own: int) -> bool:
    """Its timestamp is of the same clock, which ticks once a millisecond at most (RFC 7323 §5.4)."""
    if c.tsval[own] == NEVER:
        return False
    most = (c.ts_ns[row] - c.ts_ns[own]) // MILLISECOND * 5 // 4 + SLACK_TICKS
    return bool(0 <= seq_diff(c.tsval[row], c.tsval[own]) <= most)


def look_of_probe(rows: Rows, flow: int, row: int) -> int:
    """TTL and window as they stand in the segment, as one number: alike of all that a middlebox sends."""
    c, ends = rows.candidates, rows.ends
    me = 2 * flow + c.end[row]
    is_scaled = ends.window_shift[me] > 0 and ends.window_shift[me ^ 1] != NEVER
    window: int = c.window[row] >> ends.window_shift[me] if is_scaled else c.window[row]
    return int(c.ttl[row]) << 32 | window


def probed_by(e: Any, me: int) -> int:
    """BY_ITSELF or BY_MIDDLEBOX; NEVER where nothing else of the end was captured, or it may be a change of route."""
    if e.own_ttl_low[me] == NEVER:
        return NEVER
    hops = max(e.own_ttl_low[me] - e.probe_ttl_high[me], e.probe_ttl_low[me] - e.own_ttl_high[me])
    if hops <= 0 or e.probe_signs[me] & SAME_CLOCK:
        return BY_ITSELF
    if hops <= max(e.own_ttl_high[me] - e.own_ttl_low[me], e.probe_ttl_high[me] - e.probe_ttl_low[me]):
        return NEVER  # it varies as much by itself: several ways of equal cost
    if hops >= FARTHEST_HOPS:
        return BY_MIDDLEBOX
    if e.probe_signs[me] & NEXT_ID:
        return BY_ITSELF
    found = int(hops >= CLEARLY_HOPS)
    for sign in SIGNS:
        found += e.probe_signs[me] & sign != 0
    return BY_MIDDLEBOX if found >= FEWEST_SIGNS else NEVER
