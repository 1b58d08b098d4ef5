"""Truth under damage: of a capture that misses frames bounds hold the settings that the kernel had, or say nothing.

The frames are dropped at random from the recordings with known settings, as a busy tap does. What is not known yet to
hold is named, and each of these tests says so as soon as it does. README.md has the measurement.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from analyzer.analysis import Analysis, Analyzer, analyze, read_capture
from analyzer.capture.files.reader import CHUNK_OCTETS
from analyzer.engine.table import Table
from analyzer.keepalive.findings import End
from tests.fuzz.pieces import Frames, as_pcap, frames_of_pcap
from tests.recordings import SHORT
from tests.test_samples import true_settings

SHARES = (0.01, 0.1, 0.5)
SEEDS = 8


def thinned(path: Path, share: float, seed: int) -> bytes:
    """The recording without a share of its frames."""
    whole, random = frames_of_pcap(path.parent.name, path.read_bytes()), Random(seed)
    kept = [frame for frame in whole.frames if random.random() >= share]
    return bytes(as_pcap(Frames(whole.name, whole.link_type, kept), "<").octets)


def true_ends(path: Path) -> dict[str, dict[str, float]]:
    """By address and port, which stay when roles get lost: what the kernel had in force."""
    truth = tomllib.loads(path.with_name("truth.toml").read_text())
    [flow] = analyze(str(path)).flows
    found = {}
    for index, end in enumerate(truth["end"]):
        by_role = [one for one in flow.ends if one.role.value == end["role"]]
        found[str(by_role[0] if by_role else flow.ends[index])] = true_settings(end) if end["keepalive"] else {}
    return found


def wrong(analysis: Analysis, truth: dict[str, dict[str, float]]) -> Iterator[str]:
    """Claims that exclude what was in force."""
    for flow in analysis.flows:
        for end in flow.ends:
            for name, value in truth.get(str(end), {}).items():
                claim = getattr(end.settings, name)
                if claim is not None and not (claim.low <= value and (claim.high is None or value <= claim.high)):
                    yield f"{end} {name} = {value}, not {said(end, name)}"


def said(end: End, name: str) -> str:
    claim = getattr(end.settings, name)
    return f"{claim.value}, {claim.low} to {claim.high} ({claim.basis.value})"


UNSENT = "the host asked for a link address in vain and sent no probes; what it asked is missing"
SMALL = "too little is left to show that half is missing"
KNOWN_HOLES = {
    ("node", 0.01): UNSENT,
    ("node", 0.1): UNSENT,
    ("answers-unheard-6-2-4", 0.1): "two losses in one run, and answers that were not heard",
    ("both-ends", 0.1): "an answer is missing, and what its probe echoes may be the other end's own probe",
    ("interval-longer-3-8-3", 0.1): "the interval is longer than the idle time, and the first probe is missing",
    ("ipv6-45-7-4", 0.1): "over IPv6 the first probe of a run is missing, and no answer is",
    ("ipv6-45-7-4", 0.5): SMALL,
    ("snaplen-64-8-2-4", 0.5): SMALL,
    ("unreachable-ipv6-7-2-4", 0.5): SMALL,
    ("zero-window-keepalive-5-2-3", 0.5): SMALL,
}


def case(path: Path, share: float) -> object:
    hole = KNOWN_HOLES.get((path.parent.name, share))
    marks = [pytest.mark.xfail(reason=hole, strict=True)] if hole else []
    return pytest.param(path, share, id=f"{path.parent.name}, {share:.0%}", marks=marks)


@pytest.mark.parametrize(("path", "share"), [case(path, share) for share in SHARES for path in SHORT])
def test_bounds_hold_the_truth_whatever_is_missing(path: Path, share: float, tmp_path: Path) -> None:
    truth, thin = true_ends(path), tmp_path / "thin.pcap"
    for seed in range(SEEDS):
        thin.write_bytes(thinned(path, share, seed))
        assert list(wrong(analyze(str(thin)), truth)) == [], f"seed {seed}"


def one_side(path: Path, end: int) -> bytes:
    """The recording without what the other end sent, as where the two directions take two ways."""
    kept = []

    def choose(_: Table, packets: Table) -> None:
        rows = packets.view
        kept.extend(rows.frame[row] for row in range(packets.rows) if rows.flow[row] < 0 or rows.end[row] == end)

    read_capture(str(path), Analyzer(), CHUNK_OCTETS, choose)
    whole = frames_of_pcap(path.parent.name, path.read_bytes())
    frames = [whole.frames[frame - 1] for frame in kept]
    return bytes(as_pcap(Frames(whole.name, whole.link_type, frames), "<").octets)


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("path", SHORT, ids=lambda path: path.parent.name)
def test_bounds_hold_the_truth_of_one_direction(path: Path, end: int, tmp_path: Path) -> None:
    half = tmp_path / "half.pcap"
    half.write_bytes(one_side(path, end))
    assert list(wrong(analyze(str(half)), true_ends(path))) == []
