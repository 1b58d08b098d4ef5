"""Reading captures with a progress bar: on stderr, on terminals, for long files only."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

PROGRESS_FROM_OCTETS = 64 << 20
"""Smaller captures are done before a progress bar could be read."""


def analyse(paths: tuple[str, ...], *, is_quiet: bool, max_memory: int | None = None) -> "Analysis":
    from analyzer.analysis import analyze

    octets = sum(map(_size, paths))
    if is_quiet or octets < PROGRESS_FROM_OCTETS or not sys.stderr.isatty():
        return analyze(*paths, max_memory=max_memory)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=octets)
        on_progress = partial(progress.advance, task)
        return analyze(*paths, on_progress=on_progress, max_memory=max_memory)


def _size(path: str) -> int:
    """For the progress; what cannot be opened is for the reader to complain about."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0
