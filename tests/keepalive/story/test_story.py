"""Which gaps a connection's transcript leaves at each end, how long they are, and what answered its probes."""

from typing import Any

from analyzer.keepalive.story.values import Answer, Gap, GapKind
from analyzer.keepalive.verdict.values import Outcome
from analyzer.schema import ABSENT
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import START_NS, Told, nanoseconds, told

MS = 10**6
UNKNOWN = -1


def gaps(result: Told, end: int, *kinds: GapKind) -> list[tuple[int, int, int, int]]:
    """Frame, and milliseconds since heard, since heard anything, since the previous probe, of these kinds."""
    found = [gap for gap in result.flow.ends[end].story.gaps if gap.kind in kinds]
    return [
        (gap.frame, milliseconds(gap.heard_ns), milliseconds(gap.any_ns), milliseconds(gap.probe_ns)) for gap in found
    ]


def milliseconds(ns: int) -> int:
    return UNKNOWN if ns == UNKNOWN else ns // MS


def kinds(result: Told, end: int) -> list[GapKind]:
    return [gap.kind for gap in result.flow.ends[end].story.gaps]


def survived(result: Told, end: int) -> list[Gap]:
    return [gap for gap in result.flow.ends[end].story.gaps if gap.kind is GapKind.SURVIVED]


def test_the_first_probe_measures_the_idle_time_from_what_was_last_heard() -> None:
    """From B's ACK at 1.010, not from A's own data at 1.000."""
    result = told(f"""{OPENED}
    31.010  A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.020  B>A  A  seq 5000  ack 1100  | keepalive-answer of 31.010
    """)
    assert gaps(result, 0, GapKind.FIRST) == [(6, 30_000, 30_000, UNKNOWN)]
    assert kinds(result, 0) == [GapKind.FIRST]


def test_a_probe_after_an_answered_one_ends_a_cycle() -> None:
    result = told(f"""{OPENED}
    31.010  A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.020  B>A  A  seq 5000  ack 1100  | keepalive-answer of 31.010
    61.070  A>B  A  seq 1099  ack 5000  | keepalive-probe
    61.080  B>A  A  seq 5000  ack 1100  | keepalive-answer of 61.070
    """)
    assert gaps(result, 0, GapKind.CYCLE) == [(8, 30_050, 30_050, 30_060)]


def test_a_second_copy_of_the_answer_does_not_end_the_cycle() -> None:
    result = told(f"""{OPENED}
    31.010  A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.020  B>A  A  seq 5000  ack 1100  | keepalive-answer of 31.010
    31.021  copy                        | duplicate-frame
    61.070  A>B  A  seq 1099  ack 5000  | keepalive-probe
    """)
    assert kinds(result, 0) == [GapKind.FIRST, GapKind.CYCLE]


def test_traffic_between_two_probes_makes_the_next_gap_a_first_one() -> None:
    result = told(f"""{OPENED}
    31.010  A>B  A   seq 1099  ack 5000           | keepalive-probe
    31.020  B>A  A   seq 5000  ack 1100           | keepalive-answer of 31.010
    40.000  B>A  PA  seq 5000  ack 1100  len 100
    40.001  A>B  A   seq 1100  ack 5100
    70.000  A>B  A   seq 1099  ack 5100           | keepalive-probe
    """)
    assert gaps(result, 0, GapKind.FIRST)[1:] == [(10, 30_000, 30_000, 38_990)]
    assert GapKind.CYCLE not in kinds(result, 0)


def test_the_ack_of_own_data_restarts_the_idle_time() -> None:
    result = told(f"""{OPENED}
    20.000  A>B  PA  seq 1100  ack 5000  len 100
    20.300  B>A  A   seq 5000  ack 1200
    50.300  A>B  A   seq 1199  ack 5000           | keepalive-probe
    """)
    assert gaps(result, 0, GapKind.FIRST) == [(8, 30_000, 30_000, UNKNOWN)]


RUN = f"""{OPENED}
    31.010  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.250  A>B  A   seq 1099  ack 5000  | keepalive-probe
    51.490  A>B  A   seq 1099  ack 5000  | keepalive-probe
"""


def test_unanswered_probes_measure_the_interval() -> None:
    result = told(RUN)
    assert gaps(result, 0, GapKind.SPACING) == [(7, 40_240, 40_240, 10_240), (8, 50_480, 50_480, 10_240)]
    unanswered = [gap.unanswered for gap in result.flow.ends[0].story.gaps if gap.kind is GapKind.SPACING]
    assert unanswered == [1, 2]


def test_giving_up_measures_the_interval_and_the_count() -> None:
    result = told(f"{RUN}    61.730  A>B  RA  seq 1100  ack 5000  | give-up-rst of 51.490")
    assert gaps(result, 0, GapKind.GIVE_UP) == [(9, 60_720, 60_720, 10_240)]
    [gap] = [gap for gap in result.flow.ends[0].story.gaps if gap.kind is GapKind.GIVE_UP]
    assert gap.unanswered == 3
    reset = result.flow.story.reset
    assert reset
    assert (reset.frame, reset.end, reset.is_give_up) == (9, 0, True)


def test_a_reset_off_the_grid_measures_nothing() -> None:
    result = told(f"{RUN}    53.000  A>B  RA  seq 1100  ack 5000  | rst")
    assert GapKind.GIVE_UP not in kinds(result, 0)
    assert result.flow.story.reset
    assert not result.flow.story.reset.is_give_up


def test_a_run_that_the_captures_end_cuts_is_pending() -> None:
    result = told(f"{RUN}    59.490  end")
    assert gaps(result, 0, GapKind.PENDING) == [(8, UNKNOWN, UNKNOWN, 8_000)]
    assert result.flow.story.run
    assert (result.flow.story.run.end, result.flow.story.run.frames) == (0, (6, 7, 8))
    assert result.flow.story.run.heard_ns == START_NS + nanoseconds("1.010")


def test_data_after_idle_time_is_survived_by_both_ends() -> None:
    result = told(f"""{OPENED}
    21.010  B>A  PA  seq 5000  ack 1100  len 100
    21.011  A>B  A   seq 1100  ack 5100
    """)
    assert [(gap.frame, gap.heard_ns // MS) for gap in survived(result, 0)] == [(6, 20_000)]
    assert [(gap.frame, gap.heard_ns // MS) for gap in survived(result, 1)] == [(6, 20_000)]


def test_only_the_longest_survived_gap_is_kept() -> None:
    result = told(f"""{OPENED}
    11.010  B>A  PA  seq 5000  ack 1100  len 100
    11.020  A>B  A   seq 1100  ack 5100
    41.020  B>A  PA  seq 5100  ack 1100  len 100
    41.030  A>B  A   seq 1100  ack 5200
    46.030  B>A  PA  seq 5200  ack 1100  len 100
    """)
    assert [gap.heard_ns // MS for gap in survived(result, 0)] == [30_000]


def test_the_silence_at_the_captures_end_is_survived_so_far() -> None:
    result = told(f"{OPENED}    90.010  end")
    assert [(gap.frame, gap.heard_ns // MS, gap.any_ns) for gap in survived(result, 0)] == [(6, 89_000, UNKNOWN)]


def test_an_end_that_is_not_heard_again_has_survived_nothing() -> None:
    """B may have been gone, or the way to it, long before A's probes."""
    result = told(f"""{OPENED}
    31.010  A>B  A  seq 1099  ack 5000  | keepalive-probe
    41.250  A>B  A  seq 1099  ack 5000  | keepalive-probe
    """)
    assert survived(result, 1) == []
    result = told(f"""{OPENED}
    31.010  A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.020  B>A  A  seq 5000  ack 1100  | keepalive-answer of 31.010
    """)
    assert [gap.heard_ns // MS for gap in survived(result, 1)] == [30_000]


def test_segments_that_were_not_captured_show_in_ip_identifications() -> None:
    result = told(f"""{OPENED}
    31.010  A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.020  B>A  A  seq 5000  ack 1100  | keepalive-answer of 31.010
    61.730  A>B  A  seq 1099  ack 5000  ipid 900  | keepalive-probe
    71.970  A>B  A  seq 1099  ack 5000  ipid 902  | keepalive-probe
    """)
    assert [gap.missing for gap in result.flow.ends[0].story.gaps if gap.kind is not GapKind.PENDING] == [0, -1, 1]


def test_silence_with_own_data_in_flight_bounds_no_timer() -> None:
    """Keepalive does not run while anything is unacknowledged (tcp_keepalive_timer)."""
    result = told(f"""{OPENED}
    2.000  A>B  PA  seq 1100  ack 5000  len 100
    90.00  end
    """)
    assert survived(result, 0) == []


def test_silence_after_both_ends_closed_bounds_no_timer() -> None:
    result = told(f"""{OPENED}
    1.100  A>B  FA  seq 1100  ack 5000
    1.110  B>A  FA  seq 5000  ack 1101
    1.120  A>B  A   seq 1101  ack 5001
    90.00  end
    """)
    assert kinds(result, 0) == kinds(result, 1) == []


def test_an_end_that_closed_its_half_bounds_no_timer() -> None:
    result = told(f"""{OPENED}
    1.100  A>B  FA  seq 1100  ack 5000
    1.110  B>A  A   seq 5000  ack 1101
    31.11  B>A  PA  seq 5000  ack 1101  len 10
    """)
    assert survived(result, 0) == []
    assert [gap.heard_ns // MS for gap in survived(result, 1)] == [30_000]


def test_a_run_that_began_before_the_capture_measures_the_interval_only() -> None:
    result = told("""
    0.000   A>B  A   seq 1099  ack 5000  | keepalive-probe
    10.240  A>B  A   seq 1099  ack 5000  | keepalive-probe
    20.480  A>B  RA  seq 1100  ack 5000  | give-up-rst
    """)
    assert gaps(result, 0, GapKind.SPACING) == [(2, UNKNOWN, UNKNOWN, 10_240)]
    assert gaps(result, 0, GapKind.GIVE_UP) == [(3, UNKNOWN, UNKNOWN, 10_240)]


def test_the_others_probe_is_an_idle_time_survived() -> None:
    result = told(f"""{OPENED}
    31.010  A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.020  B>A  A  seq 5000  ack 1100  | keepalive-answer of 31.010
    """)
    assert [(gap.frame, gap.heard_ns // MS) for gap in survived(result, 1)] == [(6, 30_000)]


# ---- both ends probe


def test_an_empty_probe_of_the_other_end_does_not_refresh_the_idle_clock() -> None:
    """It lies before RCV.NXT, so that Linux drops it in tcp_validate_incoming; BSD counts any segment."""
    result = told(f"""{OPENED}
    21.010  B>A  A  seq 4999  ack 1100  | keepalive-probe
    21.011  A>B  A  seq 1100  ack 5000  | keepalive-answer of 21.010
    31.010  A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.020  B>A  A  seq 5000  ack 1100  | keepalive-answer of 31.010
    """)
    assert gaps(result, 0, GapKind.FIRST) == [(8, 30_000, 10_000, UNKNOWN)]


def test_a_probe_with_an_octet_of_the_other_end_refreshes_the_idle_clock() -> None:
    """Its octet ends at RCV.NXT, and Linux takes its ACK."""
    result = told(f"""{OPENED}
    21.010  B>A  A  seq 4999  ack 1100  len 1           | keepalive-probe
    21.011  A>B  A  seq 1100  ack 5000  dsack 4999-5000 | keepalive-answer of 21.010
    51.010  A>B  A  seq 1099  ack 5000                  | keepalive-probe
    51.020  B>A  A  seq 5000  ack 1100                  | keepalive-answer of 51.010
    """)
    assert gaps(result, 0, GapKind.FIRST) == [(8, 30_000, 30_000, UNKNOWN)]


def test_an_answer_refreshes_the_clock_of_the_end_that_asked_only() -> None:
    """A's answer at 31.001 reaches B as an accepted segment; what A heard from B was an empty probe."""
    result = told(f"""{OPENED}
    31.000  B>A  A  seq 4999  ack 1100  | keepalive-probe
    31.001  A>B  A  seq 1100  ack 5000  | keepalive-answer of 31.000
    61.010  A>B  A  seq 1099  ack 5000  | keepalive-probe
    61.020  B>A  A  seq 5000  ack 1100  | keepalive-answer of 61.010
    61.030  B>A  A  seq 4999  ack 1100  | keepalive-probe
    61.031  A>B  A  seq 1100  ack 5000  | keepalive-answer of 61.030
    """)
    assert gaps(result, 0, GapKind.FIRST) == [(8, 60_000, 30_010, UNKNOWN)]
    assert gaps(result, 1, GapKind.CYCLE) == [(10, 30_029, 20, 30_030)]


# ---- what answered


def answers(result: Told, end: int = 0) -> list[tuple[Answer, int]]:
    return [(probe.answer, probe.answer_frame) for probe in result.flow.ends[end].story.probes]


def test_every_kind_of_answer() -> None:
    result = told(f"""{OPENED}
    31.00  A>B  A   seq 1099  ack 5000                   | keepalive-probe
    31.01  B>A  A   seq 5000  ack 1100                   | keepalive-answer of 31.00
    61.00  A>B  A   seq 1099  ack 5000                   | keepalive-probe
    61.01  B>A  PA  seq 5000  ack 1100  len 10           | data of 61.00
    61.02  A>B  A   seq 1100  ack 5010
    91.00  A>B  A   seq 1099  ack 5010                   | keepalive-probe
    94.00  icmp host-unreachable about A>B seq 1099      | icmp-unreachable of 91.00
    101.0  A>B  A   seq 1099  ack 5010                   | keepalive-probe
    111.0  A>B  A   seq 1099  ack 5010                   | keepalive-probe
    111.1  B>A  R   seq 5010  win 0                      | rst of 111.0
    """)
    expected = [(Answer.ACK, 7), (Answer.DATA, 9), (Answer.ICMP, 12), (Answer.NOTHING, 0), (Answer.RST, 15)]
    assert answers(result) == expected


def test_a_run_ends_when_data_of_its_own_end_is_acknowledged() -> None:
    """The link came back and the application spoke before the next probe: nothing is unanswered any more."""
    result = told(f"""{RUN}
    55.000  A>B  PA  seq 1100  ack 5000  len 10
    55.010  B>A  A   seq 5000  ack 1110
    55.500  A>B  PA  seq 1110  ack 5000  len 10
    55.510  B>A  A   seq 5000  ack 1120
    """)
    assert result.flow.story.run is None


def test_what_follows_a_reset_is_not_this_connection() -> None:
    """The probe was under way when the RST came."""
    result = told(f"""{OPENED}
    39.99  B>A  RA  seq 5000  ack 1100
    40.00  A>B  A   seq 1099  ack 5000  | stray by after-reset
    """)
    assert answers(result) == []
    assert result.flow.story.reset
    assert result.flow.story.reset.frame == 6


def test_who_has_not_heard_that_the_other_gave_up_goes_on() -> None:
    """Both probe, the path is cut: each timer runs, whatever the other one's RST says."""
    result = told(f"""{RUN}
    55.00  B>A  A   seq 4999  ack 1100  | keepalive-probe
    61.73  A>B  RA  seq 1100  ack 5000  | give-up-rst of 51.490
    75.00  B>A  A   seq 4999  ack 1100  | keepalive-probe
    95.00  B>A  A   seq 4999  ack 1100  | keepalive-probe
    115.00  B>A  RA  seq 5000  ack 1100  | give-up-rst of 95.00
    """)
    verdict, (first, second) = result.flow.verdict, result.flow.ends
    assert (verdict.outcome, verdict.prober) == (Outcome.TIMED_OUT, 0)
    counts = [end.settings.tcp_keepalive_probes for end in (first, second)]
    assert [(one.value, one.n) for one in counts if one is not None] == [(3, 1), (3, 1)]
    assert {probe.answer for end in (first, second) for probe in end.story.probes} == {Answer.NOTHING}


def test_an_answer_counts_for_more_than_an_icmp_error() -> None:
    result = told(f"""{OPENED}
    31.01   A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.02   icmp host-unreachable about A>B seq 1099  | icmp-unreachable of 31.01
    31.50   B>A  A  seq 5000  ack 1100  | keepalive-answer of 31.01
    """)
    assert answers(result) == [(Answer.ACK, 8)]


def test_lag_is_the_quickest_reply_of_an_end() -> None:
    """A replies to the SYN|ACK after 10 ms, B to A's SYN after 10 ms and to its data after 10 ms."""
    result = told("""
    0.000  A>B  S   seq 999
    0.030  B>A  SA  seq 4999  ack 1000
    0.032  A>B  A   seq 1000  ack 5000
    1.000  A>B  PA  seq 1000  ack 5000  len 100
    1.020  B>A  A   seq 5000  ack 1100
    """)
    assert [end.story.capture_rtt_ns // MS for end in result.flow.ends] == [2, 20]


def story_ends(result: Told) -> Any:
    """TOLD_ENDS of a transcript with one flow."""
    return result.analysis._assembler._survey.stories.tell([0]).ends


def test_an_error_about_a_window_probe_counts_for_nothing() -> None:
    """Its number lies before what is in flight (tcp_ipv4.c tcp_v4_err); the window probe stays unanswered."""
    result = told(f"""{OPENED}
    2.00   B>A  A  seq 5000  ack 1100  win 0            | window-update
    2.20   A>B  A  seq 1099  ack 5000                   | zero-window-probe
    2.60   A>B  A  seq 1099  ack 5000                   | zero-window-probe
    2.61   icmp host-unreachable about A>B seq 1099     | icmp-unreachable
    """)
    ends = story_ends(result)
    assert result.flow.story.unanswered_data is not None
    assert (ends.icmp[0], ends.icmp_errors[0]) == (ABSENT, 1)


def test_an_error_about_data_counts() -> None:
    result = told(f"""{OPENED}
    2.00   A>B  PA  seq 1100  ack 5000  len 10
    2.20   A>B  PA  seq 1100  ack 5000  len 10          | retransmission
    2.21   icmp host-unreachable about A>B seq 1100     | icmp-unreachable
    """)
    ends, c = story_ends(result), result.analysis.candidates.view
    assert result.flow.story.unanswered_data is not None
    assert (ends.icmp[0], c.own_ns[ends.resend_row[0]]) == (3 << 8 | 1, 200 * MS)
