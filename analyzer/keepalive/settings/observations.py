"""What was observed of ends, as inference reads it: OBSERVED_GAPS and OBSERVED_ENDS, and which gaps a timer made."""

from typing import Any, NamedTuple

from analyzer.engine.table import rows_of
from analyzer.keepalive.context.addresses import first_asked
from analyzer.keepalive.model.linux import LINUX, SHORTEST_NS
from analyzer.keepalive.model.other_stacks import LINUX_TTL, WINDOWS_TTL
from analyzer.keepalive.settings.constraints import FAR_NS, LIKELY_COUNT, UNHINDERED
from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.holes import captured_syns, is_numbered
from analyzer.keepalive.story.story import capture_rtt_ns
from analyzer.keepalive.story.values import AGREES, CYCLE, FIRST, GIVE_UP, PENDING, SPACING, SURVIVED, UNTOLD
from analyzer.schema import ABSENT, OPENED_SYN, UNKNOWN_TTL
from analyzer.schema.results import OBSERVED_ENDS, OBSERVED_GAPS

FEWEST_OTHERS = 4
"""Fewest steps of more than one that show that an end may count segments of other connections."""
FEWEST_STEPS = 3
"""Fewest steps that show that an end does not number its own segments: if it did, and most of them were captured, one
step at least would be by one."""
FEWEST_LEVEL = 2
"""Fewest gaps like the one before that show a pattern: three gaps of one length do not lack as many segments each time
by chance, nor do two while each probe is answered."""
FEWEST_HOLES = 2
"""Fewest holes that show a pattern; one loss does not."""
EXACT_CLOCKS = (1 << LIKELY_COUNT) - (1 << len(LINUX))
LIKELY_CLOCKS = (1 << LIKELY_COUNT) - 1
"""Bits of OBSERVED_ENDS.clocks."""


class Observations(NamedTuple):
    """What is known of many ends: columns of OBSERVED_GAPS and OBSERVED_ENDS."""

    gaps: Any
    ends: Any


def observe_gaps(
    rows: Rows, stories: StoryTables, count: int, context: Any, ends: Any, failed_arp: Any, observed: Observations
) -> int:
    """Write the gaps of both ends of the first `count` flows of `stories`, with their context; return how many gaps.

    A kernel, the compiled function for a whole batch. The context is CONTEXT_FLOWS and CONTEXT_ENDS. A flow of which
    too much is missing gives no gaps, and neither does a time in which a host asked for the other one in vain.
    """
    gaps = 0
    for gap in range(count):
        flow = stories.flows.flow[gap]
        is_silent = is_too_incomplete(rows, flow, stories.ends, 2 * gap, ends.has_company)
        stories.flows.is_too_incomplete[gap] = is_silent
        for end in (0, 1):
            end_row = 2 * gap + end
            observed.ends.first_gap[end_row], observed.ends.is_whole[end_row] = gaps, is_whole(rows, flow)
            observed.ends.clocks[end_row] = LIKELY_CLOCKS if may_be_linux(rows, stories, gap, end) else EXACT_CLOCKS
            observed.ends.hastens[end_row] = stories.ends.hastens[end_row]
            observed.ends.may_tick[end_row] = may_tick(rows.ends.ttl[2 * flow + end])
            observed.ends.is_one_sided[end_row] = rows.ends.last_ns[2 * flow + 1 - end] == ABSENT
            observed.ends.lacks[end_row] = stories.flows.lacks[gap]
            observed.ends.has_company[end_row] = ends.has_company[end_row]
            observed.ends.is_cut_off[end_row] = ends.is_cut_off[end_row] > 0 or context.asked[gap] > 0
            first_failed_arp = ends.first_failed_arp[end_row]
            if not is_silent:
                rtt_ns = capture_rtt_ns(rows.ends, 2 * flow + end)
                for row in range(stories.flows.first_gap[gap], stories.flows.first_gap[gap + 1]):
                    if stories.gaps.end[row] == end and not is_void(
                        stories.gaps, row, failed_arp, first_failed_arp, ends.failed_arp[end_row]
                    ):
                        observe_gap(stories, row, end_row, rtt_ns, observed.gaps, gaps)
                        gaps += 1
    observed.ends.first_gap[2 * count] = gaps
    return gaps


def is_void(gaps: Any, row: int, failed_arp: Any, first: int, count: int) -> bool:
    """Tell whether the end's host asked for the other one in vain during the gap, so that a due probe was not sent.

    Only gaps that a probe ended are void; the capture's end, traffic and a give-up mean what they say.
    """
    kind, end_ns = gaps.kind[row], gaps.at_ns[row]
    if not count or not (kind == FIRST or kind == CYCLE or kind == SPACING):
        return False
    start_ns = end_ns - (gaps.any_ns[row] if kind == FIRST else gaps.probe_ns[row])
    asked = first_asked(failed_arp, first, first + count, start_ns + 1)
    return bool(asked < first + count and failed_arp.ts_ns[asked] < end_ns)


def observe_gap(stories: StoryTables, row: int, end_row: int, rtt_ns: int, gaps: Any, to: int) -> None:
    """Copy a gap of a story to row `to`, as `story_reader` reads it as a value."""
    g = stories.gaps
    gaps.kind[to] = g.kind[row]
    gaps.frame[to] = g.frame[row]
    gaps.at_ns[to] = g.at_ns[row]
    gaps.heard_ns[to] = g.heard_ns[row]
    gaps.any_ns[to] = g.any_ns[row]
    gaps.since_new_segment_ns[to] = g.since_new_segment_ns[row]
    gaps.probe_ns[to] = g.probe_ns[row]
    gaps.unanswered[to] = g.unanswered[row]
    gaps.capture_rtt_ns[to] = rtt_ns
    gaps.missing[to] = ABSENT if counts_other_connections(stories.ends, end_row) else g.missing[row]
    gaps.is_numbered[to] = is_numbered(stories.ends[end_row])
    gaps.echo[to] = g.echo[row]
    gaps.has_uncaptured[to] = stories.ends.has_uncaptured[end_row]
    gaps.ceilings[to] = UNHINDERED


def is_whole(rows: Rows, flow: int) -> bool:
    """Tell whether the capture saw the flow open, and no candidate has been evicted since (`tcp/eviction.py`)."""
    first, last = rows.starts[flow], rows.starts[flow + 1]
    if first == last or rows.flows.opened[flow] != OPENED_SYN:
        return False
    return bool(rows.candidates.frame[rows.order[first]] == rows.flows.first_frame[flow])


def may_tick(ttl: int) -> bool:
    """Tell whether an end's TTL is that of stacks whose timers tick, or not known."""
    return ttl > WINDOWS_TTL or ttl == UNKNOWN_TTL


def may_be_linux(rows: Rows, stories: StoryTables, gap: int, end: int) -> bool:
    """Tell whether the end's TTL is Linux's, and all its probes are empty (tcp_output.c tcp_xmit_probe_skb)."""
    if rows.ends.ttl[2 * stories.flows.flow[gap] + end] > LINUX_TTL:
        return False
    for probe in range(stories.flows.first_probe[gap], stories.flows.first_probe[gap + 1]):
        if stories.probes.end[probe] == end and rows.candidates.payload_len[stories.probes.row[probe]]:
            return False
    return True


def counts_other_connections(e: Any, end_row: int) -> bool:
    """Tell whether the end's identifications seem to number the segments of other connections as well."""
    return bool(e.skips[end_row] >= FEWEST_OTHERS and e.skips[end_row] > 2 * e.follows[end_row])


def is_too_incomplete(rows: Rows, flow: int, ends: Any, first: int, has_company: Any) -> bool:
    """Tell whether a third or more is missing of those segments of the flow whose absence can be detected.

    Sequence numbers, ACKs and timestamps show holes (STORY_ENDS.holes, from row `first` on). IP identifications do if
    they cannot number segments of other connections, as far as was captured, and nothing shows that they do.
    """
    syns = captured_syns(rows.flows.opened[flow], rows.ends, 2 * flow)
    holes = ends.holes[first] + ends.holes[first + 1] + (syns < 0)
    if holes >= FEWEST_HOLES and 2 * holes >= rows.starts[flow + 1] - rows.starts[flow]:
        return True
    follows, skips = int(syns > 0), int(syns < 0)
    for end_row in (first, first + 1):
        if not has_company[end_row] and may_be_its_own(ends, end_row):
            follows, skips = follows + ends.follows[end_row], skips + ends.skips[end_row]
    is_shown = ends.follows[first] + ends.follows[first + 1] > 0
    return bool(is_shown and skips >= FEWEST_HOLES and 2 * skips >= follows)


def may_be_its_own(ends: Any, end_row: int) -> bool:
    """Tell whether nothing shows that the end's identifications number other connections' segments, too.

    It would show if gaps of one length left out now more and now fewer, or some again and again; or if identifications
    never followed each other. If the end answers probes, they number the answers.
    """
    if not ends.follows[end_row] and ends.skips[end_row] >= FEWEST_STEPS:
        return False
    if ends.probes[end_row ^ 1]:
        return True
    is_level = ends.level[end_row] >= FEWEST_LEVEL or (ends.level[end_row] and not ends.lost[end_row])
    return bool(ends.uneven[end_row] <= ends.even[end_row] and not is_level)


def allocate(flows: int, gaps: int) -> Observations:
    """Return columns for both ends of so many flows."""
    return Observations(rows_of(OBSERVED_GAPS, gaps), rows_of(OBSERVED_ENDS, 2 * flows + 1))


def copy_timed(observed: Observations, end: int, gaps: Any) -> int:
    """Copy the gaps of an end that a timer may have made; return how many.

    Left out are gaps that are shorter than any timer, and those whose timer is not known to have run since what was
    captured.
    """
    e, rows = observed.ends, 0
    first, last = e.first_gap[end], e.first_gap[end + 1]
    only = only_cycle(observed.gaps, first, last) if e.is_one_sided[end] else ABSENT
    for row in range(first, last):
        if e.is_cut_off[end] and is_open(observed.gaps, row):
            continue
        if not e.is_whole[end] and is_lone_opening(observed.gaps, row, last):
            continue
        if e.is_one_sided[end] and not (row == only or (only == ABSENT and is_sure_intvl(observed.gaps, row))):
            continue
        copy_gap(observed.gaps, row, gaps, rows)
        cap_durations(gaps, rows)
        if e.is_one_sided[end]:
            read_one_side(gaps, rows)
        if e.has_company[end] and gaps.missing[rows] > 0 and not gaps.is_numbered[rows]:
            gaps.missing[rows] = ABSENT
        if has_crossed(gaps, rows):
            gaps.kind[rows], gaps.heard_ns[rows], gaps.any_ns[rows] = FIRST, ABSENT, ABSENT
            rows += 1
        elif not is_sub_second(gaps, rows):
            rows += 1
    return rows


def is_lone_opening(gaps: Any, row: int, last: int) -> bool:
    """Tell whether the gap lies between two probes that begin a mid-stream capture, and no third one follows alike.

    The other end was not heard before. So the first probe may have been answered, or other probes between the two be
    missing, as well as one interval have passed. A run that goes on unanswered shows which it was.
    """
    is_opening = gaps.kind[row] == SPACING and gaps.unanswered[row] == 1 and gaps.any_ns[row] < 0 <= gaps.probe_ns[row]
    return bool(is_opening and not (row + 1 < last and is_intvl(gaps.kind[row + 1]) and gaps.unanswered[row + 1] == 2))


def is_idle(kind: int) -> bool:
    """Tell whether a timer of the idle time may have ended such a gap."""
    return kind == FIRST or kind == CYCLE


def is_intvl(kind: int) -> bool:
    """Tell whether the interval's timer ended such a gap."""
    return kind == SPACING or kind == GIVE_UP


def is_open(gaps: Any, gap: int) -> bool:
    """Tell whether the capture's end ended the gap."""
    return bool(gaps.kind[gap] == PENDING or (gaps.kind[gap] == SURVIVED and gaps.any_ns[gap] < 0))


def copy_gap(source: Any, row: int, target: Any, to: int) -> None:
    """Copy the columns of OBSERVED_GAPS from a row of one table to a row of another."""
    target.kind[to] = source.kind[row]
    target.frame[to] = source.frame[row]
    target.at_ns[to] = source.at_ns[row]
    target.heard_ns[to] = source.heard_ns[row]
    target.any_ns[to] = source.any_ns[row]
    target.since_new_segment_ns[to] = source.since_new_segment_ns[row]
    target.probe_ns[to] = source.probe_ns[row]
    target.unanswered[to] = source.unanswered[row]
    target.capture_rtt_ns[to] = source.capture_rtt_ns[row]
    target.missing[to] = source.missing[row]
    target.is_numbered[to] = source.is_numbered[row]
    target.echo[to] = source.echo[row]
    target.has_uncaptured[to] = source.has_uncaptured[row]
    target.ceilings[to] = source.ceilings[row]


def cap_durations(gaps: Any, gap: int) -> None:
    """Cap a gap's durations at FAR_NS."""
    gaps.heard_ns[gap] = min(gaps.heard_ns[gap], FAR_NS)
    gaps.any_ns[gap] = min(gaps.any_ns[gap], FAR_NS)
    gaps.since_new_segment_ns[gap] = min(gaps.since_new_segment_ns[gap], FAR_NS)
    gaps.probe_ns[gap] = min(gaps.probe_ns[gap], FAR_NS)
    gaps.capture_rtt_ns[gap] = min(gaps.capture_rtt_ns[gap], FAR_NS)


def is_sure_intvl(gaps: Any, row: int) -> bool:
    """Tell whether the gap is an interval even if answers are not captured.

    That is the wait for the give-up, and the time between probes that echo the same timestamp.
    """
    return bool(gaps.kind[row] == GIVE_UP or (gaps.kind[row] == SPACING and gaps.echo[row] == AGREES))


def only_cycle(gaps: Any, first: int, last: int) -> int:
    """Return the row of the shortest time between two probes, -1 if an interval is known for sure.

    For a capture of one direction only: that time is the longer of idle time and interval, or more.
    """
    shortest = ABSENT
    for row in range(first, last):
        if is_sure_intvl(gaps, row):
            return ABSENT
        if gaps.kind[row] == SPACING and (shortest == ABSENT or gaps.probe_ns[row] < gaps.probe_ns[shortest]):
            shortest = row
    return shortest


def read_one_side(gaps: Any, gap: int) -> None:
    """Correct a gap for a capture without the other end, in which no answer is."""
    if is_sure_intvl(gaps, gap):
        gaps.unanswered[gap] = 1
        return
    idle_ns = gaps.probe_ns[gap]
    gaps.kind[gap], gaps.unanswered[gap], gaps.echo[gap] = CYCLE, 0, UNTOLD
    gaps.heard_ns[gap] = gaps.any_ns[gap] = gaps.since_new_segment_ns[gap] = idle_ns


def has_crossed(gaps: Any, gap: int) -> bool:
    """Tell whether the peer's segment crossed the probe on its way, so that the prober had not heard it.

    It passed the capture point less than a round trip to the prober before the probe did.
    """
    return bool(
        is_idle(gaps.kind[gap])
        and 0 <= gaps.heard_ns[gap] <= gaps.capture_rtt_ns[gap]
        and gaps.probe_ns[gap] >= SHORTEST_NS
    )


def is_sub_second(gaps: Any, gap: int) -> bool:
    """Tell whether the gap is shorter than any keepalive timer of whole seconds.

    macOS probes that soon to find out whether a read stalls.
    """
    if is_intvl(gaps.kind[gap]):
        return bool(0 <= gaps.probe_ns[gap] < SHORTEST_NS)
    return is_idle(gaps.kind[gap]) and 0 <= max(gaps.heard_ns[gap], gaps.since_new_segment_ns[gap]) < SHORTEST_NS
