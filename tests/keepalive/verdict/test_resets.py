"""Connections that a RST ended: transcripts, and what a person who knows all of it would say."""

import pytest

from analyzer.keepalive.verdict.os_errors import EPOLL_DEAD
from analyzer.keepalive.verdict.values import Cause, Confidence, Outcome, Reason
from tests.keepalive.tags.test_tag import OPENED
from tests.keepalive.verdict.test_judge import RUN, SECOND, outcome, verdict
from tests.transcript import analyse, told, transcript


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
    result = told(
        f"""{OPENED}
    301.01  B>A  R   seq 5000  win 0  ttl 250
    301.02  A>B  R   seq 1100  win 0  ttl 250
    """,
        hops={"B": 9},
    )
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


def test_a_reset_that_no_probe_explains_is_the_applications() -> None:
    result = told(f"{OPENED}    2.00  A>B  RA  seq 1100  ack 5000")
    assert outcome(result) == (Outcome.CLOSED, Cause.APPLICATION)
    assert verdict(result).confidence is Confidence.LIKELY


@pytest.mark.parametrize("at_s", [53.5, 58.01])
def test_a_reset_off_the_grid_of_a_run_may_be_another_timers(at_s: float) -> None:
    """smoltcp resets a time after the peer was last heard, an application when it likes."""
    v = verdict(told(f"{RUN}    {at_s}  A>B  RA  seq 1100  ack 5000  | rst"))
    assert (v.outcome, v.cause, v.errno, v.reasons) == (Outcome.UNKNOWN, None, None, (Reason.RST_AMID_PROBES,))


def test_a_reset_within_a_second_of_an_answered_probe_may_be_a_timers() -> None:
    """lwIP probes at each tick once it has read a FIN, whatever is answered."""
    v = verdict(
        told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    31.02  B>A  A   seq 5000  ack 1100  | keepalive-answer
    31.51  A>B  RA  seq 1100  ack 5000
    """)
    )
    assert (v.outcome, v.reasons) == (Outcome.UNKNOWN, (Reason.RST_AMID_PROBES,))


WITHOUT_ACK = "    40.0  B>A  R  seq 5000  win 0  ipid 0"


def test_a_reset_without_ack_out_of_the_blue_answers_what_is_missing() -> None:
    v = verdict(told(f"{OPENED}{WITHOUT_ACK}"))
    assert (v.outcome, v.errno, v.reasons) == (Outcome.UNKNOWN, None, (Reason.RST_UNEXPLAINED,))


def test_where_the_capture_lacks_frames_a_reset_after_a_silence_is_not_explained() -> None:
    """Half of the handshake is missing, so that probes before the RST may be."""
    half = OPENED.replace("    0.010  B>A  SA  seq 4999  ack 1000\n", "")
    v = verdict(told(f"{half}    40.0  A>B  RA  seq 1100  ack 5000  ipid 99"))
    assert (v.outcome, v.errno, v.reasons) == (Outcome.UNKNOWN, None, (Reason.RST_UNEXPLAINED,))
    v = verdict(told(f"{OPENED}    40.0  A>B  RA  seq 1100  ack 5000  ipid 99"))
    assert (v.outcome, v.errno, v.reasons) == (Outcome.CLOSED, "ECONNRESET", (Reason.RST_BY_APPLICATION,))


@pytest.mark.parametrize("missing", ["    3.00  A>B  A  seq 1100  ack 5001", ""])
def test_a_reset_without_state_may_follow_a_fin_that_is_missing(missing: str) -> None:
    """The number of the RST is that of a FIN's successor: the server had closed, and what came later was too late."""
    v = verdict(
        told(
            f"{OPENED}{missing}\n    31.01  A>B  PA  seq 1100  ack 5001  len 9\n"
            "    31.02  B>A  R  seq 5001  win 0  ipid 0"
        )
    )
    assert (v.outcome, v.errno, v.reasons) == (Outcome.UNKNOWN, None, (Reason.RST_UNEXPLAINED,))


@pytest.mark.parametrize(
    ("before", "errno"), [("", None), ("    0.5  B>A  PA  seq 4990  ack 1100  len 10", "ECONNRESET")]
)
def test_who_had_closed_before_the_capture_began_may_have_left_the_other_in_close_wait(
    before: str, errno: str | None
) -> None:
    """EPIPE, or ECONNRESET: new data of the end that resets shows that it had not closed."""
    v = verdict(
        told(f"""
    0.000  B>A  A   seq 4990  ack 1100
    0.100  A>B  A   seq 1100  ack 4990
{before}
    1.000  A>B  A   seq 1100  ack {5000 if before else 4990}
    31.01  A>B  A   seq 1099  ack {5000 if before else 4990}  | keepalive-probe
    31.02  B>A  R   seq {5000 if before else 4990}  win 0
    """)
    )
    assert (v.outcome, v.errno) == (Outcome.RESET, errno)


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


@pytest.mark.parametrize(
    ("after", "errno"),
    [
        ("5.50  A>B  PA  seq 1100  ack 5000  len 10", "ECONNRESET"),  # it was on its way
        ("60.0  A>B  PA  seq 1100  ack 5000  len 10", None),
        ("60.0  A>B  RA  seq 1100  ack 5000", "ECONNRESET"),  # a second word of an end that has gone
    ],
)
def test_who_goes_on_sending_has_not_heard_the_reset(after: str, errno: str | None) -> None:
    v = verdict(told(f"{OPENED}    5.00  B>A  RA  seq 5000  ack 1100\n    {after}"))
    assert v.errno == errno


SCAN = """
    0.000  A>B  S   seq 999
    0.010  B>A  SA  seq 4999  ack 1000
"""


@pytest.mark.parametrize(
    "attempt",
    [
        SCAN + "    2.000  A>B  R  seq 1000  win 0  ttl 120",  # half-open: the scanner's kernel knows of no connection
        SCAN + "    2.000  B>A  R  seq 5000  win 0  ttl 250",
        "    0.000  A>B  S   seq 999\n    0.010  B>A  RA  seq 0  ack 1000  win 0  ttl 250",
        "    0.000  A>B  S   seq 999\n    1.000  A>B  S   seq 999\n    90.0  end",
        SCAN,
    ],
)
def test_what_never_opened_is_no_connection_that_was_reset(attempt: str) -> None:
    result = told(attempt)
    v = verdict(result)
    assert (v.outcome, v.cause, v.errno) == (Outcome.UNKNOWN, None, None)
    assert v.reasons == (Reason.NEVER_OPENED,)
    assert result.analysis.flows.attempts() == 1


def test_where_nothing_but_a_reset_was_captured_nothing_is_known() -> None:
    v = verdict(told("    0.000  A>B  RA  seq 999  ack 5000\n    60.0  end"))
    assert (v.outcome, v.cause, v.errno, v.reasons) == (Outcome.UNKNOWN, None, None, (Reason.ONLY_RESETS,))


def test_an_empty_segment_that_is_refused_is_a_scan_or_the_rest_of_something() -> None:
    """nmap's ACK scan."""
    v = verdict(told("    0.000  A>B  A  seq 999  ack 5000\n    0.001  B>A  R  seq 5000  win 0"))
    assert (v.outcome, v.cause, v.errno, v.reasons) == (Outcome.UNKNOWN, None, None, (Reason.ONLY_RESETS,))


def test_nobody_on_the_path_is_blamed_before_both_ends_have_spoken() -> None:
    """What resets right after the handshake may be the end itself, whose SYN-ACK came through a proxy."""
    v = verdict(told(f"{SCAN}    0.020  A>B  A  seq 1000  ack 5000\n    0.030  B>A  R  seq 5000  win 0  ttl 250"))
    assert (v.outcome, v.cause, v.reasons) == (Outcome.RESET, None, (Reason.RST_UNASKED, Reason.RST_UNDECIDED))


def test_an_application_that_aborts_has_not_forgotten_the_connection() -> None:
    """A RST a millisecond after its own data, for what was still coming in."""
    result = told(f"""{OPENED}
    31.000  B>A  PA  seq 5000  ack 1100  len 10
    31.001  A>B  PA  seq 1100  ack 5010  len 10
    31.002  B>A  R   seq 5010  win 0
    """)
    assert outcome(result) == (Outcome.CLOSED, Cause.APPLICATION)


def test_a_reset_with_ack_for_a_probe_is_not_of_a_host_without_the_connection() -> None:
    """A host without it answers an ACK by a RST without (RFC 9293 §3.10.7.1)."""
    v = verdict(
        told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000            | keepalive-probe
    31.02  B>A  RA  seq 5000  ack 1100  win 0     | rst of 31.01
    """)
    )
    assert (v.outcome, v.cause, v.errno) == (Outcome.RESET, None, "ECONNRESET")
    assert v.reasons == (Reason.RST_ANSWERS_PROBE, Reason.RST_UNDECIDED)


def test_a_server_s_own_reset_whose_ttl_varies() -> None:
    """114 between its own 113 and 115: routes change."""
    result = told("""
    0.000   A>B  S   seq 999
    0.010   B>A  SA  seq 4999  ack 1000  ttl 113
    0.020   A>B  A   seq 1000  ack 5000
    0.030   A>B  PA  seq 1000  ack 5000  len 100
    0.040   B>A  PA  seq 5000  ack 1100  len 100  ttl 115
    0.050   A>B  A   seq 1100  ack 5100
    57.500  B>A  RA  seq 5100  ack 1100  win 0    ttl 114
    """)
    assert outcome(result) == (Outcome.CLOSED, Cause.APPLICATION)
    assert not result.analysis.path_limits or result.analysis.path_limits[0].failed_ns is None


# Where the text of a capture leaves out TTLs


def test_whose_reset_it_was_is_a_guess_without_its_distance() -> None:
    result = told("""
    0.00  A>B  S   seq 99  tsval 7  ttl 0
    0.01  B>A  SA  seq 499  ack 100  tsval 9  ttl 0
    0.02  A>B  A   seq 100  ack 500  tsval 8  ttl 0
    9.00  B>A  RA  seq 500  ack 100  tsval 9  ttl 0  | rst
    """)
    v = verdict(result)
    assert (v.outcome, v.cause, v.errno, v.confidence) == (Outcome.RESET, None, "ECONNRESET", Confidence.GUESS)


def test_without_its_distance_a_reset_amid_its_end_s_probes_may_be_a_timer_s() -> None:
    result = told("""
    0.00   A>B  S   seq 99  ttl 0
    0.01   B>A  SA  seq 499  ack 100  ttl 0
    0.02   A>B  A   seq 100  ack 500  ttl 0
    28.02  A>B  A  seq 99  ack 500  len 1  ttl 0  | keepalive-probe
    28.03  B>A  A   seq 500  ack 100  ttl 0  | keepalive-answer of 28.02
    56.03  A>B  A  seq 99  ack 500  len 1  ttl 0  | keepalive-probe
    84.03  A>B  A  seq 99  ack 500  len 1  ttl 0  | keepalive-probe
    88.03  A>B  RA  seq 100  ack 500  ttl 0  | rst
    """)
    v = verdict(result)
    assert (v.outcome, v.errno, v.reasons) == (Outcome.UNKNOWN, None, (Reason.RST_AMID_PROBES,))


# What may be a timer's


IN_STEP = """
    0.00   A>B  A  seq 99  ack 500   {stamp}        | keepalive-probe
    0.01   B>A  A  seq 500  ack 100  {peer}         | keepalive-answer of 0.00
    2.00   A>B  A  seq 99  ack 500   {stamp}        | keepalive-probe
    2.01   B>A  A  seq 500  ack 100  {peer}         | keepalive-answer of 2.00
    4.00   A>B  A  seq 99  ack 500   {stamp}        | keepalive-probe
    4.01   B>A  A  seq 500  ack 100  {peer}         | keepalive-answer of 4.00
    {at}   A>B  RA  seq 100  ack 500                | rst
"""


@pytest.mark.parametrize(
    ("at", "reasons"), [("6.01", (Reason.RST_AMID_PROBES,)), ("7.50", (Reason.RST_BY_APPLICATION,))]
)
def test_a_reset_in_step_with_its_end_s_probes_may_be_a_timer_s(at: str, reasons: tuple[Reason, ...]) -> None:
    """lwIP that hears no answer resets an interval after its last probe; its segments carry no timestamps to tell."""
    assert verdict(told(IN_STEP.format(at=at, stamp="", peer=""))).reasons == reasons


@pytest.mark.parametrize(
    "only",
    [
        "10.0  B>A  FA  seq 500  ack 100   | fin\n    10.01  A>B  R  seq 100  | rst",
        "10.0  A>B  A  seq 99  ack 500  len 1\n    14.0  A>B  RA  seq 100  ack 500  | rst",
    ],
)
def test_where_an_end_shows_nothing_but_a_reset_its_story_is_not_in_the_capture(only: str) -> None:
    v = analyse(transcript(only)).flows[0].verdict
    assert (v.outcome, v.cause, v.errno, v.reasons) == (Outcome.UNKNOWN, None, None, (Reason.RST_UNEXPLAINED,))
