"""The picture of docs/design/inference.md: how 75.776 s becomes 75, drawn from the forward model."""

from io import StringIO

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analyzer.keepalive.model.linux import EXACT, LINUX, SECOND, spacing_ns

HZ_250 = LINUX[1]
SETTINGS = range(72, 78)
LEFT, RIGHT = 71.2, 78.6
SEEN_S = 75.776
GREY, BLUE, RED = "#8a8f98", "#2f6fbd", "#c0392b"
STABLE = {"svg.hashsalt": "ka-analyze", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}


def wheel() -> str:
    """The SVG, the same octets each time."""
    with mpl.rc_context(STABLE):
        figure = Figure(figsize=(8.4, 5.0), layout="constrained")
        forward, rates = figure.subplots(2, 1, height_ratios=(6, 5), sharex=True)
        _forward(forward)
        _rates(rates)
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _forward(axes: Axes) -> None:
    """Each setting with the boundary on which its timer fires; those that fire when a probe was seen stand out."""
    boundary_s = HZ_250.granularity_ns(3) / SECOND
    for number in range(int(LEFT / boundary_s) + 1, int(RIGHT / boundary_s) + 1):
        axes.axvline(number * boundary_s, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.text(number * boundary_s, 71.4, f"{number * boundary_s:.3f} s", ha="center", va="bottom", color=GREY)
    for setting in SETTINGS:
        fired_s = spacing_ns(HZ_250, setting) / SECOND
        is_seen = abs(fired_s - SEEN_S) < 0.001
        color = RED if is_seen else BLUE
        axes.plot([setting, fired_s], [setting, setting], color=color, linewidth=2.2 if is_seen else 1.2)
        axes.plot(setting, setting, marker="o", color=color, markersize=5)
        axes.plot(fired_s, setting, marker=">", color=color, markersize=7)
        axes.text(setting - 0.1, setting, f"{setting} s", ha="right", va="center", color=color, backgroundcolor="white")
    axes.set_ylim(77.6, 71.5)
    axes.set_yticks([])
    axes.set_ylabel("tcp_keepalive_intvl, s")
    axes.set_title("250 Hz: boundaries 512 jiffies apart; a timer fires at the next one", loc="left", pad=22)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _rates(axes: Axes) -> None:
    """Where 75 s fire on other clocks: the spacing tells the clock rate too."""
    clocks = [("exact", EXACT[1]), *((f"{clock.hz} Hz", clock) for clock in LINUX)]
    for place, (name, clock) in enumerate(clocks):
        fired_s = spacing_ns(clock, 75) / SECOND
        color = RED if clock is HZ_250 else BLUE
        axes.plot([75, fired_s], [place, place], color=color, linewidth=1.2)
        axes.plot(fired_s, place, marker=">" if fired_s > 75 else "o", color=color, markersize=6)
        axes.text(fired_s + 0.12, place, f"{fired_s:.3f} s", ha="left", va="center", color=color)
        axes.text(74.8, place, name, ha="right", va="center", color=color)
    axes.axvline(75, color=GREY, linewidth=0.8)
    axes.set_ylim(len(clocks) - 0.4, -0.6)
    axes.set_xlim(LEFT, RIGHT)
    axes.set_yticks([])
    axes.set_xlabel("seconds from one unanswered probe to the next")
    axes.set_title("75 s on each kind of timer", loc="left")
    axes.spines[["top", "right", "left"]].set_visible(False)
