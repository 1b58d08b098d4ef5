"""Charts by name."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.layout_engine import TightLayoutEngine

import analyzer
from analyzer.errors import OptionError

NAT = Path(__file__).parents[2] / "samples/nat-forgets-one-of-two/capture.pcap"


@pytest.mark.parametrize("flow", [-1, 2, "10.9.9.9:1"])
@pytest.mark.parametrize("chart", ["timeline", "candidates"])
def test_no_such_connection_is_the_same_error_in_a_chart(chart: str, flow: int | str) -> None:
    with pytest.raises(IndexError, match="there is no connection"):
        getattr(analyzer.analyze(NAT).plot, chart)(flow)


@pytest.mark.parametrize("wrong", [{"setting": "tcp_keepalive_probes"}, {"end": 2}])
def test_candidates_of_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="tcp_keepalive_time or tcp_keepalive_intvl"):
        analyzer.load_example().plot.candidates(0, **wrong)


def test_nothing_is_printed_of_caches_that_cannot_be_kept() -> None:
    code = "import analyzer; analyzer.load_example().plot.timeline(0)"
    how = {"env": os.environ | {"MPLCONFIGDIR": "/proc/nowhere"}, "cwd": NAT.parents[2]}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, **how)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def is_within(figure: Figure, artist: Artist) -> bool:
    box = artist.get_window_extent()
    return (
        figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1
    )


@pytest.mark.parametrize("shape", [(1, 1, 9, 5), (2, 2, 14, 9), (3, 1, 10, 12)])
def test_legends_and_names_have_room_in_a_figure_of_subplots(shape: tuple[int, int, int, int]) -> None:
    """As `plt.subplots` makes it, without a layout, in its own colour; no legend lies on other axes."""
    rows, columns, *size = shape
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    figure.set_facecolor("lavender")
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        analyzer.load_example().plot.timeline(0, ax=ax)
    figure.canvas.draw()
    for ax in axes.flat:
        legend = ax.get_legend()
        assert is_within(figure, legend)
        assert all(is_within(figure, label) for label in ax.get_yticklabels())
        assert not any(legend.get_window_extent().overlaps(other.bbox) for other in axes.flat)
    assert figure.get_facecolor() == to_rgba("lavender")


def test_a_layout_that_somebody_chose_stays() -> None:
    figure = Figure(layout="tight")
    analyzer.load_example().plot.overview(figure.subplots())
    assert isinstance(figure.get_layout_engine(), TightLayoutEngine)


@pytest.mark.parametrize("chart", ["timeline", "candidates", "silences", "services", "overview", "hosts", "cost"])
def test_a_size_and_properties_of_the_axes(chart: str) -> None:
    draw = getattr(analyzer.load_example().plot, chart)
    ax = draw(figsize=(4, 3), title="what it is", xlabel="time", xlim=(1, 9))
    assert tuple(ax.get_figure().get_size_inches()) == (4, 3)
    assert (ax.get_title(loc="left"), ax.get_xlabel(), ax.get_xlim()) == ("what it is", "time", (1, 9))
    assert tuple(draw().get_figure().get_size_inches()) != (4, 3)
    with pytest.raises(OptionError, match="figsize"):
        draw(ax=ax, figsize=(4, 3))
    with pytest.raises(AttributeError, match="colour"):
        draw(colour="red")
