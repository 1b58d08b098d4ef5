"""tcpdump at the points where a scenario captures, and pcap files put together from what it wrote.

It knows the pcap container and nothing of what is in the frames.
"""

import lzma
import re
import struct
import subprocess
from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path

from samples.record.network import INTERFACES, Network

FILE_HEADER = struct.Struct("=IHHiIII")
RECORD_HEADER = struct.Struct("=IIII")
BUFFER_KIB = "65536"
"""A frame takes as much of the kernel's buffer as the longest would: its own size holds eight."""
DROPPED = re.compile(r"(\d+) packets? dropped by kernel")
COMPRESS_FROM = 200_000
"""Octets; smaller recordings can be looked at with anything."""


class Tcpdump:
    """One running tcpdump; `point` is a place, or place:interface ("middle:any")."""

    def __init__(self, network: Network, point: str, file: Path, snaplen: int) -> None:
        place, _, interface = point.partition(":")
        command = ["tcpdump", "-i", interface or INTERFACES[place], "-n", "-U", "-Z", "root", "--immediate-mode"]
        command += ["-s", str(snaplen), "-B", BUFFER_KIB, "-w", str(file)]
        self._process = subprocess.Popen(network.inside(place, *command), stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if "listening on" in line:
                return
        raise RuntimeError(f"tcpdump at {point} did not start")

    def stop(self) -> int:
        """End it; the number of frames that the kernel had no room for."""
        self._process.terminate()
        _, last_words = self._process.communicate()
        dropped = DROPPED.search(last_words)
        return int(dropped[1]) if dropped else 0


def assemble(parts: Iterable[Path], start: float, missing: Iterable[tuple[float, float]], folder: Path) -> Path:
    """One capture file from those of several points, without the spans that are to be missing.

    `start` is the wall clock's time that the spans count from. A long file is compressed.
    """
    header, records = b"", []
    for part in parts:
        octets = part.read_bytes()
        header, place = octets[: FILE_HEADER.size], FILE_HEADER.size
        while place + RECORD_HEADER.size <= len(octets):
            seconds, micros, length, _ = RECORD_HEADER.unpack_from(octets, place)
            end = place + RECORD_HEADER.size + length
            records.append((seconds + micros / 1e6, octets[place:end]))
            place = end
    spans = [(start + begin, start + end) for begin, end in missing]
    records.sort(key=itemgetter(0))
    whole = header + b"".join(record for at, record in records if not any(begin <= at < end for begin, end in spans))
    for old in folder.glob("capture.pcap*"):
        old.unlink()
    if len(whole) < COMPRESS_FROM:
        file = folder / "capture.pcap"
        file.write_bytes(whole)
    else:
        file = folder / "capture.pcap.xz"
        file.write_bytes(lzma.compress(whole, preset=9))
    return file
