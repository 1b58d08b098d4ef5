"""What a path survived and what it did not, from connections told step by step."""

import pytest

from analyzer.keepalive.path import PathLimit, failure, limits, survivals
from analyzer.keepalive.timeline import Answer
from analyzer.keepalive.verdict import Cause, Outcome
from tests.keepalive.made import Made, flow, ns

DROPPED = (Outcome.TIMED_OUT, Cause.PATH_DROPPED)
RESET = (Outcome.RESET, Cause.PATH_RESET)


def dropped(idle_s: float, number: int = 0) -> Made:
    """A NAT that has forgotten: probes every 10 s, no answer."""
    made = Made(frame=100 * number + 1)
    return made.probe(idle_s).probe(10).probe(10)


def only(limits: tuple[PathLimit, ...]) -> PathLimit:
    [limit] = limits
    return limit


def test_an_answered_probe_survived() -> None:
    limit = only(limits([flow(Made().probe(60, Answer.ACK).probe(45, Answer.ACK))]))
    assert (limit.path, limit.survived_ns, limit.survived) == ("10.0.0.2:443", ns(60), 2)
    assert (limit.failed_ns, limit.matches, limit.on_expiry) == (None, (), None)
    assert limit.survived_frames == (2, 4)


def test_traffic_that_was_answered_survived() -> None:
    assert only(limits([flow(Made().traffic(120).capture_end(30))])).survived_ns == ns(120)


def test_the_capture_s_end_proves_nothing() -> None:
    assert limits([flow(Made().capture_end(600))]) == ()
    assert limits([flow(Made().traffic(5).capture_end(600))]) == ()


def test_traffic_that_nothing_answered_proves_nothing() -> None:
    assert limits([flow(Made().traffic(120, Answer.NOTHING).capture_end(1))]) == ()


def test_traffic_that_was_reset_proves_nothing() -> None:
    """What looks like the peer's RST may be the path's."""
    assert limits([flow(Made().traffic(120, Answer.RST), 0, Outcome.RESET, Cause.PEER_LOST_STATE)]) == ()


def test_an_answered_probe_proves_what_was_before_it() -> None:
    made = Made().traffic(50).probe(30, Answer.ACK).traffic(20, Answer.RST)
    limit = only(limits([flow(made, 0, Outcome.RESET, Cause.PEER_LOST_STATE)]))
    assert limit.survived_ns == ns(50)


def test_traffic_before_a_run_survived() -> None:
    made = Made().traffic(450).probe(400).probe(10)
    limit = only(limits([flow(made, 0, *DROPPED)]))
    assert (limit.survived_ns, limit.failed_ns) == (ns(450), ns(400))


def test_the_silence_before_an_unanswered_probe_was_not_survived() -> None:
    assert only(limits([flow(dropped(400), 0, *DROPPED)])).survived_ns is None


def test_probes_are_traffic_too() -> None:
    """The path was never silent for the 80 s in which the peer was not heard."""
    made = Made().probe(60).probe(10).probe(10, Answer.ACK)
    assert [silence.ns for silence in survivals(flow(made))] == [ns(10), ns(60)]


def test_a_short_silence_is_not_worth_a_line() -> None:
    assert limits([flow(Made().probe(9, Answer.ACK))]) == ()


def test_a_nat_that_forgets_after_300_s_is_bracketed_and_named() -> None:
    flows = [flow(Made().probe(idle_s, Answer.ACK), idle_s) for idle_s in (60, 200, 290)]
    flows += [flow(dropped(idle_s, idle_s), idle_s, *DROPPED) for idle_s in (400, 305, 330)]
    limit = only(limits(flows))
    assert (limit.survived_ns, limit.failed_ns) == (ns(290), ns(305))
    assert (limit.survived, limit.failed) == (3, 3)
    assert limit.failed_frames[0] == 100 * 305 + 2
    assert {box.idle_s for box in limit.matches} == {300}
    assert "F5 BIG-IP (TCP and FastL4 profile)" in {box.name for box in limit.matches}
    assert limit.is_bracket
    assert limit.on_expiry == "silent"


def test_a_reset_by_the_path_is_a_failure() -> None:
    limit = only(limits([flow(Made().probe(360, Answer.RST, ttl=250), 0, *RESET)]))
    assert (limit.survived_ns, limit.failed_ns, limit.on_expiry) == (None, ns(360), "rst")


def test_a_dead_peer_is_no_failure_of_the_path() -> None:
    for outcome, cause in (
        (Outcome.TIMED_OUT, Cause.PEER_SILENT),
        (Outcome.TIMED_OUT, Cause.LINK_DEAD),
        (Outcome.UNREACHABLE, Cause.PATH_UNREACHABLE),
    ):
        assert limits([flow(dropped(60), 0, outcome, cause)]) == ()
    assert limits([flow(Made().probe(60, Answer.RST), 0, Outcome.RESET, Cause.PEER_LOST_STATE)]) == ()


@pytest.mark.parametrize(("outcome", "is_failure"), [(Outcome.PROBING, False), (Outcome.TIMED_OUT, True)])
def test_one_probe_before_the_capture_s_end_may_be_lost(outcome: Outcome, is_failure: bool) -> None:
    assert (failure(flow(Made().probe(60), 0, outcome, Cause.PATH_DROPPED)) is not None) is is_failure


def test_the_silence_ends_with_the_probe_and_not_with_the_capture() -> None:
    silence = failure(flow(Made().probe(60).capture_end(100), 0, *DROPPED))
    assert silence is not None
    assert silence.ns == ns(60)


def test_a_longer_survivor_breaks_the_bracket() -> None:
    limit = only(limits([flow(Made().probe(500, Answer.ACK)), flow(dropped(305), 1, *DROPPED)]))
    assert not limit.is_bracket
    assert limit.matches == ()


def test_failures_of_both_kinds_do_not_say_what_expiry_does() -> None:
    flows = [flow(dropped(305), 0, *DROPPED), flow(Made().probe(310, Answer.RST, ttl=250), 1, *RESET)]
    assert only(limits(flows)).on_expiry is None


def test_paths_are_named_by_the_service() -> None:
    probed = Made().probe(60, Answer.ACK)
    found = limits([flow(probed), flow(probed, 1, server="fd00::2"), flow(probed, 2, ports=(40000, 22))])
    assert [limit.path for limit in found] == ["10.0.0.2:443", "[fd00::2]:443", "10.0.0.2:22"]
