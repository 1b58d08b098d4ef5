"""Which silences are cut, and that what is left stays in order and to scale."""

from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.charts.timescale import TimeScale

DEFAULTS = [0.0, *(7200.0 * n for n in (1, 2, 3)), *(21600 + 75.0 * n for n in range(1, 10))]


def test_two_hours_are_cut_so_that_the_probes_can_be_seen() -> None:
    scale = TimeScale(DEFAULTS)
    assert len(scale.cuts) == 3
    assert scale.place(DEFAULTS[-1]) - scale.place(21600) > 0.4 * scale.width


def test_like_silences_are_left_whole() -> None:
    assert TimeScale([0, 31, 41, 51, 61, 71]).cuts == []
    assert TimeScale([0, 7200, 14400, 21600]).cuts == []


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=40, unique=True).map(sorted))
def test_order_is_kept_and_ticks_are_never_in_a_cut(times: list[float]) -> None:
    scale = TimeScale(times)
    places = [scale.place(time) for time in times]
    assert places == sorted(places)
    assert places[0] == 0
    assert abs(places[-1] - scale.width) <= 1e-6 * max(1, scale.width)
    for tick in scale.ticks():
        assert not any(begin < tick < end for begin, end in scale.cuts)
