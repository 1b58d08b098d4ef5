"""Every recording in samples/ against its truth file: what is known of the kernel must be found on the wire.

A truth file has `[[end]]` tables and a `[verdict]`; for a capture with several connections it has
`[[flow]]` tables instead, each with the originator's `port` and its own ends and verdict.
"""

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from analyzer.cli import main

ROOT = Path(__file__).parents[1]
SCHEMA = json.loads((ROOT / "analyzer/report/json/ka-analyze-2.schema.json").read_text())
FOLDERS = sorted(file.parent for file in (ROOT / "samples").glob("*/truth.toml"))
SETTINGS = ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes")

NOT_DETERMINED = {
    ("grid-hz100-responder", 40025): "interval and idle time are both 60 s: answered cycles show only the longer",
    ("grid-hz300-responder", 40093): "interval and idle time are both 75 s: answered cycles show only the longer",
    (
        "grid-hz250-responder",
        40231,
    ): "in the only idle gap one segment is missing: an ACK, or the probe of half the time",
}
"""Idle times that the wire does not tell at the far end of a lossy path: nothing may be claimed there."""

each_sample = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


@cache
def document_of(folder: Path) -> dict[str, Any]:
    [capture] = folder.glob("capture.pcap*")
    result = CliRunner().invoke(main, ["--json", str(capture)])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def cases(folder: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs of a connection's truth and what the document says of it."""
    truth = tomllib.loads((folder / "truth.toml").read_text())
    flows = document_of(folder)["flows"]
    if "flow" not in truth:
        [flow] = flows
        return [(truth, flow)]
    by_port = {end["port"]: flow for flow in flows for end in flow["ends"] if end["role"] != "responder"}
    return [(one, by_port[one["port"]]) for one in truth["flow"]]


def ends(truth: dict[str, Any], flow: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs of an end's truth and what was found, by role; by order where the roles are unknown."""
    by_role = {end["role"]: end for end in flow["ends"]}
    return [(end, by_role.get(end["role"], flow["ends"][index])) for index, end in enumerate(truth["end"])]


def true_settings(end: dict[str, Any]) -> dict[str, float]:
    """The settings in force; an effective count replaces a configured one that never shows."""
    settings = {name: end[name] for name in SETTINGS if name in end}
    if "effective_probes" in end:
        settings["tcp_keepalive_probes"] = end["effective_probes"]
    if "tcp_user_timeout_s" in end:
        settings["tcp_user_timeout"] = end["tcp_user_timeout_s"]
    return settings


def where(truth: dict[str, Any], *more: str) -> str:
    return " ".join(("port", str(truth["port"]), *more) if "port" in truth else more)


@each_sample
def test_folder_is_complete(folder: Path) -> None:
    assert len(list(folder.glob("capture.pcap*"))) == 1
    assert (folder / "README.md").exists()


@each_sample
def test_document_follows_the_schema(folder: Path) -> None:
    jsonschema.validate(document_of(folder), SCHEMA)


@each_sample
def test_keepalive_is_seen_where_it_is_on(folder: Path) -> None:
    """On and never due, it leaves nothing on the wire: then the truth says `probed = false`."""
    for truth, flow in cases(folder):
        for end, found in ends(truth, flow):
            is_visible = end["keepalive"] and end.get("probed", True)
            assert found["keepalive"] == ("on" if is_visible else "not-seen"), where(truth, end["role"])


@each_sample
def test_determined_settings_are_exact(folder: Path) -> None:
    for truth, flow in cases(folder):
        for end, found in ends(truth, flow):
            for name in end.get("determined", ()):
                claim = found["settings"][name]
                value = claim["value"] if claim is not None else None
                is_hidden = name == "tcp_keepalive_time" and (folder.name, truth.get("port")) in NOT_DETERMINED
                expected = None if is_hidden else true_settings(end)[name]
                assert value == expected, where(truth, end["role"], name)


@each_sample
def test_bounds_contain_the_truth(folder: Path) -> None:
    for truth, flow in cases(folder):
        for end, found in ends(truth, flow):
            for name, value in true_settings(end).items():
                claim = found["settings"][name]
                if claim is not None:
                    assert claim["low"] <= value, where(truth, end["role"], name)
                    assert claim["high"] is None or value <= claim["high"], where(truth, end["role"], name)


@each_sample
def test_user_timeout_in_force_is_bounded(folder: Path) -> None:
    """It replaced the count, so silence about it would be a wrong answer."""
    for truth, flow in cases(folder):
        for end, found in ends(truth, flow):
            if "effective_probes" in end:
                assert found["settings"]["tcp_user_timeout"] is not None, where(truth, end["role"])


@each_sample
def test_verdict(folder: Path) -> None:
    for truth, flow in cases(folder):
        expected = {key: truth["verdict"].get(key) for key in ("outcome", "cause", "errno", "epoll")}
        assert {key: flow["verdict"][key] for key in expected} == expected, where(truth)


def check_folder(folder: Path) -> None:
    """All of the above for a recording that is not in samples/."""
    test_folder_is_complete(folder)
    test_document_follows_the_schema(folder)
    test_keepalive_is_seen_where_it_is_on(folder)
    test_determined_settings_are_exact(folder)
    test_bounds_contain_the_truth(folder)
    test_user_timeout_in_force_is_bounded(folder)
    test_verdict(folder)
