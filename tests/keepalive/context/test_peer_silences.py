"""Who left whom waiting, and until when; which RSTs show that a connection was forgotten."""

from analyzer.keepalive.story.values import Answer
from tests.keepalive.tags.test_tag import OPENED
from tests.keepalive.verdict.test_judge import GAVE_UP
from tests.transcript import START_NS, Told, told

PROBED = f"""{OPENED}
    31.010  A>B  A  seq 1099  ack 5000  | keepalive-probe
    41.010  A>B  A  seq 1099  ack 5000  | keepalive-probe
"""


def peer_silences(result: Told) -> list[tuple[int, float, float]]:
    """Row of the end in ENDS, and s."""
    w = result.analysis._assembler._survey.notes.peer_silences
    spans = [(w.view.since_ns[row] - START_NS, w.view.until_ns[row] - START_NS) for row in range(w.rows)]
    return [(w.view.end[row], since / 10**9, until / 10**9) for row, (since, until) in enumerate(spans)]


def test_from_the_first_unanswered_probe_to_the_capture_s_end() -> None:
    assert peer_silences(told(PROBED + "    90.0  end")) == [(1, 31.01, 90.0)]


def test_until_the_reset() -> None:
    [(end, _, until)] = peer_silences(told(GAVE_UP))
    flow = told(GAVE_UP).flow
    assert flow.story.reset is not None
    assert (end, until) == (1, (flow.story.reset.ts_ns - START_NS) / 10**9)


def test_data_is_waited_for_since_it_was_sent() -> None:
    """What else was heard of the other end in the silence before says nothing of whether it is still there."""
    result = told(f"""{OPENED}
    2.000  A>B  PA  seq 1100  ack 5000  len 10
    2.300  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    9.000  end
    """)
    assert peer_silences(result) == [(1, 2.0, 9.0)]


def test_who_answers_is_not_waited_for() -> None:
    result = told(PROBED + "    41.02  B>A  A  seq 5000  ack 1100  | keepalive-answer")
    assert result.flow.ends[0].story.probes[-1].answer is Answer.ACK
    assert peer_silences(result) == []


def test_a_host_that_resets_what_it_does_not_know() -> None:
    def forgotten(flags: str) -> list[int]:
        result = told(f"""{PROBED}    41.02  B>A  {flags}  seq 5000  ack 1100  | rst of 41.010""")
        notes = result.analysis._assembler._survey.notes
        return list(notes.forgotten.view.end[: notes.forgotten.rows])

    assert forgotten("R") == [1]
    assert forgotten("RA") == []
