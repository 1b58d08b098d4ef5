"""Many captures in one analysis: each file becomes a shard, and shards are joined in the order of time.

Knows what is read anew and what was stored, and that a file that fails is a diagnostic. `processes.py` or `cluster.py`
read the files.
"""

from collections.abc import Callable, Iterator, Sequence

from analyzer.analysis import Analysis
from analyzer.capture.decode.selection import PacketFilter
from analyzer.capture.until import Until
from analyzer.diagnostics import DAMAGED_SHARD
from analyzer.errors import CaptureError
from analyzer.many.join import Join
from analyzer.many.shard import Shard
from analyzer.many.store import ShardStore, keep, load_or_read
from analyzer.tcp.eviction import Limits

Reader = Callable[[Sequence[str]], Iterator[Shard | CaptureError]]
"""Reads files as shards, in the order given; an error stands for a file that cannot be used at all."""


def gather(
    names: Sequence[str],
    reader: Reader,
    kept: ShardStore | None = None,
    on_file: Callable[[str], None] | None = None,
    limits: Limits | None = None,
    until: Until | None = None,
    packet_filter: PacketFilter | None = None,
) -> Analysis:
    """Analyse these captures, in the order of time; `on_file` is called with the name of each as it is done.

    Shards that `kept` has, of files that have not changed, are taken from it; all others are put into it. What it holds
    of files that are gone belongs to the analysis, too. Beyond `limits` the least informative flows and candidates are
    given up, as in a single pass. `until` says when capturing ended, where the files do not. `packet_filter` is the
    one that the shards were read with. Raises CaptureError if no file can be used.
    """
    join = Join(limits=limits, packet_filter=packet_filter)
    for words in kept.damaged if kept is not None else ():
        join.analyzer.diagnostics.add(DAMAGED_SHARD, 0, words)
    for name, shard in shards(names, reader, kept, packet_filter):
        join.take(name, shard)
        if on_file is not None:
            on_file(name)
    return join.finish(until)


def shards(
    names: Sequence[str], reader: Reader, kept: ShardStore | None, packet_filter: PacketFilter | None
) -> Iterator[tuple[str, Shard | CaptureError]]:
    if kept is None:
        yield from zip(names, reader(names), strict=True)
        return
    fresh = kept.missing(names)
    for name, read in zip(fresh, reader(fresh), strict=True):
        kept.note(name, keep(kept.root, kept.mark, name, read))
    for name, entry in kept.in_order(names):
        yield name, load_or_read(entry, kept.root, kept.mark, packet_filter)
