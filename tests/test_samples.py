"""Every recording in samples/ against its truth file: what is known of the kernel must be found on the wire.

A truth file has `[[end]]` tables and a `[verdict]`; for a capture with several connections it has
`[[flow]]` tables instead, each with the originator's `port` and its own ends and verdict.
"""

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from analyzer.analysis import analyze
from analyzer.cli import main
from analyzer.keepalive.settings.fingerprint import Stack

ROOT = Path(__file__).parents[1]
VALIDATOR = Draft202012Validator(json.loads((ROOT / "analyzer/report/json/ka-analyze-2.schema.json").read_text()))
"""Made once: jsonschema.validate would check the schema itself for each document."""
FOLDERS = sorted(file.parent for file in (ROOT / "samples").glob("*/truth.toml"))
SETTINGS = ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes")

TIME, INTVL, PROBES = SETTINGS
FITS_A_WHEEL = "what was seen of it alone fits a wheel as well, and Linux would go on, or reset the connection"
CHANGED = "settings that were changed in mid-life would look the same"
TICKS = "what was seen of it alone fits an exact timer and one that ticks"
NOT_DETERMINED = {
    ("grid-hz100-responder", 40025, TIME): "interval and idle time are both 60 s: answered cycles show only the longer",
    ("grid-hz300-responder", 40093, TIME): "interval and idle time are both 75 s: answered cycles show only the longer",
    (
        "grid-hz250-responder",
        40231,
        TIME,
    ): "in the only idle gap one segment is missing: an ACK, or the probe of half the time",
    ("gvisor", 40010, PROBES): FITS_A_WHEEL,
    ("gvisor", 40022, PROBES): FITS_A_WHEEL,
    ("lwip", 40014, PROBES): "its interval is shorter than any of whole seconds",
    ("gvisor", 40014, PROBES): "its interval is shorter than any of whole seconds",
    ("gvisor-answers-unheard", 40003, TIME): CHANGED,
    ("gvisor-answers-unheard", 40004, TIME): CHANGED,
    ("gvisor-long", 40016, PROBES): FITS_A_WHEEL,
    ("gvisor-path-forgets-20", 40005, PROBES): FITS_A_WHEEL,
    ("lwip", 40007, TIME): TICKS,
    ("lwip", 40008, TIME): TICKS,
    ("lwip-close-wait", 40003, TIME): TICKS,
    ("lwip-long", 40003, TIME): TICKS,
    ("lwip-long", 40004, TIME): TICKS,
    ("lwip-long", 40012, TIME): TICKS,
}
"""Settings that the wire does not tell, of that connection and end alone: nothing may be claimed there."""

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
    """The settings in force; an effective count replaces a configured one that never shows.

    On Linux a user timeout replaces the count; elsewhere what comes first ends the connection.
    """
    settings = {name: end[name] for name in SETTINGS if name in end}
    if "effective_probes" in end:
        settings["tcp_keepalive_probes"] = end["effective_probes"]
    if "tcp_user_timeout_s" in end and ("stack" not in end or "effective_probes" in end):
        settings["tcp_user_timeout"] = end["tcp_user_timeout_s"]
    return settings


def is_foreign(truth: dict[str, Any]) -> bool:
    """An end is not Linux's: what its application is told is not on the wire, and differs between versions."""
    return any("stack" in end for end in truth["end"])


def where(truth: dict[str, Any], *more: str) -> str:
    return " ".join(("port", str(truth["port"]), *more) if "port" in truth else more)


@each_sample
def test_folder_is_complete(folder: Path) -> None:
    assert len(list(folder.glob("capture.pcap*"))) == 1
    assert (folder / "README.md").exists()


@each_sample
def test_document_follows_the_schema(folder: Path) -> None:
    VALIDATOR.validate(document_of(folder))


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
                is_hidden = (folder.name, truth.get("port"), name) in NOT_DETERMINED
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


STILL_WRONG = {"pasta": "one timer for all connections is not told from boundaries of a wheel that they share"}


def marked(folder: Path) -> Any:
    marks = [pytest.mark.xfail(reason=STILL_WRONG[folder.name], strict=True)] if folder.name in STILL_WRONG else []
    return pytest.param(folder, marks=marks, id=folder.name)


@pytest.mark.parametrize("folder", [*map(marked, FOLDERS)])
def test_no_value_of_settings_that_do_not_exist(folder: Path) -> None:
    """A prober may have one timer for all of its connections, and no idle time: pasta does."""
    for truth, flow in cases(folder):
        for end, found in ends(truth, flow):
            if end["keepalive"] and "tcp_keepalive_time" not in end:
                values = {name: claim["value"] for name, claim in found["settings"].items() if claim is not None}
                assert not any(values.values()), where(truth, end["role"])


MAY_BE_CALLED = {
    "gVisor netstack": {Stack.EXACT, Stack.BSD, Stack.UNKNOWN},
    "lwIP": {Stack.LWIP, Stack.UNKNOWN},
    "smoltcp in mitmproxy_rs": {Stack.ONE_OCTET, Stack.UNKNOWN},
    "pasta": {Stack.UNKNOWN},
}
"""What is true of a stack, be it rough: each of these names has room for it."""


@each_sample
def test_no_stack_is_called_by_the_name_of_another(folder: Path) -> None:
    hosts = {host["addr"]: host["stack"] for host in document_of(folder)["hosts"]}
    for truth, flow in cases(folder):
        for end, found in ends(truth, flow):
            if "stack" in end:
                names = {stack.value for stack in MAY_BE_CALLED[end["stack"].rpartition(" ")[0]]}
                assert set(hosts.get(found["addr"], "unknown").split(" and ")) <= names, where(truth, end["role"])


@each_sample
def test_user_timeout_in_force_is_bounded(folder: Path) -> None:
    """It replaced the count, so silence about it would be a wrong answer where a count is bounded."""
    for truth, flow in cases(folder):
        for end, found in ends(truth, flow):
            probes = found["settings"]["tcp_keepalive_probes"]
            if "effective_probes" in end and probes is not None and probes["high"] is not None:
                assert found["settings"]["tcp_user_timeout"] is not None, where(truth, end["role"])


UNDECIDED = {"unknown", "open"}
"""What is said where nobody knows how the connection is, or how it ended."""
ENDS_TOO_SOON = {("gvisor-unreachable", 40005): {"probing"}, ("smoltcp", 40013): {"alive"}}
"""The capture ends soon after the last probe: an answer may still come, or an interval is not over yet."""


@each_sample
def test_verdict(folder: Path) -> None:
    for truth, flow in cases(folder):
        expected = {key: truth["verdict"].get(key) for key in ("outcome", "cause", "errno", "epoll")}
        if is_foreign(truth):
            if flow["verdict"]["outcome"] in UNDECIDED | ENDS_TOO_SOON.get((folder.name, truth["port"]), set()):
                continue
            expected |= {key: None for key in ("errno", "epoll") if flow["verdict"][key] is None}
        assert {key: flow["verdict"][key] for key in expected} == expected, where(truth)


UNSEEN_GIVE_UP = {"both-ends"}
"""The other end gave up first, behind the cut."""
CONTINUED = {"nat-gives-another-port-responder"}
"""The idle time lies before the connection's first segment here, in the one that it continues."""
STARTED_LATE = {"nginx-closes-after-8-started-late"}
"""The last data of some lies before the capture."""
FEW_BEATS = {"sshd-closes-after-15"}
"""Two heartbeats show no period, so that nothing tells them from other data."""
NO_LIMIT = {
    "mosquitto-closes-after-9": "it closes 1.5 to 6 s late, so that no two closes are alike",
    "nat-gives-another-port": "one RST that may be the server's own: it may have been restarted",
    "nat-gives-another-port-responder": "a bracket of one connection",
    "sshd-closes-after-15": "as above",
}
"""Where limits were in force that these captures do not show: nothing may be said, or no more than a bracket."""
WAY_S = 0.12
"""Most by which the way between an end and the capture point, and a busy host, shift an idle time."""


def ender(truth: dict[str, Any], flow: dict[str, Any]) -> int | str | None:
    """Who is to be named: the place of an end, or the path; None where the wire does not tell."""
    who = truth["ending"].get("seen_as", truth["ending"]["by"])
    roles = [end["role"] for end in flow["ends"]]
    if who in roles:
        return roles.index(who)
    return who if who == "path" else None


@each_sample
def test_ending(folder: Path) -> None:
    for truth, flow in cases(folder):
        expected, found = truth.get("ending"), flow["ending"]
        if expected is None:
            continue
        if expected["by"] == "none" or flow["verdict"]["outcome"] in ("undetected", "probing"):
            assert found is None or found["how"] == "silence", where(truth)
            continue
        if is_foreign(truth) and flow["verdict"]["outcome"] in UNDECIDED:
            continue
        assert found is not None, where(truth)
        is_given_up = expected["how"] in ("give-up", "silence")
        assert found["how"] == ("give-up" if is_given_up else expected["how"]), where(truth)
        is_seen = folder.name not in UNSEEN_GIVE_UP and expected["how"] != "silence"
        if is_seen and "unknown" not in {end["role"] for end in flow["ends"]}:
            assert found["by"] in (ender(truth, flow), None), where(truth)
        if "limit_s" in expected and not is_given_up and folder.name not in CONTINUED | FEW_BEATS:
            if found["data_s"] is None:
                assert folder.name in STARTED_LATE
                continue
            idle_s = found[f"{expected['clock'].replace('-', '_')}_s"]
            latest_s = expected["limit_s"] + expected.get("late_s", 0) + WAY_S if expected["by"] != "path" else idle_s
            assert expected["limit_s"] - WAY_S <= idle_s <= latest_s, where(truth)


@each_sample
def test_idle_limits(folder: Path) -> None:
    truth = tomllib.loads((folder / "truth.toml").read_text())
    services = {one["service"]: one["idle_limits"] for one in document_of(folder)["services"]}
    for one in truth.get("service", ()):
        found = services.get(f"{one['address']}:{one['port']}", [])
        if one["by"] == "none":
            assert found == []
            continue
        if folder.name in NO_LIMIT:
            assert all(limit["value_s"] is None for limit in found)
            continue
        [limit] = [limit for limit in found if limit["half_closed"] == one.get("half_closed", False)]
        assert limit["by"] in (one["by"], "unknown" if one["by"] == "path" else one["by"])
        assert limit["low_s"] - WAY_S <= one["limit_s"] <= limit["high_s"]
        assert limit["value_s"] in (one["limit_s"], None)
        assert limit["lost"] == one["lost"]
        assert limit["closed"] == one["closed"] or (folder.name in STARTED_LATE and limit["closed"] < one["closed"])


NOT_CONCLUDED = {
    "abandoned-at-the-server": "silent for half a minute when the capture ends: nobody calls that long",
    "gvisor-answers-unheard": "answered where it was captured; nothing shows that the answers are not heard",
    "grpc-too-many-pings": "told GOAWAY, it is the client that closes, as it might after any answer",
    "mosquitto-closes-after-9": NO_LIMIT["mosquitto-closes-after-9"],
    "nat-gives-another-port": NO_LIMIT["nat-gives-another-port"],
    "sshd-closes-after-15": "two heartbeats show no period, so that nothing tells them from other data",
}
"""What these captures come to is not seen in them, and why; something else that is true may be said, or nothing."""
HARMLESS = {"service-closes-idle", "keepalive-works", "nothing-idle"}
"""Conclusions that alarm nobody."""


@each_sample
def test_first_conclusions(folder: Path) -> None:
    truth = tomllib.loads((folder / "truth.toml").read_text())
    expected = [(one["code"], one.get("service")) for one in truth.get("conclusion", ())]
    found = [(one["code"], one["service"]) for one in document_of(folder)["conclusions"]]
    if folder.name in NOT_CONCLUDED:
        assert expected[0] not in found, "no longer missed"
        assert {code for code, _ in found} <= HARMLESS | {"peer-restarted"}
        return
    assert found[: len(expected)] == expected


@each_sample
def test_no_alarm_about_what_is_well(folder: Path) -> None:
    """A colleague who is alarmed for nothing does not read on the next time."""
    truth = tomllib.loads((folder / "truth.toml").read_text())
    flows = truth.get("flow", [truth])
    said = {one["code"] for one in document_of(folder)["conclusions"]}
    verdicts = {one["verdict"]["outcome"] for one in flows}
    if verdicts <= {"alive", "closed"} and not any(one.get("ending", {}).get("lost") for one in flows):
        assert said <= HARMLESS
    services = truth.get("service", ())
    if services and all(one["by"] == "none" for one in services):
        assert said.isdisjoint({"service-closes-idle", "keepalive-race", "path-forgets", "path-resets"})


@pytest.mark.parametrize(
    "name", ["zero-window", "telnet-lost-octet", "heartbeat-each-5-s", "nginx-idle-and-open", "peer-alive-8-2-4"]
)
def test_no_alarm_wherever_the_capture_ends(name: str, tmp_path: Path) -> None:
    """What has no answer yet may still get one."""
    octets = (ROOT / "samples" / name / "capture.pcap").read_bytes()
    cut = tmp_path / "capture.pcap"
    place = 24  # behind the file's header; each frame has one of 16 octets, in which its length is at 8
    while place < len(octets):
        place += 16 + int.from_bytes(octets[place + 8 : place + 12], "little")
        cut.write_bytes(octets[:place])
        assert {one.code.value for one in analyze(str(cut)).conclusions} <= HARMLESS, place


def check_folder(folder: Path) -> None:
    """All of the above for a recording that is not in samples/."""
    test_folder_is_complete(folder)
    test_document_follows_the_schema(folder)
    test_keepalive_is_seen_where_it_is_on(folder)
    test_determined_settings_are_exact(folder)
    test_bounds_contain_the_truth(folder)
    test_no_value_of_settings_that_do_not_exist(folder)
    test_no_stack_is_called_by_the_name_of_another(folder)
    test_user_timeout_in_force_is_bounded(folder)
    test_verdict(folder)
    test_ending(folder)
    test_idle_limits(folder)
    test_first_conclusions(folder)
    test_no_alarm_about_what_is_well(folder)
