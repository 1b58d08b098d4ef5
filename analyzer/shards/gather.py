"""Many captures into one analysis: each file a shard, read by whoever reads, joined in the order of time.

Knows what is read anew and what was kept, and that a file that fails is a diagnostic. Who reads is
`processes.py` or `cluster.py`.
"""

from collections.abc import Callable, Iterator, Sequence

from analyzer.analysis import Analysis
from analyzer.errors import CaptureError
from analyzer.shards.join import Join
from analyzer.shards.kept import Kept
from analyzer.shards.shard import Shard, read_shard

Reader = Callable[[Sequence[str]], Iterator[Shard | CaptureError]]
"""Reads files as shards, in the order given; an error stands for a file that cannot be used at all."""


def read_or_error(name: str) -> Shard | CaptureError:
    try:
        return read_shard(name)
    except CaptureError as error:
        return CaptureError(str(error))  # as such it travels from one process to another


def gather(
    names: Sequence[str], reader: Reader, kept: Kept | None = None, on_file: Callable[[str], None] | None = None
) -> Analysis:
    """Analyse these captures, in the order of time; `on_file` is called with the name of each as it is done.

    With `kept` those that are there and have not changed are taken from it, all others are put into it, and what it
    holds of files that are gone belongs to the analysis too. Raises CaptureError if no file can be used.
    """
    join = Join()
    for name, shard in shards(names, reader, kept):
        if isinstance(shard, CaptureError):
            join.leave_out(name, shard)
        else:
            join.add(shard)
        if on_file is not None:
            on_file(name)
    return join.finish()


def shards(names: Sequence[str], reader: Reader, kept: Kept | None) -> Iterator[tuple[str, Shard | CaptureError]]:
    if kept is None:
        yield from zip(names, reader(names), strict=True)
        return
    fresh = [name for name in names if not kept.has(name)]
    kept.put(zip(fresh, reader(fresh), strict=True))
    yield from kept.shards(names)
