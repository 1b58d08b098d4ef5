"""Two capture points side by side, as the command shows them."""

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from analyzer.cli import main
from analyzer.many.two_points import Fate
from analyzer.report import two_points
from tests.capture.writers import pcap_bytes
from tests.many.test_two_points import ANSWERED, LOST, near_a, near_b
from tests.transcript import transcript

SCHEMA = json.loads((Path(two_points.__file__).with_name("json") / "ka-analyze-points-2.schema.json").read_text())
DOCUMENT = json.loads((Path(two_points.__file__).with_name("json") / "ka-analyze-2.schema.json").read_text())


@pytest.fixture
def points(tmp_path: Path) -> list[str]:
    captures = {"client": near_a(*ANSWERED, *LOST), "server": near_b(*ANSWERED, host="C")}
    flags = []
    for name, text in captures.items():
        path = tmp_path / f"{name}.pcap"
        path.write_bytes(pcap_bytes(transcript(text), nano=True))
        flags += ["--point", f"{name}={path}"]
    return flags


def invoke(*flags: str) -> Result:
    return CliRunner().invoke(main, list(flags), env={"COLUMNS": "200"})


def test_the_terminal_says_where_it_was_lost(points: list[str]) -> None:
    result = invoke(*points)
    assert result.exit_code == 0
    _, _, told = result.stdout.partition("Between client and server\n")
    assert told.splitlines() == [
        "1 of 1 and 1 connections were captured at both.",
        "",
        "#0 10.0.0.1:40000 → 10.0.0.2:80 (http) is #0 10.0.0.3:40001 → 10.0.0.2:80 (http), translated on the way",
        "    1 probe of 10.0.0.1:40000 passed both points and came back.",
        "    1 probe of 10.0.0.1:40000 passed client and never server: lost on the way between the two.",
        "    The clock of server is 20.00 ms behind, the way between them included.",
    ]
    assert result.stdout.startswith("At client\n")


def test_the_document_follows_its_schema(points: list[str]) -> None:
    found = json.loads(invoke("--json", *points).stdout)
    jsonschema.validate(found, SCHEMA)
    for point in found["points"]:
        jsonschema.validate(point["document"], DOCUMENT)
    [match] = found["matches"]
    assert match["flows"] == {"client": 0, "server": 0}
    assert match["nearer"] == ["client", "server"]
    assert [(probe["fate"], probe["frames"]) for probe in match["probes"]] == [
        ("answered", {"client": 6, "server": 6}),
        ("probe-lost-between", {"client": 8, "server": None}),
    ]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--point", "client"], "write NAME=FILES"),
        (["--point", "client=a.pcap"], "names 1 capture points; two can be compared"),
        (["--point", "client=a.pcap", "b.pcap"], "it excludes FILE"),
        (["--point", "client=a.pcap", "--point", "server=b.pcap", "--tags"], "goes with the report and with --json"),
    ],
)
def test_what_cannot_be_compared(flags: list[str], words: str) -> None:
    result = invoke(*flags)
    assert result.exit_code == 2
    assert words in result.output


def test_reasons_have_the_sentences_of_the_terminal(points: list[str]) -> None:
    [match] = json.loads(invoke("--json", *points).stdout)["matches"]
    assert [(one["code"], one["end"], one["probes"]) for one in match["reasons"]] == [
        ("answered", 0, 1),
        ("probe-lost-between", 0, 1),
    ]
    told = invoke(*points).stdout.splitlines()
    assert all(f"    {one['text']}" in told for one in match["reasons"])


def test_names_of_points_stay_away_from_the_terminal(points: list[str]) -> None:
    _, first, _, second = points
    named = ["--point", "a\x1b[31m\n\u202e" + first[first.index("=") :], "--point", second]
    for face in ([], ["--json"]):
        told = invoke(*face, *named).stdout
        assert all(line.isprintable() for line in told.split("\n"))
    assert json.loads(told)["points"][0]["name"] == "a\N{REPLACEMENT CHARACTER}[31m" + 2 * "\N{REPLACEMENT CHARACTER}"


def test_schema_knows_every_fate() -> None:
    assert SCHEMA["$defs"]["fate"]["enum"] == [one.value for one in Fate]
