"""The reading of captures, here or elsewhere, and what stderr says of it: complaints, and a progress bar.

The bar is for terminals and for what takes long only; a warning comes first where it takes long because there is no
machine code. A stderr that cannot be written ends nothing.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from analyzer.capture.names import Naming, read_hosts
from analyzer.cli.options import Options
from analyzer.cli.process import complain
from analyzer.engine.dispatch import is_interpreter_forced
from analyzer.engine.native import installed, why_none

if TYPE_CHECKING:
    from analyzer.capture.decode.selection import PacketFilter
    from analyzer.many.remote import Held
    from analyzer.reading import Reading

PROGRESS_FROM_OCTETS = 64 << 20
"""Smallest input with a progress bar: others are done before it could be read."""
SLOW_FROM_OCTETS = 2 << 20
"""Smallest input with a warning: others take the interpreter a second or two."""
SLOW_OCTETS_PER_S = 500_000
"""Octets of small packets that the interpreter reads in a second: 15 to 20 µs a packet."""


def reading(options: Options) -> "Reading":
    """Return the options that say how captures are read."""
    from analyzer.capture.until import Until
    from analyzer.reading import Reading
    from analyzer.tcp.eviction import COMMENTED, IN_TABLES, ONE_BY_ONE

    cost = COMMENTED if options.annotate is not None else ONE_BY_ONE
    cost = IN_TABLES if options.html is not None or options.duckdb or options.folders else cost
    return Reading(
        jobs=options.jobs,
        cluster=options.cluster,
        keep_shards=options.keep_shards,
        resume=options.resume,
        until=Until.parse(options.until) if options.until is not None else None,
        max_memory=options.max_memory,
        cost=cost,
        packet_filter=packet_filter(options),
    )


def packet_filter(options: Options) -> "PacketFilter | None":
    """Return what packets of files must match, None if all are used. FilterError if it cannot be understood."""
    if options.iface or not options.filter:
        return None
    from analyzer.capture import filter as language

    return language.packet_filter(options.filter, naming(options).addresses)


def naming(options: Options) -> Naming:
    """Return what is to be called by name. OptionError if the file of --hosts cannot be used."""
    return Naming(read_hosts(options.hosts) if options.hosts is not None else {}, options.numeric)


def analyse(options: Options, how: "Reading") -> "Held":
    """Analyse the files that are named, with a progress bar where it takes long. Raises CaptureError, OptionError."""
    from analyzer.capture.files.locations import expanded, octets_of
    from analyzer.reading import read_all

    may_be_shown = not options.quiet and sys.stderr.isatty()
    is_slow = not options.quiet and not is_interpreter_forced() and installed() is None
    files = [one for path in options.paths for one in expanded(path)] if may_be_shown or is_slow else []
    octets = sum(map(octets_of, files))
    if is_slow and octets >= SLOW_FROM_OCTETS:
        say_that_it_interprets(f"this may take {octets // SLOW_OCTETS_PER_S} s instead of one")
    is_shown = may_be_shown and octets >= PROGRESS_FROM_OCTETS
    names = naming(options)
    if how.is_plain:
        with _bar("reading", octets, is_shown) as advance:
            analysis = read_all(options.paths, how, on_octets=advance)
    else:
        if how.cluster is not None:
            how.workers.hush()
        with _bar("files", len(files), is_shown) as advance:
            analysis = read_all(options.paths, how, on_file=lambda _: advance(1))
    analysis.naming = names
    return analysis


def say_that_it_interprets(cost: str) -> None:
    """Warn that the interpreter serves: what it costs, and how to get machine code."""
    complain(f"the interpreter serves, {cost}: {why_none()}")


@contextmanager
def _bar(what: str, total: int, is_shown: bool) -> Iterator[Callable[[int], None]]:
    """Show a progress bar; yield the function to call with the amount done since its last call."""
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
