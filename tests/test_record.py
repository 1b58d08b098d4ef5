"""The recorder: its declarations are sound, and what it records on this kernel is what the analyzer finds."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyzer.keepalive.summary.conclusions import ConclusionCode
from samples.record.engine_uml import CLOCK_RATES, kernel_for
from samples.record.scenarios import FILE, ScenarioError, load
from samples.record.stacks.catalogue import STACKS, MissingPackageError, Stack
from samples.record.stacks.plan import lines_of
from samples.record.truth import UnexpectedTruthError, first_sign, has_given_up
from tests.test_samples import ROOT, check_folder

SAMPLES = ROOT / "samples"
PROGRAMS = ("ip", "nft", "tcpdump")
SHORT = ("peer-rebooted-7-3-5", "peer-silent-9-2-4")
DEFAULTS = ("defaults-answered", "defaults-dead")
SCENARIOS = load()


def record(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "samples.record", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def why_not_here() -> str | None:
    """The reason why nothing can be recorded on this machine."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "recording needs root on Linux"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"{', '.join(missing)} not installed"
    name = f"ka-record-{os.getpid()}-test"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode != 0:
        return "network namespaces cannot be made here"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return None


def compare_with_shipped(folder: Path) -> None:
    """The truth recorded now is the one in samples/, and the analyzer finds it."""
    shipped = SAMPLES / folder.name
    assert lasting_truth(folder) == lasting_truth(shipped)
    check_folder(folder)


def lasting_truth(folder: Path) -> dict[str, Any]:
    """What must come out every time: the kernel may be another, and timers fire when they fire."""
    truth = tomllib.loads((folder / "truth.toml").read_text())
    for flow in truth.get("flow", [truth]):
        for end in flow["end"]:
            end.get("saw", {}).pop("at_s", None)
    return {key: value for key, value in truth.items() if key not in {"kernel", "hz"}}


def closes(t: float, how: str = "fin") -> dict[str, Any]:
    return {"event": "closes", "t": t, "how": how}


def told(t: float) -> dict[str, Any]:
    return {"event": "end-of-stream", "t": t}


def error(t: float, errno: str) -> dict[str, Any]:
    return {"event": "error", "t": t, "errno": errno}


def test_list_names_every_scenario() -> None:
    result = record("--list")
    assert result.returncode == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(SCENARIOS)


def test_unknown_scenario_is_a_wrong_usage() -> None:
    result = record("no-such-case")
    assert result.returncode == 2
    assert "no-such-case" in result.stderr


@pytest.mark.parametrize("name", SCENARIOS)
def test_declaration_is_complete(name: str) -> None:
    """load() has checked steps and combinations; this is what a reader of samples/ is owed."""
    scenario = SCENARIOS[name]
    assert scenario.what
    assert scenario.why
    assert len({connection.port for connection in scenario.connections}) == len(scenario.connections)
    assert set(scenario.hz) <= set(CLOCK_RATES)
    assert scenario.kernel == "uml" or not scenario.hz
    assert {one.partition("/")[0] for one in scenario.concludes} <= {code.value for code in ConclusionCode}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_is_recorded(name: str) -> None:
    scenario = SCENARIOS[name]
    names = [f"{name}-hz{hz}" for hz in scenario.hz] if len(scenario.hz) > 1 else [name]
    for one in names + [f"{one}-{scenario.also_at}" for one in names if scenario.also_at]:
        assert (SAMPLES / one / "truth.toml").exists(), one


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('script = [[1, "path", "explode"]]', "step 1 path explode"),
        ('script = [[99, "originator", "close"]]', "step 99 originator close"),
        ('netem = "loss 1%"', "user-mode Linux only"),
        ("delay_ms = 20", "a delay needs a switch"),
        ('limits = [{ by = "responder", s = 5, to = 9001 }]', "a limit of no service"),
        ('originator = { stack = "plan9" }', "stack plan9"),
        ('middle = "pasta"\nip = 6', "pasta: over IPv4"),
        ('ip = 6\noriginator = { stack = "lwip" }', "a stack of its own: over IPv4"),
        ('colour = "red"', "colour"),
    ],
)
def test_wrong_declaration_is_refused(line: str, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / FILE.name
    file.write_text(f'[case]\nwhat = "w"\nwhy = "y"\nseconds = 10\n{line}\n')
    with pytest.raises(ScenarioError, match=re.escape(complaint)):
        load(file)


@pytest.mark.parametrize(
    ("declared", "originator", "responder", "expected"),
    [
        ("closed/application", [closes(5.0)], [told(5.1)], ("originator", "fin")),
        ("closed/application", [told(5.1), closes(5.1)], [], ("responder", "fin")),
        ("closed/application", [error(5.1, "ECONNRESET")], [closes(5.0, "rst")], ("responder", "rst")),
        ("closed/application", [error(5.1, "ECONNRESET")], [], ("responder", "rst")),
        ("reset/path-reset", [error(9.0, "ECONNRESET")], [], ("path", "rst")),
        ("reset/peer-lost-state", [error(9.0, "EPIPE")], [closes(4.0)], ("responder", "rst")),
        ("timed-out/peer-silent", [error(9.02, "ETIMEDOUT")], [error(9.01, "ECONNRESET")], ("originator", "give-up")),
        ("alive", [], [closes(4.0)], ("none", "")),
    ],
)
def test_the_first_sign_tells_who_ended_it(
    declared: str, originator: list[dict[str, Any]], responder: list[dict[str, Any]], expected: tuple[str, str]
) -> None:
    """A half-close ends nothing, and of a give-up and the RST that tells of it the former comes first."""
    outcome, _, cause = declared.partition("/")
    heard = {"originator": originator, "responder": responder}
    assert first_sign({"outcome": outcome, "cause": cause}, heard) == expected


def test_an_end_that_nobody_saw_must_be_declared() -> None:
    with pytest.raises(UnexpectedTruthError, match="declare the ending"):
        first_sign({"outcome": "closed"}, {"originator": [], "responder": []})


@pytest.mark.parametrize(
    ("waiting", "what", "declared", "expected"),
    [
        (0, error(9.0, "ETIMEDOUT"), "timed-out/peer-silent", True),
        (12, error(9.0, "ETIMEDOUT"), "timed-out/peer-silent", False),
        (0, error(9.0, "ECONNRESET"), "reset/peer-lost-state", False),
        (0, {"event": "error", "t": 9.0}, "timed-out/peer-silent", True),
        (0, {"event": "error", "t": 9.0}, "reset/peer-lost-state", False),
        (0, None, "alive", False),
    ],
)
def test_a_retransmission_timer_that_gives_up_determines_no_count_of_probes(
    waiting: int, what: dict[str, Any] | None, declared: str, expected: bool
) -> None:
    assert has_given_up({"waiting": waiting}, what, declared) is expected


def test_plan_of_a_stack_is_told_in_lines() -> None:
    """What programs in C and Go read (stacks/plan.py)."""
    connection = {"peer": "198.51.100.2", "to": 9000, "opens": 0.5, "script": [[1.0, "send", 12], [9.0, "close"]]}
    options = {"keepalive": 1, "time": 7.5, "intvl": 2, "user_timeout_ms": 6000}
    plan = {"interface": "eth0", "address": "192.0.2.1", "prefix": 24, "gateway": "", "start": 17.25, "seconds": 60.0}
    assert list(lines_of(plan | {"connections": {40000: connection | {"options": options}}})) == [
        "network eth0 192.0.2.1 24 -",
        "open 40000 0.5 198.51.100.2 9000 1 7.5 2 0 6.0",
        "step 40000 1.0 send 12",
        "step 40000 9.0 close",
        "run 17.25 60.0",
    ]


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS.keys())
def test_stack_is_built_where_its_packages_are(stack: Stack, tmp_path: Path) -> None:
    try:
        stack.build(tmp_path)
    except MissingPackageError as missing:
        pytest.skip(str(missing))
    assert stack.version().startswith(stack.name)
    assert stack.program_in(tmp_path).exists() == stack.is_compiled


def test_stack_without_its_package_says_which(tmp_path: Path) -> None:
    stack = replace(STACKS["lwip"], packages=("no-such-package", "gcc"))
    with pytest.raises(MissingPackageError, match="lwIP needs no-such-package and gcc"):
        stack.build(tmp_path)


@pytest.mark.slow
def test_two_scenarios_on_this_kernel(tmp_path: Path) -> None:
    """Recorded here and now: the truth is the shipped one, the analyzer finds it, and nothing is left behind."""
    reason = why_not_here()
    if reason is not None:
        pytest.skip(reason)
    result = record(*SHORT, "--out", str(tmp_path))
    assert result.returncode == 0, result.stderr
    for name in SHORT:
        compare_with_shipped(tmp_path / name)
    for namespace in Path("/run/netns").glob("ka-record-*"):
        owner = namespace.name.split("-")[2]
        assert Path(f"/proc/{owner}").exists(), "left behind"


@pytest.mark.slow
@pytest.mark.parametrize("hz", CLOCK_RATES)
def test_defaults_in_user_mode_linux(hz: int, tmp_path: Path) -> None:
    reason = why_not_here() or (None if kernel_for(hz).exists() else "no kernel: make kernels")
    if reason is not None:
        pytest.skip(reason)
    result = record(*DEFAULTS, "--kernel", "uml", "--hz", str(hz), "--out", str(tmp_path))
    assert result.returncode == 0, result.stderr
    for name in DEFAULTS:
        compare_with_shipped(tmp_path / f"{name}-hz{hz}")
