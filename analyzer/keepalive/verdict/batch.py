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
    verdict = batch.verdicts[flow_row]
    verdict.cause = verdict.prober = verdict.errno = verdict.epoll = verdict.detection_delay_ns = ABSENT
    verdict.first_evidence, verdict.evidence = batch.counts[0], 0


def conclude(batch: Batch, flow_row: int, outcome: int, confidence: int, reasons: int) -> None:
    """Write outcome, confidence and reasons into the flow's row."""
    verdict = batch.verdicts[flow_row]
    verdict.outcome, verdict.confidence, verdict.reasons = outcome, confidence, reasons


def note_delay(batch: Batch, flow_row: int, noticed_ns: int, heard_ns: int) -> None:
    """Write how long after it was last heard the other end was missed, in ns.

    Nothing is written where it was never heard, or heard later than `noticed_ns`.
    """
    if heard_ns != ABSENT and heard_ns <= noticed_ns:
        batch.verdicts[flow_row].detection_delay_ns = noticed_ns - heard_ns


def prove(batch: Batch, flow_row: int, frame: int) -> bool:
    """Add one frame to the flow's evidence if there is room. Returns whether there was."""
    verdict = batch.verdicts[flow_row]
    if verdict.evidence == EVIDENCE:
        return False
    batch.proofs[batch.counts[0]].frame = frame
    batch.counts[0] += 1
    verdict.evidence += 1
    return True


def prove_more(batch: Batch, frame: int) -> None:
    """Add one frame to PROOFS that is no evidence of the verdict."""
    batch.proofs[batch.counts[0]].frame = frame
    batch.counts[0] += 1


def sort_evidence(batch: Batch, flow_row: int) -> None:
    """Put the flow's evidence in order of frames, each once."""
    verdict = batch.verdicts[flow_row]
    first, kept = verdict.first_evidence, 0
    for row in range(first, first + verdict.evidence):
        frame, place = batch.proofs[row].frame, first + kept
        while place > first and batch.proofs[place - 1].frame > frame:
            place -= 1
        if place > first and batch.proofs[place - 1].frame == frame:
            continue
        for after in range(first + kept, place, -1):
            batch.proofs[after].frame = batch.proofs[after - 1].frame
        batch.proofs[place].frame = frame
        kept += 1
    verdict.evidence = kept


def show_fins(batch: Batch, flow_row: int) -> None:
    """Add the first FIN of each end to the evidence."""
    for end in (0, 1):
        fin_frame = batch.stories.ends[2 * flow_row + end].fin_frame
        if fin_frame:
            prove(batch, flow_row, fin_frame)


def show_run(batch: Batch, flow_row: int) -> None:
    """Add the probes of the run that nothing answered to the evidence."""
    end = batch.stories.flows[flow_row].run_end
    first, last = batch.stories.ends[2 * flow_row + end].run_probe, batch.stories.flows[flow_row + 1].first_probe
    for place in range(first, last):
        probe = batch.stories.probes[place]
        if probe.end == end and not prove(batch, flow_row, batch.rows.candidates[probe.row].frame):
            return


def show_asked(batch: Batch, flow_row: int) -> None:
    """Add the solicitations that nothing answered to the evidence."""
    context = batch.context[flow_row]
    for row in range(context.first_asked, context.first_asked + context.asked):
        if not prove(batch, flow_row, batch.asked[row].frame):
            return


def show_tries(batch: Batch, flow_row: int, end: int) -> None:
    """Add to the evidence what the end sent again since the other end was last heard."""
    flow, sender = batch.stories.flows[flow_row].flow, batch.stories.ends[2 * flow_row + end]
    for place in range(sender.unheard_place, batch.rows.starts[flow + 1]):
        row = batch.rows.order[place]
        segment, tag = batch.rows.candidates[row], batch.rows.segments[row].tag
        is_again = tag == FIN_TAG and segment.frame != sender.fin_frame
        is_try = tag == RETRANSMISSION or tag == WINDOW_PROBE or is_again
        if is_try and segment.end == end and not prove(batch, flow_row, segment.frame):
            return


def show_sent(batch: Batch, flow_row: int, end: int, tag: int, first: int, skip: int) -> None:
    """Add to the evidence what the end sent with this tag from place `first` on, but for the first `skip` of these."""
    flow = batch.stories.flows[flow_row].flow
    for place in range(first, batch.rows.starts[flow + 1]):
        row = batch.rows.order[place]
        segment = batch.rows.candidates[row]
        if segment.end == end and batch.rows.segments[row].tag == tag:
            skip -= 1
            if skip < 0 and not prove(batch, flow_row, segment.frame):
                return
