"""Transcripts as they happen: frame by frame through a watcher, with time that passes between them."""

from typing import Any

from analyzer.monitor.events import Event
from analyzer.monitor.watcher import LIMITS, Watcher
from tests.transcript import START_NS, feed, nanoseconds, transcript

STEP_NS = 100_000_000
FEW = 50
"""Ticks after a frame; then nothing more is waited for before the next one."""


def at(seconds: str) -> int:
    return START_NS + nanoseconds(seconds)


def told(text: str, until: str | None = None, watcher: Watcher | None = None) -> list[Event]:
    """The events of a transcript, as of 100 ms after 100 ms; `until` is when it ends."""
    watcher = watcher or Watcher(limits=LIMITS)
    frames = transcript(text)
    found: list[Event] = []
    ends = [ts_ns for ts_ns, _ in frames[1:]] + [at(until) if until else frames[-1][0]]
    for frame, end_ns in zip(frames, ends, strict=True):
        feed(watcher.analyzer, [frame])
        found += watcher.tick(frame[0])
        for step in range(1, FEW):
            if frame[0] + step * STEP_NS < end_ns:
                found += watcher.tick(frame[0] + step * STEP_NS)
        if end_ns > frame[0]:
            found += watcher.tick(end_ns)
    return found


def brief(events: list[Event], *names: str) -> list[tuple[Any, ...]]:
    """Name, seconds since the start to the millisecond, and end; of these names if any are given."""
    return [
        (event.name.value, round((event.time_ns - START_NS) / 10**9, 3), event.end)
        for event in events
        if not names or event.name.value in names
    ]
