"""What is let go, and that a clock was set, is counted; test_watcher.py and test_session.py have the rest."""

from array import array

from analyzer.monitor.upkeep import let_go, move_clock
from analyzer.tcp.eviction import Limits
from tests.monitor.live import at
from tests.transcript import fed, transcript

CLOSED = """
    0.000  A>B  S   seq 99
    0.010  B>A  SA  seq 499  ack 100
    0.020  A>B  FA  seq 100  ack 500
    0.030  B>A  FA  seq 500  ack 101
    9.000  C>B  S   seq 99
"""
ROOMY = Limits(flows=100, candidates=100)


def test_what_is_let_go_is_counted_and_nothing_else() -> None:
    analyzer = fed(transcript(CLOSED))
    assert let_go(analyzer, at("0"), array("q", [0, 0]), ROOMY) is None
    assert list(analyzer.diagnostics) == []
    let_go(analyzer, at("5"), array("q", [0, 0]), ROOMY)
    assert [(one.code.name, one.count) for one in analyzer.diagnostics] == [("flows-let-go", 1)]


def test_a_clock_that_was_set_is_counted_with_the_next_frame() -> None:
    analyzer = fed(transcript(CLOSED))
    move_clock(analyzer, 10**12)
    assert analyzer.coverage.first_ns == at("0") + 10**12
    assert [(one.code.name, one.count, one.first_frame) for one in analyzer.diagnostics] == [("clock-set", 1, 6)]
