"""Colours that the colour-blind and a grey printer can tell, stable octets, words that are never formulas."""

from itertools import combinations
from typing import Any

import pytest
from matplotlib.figure import Figure

from analyzer.keepalive.verdict.values import Outcome
from analyzer.report.charts import style
from analyzer.report.charts.vectors import svg
from tests.report.charts.drawing import sample


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    "color", [style.INK, style.MUTED, style.BLUE, style.GREEN, style.RED, style.PURPLE, style.GREY]
)
def test_words_can_be_read_on_light_and_dark(color: str) -> None:
    assert contrast(color, style.PAPER) >= 4.3
    assert contrast(style.DARK[color], style.DARK[style.PAPER]) >= 4.5


def test_outcomes_are_told_apart_without_colour() -> None:
    assert set(style.LOOKS) == {outcome.value for outcome in Outcome}
    for one, other in combinations(style.LOOKS.values(), 2):
        assert one.marker != other.marker


def test_a_picture_of_points_is_stable() -> None:
    first, second = (style.png(sample("nc-30-10-5").plot.timeline()) for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG")


def test_a_chart_that_says_why_it_is_empty() -> None:
    assert style.is_nothing(sample("half-open").plot.hosts())
    assert not style.is_nothing(sample("half-open").plot.timeline())


def test_a_chart_shows_itself_in_a_notebook() -> None:
    ax: Any = style.axes(None)
    for shown in (ax, ax.figure):
        octets, size = shown._repr_png_()
        assert octets.startswith(b"\x89PNG")
        assert size["width"] > size["height"]
    assert not hasattr(style.axes(Figure().add_subplot()), "_repr_png_")  # pyplot shows those


def test_labels_leave_out_what_has_no_room() -> None:
    ax = style.axes(None)
    ax.set_xlim(0, 10)
    labels = style.Labels(ax, 0.5)
    assert labels.add(5, "first")
    assert not labels.add(5.1, "second")
    assert labels.add(9, "third")
    assert not labels.add(1, "too long for its room", room=0.5)


@pytest.mark.parametrize(
    ("value", "words"), [(30, "30 s"), (60, "60 s"), (120, "2 min"), (7200, "2 h"), (90, "90 s"), (432000, "5 d")]
)
def test_durations_as_people_say_them(value: float, words: str) -> None:
    assert style.plain_s(value) == words


def test_labels_give_way_a_little() -> None:
    ax = style.axes(None)
    ax.set_xlim(0, 10)
    labels = style.Labels(ax, 0.5)
    assert labels.add(5, "first")
    assert not labels.have_room([1, 4.8], "other")
    assert labels.have_room([1, 9], "other")
    assert not labels.have_room([1, 1.1], "other")
    assert labels.add_near(5.55, "near")
    assert not labels.add_near(5, "there is none for so long a word")


def test_spread_keeps_order_and_distance() -> None:
    assert style.spread([0, 0, 0.05, 5], 0.1) == pytest.approx([0, 0.1, 0.2, 5])


def test_of_places_too_close_to_each_other_one_stays() -> None:
    assert style.apart([0.0, 0.4, 1.1, 1.2, 2.1], 1.0) == [0.0, 1.1, 2.1]
    assert style.apart([3, 1, 2], 0.5) == [1, 2, 3]
    assert style.apart([], 1.0) == []


def test_a_narrow_chart_has_its_title_in_lines_and_fewer_ticks() -> None:
    with style.narrow():
        narrow = style.axes(None)
    wide = style.axes(None)
    for ax in (narrow, wide):
        style.title(ax, "a title of a chart that is longer than a telephone is wide")
        style.log_seconds(ax, 0.1, 432000)
    assert (style.is_narrow(narrow), style.is_narrow(wide)) == (True, False)
    assert "\n" in narrow.get_title(loc="left")
    assert "\n" not in wide.get_title(loc="left")
    assert 5 < len(narrow.get_xticks()) < len(wide.get_xticks())
    assert {0.1, 0.3} < set(wide.get_xticks())
    assert "a title of a chart that is" in svg(narrow, "one").replace("\n", " ")
