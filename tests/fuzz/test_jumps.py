"""Clocks that jump by years: no finding rests on silences that nobody watched."""

import json
from pathlib import Path

import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.report import document
from tests.fuzz.pieces import Frames, as_pcap, frames_of_pcap
from tests.recordings import SHORT

Y1970_NS, Y2106_NS, YEAR_NS = 0, 0xFFFFFFFF * 10**9, 365 * 86_400 * 10**9
STRAY = bytes.fromhex("ffffffffffff020000000009 0806 0001080006040001 020000000009 c0000209 000000000000 c0000263")
"""An ARP request of nobody who matters."""


def recording(path: Path) -> Frames:
    return frames_of_pcap(path.parent.name, path.read_bytes())


def analysed(seed: Frames, frames: list[tuple[int, bytes]], tmp_path: Path) -> Analysis:
    path = tmp_path / "capture.pcap"
    path.write_bytes(as_pcap(Frames(seed.name, seed.link_type, frames), "<").octets)
    return analyze(str(path))


def flows(analysis: Analysis) -> list[object]:
    return list(json.loads("".join(document.document(analysis)))["flows"])


def codes(analysis: Analysis) -> set[str]:
    return {one.code.name for one in analysis.diagnostics}


@pytest.mark.parametrize("stray_ns", [Y1970_NS, Y2106_NS], ids=["1970", "2106"])
@pytest.mark.parametrize("path", SHORT, ids=lambda path: path.parent.name)
def test_a_frame_of_another_time_changes_no_finding(path: Path, stray_ns: int, tmp_path: Path) -> None:
    seed = recording(path)
    plain = analysed(seed, [*seed.frames, (seed.frames[-1][0], STRAY)], tmp_path)
    with_stray = analysed(seed, [*seed.frames, (stray_ns, STRAY)], tmp_path)
    assert flows(with_stray) == flows(plain)
    assert codes(with_stray) - codes(plain) == {"time-jump"}


@pytest.mark.parametrize("years", [1, 10, 60])
@pytest.mark.parametrize("path", SHORT, ids=lambda path: path.parent.name)
def test_a_jump_in_the_midst_makes_no_silence(path: Path, years: int, tmp_path: Path) -> None:
    """Whatever is still said of a connection, it is not that it was silent for years."""
    seed = recording(path)
    middle = len(seed.frames) // 2
    later = [(ts_ns + years * YEAR_NS, octets) for ts_ns, octets in seed.frames[middle:]]
    analysis = analysed(seed, [*seed.frames[:middle], *later], tmp_path)
    longest_ns = seed.frames[-1][0] - seed.frames[0][0]
    assert "time-jump" in codes(analysis)
    for flow in analysis.flows:
        assert flow.max_idle_ns <= longest_ns
        assert (flow.verdict.detection_delay_ns or 0) <= longest_ns
        for end in flow.ends:
            for name in ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_user_timeout"):
                setting = getattr(end.settings, name)
                assert setting is None or setting.low * 10**9 <= longest_ns
