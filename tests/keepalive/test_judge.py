"""What became of a connection: transcripts, and the outcome that a person who knows all of it would give."""

import pytest

from analyzer.keepalive.application import EPOLL_DEAD
from analyzer.keepalive.verdict import Cause, Confidence, Outcome, Reason, Verdict
from tests.keepalive.test_gaps import UNHEARD
from tests.keepalive.test_tags import OPENED
from tests.transcript import Told, told

SECOND = 10**9


def verdict(result: Told) -> Verdict:
    return result.flow.verdict


def outcome(result: Told) -> tuple[Outcome, Cause | None]:
    return verdict(result).outcome, verdict(result).cause


RUN = f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    51.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
"""
GAVE_UP = f"{RUN}    61.01  A>B  RA  seq 1100  ack 5000  | give-up-rst"


# ---- the timer gave up


def test_giving_up_on_a_silent_peer() -> None:
    v = verdict(told(GAVE_UP))
    assert (v.outcome, v.cause, v.prober) == (Outcome.TIMED_OUT, Cause.PEER_SILENT, 0)
    assert (v.errno, v.epoll, v.confidence) == ("ETIMEDOUT", EPOLL_DEAD, Confidence.CERTAIN)
    assert v.detection_delay_ns == 60 * SECOND  # from B's ACK at 1.01
    assert v.evidence_frames == (6, 7, 8, 9)
    assert v.reasons == (Reason.GIVE_UP_RST, Reason.PEER_HOST_SILENT)


def test_giving_up_while_routers_say_unreachable() -> None:
    """Linux ignores ICMP errors about probes, which are not in flight: ETIMEDOUT all the same (tcp_v4_err)."""
    v = verdict(told(f"{RUN}    54.01  icmp host-unreachable about A>B seq 1099  | icmp-unreachable\n" + give_up()))
    assert (v.outcome, v.cause, v.errno) == (Outcome.UNREACHABLE, Cause.PATH_UNREACHABLE, "ETIMEDOUT")
    assert Reason.ICMP_DISCARDED in v.reasons


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


def test_another_flow_of_the_peer_before_the_silence_says_nothing() -> None:
    result = told(f"""
    0.000  A:5001>B  PA  seq 1     ack 1  len 10
    0.001  B>A:5001  PA  seq 1     ack 11 len 10
    {GAVE_UP.replace(" 0.000 ", " 0.002 ")}
    """)
    assert result.analysis.flows[1].verdict.cause is Cause.PEER_SILENT


@pytest.mark.parametrize("end", ["", "    52.0  end", "    61.5  end"])
def test_where_the_capture_ends_too_soon_it_is_said(end: str) -> None:
    """Given up in silence or not: with the last probe as last frame nobody can know."""
    v = verdict(told(f"{RUN}{end}"))
    assert (v.outcome, v.cause, v.errno, v.detection_delay_ns) == (Outcome.PROBING, Cause.PEER_SILENT, None, None)
    assert v.reasons[0] is Reason.RUN_GOES_ON


# ---- resets


def test_a_peer_that_lost_its_state_resets_the_probe() -> None:
    result = told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000        | keepalive-probe
    31.02  B>A  R  seq 5000  win 0  ipid 0   | rst of 31.01
    """)
    v = verdict(result)
    assert (v.outcome, v.cause, v.errno, v.prober) == (Outcome.RESET, Cause.PEER_LOST_STATE, "ECONNRESET", 0)
    assert v.evidence_frames == (6, 7)
    assert v.detection_delay_ns == 30_010_000_000
    assert v.confidence is Confidence.CERTAIN


def test_a_reset_with_a_foreign_ttl_comes_from_the_path() -> None:
    result = told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000        | keepalive-probe
    31.02  B>A  R  seq 5000  win 0  ttl 250  | rst of 31.01
    """)
    assert outcome(result) == (Outcome.RESET, Cause.PATH_RESET)
    assert verdict(result).confidence is Confidence.LIKELY


def test_a_reset_that_is_foreign_in_several_fields_certainly_is() -> None:
    result = told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000        | keepalive-probe
    31.02  B>A  R  seq 5000  win 8192  ttl 250  ipid 40000  | rst of 31.01
    """)
    assert outcome(result) == (Outcome.RESET, Cause.PATH_RESET)
    assert verdict(result).confidence is Confidence.CERTAIN
    assert Reason.RST_DIFFERS_IN_MORE in verdict(result).reasons


def test_a_reset_from_the_peer_s_distance_with_something_odd_is_likely_its_own() -> None:
    result = told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000           | keepalive-probe
    31.02  B>A  R  seq 5000  win 8192  ipid 0   | rst of 31.01
    """)
    assert outcome(result) == (Outcome.RESET, Cause.PEER_LOST_STATE)
    assert verdict(result).confidence is Confidence.LIKELY


def test_a_box_that_resets_what_is_idle_unasked() -> None:
    """At expiry it tells both ends, in each other's name."""
    result = told(f"""{OPENED}
    301.01  B>A  R   seq 5000  win 0  ttl 250
    301.02  A>B  R   seq 1100  win 0  ttl 250
    """)
    v = verdict(result)
    assert (v.outcome, v.cause, v.errno) == (Outcome.RESET, Cause.PATH_RESET, "ECONNRESET")
    assert v.detection_delay_ns == 300 * SECOND
    [limit] = result.analysis.path_limits
    assert (limit.failed_ns, limit.on_expiry) == (300 * SECOND, "rst")


def test_the_same_packet_seen_on_two_hops_has_two_distances() -> None:
    """Captured with -i any on a router: every segment twice, one hop apart; so is the RST."""
    result = told(f"""{OPENED}
    20.0000  B>A  PA  seq 5000  ack 1100  len 10  ipid 900
    20.0001  B>A  PA  seq 5000  ack 1100  len 10  ipid 900  ttl 63  | duplicate-frame
    20.0100  A>B  A   seq 1100  ack 5010
    51.0100  A>B  A   seq 1099  ack 5010                     | keepalive-probe
    51.0200  B>A  R   seq 5010  win 0  ipid 0                | rst of 51.0100
    """)
    assert verdict(result).cause is Cause.PEER_LOST_STATE


def test_data_to_a_peer_that_lost_its_state_is_reset() -> None:
    result = told(f"""{OPENED}
    31.01  A>B  PA  seq 1100  ack 5000  len 10
    31.02  B>A  R   seq 5000  win 0
    """)
    v = verdict(result)
    assert (v.outcome, v.cause, v.reasons[0]) == (Outcome.RESET, Cause.PEER_LOST_STATE, Reason.RST_WITHOUT_STATE)


# ---- closed


def test_fin_from_both_ends_closes() -> None:
    result = told(f"""{OPENED}
    2.00  A>B  FA  seq 1100  ack 5000
    2.01  B>A  FA  seq 5000  ack 1101
    2.02  A>B  A   seq 1101  ack 5001
    """)
    assert outcome(result) == (Outcome.CLOSED, Cause.APPLICATION)
    assert (verdict(result).errno, verdict(result).reasons) == (None, (Reason.FIN_BOTH,))
    assert verdict(result).evidence_frames == (6, 7)


def test_a_reset_that_no_probe_explains_is_the_applications() -> None:
    result = told(f"{OPENED}    2.00  A>B  RA  seq 1100  ack 5000")
    assert outcome(result) == (Outcome.CLOSED, Cause.APPLICATION)
    assert verdict(result).confidence is Confidence.LIKELY


def test_a_reset_off_the_grid_of_a_run_closes_too() -> None:
    result = told(f"{RUN}    53.50  A>B  RA  seq 1100  ack 5000  | rst")
    assert outcome(result) == (Outcome.CLOSED, Cause.APPLICATION)


def test_a_connection_closed_after_an_unanswered_probe_is_closed() -> None:
    result = told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    35.00  A>B  FA  seq 1100  ack 5000
    35.01  B>A  FA  seq 5000  ack 1101  | fin
    35.02  A>B  A   seq 1101  ack 5001
    """)
    assert outcome(result) == (Outcome.CLOSED, Cause.APPLICATION)


# ---- still open, or nobody knows


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


def test_probes_that_double_and_cease() -> None:
    """illumos: the interval doubles from the retransmission timeout up to a minute, and the end is silent."""
    times = [7201.01 + 2**n for n in range(1, 6)] + [7201.01 + 34 + 30 + 60 * n for n in range(6)]
    probes = "\n".join(f"    {time:.2f}  A>B  A  seq 1099  ack 5000  len 1  | keepalive-probe" for time in times)
    v = verdict(told(f"{OPENED}{probes}\n    9000.0  end"))
    assert (v.outcome, v.cause, v.errno) == (Outcome.TIMED_OUT, Cause.PEER_SILENT, "ETIMEDOUT")
    assert v.reasons[0] is Reason.SILENT_AFTER_PROBES
    assert v.detection_delay_ns == round((times[-1] + 60 - 1.01) * 100) * SECOND // 100


def test_a_run_that_the_peer_ends_is_alive() -> None:
    v = verdict(told(f"{RUN}    51.02  B>A  A  seq 5000  ack 1100  | keepalive-answer"))
    assert (v.outcome, v.prober, v.reasons) == (Outcome.ALIVE, 0, (Reason.PROBES_IGNORED,))
    assert v.evidence_frames == (9,)


def test_a_probe_half_a_second_after_an_answer_need_not_be_answered() -> None:
    """Linux answers one empty segment outside of the window in 500 ms (tcp_oow_rate_limited): no sign of death."""
    probed = f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000         | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100         | keepalive-answer of 31.01
    31.31  A>B  A  seq 1099  ack 5000{{}}  | keepalive-probe
    {{}}  end
    """
    v = verdict(told(probed.format("", "600.0")))
    assert (v.outcome, v.reasons) == (Outcome.ALIVE, (Reason.PROBES_ANSWERED,))
    assert verdict(told(probed.format("  len 1", "600.0"))).outcome is Outcome.TIMED_OUT


def test_a_peer_that_answers_data_but_no_probes_is_alive() -> None:
    """uIP and Contiki take no notice of an empty segment outside of the window."""
    v = verdict(
        told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000          | keepalive-probe
    41.01  A>B  A   seq 1099  ack 5000          | keepalive-probe
    45.00  A>B  PA  seq 1100  ack 5000  len 10
    45.01  B>A  A   seq 5000  ack 1110
    90.00  end
    """)
    )
    assert (v.outcome, v.reasons) == (Outcome.ALIVE, (Reason.PROBES_IGNORED,))


def test_a_run_that_acknowledged_data_ends_is_alive() -> None:
    result = told(f"""{RUN}
    55.000  A>B  PA  seq 1100  ack 5000  len 10
    55.010  B>A  A   seq 5000  ack 1110
    """)
    assert verdict(result).outcome is Outcome.ALIVE


def test_alive_without_any_probe() -> None:
    v = verdict(told(f"{OPENED}    60.0  end"))
    assert (v.outcome, v.prober, v.reasons) == (Outcome.ALIVE, None, (Reason.NO_PROBE_DUE,))


def test_a_peer_with_a_closed_window_is_alive() -> None:
    """Zero window probes that are answered: a slow reader, no dead peer."""
    result = told(f"""{OPENED}
    2.00  B>A  A  seq 5000  ack 1100  win 0  | window-update
    2.20  A>B  A  seq 1099  ack 5000         | zero-window-probe
    2.21  B>A  A  seq 5000  ack 1100  win 0  | zero-window-answer
    7.20  A>B  A  seq 1099  ack 5000         | zero-window-probe
    7.21  B>A  A  seq 5000  ack 1100  win 0  | zero-window-answer
    """)
    assert verdict(result).outcome is Outcome.ALIVE


WINDOW_CLOSED = f"""{OPENED}
    2.00  B>A  A  seq 5000  ack 1100  win 0  | window-update
    2.20  A>B  A  seq 1099  ack 5000         | zero-window-probe
    2.21  B>A  A  seq 5000  ack 1100  win 0  | zero-window-answer
    6.20  A>B  A  seq 1099  ack 5000         | zero-window-probe
    6.21  B>A  A  seq 5000  ack 1100  win 0  | zero-window-answer
    14.20  A>B  A  seq 1099  ack 5000        | zero-window-probe
    14.21  B>A  A  seq 5000  ack 1100  win 0 | zero-window-answer
"""


def test_a_user_timeout_behind_a_closed_window() -> None:
    """tcp_probe_timer gives up in silence, though every probe was answered."""
    v = verdict(told(f"{WINDOW_CLOSED}    300.0  end"))
    assert (v.outcome, v.cause, v.errno) == (Outcome.TIMED_OUT, None, "ETIMEDOUT")
    assert v.reasons == (Reason.WINDOW_STAYED_CLOSED, Reason.SILENT_GIVE_UP)
    assert v.detection_delay_ns == 28 * SECOND  # from the first probe to when the next was due
    assert verdict(told(f"{WINDOW_CLOSED}    30.0  end")).outcome is Outcome.ALIVE


def test_window_probes_that_cease_may_be_lost_where_their_sender_is_far() -> None:
    """A acknowledges B's SYN after 50 ms, B that of A after 10: captured at B, which is not told that A is gone."""
    text = WINDOW_CLOSED.replace(" 0.020 ", " 0.060 ")
    v = verdict(told(f"{text}    300.0  end"))
    assert (v.outcome, v.errno, v.reasons) == (Outcome.UNDETECTED, None, (Reason.PROBES_CEASED,))


def test_undetected_while_data_is_sent_again_and_again() -> None:
    """Keepalive does not run with data in flight; the retransmission timer has not given up yet."""
    result = told(f"""{OPENED}
    31.0  A>B  PA  seq 1100  ack 5000  len 10
    31.2  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    31.6  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    32.5  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    """)
    v = verdict(result)
    assert (v.outcome, v.errno, v.reasons[0]) == (Outcome.UNDETECTED, None, Reason.DATA_UNANSWERED)
    assert v.evidence_frames == (7, 8, 9)


def test_data_given_up_in_silence_is_timed_out() -> None:
    """tcp_write_timeout ends without a RST; no stack waits longer than two minutes between resends."""
    result = told(f"""{OPENED}
    31.0   A>B  PA  seq 1100  ack 5000  len 10
    31.2   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    31.6   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    900.0  end
    """)
    assert outcome(result) == (Outcome.TIMED_OUT, Cause.PEER_SILENT)
    assert verdict(result).errno == "ETIMEDOUT"
    assert Reason.SILENT_GIVE_UP in verdict(result).reasons
    assert verdict(result).detection_delay_ns == 33_590_000_000  # heard at 1.01; the next resend was due by 34.6


def test_no_stack_waits_longer_than_two_minutes_for_the_next_resend() -> None:
    resends = "".join(
        f"    {31 + at}.0  A>B  PA  seq 1100  ack 5000  len 10  | retransmission\n" for at in (60, 180, 300)
    )
    v = verdict(told(f"{OPENED}    31.0  A>B  PA  seq 1100  ack 5000  len 10\n{resends}    1000.0  end"))
    assert v.detection_delay_ns == (31 + 300 + 120) * SECOND - 1_010_000_000


@pytest.mark.parametrize(
    ("name", "ipv6", "errno"),
    [
        ("net-unreachable", False, "ENETUNREACH"),
        ("host-unreachable", False, "EHOSTUNREACH"),
        ("ttl-exceeded", False, "EHOSTUNREACH"),
        ("net-unreachable", True, "ENETUNREACH"),
        ("host-unreachable", True, "EHOSTUNREACH"),
        ("prohibited", True, "EACCES"),
    ],
)
def test_data_given_up_reports_what_icmp_said_about_it(name: str, ipv6: bool, errno: str) -> None:
    """Quoted data is in flight, so that Linux remembers the error (icmp_err_convert, icmpv6 tab_unreach)."""
    text = f"""{OPENED}
    31.0   A>B  PA  seq 1100  ack 5000  len 10
    31.2   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    31.3   icmp {name} about A>B seq 1100       | icmp-unreachable
    31.6   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    900.0  end
    """
    v = verdict(told(text, ipv6))
    assert (v.outcome, v.cause, v.errno) == (Outcome.UNREACHABLE, Cause.PATH_UNREACHABLE, errno)


ACKED = """
    10.00  B>A  PA  seq 5000  ack 1100  len 10
    10.01  A>B  A   seq 1100  ack 5010
    10.20  B>A  PA  seq 5000  ack 1100  len 10  | retransmission
    10.21  A>B  A   seq 1100  ack 5010
    10.60  B>A  PA  seq 5000  ack 1100  len 10  | retransmission
    10.61  A>B  A   seq 1100  ack 5010
    11.40  B>A  PA  seq 5000  ack 1100  len 10  | retransmission
    11.41  A>B  A   seq 1100  ack 5010
"""
ACKED_LONGER = f"""{ACKED}
    13.00  B>A  PA  seq 5000  ack 1100  len 10  | retransmission
    13.01  A>B  A   seq 1100  ack 5010
    16.20  B>A  PA  seq 5000  ack 1100  len 10  | retransmission
    16.21  A>B  A   seq 1100  ack 5010
"""


@pytest.mark.parametrize(
    ("resends", "expected"),
    [
        (ACKED, (Outcome.UNDETECTED, Cause.PATH_DROPPED, None)),
        (f"{ACKED}    90.0  end", (Outcome.ALIVE, None, None)),  # a long round trip; an ACK arrived
        (ACKED_LONGER, (Outcome.UNDETECTED, Cause.PATH_DROPPED, None)),
        (f"{ACKED_LONGER}    90.0  end", (Outcome.TIMED_OUT, Cause.PATH_DROPPED, "ETIMEDOUT")),
        (f"{ACKED_LONGER}    17.00  B>A  PA  seq 5010  ack 1100  len 10\n    90.0  end", (Outcome.ALIVE, None, None)),
        (f"{ACKED_LONGER}    30.00  B>A  RA  seq 5010  ack 1100", (Outcome.CLOSED, Cause.APPLICATION, "ECONNRESET")),
    ],
)
def test_data_that_was_acknowledged_in_vain(resends: str, expected: tuple[Outcome, Cause | None, str | None]) -> None:
    """Captured at A, whose ACKs do not reach B: B's application will be told, however well all looks here."""
    v = verdict(told(OPENED + resends))
    assert (v.outcome, v.cause, v.errno) == expected
    assert (Reason.ACKS_UNHEARD in v.reasons) == (v.cause is Cause.PATH_DROPPED)


def test_probes_to_an_end_that_does_not_hear_its_acks() -> None:
    """A's own probes go unanswered for the same reason."""
    probes = "".join(f"    {at}.21  A>B  A  seq 1099  ack 5010  | keepalive-probe\n" for at in (46, 56, 66))
    v = verdict(told(f"{OPENED}{ACKED_LONGER}{probes}    76.21  A>B  RA  seq 1100  ack 5010  | give-up-rst"))
    assert (v.outcome, v.cause, v.errno) == (Outcome.TIMED_OUT, Cause.PATH_DROPPED, "ETIMEDOUT")
    assert v.reasons == (Reason.GIVE_UP_RST, Reason.ACKS_UNHEARD)


def test_loss_that_was_repaired_is_alive() -> None:
    result = told(f"""{OPENED}
    31.0  A>B  PA  seq 1100  ack 5000  len 10
    31.2  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    31.6  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    31.7  B>A  A   seq 5000  ack 1110
    """)
    assert verdict(result).outcome is Outcome.ALIVE


ONE_SIDED = """
    0.000  A>B  S   seq 999
    0.020  A>B  A   seq 1000  ack 5000
    1.000  A>B  PA  seq 1000  ack 5000  len 100
"""


def test_unknown_when_one_side_was_not_captured() -> None:
    v = verdict(told(f"{ONE_SIDED}    2.000  A>B  A   seq 1100  ack 5100"))
    assert (v.outcome, v.cause, v.reasons) == (Outcome.UNKNOWN, None, (Reason.ONE_SIDED,))


@pytest.mark.parametrize("end", ["62.0", "1000.0"])
def test_unknown_when_the_side_that_would_answer_probes_was_not_captured(end: str) -> None:
    """A acknowledges a SYN that is not in the capture: silence of B proves nothing."""
    result = told(f"""{ONE_SIDED}
    31.01  A>B  A  seq 1099  ack 5000  | keepalive-probe
    61.05  A>B  A  seq 1099  ack 5000  | keepalive-probe
    {end}  end
    """)
    assert verdict(result).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("end", ["40.0", "1000.0"])
def test_unknown_when_the_side_that_would_acknowledge_data_was_not_captured(end: str) -> None:
    result = told(f"""{ONE_SIDED}
    31.0  A>B  PA  seq 1100  ack 5000  len 10
    31.2  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    31.6  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    {end}  end
    """)
    assert verdict(result).outcome is Outcome.UNKNOWN


def test_giving_up_is_certain_even_when_only_that_side_was_captured() -> None:
    result = told(f"""{ONE_SIDED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    51.01  A>B  RA  seq 1100  ack 5000  | give-up-rst
    """)
    assert verdict(result).outcome is Outcome.TIMED_OUT
    assert verdict(result).detection_delay_ns is None


# ---- who hears what


def test_a_peer_that_goes_on_probing_is_not_silent() -> None:
    """One way is broken: B's own probes arrive, A's are not answered."""
    v = verdict(told(f"{RUN}    55.01  B>A  A  seq 4999  ack 1100  | keepalive-probe\n{give_up()}"))
    assert (v.outcome, v.cause, v.reasons[-1]) == (Outcome.TIMED_OUT, Cause.PATH_DROPPED, Reason.PEER_STILL_SENDS)


def test_answers_that_the_prober_did_not_hear() -> None:
    v = verdict(told(f"{UNHEARD}    61.010  A>B  RA  seq 1100  ack 5000"))
    assert (v.outcome, v.cause, v.errno) == (Outcome.TIMED_OUT, Cause.PATH_DROPPED, "ETIMEDOUT")
    assert v.reasons == (Reason.GIVE_UP_RST, Reason.ANSWERS_UNHEARD)
    assert v.detection_delay_ns == 60 * SECOND


@pytest.mark.parametrize(("end", "expected"), [("90.0", Outcome.ALIVE), ("160.0", Outcome.UNDETECTED)])
def test_a_prober_that_ceases_has_gone(end: str, expected: Outcome) -> None:
    """Probed every 30 s; the other end does not probe and does not find out."""
    v = verdict(
        told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100  | keepalive-answer
    61.02  A>B  A  seq 1099  ack 5000  | keepalive-probe
    61.03  B>A  A  seq 5000  ack 1100  | keepalive-answer
    {end}  end
    """)
    )
    assert v.outcome is expected
    assert (Reason.PROBES_CEASED in v.reasons) == (expected is Outcome.UNDETECTED)


# ---- what the application is told


CLOSE_WAIT = f"""{OPENED}
    2.00   B>A  FA  seq 5000  ack 1100
    2.01   A>B  A   seq 1100  ack 5001
    31.01  A>B  A   seq 1099  ack 5001  | keepalive-probe
"""


def test_a_reset_in_close_wait_is_a_broken_pipe() -> None:
    """tcp_input.c tcp_reset."""
    v = verdict(told(f"{CLOSE_WAIT}    31.02  B>A  R  seq 5001  win 0  ipid 0  | rst of 31.01"))
    assert (v.outcome, v.cause, v.errno) == (Outcome.RESET, Cause.PEER_LOST_STATE, "EPIPE")


SHUT_DOWN = """2.00  A>B  FA  seq 1100  ack 5000
    3.00  B>A  PA  seq 5000  ack 1101  len 10
    3.01  A>B  A   seq 1101  ack 5010
    """


def test_a_reset_by_the_path_is_not_felt_by_who_has_closed() -> None:
    closed = f"{OPENED}    2.00  A>B  FA  seq 1100  ack 5000\n    2.01  B>A  A  seq 5000  ack 1101\n"
    v = verdict(told(f"{closed}    9.00  B>A  R  seq 5000  win 8192  ttl 250  ipid 7777"))
    assert (v.outcome, v.cause, v.errno, v.epoll) == (Outcome.RESET, Cause.PATH_RESET, None, None)


@pytest.mark.parametrize(
    ("before", "reset", "errno"),
    [
        ("", "5.00  B>A  RA  seq 5000  ack 1100", "ECONNRESET"),
        ("2.00  B>A  FA  seq 5000  ack 1100", "5.00  B>A  RA  seq 5001  ack 1100", "EPIPE"),
        ("2.00  A>B  FA  seq 1100  ack 5000", "5.00  B>A  RA  seq 5000  ack 1101", None),  # A has closed: nobody asks
        (SHUT_DOWN, "5.00  B>A  RA  seq 5010  ack 1101", "ECONNRESET"),  # it reads on, in FIN_WAIT2
        (f"{SHUT_DOWN}4.00  B>A  FA  seq 5010  ack 1101", "5.00  B>A  RA  seq 5011  ack 1101", None),
    ],
)
def test_an_application_that_closes_at_once_is_felt_by_the_other(before: str, reset: str, errno: str | None) -> None:
    v = verdict(told(f"{OPENED}    {before}\n    {reset}"))
    assert (v.outcome, v.cause, v.errno) == (Outcome.CLOSED, Cause.APPLICATION, errno)
    assert v.epoll == (EPOLL_DEAD if errno else None)


def test_a_reset_by_a_prober_that_nobody_hears_is_not_felt() -> None:
    """Off the grid of its own probes: its application gave up, and the path was already dead."""
    v = verdict(told(f"{RUN}    58.01  A>B  RA  seq 1100  ack 5000"))
    assert (v.outcome, v.errno) == (Outcome.CLOSED, None)


RESENT = f"""{OPENED}
    31.0  A>B  PA  seq 1100  ack 5000  len 10
    31.2  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    31.6  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    32.4  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
"""


@pytest.mark.parametrize(
    ("asked", "errno"),
    [((34.0, 35.0, 36.0), "ETIMEDOUT"), ((34.0, 35.0, 36.0, 38.8, 39.8, 40.8), "EHOSTUNREACH")],
)
def test_data_that_waits_for_a_neighbour_in_vain(asked: tuple[float, ...], errno: str) -> None:
    """Sent as long as the old entry is tried; asked for again it is thrown away with an error of the host's own."""
    asking = "".join(f"    {at}  ask B by A\n" for at in asked)
    v = verdict(told(f"{RESENT}{asking}    120.0  end"))
    assert (v.outcome, v.cause, v.errno) == (Outcome.TIMED_OUT, Cause.LINK_DEAD, errno)


def test_window_probes_that_wait_for_a_neighbour_end_in_a_timeout() -> None:
    """The host's own error quotes a number before what is in flight, as a router's does."""
    asking = "".join(f"    {at}  ask B by A\n" for at in (8.0, 9.0, 10.0, 14.0, 15.0, 16.0))
    v = verdict(
        told(f"""{OPENED}
    2.00  B>A  A  seq 5000  ack 1100  win 0  | window-update
    2.20  A>B  A  seq 1099  ack 5000         | zero-window-probe
    2.60  A>B  A  seq 1099  ack 5000         | zero-window-probe
{asking}    120.0  end
    """)
    )
    assert (v.outcome, v.cause, v.errno) == (Outcome.TIMED_OUT, Cause.LINK_DEAD, "ETIMEDOUT")


def test_errors_about_window_probes_are_not_what_the_application_sees() -> None:
    v = verdict(
        told(f"""{OPENED}
    2.00   B>A  A  seq 5000  ack 1100  win 0            | window-update
    2.20   A>B  A  seq 1099  ack 5000                   | zero-window-probe
    2.21   icmp host-unreachable about A>B seq 1099     | icmp-unreachable
    2.60   A>B  A  seq 1099  ack 5000                   | zero-window-probe
    2.61   icmp host-unreachable about A>B seq 1099     | icmp-unreachable
    60.0   end
    """)
    )
    assert (v.outcome, v.cause, v.errno) == (Outcome.UNREACHABLE, Cause.PATH_UNREACHABLE, "ETIMEDOUT")


def test_one_window_probe_after_a_long_wait_is_enough() -> None:
    """The first was answered: what comes four seconds later is no first try."""
    v = verdict(
        told(f"""{OPENED}
    2.00  B>A  A  seq 5000  ack 1100  win 0  | window-update
    2.20  A>B  A  seq 1099  ack 5000         | zero-window-probe
    2.21  B>A  A  seq 5000  ack 1100  win 0  | zero-window-answer
    6.20  A>B  A  seq 1099  ack 5000         | zero-window-probe
    60.0  end
    """)
    )
    assert (v.outcome, v.cause, v.errno) == (Outcome.TIMED_OUT, Cause.PEER_SILENT, "ETIMEDOUT")


def test_a_stack_that_puts_an_octet_into_its_probes_has_no_epoll() -> None:
    """Windows, illumos: the error is the same, how the application is told of it is not."""
    octets = GAVE_UP.replace("seq 1099  ack 5000  |", "seq 1099  ack 5000  len 1  |")
    v = verdict(told(octets))
    assert (v.outcome, v.errno, v.epoll) == (Outcome.TIMED_OUT, "ETIMEDOUT", None)
