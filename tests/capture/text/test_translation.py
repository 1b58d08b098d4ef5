"""Text of tcpdump and tshark gives what the capture itself gives; the tools themselves print it."""

import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from analyzer.analysis import Analysis, analyze
from analyzer.cli import main
from analyzer.errors import CaptureError, UnknownFormatError
from analyzer.keepalive.findings import Flow
from tests.capture.text.pasted import ANSWERED, BEGIN, GIVEN_UP, WHOLE

SAMPLES = Path(__file__).parents[3] / "samples"
TEN = (
    "nc-30-10-5",
    "peer-alive-8-2-4",
    "peer-silent-9-2-4",
    "started-late-8-2-4",
    "both-ends",
    "closed-in-order",
    "nginx-closes-after-8",
    "unreachable-net-7-2-4",
    "zero-window-dead",
    "at-router-any-8-2-4",
    "ipv6-8-2-4",
    "fin-wait2-probing-6-2-3",
)
COMMANDS = {
    "tcpdump -n": ["tcpdump", "-nr"],
    "tcpdump": ["tcpdump", "-r"],
    "tcpdump -S -tttt": ["tcpdump", "-nSttttr"],
    "tcpdump -ttt": ["tcpdump", "-ntttr"],
    "tcpdump -e -tt": ["tcpdump", "-nettr"],
    "tcpdump -vv": ["tcpdump", "-nvvr"],
    "tshark": ["tshark", "-r"],
    "tshark -t ad": ["tshark", "-t", "ad", "-r"],
}
OPEN_IN_TEXT = {"peer-lost-state", "path-reset"}
"""Causes that rest on TTL or IP identification."""


def text_of(command: str, sample: str, folder: Path) -> Path:
    tool, *options = COMMANDS[command]
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    into = folder / "text"
    with into.open("wb") as file:
        subprocess.run(
            [tool, *options, SAMPLES / sample / "capture.pcap"], stdout=file, stderr=subprocess.DEVNULL, check=True
        )
    return into


def analysed(text: str | bytes, folder: Path) -> Analysis:
    file = folder / "pasted.txt"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return analyze(str(file))


def notes(analysis: Analysis) -> dict[str, int]:
    return {one.code.name: one.count for one in analysis.diagnostics}


def shown(flow: Flow) -> dict[str, Any]:
    settings = [
        getattr(end.settings, name) for end in flow.ends for name in ("tcp_keepalive_time", "tcp_keepalive_intvl")
    ]
    return {
        "outcome": flow.verdict.outcome,
        "cause": flow.verdict.cause,
        "errno": flow.verdict.errno,
        "probes": [end.story.sent for end in flow.ends],
        "settings": [one.value if one is not None else None for one in settings],
    }


@pytest.mark.parametrize("sample", TEN)
@pytest.mark.parametrize("command", ["tcpdump -n", "tcpdump -vv", "tshark"])
def test_text_gives_the_outcome_of_the_capture(command: str, sample: str, tmp_path: Path) -> None:
    found = analyze(str(text_of(command, sample, tmp_path)))
    expected = analyze(str(SAMPLES / sample / "capture.pcap"))
    assert [shown(flow) for flow in found.flows] == [shown(flow) for flow in expected.flows]
    truth = tomllib.loads((SAMPLES / sample / "truth.toml").read_text())
    if "verdict" in truth:
        [flow] = found.flows
        assert flow.verdict.outcome == truth["verdict"]["outcome"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_form_of_text_is_read(command: str, tmp_path: Path) -> None:
    [flow] = analyze(str(text_of(command, "nc-30-10-5", tmp_path))).flows
    [expected] = analyze(str(SAMPLES / "nc-30-10-5/capture.pcap")).flows
    assert shown(flow) == shown(expected)
    assert flow.verdict.outcome == "timed-out"


@pytest.mark.parametrize("sample", ["path-resets-9-2-4", "peer-rebooted-7-3-5"])
def test_who_sent_a_reset_stays_open(sample: str, tmp_path: Path) -> None:
    """Without TTL it cannot be told; with -vv it can."""
    [without] = analyze(str(text_of("tcpdump -n", sample, tmp_path))).flows
    [expected] = analyze(str(SAMPLES / sample / "capture.pcap")).flows
    assert expected.verdict.cause in OPEN_IN_TEXT
    assert (without.verdict.outcome, without.verdict.cause) == ("reset", None)
    assert [end.ttl for end in without.ends] == [None, None]
    [with_ttl] = analyze(str(text_of("tcpdump -vv", sample, tmp_path))).flows
    assert with_ttl.verdict.cause == expected.verdict.cause


def test_bounds_allow_for_the_stacks_that_a_ttl_would_exclude(tmp_path: Path) -> None:
    [flow] = analysed(WHOLE, tmp_path).flows
    time = flow.ends[0].settings.tcp_keepalive_time
    assert time.value == 8
    assert time.low < 8


def test_what_the_text_lacks_is_said(tmp_path: Path) -> None:
    analysis = analysed(WHOLE, tmp_path)
    assert notes(analysis) == {"text-lacks": 1, "number-not-in-text": 8}
    said = " ".join(one.message for one in analysis.diagnostics)
    assert "the date" in said
    assert "TTL" in said
    assert "5 were taken for keepalive probes" in said


def test_names_stand_for_addresses(tmp_path: Path) -> None:
    text = WHOLE.replace("198.51.100.2.9000", "db.example.com.postgresql").replace("192.0.2.1.", "app.example.com.")
    analysis = analysed(text, tmp_path)
    [flow] = analysis.flows
    assert flow.verdict.outcome == "timed-out"
    assert {end.address.partition(".")[0] for end in flow.ends} == {"240"}
    assert any("db.example.com, called 240.0.0." in one.message for one in analysis.diagnostics)


def test_damage_is_counted_and_the_rest_read(tmp_path: Path) -> None:
    file = tmp_path / "pasted.txt"
    file.write_text(BEGIN + "[...]\n" + ANSWERED + "11:19:29.1 IP 192.0.2.1.40000 > 198.51\n" + GIVEN_UP)
    result = CliRunner().invoke(main, [str(file)])
    assert result.exit_code == 3
    assert "unreadable-line (2×, first at frame 3)" in result.stderr
    assert f"the first is {file}: line 6" in " ".join(result.stderr.split())
    assert "timed out" in result.stdout


def test_a_pipe_is_read_like_a_file() -> None:
    result = CliRunner().invoke(main, ["--json", "-"], input=WHOLE.encode())
    assert result.exit_code == 0
    assert '"outcome":"timed-out"' in result.stdout.replace(" ", "")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_text_that_windows_wrote(encoding: str, tmp_path: Path) -> None:
    [flow] = analysed(WHOLE.replace("\n", "\r\n").encode(encoding), tmp_path).flows
    assert flow.verdict.outcome == "timed-out"


def test_a_mail_around_the_text_is_counted(tmp_path: Path) -> None:
    analysis = analysed("Hello,\nhere is what we see:\n" + WHOLE + "Any ideas?\n", tmp_path)
    assert notes(analysis)["unreadable-line"] == 3
    assert analysis.is_damaged


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "\n".join(line[16:] for line in WHOLE.splitlines()[2:]),
            "without times, which are what tells; print it without -t",
        ),
        ("11:19:13.6 IP 192.0.2.1.40000 > 198.51.100.2.9000: tcp 0\n", "of tcpdump -q, without flags and numbers"),
        ("Frame 1: 74 bytes on wire (592 bits), 74 bytes captured\n    Encapsulation type: Ethernet", "without -V"),
    ],
)
def test_text_without_what_is_needed_is_one_error_line(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=words) as caught:
        analysed(text, tmp_path)
    assert "\n" not in str(caught.value)


def test_other_text_is_no_capture(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormatError, match="text that begins with"):
        analysed("Dear all,\nour connections die.\n" * 99, tmp_path)


def test_notes_beside_a_capture_are_none(tmp_path: Path) -> None:
    """A person who names a directory has not said that its README.md is a capture."""
    (tmp_path / "README.md").write_text(WHOLE)
    shutil.copy(SAMPLES / "nc-30-10-5/capture.pcap", tmp_path)
    found = analyze(str(tmp_path))
    assert found.capture.formats == ("pcap",)
    assert notes(found)["skipped-file"] == 1
    assert analyze(str(tmp_path / "*.md")).capture.formats == ("text of tcpdump",)


def test_lines_without_end_take_neither_time_nor_memory(tmp_path: Path) -> None:
    analysis = analysed(WHOLE + "x > y: " * 200_000 + "\n" + "ICMP " * 500 + "\n", tmp_path)
    assert notes(analysis)["unreadable-line"] == 2
    assert len(analysis.flows) == 1


def test_what_the_kernel_dropped_is_a_diagnostic(tmp_path: Path) -> None:
    assert notes(analysed(WHOLE + "7 packets dropped by kernel\n", tmp_path))["interface-drops"] == 7


def test_an_annotated_copy_has_the_packets_of_the_text(tmp_path: Path) -> None:
    given, out = tmp_path / "pasted.txt", tmp_path / "out.pcapng"
    given.write_text(WHOLE)
    assert CliRunner().invoke(main, ["--annotate", str(out), str(given)]).exit_code == 0
    [flow] = analyze(str(out)).flows
    assert flow.verdict.outcome == "timed-out"
