"""Batches from captures that may still be written: pipes, and files for replay."""

import queue
import threading
from array import array
from collections.abc import Iterator, Sequence

from analyzer.analysis import Analyzer
from analyzer.capture.decode.link import LINK_NAMES
from analyzer.capture.files.locations import captures, is_pipe
from analyzer.capture.files.reader import CHUNK_OCTETS, CaptureReader, first_frame_ns
from analyzer.capture.files.source import open_source
from analyzer.capture.files.writer import Described
from analyzer.capture.live.merge import Frames
from analyzer.engine.table import Table
from analyzer.errors import CaptureError
from analyzer.monitor.events import Event

WAIT_S = 0.1
"""Time without a frame after which there is an empty batch."""


class Stream:
    """Captures as they are written: a thread waits for octets, so that time goes on meanwhile."""

    def __init__(self, paths: Sequence[str], analyzer: Analyzer, chunk_octets: int = CHUNK_OCTETS) -> None:
        self.names = captures(paths, first_frame_ns)
        self.is_live = any(map(is_pipe, self.names))
        self.formats: tuple[str, ...] = ()
        self._analyzer = analyzer
        self._chunk_octets = chunk_octets
        self._ended: list[tuple[int, int]] = []  # as the files say
        self._numbers: dict[int, int] = {}  # of interfaces, by link type
        self._ready: queue.Queue[tuple[bytearray, Table] | Exception | None] = queue.Queue(1)
        self._go_on = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._read, daemon=True)

    def batches(self) -> Iterator[Frames | None]:
        self._thread.start()
        while True:
            try:
                item = self._ready.get(timeout=WAIT_S)
            except queue.Empty:
                yield None
                continue
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            buffer, records = item
            yield Frames(buffer, records, self._interfaces(records))
            self._go_on.release()

    def _interfaces(self, records: Table) -> "array[int]":
        """Return the interface number of each record, one interface for each link type: a record says no more."""
        link_types = records.view.link_type[: records.rows]
        for one in dict.fromkeys(link_types):
            self._numbers.setdefault(one, len(self._numbers))
        if len(self._numbers) == 1:
            return array("i", bytes(4 * records.rows))
        return array("i", map(self._numbers.__getitem__, link_types))

    def _read(self) -> None:
        """Read one file after the other, in the thread; a chunk is handed over, and its buffer left alone until
        `_go_on`."""
        try:
            for path in self.names:
                self._read_file(path)
            if not self.formats:
                raise CaptureError(f"none of the {len(self.names)} inputs can be used")
        except Exception as error:  # noqa: BLE001  # it is raised again where the batches are taken
            self._ready.put(error)
        self._ready.put(None)

    def _read_file(self, path: str) -> None:
        analyzer = self._analyzer
        try:
            with open_source(path) as source:
                reader = CaptureReader(source, analyzer.diagnostics, self._chunk_octets)
                self.formats = (*self.formats, reader.format)
                for buffer, records, _ in reader.chunks(analyzer.engine):
                    self._ready.put((buffer, records))
                    self._go_on.acquire()
                self._ended.append(reader.ended)
                analyzer.names |= reader.names
        except CaptureError as error:
            if len(self.names) == 1:
                raise
            analyzer.left_out(path, error)

    def described(self) -> Sequence[Described]:
        return [Described(LINK_NAMES.get(one, f"LINKTYPE {one}"), one, 0) for one in self._numbers]

    @property
    def dropped(self) -> list[int]:
        return [0] * len(self._numbers)

    def notices(self) -> list[Event]:
        return []

    def clock_step_ns(self) -> int:
        """Return 0: files were stamped by other clocks than this machine's."""
        return 0

    def finish(self) -> None:
        """Note for the analysis when capturing ended; the reader has noted everything else already."""
        for ended in self._ended:
            self._analyzer.coverage.went_on(*ended)
