"""The prose about two capture points: what became of probes between them."""

from collections.abc import Sequence

from analyzer.keepalive.findings import End
from analyzer.many.two_points import Fate
from analyzer.report.units import count

FATES = {
    Fate.ANSWERED: "passed both points and came back",
    Fate.PROBE_LOST_BETWEEN: "passed {near} and never {far}: lost on the way between the two",
    Fate.ANSWER_LOST_BETWEEN: "passed both points, their answers {far} only: lost on the way back between the two",
    Fate.LOST_BEYOND: "passed both points, and no answer passed either: lost beyond {far}, there or on the way back, "
    "or the peer did not answer",
    Fate.SEEN_AT_ONE: "passed one point only, or came back through one only; the captures do not tell which of the "
    "two is nearer to the prober",
    Fate.NOT_CAPTURED: "cannot be judged: one point was not capturing then, or missed what must have passed it",
}


def fate(one: Fate, probes: int, end: End, near: int | None, names: Sequence[str]) -> str:
    """Say what became of so many probes of an end; `near` is the point nearer to it, `names` are the points'."""
    words = {"near": "one", "far": "the other"}
    if near is not None:
        words = {"near": names[near], "far": names[1 - near]}
    return f"{count(probes, 'probe')} of {end} {FATES[one].format(**words)}."
