"""What was observed of ends, as inference takes it: OBSERVED_GAPS and OBSERVED_ENDS, and which gaps a timer made."""

from typing import Any, NamedTuple

from analyzer.engine.table import rows_of
from analyzer.keepalive.context.addresses import first_asked
from analyzer.keepalive.model.linux import LINUX
from analyzer.keepalive.settings.constraints import FAR_NS, LIKELY_COUNT, UNHINDERED
from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.story import capture_rtt_ns
from analyzer.keepalive.story.values import AGREES, CYCLE, FIRST, GIVE_UP, PENDING, SPACING, SURVIVED, UNTOLD
from analyzer.schema import ABSENT, OPENED_MIDSTREAM, OPENED_SYN
from analyzer.schema.results import OBSERVED_ENDS, OBSERVED_GAPS

FEWEST_FOLLOWING = 2
"""So many segments that follow each other by their IP identifications show that their end counts them."""
FEWEST_OTHERS = 4
"""So many steps of more than one show that it may count those of other connections."""
FEWEST_STEPS = 3
"""Of so many one at least follows the one before, where the end numbers its own and not most of it is missing."""
FEWEST_LEVEL = 2
"""Three gaps of one length do not lack as many segments each time by chance, nor two while each probe is answered."""
FEWEST_HOLES = 2
"""One loss is no pattern."""
EXACT_CLOCKS = (1 << LIKELY_COUNT) - (1 << len(LINUX))
LIKELY_CLOCKS = (1 << LIKELY_COUNT) - 1
"""Bits of HEARD_ENDS.clocks."""
SHORTEST_NS = 900_000_000
"""The shortest setting is 1 s; no clock is so wrong."""


class Observations(NamedTuple):
    """What is known of many ends: columns of HEARD_GAPS and HEARD_ENDS."""

    gaps: Any
    ends: Any


def observe_gaps(
    rows: Rows, stories: StoryTables, count: int, context: Any, ends: Any, failed_arp: Any, observed: Observations
) -> int:
    """Kernel: both ends of the first flows of `told`, with what is known around them (SURROUNDINGS, SURROUNDED_ENDS).

    Of a flow of which too much is missing no gap tells anything, nor any in which a host asked for the other in vain.
    """
    gaps = 0
    for gap in range(count):
        flow = stories.flows.flow[gap]
        is_silent = is_too_incomplete(rows, flow, stories.ends, 2 * gap, ends.has_company)
        stories.flows.is_too_incomplete[gap] = is_silent
        for end in (0, 1):
            end_row = 2 * gap + end
            observed.ends.first_gap[end_row], observed.ends.is_whole[end_row] = gaps, is_whole(rows, flow)
            observed.ends.clocks[end_row] = LIKELY_CLOCKS if has_empty_probes(rows, stories, gap, end) else EXACT_CLOCKS
            observed.ends.is_one_sided[end_row] = rows.ends.last_ns[2 * flow + 1 - end] == ABSENT
            observed.ends.has_company[end_row] = ends.has_company[end_row]
            observed.ends.is_cut_off[end_row] = ends.is_cut_off[end_row] > 0 or context.asked[gap] > 0
            first_failed_arp = ends.first_failed_arp[end_row]
            if not is_silent:
                way_ns = capture_rtt_ns(rows.ends, 2 * flow + end)
                for row in range(stories.flows.first_gap[gap], stories.flows.first_gap[gap + 1]):
                    if stories.gaps.end[row] == end and not is_void(
                        stories.gaps, row, failed_arp, first_failed_arp, ends.failed_arp[end_row]
                    ):
                        observe_gap(stories, row, end_row, way_ns, observed.gaps, gaps)
                        gaps += 1
    observed.ends.first_gap[2 * count] = gaps
    return gaps


def is_void(gaps: Any, row: int, failed_arp: Any, first: int, count: int) -> bool:
    """The end's host asked for the other one in vain meanwhile (VAIN): a probe that was due was not sent.

    What else ended a gap than a probe, the capture's end or traffic, says what it says.
    """
    kind, end_ns = gaps.kind[row], gaps.at_ns[row]
    if not count or not (kind == FIRST or kind == CYCLE or kind == SPACING):
        return False
    start_ns = end_ns - (gaps.any_ns[row] if kind == FIRST else gaps.probe_ns[row])
    asked = first_asked(failed_arp, first, first + count, start_ns + 1)
    return bool(asked < first + count and failed_arp.ts_ns[asked] < end_ns)


def observe_gap(stories: StoryTables, row: int, end_row: int, way_ns: int, gaps: Any, to: int) -> None:
    """As `stories` reads it as value."""
    g = stories.gaps
    gaps.kind[to] = g.kind[row]
    gaps.frame[to] = g.frame[row]
    gaps.at_ns[to] = g.at_ns[row]
    gaps.heard_ns[to] = g.heard_ns[row]
    gaps.any_ns[to] = g.any_ns[row]
    gaps.since_new_segment_ns[to] = g.since_new_segment_ns[row]
    gaps.probe_ns[to] = g.probe_ns[row]
    gaps.unanswered[to] = g.unanswered[row]
    gaps.capture_rtt_ns[to] = way_ns
    gaps.missing[to] = ABSENT if counts_other_connections(stories.ends, end_row) else g.missing[row]
    gaps.is_numbered[to] = is_numbered(stories.ends, end_row)
    gaps.echo[to] = g.echo[row]
    gaps.has_uncaptured[to] = stories.ends.has_uncaptured[end_row]
    gaps.ceilings[to] = UNHINDERED


def is_whole(rows: Rows, flow: int) -> bool:
    """The flow was seen to open, and no candidate since has been given up (`tcp/eviction.py`)."""
    first, last = rows.starts[flow], rows.starts[flow + 1]
    if first == last or rows.flows.opened[flow] != OPENED_SYN:
        return False
    return bool(rows.candidates.frame[rows.order[first]] == rows.flows.first_frame[flow])


def has_empty_probes(rows: Rows, stories: StoryTables, gap: int, end: int) -> bool:
    """Linux sends no other ones (tcp_output.c tcp_xmit_probe_skb)."""
    for probe in range(stories.flows.first_probe[gap], stories.flows.first_probe[gap + 1]):
        if stories.probes.end[probe] == end and rows.candidates.payload_len[stories.probes.row[probe]]:
            return False
    return True


def is_numbered(e: Any, end_row: int) -> bool:
    """Whether the end numbers its segments one by one (ip_select_ident_segs), not with those of other connections.

    It is shown only where most of them follow each other: a counter of the whole host does that by chance.
    """
    return bool(e.follows[end_row] >= FEWEST_FOLLOWING and e.follows[end_row] >= 2 * e.skips[end_row])


def counts_other_connections(e: Any, end_row: int) -> bool:
    """Whether its identifications rather number the segments of other connections as well."""
    return bool(e.skips[end_row] >= FEWEST_OTHERS and e.skips[end_row] > 2 * e.follows[end_row])


def is_too_incomplete(rows: Rows, flow: int, ends: Any, first: int, has_company: Any) -> bool:
    """Of the flow's segments that can be told to be there or missing a third is missing, or more.

    Numbers, ACKs and timestamps tell it (TOLD_ENDS.holes, from row `first` on); IP identifications where they cannot
    number segments of other connections, as far as was captured, and nothing shows that they do.
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
    """Nothing shows that its identifications number other connections' segments, too: in gaps of one length they leave
    out now more and now fewer, or some again and again; or they never follow each other. Those of an end that answers
    probes number the answers.
    """
    if not ends.follows[end_row] and ends.skips[end_row] >= FEWEST_STEPS:
        return False
    if ends.probes[end_row ^ 1]:
        return True
    is_level = ends.level[end_row] >= FEWEST_LEVEL or (ends.level[end_row] and not ends.lost[end_row])
    return bool(ends.uneven[end_row] <= ends.even[end_row] and not is_level)


def captured_syns(opened: int, ends: Any, first: int) -> int:
    """1 for both SYNs, -1 for one although the other end was heard, 0 where the capture began later."""
    if opened == OPENED_MIDSTREAM or ends.last_ns[first] == ABSENT or ends.last_ns[first + 1] == ABSENT:
        return 0
    return -1 if ends.isn[first] == ABSENT or ends.isn[first + 1] == ABSENT else 1


def allocate(flows: int, gaps: int) -> Observations:
    """Columns for both ends of so many flows."""
    return Observations(rows_of(OBSERVED_GAPS, gaps), rows_of(OBSERVED_ENDS, 2 * flows + 1))


def copy_timed(observed: Observations, end: int, gaps: Any) -> int:
    """The gaps of an end, without what is shorter than any timer, or not known to have run since what was captured.

    Returns how many.
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
    """Between the first two segments of a capture that begins in mid-stream, both probes, and then no third one alike.

    The other end was not heard before: the first probe may have been answered, or others between them be missing, as
    well as an interval have passed. What goes on unanswered shows which it was.
    """
    is_opening = gaps.kind[row] == SPACING and gaps.unanswered[row] == 1 and gaps.any_ns[row] < 0 <= gaps.probe_ns[row]
    return bool(is_opening and not (row + 1 < last and is_intvl(gaps.kind[row + 1]) and gaps.unanswered[row + 1] == 2))


def is_idle(kind: int) -> bool:
    """A timer of the idle time may have ended such a gap."""
    return kind == FIRST or kind == CYCLE


def is_intvl(kind: int) -> bool:
    """The interval's timer ended such a gap."""
    return kind == SPACING or kind == GIVE_UP


def is_open(gaps: Any, gap: int) -> bool:
    """The capture's end ended it (`timeline.Gap.is_open`)."""
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
    """Also where answers are not captured: the wait for the give-up, and the time between probes that echo the same."""
    return bool(gaps.kind[row] == GIVE_UP or (gaps.kind[row] == SPACING and gaps.echo[row] == AGREES))


def only_cycle(gaps: Any, first: int, last: int) -> int:
    """Where nothing else is known of one direction: the shortest time between two probes, -1 if something is.

    It is the longer of time and interval, or more.
    """
    shortest = ABSENT
    for row in range(first, last):
        if is_sure_intvl(gaps, row):
            return ABSENT
        if gaps.kind[row] == SPACING and (shortest == ABSENT or gaps.probe_ns[row] < gaps.probe_ns[shortest]):
            shortest = row
    return shortest


def read_one_side(gaps: Any, gap: int) -> None:
    """What is left of a gap where the other end is not in the capture at all, so that answers are not either."""
    if is_sure_intvl(gaps, gap):
        gaps.unanswered[gap] = 1
        return
    idle_ns = gaps.probe_ns[gap]
    gaps.kind[gap], gaps.unanswered[gap], gaps.echo[gap] = CYCLE, 0, UNTOLD
    gaps.heard_ns[gap] = gaps.any_ns[gap] = gaps.since_new_segment_ns[gap] = idle_ns


def has_crossed(gaps: Any, gap: int) -> bool:
    """What passed the capture point so shortly before the probe met it on its way: the prober had not heard it."""
    return bool(
        is_idle(gaps.kind[gap])
        and 0 <= gaps.heard_ns[gap] <= gaps.capture_rtt_ns[gap]
        and gaps.probe_ns[gap] >= SHORTEST_NS
    )


def is_sub_second(gaps: Any, gap: int) -> bool:
    """Shorter than any keepalive timer of whole seconds: macOS asks so soon whether a read stalls."""
    if is_intvl(gaps.kind[gap]):
        return bool(0 <= gaps.probe_ns[gap] < SHORTEST_NS)
    return is_idle(gaps.kind[gap]) and 0 <= max(gaps.heard_ns[gap], gaps.since_new_segment_ns[gap]) < SHORTEST_NS
