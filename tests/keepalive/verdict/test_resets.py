"""Connections that a RST ended: transcripts, and what a person who knows all of it would say."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from analyzer.keepalive.verdict.os_errors import EPOLL_DEAD
from analyzer.keepalive.verdict.values import Cause, Confidence, Outcome, Reason, Verdict
from tests.keepalive.tags.test_tag import OPENED
from tests.keepalive.verdict.test_judge import RUN, SECOND, outcome, verdict
from tests.transcript import told


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


# What gives a RST away that something on the path has sent

ANSWERS_PROBE = """
    31.0  A>B  A  seq 999  ack {next}  | keepalive-probe
    {at}  B>A  R  seq {next}  {rst}  | rst of 31.0
"""
UNASKED = "    10.5  B>A  RA  seq {next}  ack 1000  win 500  {rst}"
"""Half a second after the last segment of that end: a timer's comes later."""
THE_END = (Outcome.RESET, Cause.PEER_LOST_STATE)
THE_PATH = (Outcome.RESET, Cause.PATH_RESET)
UNDECIDED = (Outcome.RESET, None)


def of_rst(
    fields: str,
    own: str | Sequence[str] = "ttl 64",
    ids: Sequence[int] = (100, 101, 102),
    tsval: str = "",
    ending: str = ANSWERS_PROBE,
    replied_s: str = "0.040",
    took_s: str = "0.040",
) -> Verdict:
    """Judge a RST with these fields, from an end whose `own` segments have those, and `ids` as IP identifications."""
    each = [own] * len(ids) if isinstance(own, str) else own
    segments = "".join(
        f"    {place * place + 1}  B>A  PA  seq {4999 + place}  ack 1000  len 1  ipid {one}  {its} {tsval}\n"
        for place, (one, its) in enumerate(zip(ids, each, strict=True), 1)
    )
    ended = ending.format(next=5000 + len(ids), rst=fields, at=31 + Decimal(took_s))
    opened = f"""
    0.000        A>B  S   seq 999
    {replied_s}  B>A  SA  seq 4999  ack 1000  ipid 0  {each[0]} {tsval}
    0.050        A>B  A   seq 1000  ack 5000
"""
    return verdict(told(opened + segments + ended))


def whose(fields: str, **conversation: Any) -> tuple[Outcome, Cause | None]:
    v = of_rst(fields, **conversation)
    return v.outcome, v.cause


def test_a_stack_s_own_answer_has_nothing_odd() -> None:
    for own in ("win 0  ipid 0", "win 0  ipid 103"):
        v = of_rst(own)
        assert ((v.outcome, v.cause), v.confidence) == (THE_END, Confidence.CERTAIN)


def test_another_distance() -> None:
    v = of_rst("win 0  ipid 0  ttl 62")
    assert ((v.outcome, v.cause), v.confidence) == (THE_PATH, Confidence.LIKELY)
    assert v.reasons == (Reason.RST_ANSWERS_PROBE, Reason.RST_LOOKS_FOREIGN)
    assert whose("win 0  ipid 0  ttl 66", own="ttl 57") == THE_PATH


@pytest.mark.parametrize(("usual", "ttl"), [(57, 56), (113, 114)])
def test_one_hop_alone_proves_nothing(usual: int, ttl: int) -> None:
    assert whose(f"win 0  ipid 0  ttl {ttl}", own=f"ttl {usual}") == UNDECIDED


@pytest.mark.parametrize("more", ["win 8192  ipid 0", "win 0  ipid 40000"])
def test_one_hop_and_something_else_do(more: str) -> None:
    v = of_rst(f"{more}  ttl 56", own="ttl 57")
    assert ((v.outcome, v.cause), v.confidence) == (THE_PATH, Confidence.CERTAIN)
    assert v.reasons[1:] == (Reason.RST_LOOKS_FOREIGN, Reason.RST_DIFFERS_IN_MORE)


@pytest.mark.parametrize("first", [64, 128])
def test_a_reset_that_no_router_passed_on_is_not_of_an_end_behind_one(first: int) -> None:
    assert whose(f"win 0  ipid 0  ttl {first}", own=f"ttl {first - 1}") == THE_PATH
    answers_nothing = ANSWERS_PROBE.replace(" R ", " RA ").replace("{rst}", "{rst}  ack 1000")
    assert whose(f"win 0  ipid 0  ttl {first}", own=f"ttl {first - 1}", ending=answers_nothing) == UNDECIDED


@pytest.mark.parametrize(
    ("fields", "tsval"),
    [
        ("tsval 9000  ipid 0", "tsval 5000"),  # options and window
        ("ipid 110", ""),  # window and counter
        ("win 0  ipid 103", ""),  # the very next identification
    ],
)
def test_fields_that_agree_outweigh_one_hop(fields: str, tsval: str) -> None:
    """Then it is the end's own, and as nothing asked for it, its application's."""
    conversation = {"own": "ttl 57", "tsval": tsval, "ending": UNASKED}
    assert whose(f"{fields}  ttl 56", **conversation) == (Outcome.CLOSED, Cause.APPLICATION)
    assert whose(f"{fields}  ttl 50", **conversation) == UNDECIDED


def test_a_window_alone_does_not() -> None:
    assert whose("ipid 0  ttl 56", own="ttl 57", ending=UNASKED) == UNDECIDED


def test_a_ttl_that_varies_by_itself_is_no_evidence() -> None:
    assert whose("win 0  ipid 0  ttl 50", own=["ttl 57"] * 3) == THE_PATH
    assert whose("win 0  ipid 0  ttl 50", own=["ttl 57", "ttl 55", "ttl 57"]) == THE_END


@pytest.mark.parametrize(("usual", "ttl"), [(59, 250), (128, 64)])
def test_stacks_send_what_belongs_to_no_socket_with_another_first_ttl(usual: int, ttl: int) -> None:
    assert whose(f"win 0  ipid 0  ttl {ttl}", own=f"ttl {usual}") == THE_END


def test_nothing_is_odd_where_nothing_is_known() -> None:
    """Of the end that resets, nothing else was captured."""
    v = verdict(
        told("""
    0.0    A>B  PA  seq 1000  ack 5000  len 10
    31.0   A>B  A   seq 1009  ack 5000  | keepalive-probe
    31.01  B>A  R   seq 5000  win 0  ttl 63  ipid 7  | rst of 31.0
    """)
    )
    assert (v.outcome, v.cause) == UNDECIDED
    assert v.reasons == (Reason.RST_ANSWERS_PROBE, Reason.RST_UNDECIDED)


@pytest.mark.parametrize(
    ("ids", "identification", "cause"),
    [
        ((100, 101, 102), 103, Cause.PEER_LOST_STATE),  # the very next
        ((100, 101, 102), 110, None),
        ((100, 101, 102), 40000, Cause.PATH_RESET),
        ((65533, 65535, 1), 2, Cause.PEER_LOST_STATE),
        ((65530, 65533, 65535), 1, None),
        ((5, 60000, 300), 40000, None),  # it does not count
        ((9, 60000, 60001, 60002, 60003), 40000, Cause.PATH_RESET),  # its latest ones do
        ((100, 101), 40000, None),
    ],
)
def test_an_end_shows_by_its_latest_identifications_that_it_counts(
    ids: tuple[int, ...], identification: int, cause: Cause | None
) -> None:
    """Beside one hop, one thing more makes it the path's, and certain; without it, nobody can say."""
    v = of_rst(f"win 0  ttl 56  ipid {identification}", own="ttl 57", ids=ids)
    assert (v.outcome, v.cause) == (Outcome.RESET, cause)
    assert (v.confidence is Confidence.CERTAIN) == (cause is Cause.PATH_RESET)
    assert (Reason.RST_UNDECIDED in v.reasons) == (cause is None)


@pytest.mark.parametrize("odd", ["win 8192  ipid 0", "win 0  ipid 40000"])
def test_at_the_same_distance_one_odd_field_is_no_evidence(odd: str) -> None:
    v = of_rst(odd)
    assert ((v.outcome, v.cause), v.confidence) == (THE_END, Confidence.LIKELY)


def test_at_the_same_distance_two_odd_fields_leave_it_open() -> None:
    assert whose("win 8192  ipid 40000") == UNDECIDED


def test_no_timestamp_from_a_stack_that_has_the_connection() -> None:
    """It is one thing more beside one hop; where the end uses none, the RST lacks nothing."""
    assert whose("ipid 0  ttl 56", own="ttl 57", tsval="tsval 5000", ending=UNASKED) == THE_PATH
    assert whose("ipid 0  ttl 56", own="ttl 57", ending=UNASKED) == UNDECIDED


def test_too_soon_to_have_been_there() -> None:
    """The peer's fastest answer took 40 ms; what comes after 3 ms has turned back halfway."""
    v = of_rst("win 0  ipid 0", took_s="0.003")
    assert (v.outcome, v.cause) == THE_PATH
    assert v.reasons == (Reason.RST_ANSWERS_PROBE, Reason.RST_TOO_SOON)


def test_time_says_nothing_where_hosts_are_near_or_nothing_is_known() -> None:
    assert whose("win 0  ipid 0", took_s="0.025") == THE_END
    assert whose("win 0  ipid 0", replied_s="0.004", took_s="0.0001") == THE_END
    midstream = """
    2.0      B>A  PA  seq 5000  ack 1000  len 10
    31.0     A>B  A   seq 999   ack 5010  | keepalive-probe
    31.0001  B>A  R   seq 5010  win 0  ipid 0  | rst of 31.0
    """
    assert outcome(told(midstream)) == THE_END


def test_captured_once_where_all_else_of_the_end_is_captured_twice() -> None:
    twice = """
    0.000   A>B  S   seq 999
    0.010   B>A  SA  seq 4999  ack 1000
    0.0101  copy  | duplicate-frame
    0.020   A>B  A   seq 1000  ack 5000
    2.000   B>A  PA  seq 5000  ack 1000  len 10
    2.0001  copy  | duplicate-frame
    31.00   A>B  A   seq 999   ack 5010  | keepalive-probe
    31.01   B>A  R   seq 5010  win 0  ipid 0  | rst of 31.00
    """
    v = verdict(told(twice))
    assert (v.outcome, v.cause) == THE_PATH
    assert v.reasons == (Reason.RST_ANSWERS_PROBE, Reason.RST_CAPTURED_ONCE)
    assert outcome(told(f"{twice}31.0101  copy  | duplicate-frame")) == THE_END
