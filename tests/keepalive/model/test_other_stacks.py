"""Stacks other than Linux: when they probe, and what their settings are found to be."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.keepalive.model.linux import EXACT as EXACT_CLOCKS
from analyzer.keepalive.model.linux import SECOND, Event, Keepalive, What
from analyzer.keepalive.model.linux import simulate as simulate_linux
from analyzer.keepalive.model.other_stacks import (
    EXACT,
    ILLUMOS,
    LWIP,
    Restarting,
    due,
    simulate,
)
from analyzer.keepalive.story.values import GapKind
from tests.keepalive.columns import infer
from tests.keepalive.simulated import observe

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
OLD_LINUX = EXACT_CLOCKS[0]
END_NS = 20_000 * SECOND


def life(stack: Restarting, keepalive: Keepalive, alive_until_s: int = 0, heard_s: float = 0.7) -> list[Event]:
    heard_ns = [round(heard_s * SECOND)]
    return list(simulate(stack, keepalive, 0, END_NS, heard_ns, 20_000_000, alive_until_s * SECOND))


def seconds_of(events: list[Event], what: What) -> list[float]:
    return [event.time_ns / SECOND for event in events if event.what is what]


def test_an_exact_stack_probes_on_time() -> None:
    events = life(EXACT, Keepalive(7200, 75, 8), heard_s=1)
    assert seconds_of(events, What.PROBE) == [7201 + 75 * number for number in range(8)]
    assert seconds_of(events, What.GIVE_UP) == [7201 + 600]


def test_an_answer_starts_the_idle_time_anew() -> None:
    """On Linux it would be the interval, which is longer."""
    events = life(EXACT, Keepalive(60, 75, 3), alive_until_s=130, heard_s=1)
    assert seconds_of(events, What.PROBE)[:3] == [61, 121.02, 181.04]


def test_lwip_probes_on_its_grid_without_drift() -> None:
    """At the first tick at which more than the time has passed (tcp.c tcp_slowtmr)."""
    events = life(LWIP, Keepalive(60, 10, 3))
    assert seconds_of(events, What.PROBE) == [61.0, 71.0, 81.0]
    assert seconds_of(events, What.GIVE_UP) == [91.0]


def test_illumos_doubles_and_falls_silent() -> None:
    events = life(ILLUMOS, Keepalive(7200, 75, 9), heard_s=1)
    probes = seconds_of(events, What.PROBE)
    spacings = [later - earlier for earlier, later in pairwise(probes)]
    assert spacings[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert probes[-1] <= 7201 + 480
    assert seconds_of(events, What.GIVE_UP) == []


def test_what_is_due_ends() -> None:
    assert len(list(due(EXACT, Keepalive(60, 10, 3)))) == 4
    assert all(after_ns <= (60 + 480) * SECOND for after_ns, _ in due(ILLUMOS, Keepalive(60, 10, 3)))


KEEPALIVES = st.builds(Keepalive, time_s=st.integers(2, 7200), intvl_s=st.integers(1, 120), probes=st.integers(1, 12))


@given(st.sampled_from([EXACT, LWIP]), KEEPALIVES, st.floats(0, 30), st.integers(0, 6), st.sampled_from([0, 0.04]))
def test_bounds_contain_what_was_simulated(
    stack: Restarting, keepalive: Keepalive, heard_s: float, cycles: int, lag_s: float
) -> None:
    events = life(stack, keepalive, alive_until_s=round(heard_s) + cycles * keepalive.time_s, heard_s=heard_s)
    found = infer(observe(events, 0, END_NS, capture_rtt_ns=round(lag_s * SECOND)), is_whole=True)
    for setting, truth in (
        (found.tcp_keepalive_time, keepalive.time_s),
        (found.tcp_keepalive_intvl, keepalive.intvl_s),
        (found.tcp_keepalive_probes, keepalive.probes),
    ):
        if setting is not None:
            assert setting.low <= truth
            assert setting.high is None or truth <= setting.high


@settings(max_examples=20)
@given(KEEPALIVES.filter(lambda keepalive: keepalive.time_s > 9), st.floats(0, 30))
def test_idle_time_of_a_stack_that_doubles(keepalive: Keepalive, heard_s: float) -> None:
    """It has no interval: what is said of it is that it differs."""
    events = life(ILLUMOS, keepalive, heard_s=heard_s)
    found = infer(observe(events, 0, END_NS), is_whole=True, may_be_linux=False)
    time, intvl = found.tcp_keepalive_time, found.tcp_keepalive_intvl
    assert time is not None
    assert time.low <= keepalive.time_s <= (time.high or 0)
    assert intvl is None or intvl.value is None


@given(KEEPALIVES, st.floats(0, 30), st.integers(0, 4))
def test_bounds_contain_what_linux_before_the_wheel_did(keepalive: Keepalive, heard_s: float, cycles: int) -> None:
    alive_ns = (round(heard_s) + cycles * keepalive.time_s) * SECOND
    events = list(simulate_linux(keepalive, OLD_LINUX, 0, END_NS, [round(heard_s * SECOND)], 20_000_000, alive_ns))
    found = infer(observe(events, 0, END_NS), is_whole=True)
    assert "slack" in found.timers
    for setting, truth in (
        (found.tcp_keepalive_time, keepalive.time_s),
        (found.tcp_keepalive_intvl, keepalive.intvl_s),
    ):
        assert setting is None or setting.low <= truth <= (setting.high or truth)
