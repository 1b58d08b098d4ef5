"""That no recording and no made-up story breaks an invariant, and that each predicate finds what it is there for."""

import json
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.report.json.document import document, tag_lines
from tests.invariants import INVARIANTS, TAG_INVARIANTS, broken
from tests.recordings import FOLDER
from tests.report.json.test_document import MADE_UP
from tests.test_samples import FOLDERS, VALIDATOR
from tests.transcript import analyse, transcript

NAT = FOLDER / "nat-fifty-300"


def loaded(analysis: Analysis) -> dict[str, Any]:
    return json.loads("".join(document(analysis)))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_recordings(folder: Path) -> None:
    analysis = analyze(*map(str, sorted(folder.glob("capture.pcap*"))))
    assert broken(loaded(analysis), "".join(tag_lines(analysis))) == []


@pytest.mark.parametrize("hops", [{}, {"B": 7}], ids=["LAN", "path"])
@pytest.mark.parametrize("story", MADE_UP)
def test_stories(story: str, hops: dict[str, int]) -> None:
    analysis = analyse(transcript(MADE_UP[story], hops=hops))
    assert broken(loaded(analysis), "".join(tag_lines(analysis))) == []


def _spoil(path: str, value: Any) -> Callable[[Any], None]:
    """Put a value where a path of names and places leads to."""

    def discard(found: Any) -> None:
        *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
        at: Any = found
        for step in way:
            at = at[step]
        at[last] = value

    return discard


END = "flows.0.ends.0"
TIME, PROBES = f"{END}.settings.tcp_keepalive_time", f"{END}.settings.tcp_keepalive_probes"
POOLED = "hosts.0.overrides.0.settings.tcp_keepalive_time"
OUTCOME = "flows.0.verdict.outcome"
LIMIT, IDLE = "path_limits.0", "services.0.idle_limits.0"
SPOILED = {
    "nothing_is_negative": [
        _spoil("flows.0.verdict.detection_delay_s", -1.53),
        _spoil("advice.0.text", "after -1.53e+04 ms"),
    ],
    "bounds_are_in_order": [_spoil(f"{TIME}.low", 10_000), _spoil(f"{TIME}.value", 1)],
    "settings_rest_on_something": [_spoil(f"{TIME}.n", 0), _spoil(f"{POOLED}.n", 906)],
    "settings_are_more_than_nothing": [
        _spoil(f"{PROBES}.value", 0),
        _spoil(f"{PROBES}.low", 0),
        _spoil(f"{PROBES}.high", 3.5),
        _spoil(f"{TIME}.high", 0),
    ],
    "pooled_counts_say_so": [
        _spoil(f"{POOLED}.ends", 1),
        _spoil(f"{POOLED}.basis.text", "8 times"),
        _spoil(f"{TIME}.ends", 2),
    ],
    "instants_are_in_order": [
        _spoil("capture.last", None),
        _spoil("capture.packets", 0),
        _spoil("capture.until", "1970-01-01T00:00:00.000000000Z"),
        _spoil("capture.duration_s", 1.0),
    ],
    "nothing_takes_longer_than_the_capture": [
        _spoil("flows.0.silent_s", 2e9),
        _spoil("flows.0.verdict.detection_delay_s", 2e9),
        _spoil(f"{TIME}.low", 35_879_845),
        _spoil(f"{LIMIT}.failed_s", 2e9),
        _spoil("advice.0.numbers.longest_idle_s", 2_894_531_997),
    ],
    "nothing_takes_longer_than_its_connection": [
        _spoil("flows.0.max_idle_s", 570),
        _spoil("flows.0.ending.data_s", 570),
    ],
    "connections_lie_within_the_capture": [
        _spoil("flows.0.stop", "1970-01-01T00:00:00.000000000Z"),
        _spoil("flows.0.ending.at", "2026-01-01T00:09:31.616000001Z"),
    ],
    "frames_exist": [_spoil("flows.0.verdict.evidence_frames", [0]), _spoil(f"{TIME}.frames", [906])],
    "frames_are_in_order": [
        _spoil("flows.0.verdict.evidence_frames", [3, 2]),
        _spoil(f"{LIMIT}.failed_frames", [3, 3]),
        _spoil("flows.0.ending.crossed", [3, 2]),
    ],
    "connections_have_no_more_frames_than_the_capture": [
        _spoil("capture.tcp_packets", 1),
        _spoil("flows.0.bytes", 1 << 40),
    ],
    "diagnostics_are_told_once": [_spoil("diagnostics", [{"code": "time-jump"}, {"code": "time-jump"}])],
    "connections_are_numbered": [_spoil("flows.0.id", 1)],
    "probes_are_keepalive": [
        _spoil(f"{END}.keepalive", "not-seen"),
        _spoil(f"{END}.payload_len", None),
        _spoil(f"{END}.probed_by", "middlebox"),
    ],
    "who_never_probed_has_no_value": [_spoil(f"{END}.probes", 0)],
    "answers_are_not_more_than_probes": [_spoil("flows.0.ends.1.answered", 1), _spoil(f"{END}.probes", 13)],
    "outcomes_have_their_causes": [_spoil("flows.0.verdict.cause", "application"), _spoil(OUTCOME, "unreachable")],
    "what_goes_on_has_no_ending": [
        _spoil(OUTCOME, "alive"),
        _spoil("flows.0.ending", None),
        _spoil("flows.0.silent_s", 0.0),
    ],
    "who_does_not_know_is_not_certain": [
        _spoil("flows.0.verdict", {"outcome": "unknown", "confidence": "certain", "prober": None})
    ],
    "what_the_application_saw_is_whole": [_spoil("flows.0.verdict.errno", None), _spoil(OUTCOME, "probing")],
    "a_prober_probed": [_spoil("flows.0.verdict.prober", 1)],
    "reasons_are_given_once": [
        _spoil("flows.0.verdict.reasons", []),
        _spoil("flows.0.verdict.reasons", [{"code": "give-up-rst"}] * 2),
    ],
    "hosts_are_ends_of_connections": [
        _spoil("hosts.0.flows", 51),
        _spoil("hosts.0.overrides.0.flows", 50),
        _spoil("hosts.0.kernels", 51),
    ],
    "what_failed_was_longer_than_what_survived": [_spoil(f"{LIMIT}.survived_s", 400)],
    "limits_are_counted": [
        _spoil(f"{LIMIT}.failed_s", None),
        _spoil(f"{LIMIT}.failed_flows", 0),
        _spoil(f"{LIMIT}.survived", 1),
        _spoil(f"{LIMIT}.failed", 1),
        _spoil(f"{LIMIT}.survived_s", None),
    ],
    "curves_fall": [_spoil(f"{LIMIT}.curve", [[10, 0.5], [20, 1.0]])],
    "idle_limits_lie_within_their_bounds": [
        _spoil(f"{IDLE}.low_s", 304),
        _spoil(f"{IDLE}.closed", 0),
        _spoil(f"{IDLE}.flow_ids", [50]),
    ],
    "advice_is_about_connections": [_spoil("advice.0.flows", [50]), _spoil("conclusions.0.flows", [2, 0])],
    "advice_does_not_contradict_itself": [
        _spoil("advice.0.numbers.set_time", 400),
        _spoil("advice.0.numbers.tcp_keepalive_time", 59),
        _spoil("advice.0.numbers.failed_s", 290),
    ],
    "sentences_are_filled": [_spoil("advice.0.text", "after {n} s"), _spoil("advice.0.text", "after None s")],
    "ranges_rise": [
        _spoil("advice.0.text", "between 10 and 9.5 s"),
        _spoil("advice.0.text", "1\N{EN DASH}0 s"),
        _spoil("advice.0.text", "2 s to 500 ms"),
    ],
    "shares_are_shares": [_spoil("advice.0.text", "101 %"), _spoil("advice.0.text", "0 times idle")],
}
SPOILED_TAGS = {
    "tags_are_in_order": [_spoil("0.frame", 700), _spoil("0.frame", 906), _spoil("0.time", "1970")],
    "tags_are_of_connections": [_spoil("0.flow", 50), _spoil("0.end", 2), _spoil("0.of", 900)],
    "probes_are_counted_alike": [_spoil("0.tag", "keepalive-probe")],
}


@cache
def sound() -> tuple[dict[str, Any], str]:
    """A document, and its tags."""
    analysis = analyze(str(NAT / "capture.pcap"))
    return loaded(analysis), "".join(tag_lines(analysis))


def test_every_invariant_is_tried() -> None:
    assert set(SPOILED) == {one.__name__ for one in INVARIANTS}
    assert set(SPOILED_TAGS) == {one.__name__ for one in TAG_INVARIANTS}


def test_the_capture_that_is_spoiled_breaks_none() -> None:
    document, tags = sound()
    assert broken(document, tags) == []
    assert (document["advice"][0]["code"], document["capture"]["packets"]) == ("time-exceeds-path-limit", 905)


@pytest.mark.parametrize("holds", INVARIANTS, ids=lambda one: one.__name__)
def test_an_invariant_can_be_broken(holds: Callable[[dict[str, Any]], Any]) -> None:
    for discard in SPOILED[holds.__name__]:
        found = deepcopy(sound()[0])
        discard(found)
        assert list(holds(found)), "nothing was found"


REFUSED = {
    "a count of 0": _spoil(f"{PROBES}.value", 0),
    "a count of no more than 0": _spoil(f"{PROBES}.high", 0),
    "a count in part": _spoil(f"{PROBES}.low", 2.5),
    "a timer of 0 s": _spoil(f"{TIME}.value", 0),
    "pooled from one": _spoil(f"{TIME}.ends", 1),
    "settings without probes": _spoil(f"{END}.probes", 0),
    "probes without octets or none": _spoil(f"{END}.payload_len", None),
    "evidence twice": _spoil("flows.0.verdict.evidence_frames", [3, 3]),
    "an error that nobody was told": _spoil(OUTCOME, "alive"),
    "an event without an error": _spoil("flows.0.verdict.errno", None),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_schema_refuses_what_it_can(what: str) -> None:
    found = deepcopy(sound()[0])
    assert VALIDATOR.is_valid(found)
    REFUSED[what](found)
    assert not VALIDATOR.is_valid(found)


@pytest.mark.parametrize("holds", TAG_INVARIANTS, ids=lambda one: one.__name__)
def test_an_invariant_of_tags_can_be_broken(holds: Callable[[dict[str, Any], list[Any]], Any]) -> None:
    document, tags = sound()
    for discard in SPOILED_TAGS[holds.__name__]:
        lines = [json.loads(line) for line in tags.splitlines()]
        discard(lines)
        assert list(holds(document, lines)), "nothing was found"
