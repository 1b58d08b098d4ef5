"""What was heard of ends, as inference takes it: HEARD_GAPS and HEARD_ENDS, from told stories."""

from typing import Any

from analyzer.engine.table import rows_of
from analyzer.keepalive.context.addresses import first_asked
from analyzer.keepalive.model.linux import LINUX
from analyzer.keepalive.settings.constraints import LIKELY_COUNT, UNHINDERED
from analyzer.keepalive.settings.timed import Heard
from analyzer.keepalive.story.gaps import Rows, Told
from analyzer.keepalive.story.story import lag_ns
from analyzer.keepalive.story.values import CYCLE, FIRST, SPACING
from analyzer.schema import NEVER, OPENED_MIDSTREAM, OPENED_SYN
from analyzer.schema.results import HEARD_ENDS, HEARD_GAPS

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


def hear(rows: Rows, told: Told, count: int, around: Any, ends: Any, vain: Any, heard: Heard) -> int:
    """Kernel: both ends of the first flows of `told`, with what is known around them (SURROUNDINGS, SURROUNDED_ENDS).

    Of a flow of which too much is missing no gap tells anything, nor any in which a host asked for the other in vain.
    """
    gaps = 0
    for it in range(count):
        flow = told.flows.flow[it]
        is_silent = is_riddled(rows, flow, told.ends, 2 * it, ends.has_company)
        told.flows.is_riddled[it] = is_silent
        for end in (0, 1):
            me = 2 * it + end
            heard.ends.first_gap[me], heard.ends.is_whole[me] = gaps, is_whole(rows, flow)
            heard.ends.clocks[me] = LIKELY_CLOCKS if has_empty_probes(rows, told, it, end) else EXACT_CLOCKS
            heard.ends.is_one_sided[me] = rows.ends.last_ns[2 * flow + 1 - end] == NEVER
            heard.ends.has_company[me] = ends.has_company[me]
            heard.ends.is_cut_off[me] = ends.is_cut_off[me] > 0 or around.asked[it] > 0
            first_vain = ends.first_vain[me]
            if not is_silent:
                way_ns = lag_ns(rows.ends, 2 * flow + end)
                for row in range(told.flows.first_gap[it], told.flows.first_gap[it + 1]):
                    if told.gaps.end[row] == end and not is_void(told.gaps, row, vain, first_vain, ends.vain[me]):
                        hear_gap(told, row, me, way_ns, heard.gaps, gaps)
                        gaps += 1
    heard.ends.first_gap[2 * count] = gaps
    return gaps


def is_void(gaps: Any, row: int, vain: Any, first: int, count: int) -> bool:
    """The end's host asked for the other one in vain meanwhile (VAIN): a probe that was due was not sent.

    What else ended a gap than a probe, the capture's end or traffic, says what it says.
    """
    kind, end_ns = gaps.kind[row], gaps.at_ns[row]
    if not count or not (kind == FIRST or kind == CYCLE or kind == SPACING):
        return False
    start_ns = end_ns - (gaps.any_ns[row] if kind == FIRST else gaps.probe_ns[row])
    asked = first_asked(vain, first, first + count, start_ns + 1)
    return bool(asked < first + count and vain.ts_ns[asked] < end_ns)


def hear_gap(told: Told, row: int, me: int, way_ns: int, gaps: Any, to: int) -> None:
    """As `stories` reads it as value."""
    g = told.gaps
    gaps.kind[to], gaps.frame[to], gaps.at_ns[to] = g.kind[row], g.frame[row], g.at_ns[row]
    gaps.heard_ns[to], gaps.any_ns[to], gaps.speech_ns[to] = g.heard_ns[row], g.any_ns[row], g.speech_ns[row]
    gaps.probe_ns[to], gaps.unanswered[to], gaps.lag_ns[to] = g.probe_ns[row], g.unanswered[row], way_ns
    gaps.missing[to] = NEVER if counts_others(told.ends, me) else g.missing[row]
    gaps.is_numbered[to], gaps.echo[to] = is_numbered(told.ends, me), g.echo[row]
    gaps.is_torn[to], gaps.ceilings[to] = told.ends.torn[me], UNHINDERED


def is_whole(rows: Rows, flow: int) -> bool:
    """The flow was seen to open, and no candidate since has been given up (`tcp/eviction.py`)."""
    first, last = rows.starts[flow], rows.starts[flow + 1]
    if first == last or rows.flows.opened[flow] != OPENED_SYN:
        return False
    return bool(rows.candidates.frame[rows.order[first]] == rows.flows.first_frame[flow])


def has_empty_probes(rows: Rows, told: Told, it: int, end: int) -> bool:
    """Linux sends no other ones (tcp_output.c tcp_xmit_probe_skb)."""
    for probe in range(told.flows.first_probe[it], told.flows.first_probe[it + 1]):
        if told.probes.end[probe] == end and rows.candidates.payload_len[told.probes.row[probe]]:
            return False
    return True


def is_numbered(e: Any, me: int) -> bool:
    """Whether the end numbers its segments one by one (ip_select_ident_segs), not with those of other connections.

    It is shown only where most of them follow each other: a counter of the whole host does that by chance.
    """
    return bool(e.follows[me] >= FEWEST_FOLLOWING and e.follows[me] >= 2 * e.skips[me])


def counts_others(e: Any, me: int) -> bool:
    """Whether its identifications rather number the segments of other connections as well."""
    return bool(e.skips[me] >= FEWEST_OTHERS and e.skips[me] > 2 * e.follows[me])


def is_riddled(rows: Rows, flow: int, ends: Any, first: int, has_company: Any) -> bool:
    """Of the flow's segments that can be told to be there or missing a third is missing, or more.

    Numbers, ACKs and timestamps tell it (TOLD_ENDS.holes, from row `first` on); IP identifications where they cannot
    number segments of other connections, as far as was captured, and nothing shows that they do.
    """
    syns = captured_syns(rows.flows.opened[flow], rows.ends, 2 * flow)
    holes = ends.holes[first] + ends.holes[first + 1] + (syns < 0)
    if holes >= FEWEST_HOLES and 2 * holes >= rows.starts[flow + 1] - rows.starts[flow]:
        return True
    follows, skips = int(syns > 0), int(syns < 0)
    for me in (first, first + 1):
        if not has_company[me] and may_be_its_own(ends, me):
            follows, skips = follows + ends.follows[me], skips + ends.skips[me]
    is_shown = ends.follows[first] + ends.follows[first + 1] > 0
    return bool(is_shown and skips >= FEWEST_HOLES and 2 * skips >= follows)


def may_be_its_own(ends: Any, me: int) -> bool:
    """Nothing shows that its identifications number other connections' segments, too: in gaps of one length they leave
    out now more and now fewer, or some again and again; or they never follow each other. Those of an end that answers
    probes number the answers.
    """
    if not ends.follows[me] and ends.skips[me] >= FEWEST_STEPS:
        return False
    if ends.probes[me ^ 1]:
        return True
    is_level = ends.level[me] >= FEWEST_LEVEL or (ends.level[me] and not ends.lost[me])
    return bool(ends.uneven[me] <= ends.even[me] and not is_level)


def captured_syns(opened: int, ends: Any, first: int) -> int:
    """1 for both SYNs, -1 for one although the other end was heard, 0 where the capture began later."""
    if opened == OPENED_MIDSTREAM or ends.last_ns[first] == NEVER or ends.last_ns[first + 1] == NEVER:
        return 0
    return -1 if ends.isn[first] == NEVER or ends.isn[first + 1] == NEVER else 1


def room(flows: int, gaps: int) -> Heard:
    """Columns for both ends of so many flows."""
    return Heard(rows_of(HEARD_GAPS, gaps), rows_of(HEARD_ENDS, 2 * flows + 1))
