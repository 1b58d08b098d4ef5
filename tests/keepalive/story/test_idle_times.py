"""How long a connection went without data and lived: transcripts."""

from tests.keepalive.verdict.test_endings import ASKED, BEATS
from tests.transcript import Told, told

SECOND = 10**9


def gaps(result: Told) -> tuple[float, float, float, float]:
    """Return the longest times without data of either end, of A, of B, and without heartbeats, in seconds."""
    stories = result.analysis._assembler._survey.stories.tell([0])
    t, e = stories.flows, stories.ends
    found = (t.data_gap_ns[0], e.data_gap_ns[0], e.data_gap_ns[1], t.busy_gap_ns[0])
    return tuple(round(ns / SECOND, 3) for ns in found)


USED_AGAIN = f"""{ASKED}
    21.00  A>B  PA  seq 1100  ack 5500  len 100
    21.30  B>A  PA  seq 5500  ack 1200  len 500
    21.31  A>B  A   seq 1200  ack 6000
"""


def test_each_clock_has_its_own() -> None:
    assert gaps(told(USED_AGAIN)) == (19.7, 20.0, 19.7, 19.7)


def test_a_time_after_which_the_other_end_is_not_heard_does_not_count() -> None:
    assert gaps(told(f"{ASKED}    21.00  A>B  PA  seq 1100  ack 5500  len 100\n    30.0  end")) == (0.0, 0.0, 19.7, 0.0)


def test_a_time_that_a_rst_answered_does_not_count() -> None:
    assert gaps(told(f"{ASKED}    21.00  A>B  PA  seq 1100  ack 5500  len 100\n    21.01  B>A  R  seq 5500"))[0] == 0.0


def test_an_ack_that_is_no_candidate_confirms_it() -> None:
    text = f"{ASKED}    21.00  A>B  PA  seq 1100  ack 5500  len 100\n    21.01  B>A  A  seq 5500  ack 1200\n"
    assert gaps(told(text))[0] == 19.7


def test_heartbeats_bridge_one_clock_and_not_another() -> None:
    later = """
    400.00  A>B  PA  seq 1200  ack 5550  len 700
    400.10  B>A  PA  seq 5550  ack 1900  len 500
    400.20  A>B  A   seq 1900  ack 6050
    """
    data_s, *_, busy_s = gaps(told(f"{ASKED}{BEATS}{later}"))
    assert (data_s, busy_s) == (98.47, 398.7)
