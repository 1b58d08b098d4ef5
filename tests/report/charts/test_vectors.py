"""Charts as SVG: stable octets, room about the axes, dark twins, words that are never formulas nor markup."""

from io import BytesIO
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from analyzer.report.charts import style
from analyzer.report.charts.vectors import PAD, POINTS, dark_css, svg
from tests.report.charts.drawing import sample


def test_svg_is_stable_and_needs_nothing() -> None:
    first, second = (svg(sample("nc-30-10-5").plot.timeline(), "timeline") for _ in range(2))
    assert first == second
    ET.fromstring(first)
    assert "date" not in first.lower()
    assert first.count("http") == first.count("http://www.w3.org/")


def test_dark_twins_are_named_in_the_svg() -> None:
    plain = svg(sample("nc-30-10-5").plot.timeline(), "timeline", is_dark_too=False)
    assert "prefers-color-scheme" not in plain
    assert f"fill: {style.INK}" in plain
    assert f'[style*="fill: {style.INK}"] {{ fill: {style.DARK[style.INK]} !important }}' in dark_css()


def test_a_screen_reader_has_title_and_description() -> None:
    a = sample("nc-30-10-5")
    drawn = ET.fromstring(svg(a.plot.timeline(), "one"))
    assert (drawn.get("role"), drawn.get("aria-labelledby")) == ("img", "one-title one-desc")
    said = {one.get("id"): one.text for one in drawn if one.tag.endswith(("title", "desc"))}
    assert said["one-title"] == f"#0  {a.flow(0).headline}"
    assert all(sentence in str(said["one-desc"]) for sentence in a.flow(0).sentences)


@pytest.mark.parametrize("name", ["overview", "silences", "services", "hosts", "cost", "candidates", "timeline"])
@pytest.mark.parametrize("recording", ["nat-fifty-300", "node-closes-after-5", "half-open"])
def test_every_chart_can_be_described(recording: str, name: str) -> None:
    drawn = ET.fromstring(svg(getattr(sample(recording).plot, name)(), name))
    assert [one.text for one in drawn if one.get("id") == f"{name}-desc"] != [None]


def test_what_a_reader_says_is_no_markup() -> None:
    ax = style.axes(None)
    style.title(ax, "<b>&")
    style.describe(ax, "<script>")
    assert '<title id="one-title">&lt;b&gt;&amp;</title><desc id="one-desc">&lt;script&gt;' in svg(ax, "one")


def test_words_are_not_formulas() -> None:
    ax = style.axes(None)
    style.say(ax, 0.5, 0.5, "$x^2$ <script>&")
    assert "$x^2$ &lt;script&gt;&amp;" in svg(ax, "words")


@pytest.mark.parametrize("name", ["timeline", "candidates", "silences", "overview", "hosts", "cost"])
@pytest.mark.parametrize("is_narrow", [False, True])
def test_room_is_what_a_constrained_layout_makes(name: str, is_narrow: bool) -> None:
    """Which measures again where all is at its place: what hangs over at the right is a little less then."""
    draw = getattr(sample("nat-fifty-300").plot, name)
    if is_narrow:
        with style.narrow():
            made, laid_out = draw(), draw()
    else:
        made, laid_out = draw(), draw()
    svg(made, "made")
    laid_out.get_figure().savefig(BytesIO(), format="svg")
    points = np.tile(laid_out.get_figure().get_size_inches() * POINTS, 2)
    assert made.get_position().extents * points == pytest.approx(laid_out.get_position().extents * points, abs=PAD)


def test_writing_vectors_leaves_the_layout_to_a_picture_of_points() -> None:
    made, untouched = (sample("nat-fifty-300").plot.silences() for _ in range(2))
    svg(made, "made")
    assert style.png(made) == style.png(untouched)
