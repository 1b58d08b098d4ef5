"""Idle times that were changed while the connection lived, against gaps whose truth is known."""

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive.settings.values import Basis
from analyzer.keepalive.story.values import Echo, Gap, GapKind
from tests.keepalive.columns import infer
from tests.keepalive.simulated import gap
from tests.recordings import FOLDER

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind


def cycles(seconds: float, times: int, echo: Echo = Echo.UNTOLD) -> list[Gap]:
    return [gap(CYCLE, seconds, seconds)._replace(echo=echo) for _ in range(times)]


LONG, SHORT, IN_BETWEEN = 19.23, 10.15, cycles(13.4, 1)


def test_shorter_ones_that_were_heard() -> None:
    """The change came in the middle of a gap."""
    gaps = [*cycles(LONG, 4), *IN_BETWEEN, *cycles(SHORT, 5, Echo.AGREES)]
    time = infer(gaps, is_whole=True).tcp_keepalive_time
    assert time is not None
    assert (time.basis, time.value, time.low, time.high, time.n) == (Basis.CHANGED, None, 1, 10, 9)
    assert time.seen_ns == (10_150_000_000, 19_230_000_000)


def test_longer_ones_need_no_echo() -> None:
    """Probes that go unheard come sooner, never later."""
    time = infer([*cycles(SHORT, 4), *IN_BETWEEN, *cycles(LONG, 5)], is_whole=True).tcp_keepalive_time
    assert time is not None
    assert (time.basis, time.low, time.high) == (Basis.CHANGED, 1, 19)


@pytest.mark.parametrize("kept", [2, 5])
def test_no_timer_makes_cycles_of_the_idle_time_and_of_a_longer_interval(kept: int) -> None:
    """Where answers restart the timer no cycle is longer than the idle time; elsewhere none is shorter than the
    interval."""
    settings = infer([gap(FIRST, 10.0), *cycles(10.0, kept), *cycles(19.0, 5)], is_whole=True)
    assert settings.tcp_keepalive_intvl is None
    time = settings.tcp_keepalive_time
    assert time is not None
    assert (time.value, time.basis) == (None, Basis.CHANGED)


def test_cycles_of_a_longer_interval_are_no_change() -> None:
    settings = infer([gap(FIRST, 10.0), *cycles(19.0, 5)], is_whole=True)
    time, intvl = settings.tcp_keepalive_time, settings.tcp_keepalive_intvl
    assert time is not None
    assert intvl is not None
    assert (time.value, intvl.value) == (10, 19)


@pytest.mark.parametrize(
    "gaps",
    [
        [*cycles(LONG, 4), *IN_BETWEEN, *cycles(SHORT, 5)],  # an interval apart, if no answer was heard
        [*cycles(LONG, 2), *IN_BETWEEN, *cycles(SHORT, 5, Echo.AGREES)],
        [*cycles(LONG, 4), *IN_BETWEEN, *cycles(SHORT, 2, Echo.AGREES)],
        [*cycles(LONG, 4), *cycles(SHORT, 4, Echo.AGREES), *cycles(LONG, 4)],
        [*cycles(LONG, 4), *IN_BETWEEN, *IN_BETWEEN, *cycles(SHORT, 4, Echo.AGREES)],
    ],
)
def test_what_else_would_look_like_that_is_no_change(gaps: list[Gap]) -> None:
    time = infer(gaps, is_whole=True).tcp_keepalive_time
    assert time is None or time.basis is not Basis.CHANGED


def test_a_socket_whose_time_was_set_again() -> None:
    time = analyze(str(FOLDER / "changed-in-mid-life/capture.pcap")).flows[0].ends[0].settings.tcp_keepalive_time
    assert time is not None
    assert time.basis is Basis.CHANGED
    assert (time.value, time.low, time.high) == (5, 5, 5)  # the interval of 2 s is known
    assert round(time.seen_ns[1] / 1e9) == 12
