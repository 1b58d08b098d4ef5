"""A second thread that makes the items which this one consumes next. Knows neither what they are nor how they are made.

Pays where making and consuming both spend most time outside of the interpreter, as compiled kernels and reading do.
"""

import os
from collections import deque
from collections.abc import Generator, Iterator
from typing import TypeVar

from analyzer.engine.dispatch import Engine

Item = TypeVar("Item")

AHEAD = 3
"""Batches in memory at once: one is decoded while one is followed, and one lies between, since neither step always
takes the same time."""
AHEAD_FROM_OCTETS = 16 << 20
"""Smallest file worth a second thread, which takes 10 ms to begin."""


def cores() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pays_to_decode_ahead(engine: Engine, octets: int) -> bool:
    """Tell whether two threads are faster than one: kernels run as machine code, outside of the interpreter's lock,
    there is another processor, and the file is large enough to pay for the thread."""
    return engine.is_native and octets >= AHEAD_FROM_OCTETS and cores() > 1


def made_ahead(items: Generator[Item], count: int, pays: bool) -> Generator[Item]:
    """Yield the same items, made by `on_second_thread` where that pays. Close it as that."""
    return on_second_thread(items, count) if pays else items


def on_second_thread(items: Iterator[Item | None], count: int) -> Generator[Item]:
    """Yield the same items in the same order, made by another thread up to the first None or the end.

    What making an item raises is raised here, in its place. The first item is made by this thread: what takes long only
    once, as compiling, can then be ended by ^C.

    There are never more than `count` items at once, with the one in use: the memory of an item may be used again for
    that which comes `count` later. Close the generator, which ends the thread.
    """
    from concurrent.futures import ThreadPoolExecutor  # 6 ms that small captures need not spend

    item = next(items, None)
    thread = ThreadPoolExecutor(1)
    try:
        coming = deque(thread.submit(next, items, None) for _ in range(count - 1))
        while item is not None:
            yield item
            coming.append(thread.submit(next, items, None))
            item = coming.popleft().result()
    finally:
        thread.shutdown(cancel_futures=True)
