"""What tests of charts share: analyses of recordings, the words of a chart, whether words overlap."""

from functools import cache
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

import analyzer

SAMPLES = Path(__file__).parents[3] / "samples"


@cache
def sample(name: str) -> analyzer.Analysis:
    [path] = (SAMPLES / name).glob("capture.pcap*")
    return analyzer.analyze(path)


def words(ax: Axes) -> list[str]:
    """All that is written in the axes, its title and legend included."""
    figure: Any = ax.figure
    legends = [legend for legend in (*figure.legends, ax.get_legend()) if legend is not None]
    texts = [*ax.texts, *ax.get_xticklabels(), *ax.get_yticklabels(), *(text for one in legends for text in one.texts)]
    return [text.get_text() for text in texts if text.get_text()] + [ax.get_title(loc="left")]


def overlapping(ax: Axes) -> list[tuple[str, str]]:
    """Pairs of words in the axes, or of tick labels, that lie over each other as rendered."""
    figure: Any = ax.figure
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    found = []
    for texts in (ax.texts, ax.get_xticklabels(), ax.get_yticklabels()):
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_text()]
        found += [
            (one, other)
            for index, (one, box) in enumerate(boxes)
            for other, beside in boxes[index + 1 :]
            if box.overlaps(beside)
        ]
    return found
