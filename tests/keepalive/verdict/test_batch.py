"""Which frames are named as evidence, and what surroundings that know nothing leave open."""

import pytest

from analyzer.keepalive.verdict.batch import EVIDENCE
from analyzer.keepalive.verdict.values import OUTCOMES, Outcome, Reason, reasons_of
from tests.keepalive.tags.test_tag import OPENED
from tests.keepalive.verdict.test_judge import verdict
from tests.transcript import told

MANY = "".join(f"    {31 + 10 * nth}.01  A>B  A  seq 1099  ack 5000  | keepalive-probe\n" for nth in range(20))


@pytest.mark.parametrize("end", ["    231.01  A>B  RA  seq 1100  ack 5000  | give-up-rst", "    900.0  end"])
def test_of_a_long_run_the_first_frames_are_named(end: str) -> None:
    assert verdict(told(f"{OPENED}{MANY}{end}")).evidence_frames == tuple(range(6, 6 + EVIDENCE))


def test_of_window_probes_that_ceased_the_last_ones_are() -> None:
    """Captured near their peer, to whom they may as well have been lost."""
    probes = "".join(
        f"""
    {at}.20  A>B  A  seq 1099  ack 5000         | zero-window-probe
    {at}.21  B>A  A  seq 5000  ack 1100  win 0  | zero-window-answer"""
        for at in (2, 6, *range(14, 194, 10))
    )
    v = verdict(
        told(f"""{OPENED.replace(" 0.020 ", " 0.060 ")}
    2.00  B>A  A  seq 5000  ack 1100  win 0  | window-update{probes}
    900.0  end""")
    )
    assert v.reasons == (Reason.PROBES_CEASED,)
    assert v.evidence_frames == tuple(range(46 - 2 * EVIDENCE + 1, 46, 2))


def test_without_surroundings_only_the_cause_is_open() -> None:
    result = told(f"""{OPENED}{MANY}
    225.0  ask B by A
    226.0  ask B by A
    231.01  A>B  RA  seq 1100  ack 5000  | give-up-rst""")
    survey = result.analysis._assembler._survey
    v = survey.court.judge_alone(survey.stories.tell([0]), 1).verdicts
    assert OUTCOMES[v.outcome[0]] is Outcome.TIMED_OUT
    assert tuple(reasons_of(v.reasons[0])) == (Reason.GIVE_UP_RST, Reason.PEER_HOST_SILENT)
    assert verdict(result).reasons == (Reason.GIVE_UP_RST, Reason.NEIGHBOUR_SILENT)
