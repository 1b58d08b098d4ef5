"""Timers that are set to parts of a second, against gaps whose truth is known."""

import pytest

from analyzer.keepalive.settings.values import Settings
from analyzer.keepalive.story.values import GapKind
from tests.keepalive.columns import ObservedEnd, infer, settings_of_end
from tests.keepalive.simulated import gap

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind


def time_of(settings: Settings) -> tuple[int | None, float, float | None] | None:
    time = settings.tcp_keepalive_time
    return (time.value, time.low, time.high) if time is not None else None


@pytest.mark.parametrize("true_s", [2.3, 3.2, 7.5, 10.5, 189.8])
def test_bounds_hold_a_setting_with_parts_of_a_second_and_no_value_is_given(true_s: float) -> None:
    """gVisor's timers are exact; nothing else comes so near to a tenth each time."""
    gaps = [gap(FIRST, true_s + 0.001), *(gap(CYCLE, true_s + late, true_s + late) for late in (0.002, 0.014, 0.003))]
    settings = infer(gaps, is_whole=True)
    assert settings.tcp_keepalive_time is not None
    value, low, high = time_of(settings) or (0, 0, 0)
    assert low <= true_s <= (high or 0)
    assert value is None or (true_s, value) == (10.5, 10)  # lwIP's 10 s look the same, and are set more often
    assert "exact" in settings.models


@pytest.mark.parametrize(("lacks", "high"), [(0, 4), (20, 4.2)])
def test_where_frames_are_missing_a_gap_twice_as_long_lacks_a_probe(lacks: int, high: float) -> None:
    gaps = [gap(FIRST, 4.201), gap(CYCLE, 4.203, 4.203), gap(CYCLE, 8.404, 8.404), gap(CYCLE, 4.2, 4.2)]
    time = settings_of_end(ObservedEnd(gaps, is_whole=True, lacks=lacks)).tcp_keepalive_time
    assert time is not None
    assert time.high is not None
    assert time.high >= high


def test_what_the_wheel_makes_late_alike_each_time_is_no_tenth() -> None:
    """5 s at 250 Hz: 5.120 s, 20 ms above a tenth, to the millisecond; no busy host is late so evenly."""
    settings = infer([gap(FIRST, 60.2), *(gap(SPACING, -1, 5.12, nth) for nth in (1, 2, 3))], is_whole=True)
    intvl = settings.tcp_keepalive_intvl
    assert intvl is not None
    assert (intvl.value, intvl.low, intvl.high) == (5, 5, 5)
    assert "exact" not in settings.models


def test_an_interval_with_parts_of_a_second() -> None:
    gaps = [
        gap(FIRST, 7.501),
        *(gap(SPACING, -1, 2.3 + late, nth) for nth, late in ((1, 0.001), (2, 0.004), (3, 0.002))),
    ]
    intvl = infer(gaps, is_whole=True).tcp_keepalive_intvl
    assert intvl is not None
    assert intvl.value is None
    assert intvl.low <= 2.3 <= (intvl.high or 0)


@pytest.mark.parametrize(
    ("seen_s", "true_s"),
    [
        ((180.0189, 179.9215, 180.0312, 180.0302), 180),  # Windows XP
        ((7.7221, 7.9998, 7.9999, 7.9999), 8),  # VxWorks: a grid of 8 s, 17 ppm fast
        ((9.69,), 10),  # once: early by a tick, or 9 late
        ((4.9941, 5.0048, 4.9978, 5.0049), 5),  # Windows
        ((29.98, 30.02, 29.985), 30),
    ],
)
def test_timers_other_than_linuxs_may_be_early(seen_s: tuple[float, ...], true_s: int) -> None:
    gaps = [gap(FIRST if nth == 0 else CYCLE, ns, ns if nth else -1) for nth, ns in enumerate(seen_s)]
    settings = infer(gaps, is_whole=True, may_be_linux=False)
    value, low, high = time_of(settings) or (0, 0, 0)
    assert low <= true_s <= (high or 0)
    assert value in (None, true_s)
