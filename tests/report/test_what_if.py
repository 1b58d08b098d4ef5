"""`--what-if`: what is understood, what it says, and what is in the document."""

import json
from pathlib import Path

import jsonschema
import pytest

from analyzer.analysis import analyze
from analyzer.errors import OptionError
from analyzer.keepalive.model.linux import Keepalive
from analyzer.report.json.document import document
from analyzer.report.what_if import lines, parse

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "analyzer/report/json/ka-analyze-2.schema.json").read_text())
DEAD = str(ROOT / "samples/nc-30-10-5/capture.pcap")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("time=60,intvl=10,probes=5", Keepalive(60, 10, 5)),
        ("time=60", Keepalive(60, 75, 9)),
        ("probes=3, time=30,user_timeout_ms=20000", Keepalive(30, 75, 3, 20000)),
    ],
)
def test_understood(words: str, expected: Keepalive) -> None:
    assert parse(words) == expected


@pytest.mark.parametrize(
    "words", ["", "time", "time=6.5", "idle=60", "time=60,", "time=0", "probes=128", "intvl=32768"]
)
def test_not_understood(words: str) -> None:
    with pytest.raises(OptionError) as error:
        parse(words)
    assert str(error.value).startswith(f"--what-if {words}:")


def test_what_is_said_of_a_connection_that_was_lost() -> None:
    analysis = analyze(DEAD)
    said = list(lines(analysis.what_if(parse("time=5,intvl=2,probes=3")), analysis, 10))
    assert said[0] == "What if the settings were 5/2/3 (time/intvl/probes)?"
    assert "1 connection: 3 probes, 4 packets with their answers, 264 octets" in said[2]
    assert said[-1].endswith("in the capture, after 82.36 s.")


def test_only_so_many_are_told() -> None:
    [capture] = (ROOT / "samples/grid-host").glob("capture.pcap*")
    analysis = analyze(str(capture))
    supposed = analysis.what_if(parse("time=5,intvl=2,probes=3"))
    assert sum(line.startswith("#") for line in lines(supposed, analysis, 2)) == 2
    assert list(lines(supposed, analysis, 2))[-1].startswith("… and ")


def test_document_with_it_follows_the_schema() -> None:
    analysis = analyze(DEAD)
    whole = json.loads("".join(document(analysis, analysis.what_if(parse("time=5,intvl=2,probes=3")))))
    jsonschema.validate(whole, SCHEMA)
    [flow] = whole["what_if"]["flows"]
    assert (flow["probes"], flow["gave_up"], flow["was_noticed_s"]) == (
        3,
        True,
        whole["flows"][0]["verdict"]["detection_delay_s"],
    )
    assert whole["what_if"]["settings"]["tcp_user_timeout"] is None
    assert "what_if" not in json.loads("".join(document(analysis)))
