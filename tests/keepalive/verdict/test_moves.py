"""The rules for connections that something on the way has forgotten, where they compete with others."""

from analyzer.keepalive.verdict.values import Outcome, Reason
from tests.keepalive.context.test_rebinding import HEARD, NXT, OLD, found, rebound


def test_an_empty_segment_is_no_scan_where_it_continues_another_connection() -> None:
    new = found(OLD + rebound(seq=NXT - 1, more="")).flows[1].verdict
    assert (new.outcome, new.reasons) == (Outcome.RESET, (Reason.GOES_ON_ELSEWHERE,))
    alone = found(rebound(seq=NXT - 1, more="")).flows[0].verdict
    assert alone.outcome is Outcome.UNKNOWN


def test_what_nobody_has_reset_is_judged_as_any_other() -> None:
    unanswered = "\n".join(
        f"{754 + late:.2f}  A:50000>B  PA  seq {NXT}  ack {HEARD}  len 52"
        for late in (0, 0.3, 0.9, 2.1, 4.5, 9.3, 18.9)
    )
    old, new = found(OLD + unanswered + "\n780.0  end\n").flows
    assert (old.verdict.outcome, old.verdict.reasons) == (Outcome.UNDETECTED, (Reason.REBOUND,))
    assert new.continues == 0
    assert new.verdict.reasons != (Reason.GOES_ON_ELSEWHERE,)


def test_data_into_the_void_is_explained_by_it() -> None:
    pushed = "\n".join(
        f"{200 + late:.2f}  B>A  PA  seq {HEARD}  ack {NXT}  len 30" for late in (0, 0.3, 0.9, 2.1, 4.5, 9.3, 18.9)
    )
    analysis = found(f"{OLD}\n{pushed}\n{rebound(at=240.0)}", hops={"A": 9})
    verdict = analysis.flows[0].verdict
    assert (verdict.outcome, verdict.reasons) == (Outcome.UNDETECTED, (Reason.DATA_UNANSWERED, Reason.REBOUND))
    assert [(limit.failed_ns, limit.on_expiry) for limit in analysis.path_limits] == [(169_930_000_000, "silent")]
