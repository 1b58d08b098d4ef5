"""Who ended a connection, after how long on which clock, and what was lost: transcripts."""

import pytest

from analyzer.keepalive.verdict.values import BY_PATH, Cause, Ending, How, Outcome, Reason
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import Told, told

SECOND = 10**9
ASKED = """
    0.00   A>B  S   seq 999   len 0
    0.01   B>A  SA  seq 4999  ack 1000
    0.02   A>B  A   seq 1000  ack 5000
    1.00   A>B  PA  seq 1000  ack 5000  len 100
    1.30   B>A  PA  seq 5000  ack 1100  len 500
    1.31   A>B  A   seq 1100  ack 5500
"""
"""A request of 100 octets, and an answer 0.3 s later."""


def ending(result: Told) -> Ending:
    found = result.flow.ending
    assert found is not None
    return found


def clocks(found: Ending) -> tuple[float, ...]:
    """Return the three clocks in seconds."""
    return tuple((ns or 0) / SECOND for ns in (found.data_ns, found.peer_data_ns, found.no_heartbeat_ns))


def test_the_first_fin_closes_on_three_clocks() -> None:
    found = ending(
        told(f"""{ASKED}
    6.30   B>A  FA  seq 5500  ack 1100
    6.31   A>B  A   seq 1100  ack 5501
    6.32   A>B  FA  seq 1100  ack 5501
    6.33   B>A  A   seq 5501  ack 1101
    """)
    )
    assert (found.how, found.by, found.frame) == (How.FIN, 1, 7)
    assert clocks(found) == (5.0, 5.3, 5.0)
    assert found.lost == 0


def test_resent_data_acks_and_probes_are_no_data() -> None:
    found = ending(
        told(f"""{ASKED}
    1.60   B>A  PA  seq 5000  ack 1100  len 500  | retransmission
    1.61   A>B  A   seq 1100  ack 5500
    4.00   A>B  A   seq 1099  ack 5500           | keepalive-probe
    4.01   B>A  A   seq 5500  ack 1100           | keepalive-answer
    6.30   B>A  FA  seq 5500  ack 1100
    6.31   A>B  FA  seq 1100  ack 5501
    """)
    )
    assert clocks(found) == (5.0, 5.3, 5.0)


def test_data_in_the_fin_moves_with_it() -> None:
    found = ending(
        told(f"""{ASKED}
    6.30   B>A  FPA  seq 5500  ack 1100  len 10
    6.31   A>B  FA   seq 1100  ack 5511
    """)
    )
    assert clocks(found) == (0.0, 5.3, 0.0)


CROSSED = f"""{ASKED}
    6.30   B>A  FA  seq 5500  ack 1100
    6.31   A>B  PA  seq 1100  ack 5500  len 100
    6.32   B>A  R   seq 5500
"""


def test_a_request_that_crosses_the_fin_is_lost() -> None:
    result = told(CROSSED)
    found = ending(result)
    assert (found.how, found.by, found.crossed_frames, found.reused_frames) == (How.FIN, 1, (8,), ())
    assert clocks(found) == (5.0, 5.3, 5.0)
    assert (result.flow.verdict.outcome, result.flow.verdict.cause) == (Outcome.CLOSED, Cause.APPLICATION)
    assert result.flow.verdict.reasons == (Reason.RST_AFTER_CLOSE,)


def test_a_request_that_is_captured_before_the_fin_that_it_crosses_does_not_stop_the_clocks() -> None:
    found = ending(
        told(f"""{ASKED}
    6.29   A>B  PA  seq 1100  ack 5500  len 100
    6.30   B>A  FA  seq 5500  ack 1100
    6.31   B>A  R   seq 5500
    """)
    )
    assert (found.by, found.crossed_frames) == (1, (7,))
    assert clocks(found) == pytest.approx((5.0, 5.3, 5.0))


def test_a_request_sent_after_the_fin_had_arrived_is_lost_too() -> None:
    found = ending(
        told(f"""{ASKED}
    6.30   B>A  FA  seq 5500  ack 1100
    6.31   A>B  A   seq 1100  ack 5501
    9.00   A>B  PA  seq 1100  ack 5501  len 100
    9.01   B>A  R   seq 5501
    """)
    )
    assert (found.crossed_frames, found.reused_frames) == ((), (9,))


@pytest.mark.parametrize("octets", [31, 600])
def test_a_farewell_for_a_farewell_is_not_lost(octets: int) -> None:
    """close_notify and FIN are answered with close_notify before the FIN is read; an answer of other data is lost."""
    found = ending(
        told(f"""{ASKED}
    6.3000  A>B  PA  seq 1100  ack 5500  len 31
    6.3001  A>B  FA  seq 1131  ack 5500
    6.3300  B>A  PA  seq 5500  ack 1131  len {octets}
    6.3301  A>B  R   seq 1131  win 0
    """)
    )
    assert found.crossed_frames == ((9,) if octets > 128 else ())


def test_a_farewell_before_a_rst_is_not_lost() -> None:
    found = ending(
        told(f"""{ASKED}
    6.300  B>A  FA  seq 5500  ack 1100
    6.310  A>B  A   seq 1100  ack 5501
    66.300 A>B  PA  seq 1100  ack 5501  len 24
    66.301 A>B  RA  seq 1124  ack 5501
    66.310 B>A  R   seq 5501  win 0
    """)
    )
    assert found.lost == 0


def test_a_conversation_before_the_close_is_no_farewell() -> None:
    """QUIT comes after a silence, 221 answers it: the server has not closed an idle connection."""
    found = ending(
        told(f"""{ASKED}
    9.3000  B>A  PA  seq 5500  ack 1100  len 40
    9.3001  A>B  PA  seq 1100  ack 5540  len 6
    9.3002  B>A  PA  seq 5540  ack 1106  len 15
    9.3003  B>A  FA  seq 5555  ack 1106
    9.3004  A>B  FA  seq 1106  ack 5556
    """)
    )
    assert clocks(found) == pytest.approx((0.0001, 0.0002, 0.0001))


def test_data_for_an_end_that_only_shut_down_its_sending_half_is_not_lost() -> None:
    result = told(f"""{ASKED}
    2.00   A>B  FA  seq 1100  ack 5500
    2.01   B>A  A   seq 5500  ack 1101
    2.50   B>A  PA  seq 5500  ack 1101  len 500
    2.51   A>B  A   seq 1101  ack 6000
    2.60   B>A  FA  seq 6000  ack 1101
    2.61   A>B  A   seq 1101  ack 6001
    """)
    assert (ending(result).by, ending(result).lost) == (0, 0)


def test_a_download_after_a_half_close_leaves_hardly_any_candidates() -> None:
    """Only what comes before the closer is heard again may have crossed its FIN."""
    lines = [f"    {3 + i / 1000:.3f}  B>A  PA  seq {5500 + 1000 * i}  ack 1101  len 1000" for i in range(500)]
    acks = [f"    {3 + i / 1000 + 0.0005:.4f}  A>B  A  seq 1101  ack {6500 + 1000 * i}" for i in range(500)]
    both = "\n".join(line for pair in zip(lines, acks, strict=True) for line in pair)
    result = told(f"""{ASKED}
    2.00   A>B  FA  seq 1100  ack 5500
    2.01   B>A  A   seq 5500  ack 1101
{both}
    """)
    assert result.analysis.candidates.rows < 12


FORGOTTEN = f"""
{ASKED}
    353.90  A>B  PA  seq 1100  ack 5500  len 100
    353.91  B>A  R   seq 5500  win 0  ttl {{ttl}}
"""


@pytest.mark.parametrize(("ttl", "by", "cause"), [(61, 1, Cause.PEER_LOST_STATE), (255, BY_PATH, Cause.PATH_RESET)])
def test_what_a_rst_answers_was_lost_after_the_time_before_it(ttl: int, by: int, cause: Cause) -> None:
    result = told(FORGOTTEN.format(ttl=ttl), hops={"B": 3})
    found = ending(result)
    assert (found.how, found.by, found.reused_frames) == (How.RST, by, (7,))
    assert clocks(found) == pytest.approx((352.6, 352.9, 352.6))
    assert (result.flow.verdict.outcome, result.flow.verdict.cause) == (Outcome.RESET, cause)


def test_a_rst_that_answers_data_in_mid_stream_shows_that_there_is_no_such_connection() -> None:
    """RFC 9293 §3.10.7.1: without ACK, its number that segment's acknowledgement."""
    result = told("""
    0.000  A>B  PA  seq 1000  ack 5000  len 100
    0.001  B>A  R   seq 5000  win 0
    """)
    assert result.flow.verdict.outcome is Outcome.RESET
    assert Reason.RST_WITHOUT_STATE in result.flow.verdict.reasons


def test_a_rst_without_ack_after_the_data_was_acknowledged_is_the_applications() -> None:
    """Some stacks send such a RST when their application aborts: nobody lost the connection."""
    result = told(f"""{ASKED}
    2.90   A>B  R   seq 1100  win 0
    """)
    assert (result.flow.verdict.outcome, result.flow.verdict.cause) == (Outcome.CLOSED, Cause.APPLICATION)
    assert (ending(result).by, ending(result).lost) == (0, 0)


def test_two_rsts_that_answer_two_segments_are_two() -> None:
    result = told(f"""{ASKED}
    6.3000  B>A  FA  seq 5500  ack 1100
    6.3010  A>B  PA  seq 1100  ack 5501  len 600  ipid 7
    6.3011  A>B  FA  seq 1700  ack 5501           ipid 8
    6.3012  B>A  R   seq 5501  win 0  ipid 0
    6.3013  B>A  R   seq 5501  win 0  ipid 0
    """)
    assert not result.analysis.diagnostics
    assert ending(result).reused_frames == (8,)


def test_an_unasked_rst_closes_by_itself() -> None:
    found = ending(
        told(f"""{ASKED}
    9.30   B>A  RA  seq 5500  ack 1100
    """)
    )
    assert (found.how, found.by, found.frame, found.lost) == (How.RST, 1, 7, 0)
    assert clocks(found) == (8.0, 8.3, 8.0)


def test_a_timer_gives_up() -> None:
    found = ending(
        told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    51.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    61.01  A>B  RA  seq 1100  ack 5000  | give-up-rst
    """)
    )
    assert (found.how, found.by, found.frame) == (How.GIVE_UP, 0, 9)


def test_what_goes_on_has_no_ending() -> None:
    assert told(ASKED).flow.ending is None


BEATS = "".join(
    f"""
    {60 * i + 1}.50  A>B  PA  seq {1100 + 20 * (i - 1)}  ack {5500 + 10 * (i - 1)}  len 20  | heartbeat
    {60 * i + 1}.53  B>A  PA  seq {5500 + 10 * (i - 1)}  ack {1100 + 20 * i}  len 10
    {60 * i + 1}.54  A>B  A   seq {1100 + 20 * i}  ack {5500 + 10 * i}"""
    for i in range(1, 6)
)
"""Five heartbeats, a minute apart, each answered."""


def test_heartbeats_and_their_answers_do_not_count_for_the_third_clock() -> None:
    result = told(f"""{ASKED}{BEATS}
    331.30  B>A  FA  seq 5550  ack 1200
    331.31  A>B  FA  seq 1200  ack 5551
    """)
    assert clocks(ending(result)) == pytest.approx((29.77, 29.8, 330.0))
    beat = result.flow.ends[0].story.heartbeat
    assert beat is not None
    assert (beat.sent, beat.answered, beat.octets, beat.period_ns) == (5, 5, (20, 20), 60 * SECOND)
    assert beat.stopped_ns == -1


def test_other_data_between_heartbeats_restarts_the_third_clock() -> None:
    result = told(f"""{ASKED}{BEATS}
    310.00  A>B  PA  seq 1200  ack 5550  len 700
    310.10  B>A  PA  seq 5550  ack 1900  len 500
    331.30  B>A  FA  seq 6050  ack 1900
    331.31  A>B  FA  seq 1900  ack 6051
    """)
    assert clocks(ending(result)) == pytest.approx((21.2, 21.3, 21.2))


def test_a_heartbeat_that_is_missing_for_two_and_a_half_periods_has_stopped() -> None:
    stopped = told(f"""{ASKED}{BEATS}
    700.00  end
    """).flow
    beat = stopped.ends[0].story.heartbeat
    assert beat is not None
    assert beat.stopped_ns == pytest.approx(398.5 * SECOND)
    assert (stopped.verdict.outcome, stopped.ending) == (Outcome.OPEN, None)
    going_on = told(f"""{ASKED}{BEATS}
    440.00  end
    """).flow
    beat = going_on.ends[0].story.heartbeat
    assert beat is not None
    assert (beat.stopped_ns, going_on.verdict.outcome) == (-1, Outcome.ALIVE)


def test_an_end_that_sends_other_data_has_not_stopped() -> None:
    result = told(f"""{ASKED}{BEATS}
    500.00  A>B  PA  seq 1200  ack 5550  len 700
    500.10  B>A  PA  seq 5550  ack 1900  len 500
    700.00  end
    """)
    beat = result.flow.ends[0].story.heartbeat
    assert beat is not None
    assert beat.stopped_ns == -1


@pytest.mark.parametrize("octets", [(1, 1, 1, 1), (20, 20, 20, 60, 60, 60)])
def test_a_few_messages_or_unlike_ones_do_not_stop(octets: tuple[int, ...]) -> None:
    seq, lines = 1100, []
    for number, size in enumerate(octets):
        lines.append(f"    {31 + 30 * number}.00  A>B  PA  seq {seq}  ack 5500  len {size}  | heartbeat\n")
        lines.append(f"    {31 + 30 * number}.01  B>A  A   seq 5500  ack {seq + size}\n")
        seq += size
    beat = told(f"{ASKED}{''.join(lines)}    900.00  end\n").flow.ends[0].story.heartbeat
    assert beat is not None
    assert beat.stopped_ns == -1


# ---- open, or alive


def test_silent_for_longer_than_ever_before_is_open() -> None:
    result = told(f"""{ASKED}
    20.00  end
    """)
    assert (result.flow.verdict.outcome, result.flow.verdict.reasons) == (Outcome.OPEN, (Reason.SILENT_FOR_LONG,))
    assert result.flow.silent_ns == pytest.approx(18.69 * SECOND)


def test_a_silence_as_long_as_one_that_it_survived_is_none() -> None:
    result = told(f"""{ASKED}
    21.30  A>B  PA  seq 1100  ack 5500  len 100
    21.31  B>A  PA  seq 5500  ack 1200  len 100
    21.32  A>B  A   seq 1200  ack 5600
    41.00  end
    """)
    assert result.flow.verdict.outcome is Outcome.ALIVE


def test_data_that_nothing_has_acknowledged_leaves_it_open() -> None:
    result = told(f"""{ASKED}
    21.30  A>B  PA  seq 1100  ack 5500  len 100
    21.31  B>A  PA  seq 5500  ack 1200  len 100
    30.00  A>B  PA  seq 1200  ack 5600  len 100
    33.00  end
    """)
    assert result.flow.verdict.outcome is Outcome.OPEN


def test_probes_that_ceased_leave_it_open() -> None:
    result = told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    31.02  B>A  A   seq 5000  ack 1100  | keepalive-answer
    61.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    61.02  B>A  A   seq 5000  ack 1100  | keepalive-answer
    110.00  end
    """)
    assert (result.flow.verdict.outcome, result.flow.verdict.reasons) == (Outcome.OPEN, (Reason.PROBES_CEASED,))


def test_a_clock_that_was_set_back_between_data_and_close_leaves_no_time_below_zero() -> None:
    flow = told("""
    0.00   A>B  S   seq 99
    0.01   B>A  SA  seq 499  ack 100
    0.02   A>B  A   seq 100  ack 500
    10.0   A>B  PA  seq 100  ack 500  len 10
    10.01  B>A  PA  seq 500  ack 110  len 20
    9.01   B>A  FA  seq 520  ack 110
    9.02   A>B  FA  seq 110  ack 521
    9.03   B>A  A   seq 521  ack 111
    """).flow
    assert flow.ending is not None
    assert (flow.ending.data_ns, flow.ending.peer_data_ns) == (0, 0)
