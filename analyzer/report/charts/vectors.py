"""A chart as SVG, with stable octets: letters as text, words for screen readers, dark twins of its colours.

Much of what a chart takes is measuring words, so here each is measured once: `savefig` measures all of them three
times, and goes over all that is drawn twice.
"""

from collections.abc import Iterable
from io import StringIO
from typing import Any
from xml.sax.saxutils import escape

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure

from analyzer.report.charts.style import DARK, FONT, Chart, figure_of, is_nothing

FONTS = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif"
POINTS = 72
"""Points in an inch, which SVG counts in."""
PAD = 3
"""Points that stay free about all that stands beside the axes."""
NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def svg(ax: Axes, name: str, *, is_dark_too: bool = True) -> str:
    """Return the figure of these axes as SVG: the same octets each time, letters as text, title and description for
    screen readers; `name` makes its ids its own."""
    if not ax.get_ylabel():  # else its place is looked for, which measures all names at the ticks again and again
        ax.yaxis.set_label_coords(0, 0)
    file = StringIO()
    settings: Any = {"svg.hashsalt": f"ka-analyze {name}", "svg.fonttype": "none", "svg.id": name}
    with rc_context(settings):  # the only way to tell the writer; put back at once
        _write(ax, file)
    words = file.getvalue().replace(f"'{FONT}'", FONTS)
    begin = words.index("<svg")
    head, _, body = words[begin:].partition(">")
    style = f"<style>@media (prefers-color-scheme: dark) {{ {dark_css()} }}</style>" if is_dark_too else ""
    return f'{head} role="img" aria-labelledby="{name}-title {name}-desc">{_spoken(ax, name)}{style}{body}'


def _write(ax: Axes, file: StringIO) -> None:
    """Draw the figure, with room for what stands about the axes of a chart of our own."""
    figure = figure_of(ax)
    (width, height), dots, layout = figure.get_size_inches(), figure.dpi, figure.get_layout_engine()
    figure.dpi = POINTS
    to_file: Any = RendererSVG  # as `print_svg` does; neither has types
    mixed: Any = MixedModeRenderer
    vectors = to_file(width * POINTS, height * POINTS, file, image_dpi=dots, metadata=NO_METADATA)
    renderer = mixed(figure, width, height, dots, vectors)
    if isinstance(figure, Chart):
        _make_room(ax, figure, renderer)
    figure.draw(renderer)
    renderer.finalize()
    figure.dpi = dots
    figure.set_layout_engine(layout)  # a picture of points is laid out by itself


def _make_room(ax: Axes, figure: Figure, renderer: RendererBase) -> None:
    """Make room as a constrained layout does; what stands about the axes is as large in any room."""
    width, height = figure.bbox.size
    inner = ax.get_window_extent(renderer).frozen()
    outer = ax.get_tightbbox(renderer, for_layout_only=True) or inner
    below = sum(one.get_window_extent(renderer).height + 2 * PAD for one in figure.legends)
    left, right = PAD + inner.x0 - outer.x0, width - PAD - (outer.x1 - inner.x1)
    bottom, top = below + PAD + inner.y0 - outer.y0, height - PAD - (outer.y1 - inner.y1)
    if left < right and bottom < top:
        ax.set_position((left / width, bottom / height, (right - left) / width, (top - bottom) / height))
        ax.set_in_layout(True)
    figure.set_layout_engine("none")


def _spoken(ax: Axes, name: str) -> str:
    """Return the elements that a screen reader says in place of a picture."""
    figure = figure_of(ax)
    said = [figure.description] if isinstance(figure, Chart) else []
    said += [text.get_text() for text in ax.texts if is_nothing(ax)]
    title, words = ax.get_title(loc="left").replace("\n", " ") or "Chart", " ".join(filter(None, said))
    return f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(words)}</desc>'


def dark_css() -> str:
    """Return CSS rules that turn each colour into its dark twin, wherever a style names it, in what `use` repeats
    too."""
    return " ".join(_dark_rules())


def _dark_rules() -> Iterable[str]:
    for light, dark in DARK.items():
        for what in ("fill", "stroke"):
            yield f'[style*="{what}: {light}"] {{ {what}: {dark} !important }}'
