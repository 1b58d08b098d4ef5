"""What became of a connection: transcripts, and the outcome that a person who knows all of it would give."""

import pytest

from analyzer.keepalive.verdict.values import Cause, Outcome, Reason, Verdict
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import Told, told

SECOND = 10**9
RUN = f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    51.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
"""
GAVE_UP = f"{RUN}    61.01  A>B  RA  seq 1100  ack 5000  | give-up-rst"


def verdict(result: Told) -> Verdict:
    return result.flow.verdict


def outcome(result: Told) -> tuple[Outcome, Cause | None]:
    return verdict(result).outcome, verdict(result).cause


# ---- closed


def test_fin_from_both_ends_closes() -> None:
    result = told(f"""{OPENED}
    2.00  A>B  FA  seq 1100  ack 5000
    2.01  B>A  FA  seq 5000  ack 1101
    2.02  A>B  A   seq 1101  ack 5001
    """)
    assert outcome(result) == (Outcome.CLOSED, Cause.APPLICATION)
    assert (verdict(result).errno, verdict(result).reasons) == (None, (Reason.FIN_BOTH,))
    assert verdict(result).evidence_frames == (6, 7)


def test_a_connection_closed_after_an_unanswered_probe_is_closed() -> None:
    result = told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    35.00  A>B  FA  seq 1100  ack 5000
    35.01  B>A  FA  seq 5000  ack 1101  | fin
    35.02  A>B  A   seq 1101  ack 5001
    """)
    assert outcome(result) == (Outcome.CLOSED, Cause.APPLICATION)


# ---- still open, or nobody knows


def test_a_run_that_the_peer_ends_is_alive() -> None:
    v = verdict(told(f"{RUN}    51.02  B>A  A  seq 5000  ack 1100  | keepalive-answer"))
    assert (v.outcome, v.prober, v.reasons) == (Outcome.ALIVE, 0, (Reason.PROBES_IGNORED,))
    assert v.evidence_frames == (9,)


def test_a_probe_half_a_second_after_an_answer_need_not_be_answered() -> None:
    """Linux answers one empty segment outside of the window in 500 ms (tcp_oow_rate_limited): no sign of death."""
    probed = f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000         | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100         | keepalive-answer of 31.01
    31.31  A>B  A  seq 1099  ack 5000{{}}  | keepalive-probe
    {{}}  end
    """
    v = verdict(told(probed.format("", "60.0")))
    assert (v.outcome, v.reasons) == (Outcome.ALIVE, (Reason.PROBES_ANSWERED,))
    assert verdict(told(probed.format("  len 1", "600.0"))).outcome is Outcome.TIMED_OUT


def test_a_peer_that_answers_data_but_no_probes_is_alive() -> None:
    """uIP and Contiki take no notice of an empty segment outside of the window."""
    v = verdict(
        told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000          | keepalive-probe
    41.01  A>B  A   seq 1099  ack 5000          | keepalive-probe
    45.00  A>B  PA  seq 1100  ack 5000  len 10
    45.01  B>A  A   seq 5000  ack 1110
    70.00  end
    """)
    )
    assert (v.outcome, v.reasons) == (Outcome.ALIVE, (Reason.PROBES_IGNORED,))


def test_a_run_that_acknowledged_data_ends_is_alive() -> None:
    result = told(f"""{RUN}
    55.000  A>B  PA  seq 1100  ack 5000  len 10
    55.010  B>A  A   seq 5000  ack 1110
    """)
    assert verdict(result).outcome is Outcome.ALIVE


def test_alive_without_any_probe() -> None:
    v = verdict(told(f"{OPENED}    1.9  end"))
    assert (v.outcome, v.prober, v.reasons) == (Outcome.ALIVE, None, (Reason.NO_PROBE_DUE,))


ONE_SIDED = """
    0.000  A>B  S   seq 999
    0.020  A>B  A   seq 1000  ack 5000
    1.000  A>B  PA  seq 1000  ack 5000  len 100
"""


def test_unknown_when_one_side_was_not_captured() -> None:
    v = verdict(told(f"{ONE_SIDED}    2.000  A>B  A   seq 1100  ack 5100"))
    assert (v.outcome, v.cause, v.reasons) == (Outcome.UNKNOWN, None, (Reason.ONE_SIDED,))


@pytest.mark.parametrize("end", ["62.0", "1000.0"])
def test_unknown_when_the_side_that_would_answer_probes_was_not_captured(end: str) -> None:
    """A acknowledges a SYN that is not in the capture: silence of B proves nothing."""
    result = told(f"""{ONE_SIDED}
    31.01  A>B  A  seq 1099  ack 5000  | keepalive-probe
    61.05  A>B  A  seq 1099  ack 5000  | keepalive-probe
    {end}  end
    """)
    assert verdict(result).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("end", ["40.0", "1000.0"])
def test_unknown_when_the_side_that_would_acknowledge_data_was_not_captured(end: str) -> None:
    result = told(f"""{ONE_SIDED}
    31.0  A>B  PA  seq 1100  ack 5000  len 10
    31.2  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    31.6  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    {end}  end
    """)
    assert verdict(result).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(("end", "expected"), [("90.0", Outcome.ALIVE), ("160.0", Outcome.UNKNOWN)])
def test_of_a_prober_that_ceases_nothing_is_known(end: str, expected: Outcome) -> None:
    """Probed every 30 s: gone, closed unseen, or no longer captured."""
    v = verdict(
        told(f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100  | keepalive-answer
    61.02  A>B  A  seq 1099  ack 5000  | keepalive-probe
    61.03  B>A  A  seq 5000  ack 1100  | keepalive-answer
    {end}  end
    """)
    )
    assert v.outcome is expected
    assert (Reason.PROBES_CEASED in v.reasons) == (expected is Outcome.UNKNOWN)


def test_where_answered_probes_hasten_nobody_is_called_alive() -> None:
    """Its interval is 10 s: it hears no answers any more, or has been set anew."""
    times = (31, 61, 91, 121, 131, 141)
    rows = "".join(
        f"    {at}.01  A>B  A  seq 1099  ack 5000  | keepalive-probe\n"
        f"    {at}.02  B>A  A  seq 5000  ack 1100  | keepalive-answer\n"
        for at in times
    )
    v = verdict(told(f"{OPENED}{rows}"))
    assert (v.outcome, v.reasons) == (Outcome.UNKNOWN, (Reason.PROBES_HASTEN,))
    even = verdict(told(f"{OPENED}{rows[: rows.index('    131')]}"))
    assert even.outcome is Outcome.ALIVE


@pytest.mark.parametrize(("later", "outcome"), [(3.0, Outcome.UNKNOWN), (10.5, Outcome.ALIVE)])
def test_probes_that_come_sooner_from_some_time_on_may_be_unheard(later: float, outcome: Outcome) -> None:
    """lwIP set to 10/3/5, without timestamps; its answers are captured, and do not arrive."""
    at, lines = 0.02, OPENED.splitlines()[:4]  # the handshake
    for pause in [11.06, 10.53, 10.8, *[later] * 4]:
        at += pause
        lines += [f"    {at:.3f}  A>B  A  seq 999  ack 5000  | keepalive-probe"]
        lines += [f"    {at + 0.01:.3f}  B>A  A  seq 5000  ack 1000  | keepalive-answer of {at:.3f}"]
    assert verdict(told("\n".join([*lines, f"    {at + 1:.3f}  end"]))).outcome is outcome
