"""What happens to the frames of one connection changes no finding of another."""

import json
from pathlib import Path
from random import Random

import pytest

from analyzer.analysis import analyze
from analyzer.report.json import document
from tests.fuzz.mutations import INTERESTING
from tests.fuzz.pieces import Frames, as_pcap, as_pcapng, frames_of_pcap
from tests.recordings import FOLDER

UNTOUCHED = ("nc-30-10-5", "peer-silent-9-2-4", "third-12-4-3", "user-timeout", "zero-window", "sshd")
VICTIM = "unreachable"


def recording(name: str) -> Frames:
    return frames_of_pcap(name, (FOLDER / name / "capture.pcap").read_bytes())


def elsewhere(frame: bytes) -> bytes:
    """The same with its IPv4 addresses in 77.0.0.0/8, where nobody else is."""
    octets = bytearray(frame)
    for at in {b"\x08\x00": (26, 30), b"\x08\x06": (28, 38)}.get(frame[12:14], ()):
        octets[at] = 77
    return bytes(octets)


def damaged(random: Random, frame: bytes) -> bytes:
    """Any octets behind the addresses, and the length."""
    octets = bytearray(frame)
    for _ in range(random.choice((1, 3, 10))):
        at = random.randrange(34, max(len(octets), 35))
        if at < len(octets):
            octets[at] = random.choice((*INTERESTING, random.getrandbits(8)))
    return bytes(octets[: random.randrange(34, len(octets) + 1)] if random.random() < 0.3 else octets)


def findings(octets: bytes, path: Path, ours: set[str]) -> list[dict[str, object]]:
    """Of the connections between these addresses; without their numbers, which count all connections."""
    path.write_bytes(octets)
    flows = json.loads("".join(document.document(analyze(str(path)))))["flows"]
    found = [flow for flow in flows if {end["addr"] for end in flow["ends"]} <= ours]
    return [{name: value for name, value in flow.items() if name != "id"} for flow in found]


@pytest.mark.parametrize("make", [as_pcap, as_pcapng], ids=["pcap", "pcapng"])
@pytest.mark.parametrize("name", UNTOUCHED)
def test_other_connections_are_told_as_before(name: str, make: object, tmp_path: Path) -> None:
    ours, path = recording(name), tmp_path / "capture"
    path.write_bytes(as_pcap(ours, "<").octets)
    addresses = {end.address for flow in analyze(str(path)).flows for end in flow.ends}
    shift_ns = ours.frames[0][0] - recording(VICTIM).frames[0][0]
    victim = [(ts_ns + shift_ns, elsewhere(octets)) for ts_ns, octets in recording(VICTIM).frames]
    end_ns = max(ours.frames[-1][0], victim[-1][0])

    def mixed(theirs: list[tuple[int, bytes]]) -> bytes:
        frames = sorted([*((*one, 0) for one in ours.frames), *((*one, 1) for one in theirs)], key=lambda one: one[::2])
        last = (end_ns + 1, bytes(60))
        return bytes(make(Frames(name, ours.link_type, [*(one[:2] for one in frames), last]), "<").octets)

    before = findings(mixed(victim), path, addresses)
    assert before
    for seed in range(15):
        random = Random(seed)
        hit = [(ts_ns, damaged(random, octets) if len(octets) > 40 else octets) for ts_ns, octets in victim]
        assert findings(mixed(hit), path, addresses) == before, f"seed {seed}"
