"""What docs/operations/ offers to copy: checked by the programs that it is for, and against what this program has."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from analyzer.cli import main
from analyzer.monitor.metrics import Metrics
from analyzer.monitor.watcher import Watcher
from tests.monitor.live import told
from tests.monitor.test_metrics import exposed
from tests.monitor.test_watcher import LOST
from tests.recordings import FOLDER

ROOT = Path(__file__).parents[1]
OPERATIONS = ROOT / "docs/operations"
UNIT = OPERATIONS / "ka-analyze@.service"
DASHBOARD = OPERATIONS / "grafana-dashboard.json"
ACTION = OPERATIONS / "expect/action.yml"
SAMPLE = FOLDER / "nc-30-10-5/capture.pcap"


def checked(*command: str | Path) -> None:
    """Run a program that checks; it must find nothing."""
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, ""), said.stdout


# The service and the image


@pytest.mark.needs("systemd-analyze")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "ka-analyze@lo.service"
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/ka-analyze", sys.executable))
    checked("systemd-analyze", "verify", "--man=no", unit)


def test_the_unit_has_the_one_capability_that_is_needed() -> None:
    settings = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if re.match(r"\w+=", line))
    assert settings["AmbientCapabilities"] == settings["CapabilityBoundingSet"] == "CAP_NET_RAW"
    assert "AF_PACKET" in settings["RestrictAddressFamilies"]


@pytest.mark.needs("hadolint")
def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    checked("hadolint", OPERATIONS / "Dockerfile")


def test_flags_that_are_named_exist() -> None:
    known = {flag for option in main.params for flag in option.opts}
    calls = re.findall(
        r"ka-analyze ((?:\S+ )?--(?:iface|expect) .*)", UNIT.read_text() + (OPERATIONS / "README.md").read_text()
    )
    assert len(calls) == 3
    for call in calls:
        assert {word for word in call.split() if word.startswith("--")} <= known, call


# The dashboard


@pytest.fixture(scope="module")
def samples() -> dict[str, set[str]]:
    """Each sample that --metrics serves, with the names of its labels."""
    metrics, watcher = Metrics("127.0.0.1:0"), Watcher()
    try:
        metrics.tell(told(LOST, watcher=watcher))
        metrics.note(watcher)
        families = list(text_string_to_metric_families(exposed(metrics)))
    finally:
        metrics.close()
    return {one.name: set(one.labels) for family in families for one in family.samples}


def queries() -> list[tuple[str, str]]:
    """Every expression of the dashboard, with the words of its legend."""
    board: dict[str, Any] = json.loads(DASHBOARD.read_text())
    asked = [(target["expr"], target["legendFormat"]) for panel in board["panels"] for target in panel["targets"]]
    return asked + [(one["query"], "") for one in board["templating"]["list"] if one["type"] == "query"]


def test_the_dashboard_asks_for_what_there_is(samples: dict[str, set[str]]) -> None:
    for query, legend in queries():
        names = set(re.findall(r"\bka_\w+", query))
        labels = set().union(*(samples[name] for name in names), {"instance"})  # which Prometheus adds
        assert names
        assert set(re.findall(r"by \((\w+)\)", query)) | set(re.findall(r"{{(\w+)}}", legend)) <= labels, query


def test_only_what_counts_up_is_asked_for_its_rate(samples: dict[str, set[str]]) -> None:
    asked = "\n".join(query for query, _ in queries())
    for name in re.findall(r"(?:rate|increase)\((\w+)", asked):
        assert name.endswith(("_total", "_bucket", "_sum", "_count")), name
    assert {name for name in samples if name.endswith("_total")} <= set(re.findall(r"\bka_\w+", asked))


def test_alerts_of_the_page_name_what_there_is(samples: dict[str, set[str]]) -> None:
    named = set(re.findall(r"\bka_\w+", (OPERATIONS / "README.md").read_text()))
    assert named
    assert named <= samples.keys()


# The action


@pytest.mark.needs("check-jsonschema")
def test_the_action_is_one_to_github() -> None:
    checked("check-jsonschema", "--quiet", "--builtin-schema", "vendor.github-actions", ACTION)


@pytest.mark.needs("bash")
@pytest.mark.parametrize(
    ("expect", "strict", "exit_code"),
    [
        ("time=30,intvl=10,probes=5\n", "true", 0),
        (":9000:time=30\n10.100.5.1:probes=5\n", "false", 0),
        ("time=60,intvl=10,probes=5\n", "false", 1),
        ("time=30; touch made\n", "false", 2),
    ],
)
def test_the_action_compares(expect: str, strict: str, exit_code: int, tmp_path: Path) -> None:
    """Its last step is run as GitHub runs it."""
    command = tmp_path / "ka-analyze/bin/ka-analyze"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m analyzer "$@"\n')
    command.chmod(0o755)
    script = yaml.safe_load(ACTION.read_text())["runs"]["steps"][-1]["run"]
    summary = tmp_path / "summary"
    variables = {"CAPTURES": f"{SAMPLE} {SAMPLE}", "EXPECT": expect, "STRICT": strict}
    run = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, **variables, "RUNNER_TEMP": str(tmp_path), "GITHUB_STEP_SUMMARY": str(summary)},
    )  # fmt: skip
    assert run.returncode == exit_code, run.stderr
    assert ("timed out: the peer fell silent" in summary.read_text()) == (exit_code < 2)
    assert not (tmp_path / "made").exists()
