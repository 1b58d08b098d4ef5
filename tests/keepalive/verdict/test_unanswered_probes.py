"""Probes that nothing answers: transcripts, and what a person who knows all of it would say."""

import pytest

from analyzer.keepalive.verdict.os_errors import EPOLL_DEAD
from analyzer.keepalive.verdict.values import Cause, Confidence, Outcome, Reason
from tests.keepalive.story.test_gaps import UNHEARD
from tests.keepalive.tags.test_tag import OPENED
from tests.keepalive.verdict.test_judge import GAVE_UP, ONE_SIDED, RUN, SECOND, outcome, verdict
from tests.keepalive.verdict.test_unanswered_data import ACKED_LONGER
from tests.transcript import told


def test_giving_up_on_a_silent_peer() -> None:
    v = verdict(told(GAVE_UP))
    assert (v.outcome, v.cause, v.prober) == (Outcome.TIMED_OUT, Cause.PEER_SILENT, 0)
    assert (v.errno, v.epoll, v.confidence) == ("ETIMEDOUT", EPOLL_DEAD, Confidence.CERTAIN)
    assert v.detection_delay_ns == 60 * SECOND  # from B's ACK at 1.01
    assert v.evidence_frames == (6, 7, 8, 9)
    assert v.reasons == (Reason.GIVE_UP_RST, Reason.PEER_HOST_SILENT)


def test_giving_up_while_routers_say_unreachable() -> None:
    """Linux ignores ICMP errors about probes, which are not in flight: ETIMEDOUT all the same (tcp_v4_err).

    With an exact timer it may be FreeBSD or gVisor, which report them.
    """
    icmp = "icmp host-unreachable about A>B seq 1099  | icmp-unreachable"
    v = verdict(
        told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.21  A>B  A   seq 1099  ack 5000  | keepalive-probe
    51.45  A>B  A   seq 1099  ack 5000  | keepalive-probe
    54.01  {icmp}
    61.69  A>B  RA  seq 1100  ack 5000  | give-up-rst
    """)
    )
    assert (v.outcome, v.cause, v.errno) == (Outcome.UNREACHABLE, Cause.PATH_UNREACHABLE, "ETIMEDOUT")
    assert Reason.ICMP_DISCARDED in v.reasons
    exact = verdict(told(f"{RUN}    54.01  {icmp}\n" + give_up()))
    assert (exact.outcome, exact.errno) == (Outcome.UNREACHABLE, None)


def give_up() -> str:
    return "    61.01  A>B  RA  seq 1100  ack 5000  | give-up-rst"


def test_an_icmp_error_before_the_last_answer_is_history() -> None:
    result = told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000                | keepalive-probe
    34.01  icmp host-unreachable about A>B seq 1099   | icmp-unreachable
    41.01  A>B  A   seq 1099  ack 5000                | keepalive-probe
    41.02  B>A  A   seq 5000  ack 1100                | keepalive-answer
    71.02  A>B  A   seq 1099  ack 5000                | keepalive-probe
    81.02  A>B  A   seq 1099  ack 5000                | keepalive-probe
    91.02  A>B  RA  seq 1100  ack 5000                | give-up-rst
    """)
    assert outcome(result) == (Outcome.TIMED_OUT, Cause.PEER_SILENT)


def test_link_dead_when_arp_requests_stay_unanswered() -> None:
    result = told(f"{RUN}    52.01  ask B by A\n    53.01  ask B by A\n{give_up()}")
    assert outcome(result) == (Outcome.TIMED_OUT, Cause.LINK_DEAD)


def test_link_dead_when_neighbour_solicitations_stay_unanswered() -> None:
    result = told(f"{RUN}    52.01  ask B by A\n    53.01  ask B by A\n{give_up()}", ipv6=True)
    assert outcome(result) == (Outcome.TIMED_OUT, Cause.LINK_DEAD)


@pytest.mark.parametrize("ipv6", [False, True])
def test_the_link_is_not_dead_when_the_neighbour_answers(ipv6: bool) -> None:
    result = told(f"{RUN}    52.01  ask B by A\n    52.02  tell A about B\n{give_up()}", ipv6)
    assert outcome(result) == (Outcome.TIMED_OUT, Cause.PEER_SILENT)


@pytest.mark.parametrize("ipv6", [False, True])
def test_questions_about_another_neighbour_say_nothing(ipv6: bool) -> None:
    result = told(f"{RUN}    52.01  ask C by A\n    53.01  ask C by A\n{give_up()}", ipv6)
    assert outcome(result) == (Outcome.TIMED_OUT, Cause.PEER_SILENT)


def test_path_dropped_when_the_peers_address_answers_another_flow_meanwhile() -> None:
    result = told(f"""{RUN}
    55.00  A:5001>B  PA  seq 1     ack 1  len 10
    55.01  B>A:5001  PA  seq 1     ack 11 len 10
    61.01  A>B       RA  seq 1100  ack 5000     | give-up-rst
    """)
    v = result.analysis.flows[0].verdict
    assert (v.outcome, v.cause, v.confidence) == (Outcome.TIMED_OUT, Cause.PATH_DROPPED, Confidence.LIKELY)


def newer(port: int, at: float) -> str:
    """A connection that A opens to another service of B."""
    return f"""
    {at:.3f}  A:{port}>B:443  S   seq 1
    {at + 0.001:.3f}  B:443>A:{port}  SA  seq 1  ack 2
    {at + 0.002:.3f}  A:{port}>B:443  A   seq 2  ack 2
"""


@pytest.mark.parametrize(
    ("ports", "cause"),
    [
        ((1025, 1026, 1027, 1030), Cause.PEER_SILENT),
        ((1025, 1026, 1027), Cause.PATH_DROPPED),  # so few may be in order by chance
        ((1025, 1030, 1027, 1031), Cause.PATH_DROPPED),
        ((40001, 40002, 40003, 40004), Cause.PATH_DROPPED),
    ],
)
def test_no_path_has_dropped_what_a_client_lost_that_was_started_anew(ports: tuple[int, ...], cause: Cause) -> None:
    later = "".join(newer(port, 52 + nth) for nth, port in enumerate(ports))
    result = told(f"""{OPENED}
    31.01  B>A  A   seq 4999  ack 1100  | keepalive-probe
    41.01  B>A  A   seq 4999  ack 1100  | keepalive-probe
    51.01  B>A  A   seq 4999  ack 1100  | keepalive-probe
    {later}
    61.01  B>A  RA  seq 5000  ack 1100  | give-up-rst
    """)
    v = result.analysis.flows[0].verdict
    assert (v.outcome, v.cause, v.confidence) == (Outcome.TIMED_OUT, cause, Confidence.LIKELY)
    assert (Reason.PEER_PORTS_ANEW in v.reasons) == (cause is Cause.PEER_SILENT)


@pytest.mark.parametrize("ipv6", [False, True])
def test_no_path_has_dropped_what_a_host_lost_whose_interface_was_down(ipv6: bool) -> None:
    others = "    55.02  B:5001>A  PA  seq 1     ack 1  len 10\n    56.01  B:5001>A  PA  seq 11     ack 1  len 10\n"
    claimed = told(f"{RUN}    55.01  claim B\n{others}{give_up()}", ipv6).analysis.flows[0].verdict
    assert (claimed.outcome, claimed.cause) == (Outcome.TIMED_OUT, Cause.PEER_SILENT)
    assert (claimed.confidence, Reason.PEER_ADDRESS_ANEW in claimed.reasons) == (Confidence.LIKELY, True)
    defended = told(f"{RUN}    55.01  claim B\n    55.011  tell A about B\n{others}{give_up()}", ipv6).analysis.flows[0]
    assert defended.verdict.cause is Cause.PATH_DROPPED  # a switch asked, and the host had its address
    unclaimed = (
        told(f"    0.001  claim B\n{RUN}{others}    55.01  claim A\n{give_up()}", ipv6).analysis.flows[0].verdict
    )
    assert unclaimed.cause is Cause.PATH_DROPPED


@pytest.mark.parametrize("ipv6", [False, True])
def test_that_nobody_answers_a_claim_is_as_it_should_be(ipv6: bool) -> None:
    """RFC 5227 §2.1.1, RFC 4862 §5.4: an answer would mean that another host has the address."""
    claims = "".join(f"    {second}.01  claim B\n" for second in (52, 53, 54))
    result = told(f"{RUN}{claims}{give_up()}", ipv6)
    assert outcome(result) == (Outcome.TIMED_OUT, Cause.PEER_SILENT)
    assert not result.analysis.solicitations


def test_another_flow_of_the_peer_before_the_silence_says_nothing() -> None:
    result = told(f"""
    0.000  A:5001>B  PA  seq 1     ack 1  len 10
    0.001  B>A:5001  PA  seq 1     ack 11 len 10
    {GAVE_UP.replace(" 0.000 ", " 0.002 ")}
    """)
    assert result.analysis.flows[1].verdict.cause is Cause.PEER_SILENT


@pytest.mark.parametrize("end", ["", "    52.0  end", "    61.2  end"])
def test_where_the_capture_ends_too_soon_it_is_said(end: str) -> None:
    """Given up in silence or not: with the last probe as last frame nobody can know."""
    v = verdict(told(f"{RUN}{end}"))
    assert (v.outcome, v.cause, v.errno, v.detection_delay_ns) == (Outcome.PROBING, Cause.PEER_SILENT, None, None)
    assert v.reasons[0] is Reason.RUN_GOES_ON


def test_an_overdue_probe_is_missing_or_will_never_come() -> None:
    """All spacings of a run are alike: soon after the third one something else is the matter."""
    v = verdict(told(f"{RUN}    61.5  end"))
    assert (v.outcome, v.cause, v.errno, v.reasons) == (Outcome.UNKNOWN, None, None, (Reason.PROBES_CEASED,))


def test_probing_while_the_run_goes_on() -> None:
    v = verdict(told(f"{RUN}    60.0  end"))
    assert (v.outcome, v.prober, v.errno, v.reasons[0]) == (Outcome.PROBING, 0, None, Reason.RUN_GOES_ON)


def test_timed_out_when_a_run_ceases_without_a_reset() -> None:
    """Windows and BSD give up in silence; so does Linux where its RST finds no route."""
    v = verdict(told(f"{RUN}    300.0  end"))
    assert (v.outcome, v.errno, v.confidence) == (Outcome.TIMED_OUT, "ETIMEDOUT", Confidence.LIKELY)
    assert v.reasons[0] is Reason.SILENT_AFTER_PROBES


def test_a_silent_give_up_comes_one_interval_after_the_last_probe() -> None:
    v = verdict(told(f"{RUN}    300.0  end"))
    assert v.detection_delay_ns == 60 * SECOND  # heard at 1.01, last probe at 51.01, then 10 s


def test_one_probe_may_be_followed_by_an_interval_as_long_as_the_time() -> None:
    """1800/600/3: eight minutes after the first probe nobody has given up yet."""
    one_probe = f"{OPENED}    1868.01  A>B  A   seq 1099  ack 5000  | keepalive-probe"
    assert verdict(told(f"{one_probe}\n    2400.0  end")).outcome is Outcome.PROBING
    assert verdict(told(f"{one_probe}\n    6000.0  end")).outcome is Outcome.TIMED_OUT


ONE_LOST = f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.02  B>A  A   seq 5000  ack 1100  | keepalive-answer
    71.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
"""


def test_one_more_probe_without_an_answer_may_be_lost_as_others_were() -> None:
    v = verdict(told(f"{ONE_LOST}    76.0  end"))
    assert (v.outcome, v.cause, v.prober, v.reasons) == (Outcome.UNKNOWN, None, None, (Reason.ONE_UNANSWERED,))
    v = verdict(told(f"{ONE_LOST}    81.01  A>B  A  seq 1099  ack 5000  | keepalive-probe\n    86.0  end"))
    assert (v.outcome, v.cause) == (Outcome.PROBING, Cause.PEER_SILENT)


def test_an_ack_long_after_a_probe_answers_another_that_is_missing() -> None:
    """The run of the second begins anew: it has three, and not four, probes when it is given up."""
    result = told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    31.02  B>A  A   seq 5000  ack 1100  | keepalive-answer
    61.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    76.02  B>A  A   seq 5000  ack 1100  | ack
    106.01 A>B  A   seq 1099  ack 5000  | keepalive-probe
    121.01 A>B  A   seq 1099  ack 5000  | keepalive-probe
    136.01 A>B  A   seq 1099  ack 5000  | keepalive-probe
    151.01 A>B  RA  seq 1100  ack 5000  | give-up-rst of 136.01
    """)
    probes = result.flow.ends[0].settings.tcp_keepalive_probes
    assert probes is not None
    assert probes.low <= 3 <= (probes.high or 3)


def test_probes_that_double_and_cease() -> None:
    """illumos: the interval doubles from the retransmission timeout up to a minute, and the end is silent."""
    times = [7201.01 + 2**n for n in range(1, 6)] + [7201.01 + 34 + 30 + 60 * n for n in range(6)]
    probes = "\n".join(
        f"    {time:.2f}  A>B  A  seq 1099  ack 5000  len 1  ttl 250  | keepalive-probe" for time in times
    )
    v = verdict(told(f"{OPENED.replace('ack 5000', 'ack 5000  ttl 250')}{probes}\n    9000.0  end"))
    assert (v.outcome, v.cause, v.errno) == (Outcome.TIMED_OUT, Cause.PEER_SILENT, "ETIMEDOUT")
    assert v.reasons[0] is Reason.SILENT_AFTER_PROBES
    assert v.detection_delay_ns == round((times[-1] + 60 - 1.01) * 100) * SECOND // 100


def test_probes_to_an_end_that_does_not_hear_its_acks() -> None:
    """A's own probes go unanswered for the same reason."""
    probes = "".join(f"    {at}.21  A>B  A  seq 1099  ack 5010  | keepalive-probe\n" for at in (46, 56, 66))
    v = verdict(told(f"{OPENED}{ACKED_LONGER}{probes}    76.21  A>B  RA  seq 1100  ack 5010  | give-up-rst"))
    assert (v.outcome, v.cause, v.errno) == (Outcome.TIMED_OUT, Cause.PATH_DROPPED, "ETIMEDOUT")
    assert v.reasons == (Reason.GIVE_UP_RST, Reason.ACKS_UNHEARD)


def test_giving_up_is_certain_even_when_only_that_side_was_captured() -> None:
    result = told(f"""{ONE_SIDED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    51.01  A>B  RA  seq 1100  ack 5000  | give-up-rst
    """)
    assert verdict(result).outcome is Outcome.TIMED_OUT
    assert verdict(result).detection_delay_ns is None


def test_a_peer_that_goes_on_probing_is_not_silent() -> None:
    """One way is broken: B's own probes arrive, A's are not answered."""
    v = verdict(told(f"{RUN}    55.01  B>A  A  seq 4999  ack 1100  | keepalive-probe\n{give_up()}"))
    assert (v.outcome, v.cause, v.reasons[-1]) == (Outcome.TIMED_OUT, Cause.PATH_DROPPED, Reason.PEER_STILL_SENDS)


def test_answers_that_the_prober_did_not_hear() -> None:
    v = verdict(told(f"{UNHEARD}    61.010  A>B  RA  seq 1100  ack 5000"))
    assert (v.outcome, v.cause, v.errno) == (Outcome.TIMED_OUT, Cause.PATH_DROPPED, "ETIMEDOUT")
    assert v.reasons == (Reason.GIVE_UP_RST, Reason.ANSWERS_UNHEARD)
    assert v.detection_delay_ns == 60 * SECOND


def test_a_stack_that_puts_an_octet_into_its_probes_has_no_epoll() -> None:
    """Windows, illumos: the error is the same, how the application is told of it is not; smoltcp has none."""
    octets = GAVE_UP.replace("seq 1099  ack 5000  |", "seq 1099  ack 5000  len 1  |")
    for ttl, errno in ((64, None), (120, "ETIMEDOUT"), (250, "ETIMEDOUT")):  # smoltcp, Windows, illumos
        v = verdict(told(octets.replace("ack 5000", f"ack 5000  ttl {ttl}")))
        assert (v.outcome, v.errno, v.epoll) == (Outcome.TIMED_OUT, errno, None)


def test_what_a_give_up_is_called_by_a_stack_that_sends_a_ttl_of_255_is_not_known() -> None:
    """lwIP's becomes ECONNABORTED; others are like BSD."""
    v = verdict(told(GAVE_UP.replace("ack 5000", "ack 5000  ttl 250")))
    assert (v.outcome, v.errno, v.epoll) == (Outcome.TIMED_OUT, None, None)


# Questions for a neighbour that nobody answers, and which of them a keepalive timer has asked

RECORDED = (15.032, 25.268, 35.508, 45.748, 55.988)
"""15/10/4 on Linux at 250 Hz, its peer unplugged before the first probe was due: four probes and the RST."""


def asked(times: tuple[float, ...]) -> str:
    """Three tries each, a second apart."""
    tries = (1.01 + at + nth for at in times for nth in (0, 1.02, 2.04))
    return "".join(f"    {at:.3f}  ask B by A\n" for at in tries)


def test_a_timer_that_was_never_heard_is_seen_in_what_its_host_asks() -> None:
    v = told(f"{OPENED}{asked(RECORDED)}    200.0  end").flow.verdict
    assert (v.outcome, v.cause, v.prober) == (Outcome.TIMED_OUT, Cause.LINK_DEAD, 0)
    assert (v.errno, v.epoll) == ("ETIMEDOUT", EPOLL_DEAD)
    assert v.detection_delay_ns == round(RECORDED[-1] * 1000) * SECOND // 1000
    assert v.reasons == (Reason.ASKED_BY_TIMER, Reason.SILENT_GIVE_UP, Reason.NEIGHBOUR_SILENT)


def test_as_long_as_it_asks_it_probes() -> None:
    v = told(f"{OPENED}{asked(RECORDED)}    70.0  end").flow.verdict
    assert (v.outcome, v.cause, v.errno) == (Outcome.PROBING, Cause.LINK_DEAD, None)


def test_with_another_connection_to_the_same_host_it_may_be_the_other_one_s_timer() -> None:
    other = "0 A:7000>B S seq 9\n 0.001 B>A:7000 SA seq 9 ack 10\n 0.002 A:7000>B A seq 10 ack 10\n"
    opened = OPENED.replace(" 0.000 ", " 0.0025 ")
    for flow in told(f"{other}{opened}{asked(RECORDED)}    200.0  end").analysis.flows:
        assert (flow.verdict.outcome, flow.verdict.reasons) == (Outcome.UNKNOWN, (Reason.NEIGHBOUR_SILENT,))


@pytest.mark.parametrize(
    ("times", "is_timer"),
    [
        (RECORDED, True),
        (RECORDED[:3], False),  # two intervals, and the first may be shorter
        ((10, 20, 30, 40, 50), False),  # a program
        ((10, 20.003, 30.005, 40.008), False),  # and one that sleeps
        ((9.0, 19.1, 29.5, 50.3, 91.9), False),  # data that backs off
        ((100, 222.88, 345.76, 468.64), False),  # data that has backed off
        ((7200, 7275.776, 7351.552, 7427.328), True),
        ((7200, 7258, 7319.44, 7380.88), True),  # the first probe was late, and the second on the next boundary
        ((7200, 7262, 7323.44, 7384.88), False),  # nothing makes the first interval longer
    ],
)
def test_only_what_comes_on_the_wheel_is_a_timer_s(times: tuple[float, ...], is_timer: bool) -> None:
    v = told(f"{OPENED}{asked(times)}    {2 * times[-1]}  end").flow.verdict
    assert (Reason.ASKED_BY_TIMER in v.reasons) == is_timer
    assert (v.outcome is Outcome.TIMED_OUT) == is_timer


@pytest.mark.parametrize("is_only", [True, False])
def test_questions_do_not_show_whose_run_goes_on_where_two_connections_lead_to_a_host(is_only: bool) -> None:
    other = "0 A:7000>B S seq 9\n 0.001 B>A:7000 SA seq 9 ack 10\n 0.002 A:7000>B A seq 10 ack 10\n"
    asked_later = "    67.01  ask B by A\n    68.03  ask B by A\n    69.05  ask B by A\n    70.0  end"
    text = RUN if is_only else f"{other}{RUN.replace(' 0.000 ', ' 0.0025 ')}"
    v = told(text + asked_later).analysis.flows[0 if is_only else 1].verdict
    assert v.outcome is (Outcome.PROBING if is_only else Outcome.UNKNOWN)
    assert Reason.NEIGHBOUR_SILENT in v.reasons
