"""Captures that are still written, through a pipe; and files."""

import os
import threading
import time
from pathlib import Path

import pytest

from analyzer.analysis import Analyzer
from analyzer.errors import CaptureError
from analyzer.monitor.stream import Stream
from tests.capture.writers import pcap_bytes, pcapng_bytes, statistics
from tests.monitor.test_watcher import LOST
from tests.recordings import SHORT
from tests.transcript import transcript


def test_frames_come_when_they_are_written_and_not_when_a_chunk_is_full(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    frames = transcript(LOST)
    whole = pcap_bytes(frames, nano=True)
    before = pcap_bytes(frames[:4], nano=True)

    def write() -> None:
        with fifo.open("wb", buffering=0) as file:
            file.write(before)
            written.set()
            go_on.wait(20)
            file.write(whole[len(before) :])

    written, go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=write)
    thread.start()
    stream = Stream([str(fifo)], Analyzer())
    assert stream.is_live
    counts: list[int] = []
    silences = 0
    started_s = time.monotonic()
    for batch in stream.batches():
        if batch is None:
            silences += 1
            if counts:
                go_on.set()
        else:
            counts.append(batch.records.rows)
            assert list(batch.interfaces) == [0] * batch.records.rows
    thread.join()
    assert silences >= 1
    assert sum(counts) == len(frames)
    assert counts[0] <= 4
    assert time.monotonic() - started_s < 15
    assert stream.formats == ("pcap",)
    assert [one.name for one in stream.described()] == ["Ethernet"]


def test_a_file_is_no_live_source() -> None:
    stream = Stream([str(SHORT[0])], Analyzer())
    assert not stream.is_live
    assert sum(batch.records.rows for batch in stream.batches() if batch is not None) > 0


def test_what_goes_wrong_in_the_thread_is_raised_where_the_batches_are_taken(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no such file"):
        list(Stream([str(tmp_path / "none.pcap")], Analyzer()).batches())


def test_of_several_files_a_bad_one_is_left_out_and_said(tmp_path: Path) -> None:
    analyzer = Analyzer()
    stream = Stream([str(tmp_path / "none.pcap"), str(SHORT[0])], analyzer)
    assert sum(batch is not None for batch in stream.batches()) > 0
    assert [one.code.name for one in analyzer.diagnostics] == ["unreadable-file"]


def test_a_file_says_itself_when_capturing_ended(tmp_path: Path) -> None:
    path, frames = tmp_path / "a.pcapng", transcript(LOST)
    path.write_bytes(pcapng_bytes(frames) + statistics(0, ended=frames[-1][0] + 5))
    stream = Stream([str(path)], analyzer := Analyzer())
    for batch in stream.batches():
        assert batch is not None
        analyzer.feed(batch.buffer, batch.records)
    stream.finish()
    assert analyzer.coverage.until_ns == frames[-1][0] + 5
