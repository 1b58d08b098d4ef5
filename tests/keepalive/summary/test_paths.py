"""What a path survived and what it did not, from connections told step by step."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.story.values import Answer, Silence
from analyzer.keepalive.summary.paths import ALL, PathLimit, survival_curve
from analyzer.keepalive.verdict.values import Cause, Outcome, Reason
from tests.keepalive.made import Made, flow, limits, ns, within_lan
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import told

SAMPLES = Path(__file__).parents[3] / "samples"
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


def test_a_path_that_forgets_sooner_than_10_s_has_survived_something() -> None:
    """The NAT of this recording forgets after 10 s; one connection probed every 6 s, and lived."""
    limit = only(analyze(str(SAMPLES / "nat-forgets-one-of-two" / "capture.pcap")).path_limits)
    assert limit.survived_ns is not None
    assert ns(6) <= limit.survived_ns < ns(10) < (limit.failed_ns or 0)
    assert limit.survived == limit.survived_flows == len(limit.survived_frames) == 1


def test_probes_bridge_a_time_without_data() -> None:
    result = told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100  | keepalive-answer
    61.02  A>B  A  seq 1099  ack 5000  | keepalive-probe
    61.03  B>A  A  seq 5000  ack 1100  | keepalive-answer
    """)
    assert result.flow.story.bridged_ns == ns(60.03)  # the data was at 1.00


def test_traffic_that_was_reset_proves_nothing() -> None:
    """What looks like the peer's RST may be the path's."""
    assert limits([flow(Made().traffic(120, Answer.RST), 0, Outcome.RESET, Cause.PEER_LOST_STATE)]) == ()


def test_an_answered_probe_proves_what_was_before_it() -> None:
    made = Made().traffic(50).probe(30, Answer.ACK).traffic(20, Answer.RST)
    limit = only(limits([flow(made, 0, Outcome.RESET, Cause.PEER_LOST_STATE)]))
    assert limit.survived_ns == ns(50)


def test_traffic_before_a_run_survived() -> None:
    made = Made().traffic(350).probe(400).probe(10)
    limit = only(limits([flow(made, 0, *DROPPED)]))
    assert (limit.survived_ns, limit.failed_ns) == (ns(350), ns(400))


def test_the_silence_before_an_unanswered_probe_was_not_survived() -> None:
    assert only(limits([flow(dropped(400), 0, *DROPPED)])).survived_ns is None


def test_probes_are_traffic_too() -> None:
    """The path was never silent for the 80 s in which the peer was not heard."""
    made = Made().probe(60).probe(10).probe(10, Answer.ACK)
    assert only(limits([flow(made)])).survived_ns == ns(60)


def test_a_short_silence_is_not_worth_a_line() -> None:
    assert limits([flow(Made().probe(9, Answer.ACK))]) == ()


def test_a_nat_that_forgets_after_300_s_is_bracketed_and_named() -> None:
    flows = [flow(Made().probe(idle_s, Answer.ACK), idle_s) for idle_s in (60, 200, 290)]
    flows += [flow(dropped(idle_s, idle_s), idle_s, *DROPPED) for idle_s in (400, 305, 330)]
    limit = only(limits(flows))
    assert (limit.survived_ns, limit.failed_ns) == (ns(290), ns(305))
    assert (limit.survived, limit.failed) == (3, 3)
    assert limit.failed_frames[0] == 100 * 305 + 2
    assert (limit.survived_flows, limit.unexplained) == (3, 0)
    assert [(box.idle_s, box.on_expiry) for box in limit.matches] == [(300, "silent")]
    assert limit.on_expiry == "silent"


def test_a_box_that_resets_at_300_s_is_no_other() -> None:
    flows = [flow(Made().probe(idle_s, Answer.ACK), idle_s) for idle_s in (280, 290)]
    flows += [flow(Made().probe(idle_s, Answer.RST), idle_s, *RESET) for idle_s in (302, 305)]
    assert [box.name for box in only(limits(flows)).matches] == ["F5 BIG-IP (TCP and FastL4 profile)"]


def test_of_a_wide_bracket_only_the_middle_names_a_box() -> None:
    """From 100 to 500 s: 300 s is in the middle, and of 110, 120, 240, 350 s nothing says which."""
    limit = only(limits([flow(Made().probe(100, Answer.ACK)), flow(dropped(500), 1, *DROPPED)]))
    assert (limit.survived_ns, limit.failed_ns) == (ns(100), ns(500))
    assert {box.idle_s for box in limit.matches} == {300}


def test_few_boxes_are_named() -> None:
    flows = [flow(Made().probe(idle_s, Answer.ACK), idle_s) for idle_s in (3500, 3550)]
    flows += [flow(dropped(idle_s, idle_s), idle_s, *DROPPED) for idle_s in (3610, 3700)]
    assert len(only(limits(flows)).matches) == 3


def test_a_reset_by_the_path_is_a_failure() -> None:
    limit = only(limits([flow(Made().probe(360, Answer.RST), 0, *RESET)]))
    assert (limit.survived_ns, limit.failed_ns, limit.on_expiry) == (None, ns(360), "rst")


def test_a_dead_peer_is_no_failure_of_the_path() -> None:
    for outcome, cause in (
        (Outcome.TIMED_OUT, Cause.PEER_SILENT),
        (Outcome.TIMED_OUT, Cause.LINK_DEAD),
        (Outcome.UNREACHABLE, Cause.PATH_UNREACHABLE),
    ):
        assert limits([flow(dropped(60), 0, outcome, cause)]) == ()
    assert limits([flow(Made().probe(60, Answer.RST), 0, Outcome.RESET, Cause.PEER_LOST_STATE)]) == ()


def test_a_longer_survivor_breaks_the_bracket() -> None:
    limit = only(limits([flow(Made().probe(500, Answer.ACK)), flow(dropped(305), 1, *DROPPED)]))
    assert (limit.survived_ns, limit.failed_ns, limit.failed, limit.unexplained) == (ns(500), None, 0, 1)
    assert (limit.matches, limit.on_expiry) == ((), None)


def test_one_that_failed_hardly_later_than_another_survived_is_a_coincidence() -> None:
    """58 s survived on one connection, 60 s failed on another: nobody's limit is 59 s."""
    lived, lost = flow(Made().probe(58, Answer.ACK)), flow(dropped(60), 1, *DROPPED)
    limit = only(limits([lived, lost]))
    assert (limit.survived_ns, limit.failed_ns, limit.unexplained) == (ns(58), None, 1)
    several = [lived, lost, flow(Made().probe(57, Answer.ACK), 2), flow(dropped(61, 3), 3, *DROPPED)]
    assert only(limits(several)).failed_ns == ns(60)
    short = [lived, lost, flow(Made().probe(20, Answer.ACK), 2), flow(dropped(61, 3), 3, *DROPPED)]
    assert only(limits(short)).failed_ns is None  # 20 s say nothing of 60


def test_what_failed_after_longer_shows_that_there_is_a_limit() -> None:
    """A load balancer that resets after 350 s: 341 s survived, 352 s failed, and so did 610 and 1890 s."""
    flows = [flow(Made().probe(idle_s, Answer.ACK), idle_s) for idle_s in (40, 341)]
    flows += [flow(Made().probe(idle_s, Answer.RST), idle_s, *RESET) for idle_s in (352, 610, 1890)]
    limit = only(limits(flows))
    assert (limit.survived_ns, limit.failed_ns, limit.failed, limit.unexplained) == (ns(341), ns(352), 3, 0)
    assert {(box.idle_s, box.on_expiry) for box in limit.matches} == {(350, "rst")}


def test_what_explains_the_smaller_half_of_failures_is_no_limit() -> None:
    lost = [flow(dropped(idle_s, number), number, *DROPPED) for number, idle_s in enumerate((100, 120, 400), 1)]
    limit = only(limits([flow(Made().probe(200, Answer.ACK)), *lost]))
    assert (limit.failed_ns, limit.unexplained) == (None, 3)
    more = [flow(dropped(idle_s, number), number, *DROPPED) for number, idle_s in enumerate((350, 500), 4)]
    limit = only(limits([flow(Made().probe(200, Answer.ACK)), *lost, *more]))
    assert (limit.failed_ns, limit.failed, limit.unexplained) == (ns(350), 3, 2)


def test_within_one_lan_there_is_no_path() -> None:
    lan = [within_lan(flow(Made().probe(60, Answer.ACK))), within_lan(flow(dropped(400), 1, *DROPPED))]
    assert limits(lan) == ()
    assert only(limits([*lan, flow(dropped(500), 2, *DROPPED)])).failed_ns == ns(500)


@pytest.mark.parametrize(("hops", "is_path"), [({}, False), ({"B": 1}, True), ({"A": 1}, True)], ids=str)
def test_a_hop_is_one_taken_off_the_ttl(hops: dict[str, int], is_path: bool) -> None:
    result = told(
        f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100  | keepalive-answer
    """,
        hops=hops,
    )
    assert bool(result.analysis.path_limits) == is_path


def test_of_an_end_that_was_never_heard_nothing_says_that_it_is_near() -> None:
    text = "1.0 A>B PA seq 900 ack 5000 len 100\n61.0 A>B A seq 999 ack 5000 | keepalive-probe"
    assert [end.ttl for end in told(text).flow.ends] == [64, None]
    assert not told(text).flow.is_within_lan


def test_failures_of_both_kinds_do_not_say_what_expiry_does() -> None:
    flows = [flow(dropped(305), 0, *DROPPED), flow(Made().probe(310, Answer.RST), 1, *RESET)]
    assert only(limits(flows)).on_expiry is None


def test_unanswered_data_on_a_connection_whose_peer_answers_others_is_a_failure() -> None:
    unnoticed = flow(Made().traffic(310, Answer.NOTHING), 0, Outcome.UNDETECTED)
    blamed = unnoticed._replace(verdict=unnoticed.verdict._replace(reasons=(Reason.PEER_HOST_ANSWERS,)))
    assert limits([unnoticed]) == ()
    assert only(limits([blamed])).failed_ns == ns(310)


def test_a_whole_network_that_falls_silent_shows_no_idle_limit() -> None:
    cut_off = flow(dropped(60), 0, *DROPPED)
    assert limits([cut_off._replace(verdict=cut_off.verdict._replace(reasons=(Reason.NETWORK_SILENT,)))]) == ()


def lives(*idle_s: float, number: int = 0, **where: object) -> Flow:
    made = Made()
    for one in idle_s:
        made.probe(one, Answer.ACK)
    return flow(made, number, **where)


def test_probes_kept_a_path_open_that_forgets_after_300_s() -> None:
    quick, slow = lives(60, 60, 60, 60, 60, 60), flow(dropped(305), 1, *DROPPED)
    assert only(limits([quick, slow])).probes_kept_open
    assert not only(limits([lives(60, 60, 60), slow])).probes_kept_open  # 180 s show nothing
    assert not only(limits([quick])).probes_kept_open


# ---- the curve


def silences(*seconds: float) -> list[Silence]:
    return [Silence(1, 0, ns(one), 0, survived=True) for one in seconds]


def test_a_clean_bracket_is_a_step() -> None:
    assert survival_curve(silences(60, 290), silences(305, 500)) == (
        (ns(60), 1.0),
        (ns(290), 1.0),
        (ns(305), 0.0),
        (ns(500), 0.0),
    )


def test_a_curve_never_rises() -> None:
    """One connection lost for another reason, early: neighbours are pooled."""
    curve = survival_curve(silences(60, 100, 120, 290), silences(90, 305))
    assert curve == ((ns(60), 1.0), (ns(90), 0.75), (ns(290), 0.75), (ns(305), 0.0))


def test_the_same_length_many_times() -> None:
    assert survival_curve(silences(60, 60, 60), silences(60)) == ((ns(60), 0.75),)
    assert survival_curve([], []) == ()


# ---- which paths there are


def test_paths_are_named_by_the_service() -> None:
    probed = Made().probe(60, Answer.ACK)
    found = limits([flow(probed), flow(probed, 1, server="fd00::2"), flow(probed, 2, ports=(40000, 22))])
    assert [limit.path for limit in found] == ["10.0.0.2:443", "[fd00::2]:443", "10.0.0.2:22", ALL]


def test_one_service_alone_is_all_there_is() -> None:
    assert [limit.path for limit in limits([lives(60), lives(90, number=1)])] == ["10.0.0.2:443"]


def test_services_of_one_network_say_more_together() -> None:
    flows = [
        lives(290, server="192.0.2.1"),
        flow(dropped(325, 1), 1, *DROPPED, server="192.0.2.2"),
        lives(600, number=2, server="198.51.100.1"),
    ]
    found = {limit.path: (limit.survived_ns, limit.failed_ns) for limit in limits(flows)}
    assert list(found) == ["192.0.2.1:443", "192.0.2.2:443", "198.51.100.1:443", "192.0.2.0/24", ALL]
    assert found["192.0.2.0/24"] == (ns(290), ns(325))
    assert found[ALL] == (ns(600), None)


def test_a_network_that_says_no_more_than_one_of_its_services_is_not_listed() -> None:
    flows = [
        lives(290, server="2001:db8::1"),
        lives(60, number=1, server="2001:db8::2"),
        lives(90, number=2, server="2001:db8:1::1"),
    ]
    assert "2001:db8::/64" not in [limit.path for limit in limits(flows)]
