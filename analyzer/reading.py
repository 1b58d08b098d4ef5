"""Captures read as was asked for: one after the other, several at once, on a cluster; findings asked where they lie."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from analyzer.analysis import Analysis, analyze
from analyzer.capture.decode.selection import PacketFilter
from analyzer.capture.files.locations import InMemory, captures, is_pipe
from analyzer.capture.files.reader import first_frame_ns
from analyzer.capture.until import Until
from analyzer.errors import OptionError
from analyzer.tcp.eviction import IN_TABLES, Cost, Limits, limits_within, usual_memory

if TYPE_CHECKING:
    from analyzer.many.cluster import Cluster
    from analyzer.many.remote import Held

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Reading:
    """The way in which captures are read, and what is kept of them. By default one process reads one file after the
    other."""

    jobs: int | None = None
    """Number of files read at once, each in a process of its own, where that is faster."""
    cluster: str | None = None
    """Address of a dask scheduler whose workers read."""
    keep_shards: str | None = None
    """Folder for what each file says by itself."""
    resume: bool = False
    """Files that are in the folder are not read."""
    until: Until | None = None
    """When capturing ended, for files that do not say it."""
    max_memory: int | None = None
    """Octets; beyond them what says least is given up."""
    cost: Cost = IN_TABLES
    """Memory that connections need, which depends on the output asked for."""
    packet_filter: PacketFilter | None = None
    """Packets that do not match it are left out."""

    def __post_init__(self) -> None:
        if self.jobs is not None and self.cluster is not None:
            raise OptionError("jobs and cluster exclude each other: a cluster has as many workers as it has")
        if self.jobs is not None and self.jobs < 1:
            raise OptionError("jobs is a number of processes, at least 1")
        if self.max_memory is not None and self.max_memory < self.cost.least:
            least = self.cost.least
            raise OptionError(f"max_memory is a number of octets, for this output at least {least:,} ({least >> 20}M)")
        if self.resume and self.keep_shards is None:
            raise OptionError("resume goes with keep_shards, the folder where the shards are")

    @cached_property
    def workers(self) -> "Cluster":
        """Connect to the cluster once, for all captures that are read this way: only then can two captures be compared
        there."""
        from analyzer.many.cluster import Cluster

        return Cluster(self.cluster or "")

    @property
    def limits(self) -> Limits:
        return limits_within(self.max_memory or usual_memory(), self.cost)

    @property
    def is_plain(self) -> bool:
        return self.cluster is None and self.keep_shards is None and (self.jobs or 1) == 1


def read_all(
    paths: Sequence[str],
    how: Reading,
    on_octets: Callable[[int], None] | None = None,
    on_file: Callable[[str], None] | None = None,
) -> "Held":
    """Analyse captures as one timeline. Raises CaptureError if nothing can be used, OptionError if the options do not
    fit.

    `on_octets` is called with the octets read since its last call. Where other processes read, `on_file` is called with
    the name of each file that is done.
    """
    if how.is_plain:
        return analyze(
            *paths, on_progress=on_octets, limits=how.limits, until=how.until, packet_filter=how.packet_filter
        )
    from analyzer.many.store import ShardStore

    chosen, kept = how.packet_filter, None
    if how.keep_shards is not None:
        kept = ShardStore(how.keep_shards, resumes=how.resume, expression=chosen.expression if chosen else "")

    def first_ns(name: str) -> int | None:
        known = kept.first_ns(name) if kept is not None else None
        return known if known is not None else first_frame_ns(name)

    names = captures(paths, first_ns)
    if any(map(is_pipe, names)):
        raise OptionError(
            "--jobs, --cluster and --keep-shards read files, not pipes; write the capture to a file first"
        )
    if kept is not None and any(isinstance(one, InMemory) for one in names):
        raise OptionError("keep_shards keeps what files say; write the capture to a file first")
    if how.cluster is not None:
        return how.workers.analysis(names, kept, on_file, how.limits, how.until, chosen)
    from analyzer.many.budget import shard_octets
    from analyzer.many.gather import gather
    from analyzer.many.processes import pays, processes

    if kept is None and not pays(names):
        return analyze(*paths, on_progress=on_octets, limits=how.limits, until=how.until, packet_filter=chosen)
    jobs = how.jobs or 1
    reader = processes(jobs, shard_octets(how.max_memory, jobs), chosen)
    return gather(names, reader, kept, on_file, how.limits, how.until, chosen)


def ask(of: "Held", question: Callable[..., Answer], *arguments: Any) -> Answer:
    """Call a function with the `Analysis`, in the process where that is held, and return the result."""
    return question(of, *arguments) if isinstance(of, Analysis) else of.ask(question, *arguments)


def pieces(of: "Held", question: Callable[..., Iterable[str]], *arguments: Any) -> Iterable[str]:
    """Yield the pieces of a text that a function of the `Analysis` makes, as `ask` does: it may be long."""
    return question(of, *arguments) if isinstance(of, Analysis) else of.pieces(question, *arguments)
