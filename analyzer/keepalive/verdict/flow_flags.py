"""One status byte per connection, from columns alone: what a report needs to know of those that it does not describe.

It holds how the connection ended, as `judge.py` decided; who probes; and whether findings use it.
"""

from typing import Any

from analyzer.keepalive.story.gaps import Rows, StoryTables, ends_of
from analyzer.keepalive.story.values import LONG_NS
from analyzer.keepalive.tags import tag
from analyzer.keepalive.verdict import values
from analyzer.schema import ABSENT

HOW_IT_ENDED = 0x0F
"""Mask of the outcome: its place in `verdict.values.OUTCOMES`, or one of the next two."""
CLOSED_BY_RST = 0x0E
"""In place of CLOSED: a RST had part in it."""
NEVER_OPENED = 0x0F
"""In place of an outcome: neither end sent anything but SYN and RST, so that it is not known, and never will be."""
FIRST_PROBES, SECOND_PROBES = 0x10, 0x20
"""The first end sends keepalive probes; the second end does."""
BEATS = 0x40
"""An application sends heartbeats."""
NOTABLE = 0x80
"""Findings use the connection. Others are plain: no probe, no heartbeat, no long silence and no trouble."""


def outcome_of(flags: int) -> values.Outcome:
    """Return the outcome that a status byte holds."""
    how = flags & HOW_IT_ENDED
    if how == CLOSED_BY_RST:
        return values.Outcome.CLOSED
    return values.OUTCOMES[how] if how < len(values.OUTCOMES) else values.Outcome.UNKNOWN


def flags_of(rows: Rows, stories: StoryTables, flow_row: int, outcome: int) -> int:
    """Return the flow's status byte, given its outcome."""
    story, (first, second) = stories.flows[flow_row], ends_of(stories, flow_row)
    found = CLOSED_BY_RST if outcome == values.CLOSED and story.reset_row != ABSENT else outcome
    if not first.has_spoken and not second.has_spoken:
        return NEVER_OPENED
    found |= FIRST_PROBES if first.probes else 0
    found |= SECOND_PROBES if second.probes else 0
    found |= BEATS if first.beats > 1 or second.beats > 1 else 0
    is_quiet = found <= HOW_IT_ENDED and not has_silence(rows, stories, flow_row, outcome) and not is_in_trouble(story)
    return found if is_quiet and has_fared_well(rows, stories, flow_row, outcome) else found | NOTABLE


def has_silence(rows: Rows, stories: StoryTables, flow_row: int, outcome: int) -> bool:
    """Tell whether the flow was silent for LONG_NS, between segments or from its last one to the capture's end."""
    story = stories.flows[flow_row]
    flow = rows.flows[story.flow]
    is_open = outcome == values.ALIVE or outcome == values.OPEN
    return bool(flow.max_idle_ns >= LONG_NS or (is_open and story.capture_end_ns - flow.last_ns >= LONG_NS))


def has_fared_well(rows: Rows, stories: StoryTables, flow_row: int, outcome: int) -> bool:
    """Tell whether the flow closed in the ordinary way, or nothing is known to have ended it while it was watched.

    A RST is ordinary only from an end that had sent its FIN, and where nothing asked for it. An open flow must have
    been watched to the capture's end, without a jump of the capture's clock.
    """
    story = stories.flows[flow_row]
    if outcome != values.CLOSED:
        is_uneventful = outcome == values.ALIVE or outcome == values.OPEN or outcome == values.UNKNOWN
        return is_uneventful and not rows.flows[story.flow].watched_ns
    if story.reset_row == ABSENT:
        return True
    segment = rows.segments[story.reset_row]
    is_asked_for = story.reset_follows_data or segment.tag != tag.RST_TAG or segment.of != ABSENT or story.reset_unheard
    sender = stories.ends[2 * flow_row + rows.candidates[story.reset_row].end]
    return bool(sender.fin_frame and not is_asked_for)


def is_in_trouble(story: Any) -> bool:
    """Tell whether what one end sends goes unanswered, or its answers unheard."""
    return bool(story.unresponsive_end != ABSENT or story.persisting_end != ABSENT or story.resending_end != ABSENT)
