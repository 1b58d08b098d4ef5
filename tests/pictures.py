"""The pictures of README.md: `python -m tests.pictures` makes them from recordings; that of the page needs chromium."""

import shutil
import subprocess
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from PIL import Image

import analyzer
from analyzer.report.charts.vectors import svg

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/pictures"
PAGE = "nat-fifty-300"
PAGE_SIZE = (1120, 1110)
TIMELINE, CANDIDATES = "nat-forgets-one-of-two", "defaults-dead-hz250"
SHARP = 1.5
COLORS = 128


def charts() -> None:
    """Charts as SVG, which has a light and a dark face."""
    nat, defaults = (analyzer.analyze(ROOT / f"samples/{name}/capture.pcap") for name in (TIMELINE, CANDIDATES))
    (FOLDER / "timeline.svg").write_text(svg(nat.plot.timeline(0), "timeline"))
    (FOLDER / "candidates.svg").write_text(svg(defaults.plot.candidates(0), "candidates"))


def page(chromium: str) -> None:
    """The top of the page as a browser shows it, in few colours."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with chdir(ROOT):  # the page shows the name that was given
            analyzer.analyze(f"samples/{PAGE}/capture.pcap").write_html(folder / "page.html")
        subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--force-device-scale-factor={SHARP}", f"--window-size={PAGE_SIZE[0]},{PAGE_SIZE[1]}",
                f"--user-data-dir={folder / 'profile'}", f"--screenshot={folder / 'page.png'}",
                (folder / "page.html").as_uri(),
            ],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        with Image.open(folder / "page.png") as picture:
            few = picture.convert("RGB").quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            few.save(FOLDER / "page.png", optimize=True)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    charts()
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("chromium is not installed; page.png is as it was")
    page(browser)
