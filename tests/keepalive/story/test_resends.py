"""What is sent again: who is left without an answer, and who sends what was acknowledged."""

from collections.abc import Sequence

import pytest

from analyzer.keepalive.verdict.values import Outcome
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import START_NS, told

RESENT = f"""{OPENED}
    2.50  A>B  PA  seq 1100  ack 5000  len 10
    2.70  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    3.10  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
"""


def test_an_end_whose_resends_nothing_follows_is_left_without_an_answer() -> None:
    unanswered_data = told(RESENT).flow.story.unanswered_data
    assert unanswered_data is not None
    assert unanswered_data.end == 0


@pytest.mark.parametrize(
    ("resends", "end", "outcome", "is_stuck"),
    [
        ((2.7,), 8, Outcome.OPEN, True),
        ((2.7,), 45, Outcome.OPEN, False),
        ((2.7, 3.1), 45, Outcome.TIMED_OUT, True),
    ],
)
def test_a_single_resend_shows_nothing_once_the_next_is_long_overdue(
    resends: Sequence[float], end: int, outcome: Outcome, is_stuck: bool
) -> None:
    """Its sender has heard an ACK that the capture lacks, or is gone."""
    again = "".join(f"    {at}  A>B  PA  seq 1100  ack 5000  len 10  | retransmission\n" for at in resends)
    flow = told(f"{OPENED}    2.50  A>B  PA  seq 1100  ack 5000  len 10\n{again}    {end}  end").flow
    assert (flow.verdict.outcome, flow.story.unanswered_data is not None) == (outcome, is_stuck)


def test_data_is_unacknowledged_since_it_was_sent_first_and_all_resends_count() -> None:
    """B is heard in between, and A sends more behind it; nothing of that acknowledges what waits."""
    data = told(f"""{OPENED}
    2.50  A>B  PA  seq 1100  ack 5000  len 10
    2.60  A>B  PA  seq 1110  ack 5000  len 10
    2.80  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    3.20  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    3.50  B>A  PA  seq 5000  ack 1100  len 10
    4.00  A>B  PA  seq 1100  ack 5010  len 10  | retransmission
    5.60  A>B  PA  seq 1100  ack 5010  len 10  | retransmission
    8.00  end""").flow.story.unanswered_data
    assert data is not None
    assert ((data.since_ns - START_NS) / 10**9, data.resends) == (2.5, 4)


@pytest.mark.parametrize(
    "heard",
    [
        "B>A  A   seq 5000  ack 1110",  # acknowledges it
        "B>A  PA  seq 5000  ack 1100  len 10",  # does not, but lives
        "B>A  A   seq 4999  ack 1100  | keepalive-probe",
    ],
)
def test_whatever_the_other_end_sends_since_shows_that_it_lives(heard: str) -> None:
    assert told(f"{RESENT}    8.00  {heard}\n    90.0  end").flow.story.unanswered_data is None


def test_a_window_probe_has_nothing_in_flight_and_waits_all_the_same() -> None:
    result = told(f"""{OPENED}
    2.00  B>A  A  seq 5000  ack 1100  win 0  | window-update
    2.20  A>B  A  seq 1099  ack 5000         | zero-window-probe
    2.60  A>B  A  seq 1099  ack 5000         | zero-window-probe
    """)
    data = result.flow.story.unanswered_data
    assert data is not None
    assert (data.octets, data.resends) == (0, 2)


def test_data_that_was_acknowledged_each_time_is_sent_in_vain() -> None:
    result = told(f"""{RESENT}
    3.11  B>A  A   seq 5000  ack 1110
    3.90  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    3.91  B>A  A   seq 5000  ack 1110
    """)
    assert result.flow.story.resending_end == 0
    assert result.flow.story.unanswered_data is None


@pytest.mark.parametrize(("at", "is_unresponsive"), [("5.00", True), ("60.00", False)])
def test_who_goes_on_with_something_else_has_heard_an_ack(at: str, is_unresponsive: bool) -> None:
    """The capture lacks it; no sender goes on for a minute without."""
    result = told(f"{RESENT}    {at}  A>B  PA  seq 1110  ack 5000  len 20\n    90.0  end")
    assert (result.flow.story.unanswered_data is not None) == is_unresponsive


def test_what_is_sent_again_from_the_middle_shows_that_acks_are_missing() -> None:
    result = told(f"""{OPENED}
    2.50  A>B  PA  seq 1100  ack 5000  len 10
    2.51  A>B  PA  seq 1110  ack 5000  len 10
    2.52  A>B  PA  seq 1120  ack 5000  len 10
    2.80  A>B  PA  seq 1110  ack 5000  len 10  | retransmission
    3.40  A>B  PA  seq 1110  ack 5000  len 10  | retransmission
    90.0  end
    """)
    assert result.flow.story.unanswered_data is None
