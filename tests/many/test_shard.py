"""One file by itself, and once more."""

from pathlib import Path

import pytest

from analyzer.capture.described import Part
from analyzer.engine.dispatch import Engine
from analyzer.errors import CaptureError
from analyzer.many.shard import read_again, read_shard
from tests.capture.writers import pcap_bytes
from tests.transcript import transcript

TEXT = """
    0.0  A>B  S   seq 999
    0.1  B>A  SA  seq 4999  ack 1000
    0.2  A>B  A   seq 1000  ack 5000
"""


def test_a_shard_knows_its_file(tmp_path: Path) -> None:
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap_bytes(transcript(TEXT), nano=True))
    shard = read_shard(str(path))
    assert shard.part == Part(str(path), "pcap", (1,), 3)
    assert (shard.tcp_packets, shard.coverage.last_ns - shard.coverage.first_ns) == (3, 200_000_000)
    assert (shard.flows.rows, shard.ends.rows, shard.candidates.rows, shard.prefix.rows) == (1, 2, 2, 3)


def test_read_again_it_has_the_same_flows(tmp_path: Path) -> None:
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap_bytes(transcript(TEXT), nano=True))
    [(packets, _)] = read_again(read_shard(str(path)), Engine())
    assert list(packets.view.frame[: packets.rows]) == [1, 2, 3]
    assert list(packets.view.flow[: packets.rows]) == [0, 0, 0]


def test_a_file_that_has_changed_is_not_taken_for_the_same(tmp_path: Path) -> None:
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap_bytes(transcript(TEXT), nano=True))
    shard = read_shard(str(path))
    path.write_bytes(pcap_bytes(transcript(TEXT)[:2], nano=True))
    with pytest.raises(CaptureError, match="changed while it was read"):
        list(read_again(shard, Engine()))
    path.unlink()
    with pytest.raises(CaptureError, match="no such file"):
        list(read_again(shard, Engine()))
