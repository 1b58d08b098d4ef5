"""What was heard of ends, as inference takes it: HEARD_GAPS and HEARD_ENDS, from told stories."""

from typing import Any

from analyzer.engine.table import rows_of
from analyzer.keepalive.context.addresses import first_asked
from analyzer.keepalive.model.linux import LINUX
from analyzer.keepalive.settings.constraints import LIKELY_COUNT, UNHINDERED
from analyzer.keepalive.settings.timed import Observations
from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.story import capture_rtt_ns
from analyzer.keepalive.story.values import CYCLE, FIRST, SPACING
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
    gaps.kind[to], gaps.frame[to], gaps.at_ns[to] = g.kind[row], g.frame[row], g.at_ns[row]
    gaps.heard_ns[to], gaps.any_ns[to], gaps.since_new_segment_ns[to] = (
        g.heard_ns[row],
        g.any_ns[row],
        g.since_new_segment_ns[row],
    )
    gaps.probe_ns[to], gaps.unanswered[to], gaps.capture_rtt_ns[to] = g.probe_ns[row], g.unanswered[row], way_ns
    gaps.missing[to] = ABSENT if counts_other_connections(stories.ends, end_row) else g.missing[row]
    gaps.is_numbered[to], gaps.echo[to] = is_numbered(stories.ends, end_row), g.echo[row]
    gaps.has_uncaptured[to], gaps.ceilings[to] = stories.ends.has_uncaptured[end_row], UNHINDERED


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
