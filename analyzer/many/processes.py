"""Files read on the cores of this machine, each in a process of its own."""

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import active_children, get_context
from typing import TypeVar

from analyzer.capture.decode.selection import PacketFilter
from analyzer.capture.files.locations import is_url
from analyzer.capture.files.source import is_compressed
from analyzer.engine.prefetch import cores
from analyzer.errors import CaptureError
from analyzer.many.budget import AHEAD
from analyzer.many.gather import Reader
from analyzer.many.shard import read_or_error

BUSY_ANYWAY = 2
"""Processors that a single pass uses: one decodes, one follows flows."""

Task = TypeVar("Task")
Result = TypeVar("Result")


def pays(names: Sequence[str]) -> bool:
    """Tell whether processes read these files faster than this one does, which keeps two processors busy with one file
    after the other: files that are fetched, and compressed ones where there are more processors."""
    return len(names) > 1 and (any(map(is_url, names)) or (cores() > BUSY_ANYWAY and any(map(is_compressed, names))))


def processes(jobs: int, most_octets: int | None = None, packet_filter: PacketFilter | None = None) -> Reader:
    """Make a reader with `jobs` processes; none of its shards is larger than `most_octets`, nor holds what the filter
    refuses."""

    task = partial(read_or_error, most_octets=most_octets, packet_filter=packet_filter)
    return lambda names: in_processes(jobs, task, names)


def in_processes(jobs: int, task: Callable[[Task], Result], of: Iterable[Task]) -> Iterator[Result]:
    """Yield the result of the task for each, in order, from `jobs` processes; CaptureError if one of them is ended."""
    with ProcessPoolExecutor(jobs, get_context("spawn"), _leave_interrupts_to_the_parent) as pool:
        running: deque[Future[Result]] = deque()
        try:
            for one in of:
                running.append(pool.submit(task, one))
                if len(running) == AHEAD * jobs:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except BrokenProcessPool as error:
            raise CaptureError(
                "a process that read captures was ended from outside, perhaps for lack of memory; try fewer --jobs"
            ) from error
        except BaseException:  # ^C, or nobody wants the rest
            pool.shutdown(wait=False, cancel_futures=True)
            for child in active_children():
                child.terminate()
            raise


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
