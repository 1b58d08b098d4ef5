"""Files read on the cores of this machine, each in a process of its own."""

import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context

from analyzer.capture.decode.selection import PacketFilter
from analyzer.errors import CaptureError
from analyzer.many.budget import AHEAD
from analyzer.many.gather import Reader
from analyzer.many.shard import Shard, read_or_error


def processes(jobs: int, most_octets: int | None = None, packet_filter: PacketFilter | None = None) -> Reader:
    """Make a reader with `jobs` processes; none of its shards is larger than `most_octets`, nor holds what the filter
    refuses."""

    def read(names: Sequence[str]) -> Iterator[Shard | CaptureError]:
        with ProcessPoolExecutor(jobs, get_context("spawn"), _leave_interrupts_to_the_parent) as pool:
            running: deque[Future[Shard | CaptureError]] = deque()
            waiting = iter(names)
            try:
                for name in waiting:
                    running.append(pool.submit(read_or_error, name, most_octets, packet_filter))
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

    return read


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
