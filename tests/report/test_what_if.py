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


def said(capture: str, words: str, top: int = 10, width: int = 200) -> list[str]:
    analysis = analyze(str(next((ROOT / "samples" / capture).glob("capture.pcap*"))))
    return list(lines(analysis.what_if(parse(words)), analysis, top, width))


def test_a_loss_is_told_before_the_cost() -> None:
    told = said("nc-30-10-5", "time=5,intvl=2,probes=3")
    assert told[:2] == [
        "With 5/2/3 (time/intvl/probes):",
        "    The one connection that was lost would have been noticed sooner.",
    ]
    assert told[2].startswith("    The cost: 3 probes instead of 5 in ")
    assert told[-1].endswith(", instead of 82.36 s.")


def test_only_so_many_are_told() -> None:
    told = said("grid-host", "time=5,intvl=2,probes=3", top=2)
    assert sum(line.startswith("#") for line in told) == 2
    assert told[-1].startswith("and ")


@pytest.mark.parametrize("width", [40, 80, 100, 300])
def test_lines_fit_and_prose_is_no_wider_than_reads_well(width: int) -> None:
    told = said("nat-fifty-300", "time=600,intvl=10,probes=3", width=width)
    assert max(map(len, told)) <= width
    assert max(len(line) for line in told if not line.startswith("#")) <= 100
    assert not any(line.strip().startswith(("s ", "s.", "ms")) for line in told)  # a number stays with its unit
    assert " ".join(" ".join(told).split()) == " ".join(
        " ".join(said("nat-fifty-300", "time=600,intvl=10,probes=3")).split()
    )


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
