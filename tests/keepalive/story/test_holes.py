"""What a flow's segments show to be missing in the capture."""

from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import Told, told


def holes(result: Told) -> tuple[int, int]:
    e = result.analysis._assembler._survey.stories.tell([0]).ends
    return e.holes[0], e.holes[1]


def test_nothing_is_missing() -> None:
    assert holes(told(f"{OPENED}\n 31.01 A>B A seq 1099 ack 5000 | keepalive-probe")) == (0, 0)


def test_a_number_beyond_the_last_shows_what_its_own_end_sent() -> None:
    assert holes(told(f"{OPENED}\n 31.01 A>B PA seq 1200 ack 5000 len 10")) == (1, 0)


def test_an_ack_of_nothing_shows_what_the_other_end_sent() -> None:
    assert holes(told(f"{OPENED}\n 31.01 B>A A seq 5000 ack 1100")) == (1, 0)


def test_identifications_follow_or_skip() -> None:
    text = "".join(f"\n {30 * n}.0  A>B  PA  seq {1000 + 100 * n}  ack 5000  len 100  ipid {n}" for n in (1, 2, 5))
    e = told(f"{OPENED}{text}").analysis._assembler._survey.stories.tell([0]).ends
    assert (e.follows[0], e.skips[0]) == (1, 1)
