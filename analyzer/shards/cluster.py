"""Shards on a dask.distributed cluster that is there already: workers read the files, each joins a part of the flows.

Files are named, not sent: each worker opens them itself, as a path that all of them see or through fsspec. Tasks of a
worker that is lost are done again by another one; dask sees to that.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

from analyzer.errors import CaptureError, OptionError
from analyzer.shards.gather import Reader, read_or_error
from analyzer.shards.join import Join
from analyzer.shards.parts import join_part, parted
from analyzer.shards.shard import Shard
from analyzer.tcp.eviction import Limits

CONNECT_S = 10
"""A scheduler that does not answer within this time is not there."""


@contextmanager
def cluster(address: str) -> Iterator["Cluster"]:
    """The cluster whose scheduler has this address, `tcp://host:8786`. Raises OptionError if there is none."""
    try:
        from distributed import Client
    except ImportError as error:
        raise OptionError("--cluster needs more packages; install them: pip install 'ka-analyze[cluster]'") from error
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise OptionError(
            f"--cluster {address}: no scheduler answers there ({error}); start: dask scheduler"
        ) from error
    with client:
        yield Cluster(client)


class Cluster:
    """Its reader and its join."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def reader(self) -> Reader:
        """Brings the shards themselves here."""

        def read(names: Sequence[str]) -> Iterator[Shard | CaptureError]:
            for future in self._read(names):
                yield self._result(future)

        return read

    def joined(self, names: Sequence[str], limits: Limits | None = None) -> Join:
        """Brings here what a single pass over these files, in this order, would have found of each flow.

        Every worker joins those flows that a hash of their endpoints gives it. Their parts come one after the other.
        """
        count = max(len(self._client.nthreads()), 1)
        read = self._client.map(in_parts, self._read(names), count=count, pure=False)
        parts = []
        for number in range(count):
            mine = [self._client.submit(itemgetter(number), one, pure=False) for one in read]
            parts.append(self._client.submit(join_part, list(names), mine, limits, pure=False))
        del read, mine  # what nobody waits for is let go there
        whole = Join(limits=limits)
        for part in parts:
            whole.add_part(self._result(part))
            part.release()
        return whole

    def _read(self, names: Sequence[str]) -> list[Any]:
        futures: list[Any] = self._client.map(read_or_error, names, pure=False, batch_size=None)
        return futures

    def _result(self, future: Any) -> Any:
        from distributed import KilledWorker

        try:
            return future.result()
        except KilledWorker as error:
            raise CaptureError(f"the cluster lost every worker that tried one of the tasks: {error}") from error


def in_parts(shard: Shard | CaptureError, count: int) -> list[Shard | CaptureError | None]:
    """A task of the cluster: a shard in so many parts; what is wrong with a file goes with the first."""
    if isinstance(shard, CaptureError):
        return [shard, *[None] * (count - 1)]
    return list(parted(shard, count))
