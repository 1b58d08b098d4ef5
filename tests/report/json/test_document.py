"""The machine face against its contract: names, types, the shipped schema, and what must never appear."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.diagnostics import CODES
from analyzer.keepalive.findings import Role
from analyzer.keepalive.settings.values import Basis
from analyzer.keepalive.summary.advice import AdviceCode
from analyzer.keepalive.tags.tag import Rule, Tag
from analyzer.keepalive.verdict.values import Cause, Confidence, Outcome, Reason
from analyzer.report.json import document as module
from analyzer.report.json import flow_lines
from analyzer.report.json.document import document, tag_lines
from analyzer.report.words import sentences, setting_sentences
from analyzer.version import __version__
from tests.capture.reading import read_capture
from tests.capture.writers import Frame, pcap_bytes
from tests.recordings import SHORT
from tests.transcript import analyse, transcript

SCHEMA = json.loads(resources.files("analyzer.report.json").joinpath("ka-analyze-2.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
UNREACHABLE = next(path for path in SHORT if path.parent.name == "unreachable")

CONTRACT = {
    "document": "schema version capture diagnostics conclusions flows hosts path_limits services advice",
    "capture": "files packets tcp_packets first last until duration_s link_types filter names",
    "diagnostic": "code count first_frame message",
    "flow": "id opened start stop packets bytes max_idle_s continues silent_s unacknowledged ending ends verdict",
    "end": "addr port role keepalive probes answered payload_len settings matches",
    "unacknowledged": "end octets since_s resends gives_up_s",
    "ending": "by how frame at data_s peer_data_s no_heartbeat_s crossed reused",
    "heartbeat": "period_s octets count answered first_frame last_frame stopped_s",
    "service": "service flows idle_limits",
    "idle_limit": "by how clock value_s low_s high_s closed survived_s lost half_closed matches confidence",
    "settings": "tcp_keepalive_time tcp_keepalive_intvl tcp_keepalive_probes tcp_user_timeout",
    "triple": "tcp_keepalive_time tcp_keepalive_intvl tcp_keepalive_probes",
    "setting": "value low high n basis",
    "basis": "code text",
    "verdict": "outcome cause prober errno epoll detection_delay_s confidence evidence_frames reasons",
    "reason": "code text",
    "host": "addr flows sysctl overrides stack hz",
    "override": "port settings flows",
    "path_limit": "path survived_s failed_s matches on_expiry",
    "advice": "code flows text",
    "conclusion": "code text fix flows service frames confidence",
}
"""The fixed names, spelled out once more: the schema must not drift along with the program."""
GROWN = {
    "conclusion": {"numbers"},
    "diagnostic": {"file"},
    "document": {"middleboxes", "what_if"},
    "flow": {"tunnel"},
    "end": {"probed_by", "heartbeat"},
    "idle_limit": {"flow_ids", "text"},
    "host": {"kernels", "same_kernel"},
    "advice": {"numbers"},
    "path_limit": {
        *("survived", "failed", "survived_flows", "failed_flows", "unexplained", "survived_frames", "failed_frames"),
        *("curve", "probes_kept_open", "by", "half_closed"),
    },
    "setting": {"frames", "ends"},
    "basis": {"shortest_s", "longest_s", "user_timeout_low_s", "user_timeout_high_s", "clocks"},
}
GROWN_OBJECTS = {"middlebox", "what_if", "what_if_flow"}
TAG_LINE = ["frame", "time", "flow", "end", "tag", "rule", "of"]

HANDSHAKE = """
    0.000  A>B  S   seq 999
    0.001  B>A  SA  seq 4999 ack 1000
    0.002  A>B  A   seq 1000 ack 5000
"""
TWO_SERVICES = """
     0.00  A:1>B     S   seq 999
     0.01  B>A:1     SA  seq 4999 ack 1000
     0.02  A:1>B     A   seq 1000 ack 5000
     1.00  A:2>B     S   seq 999
     1.01  B>A:2     SA  seq 4999 ack 1000
     1.02  A:2>B     A   seq 1000 ack 5000
     2.00  A:3>B:81  S   seq 999
     2.01  B:81>A:3  SA  seq 4999 ack 1000
     2.02  A:3>B:81  A   seq 1000 ack 5000
    32.01  A:3>B:81  A   seq 999  ack 5000
    52.01  A:3>B:81  RA  seq 1000 ack 5000
    60.01  A:1>B     A   seq 999  ack 5000
    61.01  A:2>B     A   seq 999  ack 5000
    70.01  A:1>B     RA  seq 1000 ack 5000
    71.01  A:2>B     RA  seq 1000 ack 5000
"""
MADE_UP = {
    "two services": TWO_SERVICES,
    "no frames at all": "",
    "no TCP": "0.0 end\n1.0 ask B by A",
    "one segment": "0.0 A>B A seq 1000 ack 5000",
    "one side only": "0.0 A>B PA seq 1000 ack 5000 len 10\n9.0 A>B PA seq 1010 ack 5000 len 10\n9.5 end",
    "one side probes": "0.0 A>B A seq 999 ack 5000\n30.0 A>B A seq 999 ack 5000\n60.0 A>B A seq 999 ack 5000",
    "the same instant": "1.0 A>B PA seq 1000 ack 5000 len 10\n1.0 B>A A seq 5000 ack 1010",
    "back in time": "5.0 A>B PA seq 1000 ack 5000 len 10\n1.0 B>A A seq 5000 ack 1010",
    "answered": HANDSHAKE + "60.5 A>B A seq 999 ack 5000\n60.6 B>A A seq 5000 ack 1000",
    "garbage octet": HANDSHAKE + "60.5 A>B A seq 999 ack 5000 len 1\n60.6 B>A A seq 5000 ack 1000",
    "still probing": HANDSHAKE + "60.5 A>B A seq 999 ack 5000\n70.5 A>B A seq 999 ack 5000\n71.0 end",
    "ceased to probe": HANDSHAKE + "60.5 A>B A seq 999 ack 5000\n70.5 A>B A seq 999 ack 5000\n999.0 end",
    "refused": "0.0 A>B S seq 999\n0.1 B>A RA seq 0 ack 1000",
    "closed": HANDSHAKE + "1.0 A>B FA seq 1000 ack 5000\n1.1 B>A FA seq 5000 ack 1001\n1.2 A>B A seq 1001 ack 5001",
    "sent in vain": HANDSHAKE + "".join(f"\n{2**one}.0 A>B PA seq 1000 ack 5000 len 9" for one in range(9)),
    "neighbour silent": HANDSHAKE + "60.5 A>B A seq 999 ack 5000\n61.0 ask B by A\n62.0 ask B by A\n63.0 ask B by A",
    "path dropped": HANDSHAKE
    + "360.5 A>B A seq 999 ack 5000\n370.5 A>B A seq 999 ack 5000\n375.0 C>B A seq 7 ack 9\n375.1 B>C A seq 9 ack 7\n"
    "380.5 A>B RA seq 1000 ack 5000",
    "foreign reset": HANDSHAKE + "60.5 A>B A seq 999 ack 5000\n60.6 B>A R seq 5000 ttl 250",
    "idle for a day": HANDSHAKE + "86400.0 A>B PA seq 1000 ack 5000 len 1\n86400.1 B>A A seq 5000 ack 1001",
}
"""Small stories, in the words of tests/transcript.py."""

each_sample = pytest.mark.parametrize("sample", SHORT, ids=lambda path: path.parent.name)
each_story = pytest.mark.parametrize("story", MADE_UP)
each_family = pytest.mark.parametrize("ipv6", [False, True], ids=["IPv4", "IPv6"])


@cache
def analysis_of(sample: Path) -> Analysis:
    return analyze(str(sample))


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def loaded(analysis: Analysis) -> dict[str, Any]:
    """The document, which must be strict JSON and follow the schema."""
    found = json.loads("".join(document(analysis)), parse_constant=refuse)
    VALIDATOR.validate(found)
    return found


def lines_of(analysis: Analysis) -> list[dict[str, Any]]:
    return [json.loads(line, parse_constant=refuse) for line in "".join(tag_lines(analysis)).splitlines()]


def settings_in(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every claim about a setting, wherever it stands."""
    groups = [end["settings"] for flow in found["flows"] for end in flow["ends"]]
    groups += [host["sysctl"] or {} for host in found["hosts"]]
    groups += [override["settings"] for host in found["hosts"] for override in host["overrides"]]
    for group in groups:
        yield from ((name, claim) for name, claim in group.items() if claim is not None)


def check_claims(found: dict[str, Any]) -> None:
    """What a schema cannot say: bounds enclose the value, numbers go together, references lead somewhere."""
    for name, claim in settings_in(found):
        high = float("inf") if claim["high"] is None else claim["high"]
        assert claim["low"] <= high, name
        assert claim["value"] is None or claim["low"] <= claim["value"] <= high, name
    assert [flow["id"] for flow in found["flows"]] == list(range(len(found["flows"])))
    frames = found["capture"]["packets"]
    for flow in found["flows"]:
        verdict = flow["verdict"]
        assert (verdict["errno"] is None) == (verdict["epoll"] is None)
        assert all(frame <= frames for frame in verdict["evidence_frames"])
        assert verdict["reasons"]
        for end in flow["ends"]:
            assert (end["keepalive"] == "on") == (end["probes"] > 0) == (end["payload_len"] is not None)
            assert end["answered"] <= end["probes"]


# The schema


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", CONTRACT)
def test_schema_has_the_names_of_the_contract_and_no_other(name: str) -> None:
    described = SCHEMA if name == "document" else SCHEMA["$defs"][name]
    assert described["required"] == CONTRACT[name].split()
    assert set(described["properties"]) == set(CONTRACT[name].split()) | GROWN.get(name, set())
    assert described["additionalProperties"] is False


def test_every_object_of_the_schema_is_in_the_contract() -> None:
    objects = {name for name, described in SCHEMA["$defs"].items() if described.get("type") == "object"}
    assert objects == (set(CONTRACT) - {"document"}) | GROWN_OBJECTS


@pytest.mark.parametrize(
    ("name", "key", "members"),
    [
        ("verdict", "outcome", {one.value for one in Outcome}),
        ("verdict", "cause", {one.value for one in Cause} | {None}),
        ("verdict", "confidence", {one.value for one in Confidence}),
        ("reason", "code", {one.value for one in Reason}),
        ("basis", "code", {one.value for one in Basis}),
        ("advice", "code", {one.value for one in AdviceCode}),
        ("end", "role", {one.value for one in Role}),
        ("end", "keepalive", {"on", "not-seen"}),
        ("end", "payload_len", {0, 1, None}),
        ("flow", "opened", {"syn", "midstream"}),
        ("path_limit", "on_expiry", {"silent", "rst", None}),
    ],
)
def test_schema_knows_every_word(name: str, key: str, members: set[Any]) -> None:
    assert set(SCHEMA["$defs"][name]["properties"][key]["enum"]) == members


def test_codes_have_the_form_that_the_schema_wants() -> None:
    validator = VALIDATOR.evolve(schema={**SCHEMA, "$ref": "#/$defs/code", "type": "string", "required": []})
    for code in (*(one.name for one in CODES), *(one.value for kind in (Reason, Basis, AdviceCode) for one in kind)):
        validator.validate(code)


SPOILERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a name too many": lambda found: found.update(note="hello"),
    "a name too few": lambda found: found["capture"].pop("first"),
    "another schema": lambda found: found.update(schema="ka-analyze/1"),
    "one end": lambda found: found["flows"][0]["ends"].pop(),
    "unknown outcome": lambda found: found["flows"][0]["verdict"].update(outcome="dead"),
    "unknown cause": lambda found: found["flows"][0]["verdict"].update(cause="weather"),
    "no outcome": lambda found: found["flows"][0]["verdict"].update(outcome=None),
    "a number as text": lambda found: found["flows"][0].update(max_idle_s="12"),
    "a negative duration": lambda found: found["capture"].update(duration_s=-1),
    "local time": lambda found: found["flows"][0].update(start="2026-11-20T07:29:18.000000000+01:00"),
    "a claim without basis": lambda found: next(settings_in(found))[1].update(basis={}),
    "a basis in words alone": lambda found: next(settings_in(found))[1].update(basis="5 unanswered, then RST"),
    "an unknown reason": lambda found: found["flows"][0]["verdict"]["reasons"][0].update(code="weather"),
    "a claim about nothing seen": lambda found: next(settings_in(found))[1].update(n=0),
    "frame 0": lambda found: found["flows"][0]["verdict"]["evidence_frames"].append(0),
}


@pytest.mark.parametrize("discard", SPOILERS.values(), ids=SPOILERS)
def test_schema_refuses(discard: Callable[[dict[str, Any]], object]) -> None:
    found = copy.deepcopy(loaded(analysis_of(UNREACHABLE)))
    discard(found)
    assert not VALIDATOR.is_valid(found)


# The document


@each_sample
def test_samples(sample: Path) -> None:
    check_claims(loaded(analysis_of(sample)))


@each_family
@each_story
def test_made_up_captures(story: str, ipv6: bool) -> None:
    check_claims(loaded(analyse(transcript(MADE_UP[story], ipv6))))


@pytest.mark.parametrize("tenth", range(1, 10))
@each_sample
def test_any_part_of_a_sample(sample: Path, tenth: int) -> None:
    """A capture may begin and end anywhere."""
    frames: list[Frame] = [(one.ts_ns, one.octets, one.wire_len) for one in read_capture(sample.read_bytes()).frames]
    cut = len(frames) * tenth // 10
    check_claims(loaded(analyse(frames[:cut])))
    check_claims(loaded(analyse(frames[cut:])))


def test_capture_without_frames() -> None:
    found = loaded(analyse([]))
    assert found["schema"] == "ka-analyze/2"
    assert found["version"] == __version__
    assert found["capture"] == {
        "files": ["transcript.pcap"],
        "packets": 0,
        "tcp_packets": 0,
        "first": None,
        "last": None,
        "until": None,
        "duration_s": 0,
        "link_types": ["Ethernet"],
        "filter": None,
        "names": {},
    }
    assert all(found[key] == [] for key in ("diagnostics", "flows", "hosts", "path_limits", "advice"))


def test_one_sided_flow() -> None:
    """The other end was never heard, so the capture does not say how it fares."""
    [flow] = loaded(analyse(transcript(MADE_UP["one side only"])))["flows"]
    assert flow["opened"] == "midstream"
    assert flow["verdict"]["outcome"] == "unknown"
    assert [end["role"] for end in flow["ends"]] == ["unknown", "unknown"]
    assert [end["addr"] for end in flow["ends"]] == ["10.0.0.1", "10.0.0.2"]
    assert (flow["packets"], flow["bytes"], flow["max_idle_s"]) == (2, 20, 9.0)


def test_ipv6_addresses_are_plain_text() -> None:
    found = loaded(analyse(transcript(MADE_UP["idle for a day"], ipv6=True, hops={"B": 1})))
    assert [end["addr"] for end in found["flows"][0]["ends"]] == ["fd00::1", "fd00::2"]
    assert [limit["path"] for limit in found["path_limits"]] == ["[fd00::2]:80"]


def test_times_are_exact_to_the_nanosecond() -> None:
    [flow] = loaded(analyse(transcript("0.000000001 A>B PA seq 1 len 5\n1.000000003 B>A A ack 6")))["flows"]
    assert (flow["start"], flow["stop"]) == ("2023-11-14T22:13:20.000000001Z", "2023-11-14T22:13:21.000000003Z")
    assert flow["max_idle_s"] == 1.000000002


def test_diagnostics_name_code_count_and_place(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(pcap_bytes(transcript(MADE_UP["back in time"]))[:-1])
    found = loaded(analyze(str(path)))
    [diagnostic] = found["diagnostics"]
    assert (diagnostic["code"], diagnostic["count"], diagnostic["first_frame"]) == ("truncated-file", 1, 2)
    assert str(path) in diagnostic["message"]


def test_diagnostics_without_a_frame_have_none(tmp_path: Path) -> None:
    found = loaded(analyze(str(UNREACHABLE), str(tmp_path / "missing")))
    assert [(one["code"], one["first_frame"]) for one in found["diagnostics"]] == [("unreadable-file", None)]


def test_service_with_settings_of_its_own() -> None:
    [host] = loaded(analyse(transcript(TWO_SERVICES)))["hosts"]
    assert (host["addr"], host["flows"]) == ("10.0.0.1", 3)
    assert list(host["sysctl"]) == CONTRACT["triple"].split()
    assert {name: claim["value"] for name, claim in host["sysctl"].items()} == {
        "tcp_keepalive_time": 60,
        "tcp_keepalive_intvl": 10,
        "tcp_keepalive_probes": 1,
    }
    [override] = host["overrides"]
    assert (override["port"], override["flows"]) == (81, 1)
    assert override["settings"]["tcp_keepalive_time"]["value"] == 30


def test_path_that_drops_what_is_idle() -> None:
    [limit] = loaded(analyse(transcript(MADE_UP["path dropped"], hops={"B": 9})))["path_limits"]
    assert (limit["path"], limit["failed_s"], limit["on_expiry"]) == ("10.0.0.2:80", 360.498, "silent")
    assert (limit["failed_flows"], limit["survived_flows"]) == (1, 0)


def test_within_one_lan_there_is_no_path() -> None:
    assert loaded(analyse(transcript(MADE_UP["path dropped"])))["path_limits"] == []


def test_give_up_reports_both_readings() -> None:
    """A count or a user timeout: the wire shows the same, and both say so."""
    settings = loaded(analysis_of(UNREACHABLE))["flows"][0]["ends"][0]["settings"]
    assert settings["tcp_user_timeout"]["value"] is None
    basis, user_timeout = settings["tcp_keepalive_probes"]["basis"], settings["tcp_user_timeout"]
    assert (basis["code"], user_timeout["basis"]["code"]) == ("give-up-count", "user-timeout-alternative")
    assert (basis["user_timeout_low_s"], basis["user_timeout_high_s"]) == (user_timeout["low"], user_timeout["high"])


@each_sample
def test_texts_are_those_of_the_report(sample: Path) -> None:
    """What people read and what programs read comes from one table."""
    analysis = analysis_of(sample)
    for flow, told in zip(analysis.flows, loaded(analysis)["flows"], strict=True):
        assert [one["text"] for one in told["verdict"]["reasons"]] == sentences.reasons(flow.verdict)
        for end, end_told in zip(flow.ends, told["ends"], strict=True):
            for name, claim in end_told["settings"].items():
                setting = getattr(end.settings, name)
                assert claim is None or claim["basis"]["text"] == setting_sentences.basis(setting, end.settings)


@each_sample
def test_the_numbers_of_a_basis_are_fields(sample: Path) -> None:
    """Who writes sentences in another language need not take this one apart."""
    for name, claim in settings_in(loaded(analysis_of(sample))):
        basis = claim["basis"]
        fields = [claim["n"], claim["low"], claim["high"], *(value for key, value in basis.items() if key[-2:] == "_s")]
        fields += [int(clock.removeprefix("linux-")) for clock in basis.get("clocks", ()) if clock != "exact"]
        for number in map(float, re.findall(r"[0-9]+(?:\.[0-9]+)?", basis["text"])):
            assert any(one is not None and abs(number - one) < 0.0051 for one in fields), (name, basis)


def test_proof_frames_are_probes_or_what_ended_the_run() -> None:
    found = loaded(analysis_of(UNREACHABLE))
    tags = {line["frame"]: line["tag"] for line in lines_of(analysis_of(UNREACHABLE))}
    proofs = {name: claim["frames"] for name, claim in found["flows"][0]["ends"][0]["settings"].items()}
    assert {tags[frame] for frame in proofs["tcp_keepalive_time"]} == {"keepalive-probe"}
    assert {tags[frame] for frame in proofs["tcp_keepalive_intvl"]} == {"keepalive-probe", "give-up-rst"}
    assert {tags[frame] for frame in proofs["tcp_keepalive_probes"]} == {"give-up-rst"}


def test_document_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many flows there are, no more of them is held as text than one piece has room for."""
    sample = Path(__file__).parents[3] / "samples/nat-fifty-300/capture.pcap"
    whole = "".join(document(analysis_of(sample)))
    monkeypatch.setattr(module, "PIECE", flow_lines.LONGEST_LINE + 3000)
    pieces = list(document(analysis_of(sample)))
    assert "".join(pieces) == whole
    assert 3 < max(map(len, pieces[1:-1])) <= module.PIECE
    assert len(pieces) > 10


# The tags


@each_sample
def test_tag_lines_of_samples(sample: Path) -> None:
    check_tags(analysis_of(sample))


@each_story
def test_tag_lines_of_made_up_captures(story: str) -> None:
    check_tags(analyse(transcript(MADE_UP[story])))


def check_tags(analysis: Analysis) -> None:
    assert all(piece.endswith("\n") for piece in tag_lines(analysis) if piece)
    lines = lines_of(analysis)
    assert all(list(line) == TAG_LINE for line in lines)
    assert [line["frame"] for line in lines] == sorted(line["frame"] for line in lines)
    tags = {line["frame"]: line["tag"] for line in lines}
    for line in lines:
        assert line["tag"] in set(Tag) - {"data", "ack"}
        assert line["rule"] in set(Rule)
        assert line["end"] in (0, 1)
        assert line["flow"] < len(analysis.flows)
        assert line["of"] is None or line["of"] < line["frame"]
        if line["tag"] == "keepalive-answer":
            assert tags[line["of"]] == "keepalive-probe"
        if line["tag"] in ("keepalive-probe", "syn", "retransmission"):
            assert line["of"] is None


def test_a_tag_line_in_full() -> None:
    lines = lines_of(analyse(transcript(MADE_UP["answered"])))
    assert lines[-1] == {
        "frame": 5,
        "time": "2023-11-14T22:14:20.600000000Z",
        "flow": 0,
        "end": 1,
        "tag": "keepalive-answer",
        "rule": "answers-probe",
        "of": 4,
    }
    assert [line["tag"] for line in lines] == ["syn", "syn-ack", "keepalive-probe", "keepalive-answer"]


def test_nothing_to_tag() -> None:
    assert lines_of(analyse([])) == []


def test_solicitations_that_stand_for_probes_have_tag_lines() -> None:
    """The first follows a probe that went out; the others stand for probes that could not be sent."""
    lines = lines_of(analyse(transcript(f"""{HANDSHAKE}
    30.00  A>B  A  seq 999   ack 5000
    30.01  B>A  A  seq 5000  ack 1000
    60.00  A>B  A  seq 999   ack 5000
    65.00  ask B by A
    66.00  ask B by A
    90.00  ask B by A
    """)))  # fmt: skip
    assert [line["frame"] for line in lines] == sorted(line["frame"] for line in lines)
    asked = [line for line in lines if line["tag"] == "arp-unanswered"]
    assert [(line["frame"], line["flow"], line["end"], line["of"]) for line in asked] == [
        (7, 0, 0, 6),
        (8, 0, 0, 6),
        (9, 0, 0, None),
    ]
    assert all(list(line) == TAG_LINE and line["rule"] == "nobody-answers" for line in asked)


def test_garbage_octets_are_no_payload() -> None:
    found = json.loads("".join(document(analyse(transcript(MADE_UP["garbage octet"])))))
    assert found["flows"][0]["bytes"] == 0


def test_only_connections_of_an_outcome_are_written_and_all_count() -> None:
    analysis = analysis_of(Path(__file__).parents[3] / "samples/nat-forgets-one-of-two/capture.pcap")
    only = frozenset([Outcome.TIMED_OUT])
    found, whole = json.loads("".join(document(analysis, None, only))), loaded(analysis)
    assert [flow["id"] for flow in found["flows"]] == [0]
    assert {name: found[name] for name in found if name != "flows"} == {n: whole[n] for n in whole if n != "flows"}
    lines = list(map(json.loads, "".join(tag_lines(analysis, only)).splitlines()))
    assert lines == [line for line in lines_of(analysis) if line["flow"] == 0]
    assert lines != lines_of(analysis)
