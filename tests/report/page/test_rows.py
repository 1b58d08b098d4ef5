"""The table's JSON: the most urgent first, every word once, details only where there is something to tell."""

import json
from pathlib import Path

from analyzer.analysis import analyze
from analyzer.report.page.page import SIGNS
from analyzer.report.page.rows import table

SAMPLES = Path(__file__).parents[3] / "samples"


def data_of(sample: str) -> dict:
    return json.loads(table(analyze(str(SAMPLES / sample / "capture.pcap")).flows, SIGNS))


def test_rows() -> None:
    data = data_of("nat-forgets-one-of-two")
    first, second = data["rows"]
    assert (first[0], second[0]) == (0, 1)
    assert data["outcomes"][first[2]][0] == "timed-out"
    assert data["words"][first[4]] == "14/3/4"
    assert data["words"][second[4]] == "6/1–6/≥ 1"
    assert (first[5], first[6], second[5], second[6]) == (4, 0, 7, 7)
    assert first[7] == 14.008
    assert len(data["words"]) == len(set(data["words"]))


def test_details_say_what_the_settings_rest_on() -> None:
    data = data_of("nc-30-10-5")
    [[*_, (sentences, [end], course, reasons, frames)]] = data["rows"]
    words = data["words"]
    assert words[end[0]] == "10.100.5.1:40838 (originator)"
    assert [words[setting[0]] for setting in end[1:]] == [
        "tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes",
    ]  # fmt: skip
    assert [words[setting[1]] for setting in end[1:]] == ["30", "10", "5"]
    assert words[course].endswith("RST")
    assert sentences
    assert reasons
    assert frames


def test_nothing_in_it_can_end_a_script_element() -> None:
    assert not set("<>&") & set(table(analyze(str(SAMPLES / "nc-30-10-5/capture.pcap")).flows, SIGNS))
