"""The script for Wireshark, run by tshark: comments of an annotated capture become fields."""

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.analysis import analyze
from analyzer.cli import main
from analyzer.keepalive.tags.tag import TAGS, Tag

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "analyzer/report/wireshark/ka-analyze.lua"
FIELDS = ("frame.number", "ka.flow", "ka.tag", "ka.rule", "ka.outcome", "ka.settings")
NO_LUA = "tshark is not installed, or without Lua"


def has_lua() -> bool:
    if shutil.which("tshark") is None:
        return False
    version = subprocess.run(["tshark", "--version"], check=True, capture_output=True, text=True).stdout
    return "with Lua" in version


pytestmark = pytest.mark.skipif(not has_lua(), reason=NO_LUA)


def fields(capture: Path, *more: str) -> dict[int, list[str]]:
    """The fields of each frame that tshark prints, by number; what it says of itself goes to stderr."""
    command = ["tshark", "-X", f"lua_script:{SCRIPT}", "-r", str(capture), "-T", "fields", *more]
    for name in FIELDS:
        command += ["-e", name]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "Lua" not in run.stderr
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    return {int(row[0]): row[1:] for row in rows}


def annotated(sample: str, folder: Path) -> Path:
    out = folder / "out.pcapng"
    capture = ROOT / "samples" / sample / "capture.pcap"
    assert CliRunner().invoke(main, ["--annotate", str(out), str(capture)]).exit_code == 0
    return out


def test_outcome_settings_and_tag_are_fields(tmp_path: Path) -> None:
    shown = fields(annotated("nc-30-10-5", tmp_path))
    assert shown[5] == ["0", "", "", "timed out: the peer fell silent", ""]
    assert shown[23][:4] == ["0", "keepalive-probe", "below-snd-nxt", "timed out: the peer fell silent"]
    last = shown[35]
    assert last[1:3] == ["give-up-rst", "after-unanswered-probes"]
    for words in ("tcp_keepalive_time 30, bounds 30–31", "tcp_keepalive_intvl 10", "tcp_keepalive_probes 5"):
        assert f"10.100.5.1:40838 {words}" in last[4]
    assert shown[1] == ["", "", "", "", ""]  # no TCP


@pytest.mark.parametrize("sample", ["both-ends", "link-dead-arp-8-3-5", "peer-restarted", "unreachable-net-7-2-4"])
def test_every_probe_has_its_tag(sample: str, tmp_path: Path) -> None:
    analysis = analyze(str(ROOT / "samples" / sample / "capture.pcap"))
    c, s = analysis.candidates.view, analysis.segments.view
    probes = {c.frame[row] for row in range(len(analysis.candidates)) if TAGS[s.tag[row]] is Tag.KEEPALIVE_PROBE}
    shown = fields(annotated(sample, tmp_path))
    assert {frame for frame, row in shown.items() if row[1] == "keepalive-probe"} == probes
    assert len({row[0] for row in shown.values()} - {""}) == len(analysis.flows)


def test_fields_can_be_filtered_by(tmp_path: Path) -> None:
    shown = fields(annotated("both-ends", tmp_path), "-Y", 'ka.tag == "keepalive-answer"')
    assert shown
    assert {row[1] for row in shown.values()} == {"keepalive-answer"}


def test_a_capture_without_comments_has_none() -> None:
    shown = fields(ROOT / "samples/nc-30-10-5/capture.pcap")
    assert {tuple(row) for row in shown.values()} == {("", "", "", "", "")}
