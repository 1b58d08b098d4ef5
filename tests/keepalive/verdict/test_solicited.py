"""Questions for a neighbour that nobody answers, and which of them a keepalive timer has asked."""

import pytest

from analyzer.engine.table import Table
from analyzer.keepalive.verdict.os_errors import EPOLL_DEAD
from analyzer.keepalive.verdict.unanswered_probes import are_on_wheel
from analyzer.keepalive.verdict.values import Cause, Outcome, Reason
from analyzer.schema.results import ASKED_FOR
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import told

SECOND = 10**9
RECORDED = (15.032, 25.268, 35.508, 45.748, 55.988)
"""15/10/4 on Linux at 250 Hz, its peer unplugged before the first probe was due: four probes and the RST."""


def asked(times: tuple[float, ...]) -> str:
    """Three tries each, a second apart."""
    tries = (1.01 + at + nth for at in times for nth in (0, 1.02, 2.04))
    return "".join(f"    {at:.3f}  ask B by A\n" for at in tries)


def test_a_timer_that_was_never_heard_is_seen_in_what_its_host_asks() -> None:
    v = told(f"{OPENED}{asked(RECORDED)}    200.0  end").flow.verdict
    assert (v.outcome, v.cause, v.prober) == (Outcome.TIMED_OUT, Cause.LINK_DEAD, 0)
    assert (v.errno, v.epoll) == ("ETIMEDOUT", EPOLL_DEAD)
    assert v.detection_delay_ns == round(RECORDED[-1] * 1000) * SECOND // 1000
    assert v.reasons == (Reason.ASKED_BY_TIMER, Reason.SILENT_GIVE_UP, Reason.NEIGHBOUR_SILENT)


def test_as_long_as_it_asks_it_probes() -> None:
    v = told(f"{OPENED}{asked(RECORDED)}    70.0  end").flow.verdict
    assert (v.outcome, v.cause, v.errno) == (Outcome.PROBING, Cause.LINK_DEAD, None)


def test_with_another_connection_to_the_same_host_it_may_be_the_other_one_s_timer() -> None:
    other = "0 A:7000>B S seq 9\n 0.001 B>A:7000 SA seq 9 ack 10\n 0.002 A:7000>B A seq 10 ack 10\n"
    opened = OPENED.replace(" 0.000 ", " 0.0025 ")
    for flow in told(f"{other}{opened}{asked(RECORDED)}    200.0  end").analysis.flows:
        assert flow.verdict.outcome is Outcome.UNDETECTED


@pytest.mark.parametrize(
    ("times", "is_timer"),
    [
        (RECORDED, True),
        (RECORDED[:3], False),  # two intervals, and the first may be shorter
        ((10, 20, 30, 40, 50), False),  # a program
        ((10, 20.003, 30.005, 40.008), False),  # and one that sleeps
        ((9.0, 19.1, 29.5, 50.3, 91.9), False),  # data that backs off
        ((100, 222.88, 345.76, 468.64), False),  # data that has backed off
        ((7200, 7275.776, 7351.552, 7427.328), True),
        ((7200, 7258, 7319.44, 7380.88), True),  # the first probe was late, and the second on the next boundary
        ((7200, 7262, 7323.44, 7384.88), False),  # nothing makes the first interval longer
    ],
)
def test_what_comes_on_the_wheel(times: tuple[float, ...], is_timer: bool) -> None:
    asked = Table(ASKED_FOR)
    for at in times:
        asked.append(round(at * SECOND), 0, 0, 0)
    assert are_on_wheel(asked.view, 0, len(times)) == is_timer
