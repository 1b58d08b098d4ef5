"""Reading captures, here or elsewhere, with a progress bar: on stderr, on terminals, for what takes long only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.cli.options import Options
from analyzer.errors import OptionError

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

PROGRESS_FROM_OCTETS = 64 << 20
"""Smaller captures are done before a progress bar could be read."""


def analyse(options: Options) -> "Analysis":
    """What the flags of the input say. Raises CaptureError, OptionError."""
    octets = sum(map(_size, options.paths))
    is_shown = not options.quiet and octets >= PROGRESS_FROM_OCTETS and sys.stderr.isatty()
    jobs = options.jobs or 1
    if options.cluster or options.keep_shards or jobs > 1:
        return _gathered(options, jobs, is_shown)
    from analyzer.analysis import analyze

    with _bar("reading", octets, is_shown) as advance:
        return analyze(*options.paths, on_progress=advance, max_memory=options.max_memory)


def _gathered(options: Options, jobs: int, is_shown: bool) -> "Analysis":
    from analyzer.capture.locations import captures, is_pipe
    from analyzer.capture.reader import first_frame_ns
    from analyzer.shards import gather
    from analyzer.shards.cluster import cluster
    from analyzer.shards.kept import Kept
    from analyzer.shards.processes import processes
    from analyzer.shards.room import shard_octets
    from analyzer.tcp.eviction import limits_within, usual_memory

    kept = Kept(options.keep_shards, resumes=options.resume) if options.keep_shards is not None else None

    def first_ns(name: str) -> int | None:
        known = kept.first_ns(name) if kept is not None else None
        return known if known is not None else first_frame_ns(name)

    names = captures(options.paths, first_ns)
    if any(map(is_pipe, names)):
        raise OptionError(
            "--jobs, --cluster and --keep-shards read files, not pipes; write the capture to a file first"
        )
    limits = limits_within(options.max_memory or usual_memory())
    with _bar("files", len(names), is_shown) as advance:
        if options.cluster is None:
            reader = processes(jobs, shard_octets(options.max_memory, jobs))
            return gather.gather(names, reader, kept, lambda _: advance(1), limits)
        with cluster(options.cluster) as there:
            if kept is not None:
                return gather.gather(names, there.reader, kept, lambda _: advance(1), limits)
            return there.joined(names, limits).finish()


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


def _size(path: str) -> int:
    """For the progress; what cannot be opened is for the reader to complain about."""
    from analyzer.capture.locations import expanded, is_url

    try:
        return sum(Path(one).stat().st_size for one in expanded(path)) if not is_url(path) else PROGRESS_FROM_OCTETS
    except (OSError, ValueError):
        return 0
