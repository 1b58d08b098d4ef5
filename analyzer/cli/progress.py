"""Reading captures, here or elsewhere, with a progress bar: on stderr, on terminals, for what takes long only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from analyzer.cli.options import Options

if TYPE_CHECKING:
    from analyzer.reading import Reading
    from analyzer.shards.distant import Held

PROGRESS_FROM_OCTETS = 64 << 20
"""Smaller captures are done before a progress bar could be read."""


def reading(options: Options) -> "Reading":
    """What the flags say of who reads."""
    from analyzer.reading import Reading
    from analyzer.tcp.eviction import IN_TABLES, ONE_BY_ONE

    cost = IN_TABLES if options.html is not None or options.folders else ONE_BY_ONE
    return Reading(options.jobs, options.cluster, options.keep_shards, options.resume, options.max_memory, cost)


def analyse(options: Options, how: "Reading") -> "Held":
    """Analyse the files that are named. Raises CaptureError, OptionError."""
    from analyzer.capture.locations import expanded, octets_of
    from analyzer.reading import read_all

    may_be_shown = not options.quiet and sys.stderr.isatty()
    files = [one for path in options.paths for one in expanded(path)] if may_be_shown else []
    octets = sum(map(octets_of, files))
    is_shown = octets >= PROGRESS_FROM_OCTETS
    if how.is_plain:
        with _bar("reading", octets, is_shown) as advance:
            return read_all(options.paths, how, on_octets=advance)
    if how.cluster is not None:
        how.workers.hush()
    with _bar("files", len(files), is_shown) as advance:
        return read_all(options.paths, how, on_file=lambda _: advance(1))


@contextmanager
def _bar(what: str, total: int, is_shown: bool) -> Iterator[Callable[[int], None]]:
    """Gives the function to be called with what has been done since its last call."""
    if not is_shown:
        yield lambda _: None
        return
    from rich import progress as rich
    from rich.console import Console

    columns: list[rich.ProgressColumn] = [rich.TextColumn(what), rich.BarColumn()]
    if what == "files":
        columns += [rich.MofNCompleteColumn()]
    else:
        columns += [rich.TextColumn("{task.percentage:>3.0f}%"), rich.TransferSpeedColumn()]
    columns += [rich.TimeRemainingColumn(), rich.TextColumn("left")]
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.advance(task, done)
