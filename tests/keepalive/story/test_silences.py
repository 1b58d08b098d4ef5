"""Which silences are kept of a connection, and which of them the path survived."""

from tests.keepalive.made import limits, ns
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import told


def test_a_silence_is_survived_when_the_other_end_is_heard_later() -> None:
    """However late, and whatever it says."""
    result = told(f"""{OPENED}
    31.0  A>B  PA  seq 1100  ack 5000  len 10
    31.2  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    32.9  B>A  A   seq 5000  ack 1110
    75.0  B>A  PA  seq 5000  ack 1110  len 10
    """)
    first, second = result.flow.story.silences
    assert (first.frame, first.sender, first.survived) == (6, 0, True)
    assert (second.frame, second.sender, second.survived) == (9, 1, False)


def test_of_short_silences_those_of_an_end_that_probes_tell_something() -> None:
    """Of them the longest survived one is kept; the last, of 8 s, was not answered, so nobody knows. One of 4 s before
    an answered probe is no limit of the path."""
    quiet = f"""{OPENED}
    4.0   A>B  PA  seq 1100  ack 5000  len 10
    4.1   B>A  A   seq 5000  ack 1110
    10.1  A>B  PA  seq 1110  ack 5000  len 10
    10.2  B>A  A   seq 5000  ack 1120
    """
    probed = f"""{quiet}
    14.2  A>B  A   seq 1119  ack 5000  | keepalive-probe
    14.3  B>A  A   seq 5000  ack 1120  | keepalive-answer
    22.3  A>B  PA  seq 1120  ack 5000  len 10
    """
    assert told(quiet).flow.story.silences == ()
    [silence] = told(probed).flow.story.silences
    assert (silence.frame, silence.ns, silence.survived) == (8, ns(6), True)
    assert limits([told(probed).flow]) == ()


def test_a_silence_that_was_not_survived_stands_beside_the_longest_that_was() -> None:
    result = told(f"""{OPENED}
    8.0   A>B  PA  seq 1100  ack 5000  len 10
    8.1   B>A  A   seq 5000  ack 1110
    11.1  A>B  PA  seq 1110  ack 5000  len 10
    11.2  B>A  A   seq 5000  ack 1120
    31.2  A>B  PA  seq 1120  ack 5010  len 10
    """)
    assert [(one.frame, one.survived) for one in result.flow.story.silences] == [(6, True), (10, False)]


def test_a_reset_is_no_sign_that_the_path_works() -> None:
    result = told(f"""{OPENED}
    31.0  A>B  PA  seq 1100  ack 5000  len 10
    31.1  B>A  R   seq 5000  win 0
    """)
    assert [silence.survived for silence in result.flow.story.silences] == [False]


def test_a_silence_with_something_outstanding_is_no_test_of_the_path() -> None:
    """The path broke while data was on its way: how long the resends were apart has nothing to do with it."""
    result = told(f"""{OPENED}
    2.0   A>B  PA  seq 1100  ack 5000  len 10
    4.0   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    8.0   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    24.0  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    """)
    assert result.flow.story.silences == ()
