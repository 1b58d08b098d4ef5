"""The command as a user meets it: exit codes, what goes to stdout and what to stderr, pipes, colour, interrupts.

What concerns the process runs in a child; the rest runs in this process by click's CliRunner.
"""

import gzip
import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.cli import main
from analyzer.cli.options import LEAST_OCTETS
from analyzer.tcp.eviction import LEAST_MEMORY
from analyzer.version import __version__
from tests.capture.reading import read_capture
from tests.capture.writers import pcap_bytes, pcapng_bytes
from tests.recordings import SHORT

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples/nc-30-10-5/capture.pcap"
"""Timed out after 30 s, every 10 s, 5 probes."""
HEALTHY = ROOT / "samples/heartbeat/capture.pcap"
"""Closed in order, no keepalive."""
HEAVY = ("numpy", "numba", "pandas", "rich", "scapy", "matplotlib")
NEEDLESS = ("hashlib", "logging", "secrets", "shutil", "statistics", "subprocess", "tempfile", "tomllib", "zipfile")
"""Each takes one to six of the 110 ms that a capture of 100 packets takes."""
MOST_MODULES = 155
"""Of this package, for the report of a small capture: half a millisecond each; thirteen are folders."""
HOSTILE = "a\x1b[31m\n\x9b\u202e.pcap"
"""A file name with what terminals obey: an escape sequence, a line feed, a C1 control, a direction override."""
NOBODY = 65534

ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("KA_", "PYTHON")) and name not in ("NO_COLOR", "FORCE_COLOR")
} | {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "TERM": "xterm", "LC_ALL": "C.UTF-8"}


def invoke(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], input=stdin)


def child(*arguments: str | Path, code: str = "", **options: object) -> subprocess.CompletedProcess[str]:
    """`python -m analyzer` with these arguments, or `python -c` with this code."""
    command = [sys.executable, *(("-c", code) if code else ("-m", "analyzer")), *map(str, arguments)]
    given = {"capture_output": True, "env": ENVIRONMENT, **options}
    return subprocess.run(command, encoding="utf-8", timeout=120, check=False, **given)


def on_terminal(*arguments: str | Path, **environment: str) -> str:
    """What a child writes to stdout when that is a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "analyzer", *map(str, arguments)]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=ENVIRONMENT | environment) as process:
        os.close(theirs)
        pieces = []
        try:
            while piece := os.read(ours, 1 << 16):
                pieces.append(piece)
        except OSError:  # how Linux says that the other side is closed
            pass
        os.close(ours)
        assert process.wait() == 0
    return b"".join(pieces).decode()


def is_harmless(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def cut_sample(octets: int = 10) -> bytes:
    return SAMPLE.read_bytes()[:-octets]


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that every user may enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


# Input that cannot be used


def test_sound_capture_is_analysed_in_silence() -> None:
    result = child(SAMPLE)
    assert (result.returncode, result.stderr) == (0, "")
    assert "timed out" in result.stdout


@pytest.mark.parametrize(
    ("make", "found", "to_do"),
    [
        (lambda path: path.write_text("no capture, but a letter\n"), "text that begins with 6e 6f", "give the pcap"),
        (lambda path: path.write_bytes(bytes(range(200, 250))), "no known capture", "editcap"),
        (lambda path: path.write_bytes(gzip.compress(b"letter" * 9)), "text", "give the pcap"),
        (lambda path: path.write_bytes(SAMPLE.read_bytes()[:20]), "cut short", "get the file again"),
        (lambda path: path.write_bytes(b""), "empty", "give a capture"),
        (lambda path: path.mkdir(), "a directory", "give captures"),
        (lambda path: path.symlink_to("nowhere"), "no such file", "check the name"),
        (lambda path: path.symlink_to(path), "cannot be opened", "symbolic links"),
        (lambda _: None, "no such file", "check the name"),
    ],
    ids=["text", "binary", "text in gzip", "cut header", "empty", "directory", "dangling link", "loop", "missing"],
)
def test_unusable_input_is_one_line_and_exit_2(make, found: str, to_do: str, tmp_path: Path) -> None:
    path = tmp_path / "input"
    make(path)
    result = child(path)
    assert (result.returncode, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert line.startswith(f"ka-analyze: {path}: ")
    assert found in line
    assert to_do in line


@pytest.mark.parametrize("locked", ["file", "directory"])
def test_unreadable_path_is_one_line_and_exit_2(locked: str, reachable: Path) -> None:
    """Root may read everything, so the child becomes somebody else before it looks."""
    path = reachable / "directory" / "capture.pcap"
    path.parent.mkdir()
    path.write_bytes(SAMPLE.read_bytes())
    (path if locked == "file" else path.parent).chmod(0)
    become_nobody = f"""
import os, analyzer.report.expectations, analyzer.report.output_file, analyzer.reading
from analyzer.cli import run
if os.geteuid() == 0:
    os.seteuid({NOBODY})
run()"""
    result = child(path, code=become_nobody)
    path.parent.chmod(0o700)
    assert (result.returncode, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert "may not be read by this user" in line
    assert "permissions" in line


def test_name_too_long_for_the_file_system() -> None:
    result = child("x" * 300)
    assert (result.returncode, result.stdout) == (2, "")
    assert "too long" in result.stderr
    assert len(result.stderr.splitlines()) == 1


# Damaged input


def as_pcapng(octets: bytes) -> bytes:
    return pcapng_bytes([(one.ts_ns, one.octets, one.wire_len) for one in read_capture(octets).frames])


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (cut_sample(), "truncated-file"),
        (as_pcapng(SAMPLE.read_bytes())[:-10], "truncated-file"),
        (gzip.compress(SAMPLE.read_bytes(), compresslevel=0)[:-18], "damaged-compression"),  # 8 are its trailer
    ],
    ids=["pcap", "pcapng", "gzip"],
)
def test_cut_capture_is_analysed_and_exit_3(octets: bytes, code: str, tmp_path: Path) -> None:
    path = tmp_path / "cut"
    path.write_bytes(octets)
    result = child("--json", path)
    assert result.returncode == 3
    [line] = result.stderr.splitlines()
    assert f"{code} (1×, first at frame 46)" in line
    assert str(path) in line
    document = json.loads(result.stdout)
    assert document["capture"]["packets"] == 45
    [diagnostic] = document["diagnostics"]
    assert (diagnostic["code"], diagnostic["count"], diagnostic["first_frame"]) == (code, 1, 46)
    assert document["flows"][0]["verdict"]["outcome"] == "timed-out"


def test_quiet_leaves_out_diagnostics_and_keeps_the_exit_code() -> None:
    result = invoke("-q", "-", stdin=cut_sample())
    assert (result.exit_code, result.stderr) == (3, "")
    assert "timed out" in result.stdout


def test_limits_of_the_capture_are_said_but_no_damage() -> None:
    """A short snapshot length was somebody's choice: diagnostic, exit 0."""
    frames = [(one.ts_ns, one.octets[:40], one.wire_len) for one in read_capture(SAMPLE.read_bytes()).frames]
    result = invoke("-", stdin=pcap_bytes(frames))
    assert result.exit_code == 0
    assert "header-cut" in result.stderr


# Usage


def test_no_capture_at_all() -> None:
    result = child()
    assert (result.returncode, result.stdout) == (2, "")
    assert "no capture given" in result.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--no-such-option",), "No such option"),
        (("--json", "--tags"), "exclude each other"),
        (("--json", "--flow", "0"), "exclude each other"),
        (("--sysctl", "--advice", "linux"), "exclude each other"),
        (("--advice", "vms"), "there are linux, "),
        (("--flow", "-1"), "--flow"),
        (("--flow", "first"), "--flow"),
        (("--color", "purple"), "purple"),
        (("--flow", "1"), "there is no connection 1; the capture has 1"),
        (("--expect", "time"), "'time' is not understood"),
        (("--expect", ""), "is not understood"),
        (("--fail-on", "died"), "no outcome or conclusion is called 'died'"),
        (("--fail-on", "reset,"), "no outcome or conclusion is called ''"),
        (("--fail-on", ""), "no outcome or conclusion is called ''"),
        (("--fail-on", "settings-not-in-force"), "--fail-on settings-not-in-force goes with --expect"),
        (("--only", "died"), "--only died: no outcome is called 'died'"),
        (("--only", "reset", "--sysctl"), "--only goes with the report, --json, --flows and --tags"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else None,
)
def test_usage_errors_exit_2(options: tuple[str, ...], complaint: str) -> None:
    result = child(SAMPLE, *options)
    assert (result.returncode, result.stdout) == (2, "")
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("option", ["--help", "-h", "--version", "-V"])
def test_help_and_version_answer_without_a_capture(option: str) -> None:
    result = child(option)
    assert (result.returncode, result.stderr) == (0, "")
    assert (__version__ if "V" in option.upper() else "--expect") in result.stdout


def test_help_names_every_exit_path_of_output() -> None:
    text = invoke("--help").stdout
    for flag in ("--read", "--json", "--tags", "--flow", "--top", "--expect", "--fail-on", "--output", "--color"):
        assert flag in text
    assert max(map(len, text.splitlines())) <= 100


# What is loaded


def loaded_by(*arguments: str | Path) -> set[str]:
    """Modules that a child has loaded when it ends."""
    code = """
import sys
from analyzer.cli import run
try:
    run()
finally:
    print(*sys.modules, file=sys.stderr)"""
    result = child(*arguments, code=code)
    assert result.returncode == 0
    return set(result.stderr.split())


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(option: str) -> None:
    loaded = loaded_by(option)
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("options", [(), ("--json",), ("--tags",), ("--flow", "0")], ids=" ".join)
def test_small_capture_loads_nothing_heavy(options: tuple[str, ...]) -> None:
    """Only a report for people needs rich."""
    capture = ROOT / "samples/unreachable/capture.pcap"
    assert len(read_capture(capture.read_bytes()).frames) >= 100
    wanted = set() if options in (("--json",), ("--tags",)) else {"rich"}
    assert loaded_by(*options, capture) & set(HEAVY) == wanted


def test_small_capture_loads_nothing_that_is_not_on_its_way() -> None:
    """What the terminal report needs, and no more."""
    loaded = loaded_by(ROOT / "samples/unreachable/capture.pcap")
    assert loaded.isdisjoint(NEEDLESS)
    rooms = {name.split(".")[1] for name in loaded if name.startswith("analyzer.")}
    assert rooms.isdisjoint({"monitor", "points", "shards"})
    needless = ("analyzer.engine.compiler", "analyzer.report.charts", "analyzer.keepalive.summary.what_if")
    assert not any(name.startswith(needless) for name in loaded)
    assert len([name for name in loaded if name.startswith("analyzer.")]) <= MOST_MODULES


# What goes in


def test_standard_input_through_a_pipe() -> None:
    with subprocess.Popen(["cat", SAMPLE], stdout=subprocess.PIPE) as cat:
        result = child("--json", "-", stdin=cat.stdout)
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["capture"]["files"] == ["-"]


def test_several_files_are_one_capture() -> None:
    document = json.loads(invoke("--json", HEALTHY, SAMPLE).stdout)
    assert document["capture"]["files"] == [str(SAMPLE), str(HEALTHY)]  # in the order of time
    assert document["capture"]["packets"] == 178 + 46
    assert [flow["verdict"]["outcome"] for flow in document["flows"]] == ["timed-out", "closed"]


def test_option_r_names_files_too() -> None:
    assert invoke("--json", "-r", SAMPLE).stdout == invoke("--json", SAMPLE).stdout
    files = json.loads(invoke("--json", SAMPLE, "-r", HEALTHY, "--read", "-", stdin=cut_sample()).stdout)["capture"]
    assert files["files"] == [str(SAMPLE), str(HEALTHY), "-"]


def test_one_bad_file_among_several_is_a_diagnostic(tmp_path: Path) -> None:
    result = invoke("--json", tmp_path / "missing", SAMPLE)
    assert result.exit_code == 3
    assert len(json.loads(result.stdout)["flows"]) == 1
    [line] = result.stderr.splitlines()
    assert "unreadable-file" in line
    assert "no such file" in line


def test_only_bad_files_are_unusable_input(tmp_path: Path) -> None:
    result = invoke(tmp_path / "missing", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


# What comes out


@pytest.mark.parametrize("options", [(), ("--json",), ("--tags",), ("--flow", "0")], ids=" ".join)
def test_output_to_a_file_is_what_stdout_gets(options: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "out"
    on_stdout = child(*options, SAMPLE).stdout
    result = child(*options, SAMPLE, "-o", path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert path.read_text(encoding="utf-8") == on_stdout
    assert on_stdout.endswith("\n")


def test_dash_as_output_is_stdout() -> None:
    assert invoke(SAMPLE, "-o", "-").stdout == invoke(SAMPLE).stdout


@pytest.mark.parametrize("name", ["", "missing/out"], ids=["directory", "in a missing directory"])
def test_output_that_cannot_be_written(name: str, tmp_path: Path) -> None:
    result = invoke(SAMPLE, "-o", tmp_path / name)
    assert (result.exit_code, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert "cannot be written" in line


def test_unusable_input_does_not_empty_the_output(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("yesterday's report")
    assert invoke(tmp_path / "missing", "-o", path).exit_code == 2
    assert path.read_text() == "yesterday's report"


def test_the_capture_itself_is_never_overwritten(tmp_path: Path) -> None:
    capture = tmp_path / "capture.pcap"
    capture.write_bytes(Path(SAMPLE).read_bytes())
    result = invoke(capture, "-o", tmp_path / "." / "capture.pcap")
    assert result.exit_code == 2
    assert capture.read_bytes() == Path(SAMPLE).read_bytes()


def test_options_can_be_set_in_the_environment() -> None:
    assert child(SAMPLE, env=ENVIRONMENT | {"KA_JSON": "1"}).stdout == child(SAMPLE, "--json").stdout


def test_flow_is_told_with_its_timeline() -> None:
    result = invoke(SAMPLE, "--flow", "0")
    assert result.exit_code == 0
    assert result.stdout.count("keepalive-probe") == 5
    assert "give-up-rst" in result.stdout


def test_top_limits_what_is_told_in_full() -> None:
    reports = [invoke(*SHORT, "--top", str(number)).stdout for number in (1, 2, 10)]
    told = [len(re.findall("^#[0-9]+  ", report, re.MULTILINE)) for report in reports]
    assert told[:2] == [1, 2]
    assert told[2] > 2


# Pipes, encodings, signals


@pytest.mark.parametrize("options", [(), ("--json",), ("--tags",), ("--flow", "0")], ids=" ".join)
def test_reader_that_leaves_is_no_error(options: tuple[str, ...]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    result = child(*options, SAMPLE, capture_output=False, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_full_disk_is_no_traceback() -> None:
    with Path("/dev/full").open("w") as full:
        result = child(SAMPLE, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 2
    assert result.stderr == "ka-analyze: standard output cannot be written: No space left on device\n"


def redirected(words: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What a shell makes of the command with these redirections."""
    shell = ["sh", "-c", f'exec "$0" -m analyzer "$@" {words}', sys.executable, *map(str, arguments)]
    return subprocess.run(shell, env=ENVIRONMENT, capture_output=True, encoding="utf-8", check=False)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ((), "standard output is closed; give -o FILE"),
        (("--tags",), "standard output is closed; give -o FILE"),
        (("--ndjson",), "--ndjson prints to standard output, which is closed"),
    ],
)
def test_closed_stdout_is_no_traceback(options: tuple[str, ...], complaint: str) -> None:
    result = redirected(">&-", *options, SAMPLE)
    assert (result.returncode, result.stderr) == (2, f"ka-analyze: {complaint}\n")


@pytest.mark.parametrize("options", [(), ("--json",), ("--ndjson",), ("--jobs", "2")], ids=" ".join)
def test_closed_stderr_changes_nothing_of_stdout(options: tuple[str, ...]) -> None:
    result = redirected("2>&-", *options, SAMPLE)
    assert (result.returncode, result.stdout) == (0, child(*options, SAMPLE).stdout)


def test_what_is_said_on_a_closed_stderr_is_not_in_an_output(tmp_path: Path) -> None:
    """Which would be opened under its number."""
    out = tmp_path / "out"
    assert redirected("2>&- <&-", "--fail-on", "timed-out", "--json", "-o", out, SAMPLE).returncode == 1
    assert json.loads(out.read_text())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_stderr_that_is_full_ends_nothing() -> None:
    result = redirected("2>/dev/full", "--fail-on", "timed-out", SAMPLE)
    assert result.returncode == 1
    assert "timed out" in result.stdout
    assert redirected(">/dev/full", "--help").returncode == 2


def test_terminal_without_our_arrows_gets_the_rest() -> None:
    result = child(SAMPLE, env=ENVIRONMENT | {"PYTHONIOENCODING": "ascii"})
    assert (result.returncode, result.stderr) == (0, "")
    assert "10.100.5.1:40838 ? 10.100.5.2:9000" in result.stdout


def test_interrupt_while_reading_exits_130() -> None:
    """Stdin never ends. A pipe holds far less than what is written, so the child is reading when that is done."""
    capture = SAMPLE.read_bytes()
    code = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background may have had it ignored
from analyzer.cli import run
run()"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, "-"], env=ENVIRONMENT, **pipes) as process:
        process.stdin.write(capture[:24] + capture[24:] * 200)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert (out, err) == (b"", b"ka-analyze: interrupted\n")


# Colour


COLOUR = ("\x1b[32m", "\x1b[1;32m", "\x1b[31m", "\x1b[1;31m")


@pytest.mark.parametrize(
    ("color", "environment", "is_coloured"),
    [
        ("auto", {}, True),
        ("always", {}, True),
        ("never", {}, False),
        ("auto", {"NO_COLOR": "1"}, False),
        ("auto", {"NO_COLOR": ""}, True),
        ("always", {"NO_COLOR": "1"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_on_a_terminal(color: str, environment: dict[str, str], is_coloured: bool) -> None:
    text = on_terminal(SAMPLE, "--color", color, **environment)
    assert "timed out" in text
    assert any(one in text for one in COLOUR) == is_coloured
    if color == "never":
        assert "\x1b" not in text


@pytest.mark.parametrize(
    ("color", "environment", "is_coloured"),
    [
        ("auto", {}, False),
        ("always", {}, True),
        ("never", {}, False),
        ("auto", {"FORCE_COLOR": "1"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
        ("always", {"NO_COLOR": "1"}, True),
    ],
)
def test_colour_in_a_pipe(color: str, environment: dict[str, str], is_coloured: bool) -> None:
    text = child(SAMPLE, "--color", color, env=ENVIRONMENT | environment).stdout
    assert any(one in text for one in COLOUR) == is_coloured
    if not is_coloured:
        assert "\x1b" not in text


@pytest.mark.parametrize("option", ["--json", "--tags"])
def test_machines_get_no_colour(option: str) -> None:
    assert "\x1b" not in child(SAMPLE, option, "--color", "always").stdout


# Names from outsiders


@pytest.mark.parametrize("options", [(), ("--json",), ("--tags",), ("--flow", "0")], ids=" ".join)
def test_control_characters_in_a_file_name_stay_away_from_the_terminal(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / HOSTILE
    path.write_bytes(cut_sample())
    result = child(*options, path.name, cwd=tmp_path)
    assert result.returncode == 3
    assert is_harmless(result.stdout)
    assert is_harmless(result.stderr)
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [(HOSTILE,), (HOSTILE, HOSTILE), (str(SAMPLE), "-o", f"{HOSTILE}/out")])
def test_control_characters_in_complaints(arguments: tuple[str, ...], tmp_path: Path) -> None:
    result = child(*arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert is_harmless(result.stderr)
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [("--expect", HOSTILE), ("--fail-on", HOSTILE), ("--flow", HOSTILE), (f"--{HOSTILE}",)]
)
def test_control_characters_in_options(arguments: tuple[str, ...]) -> None:
    result = child(SAMPLE, *arguments)
    assert result.returncode == 2
    assert is_harmless(result.stderr)


def test_json_keeps_the_name_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / HOSTILE
    path.write_bytes(SAMPLE.read_bytes())
    assert json.loads(invoke("--json", path).stdout)["capture"]["files"] == [str(path)]


# Expectations


@pytest.mark.parametrize("spec", ["time=30,intvl=10,probes=5", "time=31", " time=30, probes=5"])
def test_met_expectation_exits_0(spec: str) -> None:
    result = invoke(SAMPLE, "--expect", spec)
    assert (result.exit_code, result.stderr) == (0, "")


def test_unmet_expectation_exits_1_and_says_which() -> None:
    result = invoke(SAMPLE, "--expect", "time=60,intvl=10,probes=3")
    assert result.exit_code == 1
    time, probes = result.stderr.splitlines()
    assert "tcp_keepalive_time = 60" in time
    assert "30 to 31" in time
    assert "#0 10.100.5.1:40838" in time
    assert "tcp_keepalive_probes = 3" in probes
    assert "timed out" in result.stdout


def test_unmet_expectation_is_the_first_conclusion() -> None:
    """30/10/5 by its truth file; of one connection nothing else is concluded in words."""
    expected = ("--expect", "time=60,probes=3")
    report = " ".join(invoke(SAMPLE, *expected).stdout.split())
    assert report.count("the expected settings are not in force at 10.100.5.1: tcp_keepalive_time is 30 (") == 1
    assert report.index("not in force") < report.index("timed out") < report.index("seen")
    first, *others = json.loads(invoke(SAMPLE, *expected, "--json").stdout)["conclusions"]
    assert (first["code"], first["flows"], others[0]["code"]) == ("settings-not-in-force", [0], "peer-silent")
    result = invoke(SAMPLE, *expected, "--fail-on", "settings-not-in-force")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("ka-analyze: settings-not-in-force: On 1 connection ")


def test_expectation_without_a_place_concerns_probing_ends_only() -> None:
    assert invoke(HEALTHY, "--expect", "time=1").exit_code == 0


def test_an_idle_time_at_a_place_is_excluded_by_a_silence_without_a_probe() -> None:
    result = invoke(HEALTHY, "--expect", ":9000:time=30")
    assert result.exit_code == 1
    assert "100.12 s went by without a probe, up to frame 168, so 30 s is not in force" in result.stderr


def test_captured_until_before_the_last_frame_is_a_line() -> None:
    result = invoke(SAMPLE, "--until", "2026-11-20T07:29:18Z")
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert "--until 2026-11-20T07:29:18Z is before the last frame" in line


@pytest.mark.parametrize(
    ("options", "heading", "first"),
    [
        ((), "time", "0.474459  5 "),
        (("--time", "abs"), "UTC", "2026-11-20 07:29:18."),
        (("--time", "abs", "--local"), "local time", "2026-11-20 13:14:18."),
        (("--time", "epoch"), "since 1970", "1795159758."),
        (("--time", "delta"), "delta", "0.000000  "),
    ],
)
def test_times_of_a_timeline(
    options: tuple[str, ...], heading: str, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    lines = invoke(SAMPLE, "--flow", "0", *options).stdout.splitlines()
    monkeypatch.undo()
    time.tzset()
    [place] = [place for place, line in enumerate(lines) if line.split()[-3:] == ["silence", "what", "rule"]]
    assert lines[place].strip().startswith(heading)
    assert lines[place + 1].strip().startswith(first)


def test_the_head_of_the_report_says_how_long_nothing_came() -> None:
    assert "without a frame" not in invoke(SAMPLE, "--until", "+9").stdout
    assert "then 150.00 s without a frame" in " ".join(invoke(SAMPLE, "--until", "+150").stdout.split())


@pytest.mark.parametrize(("outcomes", "code"), [("timed-out", 1), ("reset,timed-out", 1), ("reset,probing", 0)])
def test_fail_on_outcomes(outcomes: str, code: int) -> None:
    result = invoke(SAMPLE, "--fail-on", outcomes)
    assert result.exit_code == code
    assert len(result.stderr.splitlines()) == code


@pytest.mark.parametrize(("codes", "code"), [("peer-silent", 1), ("path-forgets,keepalive-race", 0)])
def test_fail_on_conclusions(codes: str, code: int) -> None:
    result = invoke(SAMPLE, "--fail-on", codes)
    assert result.exit_code == code
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [["ka-analyze", "peer-silent"]] * code


def test_failed_expectation_outranks_damage() -> None:
    result = invoke("-", "--fail-on", "timed-out", stdin=cut_sample())
    assert result.exit_code == 1
    assert "truncated-file" in result.stderr


def test_sysctl_of_the_probing_host() -> None:
    lines = invoke("--sysctl", SAMPLE).stdout.splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "net.ipv4.tcp_keepalive_time = 30",
        "net.ipv4.tcp_keepalive_intvl = 10",
        "net.ipv4.tcp_keepalive_probes = 5",
    ]


def test_advice_for_a_system_and_for_all() -> None:
    assert "net.ipv4.tcp_keepalive_time = 60" in invoke("--advice", "linux", SAMPLE).stdout
    assert "so_keepalive=60s:10s:5" in invoke("--advice", "all", SAMPLE).stdout


@pytest.mark.parametrize(
    ("flag", "name"), [("--csv", "flows.csv"), ("--parquet", "flows.parquet"), ("--plots", "overview.svg")]
)
def test_folders_are_written_beside_the_report(flag: str, name: str, tmp_path: Path) -> None:
    result = invoke(*SHORT[:1], flag, str(tmp_path / "out"))
    assert result.exit_code == 0
    assert result.stdout == invoke(*SHORT[:1]).stdout
    assert (tmp_path / "out" / name).stat().st_size


def test_charts_are_written_as_points_too(tmp_path: Path) -> None:
    assert invoke(*SHORT[:1], "--plots", str(tmp_path), "--png").exit_code == 0
    assert (tmp_path / "overview.png").read_bytes().startswith(b"\x89PNG")
    result = invoke(*SHORT[:1], "--png")
    assert result.exit_code == 2
    assert "--png goes with --plots" in result.stderr


def test_a_page_is_written_beside_the_report(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert invoke(*SHORT[:1], "--html", str(page)).exit_code == 0
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert f"<code>ka-analyze {SHORT[0]} --html {page}</code>" in page.read_text()


def test_no_table_takes_the_place_of_the_capture(tmp_path: Path) -> None:
    capture = tmp_path / "flows.csv"
    capture.write_bytes(Path(SHORT[0]).read_bytes())
    result = invoke(str(capture), "--csv", str(tmp_path))
    assert result.exit_code == 2
    assert "is the capture" in result.stderr
    assert capture.read_bytes() == Path(SHORT[0]).read_bytes()


@pytest.mark.parametrize("size", ["128M", "4g", "1GiB", "0x", "", "127M", "1000", "9" * 12, "-1"])
def test_max_memory_is_a_size(size: str) -> None:
    is_size = size in {"128M", "4g", "1GiB"}
    result = invoke(HEALTHY, "--max-memory", size)
    assert result.exit_code == (0 if is_size else 2)
    assert is_size or "--max-memory" in result.stderr


@pytest.mark.parametrize("duration", ["90", "90s", "10m", "1h", "2d", "0", "1w", "", "-1", "h", "1.5h"])
def test_keep_is_a_duration(duration: str) -> None:
    is_duration = duration in {"90", "90s", "10m", "1h", "2d"}
    result = invoke(HEALTHY, "--ndjson", "--keep", duration)
    assert result.exit_code == (0 if is_duration else 2)
    assert is_duration or "--keep" in result.stderr


@pytest.mark.parametrize("flag", ["--annotate", "--html", "--csv", "--duckdb", "--ndjson -w", "--forge peer=silent -w"])
def test_standard_output_has_the_report(flag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*flag.split(), "-", *([] if "forge" in flag else [HEALTHY]))
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert f"give {flag.rsplit(maxsplit=1)[-1]} a name" in result.stderr


@pytest.mark.parametrize("flag", ["--html", "--csv", "--duckdb"])
def test_pages_and_tables_need_more_memory(flag: str, tmp_path: Path) -> None:
    result = invoke(HEALTHY, "--max-memory", "255M", flag, str(tmp_path / "out"))
    assert result.exit_code == 2
    assert "(256M)" in result.stderr


def test_the_least_memory_is_what_the_analysis_says() -> None:
    assert LEAST_OCTETS == LEAST_MEMORY


@pytest.mark.parametrize("flag", ["--html", "--csv", "--parquet", "--plots"])
def test_pages_and_tables_need_a_name(flag: str) -> None:
    result = invoke(SAMPLE, flag, "-")
    assert result.exit_code == 2
    assert "standard output has the report" in result.stderr


def test_fonts_that_are_not_cached_yet_are_nobodys_business(tmp_path: Path) -> None:
    done = child(
        SAMPLE, "--html", str(tmp_path / "r.html"), env=ENVIRONMENT | {"MPLCONFIGDIR": str(tmp_path / "fonts")}
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_settings_of_matplotlib_in_the_current_folder_are_nobodys_business(tmp_path: Path) -> None:
    """In /tmp they may be another user's; with these, text would be set by a program."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nlines.linewidth: 40\n")
    for folder in (tmp_path, ROOT):
        done = child(SAMPLE, "--plots", str(tmp_path / folder.name), cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
    charts = [(tmp_path / folder.name / "overview.svg").read_bytes() for folder in (tmp_path, ROOT)]
    assert charts[0] == charts[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have a home of another user")
def test_what_lies_in_the_home_of_another_user_is_not_loaded(tmp_path: Path) -> None:
    """scapy's caches are pickles, which run what they say."""
    cache = tmp_path / ".cache/scapy"
    cache.mkdir(parents=True)
    os.chown(tmp_path, NOBODY, NOBODY)
    code = """
import os
from analyzer.cli import run
try:
    run()
finally:
    from scapy.main import SCAPY_CACHE_FOLDER, SCAPY_CONFIG_FOLDER
    print(SCAPY_CACHE_FOLDER, SCAPY_CONFIG_FOLDER)"""
    homes = {
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / ".cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "new"),
    }
    places = child("--list-ifaces", code=code, env=ENVIRONMENT | homes).stdout.splitlines()[-1]
    assert str(tmp_path) not in places


def test_only_connections_of_an_outcome_are_told() -> None:
    capture = str(ROOT / "samples/nat-forgets-one-of-two/capture.pcap")
    told = CliRunner().invoke(main, [capture, "--only", "alive"]).stdout
    assert "#1 " in told
    assert "#0 " not in told
    assert "All 2 connections: 1 timed out, 1 alive." in told
    assert "No connection has this outcome: reset." in CliRunner().invoke(main, [capture, "--only", "reset"]).stdout
