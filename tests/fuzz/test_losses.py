"""Truth under damage: of a capture that misses frames every claim is true, or nothing is said.

Bounds of settings, outcomes and errnos of all recordings, cut and thinned at random (`damage.py`), are held against
what the kernel had and the applications were told. What is still false is counted, recording by recording, so that
each change shows. README.md has the measurement.
"""

from collections import Counter
from pathlib import Path

import pytest

from analyzer.analysis import Analyzer, analyze, read_capture
from analyzer.capture.files.reader import CHUNK_OCTETS
from analyzer.engine.table import Table
from tests.fuzz.damage import DAMAGES, RECORDINGS, claims, examine, truths
from tests.fuzz.pieces import Frames, as_pcap, frames_of_pcap
from tests.recordings import SHORT

STILL_FALSE = {
    "answers-unheard-6-2-4": {"50% of TCP missing": 1},
    "close-wait-rebooted-5-3-4": {"20% of TCP missing": 1},
    "defaults-dead-hz300": {"50% missing": 1},
    "grid-hz1000": {"head": 1},
    "gvisor": {"1% missing": 2, "5% of TCP missing": 2, "window": 1},
    "gvisor-answers-unheard": {"20% missing": 1, "tail": 1},
    "gvisor-both-probe": {"50% of TCP missing": 1},
    "gvisor-long": {"5% of TCP missing": 1},
    "gvisor-path-forgets-20": {"1% missing": 1},
    "gvisor-unreachable": {"5% missing": 1, "5% of TCP missing": 1, "50% of TCP missing": 1},
    "lwip": {"5% missing": 2, "head": 1},
    "lwip-answers-unheard": {"5% missing": 2, "50% of TCP missing": 1, "tail": 1},
    "lwip-both-probe": {"5% missing": 2},
    "lwip-close-wait": {"20% missing": 2, "window": 3},
    "lwip-link-dead": {"50% missing": 4},
    "lwip-long": {"50% missing": 1},
    "lwip-path-forgets-20": {"head": 1},
    "nat-forgets-one-of-two": {"5% missing": 2, "50% of TCP missing": 1},
    "one-way-both-probe": {"20% missing": 2, "5% of TCP missing": 1},
    "path-forgets-10-drops": {"5% of TCP missing": 2},
    "redis-server": {"50% of TCP missing": 1},
    "smoltcp": {"1% missing": 1, "20% missing": 1, "5% missing": 1, "5% of TCP missing": 2, "50% missing": 1},
    "third-1800-600-3-hz100": {"50% missing": 1},
    "user-timeout": {"50% missing": 1},
    "zero-window-dead": {"50% of TCP missing": 1},
}
"""How many claims are, with the one seed that is tried here. Most come from stacks whose identifications count for the
whole host, so that nothing shows what is missing: a probe, an answer, or the RST that gives up."""


@pytest.mark.slow
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.parent.name)
def test_what_is_said_of_a_damaged_recording_is_true(path: Path) -> None:
    false = {damage: [words for _, _, is_true, words in examine(path, damage, 0) if not is_true] for damage in DAMAGES}
    counts = Counter({damage: len(claimed) for damage, claimed in false.items() if claimed})
    assert counts == STILL_FALSE.get(path.parent.name, {}), false


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
    analysis = analyze(str(half))
    for flow in analysis.flows:
        truth = truths(path).get(frozenset(map(str, flow.ends)))
        if truth is not None:
            said = list(claims(flow, truth, analysis.capture.until_ns))
            assert [words for kind, is_true, words in said if kind.startswith("tcp_") and not is_true] == []
