"""The gaps of a keepalive timer: observations of its idle time, its interval and its count.

Kernels over the columns of a story in the making (`story.py`). They know which of the timer's clocks a time measures
(tcp_timer.c tcp_keepalive_timer), also where the prober heard less than was captured.

Rows have the same names in all of this room: `segment` is a candidate, `own` and `peer` are rows of STORY_ENDS, that of
the end in question and that of the other, `story` is a row of STORY_FLOWS, `tracked` one of ENDS.
"""

from array import array
from typing import Any, NamedTuple

from analyzer.keepalive.model.linux import SHORTEST_NS
from analyzer.keepalive.story.values import (
    AGREES,
    BY_ACK,
    CYCLE,
    FIRST,
    GIVE_UP,
    PENDING,
    SPACING,
    UNHEARD,
    UNSEEN,
    UNTOLD,
)
from analyzer.keepalive.tags.tag import PROBE
from analyzer.schema import ABSENT, ACK
from analyzer.sequence import seq_add, seq_diff
from analyzer.tcp import segment_facts
from analyzer.tcp.tracker import IDLE_NS

SAME_INSTANT_NS = 5_000_000
"""A second copy of an answer within this time is still that answer."""
FEWEST_UNHEARD = 3
"""Fewest probes that, with the RST, show the grid that they are on."""
FEWEST_ECHOED = 2
"""Fewest probes where the prober's timestamps show that it heard no answer."""
HEARD = AGREES
"""The timestamp echo's verdict on an answer that the prober heard."""
ON_GRID_NS = 30_000_000
"""Two ticks of the slowest clock, and the host's delay."""
FASTEST_TICK_NS = 1_000_000
"""Shortest tick of a timestamp clock (RFC 7323 §5.4)."""
MUCH_LATER_NS = 500_000_000
"""No path is so long, and no host so busy."""
MOST_MISSING = 16
"""Most segments that an IP identification may leave out. With larger steps an end does not count its segments, or
counts those of other connections, too."""
PROBES, GAPS, SILENCES = range(3)
"""Places in `StoryTables.counts`."""


class Rows(NamedTuple):
    """The columns that stories are made from; the rows of flow f are order[starts[f]:starts[f + 1]]."""

    candidates: Any
    segments: Any
    order: "array[int]"
    starts: "array[int]"
    flows: Any
    ends: Any


class StoryTables(NamedTuple):
    """The columns that a story is written into; `counts` are the rows in use of the last three tables."""

    flows: Any
    ends: Any
    probes: Any
    gaps: Any
    silences: Any
    counts: "array[int]"


def ends_of(stories: StoryTables, flow_row: int) -> tuple[Any, Any]:
    """Return the flow's two rows of STORY_ENDS."""
    return stories.ends[2 * flow_row], stories.ends[2 * flow_row + 1]


def gap_of_probe(c: Any, segment: Any, stories: StoryTables, own: Any) -> int:
    """Return which of the timer's clocks the time before a probe measures: FIRST, CYCLE or SPACING.

    See tcp_timer.c tcp_keepalive_timer.
    """
    if own.last_probe == ABSENT:
        return FIRST
    before = stories.probes[own.last_probe]
    heard_ns, any_ns, before_ns = segment.heard_ns, segment.any_ns, c[before.row].ts_ns
    is_silent = any_ns <= before_ns or (heard_ns != ABSENT and heard_ns <= before_ns)
    if is_silent and (own.unanswered or heard_ns < before_ns):  # an answer may bear the probe's own time
        return SPACING
    if own.uncaptured_ns != ABSENT and heard_ns == own.uncaptured_ns:
        return CYCLE  # an answer, too, though its probe is missing
    if before.answer != BY_ACK:
        return FIRST
    since_answer_ns = heard_ns - c[before.answer_row].ts_ns
    return CYCLE if 0 <= since_answer_ns <= SAME_INSTANT_NS else FIRST


def hastens(stories: StoryTables, flow_row: int, end: int) -> bool:
    """Tell whether the end's last two answered probes each came sooner than any before, of which there are two at
    least.

    An end that does not hear answers probes again after an interval. Its settings may also have been changed.
    """
    earlier, least_ns, before_ns, last_ns = 0, 0, 0, 0
    for place in range(stories.flows[flow_row].first_gap, stories.counts[GAPS]):
        gap = stories.gaps[place]
        if is_idle_gap(gap, end):
            if before_ns > 0:
                earlier, least_ns = earlier + 1, before_ns if not earlier else min(least_ns, before_ns)
            before_ns, last_ns = last_ns, gap.heard_ns
    return bool(earlier > 1 and before_ns > 0 and 8 * max(before_ns, last_ns) < 7 * least_ns)


def has_hastened(stories: StoryTables, flow_row: int, end: int) -> bool:
    """Tell whether the end's answered probes came sooner from some time on, all of them than any before: two at least
    of either.

    Settings are doubted for the last two alone (`hastens`): a longer row of them may be what was set.
    """
    first, beyond, last_ns = stories.flows[flow_row].first_gap, stories.flows[flow_row + 1].first_gap, 0
    for place in range(first, beyond):
        if is_idle_gap(stories.gaps[place], end):
            last_ns = stories.gaps[place].heard_ns
    earlier, least_ns, later, later_least_ns, later_most_ns = 0, 0, 0, 0, 0
    for place in range(first, beyond):
        gap = stories.gaps[place]
        if not is_idle_gap(gap, end):
            continue
        later_least_ns = min(later_least_ns, gap.heard_ns) if later else gap.heard_ns
        later_most_ns = max(later_most_ns, gap.heard_ns) if later else gap.heard_ns
        later += 1
        if 7 * gap.heard_ns > 8 * last_ns:
            least_ns = min(least_ns, later_least_ns) if earlier else later_least_ns
            earlier, later = earlier + later, 0
    return bool(earlier > 1 and later > 1 and 8 * later_most_ns < 7 * least_ns)


def is_idle_gap(gap: Any, end: int) -> bool:
    """Tell whether the end's timer of the idle time may have ended the gap."""
    return bool(gap.end == end and (gap.kind == FIRST or gap.kind == CYCLE) and gap.heard_ns >= SHORTEST_NS)


def has_echo(stories: StoryTables, flow_row: int, end: int, echo: int) -> bool:
    """Tell whether a timestamp's echo says this of the answer to one of the end's probes."""
    for place in range(stories.flows[flow_row].first_gap, stories.flows[flow_row + 1].first_gap):
        if stories.gaps[place].end == end and stories.gaps[place].echo == echo:
            return True
    return False


def since_probe(c: Any, stories: StoryTables, own: Any, now_ns: int) -> int:
    """Return the time in ns since the end's last probe, ABSENT if it has sent none."""
    return now_ns - c[stories.probes[own.last_probe].row].ts_ns if own.last_probe != ABSENT else ABSENT


def add_gap(c: Any, segment: Any, kind: int, stories: StoryTables, flow_row: int) -> None:
    """Add what the timer's clocks showed at a probe or a give-up.

    Nothing is added for a probe where the capture's clock was set back.
    """
    end_row, now_ns = 2 * flow_row + segment.end, segment.ts_ns
    own, peer = stories.ends[end_row], stories.ends[end_row ^ 1]
    heard_ns = now_ns - segment.heard_ns if segment.heard_ns != ABSENT else ABSENT
    any_ns = now_ns - segment.any_ns if segment.any_ns != ABSENT else ABSENT
    probe_ns = since_probe(c, stories, own, now_ns)
    is_repeat = segment.any_ns != ABSENT and segment.any_ns == peer.echo_ns
    new_segment_ns = peer.since_new_segment_ns if is_repeat else segment.any_ns
    if kind != GIVE_UP and min(heard_ns, any_ns, probe_ns) < ABSENT:
        return
    gap = new_gap(stories)
    gap.end, gap.kind, gap.frame, gap.at_ns = segment.end, kind, segment.frame, now_ns
    gap.unanswered = own.unanswered
    if kind == CYCLE and own.uncaptured_ns != ABSENT and segment.heard_ns == own.uncaptured_ns:
        probe_ns = heard_ns  # the probe that was answered then is missing
    gap.heard_ns, gap.any_ns, gap.probe_ns = heard_ns, any_ns, probe_ns
    gap.since_new_segment_ns = now_ns - new_segment_ns if new_segment_ns != ABSENT else ABSENT
    gap.missing = missing(segment)
    gap.echo = echo_of(c, segment, kind, stories, end_row)
    peer.holes += gap.echo == UNSEEN
    note_pace(own, kind, heard_ns if kind == FIRST else probe_ns, gap.missing)


def new_gap(stories: StoryTables) -> Any:
    """Return the next row of STORY_GAPS, which is in use from now on."""
    stories.counts[GAPS] += 1
    return stories.gaps[stories.counts[GAPS] - 1]


def keeps_pace(own: Any, gap_ns: int) -> bool:
    """Tell whether a time is as long as the end's last gap that a timer ended, of which there must be one."""
    return bool(abs(gap_ns - own.pace_ns) <= ON_GRID_NS + gap_ns // 64)


def note_pace(own: Any, kind: int, gap_ns: int, left_out: int) -> None:
    """Compare a gap with the end's gap before it, if both are of one kind and length.

    What is lost makes a gap longer. So if IP identifications leave out now more and now fewer, or as many each time,
    they number what other connections of the host send.
    """
    clock = SPACING if kind == GIVE_UP else kind
    if own.pace_kind == clock and keeps_pace(own, gap_ns):
        own.even += left_out == own.pace_missing
        own.level += left_out == own.pace_missing and left_out > 0
        own.uneven += left_out != own.pace_missing
    own.pace_kind, own.pace_ns, own.pace_missing = clock, gap_ns, left_out


def missing(segment: Any) -> int:
    """Return how many segments the end sent between its last one and this, ABSENT if not known.

    It is known if the end counts its segments by IP identification (ip_select_ident_segs).
    """
    if segment.ip_id <= 0 or segment.own_ip_id <= 0:
        return ABSENT
    step = (segment.ip_id - segment.own_ip_id) & 0xFFFF
    return step - 1 if 0 < step <= MOST_MISSING else ABSENT


def add_open_gap(
    stories: StoryTables, flow_row: int, end: int, kind: int, frame: int, idle_ns: int, any_ns: int, probe_ns: int
) -> None:
    """Add a gap that no timer ended; its times are in ns."""
    gap = new_gap(stories)
    gap.end, gap.kind, gap.frame, gap.at_ns = end, kind, frame, ABSENT
    gap.heard_ns, gap.any_ns, gap.probe_ns, gap.since_new_segment_ns = idle_ns, any_ns, probe_ns, ABSENT
    gap.unanswered = stories.ends[2 * flow_row + end].unanswered if kind == PENDING else 0
    gap.missing = ABSENT
    gap.echo = UNTOLD


def note_survived(c: Any, segment: Any, tag: int, stories: StoryTables, flow_row: int) -> None:
    """Note an idle time that ended in traffic: no timer had run out by then, at either end."""
    idle_ns = segment.idle_ns
    if idle_ns < IDLE_NS:
        return
    for end in (0, 1):
        own = stories.ends[2 * flow_row + end]
        is_own_probe = tag == PROBE and end == segment.end
        if is_own_probe or has_work(segment, end) or own.unanswered or own.fin_frame:
            continue
        if idle_ns > own.ambiguous_ns:  # only the longest bounds a timer
            own.ambiguous_frame, own.ambiguous_ns, own.ambiguous_at_ns = segment.frame, idle_ns, segment.ts_ns
            own.ambiguous_probe_ns = since_probe(c, stories, own, segment.ts_ns)
        if end == segment.end:
            confirm_survived(own)


def confirm_survived(own: Any) -> None:
    """Count an idle time as survived, since its end is heard: it was there, and its way to the capture point open."""
    if own.ambiguous_ns > own.survived_ns:
        own.survived_frame, own.survived_ns = own.ambiguous_frame, own.ambiguous_ns
        own.survived_probe_ns = own.ambiguous_probe_ns
    own.ambiguous_frame = own.ambiguous_ns = 0


def has_work(segment: Any, end: int) -> bool:
    """Tell whether an end has data in flight, or a closed window before it.

    Keepalive is suspended then (tcp_keepalive_timer, first test).
    """
    if end == segment.end:
        return bool(segment.in_flight > 0 or segment.peer_window == 0)
    return bool(segment.facts & segment_facts.PEER_IN_FLIGHT or segment.window == 0)


def has_work_left(ends: Any, end_row: int) -> bool:
    """Tell the same as `has_work`, at the end of the capture; `end_row` is the end's row in ENDS."""
    tracked, tracked_peer = ends[end_row], ends[end_row ^ 1]
    return bool((tracked.snd_una != ABSENT and is_in_flight(tracked)) or tracked_peer.window == 0)


def is_in_flight(tracked: Any) -> bool:
    """Tell whether something that the end sent is unacknowledged at the capture's end.

    It counts as unacknowledged if no ACK was captured.
    """
    return bool(tracked.snd_una == ABSENT or seq_diff(tracked.snd_nxt, tracked.snd_una) > 0)


def unheard_run(c: Any, reset: Any, stories: StoryTables, flow_row: int) -> int:
    """Return how many probes before this RST were answered although their sender did not hear it; 0 if it is no
    give-up.

    The answers were lost behind the capture point. No interval is shorter than a second, but lwIP probes at each tick
    once it has read a FIN, answered or not. The prober's timestamps show it, and without them its timer: the
    probes come an interval apart, although an answered one is followed by the idle time, and so does the RST
    (tcp_timer.c tcp_keepalive_timer). An idle time that is not clearly longer than the interval does not show it.
    """
    own = stories.ends[2 * flow_row + reset.end]
    waited_ns = since_probe(c, stories, own, reset.ts_ns)
    if not reset.flags & ACK or waited_ns < SHORTEST_NS:
        return 0
    probe = stories.probes[own.last_probe]
    if reset.seq != seq_add(c[probe.row].seq, 1):
        return 0
    echo = echo_of_answer(c, reset, probe)
    if echo == HEARD:
        return 0
    found, is_first = 1, False
    for place in range(own.last_probe - 1, stories.flows[flow_row].first_probe - 1, -1):
        earlier = stories.probes[place]
        if earlier.end != reset.end:
            continue
        spacing_ns = c[probe.row].ts_ns - c[earlier.row].ts_ns
        is_strict = echo == UNTOLD and found < FEWEST_UNHEARD - 1
        if abs(spacing_ns - waited_ns) > (ON_GRID_NS if is_strict else waited_ns // 7):
            is_first = True
        if is_first or earlier.answer != BY_ACK or echo_of_answer(c, c[probe.row], earlier) == HEARD:
            break
        found, probe = found + 1, earlier
    if echo == UNHEARD:
        return found if found >= FEWEST_ECHOED else 0
    first = c[probe.row]
    is_clear = first.heard_ns != ABSENT and (first.ts_ns - first.heard_ns - waited_ns) * 7 > 2 * waited_ns
    return found if found >= FEWEST_UNHEARD and is_clear else 0


def echo_of(c: Any, segment: Any, kind: int, stories: StoryTables, end_row: int) -> int:
    """Return what a probe's or give-up's timestamp echo says of how much its sender had heard.

    TS.Recent follows every segment that begins at or before what was acknowledged last (RFC 7323 §4.3): an answer, but
    not all data; on BSD also the other end's probes.
    """
    echo, probe, stamp_row = segment.tsecr, stories.ends[end_row].last_probe, stories.ends[end_row ^ 1].stamp_row
    before = c[stories.probes[probe].row].tsecr if probe != ABSENT else ABSENT
    newer = seq_diff(echo, c[stamp_row].tsval) if stamp_row != ABSENT else 1
    if kind == SPACING or kind == GIVE_UP:
        if min(echo, before) <= 0 or echo == before:
            return AGREES if echo == before and echo > 0 else UNTOLD
        is_silent = segment.any_ns <= c[stories.probes[probe].row].ts_ns
        return UNSEEN if is_silent and newer > 0 and seq_diff(echo, before) > 0 else UNTOLD
    if echo <= 0 or stamp_row == ABSENT:
        return UNTOLD
    stamp = c[stamp_row]
    is_last = stamp.ts_ns == segment.heard_ns and (newer < 0 or segment.any_ns == segment.heard_ns)
    if newer > 0:
        return UNSEEN if is_last or is_echo_of_later(stamp, newer, segment) else UNTOLD
    if not is_last or (newer == 0 and echo == before):  # its clock may stand still
        return UNTOLD
    if newer == 0:
        return AGREES
    is_lone_answer = stamp.payload_len == 0 and newer < -MUCH_LATER_NS // FASTEST_TICK_NS
    return UNHEARD if (kind == CYCLE and echo == before) or (kind == FIRST and is_lone_answer) else UNTOLD


def is_echo_of_later(stamp: Any, newer: int, segment: Any) -> bool:
    """Tell whether the echo is of a segment sent later than all that was captured of the other end, at any clock
    rate."""
    sent_ns = stamp.ts_ns + newer * FASTEST_TICK_NS
    return bool(segment.any_ns + MUCH_LATER_NS < sent_ns - (sent_ns - stamp.ts_ns >> 3) and sent_ns <= segment.ts_ns)


def echo_of_answer(c: Any, segment: Any, probe: Any) -> int:
    """Return whether a segment's sender had heard the answer to its probe: HEARD, UNHEARD or UNTOLD.

    The timestamp echo shows it (RFC 7323 §4.3).
    """
    sent_tsecr = c[probe.row].tsecr
    if segment.tsecr <= 0 or sent_tsecr <= 0:
        return UNTOLD
    if segment.tsecr != sent_tsecr:
        return HEARD
    answer_tsval = c[probe.answer_row].tsval if probe.answer_row != ABSENT else ABSENT
    return UNHEARD if answer_tsval != ABSENT and answer_tsval != segment.tsecr else UNTOLD


def make_unheard(c: Any, reset: Any, stories: StoryTables, flow_row: int) -> None:
    """Rewrite the last gaps of the end that resets as unanswered spacings, and add its give-up.

    Each is an interval, and nothing was heard since before the first of them.
    """
    story, own = stories.flows[flow_row], stories.ends[2 * flow_row + reset.end]
    probe, left = own.last_probe, story.reset_unheard
    now_ns = c[stories.probes[probe].row].ts_ns
    own.unanswered = left
    while left > 1:
        probe -= 1
        left -= stories.probes[probe].end == reset.end
    own.run_probe = probe
    own.run_heard_ns = heard_ns = c[stories.probes[probe].row].heard_ns
    left = own.unanswered
    for place in range(stories.counts[GAPS] - 1, story.first_gap - 1, -1):
        gap = stories.gaps[place]
        if left > 1 and gap.end == reset.end:
            left -= 1
            gap.kind, gap.unanswered, gap.echo = SPACING, left, AGREES
            note_heard(gap, now_ns, heard_ns)
            now_ns -= gap.probe_ns
    add_gap(c, reset, GIVE_UP, stories, flow_row)
    note_heard(stories.gaps[stories.counts[GAPS] - 1], reset.ts_ns, heard_ns)


def note_heard(gap: Any, now_ns: int, heard_ns: int) -> None:
    """Set all idle times of a gap to the time since `heard_ns`, when something was last heard; ABSENT if never."""
    idle_ns = now_ns - heard_ns if heard_ns != ABSENT else ABSENT
    gap.heard_ns = gap.any_ns = gap.since_new_segment_ns = idle_ns
