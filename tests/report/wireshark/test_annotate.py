"""`--annotate`: the input untouched, the output whole, findings on the frames that Wireshark shows them on."""

import bz2
import gzip
import lzma
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.analysis import analyze
from analyzer.cli import main
from analyzer.errors import CaptureError, OptionError
from analyzer.keepalive.summary.conclusions import MOST_SHOWN
from analyzer.report.wireshark.annotate import annotate, check, comments, conclusions
from tests.capture.reading import read_capture
from tests.capture.writers import interface, option, packet, section
from tests.transcript import analyse, transcript

SAMPLES = Path(__file__).parents[3] / "samples"
SAMPLE = SAMPLES / "nc-30-10-5/capture.pcap"
FORGETFUL = SAMPLES / "nat-forgets-one-of-two/capture.pcap"

LINK_DEAD = """
     0.000  A>B  S   seq 999
     0.001  B>A  SA  seq 4999  ack 1000
     0.002  A>B  A   seq 1000  ack 5000
    30.00   A>B  A   seq 999   ack 5000
    30.01   B>A  A   seq 5000  ack 1000
    60.02   A>B  A   seq 999   ack 5000
    65.02   ask B by A
    66.02   ask B by A
"""


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], input=stdin)


# What is said


def test_the_verdict_is_said_on_the_connections_first_frame() -> None:
    said = comments(analyze(str(SAMPLE)))
    assert said[5][0].startswith("ka-analyze: #0 10.100.5.1:40838 - 10.100.5.2:9000: timed out: the peer fell silent.")
    assert "ETIMEDOUT" in said[5][0]


def test_probes_the_give_up_and_the_evidence_are_said_with_their_rules() -> None:
    said = comments(analyze(str(SAMPLE)))
    assert "keepalive-probe of #0, unanswered; below-snd-nxt: " in said[23][0]
    assert any("shows tcp_keepalive_time of 10.100.5.1:40838: 30, bounds 30–31" in one for one in said[23])
    assert "give-up-rst of #0 to frame 32, after 10.24 s" in said[35][0]
    assert any("evidence" in one for one in said[35])


def test_an_answer_names_its_probe_and_a_solicitation_too() -> None:
    said = comments(analyse(transcript(LINK_DEAD)))
    assert "keepalive-probe of #0, answered by frame 5 after 10.00 ms" in said[4][0]
    assert "keepalive-answer of #0 to frame 4, after 10.00 ms" in said[5][0]
    assert "arp-unanswered of #0 for probe 6" in said[7][0]


def test_plain_segments_are_left_alone() -> None:
    assert 3 not in comments(analyse(transcript(LINK_DEAD)))


@pytest.mark.parametrize("sample", ["nc-30-10-5", "heartbeat", "rebooted", "unreachable", "user-timeout"])
def test_comments_are_plain_text(sample: str) -> None:
    for words in comments(analyze(str(SAMPLES / sample / "capture.pcap"))).values():
        assert all(one.isprintable() and one.startswith("ka-analyze: ") for one in words)


def test_conclusions_are_lines_and_what_to_do_follows_each() -> None:
    """A NAT forgot one of two connections, and the other was probed in time: samples/…/README.md."""
    first, fix, second = conclusions(analyze(str(FORGETFUL)))
    assert first.startswith("ka-analyze: The path to 198.51.100.2:9000 ")
    assert fix.startswith("→ Set tcp_keepalive_time to ")
    assert second.startswith("ka-analyze: Keepalive works on 1 connection")


def test_no_more_conclusions_than_one_reads_at_once() -> None:
    analysis = analyze(str(FORGETFUL))
    analysis.conclusions = analysis.conclusions[1:] * (MOST_SHOWN + 1)
    assert len(conclusions(analysis)) == MOST_SHOWN


# What is written


@pytest.mark.parametrize(
    "expand", [lambda one: one, gzip.compress, lzma.compress, bz2.compress], ids=["plain", "gz", "xz", "bz2"]
)
def test_frames_are_those_of_the_input(expand: Callable[[bytes], bytes], tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out.pcapng"
    source.write_bytes(expand(SAMPLE.read_bytes()))
    before = source.read_bytes()
    result = run("--annotate", out, source)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "timed out" in result.stdout
    assert read_capture(out.read_bytes()).frames == read_capture(SAMPLE.read_bytes()).frames
    assert source.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out.pcapng"}


def test_findings_of_an_annotated_capture_are_the_same(tmp_path: Path) -> None:
    out, again = tmp_path / "out.pcapng", tmp_path / "again.pcapng"
    run("--annotate", out, SAMPLE)
    run("--annotate", again, out)
    assert list(analyze(str(out)).flows) == list(analyze(str(SAMPLE)).flows)


def test_several_captures_become_one(tmp_path: Path) -> None:
    """In the order of their first frames, however they are named."""
    other, out = tmp_path / "other.pcapng", tmp_path / "out.pcapng"
    frame = transcript("0 A>B S seq 1")[0][1]
    other.write_bytes(section(">") + interface(tsresol=9, order=">") + packet(bytes(frame), 7, order=">"))
    assert run("--annotate", out, SAMPLE, other).exit_code == 0
    both = read_capture(out.read_bytes())
    assert [one.octets for one in both.frames] == [frame, *read_capture(SAMPLE.read_bytes()).octets]


def test_damaged_input_is_copied_as_far_as_it_is_analysed(tmp_path: Path) -> None:
    source, out = tmp_path / "in.pcap", tmp_path / "out.pcapng"
    source.write_bytes(SAMPLE.read_bytes()[:-10])
    assert run("--annotate", out, source).exit_code == 3
    assert read_capture(out.read_bytes()).octets == read_capture(source.read_bytes()).octets


@pytest.mark.needs("tshark")
def test_wireshark_shows_the_comments_and_the_same_frames(tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    run("--annotate", out, SAMPLE)
    fields = ("frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.md5_hash")
    assert tshark(out, *fields) == tshark(SAMPLE, *fields)
    commented = {int(number): words for number, words in tshark(out, "frame.number", "frame.comment") if words}
    assert commented == {frame: ",".join(words) for frame, words in comments(analyze(str(SAMPLE))).items()}


@pytest.mark.needs("capinfos")
def test_capinfos_shows_the_conclusions_and_what_was_there_before(tmp_path: Path) -> None:
    by_hand, out = tmp_path / "by hand.pcapng", tmp_path / "out.pcapng"
    by_hand.write_bytes(section("<", option(1, b"by hand") + option(0, b"")) + interface() + packet(b"abc", 7))
    run("--annotate", out, FORGETFUL)
    assert capture_comments(out) == [" ".join(conclusions(analyze(str(FORGETFUL))))]
    run("--annotate", out, by_hand)
    assert capture_comments(out) == [*filter(None, [" ".join(conclusions(analyze(str(by_hand))))]), "by hand"]


def capture_comments(capture: Path) -> list[str]:
    """As capinfos prints them, each on one line."""
    said = subprocess.run(["capinfos", "-k", capture], check=True, capture_output=True, text=True).stdout
    return [line.partition(":")[2].strip() for line in said.splitlines() if line.startswith("Capture comment")]


def test_of_several_captures_the_first_says_what_is_concluded(tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    assert run("--annotate", out, SAMPLE, FORGETFUL).exit_code == 0
    said = "\n".join(conclusions(analyze(str(SAMPLE), str(FORGETFUL)))).encode()
    assert out.read_bytes().find(said) == 24 + 4  # the header of the first section, and that of an option
    assert out.read_bytes().count(said) == 1


def tshark(capture: Path, *fields: str) -> list[list[str]]:
    command = ["tshark", "-n", "-r", str(capture), "-o", "frame.generate_md5_hash:TRUE", "-T", "fields"]
    command += [word for field in fields for word in ("-e", field)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [line.split("\t") for line in lines]


@pytest.mark.needs("editcap")
def test_editcap_takes_the_comments_away_again(tmp_path: Path) -> None:
    out, back = tmp_path / "out.pcapng", tmp_path / "back.pcap"
    run("--annotate", out, SAMPLE)
    subprocess.run(["editcap", "-F", "pcap", out, back], check=True, capture_output=True)
    ours, theirs = read_capture(back.read_bytes()).frames, read_capture(SAMPLE.read_bytes()).frames
    assert ours == theirs


# What is refused


@pytest.mark.parametrize("path", ["-", "/dev/stdin"])
def test_standard_input_cannot_be_read_twice(path: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="twice"):
        check(str(tmp_path / "out"), [path])


def test_refused_in_one_line_before_anything_is_read(tmp_path: Path) -> None:
    result = run("--annotate", tmp_path / "out", "-", stdin=SAMPLE.read_bytes())
    assert (result.exit_code, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert "standard input" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("link", [None, os.link, os.symlink], ids=["itself", "hard link", "symbolic link"])
def test_the_input_is_never_written(link: Callable[[Path, Path], None] | None, tmp_path: Path) -> None:
    source, out = tmp_path / "in.pcap", tmp_path / "out.pcapng"
    source.write_bytes(SAMPLE.read_bytes())
    if link is not None:
        link(source, out)
    result = run("--annotate", out if link is not None else source, source)
    assert result.exit_code == 2
    assert f"is the capture {source}" in result.stderr
    assert source.read_bytes() == SAMPLE.read_bytes()


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert run("--annotate", pipe, SAMPLE).exit_code == 2
    assert pipe.is_fifo()


def test_the_same_name_for_two_outputs(tmp_path: Path) -> None:
    assert run("--annotate", tmp_path / "out", "-o", tmp_path / "out", SAMPLE).exit_code == 2


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    result = run("--annotate", tmp_path / "no" / "out", SAMPLE)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "cannot be written" in result.stderr


def test_a_capture_without_a_whole_section_gives_one_that_can_be_read(tmp_path: Path) -> None:
    capture, out = tmp_path / "cut.pcapng", tmp_path / "out.pcapng"
    capture.write_bytes(section("<")[:20])
    annotate(analyze(str(capture)), [str(capture)], str(out))
    assert analyze(str(out)).capture.packets == 0


def test_a_capture_that_changed_meanwhile_leaves_no_output(tmp_path: Path) -> None:
    source, out = tmp_path / "in.pcap", tmp_path / "out.pcapng"
    source.write_bytes(SAMPLE.read_bytes())
    analysis = analyze(str(source))
    out.write_text("of an earlier run")
    source.write_bytes(SAMPLE.read_bytes()[:-10])
    with pytest.raises(CaptureError, match="changed"):
        annotate(analysis, [str(source)], str(out))
    assert out.read_text() == "of an earlier run"
    assert {path.name for path in tmp_path.iterdir()} == {"in.pcap", "out.pcapng"}
