"""Events of a live analysis for a program: a generator, which ends when its source does or when it is closed."""

from collections.abc import Iterator, Sequence

from analyzer.capture.live.bpf import DEFAULT_FILTER
from analyzer.capture.live.interface import SNAPLEN
from analyzer.monitor.events import Event
from analyzer.monitor.interfaces import Interfaces
from analyzer.monitor.session import Session, Source, Stop
from analyzer.monitor.stream import Stream
from analyzer.monitor.watcher import Watcher

FOREVER = Stop()


def watch(
    *ifaces: str, captures: Sequence[str] = (), bpf: str = DEFAULT_FILTER, snaplen: int = SNAPLEN, stop: Stop = FOREVER
) -> Iterator[Event]:
    """Yield the events of interfaces, or of captures that are still written; '-' is standard input.

    `bpf` is what the kernel lets through. Raises what opening raises: CaptureError, FilterError.
    """
    watcher = Watcher()
    source: Source
    if ifaces:
        source = Interfaces(ifaces, bpf, watcher.analyzer, snaplen=snaplen, is_promiscuous=True)
        return _events(Session(source, watcher, stop))
    return _events(Session(Stream(captures, watcher.analyzer), watcher, stop))


def _events(session: Session) -> Iterator[Event]:
    for events in session.run():
        yield from events
    yield from session.finish()[0]
