"""One status byte per connection, from columns alone: what a report needs to know of those that it does not describe.

It holds how the connection ended, as `judge.py` decided; who probes; and whether findings use it.
"""

from typing import Any

from analyzer.keepalive.story.gaps import Rows, StoryTables, ends_of
from analyzer.keepalive.story.values import LONG_NS
from analyzer.keepalive.tags import tag
from analyzer.keepalive.verdict import values
from analyzer.schema import ABSENT

HOW_IT_ENDED = 0x07
"""Mask of the outcome: its place in `verdict.values.OUTCOMES`."""
NEVER_OPENED = 0x08
"""Neither end sent anything but SYN and RST: an attempt at a connection, or the rest of one."""
FIRST_PROBES, SECOND_PROBES = 0x10, 0x20
"""The first end sends keepalive probes; the second end does."""
BEATS = 0x40
"""An application sends heartbeats."""
NOTABLE = 0x80
"""Findings use the connection. Others are plain: no probe, no heartbeat, no long silence and no trouble."""


def flags_of(rows: Rows, stories: StoryTables, flow_row: int, outcome: int) -> int:
    """Return the flow's status byte, given its outcome."""
    story, (first, second) = stories.flows[flow_row], ends_of(stories, flow_row)
    found = outcome
    if not first.has_spoken and not second.has_spoken:
        return found | NEVER_OPENED
    found |= FIRST_PROBES if first.probes else 0
    found |= SECOND_PROBES if second.probes else 0
    found |= BEATS if has_heartbeats(rows, story.flow, story.reset_row) else 0
    is_quiet = found == outcome and not has_silence(rows, stories, flow_row, outcome) and not is_in_trouble(story)
    return found if is_quiet and has_fared_well(rows, stories, flow_row, outcome) else found | NOTABLE


def has_silence(rows: Rows, stories: StoryTables, flow_row: int, outcome: int) -> bool:
    """Tell whether the flow was silent for LONG_NS, between segments or from its last one to the capture's end."""
    story, next_story = stories.flows[flow_row], stories.flows[flow_row + 1]
    flow = rows.flows[story.flow]
    is_told = next_story.first_silence > story.first_silence or flow.max_idle_ns >= LONG_NS
    return bool(is_told or (outcome == values.ALIVE and story.capture_end_ns - flow.last_ns >= LONG_NS))


def has_fared_well(rows: Rows, stories: StoryTables, flow_row: int, outcome: int) -> bool:
    """Tell whether the flow closed in the ordinary way, or nothing is known to have ended it while it was watched.

    A RST is ordinary only from an end that had sent its FIN, and where nothing asked for it. An open flow must have
    been watched to the capture's end, without a jump of the capture's clock.
    """
    story = stories.flows[flow_row]
    if outcome != values.CLOSED:
        return (outcome == values.ALIVE or outcome == values.UNKNOWN) and not rows.flows[story.flow].watched_ns
    if story.reset_row == ABSENT:
        return True
    segment = rows.segments[story.reset_row]
    is_asked_for = segment.tag != tag.RST_TAG or segment.of != ABSENT or story.reset_unheard
    sender = stories.ends[2 * flow_row + rows.candidates[story.reset_row].end]
    return bool(sender.fin_frame and not is_asked_for)


def is_in_trouble(story: Any) -> bool:
    """Tell whether what one end sends goes unanswered, or its answers unheard."""
    return bool(story.unresponsive_end != ABSENT or story.persisting_end != ABSENT or story.resending_end != ABSENT)


def has_heartbeats(rows: Rows, flow: int, reset: int) -> bool:
    """Tell whether one end sent at least two heartbeats before the reset. `reset` is the RST's row, or ABSENT."""
    first, second = 0, 0
    for place in range(rows.starts[flow], rows.starts[flow + 1]):
        row = rows.order[place]
        if row == reset:
            break
        if rows.segments[row].tag == tag.HEARTBEAT:
            end = rows.candidates[row].end
            second += end
            first += 1 - end
    return first > 1 or second > 1
