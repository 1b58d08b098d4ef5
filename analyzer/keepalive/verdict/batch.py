"""A batch of flows to judge, their verdicts' columns, and how rules write conclusions and evidence into them.

The frames that prove a verdict are the first ones of a run of probes, of resends, or of solicitations.
"""

from array import array
from typing import Any, NamedTuple

from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.tags.tag import FIN_TAG, RETRANSMISSION, WINDOW_PROBE
from analyzer.schema import ABSENT

EVIDENCE = 12
"""Most frames that a verdict names."""
LOST = 8
"""Most frames with lost data that an ending names."""
PROVED = EVIDENCE + LOST
"""Most rows of PROOFS that a flow's verdict and ending take."""


class Batch(NamedTuple):
    """A batch of stories, what else is known of its flows, and where the verdicts go.

    `counts` has the rows in use of PROOFS, which holds what shows that an end was started anew, and what proves a
    verdict. An empty context (silent_end -1, the rest 0) leaves the cause open. It leaves the outcome open only where
    an end was asked for in vain or was started anew.
    """

    rows: Rows
    stories: StoryTables
    context: Any
    asked: Any
    resets: Any
    verdicts: Any
    proofs: Any
    counts: "array[int]"


def begin(batch: Batch, flow_row: int) -> None:
    """Clear the flow's row in VERDICTS, before any rule is asked."""
    v = batch.verdicts
    v.cause[flow_row] = v.prober[flow_row] = v.errno[flow_row] = v.epoll[flow_row] = v.detection_delay_ns[flow_row] = (
        ABSENT
    )
    v.first_evidence[flow_row], v.evidence[flow_row] = batch.counts[0], 0


def conclude(batch: Batch, flow_row: int, outcome: int, confidence: int, reasons: int) -> None:
    """Write outcome, confidence and reasons into the flow's row."""
    v = batch.verdicts
    v.outcome[flow_row], v.confidence[flow_row], v.reasons[flow_row] = outcome, confidence, reasons


def note_delay(batch: Batch, flow_row: int, noticed_ns: int, heard_ns: int) -> None:
    """Write how long after it was last heard the other end was missed, in ns.

    Nothing is written where it was never heard, or heard later than `noticed_ns`.
    """
    if heard_ns != ABSENT and heard_ns <= noticed_ns:
        batch.verdicts.detection_delay_ns[flow_row] = noticed_ns - heard_ns


def prove(batch: Batch, flow_row: int, frame: int) -> bool:
    """Add one frame to the flow's evidence if there is room. Returns whether there was."""
    if batch.verdicts.evidence[flow_row] == EVIDENCE:
        return False
    batch.proofs.frame[batch.counts[0]] = frame
    batch.counts[0] += 1
    batch.verdicts.evidence[flow_row] += 1
    return True


def prove_more(batch: Batch, frame: int) -> None:
    """Add one frame to PROOFS that is no evidence of the verdict."""
    batch.proofs.frame[batch.counts[0]] = frame
    batch.counts[0] += 1


def show_fins(batch: Batch, flow_row: int) -> None:
    """Add the first FIN of each end to the evidence."""
    for end_row in (2 * flow_row, 2 * flow_row + 1):
        if batch.stories.ends.fin_frame[end_row]:
            prove(batch, flow_row, batch.stories.ends.fin_frame[end_row])


def show_run(batch: Batch, flow_row: int) -> None:
    """Add the probes of the run that nothing answered to the evidence."""
    c, p, t, end = (
        batch.rows.candidates,
        batch.stories.probes,
        batch.stories.flows,
        batch.stories.flows.run_end[flow_row],
    )
    for probe in range(batch.stories.ends.run_probe[2 * flow_row + end], t.first_probe[flow_row + 1]):
        if p.end[probe] == end and not prove(batch, flow_row, c.frame[p.row[probe]]):
            return


def show_asked(batch: Batch, flow_row: int) -> None:
    """Add the solicitations that nothing answered to the evidence."""
    first = batch.context.first_asked[flow_row]
    for row in range(first, first + batch.context.asked[flow_row]):
        if not prove(batch, flow_row, batch.asked.frame[row]):
            return


def show_tries(batch: Batch, flow_row: int, end: int) -> None:
    """Add to the evidence what the end sent again since the other end was last heard."""
    c, e, tags, flow = (
        batch.rows.candidates,
        batch.stories.ends,
        batch.rows.segments.tag,
        batch.stories.flows.flow[flow_row],
    )
    end_row = 2 * flow_row + end
    for place in range(e.unheard_place[end_row], batch.rows.starts[flow + 1]):
        row = batch.rows.order[place]
        is_again = tags[row] == FIN_TAG and c.frame[row] != e.fin_frame[end_row]
        is_try = tags[row] == RETRANSMISSION or tags[row] == WINDOW_PROBE or is_again
        if is_try and c.end[row] == end and not prove(batch, flow_row, c.frame[row]):
            return


def show_sent(batch: Batch, flow_row: int, end: int, tag: int, first: int, skip: int) -> None:
    """Add to the evidence what the end sent with this tag from place `first` on, but for the first `skip` of these."""
    c, tags, flow = batch.rows.candidates, batch.rows.segments.tag, batch.stories.flows.flow[flow_row]
    for place in range(first, batch.rows.starts[flow + 1]):
        row = batch.rows.order[place]
        if c.end[row] == end and tags[row] == tag:
            skip -= 1
            if skip < 0 and not prove(batch, flow_row, c.frame[row]):
                return
