"""What a segment is, situation by situation: transcripts whose truth comes from the RFCs and from real stacks.

The connection of most of them: A has sent 100 octets, so that its next one is 1100; B's next one is 5000.
"""

import pytest

from analyzer.keepalive.tags.tag import TAGS, Tag
from analyzer.keepalive.verdict.values import Outcome
from tests.transcript import Told, analyse, told, transcript

OPENED = """
    0.000  A>B  S   seq 999
    0.010  B>A  SA  seq 4999  ack 1000
    0.020  A>B  A   seq 1000  ack 5000
    1.000  A>B  PA  seq 1000  ack 5000  len 100
    1.010  B>A  A   seq 5000  ack 1100
"""


def test_an_empty_probe_and_its_answer() -> None:
    told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000   | keepalive-probe by below-snd-nxt
    31.02  B>A  A  seq 5000  ack 1100   | keepalive-answer by answers-probe of 31.01
    61.06  A>B  A  seq 1099  ack 5000   | keepalive-probe by below-snd-nxt
    61.07  B>A  A  seq 5000  ack 1100   | keepalive-answer by answers-probe of 61.06
    """)


def test_the_same_over_ipv6() -> None:
    text = f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000   | keepalive-probe by below-snd-nxt
    31.02  B>A  A  seq 5000  ack 1100   | keepalive-answer by answers-probe of 31.01
    """
    assert told(text, ipv6=True).flow.ends[0].address == "fd00::1"


def test_empty_probes_that_nothing_answers() -> None:
    told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000   | keepalive-probe by below-snd-nxt
    41.01  A>B  A  seq 1099  ack 5000   | keepalive-probe by below-snd-nxt
    51.01  A>B  A  seq 1099  ack 5000   | keepalive-probe by below-snd-nxt
    """)


def test_a_probe_with_the_garbage_octet_and_its_answer() -> None:
    """RFC 9293 §3.8.4 allows one garbage octet; RFC 2883 §4.1 has the receiver report it as a duplicate."""
    told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000  len 1            | keepalive-probe by below-snd-nxt
    31.02  B>A  A  seq 5000  ack 1100  dsack 1099-1100  | keepalive-answer of 31.01
    61.06  A>B  A  seq 1099  ack 5000  len 1            | keepalive-probe by below-snd-nxt
    61.07  B>A  A  seq 5000  ack 1100                   | keepalive-answer of 61.06
    """)


def test_probes_with_the_garbage_octet_that_nothing_answers() -> None:
    told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000  len 1  | keepalive-probe by below-snd-nxt
    32.01  A>B  A  seq 1099  ack 5000  len 1  | keepalive-probe by below-snd-nxt
    33.01  A>B  A  seq 1099  ack 5000  len 1  | keepalive-probe by below-snd-nxt
    """)


def test_the_responder_may_probe_too() -> None:
    told(f"""{OPENED}
    31.01  B>A  A  seq 4999  ack 1100   | keepalive-probe
    31.02  A>B  A  seq 1100  ack 5000   | keepalive-answer of 31.01
    """)


def test_a_connection_without_data_is_probed_at_the_octet_of_its_syn() -> None:
    told("""
    0.000   A>B  S   seq 999
    0.010   B>A  SA  seq 4999  ack 1000
    0.020   A>B  A   seq 1000  ack 5000
    30.020  A>B  A   seq 999   ack 5000  | keepalive-probe
    30.030  B>A  A   seq 5000  ack 1000  | keepalive-answer of 30.020
    """)


def test_two_hours_later_it_is_still_the_same_connection() -> None:
    result = told(f"""{OPENED}
    7201.10  A>B  A  seq 1099  ack 5000   | keepalive-probe
    7201.11  B>A  A  seq 5000  ack 1100   | keepalive-answer of 7201.10
    14402.2  A>B  A  seq 1099  ack 5000   | keepalive-probe
    """)
    assert result.flow.packets == 8


# ---- the capture begins in mid-stream


def test_midstream_empty_probes_are_revealed_by_their_answers() -> None:
    """tshark takes the first probe for the highest sequence number and calls the rest duplicate ACKs."""
    told("""
    0.00   A>B  A  seq 1099  ack 5000   | keepalive-probe by revealed-by-answer
    0.01   B>A  A  seq 5000  ack 1100   | keepalive-answer of 0.00
    30.05  A>B  A  seq 1099  ack 5000   | keepalive-probe by below-snd-nxt
    30.06  B>A  A  seq 5000  ack 1100   | keepalive-answer of 30.05
    """)


def test_midstream_garbage_octets_are_revealed_by_the_duplicate_sack() -> None:
    told("""
    0.00   A>B  A  seq 1099  ack 5000  len 1            | keepalive-probe by revealed-by-answer
    0.01   B>A  A  seq 5000  ack 1100  dsack 1099-1100  | keepalive-answer of 0.00
    """)


def test_midstream_garbage_octets_are_revealed_by_their_repetition() -> None:
    told("""
    0.00   A>B  A  seq 1099  ack 5000  len 1  | keepalive-probe by repeats-one-octet
    0.01   B>A  A  seq 5000  ack 1100         | keepalive-answer of 0.00
    30.05  A>B  A  seq 1099  ack 5000  len 1  | keepalive-probe
    30.06  B>A  A  seq 5000  ack 1100         | keepalive-answer of 30.05
    """)


def test_midstream_empty_probes_that_nothing_answers_are_revealed_by_their_repetition() -> None:
    told("""
    0.00   A>B  A  seq 1099  ack 5000   | keepalive-probe by repeated-unsolicited
    10.00  A>B  A  seq 1099  ack 5000   | keepalive-probe by repeated-unsolicited
    20.00  A>B  A  seq 1099  ack 5000   | keepalive-probe by repeated-unsolicited
    20.01  B>A  R  seq 5000             | rst of 20.00
    """)


def test_midstream_one_probe_is_revealed_by_the_reset_that_gives_up() -> None:
    told("""
    0.00   A>B  A   seq 1099  ack 5000  | keepalive-probe by revealed-by-rst
    10.00  A>B  RA  seq 1100  ack 5000  | give-up-rst by after-unanswered-probes of 0.00
    """)


def test_midstream_one_empty_segment_alone_is_only_an_ack() -> None:
    told("""
    0.00   A>B  A   seq 1100  ack 5000
    10.00  end
    """)


def test_midstream_acks_of_arriving_data_are_no_probes() -> None:
    told("""
    0.00   A>B  A   seq 1100  ack 5000
    5.00   B>A  PA  seq 5000  ack 1100  len 10
    5.01   A>B  A   seq 1100  ack 5010
    10.00  B>A  PA  seq 5010  ack 1100  len 10
    10.01  A>B  A   seq 1100  ack 5020
    """)


def test_midstream_one_octet_sent_again_after_a_retransmission_timeout_is_data() -> None:
    """Spacing below a second that doubles is a retransmission timer; no keepalive interval is that short."""
    told("""
    0.00   A>B  PA  seq 1099  ack 5000  len 1
    0.30   A>B  PA  seq 1099  ack 5000  len 1  | retransmission
    0.90   A>B  PA  seq 1099  ack 5000  len 1  | retransmission
    0.91   B>A  A   seq 5000  ack 1100
    """)


def test_a_probe_after_a_hole_in_the_capture_is_revealed_by_its_answer() -> None:
    """100 octets of A and their ACK were not captured."""
    told(f"""{OPENED}
    31.01  A>B  A  seq 1199  ack 5000   | keepalive-probe by revealed-by-answer
    31.02  B>A  A  seq 5000  ack 1200   | keepalive-answer of 31.01
    61.06  A>B  A  seq 1199  ack 5000   | keepalive-probe by below-snd-nxt
    61.07  B>A  A  seq 5000  ack 1200   | keepalive-answer of 61.06
    """)


def test_probes_after_a_hole_that_nothing_answers_are_revealed_by_their_repetition_and_end() -> None:
    told(f"""{OPENED}
    31.01  A>B  A   seq 1199  ack 5000   | keepalive-probe by revealed-by-rst
    41.01  A>B  A   seq 1199  ack 5000   | keepalive-probe by revealed-by-rst
    51.01  A>B  RA  seq 1200  ack 5000   | give-up-rst of 41.01
    """)


def test_an_octet_after_a_hole_that_was_never_acknowledged_is_data() -> None:
    told(f"""{OPENED}
    31.01  A>B  PA  seq 1199  ack 5000  len 1
    33.01  A>B  PA  seq 1199  ack 5000  len 1  | retransmission
    37.01  A>B  PA  seq 1199  ack 5000  len 1  | retransmission
    """)


def test_a_captured_ack_of_uncaptured_data_closes_the_hole() -> None:
    told(f"""{OPENED}
    2.00   B>A  A  seq 5000  ack 1200
    32.01  A>B  A  seq 1199  ack 5000   | keepalive-probe by below-snd-nxt
    """)


# ---- what looks like a probe


def test_the_last_octet_sent_again_is_a_retransmission_until_it_is_acknowledged() -> None:
    """What tshark and Suricata call keepalive in telnet and ssh: one octet of data, lost and sent again."""
    told(f"""{OPENED}
    40.00  A>B  PA  seq 1100  ack 5000  len 1
    40.30  A>B  PA  seq 1100  ack 5000  len 1  | retransmission
    40.90  A>B  PA  seq 1100  ack 5000  len 1  | retransmission
    42.10  A>B  PA  seq 1100  ack 5000  len 1  | retransmission
    42.11  B>A  A   seq 5000  ack 1101
    72.11  A>B  A   seq 1100  ack 5000  len 1  | keepalive-probe
    72.12  B>A  A   seq 5000  ack 1101         | keepalive-answer of 72.11
    """)


def test_one_octet_of_data_now_and_then_is_no_keepalive_of_tcp() -> None:
    told(f"""{OPENED}
    31.00  A>B  PA  seq 1100  ack 5000  len 1
    31.01  B>A  A   seq 5000  ack 1101
    61.00  A>B  PA  seq 1101  ack 5000  len 1
    61.01  B>A  A   seq 5000  ack 1102
    """)


def test_empty_zero_window_probes_of_linux() -> None:
    """Octet for octet like keepalive probes (tcp_write_wakeup); only B's closed window tells."""
    told(f"""{OPENED}
    2.00  B>A  A   seq 5000  ack 1100  win 0     | window-update
    2.20  A>B  A   seq 1099  ack 5000            | zero-window-probe by window-closed
    2.21  B>A  A   seq 5000  ack 1100  win 0     | zero-window-answer of 2.20
    2.65  A>B  A   seq 1099  ack 5000            | zero-window-probe
    3.52  A>B  A   seq 1099  ack 5000            | zero-window-probe
    3.53  B>A  A   seq 5000  ack 1100  win 0     | zero-window-answer of 3.52
    9.00  B>A  A   seq 5000  ack 1100  win 8000  | window-update
    9.01  A>B  PA  seq 1100  ack 5000  len 500
    """)


def test_a_closed_window_with_nothing_to_send_leaves_the_keepalive_timer_on() -> None:
    told(f"""{OPENED}
    2.00   B>A  A   seq 5000  ack 1100  win 0     | window-update
    32.00  A>B  A   seq 1099  ack 5000            | keepalive-probe by below-snd-nxt
    32.01  B>A  A   seq 5000  ack 1100  win 0     | keepalive-answer of 32.00
    62.01  A>B  A   seq 1099  ack 5000            | keepalive-probe
    """)


def test_data_written_later_to_a_closed_window_is_seen_by_the_pace_of_its_probes() -> None:
    told(f"""{OPENED}
    2.00   B>A  A   seq 5000  ack 1100  win 0     | window-update
    12.20  A>B  A   seq 1099  ack 5000            | zero-window-probe
    12.65  A>B  A   seq 1099  ack 5000            | zero-window-probe
    13.52  A>B  A   seq 1099  ack 5000            | zero-window-probe
    15.30  A>B  A   seq 1099  ack 5000            | zero-window-probe
    """)


@pytest.mark.parametrize("rst_s", ["51.01", "61.01"], ids=["one interval", "a probe is missing in the capture"])
def test_giving_up_is_on_the_grid_of_the_probes(rst_s: str) -> None:
    told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    {rst_s}  A>B  RA  seq 1100  ack 5000  | give-up-rst
    """)


def test_zero_window_probes_with_an_octet_of_data() -> None:
    """The classic ones (RFC 9293 §3.8.6.1); the answer takes the octet or, with the window closed, does not."""
    told(f"""{OPENED}
    2.00   B>A  A  seq 5000  ack 1100  win 0       | window-update
    7.00   A>B  A  seq 1100  ack 5000  len 1       | zero-window-probe by window-closed
    7.01   B>A  A  seq 5000  ack 1100  win 0       | zero-window-answer of 7.00
    17.00  A>B  A  seq 1100  ack 5000  len 1       | zero-window-probe by window-closed
    17.01  B>A  A  seq 5000  ack 1100  win 0       | zero-window-answer of 17.00
    37.00  A>B  A  seq 1100  ack 5000  len 1       | zero-window-probe by window-closed
    37.01  B>A  A  seq 5000  ack 1101  win 8000    | zero-window-answer of 37.00
    """)


def test_the_probers_own_closed_window_changes_nothing() -> None:
    told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000  win 0  | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100         | keepalive-answer of 31.01
    61.06  A>B  A  seq 1099  ack 5000  win 0  | keepalive-probe
    """)


def test_a_late_ack_right_after_data_is_stray() -> None:
    """MUST-26 of RFC 9293 §3.8.4: a probe only when nothing came for an interval."""
    told(f"""{OPENED}
    31.000  A>B  PA  seq 1100  ack 5000  len 50
    31.004  B>A  A   seq 5000  ack 1150
    31.005  A>B  A   seq 1149  ack 5000         | stray by too-soon
    """)


def test_an_ack_that_left_before_an_octet_in_flight_is_stray() -> None:
    told(f"""{OPENED}
    31.000  A>B  PA  seq 1100  ack 5000  len 1
    31.200  A>B  A   seq 1100  ack 5000         | stray by too-soon
    """)


def test_a_probe_below_snd_una_is_one_however_soon_after_data() -> None:
    """The ACK of that octet is a round trip old, so that no segment left before the data can lie there."""
    told(f"""{OPENED}
    31.000  A>B  PA  seq 1100  ack 5000  len 50
    31.004  A>B  A   seq 1099  ack 5000         | keepalive-probe by below-snd-una
    """)


def test_the_same_packet_captured_twice_is_one_probe() -> None:
    """A SPAN port in both directions, or the any interface: the same IP identification within milliseconds."""
    told(f"""{OPENED}
    31.010  A>B  A  seq 1099  ack 5000   | keepalive-probe
    31.011  copy                         | duplicate-frame by captured-twice
    31.020  B>A  A  seq 5000  ack 1100   | keepalive-answer of 31.010
    31.021  copy                         | duplicate-frame by captured-twice
    61.060  A>B  A  seq 1099  ack 5000   | keepalive-probe
    61.061  copy                         | duplicate-frame by captured-twice
    """)


def test_the_same_packet_captured_twice_with_interleaved_directions() -> None:
    """The answer is captured before the second copy of the probe."""
    told(f"""{OPENED}
    31.0100  A>B  A  seq 1099  ack 5000  ipid 77   | keepalive-probe
    31.0101  B>A  A  seq 5000  ack 1100  ipid 88   | keepalive-answer of 31.0100
    31.0102  A>B  A  seq 1099  ack 5000  ipid 77   | duplicate-frame
    31.0103  B>A  A  seq 5000  ack 1100  ipid 88   | duplicate-frame
    61.0600  A>B  A  seq 1099  ack 5000  ipid 78   | keepalive-probe
    """)


def test_three_duplicate_acks_are_no_copies() -> None:
    told(f"""{OPENED}
    2.0000  B>A  PA  seq 5200  ack 1100  len 100
    2.0010  A>B  A   seq 1100  ack 5000          | duplicate-ack by same-ack-in-flight
    2.0011  B>A  PA  seq 5300  ack 1100  len 100
    2.0020  A>B  A   seq 1100  ack 5000          | duplicate-ack
    """)


# ---- half-closed connections


def test_an_end_in_fin_wait_2_probes_at_the_octet_of_its_fin() -> None:
    told(f"""{OPENED}
    2.00   A>B  FA  seq 1100  ack 5000
    2.01   B>A  A   seq 5000  ack 1101
    32.05  A>B  A   seq 1100  ack 5000  | keepalive-probe
    32.06  B>A  A   seq 5000  ack 1101  | keepalive-answer of 32.05
    """)


def test_an_end_in_close_wait_probes() -> None:
    told(f"""{OPENED}
    2.00   B>A  FA  seq 5000  ack 1100
    2.01   A>B  A   seq 1100  ack 5001
    32.05  A>B  A   seq 1099  ack 5001  | keepalive-probe
    32.06  B>A  A   seq 5001  ack 1100  | keepalive-answer of 32.05
    """)


def test_an_ack_captured_behind_the_ends_own_fin_is_reordering() -> None:
    told(f"""{OPENED}
    2.0000  B>A  PA  seq 5000  ack 1100  len 10
    2.0101  A>B  FA  seq 1100  ack 5010
    2.0102  A>B  A   seq 1100  ack 5010         | stray by behind-own-fin
    """)


def test_an_ack_captured_long_behind_an_unacknowledged_fin_is_reordering_too() -> None:
    told(f"""{OPENED}
    2.00  A>B  FA  seq 1100  ack 5000
    4.00  B>A  PA  seq 5000  ack 1100  len 10
    4.07  A>B  A   seq 1100  ack 5010         | stray by behind-own-fin
    """)


def test_an_ack_captured_soon_behind_an_acknowledged_fin_is_reordering_too() -> None:
    told(f"""{OPENED}
    2.00  A>B  FA  seq 1100  ack 5000
    2.01  B>A  A   seq 5000  ack 1101
    2.21  A>B  A   seq 1100  ack 5000  | stray by behind-own-fin
    """)


# ---- answers


def test_an_answer_may_change_the_window() -> None:
    """tshark calls it a window update and counts the probe as unanswered."""
    told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000             | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100  win 32000  | keepalive-answer of 31.01
    """)


def test_data_may_answer() -> None:
    told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000          | keepalive-probe
    31.02  B>A  PA  seq 5000  ack 1100  len 20  | data by answers-probe of 31.01
    31.03  A>B  A   seq 1100  ack 5020
    """)


def test_a_fin_may_answer() -> None:
    told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    31.02  B>A  FA  seq 5000  ack 1100  | fin of 31.01
    """)


def test_a_late_answer_belongs_to_the_latest_probe() -> None:
    told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000   | keepalive-probe
    32.01  A>B  A  seq 1099  ack 5000   | keepalive-probe
    32.51  B>A  A  seq 5000  ack 1100   | keepalive-answer of 32.01
    """)


def test_crossing_probes_of_both_ends_are_answered_both() -> None:
    """B's probe acknowledges the same octet as B's answer; and is none."""
    told(f"""{OPENED}
    31.000  A>B  A  seq 1099  ack 5000   | keepalive-probe
    31.010  B>A  A  seq 4999  ack 1100   | keepalive-probe
    31.020  B>A  A  seq 5000  ack 1100   | keepalive-answer of 31.000
    31.030  A>B  A  seq 1100  ack 5000   | keepalive-answer of 31.010
    """)


def test_crossing_garbage_octets_are_answered_both() -> None:
    """The other end's garbage octet is no data that makes a probe come too soon."""
    told(f"""{OPENED}
    31.000  A>B  A  seq 1099  ack 5000  len 1  | keepalive-probe
    31.010  B>A  A  seq 4999  ack 1100  len 1  | keepalive-probe
    31.020  B>A  A  seq 5000  ack 1100         | keepalive-answer of 31.000
    31.030  A>B  A  seq 1100  ack 5000         | keepalive-answer of 31.010
    """)


def test_a_probe_right_after_the_other_ends_first_one_is_one_too() -> None:
    """A garbage octet of which only its answer shows that it is no data: what follows it does not come too soon."""
    told("""
    0.000   A>B  A  seq 1099  ack 5000  len 1            | keepalive-probe by revealed-by-answer
    0.001   B>A  A  seq 5000  ack 1100  dsack 1099-1100  | keepalive-answer of 0.000
    0.041   B>A  A  seq 4999  ack 1100  len 1            | keepalive-probe by below-snd-nxt
    0.042   A>B  A  seq 1100  ack 5000  dsack 4999-5000  | keepalive-answer of 0.041
    10.000  A>B  A  seq 1099  ack 5000  len 1            | keepalive-probe
    10.008  B>A  A  seq 4999  ack 1100  len 1            | keepalive-probe
    """)


def test_an_ack_right_after_a_first_octet_that_nothing_shows_to_be_a_probe_is_stray() -> None:
    told("""
    0.000   A>B  A   seq 1099  ack 5000  len 1
    0.001   B>A  A   seq 5000  ack 1100
    0.041   B>A  A   seq 4999  ack 1100         | stray by too-soon
    0.100   A>B  PA  seq 1100  ack 5000  len 9
    """)


@pytest.mark.parametrize("delay_ms", [5, 60, 290])
def test_an_end_that_only_receives_probes_at_the_octet_of_its_syn(delay_ms: int) -> None:
    """Data of the other end crosses its probes."""
    told(f"""
    0.000   A>B  S   seq 999
    0.001   B>A  SA  seq 4999  ack 1000
    0.050   A>B  A   seq 1000  ack 5000
    1.000   B>A  PA  seq 5000  ack 1000  len 50
    1.060   A>B  A   seq 1000  ack 5050
    14.000  B>A  PA  seq 5050  ack 1000  len 50
    14.{delay_ms:03}  A>B  A   seq 999   ack 5050         | keepalive-probe by below-snd-nxt
    14.{delay_ms + 1:03}  B>A  A   seq 5100  ack 1000         | keepalive-answer of 14.{delay_ms:03}
    14.400  A>B  A   seq 1000  ack 5100
    """)


def test_a_probe_may_acknowledge_one_octet_too_few() -> None:
    """Seen from the Siemens S7-1500 and from middleboxes."""
    told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 4999   | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100   | keepalive-answer of 31.01
    """)


def test_data_that_overlaps_the_garbage_octet_is_data() -> None:
    told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  len 1   | keepalive-probe
    31.50  A>B  PA  seq 1099  ack 5000  len 51
    31.51  B>A  A   seq 5000  ack 1150
    61.51  A>B  A   seq 1149  ack 5000          | keepalive-probe
    """)


# ---- the wrap of sequence numbers


@pytest.mark.parametrize("payload_len", [0, 1])
def test_snd_nxt_may_be_0(payload_len: int) -> None:
    told(f"""
    0.000  A>B  S   seq 4294967195
    0.010  B>A  SA  seq 4294967295  ack 4294967196
    0.020  A>B  A   seq 4294967196  ack 0
    1.000  A>B  PA  seq 4294967196  ack 0           len 100
    1.010  B>A  A   seq 0           ack 0
    31.05  A>B  A   seq 4294967295  ack 0           len {payload_len}  | keepalive-probe
    31.06  B>A  A   seq 0           ack 0                              | keepalive-answer of 31.05
    61.11  A>B  A   seq 4294967295  ack 0           len {payload_len}  | keepalive-probe
    61.12  B>A  A   seq 0           ack 0                              | keepalive-answer of 61.11
    61.50  B>A  A   seq 4294967295  ack 0           len {payload_len}  | keepalive-probe
    61.51  A>B  A   seq 0           ack 0                              | keepalive-answer of 61.50
    91.17  A>B  A   seq 4294967295  ack 0           len {payload_len}  | keepalive-probe
    """)


def test_midstream_snd_nxt_may_be_0() -> None:
    told("""
    0.00   A>B  A  seq 4294967295  ack 5000   | keepalive-probe by revealed-by-answer
    0.01   B>A  A  seq 5000        ack 0      | keepalive-answer of 0.00
    30.05  A>B  A  seq 4294967295  ack 5000   | keepalive-probe
    """)


# ---- captures that show one side only


def test_one_side_with_its_handshake_is_enough_for_probes() -> None:
    told("""
    0.000  A>B  S   seq 999
    0.020  A>B  A   seq 1000  ack 5000
    1.000  A>B  PA  seq 1000  ack 5000  len 100
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    61.05  A>B  A   seq 1099  ack 5000  | keepalive-probe
    """)


def test_one_side_in_midstream_may_answer_as_well_as_probe() -> None:
    """Answers to probes of the other end repeat SND.NXT as evenly as probes repeat SND.NXT-1."""
    told("""
    0.00   A>B  A  seq 1099  ack 5000
    30.04  A>B  A  seq 1099  ack 5000
    60.08  A>B  A  seq 1099  ack 5000
    """)


def test_one_side_in_midstream_that_gives_up_has_probed() -> None:
    told("""
    0.00   A>B  A   seq 1099  ack 5000  | keepalive-probe by revealed-by-rst
    30.04  A>B  A   seq 1099  ack 5000  | keepalive-probe by revealed-by-rst
    60.08  A>B  RA  seq 1100  ack 5000  | give-up-rst
    """)


def test_one_side_that_repeats_an_ack_of_data_does_not_probe() -> None:
    """The ACK at 0.1 answers data, so that it lies at SND.NXT, and so does its repetition."""
    told("""
    0.0   A>B  A  seq 1100  ack 5000
    0.1   A>B  A  seq 1100  ack 5100
    30.1  A>B  A  seq 1100  ack 5100
    """)


# ---- resets


RUN = f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000   | keepalive-probe
    41.01  A>B  A  seq 1099  ack 5000   | keepalive-probe
    51.01  A>B  A  seq 1099  ack 5000   | keepalive-probe
"""


def test_the_reset_one_interval_after_the_last_unanswered_probe_gives_up() -> None:
    """Linux: RST|ACK with SEG.SEQ = SND.NXT (tcp_send_active_reset)."""
    told(f"{RUN}    61.01  A>B  RA  seq 1100  ack 5000  | give-up-rst by after-unanswered-probes of 51.01")


def test_a_reset_off_the_grid_of_a_run_is_the_applications() -> None:
    """close() with unread data sends the same segment, at any time (tcp_close)."""
    told(f"{RUN}    53.50  A>B  RA  seq 1100  ack 5000  | rst by control-bit")


def test_a_reset_after_an_answer_is_the_applications() -> None:
    told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    31.02  B>A  A   seq 5000  ack 1100  | keepalive-answer of 31.01
    41.01  A>B  RA  seq 1100  ack 5000  | rst
    """)


def test_the_keepalive_timer_of_linux_sends_no_reset_without_ack() -> None:
    told(f"{RUN}    61.01  A>B  R  seq 1100  | rst")


def test_a_reset_may_answer_a_probe() -> None:
    """The other end has no such connection any more (RFC 9293 §3.10.7.1)."""
    told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000         | keepalive-probe
    31.02  B>A  R  seq 5000  win 0  ipid 0    | rst of 31.01
    """)


def test_a_reset_minutes_after_a_probe_does_not_answer_it() -> None:
    result = told(f"""{OPENED}
    31.01   A>B  A  seq 1099  ack 5000         | keepalive-probe
    181.02  B>A  R  seq 5000  win 0            | rst
    """)
    assert result.marks[7] == ("rst", "control-bit", 0)


def test_the_window_field_of_a_reset_closes_nothing() -> None:
    """tshark calls one octet after a RST (window 0) a zero window probe."""
    told(f"""{OPENED}
    2.00   B>A  RA  seq 5000  ack 1100  win 0
    4.00   A>B  PA  seq 1100  ack 5000  len 1
    """)


# ---- ICMP


@pytest.mark.parametrize("ipv6", [False, True])
def test_an_icmp_error_that_quotes_eight_octets_finds_its_probe(ipv6: bool) -> None:
    text = f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000              | keepalive-probe
    34.08  icmp host-unreachable about A>B seq 1099  | icmp-unreachable by quotes-segment of 31.01
    41.01  A>B  A  seq 1099  ack 5000              | keepalive-probe
    44.08  icmp ttl-exceeded about A>B seq 1099    | icmp-unreachable by quotes-segment of 41.01
    """
    told(text, ipv6)


def test_an_icmp_error_about_another_connection_changes_nothing() -> None:
    result = told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000                     | keepalive-probe
    31.02  icmp host-unreachable about A:7777>B seq 1099
    """)
    assert len(result.analysis.flows) == 1


# ---- everything else


def test_a_second_syn_begins_another_connection() -> None:
    result = told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    90.00  A>B  S   seq 77000
    90.01  B>A  SA  seq 88000  ack 77001
    90.02  A>B  A   seq 77001  ack 88001
    120.0  A>B  A   seq 77000  ack 88001  | keepalive-probe
    120.1  B>A  A   seq 88001  ack 77001  | keepalive-answer of 120.0
    """)
    assert [flow.packets for flow in result.analysis.flows] == [6, 5]


def test_a_syn_sent_again_is_the_same_connection() -> None:
    result = told("""
    0.0  A>B  S   seq 999
    1.0  A>B  S   seq 999
    1.1  B>A  SA  seq 4999  ack 1000
    """)
    assert result.flow.packets == 3


def test_octets_sent_again_are_retransmissions() -> None:
    told(f"""{OPENED}
    31.0  A>B  PA  seq 1100  ack 5000  len 100
    31.2  A>B  PA  seq 1100  ack 5000  len 100  | retransmission by octets-sent-before
    31.6  A>B  PA  seq 1100  ack 5000  len 100  | retransmission
    31.7  B>A  A   seq 5000  ack 1200
    """)


def test_a_window_that_opens_is_an_update() -> None:
    told(f"""{OPENED}
    2.0  B>A  A  seq 5000  ack 1100  win 50000  | window-update by same-ack-new-window
    """)


def test_every_control_bit_has_its_tag() -> None:
    result = told(f"""{OPENED}
    2.00  A>B  FA  seq 1100  ack 5000
    2.01  B>A  FA  seq 5000  ack 1101
    2.02  A>B  A   seq 1101  ack 5001
    2.03  B>A  R   seq 5001
    """)
    tags = {frame: tag for frame, (tag, _, _) in result.marks.items()}
    assert (tags[1], tags[2], tags[6], tags[7], tags[9]) == ("syn", "syn-ack", "fin", "fin", "rst")


# ---- resets and SYNs that are not obeyed


def test_a_reset_outside_of_the_window_changes_nothing() -> None:
    """RFC 5961 §3: blind guesses of an attacker, and what is left of an older connection."""
    result = told(f"""{OPENED}
    2.00   A>B  R  seq 900                         | stray by outside-window
    2.10   B>A  R  seq 2000000                     | stray by outside-window
    31.01  A>B  A  seq 1099  ack 5000              | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100              | keepalive-answer of 31.01
    """)
    assert result.flow.verdict.outcome is Outcome.ALIVE


def test_a_reset_within_the_window_but_not_at_rcv_nxt_is_challenged() -> None:
    """RFC 5961 §3.2; the connection goes on."""
    result = told(f"""{OPENED}
    2.00   A>B  R  seq 1200                        | stray by challenged
    2.01   B>A  A  seq 5000  ack 1100              | challenge-ack by refuses-control of 2.00
    31.01  A>B  A  seq 1099  ack 5000              | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100              | keepalive-answer of 31.01
    """)
    assert result.flow.verdict.outcome is Outcome.ALIVE


def test_the_sender_of_a_challenged_reset_may_mean_it() -> None:
    """It answers the challenge with a RST at RCV.NXT."""
    result = told(f"""{OPENED}
    2.00  A>B  R  seq 1200                        | stray by challenged
    2.01  B>A  A  seq 5000  ack 1100              | challenge-ack of 2.00
    2.02  A>B  R  seq 1100                        | rst
    """)
    assert result.flow.verdict.outcome is Outcome.CLOSED


def test_a_reset_behind_a_hole_in_the_capture_is_obeyed() -> None:
    """In mid-stream the window's scale is not known, and nothing follows that would show that it was ignored."""
    result = told("""
    0.00  A>B  PA  seq 1000    ack 5000  len 100
    0.01  B>A  A   seq 5000    ack 1100
    9.00  A>B  R   seq 200000
    """)
    assert result.flow.verdict.outcome is Outcome.CLOSED


def test_a_reset_for_a_probe_with_an_ack_one_too_low_is_obeyed() -> None:
    told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 4999   | keepalive-probe
    31.02  B>A  R  seq 4999  win 0      | rst of 31.01
    """)


def test_a_repeated_syn_is_answered_with_a_challenge() -> None:
    """RFC 5961 §4.2: whatever its number, a SYN of an open connection is answered with an ACK."""
    told(f"""{OPENED}
    2.00  A>B  S  seq 999
    2.01  B>A  A  seq 5000  ack 1100   | challenge-ack by refuses-control of 2.00
    """)


def test_an_older_connection_is_discovered_by_a_new_syn() -> None:
    """RFC 9293 §3.5.1, figure 10: A has lost its state, B has not."""
    result = told(f"""{OPENED}
    60.00  A>B  S   seq 77000
    60.01  B>A  A   seq 5000   ack 1100    | challenge-ack by refuses-control
    60.02  A>B  R   seq 1100               | stray by older-connection
    61.00  A>B  S   seq 77000
    61.01  B>A  SA  seq 88000  ack 77001
    61.02  A>B  A   seq 77001  ack 88001
    91.00  A>B  A   seq 77000  ack 88001   | keepalive-probe by below-snd-nxt
    91.01  B>A  A   seq 88001  ack 77001   | keepalive-answer of 91.00
    """)
    assert [flow.packets for flow in result.analysis.flows] == [5, 8]
    assert result.analysis.flows[1].verdict.outcome is Outcome.ALIVE


# ---- port pairs used again


def test_numbers_that_cannot_be_the_old_connections_are_another_one() -> None:
    """No SYN was captured: 4-tuple reuse as in a capture that filters or loses it."""
    result = told(f"""{OPENED}
    31.01   A>B  A   seq 1099        ack 5000         | keepalive-probe
    31.02   B>A  A   seq 5000        ack 1100         | keepalive-answer of 31.01
    900.00  A>B  PA  seq 3000000000  ack 2000000000  len 10
    900.01  B>A  A   seq 2000000000  ack 3000000010
    930.05  A>B  A   seq 3000000009  ack 2000000000   | keepalive-probe by below-snd-nxt
    930.06  B>A  A   seq 2000000000  ack 3000000010   | keepalive-answer of 930.05
    """)
    assert [flow.packets for flow in result.analysis.flows] == [7, 4]


def test_timestamps_that_start_anew_show_another_connection_too() -> None:
    result = told("""
    0.00    A>B  PA  seq 1000   ack 5000   len 10  tsval 900000
    0.01    B>A  A   seq 5000   ack 1010           tsval 700000
    100.00  A>B  PA  seq 9000   ack 90000  len 10  tsval 5000
    100.01  B>A  A   seq 90000  ack 9010           tsval 3000
    """)
    assert len(result.analysis.flows) == 2


@pytest.mark.parametrize(
    "after",
    [
        "A>B  PA  seq 900000000  ack 5000    len 10",
        "A>B  PA  seq 900000000  ack 900000  len 10",
        "B>A  PA  seq 5000       ack 1100    len 10",
        "A>B  A   seq 1099       ack 4999            | keepalive-probe",
        "A>B  R   seq 3000000000                     | stray",
    ],
    ids=["a hole in one direction", "in both", "none", "a probe with an old ack", "a forged reset"],
)
def test_a_silence_or_a_hole_in_the_capture_does_not_split_a_connection(after: str) -> None:
    assert len(told(f"{OPENED}    7000.0  {after}").analysis.flows) == 1


@pytest.mark.parametrize(("ahead", "connections"), [(2_000_000_000, 2), (900_000_000, 1)])
def test_timestamps_that_go_on_do_not_hold_a_connection_together(ahead: int, connections: int) -> None:
    """Linux has one clock for all connections between two hosts; the numbers decide, as without timestamps."""
    result = told(f"""
    0.00   A>B  PA  seq 1000            ack 5000            len 10  tsval 900000
    60.00  A>B  PA  seq {1000 + ahead}  ack {5000 + ahead}  len 10  tsval 960000
    """)
    assert len(result.analysis.flows) == connections


def test_a_syn_ack_may_be_captured_before_its_syn() -> None:
    result = told("""
    0.0002  B>A  SA  seq 4999  ack 1000
    0.0003  A>B  S   seq 999
    0.0004  A>B  A   seq 1000  ack 5000
    30.020  A>B  A   seq 999   ack 5000  | keepalive-probe by below-snd-nxt
    30.030  B>A  A   seq 5000  ack 1000  | keepalive-answer of 30.020
    """)
    assert [end.role.value for end in result.flow.ends] == ["responder", "originator"]


def test_a_syn_ack_of_another_handshake_is_another_connection() -> None:
    result = told(f"{OPENED}    90  B>A  SA  seq 70000  ack 80001\n    90.1  A>B  A  seq 80001  ack 70001")
    assert [flow.packets for flow in result.analysis.flows] == [5, 2]


# ---- frames captured several times, and clocks


def test_up_to_31_copies_of_a_frame_are_one_segment() -> None:
    copies = "".join(f"    31.{100 + n}  copy  | duplicate-frame\n" for n in range(30))
    result = told(f"""{OPENED}
    31.099  A>B  A  seq 1099  ack 5000   | keepalive-probe
{copies}
    31.200  B>A  A  seq 5000  ack 1100   | keepalive-answer of 31.099
    """)
    assert len(result.flow.ends[0].story.probes) == 1


def test_a_copy_of_another_interface_may_come_late_when_its_timestamp_says_so() -> None:
    told(f"""{OPENED}
    31.010  A>B  A  seq 1099  ack 5000  tsval 31010   | keepalive-probe
    31.110  copy                                      | duplicate-frame
    41.250  A>B  A  seq 1099  ack 5000  tsval 41250   | keepalive-probe
    """)


def test_copies_that_a_router_sent_on_have_another_ttl() -> None:
    told(f"""{OPENED}
    31.0100  A>B  A  seq 1099  ack 5000  ipid 77  ttl 64  | keepalive-probe
    31.0101  A>B  A  seq 1099  ack 5000  ipid 77  ttl 63  | duplicate-frame
    """)


LIFE = """
    0.000   A>B  S   seq 999
    0.010   B>A  SA  seq 4999  ack 1000
    0.020   A>B  A   seq 1000  ack 5000
    1.000   A>B  PA  seq 1000  ack 5000  len 100
    1.010   B>A  A   seq 5000  ack 1100
    31.01   A>B  A   seq 1099  ack 5000
    31.02   B>A  A   seq 5000  ack 1100
    61.06   A>B  A   seq 1099  ack 5000
    61.07   B>A  A   seq 5000  ack 1100
"""


def test_a_capture_that_was_appended_to_itself_tells_everything_once() -> None:
    once, twice = analyse(transcript(LIFE)), analyse(2 * transcript(LIFE))
    [flow], [again] = once.flows, twice.flows
    assert again.ends == flow.ends
    assert again.verdict == flow.verdict
    assert [one.code.name for one in twice.diagnostics] == ["captured-twice", "time-backwards"]
    again_tags = twice.segments.view.tag[len(once.segments) : len(twice.segments)]
    assert [TAGS[one] for one in again_tags] == 9 * [Tag.DUPLICATE_FRAME]


def test_after_the_clock_was_set_back_probes_are_probes() -> None:
    """Their IP identifications go on, so that they are no frames from before."""
    told(f"""{OPENED}
    3600.00  A>B  PA  seq 1100  ack 5000  len 10
    3600.01  B>A  A   seq 5000  ack 1110
    30.05    A>B  A   seq 1109  ack 5000   | keepalive-probe by below-snd-nxt
    30.06    B>A  A   seq 5000  ack 1110   | keepalive-answer of 30.05
    60.10    A>B  A   seq 1109  ack 5000   | keepalive-probe
    """)


# ---- heartbeats of the application


def test_small_data_at_a_steady_pace_is_a_heartbeat() -> None:
    result = told(f"""{OPENED}
    31.00   A>B  PA  seq 1100  ack 5000  len 1  | heartbeat by steady-period
    31.01   B>A  A   seq 5000  ack 1101
    61.00   A>B  PA  seq 1101  ack 5000  len 1  | heartbeat
    61.01   B>A  A   seq 5000  ack 1102
    91.01   A>B  PA  seq 1102  ack 5000  len 1  | heartbeat
    91.02   B>A  A   seq 5000  ack 1103
    300.00  A>B  PA  seq 1103  ack 5000  len 1
    """)
    beat = result.flow.ends[0].story.heartbeat
    assert beat is not None
    assert (beat.period_ns, beat.octets, beat.sent, beat.answered) == (30_005_000_000, (1, 1), 3, 0)
    assert (beat.first_frame, beat.last_frame, beat.stopped_ns) == (6, 10, -1)
    assert result.flow.ends[1].story.heartbeat is None


def test_the_echo_of_a_heartbeat_is_none() -> None:
    told(f"""{OPENED}
    31.00  A>B  PA  seq 1100  ack 5000  len 4  | heartbeat
    31.01  B>A  PA  seq 5000  ack 1104  len 4
    61.00  A>B  PA  seq 1104  ack 5004  len 4  | heartbeat
    61.01  B>A  PA  seq 5004  ack 1108  len 4
    91.00  A>B  PA  seq 1108  ack 5008  len 4  | heartbeat
    91.01  B>A  PA  seq 5008  ack 1112  len 4
    """)


def test_both_ends_may_beat() -> None:
    told(f"""{OPENED}
    31.00  A>B  PA  seq 1100  ack 5000  len 4  | heartbeat
    45.00  B>A  PA  seq 5000  ack 1104  len 8  | heartbeat
    61.00  A>B  PA  seq 1104  ack 5008  len 4  | heartbeat
    75.00  B>A  PA  seq 5008  ack 1108  len 8  | heartbeat
    91.00  A>B  PA  seq 1108  ack 5016  len 4  | heartbeat
    105.0  B>A  PA  seq 5016  ack 1112  len 8  | heartbeat
    """)


@pytest.mark.parametrize(
    ("times", "length"),
    [((31, 61), 1), ((31, 61, 95), 1), ((31, 61, 91), 1460)],
    ids=["two show no period", "no steady pace", "no small data"],
)
def test_other_data_now_and_then_is_no_heartbeat(times: tuple[int, ...], length: int) -> None:
    lines = [f"{time} A>B PA seq {1100 + n * length} ack 5000 len {length}" for n, time in enumerate(times)]
    told("\n".join([OPENED, *lines]))


@pytest.mark.parametrize(
    ("lengths", "beats"),
    [
        ((6, 6, 8), 0),  # POP3: LIST, UIDL, RETR
        ((16, 26, 6), 0),  # FTP: USER, PASS, SYST
        ((52, 84, 100, 52, 84), 0),  # SSH: a login
        ((9, 9, 10), 3),  # a number that they carry
        ((80, 86, 82, 80), 0),
        ((80, 86, 82, 80, 95), 5),  # FIX
        ((80, 86, 82, 80, 97), 0),
        ((30, 6, 6, 6, 30), 3),
        ((6, 6, 6, 8), 3),
    ],
)
def test_heartbeats_are_of_one_length(lengths: tuple[int, ...], beats: int) -> None:
    """More or less: five show it, and three if they differ by a digit."""
    starts = [sum(lengths[:place]) for place in range(len(lengths))]
    lines = [
        f"{31 + 5 * place} A>B PA seq {1100 + start} ack 5000 len {length}"
        for place, (start, length) in enumerate(zip(starts, lengths, strict=True))
    ]
    marks = Told(analyse(transcript("\n".join([OPENED, *lines])))).marks
    assert sum(tag == "heartbeat" for tag, _, _ in marks.values()) == beats


def test_probes_between_heartbeats_are_no_data() -> None:
    told(f"""{OPENED}
    61.00   A>B  PA  seq 1100  ack 5000  len 1  | heartbeat
    61.01   B>A  A   seq 5000  ack 1101
    91.10   A>B  A   seq 1100  ack 5000         | keepalive-probe
    91.11   B>A  A   seq 5000  ack 1101         | keepalive-answer of 91.10
    121.00  A>B  PA  seq 1101  ack 5000  len 1  | heartbeat
    121.01  B>A  A   seq 5000  ack 1102
    181.00  A>B  PA  seq 1102  ack 5000  len 1  | heartbeat
    """)


# ---- what stacks and boxes were seen to do (facts of public captures)


def test_windows_gives_up_after_ten_probes_with_an_octet() -> None:
    probes = "".join(f"    {31 + n}.01  A>B  A  seq 1099  ack 5000  len 1  | keepalive-probe\n" for n in range(10))
    told(f"{OPENED}{probes}    41.01  A>B  RA  seq 1100  ack 5000  win 0  | give-up-rst of 40.01")


def test_macos_looks_for_life_soon_after_data_without_timestamps() -> None:
    """95 to 150 ms after data, again after 100 and 200 ms; the other segments carry timestamps."""
    told("""
    0.000  A>B  S   seq 999                       tsval 1
    0.010  B>A  SA  seq 4999  ack 1000            tsval 9001
    0.020  A>B  A   seq 1000  ack 5000            tsval 21
    1.000  A>B  PA  seq 1000  ack 5000  len 100   tsval 1001
    1.010  B>A  A   seq 5000  ack 1100            tsval 10001
    1.095  A>B  A   seq 1099  ack 5000            | keepalive-probe by below-snd-nxt
    1.195  A>B  A   seq 1099  ack 5000            | keepalive-probe
    1.395  A>B  A   seq 1099  ack 5000            | keepalive-probe
    1.405  B>A  A   seq 5000  ack 1100  tsval 10396  | keepalive-answer of 1.395
    """)


def test_cisco_ios_sends_the_octet_of_its_syn_once_more() -> None:
    """200 ms after the handshake; it acknowledges, and asks for nothing."""
    told("""
    0.000   A>B  S   seq 999
    0.010   B>A  SA  seq 4999  ack 1000
    0.020   A>B  A   seq 1000  ack 5000
    0.220   A>B  A   seq 999   ack 5000   | stray by behind-own-syn
    60.22   A>B  A   seq 999   ack 5000   | keepalive-probe
    60.23   B>A  A   seq 5000  ack 1000   | keepalive-answer of 60.22
    """)


def test_a_box_may_probe_in_the_servers_name() -> None:
    """Another TTL, another count of IP identifications, another window."""
    told(f"""{OPENED}
    301.0  B>A  A  seq 4999  ack 1100  ttl 250  ipid 9  win 512  | keepalive-probe
    301.1  A>B  A  seq 1100  ack 5000                            | keepalive-answer of 301.0
    331.0  B>A  A  seq 4999  ack 1100  ttl 250  ipid 10 win 512  | keepalive-probe
    331.1  A>B  A  seq 1100  ack 5000                            | keepalive-answer of 331.0
    """)


def test_a_controller_may_number_both_seq_and_ack_one_too_low() -> None:
    """A PLC with empty probes, a PC with one octet, in one connection."""
    told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 4999         | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100         | keepalive-answer of 31.01
    36.00  B>A  A  seq 4999  ack 1100  len 1  | keepalive-probe
    36.01  A>B  A  seq 1100  ack 5000         | keepalive-answer of 36.00
    41.01  A>B  A  seq 1099  ack 4999         | keepalive-probe
    41.02  B>A  A  seq 5000  ack 1100         | keepalive-answer of 41.01
    """)


def test_both_ends_may_probe_within_milliseconds() -> None:
    told(f"""{OPENED}
    31.010  A>B  A  seq 1099  ack 5000   | keepalive-probe
    31.011  B>A  A  seq 5000  ack 1100   | keepalive-answer of 31.010
    31.030  B>A  A  seq 4999  ack 1100   | keepalive-probe
    31.031  A>B  A  seq 1100  ack 5000   | keepalive-answer of 31.030
    """)


def test_a_probe_in_close_wait_may_be_reset_without_ack() -> None:
    told(f"""{OPENED}
    2.00   B>A  FA  seq 5000  ack 1100
    2.01   A>B  A   seq 1100  ack 5001
    62.05  A>B  A   seq 1099  ack 5001        | keepalive-probe
    62.06  B>A  R   seq 5001  win 0           | rst of 62.05
    """)


def test_a_fin_in_a_capture_of_one_side_is_counted() -> None:
    data = "".join(f"    1.{n:03}  A>B  PA  seq {1000 + n}  ack 5000  len 1\n" for n in range(100))
    told(f"""
    0.000  A>B  S   seq 999
    0.020  A>B  A   seq 1000  ack 5000
{data}
    2.000  A>B  FA  seq 1100  ack 5000
    62.05  A>B  A   seq 1100  ack 5001   | keepalive-probe by below-snd-nxt
    """)
