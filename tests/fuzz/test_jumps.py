"""Clocks that jump by years: no finding rests on silences that nobody watched."""

import json
from pathlib import Path

import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.report.json import document
from tests.fuzz.pieces import Frames, as_pcap, frames_of_pcap
from tests.keepalive.tags.test_tag import OPENED
from tests.recordings import SHORT
from tests.transcript import analyse, transcript

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


def test_a_connection_of_1970_was_not_watched_until_2106(tmp_path: Path) -> None:
    """Stamped with 0 itself, as times that do not fit are: nobody knows how long it was idle."""
    seed = Frames("opened", 1, transcript(OPENED, hops={"B": 3}))
    analysis = analysed(seed, [*((0, octets) for _, octets in seed.frames), (Y2106_NS, STRAY)], tmp_path)
    [flow] = analysis.flows
    assert (flow.story.capture_end_ns, analysis.advice) == (0, ())


def test_the_first_segment_of_a_connection_is_no_copy_of_another_s() -> None:
    """The same SYN before and after a jump there and back: the silence before its answer is not as old as 1970."""
    forty_days = """
          0.0  A>B  S   seq 999   ipid 7
    3456000.0  A>B  A   seq 1100  ack 1
          0.0  A>B  S   seq 999   ipid 7
        100.0  B>A  SA  seq 4999  ack 1000
    """
    for flow in analyse(transcript(forty_days)).flows:
        assert flow.max_idle_ns <= 100 * 10**9


def test_a_connection_whose_clock_was_set_back_begins_before_it_ends() -> None:
    [flow] = analyse(transcript("3600.0 A>B S seq 999\n0.0 A>B A seq 1000 ack 5000")).flows
    assert (flow.end_ns - flow.start_ns, flow.max_idle_ns) == (3600 * 10**9, 0)
