"""Who sent a RST: the end in whose name it comes, or something on the path.

Something on the path that forges a RST builds it from nothing. The end's own stack builds it as always, after a reboot
too. So the RST's fields are compared with those of the end's own segments. Its distance is hard to hide: hops and time
weigh most, and the other fields decide where there is one hop between them.
"""

from typing import Any

from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.values import BY_ACK
from analyzer.keepalive.tags import tag
from analyzer.schema import ABSENT, ACK, OPENED_SYN, RST, UNKNOWN_TTL

FEWEST_IDS = 3
"""Fewest IP identifications that show that an end counts them."""
KNOWN_IDS = 4
"""This many of the latest that follow each other show it, or all if fewer are known."""
COUNTS_BY = 1024
"""Between two of an end's segments that are known, its counter moves on by less than this."""
FEWEST_DUPLICATES = 2
"""Fewest segments captured twice that show that all are."""
CLEARLY_NS = 5_000_000
"""Least difference that shows: by less a host may be faster or slower to answer."""

ENOUGH = 2
"""Fields that must agree to outweigh another distance."""

TTL, IP_ID, WINDOW, TOO_SOON, ONCE, TIMESTAMP = (1 << bit for bit in range(6))
"""What differs from the end's own segments: distance, IP identification, window, time since the probe, number of times
that it was captured, timestamp option."""
THE_END, THE_PATH, UNDECIDED = range(3)
"""Who sent a RST: the end in whose name it comes, something on the path, or one of these."""


def is_give_up(rows: Rows, stories: StoryTables, flow_row: int) -> bool:
    """Tell whether the flow's RST is that of a keepalive timer."""
    story = stories.flows[flow_row]
    return bool(rows.segments[story.reset_row].tag == tag.GIVE_UP_RST or story.reset_unheard)


def probe_of(rows: Rows, stories: StoryTables, flow_row: int) -> int:
    """Return the row of the probe that the flow's RST answers, ABSENT if none."""
    return ABSENT if is_give_up(rows, stories, flow_row) else rows.segments[stories.flows[flow_row].reset_row].of


def describe_rst(rows: Rows, stories: StoryTables, flow_row: int, reset: Any) -> None:
    """Fill the row of RESETS: the flow's RST, and what its end's own segments look like."""
    story, probe = stories.flows[flow_row], probe_of(rows, stories, flow_row)
    row, flow = story.reset_row, story.flow
    rst = rows.candidates[row]
    tracked = rows.ends[2 * flow + rst.end]
    reset.has_ack, reset.window = bool(rst.flags & ACK), rst.window
    reset.ttl, reset.usual_ttl = rst.ttl, tracked.most_ttl
    reset.ttl_varies = tracked.least_ttl != tracked.most_ttl
    reset.ip_id, reset.has_timestamp = rst.ip_id, rst.tsval != ABSENT
    reset.took_ns = rst.ts_ns - rows.candidates[probe].ts_ns if probe != ABSENT else ABSENT
    reset.usual_took_ns = usual_took_ns(rows, stories, flow_row, rst.end)
    describe_own_segments(rows, flow, row, reset)
    if probe != ABSENT:
        reset.is_once &= not is_duplicated(rows, flow, row) and not is_duplicated(rows, flow, probe)
    else:
        reset.is_once = 0


def describe_own_segments(rows: Rows, flow: int, reset_row: int, reset: Any) -> None:
    """Add to the row of RESETS what the end's own segments before the RST look like.

    Its probes are left out: something on the path may send those in its name.
    """
    rst = rows.candidates[reset_row]
    known, in_step, duplicates, is_native = 0, 0, 0, False
    reset.before_ip_id, reset.has_usual_timestamp = ABSENT, 0
    place = rows.starts[flow]
    while rows.order[place] != reset_row:
        segment, what = rows.candidates[rows.order[place]], rows.segments[rows.order[place]].tag
        place += 1
        if segment.end != rst.end or what == tag.ICMP_UNREACHABLE or what == tag.PROBE:
            continue
        is_duplicate = what == tag.DUPLICATE_FRAME
        duplicates += is_duplicate
        is_native |= segment.ttl == rst.ttl and (is_duplicate or not segment.flags & RST)
        if is_duplicate or segment.flags & RST:
            continue
        reset.has_usual_timestamp |= segment.tsval != ABSENT
        if reset.usual_ttl == ABSENT:
            reset.usual_ttl = segment.ttl
        reset.ttl_varies |= segment.ttl != reset.usual_ttl
        if segment.ip_id > 0:
            in_step = in_step + 1 if known and follows(reset.before_ip_id, segment.ip_id) else 0
            reset.before_ip_id = segment.ip_id
            known += 1
    if is_native:
        reset.usual_ttl = reset.ttl
    reset.counts_ids = known >= FEWEST_IDS and in_step >= min(known, KNOWN_IDS) - 1
    reset.is_once = duplicates >= FEWEST_DUPLICATES


def is_duplicated(rows: Rows, flow: int, of: int) -> bool:
    """Tell whether the segment of row `of` was captured again."""
    original = rows.candidates[of]
    for place in range(rows.starts[flow], rows.starts[flow + 1]):
        row = rows.order[place]
        segment = rows.candidates[row]
        is_same = segment.end == original.end and segment.seq == original.seq and segment.flags == original.flags
        if row > of and is_same and rows.segments[row].tag == tag.DUPLICATE_FRAME:
            return True
    return False


def usual_took_ns(rows: Rows, stories: StoryTables, flow_row: int, end: int) -> int:
    """Return the end's shortest time in ns to answer a probe or a SYN, ABSENT if unknown.

    A stack answers these by itself and at once.
    """
    c, story, least_ns = rows.candidates, stories.flows[flow_row], ABSENT
    for place in range(story.first_probe, stories.flows[flow_row + 1].first_probe):
        probe = stories.probes[place]
        if probe.end != end and probe.answer == BY_ACK:
            took_ns = c[probe.answer_row].ts_ns - c[probe.row].ts_ns
            least_ns = took_ns if least_ns == ABSENT else min(least_ns, took_ns)
    reply_ns: int = rows.ends[2 * story.flow + end].reply_ns
    if reply_ns != ABSENT and (least_ns != ABSENT or rows.flows[story.flow].opened == OPENED_SYN):
        return reply_ns if least_ns == ABSENT else min(least_ns, reply_ns)
    return least_ns


def odd_fields(reset: Any) -> int:
    """Return the fields in which the RST is unlike the end's own segments, as bits; 0 if nothing is known of that
    end."""
    odd = TTL if hops_apart(reset) > 0 else 0
    if is_off_counter(reset):
        odd |= IP_ID
    if not reset.has_ack and reset.window > 0:
        odd |= WINDOW  # what answers a segment of no connection has no window to offer (RFC 9293 §3.10.7.1)
    if is_too_soon(reset):
        odd |= TOO_SOON
    if reset.is_once:
        odd |= ONCE
    # A stack that still has the connection sends its options (RFC 7323 §3.2); one that has lost it knows of none.
    if reset.has_ack and reset.window > 0 and reset.has_usual_timestamp and not reset.has_timestamp:
        odd |= TIMESTAMP
    return odd


def sender_of(reset: Any, odd: int) -> int:
    """Return who sent the RST: THE_END itself, THE_PATH, or UNDECIDED.

    One hop more or less is no evidence by itself: routes change, and so do the boxes on them. Time, the number of times
    that it was captured, and two hops are; fields that agree outweigh a distance.
    """
    if odd & (TOO_SOON | ONCE):
        return THE_PATH
    if reset.usual_ttl == ABSENT or reset.ttl == UNKNOWN_TTL:
        return UNDECIDED
    hops, others = hops_apart(reset), count_of(odd & (IP_ID | WINDOW | TIMESTAMP))
    if hops == 0:
        return THE_END if others < 2 else UNDECIDED
    if agreeing_fields(reset) >= ENOUGH:
        return THE_END if hops == 1 else UNDECIDED
    return THE_PATH if hops > 1 or others or is_answer_from_this_link(reset) else UNDECIDED


def hops_apart(reset: Any) -> int:
    """Return by how many hops the RST's sender is nearer or further than the end; 0 where that shows nothing.

    Stacks begin at other values for what belongs to no socket, so hops are compared. A TTL that varies by itself shows
    nothing.
    """
    if reset.usual_ttl == ABSENT or reset.ttl_varies:
        return 0
    return int(abs(hops_of(reset.ttl) - hops_of(reset.usual_ttl)))


def hops_of(ttl: int) -> int:
    """Return how many routers a packet has passed: stacks send 32, 64, 128, or 255."""
    return (32 if ttl <= 32 else 64 if ttl <= 64 else 128 if ttl <= 128 else 255) - ttl


def is_next_door(reset: Any) -> bool:
    """Tell whether no router has passed the RST on: then nobody beyond the link can have sent it in the end's name."""
    return reset.usual_ttl != ABSENT and hops_of(reset.ttl) == 0


def is_answer_from_this_link(reset: Any) -> bool:
    """Tell whether the RST is that of a host on this link without the connection, although the end is behind a
    router."""
    return not reset.has_ack and hops_of(reset.ttl) == 0 and hops_of(reset.usual_ttl) > 0


def agreeing_fields(reset: Any) -> int:
    """Return how many fields agree that only the end's own stack is likely to get right: its counter, options and
    window.

    The very next identification is enough: of 65,536 somebody else would have had to guess it.
    """
    has_options = reset.has_timestamp and reset.has_usual_timestamp
    has_window = reset.has_ack and reset.window > 0
    is_next = reset.before_ip_id != ABSENT and reset.ip_id > 0 and (reset.ip_id - reset.before_ip_id) % 65536 == 1
    is_in_step = reset.counts_ids and reset.ip_id > 0 and follows(reset.before_ip_id, reset.ip_id)
    return bool(has_options) + bool(has_window) + (ENOUGH if is_next else bool(is_in_step))


def count_of(bits: int) -> int:
    """Return how many bits are set."""
    count = 0
    while bits:
        count, bits = count + 1, bits & bits - 1
    return count


def is_too_soon(reset: Any) -> bool:
    """Tell whether the RST took less than half as long as the end's fastest answer: it has not been there and back."""
    if reset.took_ns == ABSENT or reset.usual_took_ns == ABSENT:
        return False
    return bool(2 * reset.took_ns < reset.usual_took_ns and reset.usual_took_ns - reset.took_ns >= CLEARLY_NS)


def is_off_counter(reset: Any) -> bool:
    """Tell whether the end counts its packets, and the RST is not the next; Linux gives 0 to a RST without a socket."""
    return bool(reset.counts_ids and reset.ip_id > 0 and not follows(reset.before_ip_id, reset.ip_id))


def follows(earlier: int, later: int) -> bool:
    """Tell whether an IP identification is one of the next after another (COUNTS_BY)."""
    return 0 < (later - earlier) % 65536 < COUNTS_BY
