"""Time by size: ka-analyze, tshark and a loop over libpcap on captures from 100 packets on, as a table and a chart.

    python -m tests.benchmarks.curve [--most 5000000] [--rounds 3] [--keep FOLDER] [--chart FILE]

Each round all programs take their turn on a capture. A ratio is the median of the rounds' ratios.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.benchmarks.__main__ import OURS, Run, Tool, alternated, capture_made, machine, tools
from tests.benchmarks.captures import CAPTURES

PACKETS = (100, 1_000, 10_000, 100_000, 300_000, 1_000_000, 5_000_000, 30_000_000)
KINDS = ("data", "idle")
"""Mostly data, and mostly keepalive."""
LONG = {"data": "long"}
"""What is repeated for sizes beyond a whole capture."""
STYLES = {OURS: ("#0072b2", "o"), "tshark": ("#d55e00", "s"), "libpcap": ("#555555", "^")}


class Point(NamedTuple):
    kind: str
    packets: int
    octets: int
    runs: dict[str, list[Run]]

    def seconds(self, name: str) -> float:
        return median(one.wall_s for one in self.runs[name])

    def ratio(self, name: str) -> float:
        """How often our time the program takes."""
        return median(one.wall_s / ours.wall_s for one, ours in zip(self.runs[name], self.runs[OURS], strict=False))


def share_of(kind: str, packets: int) -> tuple[str, float] | None:
    """Which capture of the benchmark has so many packets, and which part of it; None if none has."""
    whole = CAPTURES[kind].flows * (250 if kind == "data" else 4.2)
    if packets <= whole * 1.01:
        return kind, packets / whole
    return (LONG[kind], 1.0) if kind in LONG else None


def points(folder: Path, most: int, rounds: int) -> Iterator[Point]:
    chosen = [one for one in tools(folder) if one.name in STYLES]
    for kind in KINDS:
        for wanted in PACKETS:
            found = share_of(kind, wanted) if wanted <= most else None
            if found is not None:
                path, packets = capture_made(folder, *found)
                runs = alternated(path, [_once_if_long(tool, packets) for tool in chosen], rounds)
                yield Point(kind, packets, path.stat().st_size, runs)


def _once_if_long(tool: Tool, packets: int) -> Tool:
    """Tshark takes part in each round only where it takes seconds."""
    return replace(tool, is_slow=tool.is_slow and packets > 300_000)


def lines(found: list[Point]) -> Iterator[str]:
    yield "| capture | packets | MB | ka-analyze, s | peak, MB | tshark takes | a loop over libpcap takes |"
    yield "|---|---|---|---|---|---|---|"
    for one in found:
        peak = max(run.peak_mb for run in one.runs[OURS])
        others = [f"{one.ratio(name):.3g} ×" if name in one.runs else "" for name in ("tshark", "libpcap")]
        cells = (one.kind, f"{one.packets:,}", f"{one.octets / 1e6:.3g}", f"{one.seconds(OURS):.3g}", f"{peak:.0f}")
        yield f"| {' | '.join((*cells, *others))} |"


def chart(found: list[Point], into: Path) -> None:
    from matplotlib.figure import Figure  # what this process has in memory counts for its children

    figure = Figure(figsize=(8, 3.6), layout="constrained")
    for axes, kind in zip(figure.subplots(1, len(KINDS), sharey=True), KINDS, strict=True):
        these = [one for one in found if one.kind == kind]
        for name, (colour, marker) in STYLES.items():
            known = [(one.packets, one.seconds(name)) for one in these if name in one.runs]
            axes.loglog(*zip(*known, strict=True), color=colour, marker=marker, markersize=4, label=name)
        axes.set(title={"data": "mostly data", "idle": "mostly keepalive"}[kind], xlabel="packets")
        axes.grid(visible=True, alpha=0.25)
    figure.axes[0].set_ylabel("seconds")
    figure.axes[0].legend(frameon=False)
    figure.savefig(into, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.curve", description=__doc__)
    parser.add_argument("--most", type=int, default=5_000_000, help="packets of the largest capture")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", metavar="FOLDER", help="make captures here, and leave them there")
    parser.add_argument("--chart", type=Path, metavar="FILE", default=Path(__file__).with_name("curve.svg"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = list(points(folder, options.most, options.rounds))
    sys.stdout.write("\n".join([machine(), "", *lines(found)]) + "\n")
    chart(found, options.chart)


if __name__ == "__main__":
    main()
