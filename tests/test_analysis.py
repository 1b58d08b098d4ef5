"""The pipeline as its users call it: files in, one analysis out."""

import gzip
import io
import os
import sys
from ipaddress import ip_address
from pathlib import Path
from struct import unpack

import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.capture.decode.packets import address
from analyzer.capture.files.source import Source
from analyzer.capture.until import Until
from analyzer.diagnostics import Severity
from analyzer.engine.prefetch import pays_to_decode_ahead
from analyzer.errors import CaptureError, OptionError, UnknownFormatError
from analyzer.keepalive.findings import Role
from analyzer.schema import ABSENT
from tests.capture.writers import pcap_bytes, pcapng_bytes, statistics
from tests.engines import chosen
from tests.transcript import START_NS, nanoseconds, transcript

SECOND = 10**9
FIRST_HALF = """
    0.000  A>B  S   seq 999
    0.010  B>A  SA  seq 4999  ack 1000
    0.020  A>B  A   seq 1000  ack 5000
"""
SECOND_HALF = """
    30.02  A>B  A   seq 999   ack 5000
    30.03  B>A  A   seq 5000  ack 1000
"""


@pytest.fixture
def halves(tmp_path: Path) -> list[str]:
    """One connection in two files of different formats, as a rotating capture leaves it."""
    files = tmp_path / "1.pcap", tmp_path / "2.pcapng"
    files[0].write_bytes(pcap_bytes(transcript(FIRST_HALF), nano=True))
    files[1].write_bytes(pcapng_bytes(transcript(SECOND_HALF)))
    return [str(file) for file in files]


def test_several_files_are_one_timeline(halves: list[str]) -> None:
    analysis = analyze(*halves)
    [flow] = analysis.flows
    assert [(probe.frame, probe.answer_frame) for probe in flow.ends[0].story.probes] == [(4, 5)]
    capture = analysis.capture
    assert (capture.files, capture.formats, capture.link_types) == (tuple(halves), ("pcap", "pcapng"), ("Ethernet",))
    assert (capture.packets, capture.tcp_packets) == (5, 5)
    assert (capture.first_ns, capture.last_ns) == (START_NS, START_NS + nanoseconds("30.03"))


def test_one_bad_file_among_good_ones_is_noted(halves: list[str], tmp_path: Path) -> None:
    bad = tmp_path / "notes.txt"
    bad.write_text("no capture at all\n")
    analysis = analyze(halves[0], str(bad), str(tmp_path / "missing.pcap"), halves[1])
    [flow] = analysis.flows
    assert flow.packets == 5
    [note] = analysis.diagnostics
    assert (note.code.name, note.code.severity, note.count) == ("unreadable-file", Severity.DAMAGE, 2)
    assert "notes.txt" in note.message
    assert "missing.pcap: no such file" in note.message
    assert analysis.is_damaged


def test_one_bad_file_alone_stops(tmp_path: Path) -> None:
    bad = tmp_path / "notes.txt"
    bad.write_text("no capture at all\n")
    with pytest.raises(UnknownFormatError, match=r"notes\.txt"):
        analyze(str(bad))


def test_nothing_but_bad_files_stops(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"none of the 2 inputs can be used: .*a\.pcap.*b\.pcap"):
        analyze(str(tmp_path / "a.pcap"), str(tmp_path / "b.pcap"))


@pytest.mark.parametrize("has_thread", [False, True])
def test_what_comes_before_an_error_is_analysed(
    has_thread: bool, halves: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On two threads as on one, in the same order."""
    monkeypatch.setattr("analyzer.analysis.pays_to_decode_ahead", lambda *_: has_thread)
    last, readinto = Path(halves[0]).stat().st_size - 1, Source.readinto

    def fails(source: Source, view: memoryview) -> int:
        if source.position == last:
            raise CaptureError("reading fails: Input/output error")
        return readinto(source, view[: last - source.position])

    monkeypatch.setattr(Source, "readinto", fails)
    analysis = analyze(halves[0], chunk_octets=100)
    assert [(note.code.name, note.first_frame) for note in analysis.diagnostics] == [("truncated-file", 3)]
    assert analysis.capture.packets == 2


@pytest.mark.parametrize(
    ("compiled", "octets", "processors", "pays"),
    [(True, 1 << 30, 2, True), (False, 1 << 30, 2, False), (True, 1 << 20, 2, False), (True, 1 << 30, 1, False)],
)
def test_a_second_thread_where_it_pays(
    compiled: bool, octets: int, processors: int, pays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analyzer.engine.prefetch.cores", lambda: processors)
    assert pays_to_decode_ahead(chosen(compiled), octets) is pays


def test_limits_do_not_damage(tmp_path: Path) -> None:
    capture = tmp_path / "sensors.pcap"
    capture.write_bytes(pcap_bytes([(0, bytes(100))], link_type=195))
    analysis = analyze(str(capture))
    [note] = analysis.diagnostics
    assert (note.code.name, note.count, note.message.endswith("(LINKTYPE 195)")) == ("unknown-link-type", 1, True)
    assert not analysis.is_damaged
    assert analysis.capture.link_types == ("LINKTYPE 195",)


def test_a_capture_without_frames_is_no_error(tmp_path: Path) -> None:
    capture = tmp_path / "empty.pcap"
    capture.write_bytes(pcap_bytes([]))
    analysis = analyze(str(capture))
    assert (len(analysis.flows), analysis.diagnostics) == (0, ())
    assert (analysis.capture.packets, analysis.capture.first_ns, analysis.capture.last_ns) == (0, -1, -1)


def test_progress_tells_of_every_octet_of_the_files(halves: list[str]) -> None:
    steps: list[int] = []
    analyze(*halves, chunk_octets=100, on_progress=steps.append)
    assert len(steps) > 2
    assert sum(steps) == sum(Path(half).stat().st_size for half in halves)


def test_progress_of_a_compressed_file_is_that_of_the_file(halves: list[str]) -> None:
    compressed = Path(halves[0]).with_suffix(".gz")
    compressed.write_bytes(gzip.compress(Path(halves[0]).read_bytes()))
    steps: list[int] = []
    analyze(str(compressed), on_progress=steps.append)
    assert sum(steps) == compressed.stat().st_size


def test_a_pipe_has_no_progress(monkeypatch: pytest.MonkeyPatch, halves: list[str]) -> None:
    read, write = os.pipe()
    os.write(write, Path(halves[0]).read_bytes())
    os.close(write)
    steps: list[int] = []
    with os.fdopen(read) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert analyze("-", on_progress=steps.append).capture.packets == 3
    assert not any(steps)


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, halves: list[str]) -> None:
    octets = io.BytesIO(Path(halves[0]).read_bytes())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(octets))
    assert analyze("-").capture.packets == 3


def test_who_opened_the_connection(tmp_path: Path) -> None:
    expected = {
        "0 A>B S seq 1": [Role.ORIGINATOR, Role.RESPONDER],
        "0 A>B SA seq 1 ack 2": [Role.RESPONDER, Role.ORIGINATOR],
        "0 A>B A seq 1 ack 2": [Role.UNKNOWN, Role.UNKNOWN],
    }
    capture = tmp_path / "one.pcap"
    for text, roles in expected.items():
        capture.write_bytes(pcap_bytes(transcript(text)))
        [flow] = analyze(str(capture)).flows
        assert [end.role for end in flow.ends] == roles
        assert flow.is_midstream is (Role.UNKNOWN in roles)


@pytest.mark.parametrize("text", ["10.0.0.1", "255.255.255.255", "0.0.0.0", "::", "::1", "fe80::1", "2001:db8::ff"])
def test_addresses_are_written_as_usual(text: str) -> None:
    packed = ip_address(text).packed
    hi, lo = unpack("!qq", packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed)
    assert address(hi, lo) == text


def test_of_several_files_the_one_is_named_where_something_was_first_met(tmp_path: Path) -> None:
    files = tmp_path / "1.pcap", tmp_path / "2.pcap"
    good, cut = transcript(FIRST_HALF), transcript(SECOND_HALF)
    files[0].write_bytes(pcap_bytes(good, nano=True)[:-5])
    files[1].write_bytes(pcap_bytes([(ts_ns, octets[:30], len(octets)) for ts_ns, octets in cut], nano=True))
    analysis = analyze(*map(str, files))
    notes = {one.code.name: (one.first_frame, analysis.file_of(one), one.detail) for one in analysis.diagnostics}
    assert notes == {
        "truncated-file": (3, None, str(files[0])),  # the frame that it would have been: now the next file's first
        "header-cut": (3, str(files[1]), ""),
    }


BEATS = """
    0.000  A>B  S   seq 999
    0.00002  B>A  SA  seq 4999  ack 1000
    0.020  A>B  A   seq 1000  ack 5000
""" + "\n".join(
    f"""
    {n}.000  A>B  PA  seq {1000 + 58 * (n - 1)}  ack 5000  len 58
    {n}.00002  B>A  A   seq 5000  ack {1000 + 58 * n}"""
    for n in range(1, 20)
)
"""A heartbeat each second, captured at its receiver B. The last frame, an ACK, comes after 19.00002 s."""
LAST_NS = START_NS + nanoseconds("19.00002")
AFTER_170_S = LAST_NS + 170 * SECOND


def ending_at(path: Path, until_ns: int, text: str = BEATS) -> str:
    """A capture that says itself when capturing ended, as dumpcap writes it."""
    path.write_bytes(pcapng_bytes(transcript(text)) + statistics(0, 0, ended=until_ns))
    return str(path)


def least_time(analysis: Analysis) -> float:
    """The lower bound of the idle time where it was captured; nothing is 0."""
    time = analysis.flows[0].ends[1].settings.tcp_keepalive_time
    return time.low if time is not None else 0


def test_a_capture_ends_where_the_capturing_ended(tmp_path: Path) -> None:
    """Linux fires up to an eighth late, so 170 s without a probe exclude all times up to 150 s."""
    analysis = analyze(ending_at(tmp_path / "a.pcapng", AFTER_170_S))
    capture, [flow] = analysis.capture, analysis.flows
    assert (capture.packets, capture.last_ns, capture.until_ns) == (41, LAST_NS, AFTER_170_S)
    assert flow.story.capture_end_ns == AFTER_170_S
    assert 150 <= least_time(analysis) <= 170
    assert not analysis.diagnostics


def test_a_capture_that_does_not_say_it_ends_with_its_last_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(pcapng_bytes(transcript(BEATS)))
    analysis = analyze(str(path))
    assert analysis.capture.until_ns == analysis.flows[0].story.capture_end_ns == LAST_NS
    assert least_time(analysis) <= 1


@pytest.mark.parametrize("until", ["+170", f"{AFTER_170_S // SECOND}.{AFTER_170_S % SECOND:09}"])
def test_a_person_may_say_it(until: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_bytes(transcript(BEATS), nano=True))
    said, written = (
        analyze(str(path), until=Until.parse(until)),
        analyze(ending_at(tmp_path / "a.pcapng", AFTER_170_S)),
    )
    assert said.flows[0] == written.flows[0]
    assert said.capture.until_ns == AFTER_170_S


def test_what_a_person_says_counts_for_more_than_what_the_file_says(tmp_path: Path) -> None:
    name = ending_at(tmp_path / "a.pcapng", AFTER_170_S)
    assert analyze(name, until=Until.parse("+60")).capture.until_ns == LAST_NS + 60 * SECOND
    with pytest.raises(OptionError, match="is before the last frame"):
        analyze(name, until=Until.parse(str(START_NS // SECOND)))


def test_no_frames_no_end(tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.write_bytes(pcap_bytes([]))
    assert analyze(str(path), until=Until.parse("2026-11-29")).capture.until_ns == ABSENT


def test_the_latest_end_of_several_files_counts(tmp_path: Path) -> None:
    first, second = "\n".join(BEATS.splitlines()[:20]), "\n".join(BEATS.splitlines()[20:])
    later = ending_at(tmp_path / "1.pcapng", AFTER_170_S, first)
    earlier = ending_at(tmp_path / "2.pcapng", LAST_NS + SECOND, second)
    assert analyze(later, earlier).capture.until_ns == AFTER_170_S


def test_before_a_jump_of_the_clock_too_a_flow_is_watched_until_capturing_ended(tmp_path: Path) -> None:
    """Two recordings, a year apart: what the first says of its end holds for its connections."""
    year_later = [(ts_ns + 365 * 86_400 * SECOND, octets) for ts_ns, octets in transcript(BEATS.replace("A>B", "C>B"))]
    other = tmp_path / "2.pcap"
    other.write_bytes(pcap_bytes(year_later, nano=True))
    analysis = analyze(ending_at(tmp_path / "1.pcapng", AFTER_170_S), str(other))
    assert analysis.flows[0].story.capture_end_ns == AFTER_170_S
    assert analysis.capture.until_ns == analysis.capture.last_ns == year_later[-1][0]
