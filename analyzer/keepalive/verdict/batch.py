"""What verdicts are drawn from and into: a told batch, its surroundings, and a row for each flow that rules fill.

Which frames prove what, too: of a run of probes, of resends, of solicitations the first ones.
"""

from array import array
from typing import Any, NamedTuple

from analyzer.keepalive.story.gaps import Rows, Told
from analyzer.keepalive.tags.tag import FIN_TAG, RETRANSMISSION, WINDOW_PROBE
from analyzer.schema import NEVER

EVIDENCE = 12
"""So many frames are named."""


class Case(NamedTuple):
    """A told batch, what else is known of its flows, and where the verdicts go; `counts` are the rows in use of PROOFS,
    where what shows that an end was started anew lies, and what proves a verdict goes.

    SURROUNDINGS that know nothing (silent_end -1, the rest 0) leave the cause open, and the outcome only where somebody
    asked for an end in vain or it was started anew.
    """

    rows: Rows
    told: Told
    around: Any
    asked: Any
    resets: Any
    verdicts: Any
    proofs: Any
    counts: "array[int]"


def begin(case: Case, it: int) -> None:
    v = case.verdicts
    v.cause[it] = v.prober[it] = v.errno[it] = v.epoll[it] = v.detection_delay_ns[it] = NEVER
    v.first_evidence[it], v.evidence[it] = case.counts[0], 0


def conclude(case: Case, it: int, outcome: int, confidence: int, reasons: int) -> None:
    v = case.verdicts
    v.outcome[it], v.confidence[it], v.reasons[it] = outcome, confidence, reasons


def note_delay(case: Case, it: int, noticed_ns: int, heard_ns: int) -> None:
    """How long after it was last heard the other end was missed; nothing where it was never heard, or later."""
    if heard_ns != NEVER and heard_ns <= noticed_ns:
        case.verdicts.detection_delay_ns[it] = noticed_ns - heard_ns


def prove(case: Case, it: int, frame: int) -> bool:
    """One more frame, if there is room for it."""
    if case.verdicts.evidence[it] == EVIDENCE:
        return False
    case.proofs.frame[case.counts[0]] = frame
    case.counts[0] += 1
    case.verdicts.evidence[it] += 1
    return True


def show_fins(case: Case, it: int) -> None:
    for me in (2 * it, 2 * it + 1):
        if case.told.ends.fin_frame[me]:
            prove(case, it, case.told.ends.fin_frame[me])


def show_run(case: Case, it: int) -> None:
    """The probes of the run that nothing answered."""
    c, p, t, end = case.rows.candidates, case.told.probes, case.told.flows, case.told.flows.run_end[it]
    for probe in range(case.told.ends.run_probe[2 * it + end], t.first_probe[it + 1]):
        if p.end[probe] == end and not prove(case, it, c.frame[p.row[probe]]):
            return


def show_asked(case: Case, it: int) -> None:
    """The solicitations that nothing answered."""
    first = case.around.first_asked[it]
    for row in range(first, first + case.around.asked[it]):
        if not prove(case, it, case.asked.frame[row]):
            return


def show_tries(case: Case, it: int, end: int) -> None:
    """What the end sent again since the other one was last heard."""
    c, e, tags, flow = case.rows.candidates, case.told.ends, case.rows.segments.tag, case.told.flows.flow[it]
    me = 2 * it + end
    for place in range(e.unheard_place[me], case.rows.starts[flow + 1]):
        row = case.rows.order[place]
        is_again = tags[row] == FIN_TAG and c.frame[row] != e.fin_frame[me]
        is_try = tags[row] == RETRANSMISSION or tags[row] == WINDOW_PROBE or is_again
        if is_try and c.end[row] == end and not prove(case, it, c.frame[row]):
            return


def show_sent(case: Case, it: int, end: int, tag: int, first: int, skip: int) -> None:
    """What the end sent with this tag from place `first` on, without so many of these."""
    c, tags, flow = case.rows.candidates, case.rows.segments.tag, case.told.flows.flow[it]
    for place in range(first, case.rows.starts[flow + 1]):
        row = case.rows.order[place]
        if c.end[row] == end and tags[row] == tag:
            skip -= 1
            if skip < 0 and not prove(case, it, c.frame[row]):
                return
