"""Captures made to exhaust memory or time, scaled down with the limit: what is given up is said, the rest is right."""

import cProfile
import gzip
import lzma
import resource
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
import zstandard

from analyzer.analysis import Analysis, Analyzer, analyze
from analyzer.capture.decode.packets import MAX_TUNNELS, Tunnels
from analyzer.capture.files.reader import CaptureReader
from analyzer.capture.files.source import open_source
from analyzer.report.json import document
from analyzer.tcp.eviction import Limits, limits_within
from tests.benchmarks.captures import CAPTURES
from tests.capture.writers import interface, option, packet, pcap_bytes, section
from tests.fuzz.pieces import Frames, frames_of_pcap
from tests.recordings import FOLDER

NOW_NS = 1_795_173_500 * 10**9
MAC = b"\2\0\0\0\0\1\2\0\0\0\0\2"
SAMPLE = FOLDER / "nc-30-10-5/capture.pcap"


def segment(random: Random, flags: int = 2) -> bytes:
    """A SYN, or another segment, between random ends."""
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + random.randbytes(8)
    return MAC + b"\x08\0" + ip + random.randbytes(12) + struct.pack("!BBHHH", 0x50, flags, 1024, 0, 0)


def arp(random: Random) -> bytes:
    return MAC + b"\x08\x06" + b"\0\1\x08\0\6\4\0\1" + random.randbytes(20)


def probes(count: int) -> Iterator[tuple[int, bytes]]:
    """One connection whose keepalive never ends."""
    there, back = b"\x0a\0\0\1\x0a\0\0\2", b"\x0a\0\0\2\x0a\0\0\1"
    for number in range(count):
        is_answer = number % 2
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + (back if is_answer else there)
        ports = struct.pack("!HH", 80, 1000) if is_answer else struct.pack("!HH", 1000, 80)
        numbers = struct.pack("!II", 500, 100) if is_answer else struct.pack("!II", 99, 500)
        yield (
            NOW_NS + number // 2 * 5 * 10**9 + is_answer * 10**6,
            MAC + b"\x08\0" + ip + ports + numbers + struct.pack("!BBHHH", 0x50, 0x10, 1024, 0, 0),
        )


def recording() -> Frames:
    return frames_of_pcap("sample", SAMPLE.read_bytes())


def within(limits: Limits, octets: bytes, tmp_path: Path) -> Analysis:
    path = tmp_path / "capture.pcap"
    path.write_bytes(octets)
    analyzer = Analyzer(limits=limits)
    with open_source(str(path)) as source:
        reader = CaptureReader(source, analyzer.diagnostics, chunk_octets=1 << 14)
        for buffer, records, _ in reader.chunks(analyzer.engine):
            analyzer.feed(buffer, records)
        return analyzer.finish([str(path)], [reader.format], sorted(reader.link_types))


def notes(analysis: Analysis) -> dict[str, int]:
    return {one.code.name: one.count for one in analysis.diagnostics}


# What is given up, and what is not


def flooded(with_what: Callable[[Random], bytes], times: int) -> bytes:
    """The recording, and between any two of its frames a share of the flood."""
    random, frames = Random(7), []
    seed = recording().frames
    for ts_ns, octets in seed:
        frames += [(ts_ns, octets), *((ts_ns, with_what(random)) for _ in range(times // len(seed)))]
    return pcap_bytes(frames, nano=True)


def findings(analysis: Analysis) -> tuple[object, ...]:
    [flow] = [one for one in analysis.flows if str(one.ends[0]).startswith("10.100.5.1:")]
    interval = flow.ends[0].settings.tcp_keepalive_intvl
    assert interval is not None
    return flow.verdict.outcome, flow.verdict.cause, interval.value


@pytest.mark.parametrize("flags", [2, 4, 0x10], ids=["SYN", "RST", "ACK"])
def test_a_flood_of_connections_gives_up_the_flood(flags: int, tmp_path: Path) -> None:
    limits = Limits(flows=500, candidates=10_000, of_one_flow=10_000, keeps_idle=False)
    analysis = within(limits, flooded(lambda random: segment(random, flags), 5000), tmp_path)
    assert len(analysis.flows) <= 1000
    assert notes(analysis)["flows-given-up"] + len(analysis.flows) > 4500
    if flags == 2:  # others may be any connection in mid-stream
        assert findings(analysis) == findings(analyze(str(SAMPLE)))


def test_one_endless_connection_keeps_its_latest_probes(tmp_path: Path) -> None:
    """And the others keep all that they have."""
    limits = Limits(flows=500, candidates=1000, of_one_flow=1000, keeps_idle=False)
    endless = list(probes(6000))
    mixed = sorted([*endless, *((ts_ns, octets) for ts_ns, octets in recording().frames)])
    analysis = within(limits, pcap_bytes(mixed, nano=True), tmp_path)
    assert notes(analysis)["segments-given-up"] > 4000
    assert findings(analysis) == findings(analyze(str(SAMPLE)))
    [flow] = [one for one in analysis.flows if str(one.ends[0]) == "10.0.0.1:1000"]
    assert flow.story.ends[0].probes[-1].frame == len(mixed) - 1
    assert flow.ends[0].settings.tcp_keepalive_time.low <= 5


def test_a_flood_of_arp_is_bounded(tmp_path: Path) -> None:
    limits = Limits(flows=500, candidates=10_000, neighbours=1000)
    analysis = within(limits, flooded(arp, 20_000), tmp_path)
    assert notes(analysis)["neighbours-given-up"] > 18_000
    assert findings(analysis) == findings(analyze(str(SAMPLE)))


def test_tunnels_with_random_numbers_are_bounded() -> None:
    tunnels = Tunnels()
    numbers = [tunnels.number(0, 1, number, 0, 0, 0, 0) for number in range(MAX_TUNNELS + 10)]
    assert numbers[:2] == [1, 2]
    assert numbers[-10:] == [-1] * 10
    assert tunnels.number(0, 1, 0, 0, 0, 0, 0) == 1


def test_the_limit_grows_with_the_memory() -> None:
    small, large = limits_within(512 << 20), limits_within(8 << 30)
    assert small.flows < large.flows
    assert small.candidates < large.candidates
    assert small.neighbours < large.neighbours


# Memory and time, measured


def cost(octets: bytes, tmp_path: Path, *options: str) -> tuple[float, int]:
    """Processor seconds and peak memory in MiB of the command; getrusage would count what its parent had before it."""
    path = tmp_path / "capture"
    path.write_bytes(octets)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    code = """
import sys
from pathlib import Path
from analyzer.cli import main
main(sys.argv[1:], standalone_mode=False)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) // 1024, file=sys.stderr)
"""
    command = [sys.executable, "-c", code, "--quiet", "-o", "/dev/null", *options, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    spent_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return spent_s, int(done.stderr.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("face", "memory_mib"),
    [("--json", 128), ("--annotate", 128), ("--csv", 256), ("--html", 256), ("--duckdb", 256), ("--plots", 256)],
)
def test_each_face_stays_within_the_memory_that_it_is_given(face: str, memory_mib: int, tmp_path: Path) -> None:
    """Of 50,000 connections, most of which probe: more than any of them can keep."""
    CAPTURES["idle"].make(tmp_path / "idle.pcap", 0.1)
    place = [] if face == "--json" else [str(tmp_path / "out")]
    octets = (tmp_path / "idle.pcap").read_bytes()
    _, peak_mib = cost(octets, tmp_path, face, *place, "--max-memory", f"{memory_mib}M")
    assert peak_mib < memory_mib


def many_interfaces() -> bytes:
    return section() + interface(tsresol=9) * 70_000 + packet(b"x" * 60, NOW_NS, on=69_999)


def giant_comments() -> bytes:
    comment = option(1, b"\x1b]0;" + b"<script>" * 8000)
    return section(options=comment * 200) + interface(options=comment * 200) + packet(b"x" * 60, 1)


LARGEST_PIECE_MIB = 64
"""What the file may make of one block, or of one slice of compressed octets, beyond what is kept."""
BOMB = pcap_bytes([]) + bytes(300 << 20)
BOMBS = {
    "gzip": lambda: gzip.compress(BOMB, 1),
    "zstd": lambda: zstandard.compress(BOMB),
    "xz": lambda: lzma.compress(BOMB, preset=0),
    "65,536 interfaces": many_interfaces,
    "giant comments": giant_comments,
    "a block of 64 MiB that is none": lambda: (
        section() + interface() + struct.pack("<II", 6, 64 << 20) + bytes(70 << 20)
    ),
    "one record in the other": lambda: (
        pcap_bytes([(NOW_NS, b"x" * 60)] * 2)[:-60]
        + b"".join(struct.pack("<IIII", NOW_NS // 10**9, 0, 250_000, 250_000) for _ in range(100_000))
    ),
}


@pytest.mark.parametrize("attack", BOMBS)
def test_what_expands_or_never_ends_stays_small(attack: str, tmp_path: Path) -> None:
    spent_s, peak_mib = cost(BOMBS[attack](), tmp_path, "--json", "--max-memory", "128M")
    assert peak_mib < 128 + LARGEST_PIECE_MIB
    assert spent_s < 60


def test_a_dictionary_larger_than_any_is_refused(tmp_path: Path) -> None:
    """xz says beforehand how much memory it wants; 1.5 GiB is not given."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 4096}]
    octets = bytearray(lzma.compress(SAMPLE.read_bytes(), filters=filters))
    header = octets[12:24]
    assert header[2:4] == b"\x21\x01"  # LZMA2, one octet of properties: the size of its dictionary
    header[4] = 40
    header[8:12] = struct.pack("<I", __import__("zlib").crc32(bytes(header[:8])))
    octets[12:24] = header
    path = tmp_path / "capture.xz"
    path.write_bytes(octets)
    result = subprocess.run(
        [sys.executable, "-m", "analyzer", str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 2
    assert "Memory usage limit" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "make", [lambda n: flooded(segment, n), lambda n: pcap_bytes(probes(n), nano=True)], ids=["SYNs", "probes"]
)
def test_work_grows_with_the_capture_and_no_faster(make: Callable[[int], bytes], tmp_path: Path) -> None:
    """Twice the capture takes twice the calls, and not four times, which is what a square would take."""
    path = tmp_path / "capture.pcap"

    def calls(count: int) -> int:
        path.write_bytes(make(count))
        profile = cProfile.Profile()
        profile.runcall(lambda: "".join(document.document(analyze(str(path)))))
        return sum(one.callcount for one in profile.getstats())

    calls(100)
    assert calls(2000) < 2.5 * calls(1000)


def test_the_hash_of_connections_is_seeded() -> None:
    """Else a sender could choose tuples that all meet in one slot."""
    assert len({Analyzer().tracker.table.seed for _ in range(20)}) > 15


def test_nothing_grows_with_what_diagnostics_say() -> None:
    analyzer = Analyzer()
    tracemalloc.start()
    for number in range(20_000):
        analyzer.diagnostics.add(1, number, f"octets {number} to {number + 1} are lost")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000
