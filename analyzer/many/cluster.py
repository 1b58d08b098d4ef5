"""The use of a dask.distributed cluster that is there already: workers read the files, each joins a part of the flows,
one of them makes the findings.

Files are named, not sent: each worker opens them itself, as a path that all of them see or through fsspec. Tasks of a
worker that is lost are done again by another one; dask sees to that.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any
from weakref import finalize

from analyzer.capture.decode.selection import PacketFilter
from analyzer.capture.until import Until
from analyzer.diagnostics import DAMAGED_SHARD
from analyzer.errors import CaptureError, OptionError
from analyzer.extras import installing
from analyzer.many.join import Found, Join
from analyzer.many.parts import join_part, parted
from analyzer.many.remote import Assembled, Remote
from analyzer.many.shard import Shard, read_or_error
from analyzer.many.store import Entry, ShardStore, fingerprint, keep, load_or_read
from analyzer.tcp.eviction import Limits

CONNECT_S = 10
"""Time within which a scheduler must answer."""
ALL_SOURCES = ("**/*.py",)
TASKS: Any = {"pure": False, "batch_size": None}
"""How files are read: each anew, and each by whoever is free."""


class Cluster:
    """The connection to a scheduler; closed by `close`, or when it is no longer referenced."""

    def __init__(self, address: str) -> None:
        """Connect to the scheduler at `address`, `tcp://host:8786`. Raises OptionError if the cluster is of no use."""
        try:
            from distributed import Client
        except ImportError as error:
            raise OptionError(f"a cluster needs packages that are not installed: {installing('cluster')}") from error
        try:
            self._client: Any = Client(address, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise OptionError(
                f"cluster {address}: no scheduler answers there ({error}); start: dask scheduler"
            ) from error
        self.close = finalize(self, self._client.close)
        self._check(address)

    def _check(self, address: str) -> None:
        """Check that the workers run the same sources, so that they find what would be found here; OptionError if
        not."""
        try:
            self._client.wait_for_workers(1, CONNECT_S)
            marks = self._client.run(fingerprint, ALL_SOURCES)
        except TimeoutError as error:
            self.close()
            raise OptionError(f"cluster {address}: no worker has joined it; start: dask worker {address}") from error
        except Exception as error:  # whatever keeps workers from importing it
            self.close()
            raise OptionError(f"cluster {address}: its workers cannot run ka-analyze ({error})") from error
        other = next((worker for worker, mark in marks.items() if mark != fingerprint(ALL_SOURCES)), None)
        if other is not None:
            self.close()
            raise OptionError(f"cluster {address}: {other} has another version of ka-analyze")

    def analysis(
        self,
        names: Sequence[str],
        kept: ShardStore | None = None,
        on_file: Callable[[str], None] | None = None,
        limits: Limits | None = None,
        until: Until | None = None,
        packet_filter: PacketFilter | None = None,
    ) -> Remote:
        """Analyse these files in this order with the workers; the findings are those of a single pass, and all of them
        stay there.

        Every worker joins those flows that a hash of their endpoints gives it, and one of them brings the parts
        together. `on_file` is called with each name as the file is read. Shards are stored by the workers themselves,
        so they must see the folder, too. `until` says when capturing ended, where the files do not. Packets that do not
        match `packet_filter` are left out. Raises CaptureError if no file can be used.
        """
        with _errors_translated():
            if kept is None:
                shards = self._client.map(read_or_error, names, packet_filter=packet_filter, **TASKS)
                self._report_done(names, shards, on_file)
            else:
                names, shards = self._kept(names, kept, on_file, packet_filter)
            count = len(self._client.nthreads())
        read = self._client.map(in_parts, shards, count=count, pure=False)
        parts = [
            self.submit(
                join_part, list(names), [self.submit(itemgetter(number), one) for one in read], limits, packet_filter
            )
            for number in range(count)
        ]
        damaged = kept.damaged if kept is not None else []
        return Remote(self, self.submit(assembled, parts, limits, until, packet_filter, damaged))

    def _kept(
        self,
        names: Sequence[str],
        kept: ShardStore,
        on_file: Callable[[str], None] | None,
        packet_filter: PacketFilter | None,
    ) -> tuple[list[str], Any]:
        fresh = kept.missing(names)
        how = {"root": kept.root, "mark": kept.mark, "packet_filter": packet_filter}
        written = self._client.map(read_and_keep, fresh, **how, **TASKS)
        self._report_done(fresh, written, on_file)
        for name, entry in zip(fresh, written, strict=True):
            kept.note(name, self.result(entry))
        order = list(kept.in_order(names))
        entries = [entry for _, entry in order]
        shards = self._client.map(load_or_read, entries, **how, pure=False)
        return [name for name, _ in order], shards

    def _report_done(self, names: Sequence[str], futures: Sequence[Any], on_file: Callable[[str], None] | None) -> None:
        from distributed import as_completed

        if on_file is not None:
            name_of = dict(zip(futures, names, strict=True))
            for future in as_completed(futures, loop=self._client.loop):  # type: ignore[no-untyped-call]
                on_file(name_of[future])

    def hush(self) -> None:
        """Silence what dask logs of its connection: what matters of it is raised."""
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Begin a task; the results of other tasks among its arguments are available when it begins."""
        return self._client.submit(function, *arguments, pure=False)

    def result(self, future: Any) -> Any:
        """Wait for a task; CaptureError if the cluster cannot do it."""
        with _errors_translated():
            return future.result()


@contextmanager
def _errors_translated() -> Iterator[None]:
    from distributed import CancelledError, KilledWorker

    try:
        yield
    except KilledWorker as error:
        raise CaptureError(f"the cluster lost every worker that tried one of the tasks: {error}") from error
    except (CancelledError, OSError) as error:  # errors of files have become CaptureErrors by then
        raise CaptureError(f"the cluster's scheduler no longer answers ({type(error).__name__})") from error


def read_and_keep(name: str, root: Path, mark: str, packet_filter: PacketFilter | None) -> Entry | CaptureError:
    """Read a file and store its shard: a task of the cluster."""
    return keep(root, mark, name, read_or_error(name, packet_filter=packet_filter))


def in_parts(shard: Shard | CaptureError, count: int) -> list[Shard | CaptureError | None]:
    """Split a shard into `count` parts; an error about the file goes with the first. A task of the cluster."""
    if isinstance(shard, CaptureError):
        return [shard, *[None] * (count - 1)]
    return list(parted(shard, count))


def assembled(
    parts: Iterable[Found],
    limits: Limits | None,
    until: Until | None = None,
    packet_filter: PacketFilter | None = None,
    damaged: Sequence[str] = (),
) -> Assembled:
    """Join all parts and assemble the findings: a task of the cluster. `damaged` says which shards are not used."""
    join = Join(limits=limits, packet_filter=packet_filter)
    for words in damaged:
        join.analyzer.diagnostics.add(DAMAGED_SHARD, 0, words)
    for part in parts:
        join.add_part(part)
    analyzer, files = join.whole()
    return Assembled(analyzer, analyzer.conclude(files, until))
