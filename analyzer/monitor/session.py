"""One live analysis from begin to end: batches in, events out, until the source ends or a limit is reached.

Knows the instant of the capture: the latest time stamp, and the time that has passed since without frames.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from analyzer.analysis import Analysis
from analyzer.capture.files.writer import Described, PcapngWriter
from analyzer.capture.live.merge import Frames
from analyzer.keepalive.summary.expectations import Expectation
from analyzer.monitor.events import Event
from analyzer.monitor.watcher import Watcher
from analyzer.schema import ABSENT
from analyzer.tcp.tracker import STEP_BACK_NS

TICK_NS = 50_000_000
"""Interval between events while frames come without a break."""


class Source(Protocol):
    """The interface of live and file sources that the loop uses."""

    is_live: bool
    names: tuple[str, ...]
    formats: tuple[str, ...]

    def batches(self) -> Iterator[Frames | None]: ...

    def described(self) -> Sequence[Described]:
        """Return the interfaces so far, by number."""
        ...

    @property
    def dropped(self) -> Sequence[int]:
        """Return the number of frames that the kernel dropped, by interface."""
        ...

    def notices(self) -> list[Event]:
        """Return what happened to the interfaces since the last call."""
        ...

    def clock_step_ns(self) -> int:
        """Return by how much the clock that stamps frames was set since the last call."""
        ...

    def finish(self) -> None:
        """Note for the analysis what was lost on the way."""
        ...


@dataclass(frozen=True, slots=True)
class Stop:
    """Limits at which the session ends; None for no limit."""

    duration_ns: int | None = None
    frames: int | None = None


class Clock:
    """The instant of the capture; `monotonic_ns` is any clock that only goes forward."""

    def __init__(self, *, is_live: bool) -> None:
        self.now_ns = ABSENT
        self._is_live = is_live
        self._last_ns = ABSENT
        self._silent_since_ns = ABSENT

    def saw(self, last_ns: int) -> None:
        """Note frames up to this time stamp. Of a pipe nobody says whether the clock behind it was set: back shows."""
        is_set_back = self._is_live and last_ns <= self._last_ns - STEP_BACK_NS
        self.now_ns = self._last_ns = last_ns if is_set_back else max(last_ns, self._last_ns)
        self._silent_since_ns = ABSENT

    def move(self, by_ns: int) -> None:
        """Note that the clock was set by so much."""
        if self._last_ns != ABSENT:
            self.now_ns, self._last_ns = self.now_ns + by_ns, self._last_ns + by_ns

    def waited(self, monotonic_ns: int) -> None:
        """Advance the clock although no frame has come. For a file that does nothing."""
        if not self._is_live or self._last_ns == ABSENT:
            return
        if self._silent_since_ns == ABSENT:
            self._silent_since_ns = monotonic_ns
        self.now_ns = self._last_ns + monotonic_ns - self._silent_since_ns


class Session:
    """Ties a source to a watcher, a recording, and those who listen."""

    def __init__(self, source: Source, watcher: Watcher, stop: Stop, recording: PcapngWriter | None = None) -> None:
        self.source = source
        self.watcher = watcher
        self.clock = Clock(is_live=source.is_live)
        self._stop = stop
        self._recording = recording
        self._ticked_ns = 0

    def run(self) -> Iterator[list[Event]]:
        """Yield events as they happen, and empty lists while nothing does; end when the source does, or at `stop`."""
        started_ns = time.monotonic_ns()
        for batch in self.source.batches():
            now_ns = time.monotonic_ns()
            self._follow_clock()
            if batch is not None:
                self._take(batch)
            else:
                self.clock.waited(now_ns)
            if batch is None or now_ns - self._ticked_ns >= TICK_NS or not self.source.is_live:
                self._ticked_ns = now_ns
                yield self._tick()
            if self._is_over(now_ns - started_ns):
                return

    def _follow_clock(self) -> None:
        by_ns = self.source.clock_step_ns()
        if by_ns:
            self.watcher.move_clock(by_ns)
            self.clock.move(by_ns)

    def _take(self, batch: Frames) -> None:
        records = batch.records
        if self._stop.frames is not None:
            records.rows = min(records.rows, self._stop.frames - self.watcher.analyzer.frames)
        if not records.rows:
            return
        self.watcher.feed(batch.buffer, records)
        self.clock.saw(max(records.view.ts_ns[: records.rows]))
        if self._recording is not None:
            self._recording.describe(self.source.described())
            self._recording.write(batch.buffer, records, batch.interfaces[: records.rows])

    def _tick(self) -> list[Event]:
        events = self.source.notices()
        if self.clock.now_ns != ABSENT:
            events += self.watcher.tick(self.clock.now_ns)
        return events

    def _is_over(self, passed_ns: int) -> bool:
        duration_ns, frames = self._stop.duration_ns, self._stop.frames
        is_late = duration_ns is not None and passed_ns >= duration_ns
        return is_late or (frames is not None and self.watcher.analyzer.frames >= frames)

    def finish(self, expected: Sequence[Expectation] = ()) -> tuple[list[Event], Analysis]:
        """Return the last events, conclusions at the end, and the analysis that a file with the same frames and the
        same end would give. The recording is complete then."""
        self.source.finish()
        if self._recording is not None:
            self._recording.describe(self.source.described())
            self._recording.finish(self.source.dropped, max(self.clock.now_ns, 0))
        events = self.source.notices()
        if self.clock.now_ns != ABSENT:
            events += self.watcher.last_tick(self.clock.now_ns)
        analyzer = self.watcher.analyzer
        analyzer.coverage.went_on(analyzer.coverage.last_ns, self.clock.now_ns)
        link_types = dict.fromkeys(one.link_type for one in self.source.described())
        analysis = analyzer.finish(self.source.names, self.source.formats, list(link_types))
        analysis.expected = tuple(expected)
        if self.clock.now_ns != ABSENT:
            events += self.watcher.conclusions(analysis, self.clock.now_ns)
        return events, analysis
