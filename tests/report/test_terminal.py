"""The terminal report: everything within the width, the urgent first, nothing obeyed that came with the capture."""

import io
import re
from functools import cache
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from analyzer.analysis import Analysis, analyze
from analyzer.keepalive.tags.tag import RULES, TAGS, Tag
from analyzer.keepalive.verdict.values import Outcome
from analyzer.report import terminal
from analyzer.report.ranking import SHOWN
from analyzer.report.words import sentences
from tests.capture.reading import read_capture
from tests.recordings import SHORT
from tests.transcript import analyse, transcript

SAMPLE = {path.parent.name: path for path in SHORT}

each_sample = pytest.mark.parametrize("sample", SHORT, ids=lambda path: path.parent.name)
each_width = pytest.mark.parametrize("width", [80, 160])

LONGEST_IPV6 = bytes.fromhex("20010db8aaaabbbbccccddddeeeeffff")
MARKUP = "[bold]capture[red :smile: \\[x].pcap"


@cache
def analysis_of(*paths: Path) -> Analysis:
    return analyze(*map(str, paths))


def console(width: int, is_terminal: bool = False) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    made = Console(
        file=file, width=width, force_terminal=is_terminal, color_system="standard" if is_terminal else None,
        highlight=False, emoji=False, markup=False,
    )  # fmt: skip
    return made, file


def report(analysis: Analysis, width: int = 80, shown: int = SHOWN, is_terminal: bool = False) -> str:
    made, file = console(width, is_terminal)
    made.print(terminal.report(analysis, shown))
    return file.getvalue()


def timeline(analysis: Analysis, flow: int = 0, width: int = 80) -> str:
    made, file = console(width)
    made.print(terminal.timelines(analysis, analysis.flows[flow : flow + 1], 1))
    return file.getvalue()


def unwrapped(words: str) -> str:
    """The same words however they were broken into lines."""
    return " ".join(words.split())


def widest(words: str) -> int:
    return max(map(cell_len, words.splitlines()))


def told(words: str) -> list[int]:
    """The connections described in full, in this order."""
    return [int(number) for number in re.findall(r"^#(\d+)  ", words, re.MULTILINE)]


def probed(count: int) -> Analysis:
    """So many connections with probes that nothing answers yet."""
    segments = (
        (0, "A:{}>B A seq 1000 ack 5000"),
        (1, "B>A:{} PA seq 5000 ack 1000 len 9"),
        (2, "A:{}>B A seq 1000 ack 5009"),
    )
    segments += ((32, "A:{}>B A seq 999 ack 5009"), (62, "A:{}>B A seq 999 ack 5009"))
    lines = [f"{time}.{port:03} {words.format(port)}" for time, words in segments for port in range(1, count + 1)]
    return analyse(transcript("\n".join(lines)))


# Samples


@each_width
@each_sample
def test_fits_the_width(sample: Path, width: int) -> None:
    analysis = analysis_of(sample)
    assert widest(report(analysis, width)) <= width
    for flow in analysis.flows:
        assert widest(timeline(analysis, flow.id, width)) <= width


@each_width
@each_sample
def test_says_headline_sentences_and_both_ends(sample: Path, width: int) -> None:
    analysis = analysis_of(sample)
    words = unwrapped(report(analysis, width))
    for flow in analysis.flows:
        for part in (sentences.headline(flow), *sentences.sentences(flow), *map(str, flow.ends)):
            assert part in words


@each_sample
def test_shows_each_setting_of_each_probing_end(sample: Path) -> None:
    analysis = analysis_of(sample)
    words = report(analysis, 160)
    probing_ends = [flow.ends[index] for flow in analysis.flows for index in flow.probers]
    for name in ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes"):
        rows = re.findall(rf"^ +{name} +(\S+)  ", words, re.MULTILINE)
        settings = [getattr(end.settings, name) for end in probing_ends]
        assert rows == ["?" if one is None or one.value is None else str(one.value) for one in settings]


@each_sample
def test_no_escape_sequences_without_a_terminal(sample: Path) -> None:
    analysis = analysis_of(sample)
    assert "\x1b" not in report(analysis) + timeline(analysis)
    assert "\x1b[1" in report(analysis, is_terminal=True)


def test_first_lines_answer_what_happened() -> None:
    """Who knows nothing reads no further than this."""
    lines = report(analysis_of(SAMPLE["nc-30-10-5"]), 120).splitlines()
    assert "pcap, Ethernet · 46 frames · 1 TCP connection" in unwrapped("".join(lines[:2]))
    assert "2026-11-20 07:29:18 UTC" in lines[1]
    headline = lines.index("#0  10.100.5.1:40838 → 10.100.5.2:9000      timed out: the peer fell silent")
    assert headline <= 3
    assert "The originator probed after 30 s idle" in lines[headline + 1]


def test_a_tunnel_is_named_with_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = analyse(transcript("0 A>B S seq 999"))
    [flow] = analysis.flows
    ends = f"{flow.ends[0]} → {flow.ends[1]}"
    assert f"{ends} (http) in " not in unwrapped(report(analysis))
    monkeypatch.setitem(analysis._assembler._assembled, 0, flow._replace(tunnel="vxlan 42"))
    assert f"{ends} (http) in vxlan 42" in unwrapped(report(analysis))


def test_bounds_are_shown_as_known() -> None:
    words = report(analysis_of(SAMPLE["rebooted"]), 160)
    assert re.search(r"tcp_keepalive_time +180 +\d+–\d+ ", words)
    assert re.search(r"tcp_keepalive_probes +\? +≥ 1 ", words)


def test_course_folds_what_repeats() -> None:
    words = unwrapped(report(analysis_of(SAMPLE["nc-30-10-5"])))
    assert "handshake ─ idle 31.16 s ─▶ probe ✗ ─ 10.24 s ─▶ probe ✗ ×4 ─ 10.24 s ─▶ RST" in words


@pytest.mark.parametrize(
    ("sample", "mark"), [("rebooted", "probe ↯ ─▶ RST"), ("unreachable", "probe ICMP"), ("third-60-20-3", "probe ✓")]
)
def test_course_shows_what_came_back(sample: str, mark: str) -> None:
    assert mark in unwrapped(report(analysis_of(SAMPLE[sample])))


# Which connections


def test_connections_that_matter_come_first() -> None:
    """Whenever they happened, the dead are told in the order of the conclusions, and the healthy one is only
    counted."""
    paths = [SAMPLE[name] for name in ("telnet-lost-octet", "rebooted", "nc-30-10-5")]
    analysis = analysis_of(*paths)
    number = {flow.verdict.outcome: flow.id for flow in analysis.flows}
    words = report(analysis)
    assert told(words) == [number[Outcome.RESET], number[Outcome.TIMED_OUT]]
    assert "All 3 connections: 1 timed out, 1 reset, 1 alive" in unwrapped(words)


def test_healthy_connections_are_told_where_nothing_else_is() -> None:
    words = report(analysis_of(SAMPLE["heartbeat"]))
    assert told(words) == [0]
    assert "closed" in words


def test_many_connections_are_not_all_told() -> None:
    words = report(probed(50))
    assert told(words) == list(range(SHOWN))
    rows = re.findall(r"^(\d+) ", words.partition("More connections")[2], re.MULTILINE)
    assert rows == [str(number) for number in range(SHOWN, 4 * SHOWN)]
    assert "and 30 more; --html and --json have all of them" in words
    assert "All 50 connections: 50 being probed" in words


@pytest.mark.parametrize("shown", [0, 1, 2, 3])
def test_shown_is_how_many_are_told(shown: int) -> None:
    words = report(probed(3), shown=shown)
    assert told(words) == list(range(shown))
    assert ("More connections" in words) == (0 < shown < 3)
    assert ("All 3 connections" in words) == (shown < 3)


def test_advice_names_its_connections() -> None:
    lines = [f"{time}.{port:03} A:{port}>B PA seq {1 + time} len 9" for time in (0, 900) for port in range(1, 8)]
    lines += [f"{time}.{500 + port} B>A:{port} A seq 7 ack {10 + time}" for time in (0, 900) for port in range(1, 8)]
    lines.sort(key=lambda line: float(line.split()[0]))
    analysis = analyse(transcript("\n".join(lines), hops={"B": 3}))
    [advice] = analysis.advice
    words = unwrapped(report(analysis))
    assert f"Advice • {sentences.advice(advice)} (#0, #1, #2, #3, #4 …)" in words


# Timeline


def test_timeline_has_every_tagged_segment_and_its_rule() -> None:
    analysis = analysis_of(SAMPLE["unreachable"])
    words = unwrapped(timeline(analysis, width=160))
    c, s = analysis.candidates.view, analysis.segments.view
    probe_rows = [row for row in analysis.rows(0) if TAGS[s.tag[row]] == Tag.KEEPALIVE_PROBE]
    assert len(probe_rows) == 8
    for row in probe_rows:
        line = re.search(rf" {c.frame[row]} → (?:[\d.]+ )?keepalive-probe (\d+) ", words)
        assert line is not None
        assert f"rule {line[1]}: {sentences.rule(RULES[s.rule[row]])}" in words
    assert "keepalive-answer → 28" in words
    assert "icmp-unreachable → 36" in words
    assert all(reason in words for reason in sentences.reasons(analysis.flows[0].verdict))


def test_timeline_leaves_out_plain_traffic() -> None:
    analysis = analyse(
        transcript("""
            0.0  A>B  PA  seq 1   ack 1  len 9
            0.1  B>A  A   seq 1   ack 10
            0.2  A>B  PA  seq 10  ack 1  len 9
            0.3  B>A  A   seq 1   ack 19
            9.3  A>B  PA  seq 19  ack 1  len 9
            9.4  B>A  FA  seq 1   ack 28
        """)
    )
    rows = re.findall(r"^    +\d+\.\d{6} +(\d+) ", timeline(analysis), re.MULTILINE)
    assert rows == ["5", "6"]


# Edges


@each_width
def test_capture_without_frames(width: int) -> None:
    words = report(analyse([]), width)
    assert "0 frames · 0 TCP connections" in words
    assert widest(words) <= width


@pytest.mark.parametrize("width", [40, 80, 160])
def test_longest_addresses_fit(width: int) -> None:
    frames = read_capture(SAMPLE["ipv6-45-7-4"].read_bytes()).frames
    ours = bytes.fromhex("fd000009000000000000000000000001")
    analysis = analyse([(one.ts_ns, one.octets.replace(ours, LONGEST_IPV6), one.wire_len) for one in frames])
    assert widest(report(analysis, width)) <= width
    assert widest(timeline(analysis, 0, width)) <= width
    assert "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:58736" in report(analysis, width).replace("\n", "")


def test_one_sided_connection_is_told_as_such() -> None:
    analysis = analyse(transcript("0.0 A>B PA seq 1 ack 1 len 9\n9.0 A>B PA seq 10 ack 1 len 9"))
    words = report(analysis)
    assert "10.0.0.1:40000 ↔ 10.0.0.2:80 (http)      not known" in words


def test_markup_in_a_file_name_is_shown_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / MARKUP).write_bytes(SAMPLE["nc-30-10-5"].read_bytes())
    monkeypatch.chdir(tmp_path)
    analysis = analyze(MARKUP)
    assert report(analysis).splitlines()[0].rstrip() == MARKUP
    assert timeline(analysis).splitlines()[0].rstrip() == MARKUP


def test_control_characters_in_a_file_name_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a\x1b[31m\nb").write_bytes(SAMPLE["nc-30-10-5"].read_bytes())
    monkeypatch.chdir(tmp_path)
    assert report(analyze("a\x1b[31m\nb")).splitlines()[0].rstrip() == "a\ufffd[31m\ufffdb"


@each_width
def test_long_file_names_are_folded(width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "x" * 200
    (tmp_path / name).write_bytes(SAMPLE["nc-30-10-5"].read_bytes())
    monkeypatch.chdir(tmp_path)
    words = report(analyze(name), width)
    assert widest(words) <= width
    assert words.count("x") >= 200


def test_many_files_are_counted() -> None:
    analysis = analysis_of(*SHORT[:5])
    words = unwrapped(report(analysis, 160))
    assert f"{analysis.capture.files[2]} and 2 more" in words
    assert analysis.capture.files[3] not in words


PROBED = """
     0.00  A>B  S   seq 999
     0.01  B>A  SA  seq 4999 ack 1000
     0.02  A>B  A   seq 1000 ack 5000
    30.02  A>B  A   seq 999  ack 5000
    30.05  B>A  A   seq 5000 ack 1000
    60.10  A>B  A   seq 999  ack 5000
    70.20  A>B  A   seq 999  ack 5000
    75.20  ask B by A
    76.20  ask B by A
    80.00  end
"""


def test_timeline_has_delays_solicitations_and_the_account_of_probes() -> None:
    words = unwrapped(timeline(analyse(transcript(PROBED)), width=200))
    assert "keepalive-answer → 4 after 0.030000 s" in words
    assert "arp-unanswered → 7" in words
    assert "The originator sent 3 probes: 1 answered by an ACK, after 30.00 ms; 2 not (67%)." in words


def test_a_heartbeat_is_told_with_its_period() -> None:
    words = unwrapped(report(analysis_of(SAMPLE["heartbeat"])))
    assert "The application at the originator itself sends 1 octet every 30.00 s, 20 times" in words
