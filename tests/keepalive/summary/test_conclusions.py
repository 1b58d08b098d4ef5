"""What a conclusion is made of: connections, the host that is concerned, and numbers."""

import pytest

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.story.values import Answer
from analyzer.keepalive.summary.conclusions import (
    MOST_FRAMES,
    ConclusionCode,
    by_service,
    concluded,
    delays,
    hosts_lost,
    lost_end,
    reopened,
    silence_numbers,
    times_of,
)
from analyzer.keepalive.verdict.values import Cause, Confidence, Outcome
from tests.keepalive.made import Made, flow, in_brief, ns, settings, within
from tests.keepalive.summary.test_conclusion_rules import STUCK
from tests.transcript import told

CODE = ConclusionCode.PEER_SILENT


def verdict(one: Flow, **others: object) -> Flow:
    return one._replace(verdict=one.verdict._replace(**others))  # type: ignore[arg-type]  # any of its fields


def test_services_with_most_connections_come_first() -> None:
    flows = [flow(number=0), flow(number=1, server="10.0.0.3"), flow(number=2, server="10.0.0.3")]
    assert [(service, [one.id for one in members]) for service, members in by_service(flows)] == [
        ("10.0.0.3:443", [1, 2]),
        ("10.0.0.2:443", [0]),
    ]


def test_no_surer_than_the_least_sure_of_its_verdicts() -> None:
    flows = [verdict(flow(number=n), confidence=one) for n, one in enumerate((Confidence.CERTAIN, Confidence.GUESS))]
    assert concluded(CODE, None, flows).confidence is Confidence.GUESS
    assert concluded(CODE, None, flows[:1]).confidence is Confidence.CERTAIN
    assert concluded(CODE, None, flows, confidence=Confidence.LIKELY).confidence is Confidence.LIKELY


def test_connections_and_frames_are_in_order_each_once() -> None:
    flows = [verdict(flow(number=n), evidence_frames=(9 - n, 4)) for n in (2, 1)]
    one = concluded(CODE, "10.0.0.2:443", flows, {"died": 2})
    assert (one.flows, one.frames, one.known) == ((1, 2), (4, 7, 8), {"died": 2})
    assert concluded(CODE, None, flows, frames=(3,)).frames == (3,)


def test_a_client_that_came_back_has_opened_others_since() -> None:
    silent = flow(Made().traffic(5).capture_end(600))
    fell_silent_ns = silent.story.capture_end_ns - (silent.silent_ns or 0)
    later, sooner = (flow(number=1)._replace(start_ns=fell_silent_ns + ns(off)) for off in (60, -1))
    assert reopened(in_brief([silent]), in_brief([silent, later])) == {"reopened": 1}
    assert reopened(in_brief([silent]), in_brief([silent, sooner])) == {}
    elsewhere = flow(number=1, server="10.0.0.3")._replace(start_ns=later.start_ns)
    assert reopened(in_brief([silent]), in_brief([silent, elsewhere])) == {}


def test_not_more_frames_than_somebody_looks_at() -> None:
    many = verdict(flow(), evidence_frames=tuple(range(1, 100)))
    assert concluded(CODE, None, [many]).frames == tuple(range(1, MOST_FRAMES + 1))


def test_idle_times_before_the_first_probe() -> None:
    made = Made().probe(60, Answer.ACK)
    exact, bounded = flow(made, found=settings(60)), flow(made, found=settings(within(45, 75)))
    assert times_of(in_brief([exact])) == {"earliest_s": 60, "latest_s": 60}
    assert times_of(in_brief([exact, bounded])) == {"earliest_s": 45, "latest_s": 75}
    assert times_of(in_brief([exact, flow(made, found=settings(within(45, None)))])) == {}  # how late, nobody knows
    assert times_of(in_brief([flow(found=settings(60))])) == {}  # it never probed


def test_when_it_was_noticed() -> None:
    flows = [verdict(flow(number=n), detection_delay_ns=delay) for n, delay in enumerate((ns(20), None, ns(30)))]
    assert delays(flows) == {"soonest_s": 20, "latest_s": 30}
    assert delays(flows[1:2]) == {}


def test_the_end_that_was_not_heard_is_the_other_one() -> None:
    silent = flow(Made().probe(60).probe(10), 0, Outcome.TIMED_OUT, Cause.PEER_SILENT)
    assert (lost_end(silent), hosts_lost([silent])) == (1, ("10.0.0.2",))
    assert lost_end(told(f"{STUCK}    12.00  end").flow) == 1


def test_the_end_that_forgot_is_the_one_that_answers_with_rst() -> None:
    assert lost_end(flow(Made().probe(60, Answer.RST), 0, Outcome.RESET, Cause.PEER_LOST_STATE)) == 1
    assert lost_end(flow(outcome=Outcome.RESET)) is None


def test_nobody_is_named_where_nobody_waits() -> None:
    assert hosts_lost([flow()]) == ()


def test_a_host_is_named_once() -> None:
    made = Made().probe(60).probe(10)
    flows = [flow(made, n, Outcome.TIMED_OUT, server=f"10.0.0.{2 + n // 2}") for n in range(3)]
    assert hosts_lost(flows) == ("10.0.0.2", "10.0.0.3")


@pytest.mark.parametrize(("traffic_s", "expected"), [(5, 60), (70, None)])
def test_a_path_that_forgot_looks_the_same_unless_it_survived_as_much(traffic_s: int, expected: int | None) -> None:
    made = Made().traffic(traffic_s).probe(60).probe(10)
    one = flow(made, 0, Outcome.TIMED_OUT, Cause.PEER_SILENT, max_idle_s=max(traffic_s, 60))
    assert silence_numbers([one]).get("idle_s") == expected


def test_what_nobody_noticed_and_what_is_still_asked() -> None:
    flows = [flow(number=n, outcome=one) for n, one in enumerate((Outcome.UNDETECTED, Outcome.PROBING))]
    assert silence_numbers(flows) == {"unnoticed": 1, "probing": 1}
