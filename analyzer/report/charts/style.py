"""The look of charts: colours with their dark twins, axes without a pyplot, seconds on an axis, PNG with stable octets.

Colours are Okabe and Ito's, told apart by the colour-blind; what they mean is also said by a marker or a line's
pattern, so that nothing is lost in grey.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from io import BytesIO
from itertools import pairwise
from textwrap import wrap
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rcdefaults
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

INK, MUTED, RULE, PAPER = "#1b1f24", "#667085", "#d9dde3", "#fefefe"
BLUE, GREEN, RED, PURPLE, AMBER, GREY = "#0072b2", "#00875f", "#c8500a", "#8a2a6e", "#b97a00", "#566070"
DARK = {
    INK: "#e8eaed",
    MUTED: "#9aa4b2",
    RULE: "#3a424e",
    PAPER: "#14171c",
    BLUE: "#5ab6ec",
    GREEN: "#3fce9c",
    RED: "#ff8a50",
    PURPLE: "#e391cb",
    AMBER: "#ffc45a",
    GREY: "#b3bcc8",
}
"""Colours on a dark ground, by those on a light one."""

SIZE = 9.0
"""Size of a chart's letters in points."""
SHARP, SHOWN = 120, 90
"""Dots for each inch of a picture in a notebook, and those at which it is shown."""
FONT = "DejaVu Sans"
"""Font that comes with matplotlib; readers with another one have narrower letters."""
BESIDE = 4.8
"""Room of a legend's mark and the gaps about it, in sizes of a letter."""
LETTER = 0.6
"""Width of a letter, about, in sizes of it."""
BELOW_AXES = 0.5
"""Inches below the axes for ticks and label, before a legend there."""
BESIDE_AXES = 1.8
"""Inches at the left of the axes, about, where names are."""


class Look(NamedTuple):
    """The look of an outcome: colour, the marker at its end, and the line."""

    color: str
    marker: str
    line: str


LOOKS = {
    "timed-out": Look(RED, "X", "-"),
    "unreachable": Look(RED, "D", (0, (6, 1.5))),  # type: ignore[arg-type]  # matplotlib's own form of a pattern
    "reset": Look(PURPLE, "v", "-"),
    "undetected": Look(PURPLE, "s", ":"),
    "probing": Look(AMBER, "P", "--"),
    "open": Look(GREEN, "d", ":"),
    "alive": Look(GREEN, ">", "-"),
    "closed": Look(BLUE, "|", "-"),
    "unknown": Look(GREY, "o", ":"),
}


class Chart(Figure):
    """A figure that shows itself in a notebook."""

    description = ""
    """What it shows, for who does not see it."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        width, height = (int(inches * SHOWN) for inches in self.get_size_inches())
        return _png(self), {"width": width, "height": height}


class ChartAxes(Axes):
    """The axes of such a figure, which are what a chart's function returns: they show it, too."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        figure = figure_of(self)
        assert isinstance(figure, Chart)
        return figure._repr_png_()


WIDE, NARROW = 9.0, 4.6
"""Widths of charts in inches, for a page and for a telephone."""
MORE_ROWS = 0.8
"""Inches that the legend of a narrow chart needs besides: it has fewer columns."""
_width = ContextVar("width", default=WIDE)


@contextmanager
def narrow() -> Iterator[None]:
    """Make the charts that are drawn meanwhile as wide as a telephone."""
    before = _width.set(NARROW)
    try:
        yield
    finally:
        _width.reset(before)


_size: ContextVar[tuple[float, float] | None] = ContextVar("size", default=None)


@contextmanager
def sized(inches: tuple[float, float] | None) -> Iterator[None]:
    """Make the charts that are drawn meanwhile as wide and high as this; without a size as they need."""
    before = _size.set(inches)
    try:
        yield
    finally:
        _size.reset(before)


def axes(given: Axes | None, height: float = 3.4) -> Axes:
    """Return the axes given, or those of a new chart of this height in inches, cleaned of what is not needed.

    A figure whose layout nobody has chosen gets one that makes room for names and legends.
    """
    size = _width.get(), height + (MORE_ROWS if _width.get() == NARROW else 0)
    if given is None:
        figure = Chart(figsize=_size.get() or size, layout="constrained")
        figure.set_facecolor(PAPER)
    elif figure_of(given).get_layout_engine() is None:
        figure_of(given).set_layout_engine("constrained")
    ax = given if given is not None else figure.add_subplot(axes_class=ChartAxes)
    ax.set_facecolor(PAPER)
    ax.tick_params(colors=MUTED, labelcolor=INK, labelsize=SIZE, labelfontfamily=FONT, length=3)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(MUTED)
    ax.grid(visible=True, axis="x", color=RULE, linewidth=0.7)
    ax.set_axisbelow(True)
    return ax


def is_narrow(ax: Axes) -> bool:
    """Tell whether the axes are in a chart for a telephone."""
    return figure_of(ax).get_figwidth() <= NARROW


def figure_of(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def _plot_width(ax: Axes) -> float:
    """Return about how many inches wide the axes are, without what stands at their left."""
    width = _width_of(ax)
    return max(width - BESIDE_AXES, 0.5 * width)


def _width_of(ax: Axes) -> float:
    """Return how many inches wide the axes are with what stands beside them: a chart of our own, or a part of another's
    figure."""
    figure = figure_of(ax)
    width = figure.get_figwidth()
    return (
        width if isinstance(figure, Chart) else min(width, width * ax.get_position(original=True).width + BESIDE_AXES)
    )


def _wrapped(ax: Axes, words: str, size: float) -> str:
    """Break words into lines as wide as the axes."""
    return "\n".join(wrap(words, int(_plot_width(ax) * 72 / (LETTER * size)), break_long_words=False))


def title(ax: Axes, words: str) -> None:
    """Write the title right above the axes: that nothing stands between them need not be measured."""
    look: dict[str, Any] = {"color": INK, "fontsize": SIZE + 2, "fontfamily": FONT, "fontweight": "bold"}
    ax.set_title(_wrapped(ax, words, SIZE + 2), loc="left", y=1, parse_math=False, **look)


def label(ax: Axes, *, x: str = "", y: str = "") -> None:
    ax.set_xlabel(_wrapped(ax, x, SIZE), color=MUTED, fontsize=SIZE, fontfamily=FONT)
    ax.set_ylabel(y, color=MUTED, fontsize=SIZE, fontfamily=FONT)


def say(ax: Axes, x: float, y: float, words: str, color: str = INK, **more: Any) -> None:
    """Write words at a place; nothing in them is taken for a formula."""
    more = {"fontsize": SIZE, "fontfamily": FONT, "ha": "center", "va": "center", **more}
    ax.text(x, y, words, color=color, parse_math=False, **more)


def rules(ax: Axes, rows: int) -> None:
    """Draw a thin line through each row."""
    ax.hlines(range(rows), 0, 1, color=RULE, linewidth=0.5, zorder=0, transform=ax.get_yaxis_transform())


def describe(ax: Axes, words: str) -> None:
    """Note what a chart of our own shows, for who does not see it."""
    figure = figure_of(ax)
    if isinstance(figure, Chart):
        figure.description = words


def legend(ax: Axes) -> None:
    """Draw the legend below the axes, in rows; in a chart of our own outside of the axes."""
    handles, labels = ax.get_legend_handles_labels()
    if not handles:
        return
    options: dict[str, Any] = {"frameon": False, "prop": {"family": FONT, "size": SIZE}, "labelcolor": INK}
    figure = figure_of(ax)
    width = figure.get_figwidth() if isinstance(figure, Chart) else _width_of(ax) - BESIDE_AXES
    options["ncols"] = _columns([str(one) for one in labels], width)
    if isinstance(figure, Chart):
        figure.legend(handles, labels, loc="outside lower left", **options)
    else:
        below = ax.transAxes + ScaledTranslation(0, -BELOW_AXES, figure.dpi_scale_trans)
        options |= {"bbox_to_anchor": (0, 0), "bbox_transform": below, "borderaxespad": 0}
        ax.legend(handles, labels, loc="upper left", **options)


def _columns(labels: Sequence[str], width: float) -> int:
    """Return how many columns of a legend fit in so many inches."""
    for columns in range(min(len(labels), int(width / 1.9)), 1, -1):
        letters = sum(max(map(len, one)) for one in np.array_split(np.array(labels, dtype=object), columns))
        if (letters * 0.57 + columns * BESIDE - 2) * SIZE / 72 <= width:
            return columns
    return 1


def nothing(ax: Axes, words: str) -> Axes:
    """Return an empty chart that says why."""
    ax.set_axis_off()
    say(ax, 0.5, 0.5, words, MUTED, transform=ax.transAxes)
    return ax


def is_nothing(ax: Axes) -> bool:
    """Tell whether the chart is one that only says why it is empty."""
    return not ax.axison


STEPS_S = (
    0.001,
    0.01,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    14400,
    43200,
    86400,
)


def step_s(span_s: float, about: int = 8) -> float:
    """Return a distance of ticks, in seconds, that people count in."""
    return next((step for step in STEPS_S if span_s / step <= about), STEPS_S[-1] * max(1, span_s // 86400 // about))


def clock_words(span_s: float) -> tuple[str, Callable[[float], str]]:
    """Return the unit for instants within such a span, and a function that formats them."""
    if span_s < 600:
        return "s", lambda t: f"{t:.10g}"
    if span_s < 7200:
        return "min:s", lambda t: f"{round(t) // 60}:{round(t) % 60:02}"
    return "h:min", lambda t: f"{round(t) // 3600}:{round(t) % 3600 // 60:02}"


def plain_s(value_s: float) -> str:
    """Format a duration as people say it."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if value_s >= 2 * size and value_s % size == 0:
            return f"{value_s / size:g} {unit}"
    return f"{value_s:g} s"


TIMES_S = (0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400, 432000)
"""Times that timers are set to."""
NAMED_TICK = 0.42
"""Inches that the name of a tick needs."""


def log_seconds(ax: Axes, shortest_s: float, longest_s: float) -> None:
    """Make the axis logarithmic, with ticks where timers are set."""
    least = (longest_s / shortest_s) ** (NAMED_TICK / _plot_width(ax))
    ticks: list[float] = []
    for time_s in TIMES_S:
        if shortest_s <= time_s <= longest_s and (not ticks or time_s >= least * ticks[-1]):
            ticks.append(time_s)
    ax.set_xscale("log")
    ax.set_xlim(shortest_s, longest_s)
    ax.set_xticks(ticks, [plain_s(t) for t in ticks])
    ax.minorticks_off()


class Labels:
    """Places words on a line of an axes so that none overlaps another; the first to come has its place."""

    def __init__(self, ax: Axes, y: float) -> None:
        left, right = ax.get_xlim()
        self.ax, self.y = ax, y
        self.per_inch = (right - left) / _plot_width(ax)
        self.taken: list[tuple[float, float]] = []

    def have_room(self, places: Sequence[float], words: str) -> bool:
        """Tell whether the same words fit at all of these places, in order."""
        half = self._half(words)
        is_apart = all(later - earlier >= 2 * half for earlier, later in pairwise(places))
        return is_apart and not any(self._is_taken(x, half) for x in places)

    def _half(self, words: str) -> float:
        """Return half of the width that words need."""
        return (len(words) * SIZE * LETTER + 6) / 72 * self.per_inch / 2

    def _is_taken(self, x: float, half: float) -> bool:
        return any(x - half < right and left < x + half for left, right in self.taken)

    def add_near(self, x: float, words: str, color: str = INK) -> bool:
        """Write a label, or a little beside the place where it is taken; return False where there was no room."""
        return any(self.add(x + shift * self._half(words), words, color) for shift in (0, 0.7, -0.7))

    def add(self, x: float, words: str, color: str = INK, room: float | None = None, **more: Any) -> bool:
        """Write a label; return False where there was no room, or less than the words need of the `room` that they must
        fit in."""
        half = self._half(words)
        if (room is not None and 2 * half > room) or self._is_taken(x, half):
            return False
        self.taken.append((x - half, x + half))
        say(self.ax, x, self.y, words, color, **more)
        return True


def spread(x: Sequence[float], least: float) -> list[float]:
    """Return the places in order, moved to the right where they are too close to be told apart."""
    moved: list[float] = []
    for one in x:
        moved.append(max(one, moved[-1] + least) if moved else one)
    return moved


def apart(x: Iterable[float], least: float) -> list[float]:
    """Return the places in order without those that are less than that behind the last one that stays."""
    kept: list[float] = []
    for one in sorted(x):
        if not kept or one - kept[-1] >= least:
            kept.append(one)
    return kept


def use_no_settings() -> None:
    """Draw as without a matplotlibrc. For the command: the current folder, whose matplotlibrc goes before all others,
    may be anybody's, and text may be set by LaTeX, which is a program."""
    rcdefaults()


def png(ax: Axes) -> bytes:
    """Return the figure of these axes as PNG: the light one, the same octets each time."""
    return _png(figure_of(ax))


def _png(figure: Figure) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="png", dpi=SHARP, metadata={"Software": None}, pil_kwargs={"optimize": True})
    return file.getvalue()
