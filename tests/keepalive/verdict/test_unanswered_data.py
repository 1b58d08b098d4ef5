"""What is sent again and again: transcripts, and what a person who knows all of it would say."""

import pytest

from analyzer.keepalive.verdict.values import Cause, Outcome, Reason
from tests.keepalive.tags.test_tag import OPENED
from tests.keepalive.verdict.test_judge import SECOND, outcome, verdict
from tests.transcript import told


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
    assert verdict(told(f"{WINDOW_CLOSED}    20.0  end")).outcome is Outcome.ALIVE


def test_no_window_is_closed_for_less_than_nothing() -> None:
    """The clock was set back by an hour between the first window probe and the next ones."""
    text = WINDOW_CLOSED.replace("    2.", "    3602.")
    assert told(WINDOW_CLOSED).flow.story.ends[0].window_closed_ns == 12 * SECOND
    assert told(text).flow.story.ends[0].window_closed_ns == 0
    v = verdict(told(f"{text}    300.0  end"))
    assert v.detection_delay_ns is None or v.detection_delay_ns >= 0


def test_window_probes_that_cease_may_be_lost_where_their_sender_is_far() -> None:
    """A acknowledges B's SYN after 50 ms, B that of A after 10: captured at B, which is not told that A is gone."""
    text = WINDOW_CLOSED.replace(" 0.020 ", " 0.060 ")
    v = verdict(told(f"{text}    300.0  end"))
    assert (v.outcome, v.errno, v.reasons) == (Outcome.UNKNOWN, None, (Reason.PROBES_CEASED,))


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
        (f"{ACKED}    90.0  end", (Outcome.OPEN, None, None)),  # a long round trip; an ACK arrived
        (ACKED_LONGER, (Outcome.UNDETECTED, Cause.PATH_DROPPED, None)),
        (f"{ACKED_LONGER}    90.0  end", (Outcome.UNKNOWN, None, None)),  # given up, or an ACK arrived
        (f"{ACKED_LONGER}    17.00  B>A  PA  seq 5010  ack 1100  len 10\n    90.0  end", (Outcome.OPEN, None, None)),
        (f"{ACKED_LONGER}    30.00  B>A  RA  seq 5010  ack 1100", (Outcome.CLOSED, Cause.APPLICATION, "ECONNRESET")),
    ],
)
def test_data_that_was_acknowledged_in_vain(resends: str, expected: tuple[Outcome, Cause | None, str | None]) -> None:
    """Captured at A, whose ACKs do not reach B: B's application will be told, however well all looks here."""
    v = verdict(told(OPENED + resends))
    assert (v.outcome, v.cause, v.errno) == expected
    assert (Reason.ACKS_UNHEARD in v.reasons) == (v.outcome in (Outcome.UNDETECTED, Outcome.UNKNOWN))


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_resends_that_an_ordinary_ack_answers_show_nobody_deaf(rounds: int) -> None:
    """An ACK of something new is no candidate; it ends the account of resends all the same."""
    lost = "".join(
        f"""
    {2 + at}.50  A>B  PA  seq {1100 + 10 * at}  ack 5000  len 10
    {2 + at}.70  A>B  PA  seq {1100 + 10 * at}  ack 5000  len 10  | retransmission
    {2 + at}.71  B>A  A   seq 5000  ack {1110 + 10 * at}
    """
        for at in range(rounds)
    )
    v = verdict(told(f"{OPENED}{lost}    60.0  end"))
    assert (v.outcome, v.errno, v.detection_delay_ns) == (Outcome.OPEN, None, None)


def test_a_fin_that_an_ordinary_ack_answers_shows_nobody_deaf() -> None:
    v = verdict(
        told(f"""{OPENED}
    2.50   A>B  PA  seq 1100  ack 5000  len 10
    2.70   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    2.71   B>A  A   seq 5000  ack 1110
    30.00  A>B  FA  seq 1110  ack 5000
    30.01  B>A  A   seq 5000  ack 1111
    90.00  end
    """)
    )
    assert (v.outcome, v.errno, v.detection_delay_ns) == (Outcome.OPEN, None, None)


def test_only_the_resends_since_the_other_end_was_heard_count() -> None:
    """It acknowledged the first ones, and answered in data; of the second it is not heard again."""
    v = verdict(
        told(f"""{OPENED}
    2.50   A>B  PA  seq 1100  ack 5000  len 10
    2.70   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    2.71   B>A  PA  seq 5000  ack 1110  len 5
    2.72   A>B  A   seq 1110  ack 5005
    30.00  A>B  PA  seq 1110  ack 5005  len 10
    30.20  A>B  PA  seq 1110  ack 5005  len 10  | retransmission
    30.60  A>B  PA  seq 1110  ack 5005  len 10  | retransmission
    31.40  A>B  PA  seq 1110  ack 5005  len 10  | retransmission
    90.00  end
    """)
    )
    assert (v.outcome, v.cause, v.errno) == (Outcome.TIMED_OUT, Cause.PEER_SILENT, "ETIMEDOUT")
    assert v.evidence_frames == (11, 12, 13)


def test_one_resend_of_data_may_be_none_at_all() -> None:
    """In a capture with holes what looks like it may begin at SND.UNA by chance."""
    v = verdict(
        told(f"""{OPENED}
    31.0  A>B  PA  seq 1100  ack 5000  len 10
    53.0  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    900.0  end
    """)
    )
    assert (v.outcome, v.errno) == (Outcome.OPEN, None)


def test_loss_that_was_repaired_is_alive() -> None:
    result = told(f"""{OPENED}
    31.0  A>B  PA  seq 1100  ack 5000  len 10
    31.2  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    31.6  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    31.7  B>A  A   seq 5000  ack 1110
    """)
    assert verdict(result).outcome is Outcome.ALIVE


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
