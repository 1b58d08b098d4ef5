"""What is given up when there are too many flows or candidates; the rest goes on as if nothing had happened."""

from array import array

import pytest

from analyzer.analysis import Analyzer
from analyzer.engine.dispatch import Engine
from analyzer.tcp.eviction import FEW_CANDIDATES, LONGEST_WAIT_NS, Limits, let_go, shrink
from tests.transcript import START_NS, fed, feed, transcript

SECOND = 10**9
LIVES = """
    0.000  A:1>B  S   seq 99
    1.000  A:2>B  S   seq 99
    1.010  B>A:2  SA  seq 499  ack 100
    1.020  A:2>B  A   seq 100  ack 500
    2.000  A:2>B  FA  seq 100  ack 500
    2.010  B>A:2  FA  seq 500  ack 101
    2.020  A:2>B  A   seq 101  ack 501
    3.000  A:3>B  S   seq 99
    3.010  B>A:3  SA  seq 499  ack 100
    3.020  A:3>B  A   seq 100  ack 500
    63.00  A:3>B  A   seq 99   ack 500
    63.01  B>A:3  A   seq 500  ack 100
    90.00  A:4>B  S   seq 99
    90.01  B>A:4  SA  seq 499  ack 100
    90.02  A:4>B  A   seq 100  ack 500
"""
"""Flow 0 is only a SYN, 1 is closed, 2 is idle and probes, 3 is new."""


def at(seconds: float) -> int:
    return START_NS + round(seconds * SECOND)


def lives() -> Analyzer:
    return fed(transcript(LIVES))


def ports(analyzer: Analyzer) -> list[int]:
    flows = analyzer.tracker.table.flows
    return [number >> 16 for number in flows.view.ports[: flows.rows]]


def test_nothing_is_given_up_below_the_limits() -> None:
    analyzer = lives()
    assert shrink(analyzer.tracker, Engine(), at(100), Limits(flows=4, candidates=100)) is None
    assert ports(analyzer) == [1, 2, 3, 4]


def test_a_mere_syn_goes_first_then_what_was_closed() -> None:
    analyzer = lives()
    forgotten = shrink(analyzer.tracker, Engine(), at(100), Limits(flows=3, candidates=100))
    assert forgotten is not None
    assert (ports(analyzer), forgotten.flows, list(forgotten.new_flow)) == ([3, 4], 2, [-1, -1, 0, 1])


def test_a_flow_that_may_still_be_probed_stays_whatever_the_limit() -> None:
    analyzer = lives()
    shrink(analyzer.tracker, Engine(), at(7_900), Limits(flows=1, candidates=100))
    assert ports(analyzer) == [3, 4]


def test_after_longer_than_any_keepalive_waits_it_goes() -> None:
    analyzer = lives()
    shrink(analyzer.tracker, Engine(), at(64) + LONGEST_WAIT_NS, Limits(flows=2, candidates=100))
    assert ports(analyzer) == [4]


def test_it_goes_at_once_where_memory_decides() -> None:
    analyzer = lives()
    shrink(analyzer.tracker, Engine(), at(100), Limits(flows=2, candidates=100, keeps_idle=False))
    assert ports(analyzer) == [4]


def test_each_flow_keeps_its_latest_candidates_in_capture_order() -> None:
    analyzer = lives()
    forgotten = shrink(analyzer.tracker, Engine(), at(100), Limits(flows=100, candidates=6, of_one_flow=2))
    c = analyzer.tracker.candidates
    assert forgotten is not None
    assert list(zip(c.view.frame[: c.rows], c.view.flow[: c.rows], strict=True)) == [(1, 0), (6, 1), (12, 2), (14, 3)]
    assert forgotten.candidates + c.rows == lives().tracker.candidates.rows


@pytest.mark.parametrize("flows", [2, 3])
def test_what_stays_goes_on_where_it_was(flows: int) -> None:
    """The probe after the shrinking is recognised by what was known of the flow before."""
    text = LIVES + "123.0  A:3>B  A  seq 99  ack 500\n    123.1  B>A:3  A  seq 500  ack 100"
    whole = transcript(text)
    analyzer, expected = lives(), fed(whole).tracker.candidates
    shrink(analyzer.tracker, analyzer.engine, at(100), Limits(flows=flows, candidates=100))
    feed(analyzer, whole[len(transcript(LIVES)) :])
    c = analyzer.tracker.candidates
    assert c.view.heard_ns[c.rows - 2] == expected.view.heard_ns[expected.rows - 2]
    assert c.view.relation[c.rows - 2] == expected.view.relation[expected.rows - 2]
    assert analyzer.tracker.table.flows.rows == 2


ROOMY = Limits(flows=100, candidates=100_000)


def test_what_ended_is_let_go_and_what_did_not_stays() -> None:
    analyzer = lives()
    forgotten = let_go(analyzer.tracker, Engine(), at(2.5), array("q", [0] * 4), ROOMY)
    assert forgotten is not None
    assert (ports(analyzer), forgotten.flows, list(forgotten.new_flow)) == ([3, 4], 2, [-1, -1, 0, 1])


def test_what_ended_later_is_not_yet_let_go() -> None:
    analyzer = lives()
    let_go(analyzer.tracker, Engine(), at(1.5), array("q", [0] * 4), ROOMY)
    assert ports(analyzer) == [2, 3, 4]
    assert let_go(analyzer.tracker, Engine(), at(1.5), array("q", [0] * 3), ROOMY) is None


def test_who_knows_of_others_that_are_over_says_so() -> None:
    analyzer = lives()
    let_go(analyzer.tracker, Engine(), at(1.5), array("q", [0, 0, 0, 1]), ROOMY)
    assert ports(analyzer) == [2, 3]


def test_what_must_stay_stays_although_it_ended() -> None:
    analyzer = lives()
    let_go(analyzer.tracker, Engine(), at(2.5), array("q", [0, -1, 0, 0]), ROOMY)
    assert ports(analyzer) == [2, 3, 4]


def test_of_those_that_stay_the_latest_candidates_are_kept_where_that_is_worth_while() -> None:
    analyzer = fed(transcript(LIVES.splitlines()[1] + "\n" + "\n".join(LIVES.splitlines()[8:11])))
    probes = FEW_CANDIDATES + 1000
    text = "\n".join(f"{10 + n}.0 A:3>B A seq 99 ack 500" for n in range(1, 101))
    frames = transcript(text)
    for start in range(0, probes, 100):
        feed(analyzer, [(ts_ns + start * SECOND, frame) for ts_ns, frame in frames])
    forgotten = let_go(analyzer.tracker, Engine(), at(0), array("q", [0] * 2), ROOMY)
    assert forgotten is not None
    assert (forgotten.flows, analyzer.tracker.candidates.rows) == (0, 1 + ROOMY.of_one_flow)
