"""Accounts of probes."""

from analyzer.keepalive.story.values import Answer, Probe, ledger

S = 10**9


def probe(at: int, answer: Answer = Answer.NOTHING, delay_ns: int = 0, excused: bool = False) -> Probe:
    has_answer = answer is not Answer.NOTHING
    return Probe(at, at * S, 0, answer, at + 1 if has_answer else 0, at * S + delay_ns if has_answer else -1, excused)


def test_probes_are_counted_by_what_answered_them() -> None:
    found = ledger([probe(1, Answer.ACK, 300), probe(2, Answer.ACK, 200), probe(3), probe(4, Answer.DATA, 900)])
    assert dict(found.answers) == {Answer.ACK: 2, Answer.NOTHING: 1, Answer.DATA: 1}
    assert (found.sent, found.lost, found.loss_rate) == (4, 1, 0.25)
    assert (found.fastest_ns, found.slowest_ns) == (200, 900)


def test_a_probe_that_need_not_be_answered_is_not_lost() -> None:
    found = ledger([probe(1, Answer.ACK), probe(2, excused=True)])
    assert (found.excused, found.lost, found.loss_rate) == (1, 0, 0)


def test_no_probe_at_all() -> None:
    found = ledger([])
    assert (found.sent, found.lost, found.loss_rate, found.fastest_ns) == (0, 0, 0, None)
