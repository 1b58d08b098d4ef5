"""That no recording and no made-up story breaks an invariant, and that each predicate finds what it is there for."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.report.json.document import document
from tests.invariants import INVARIANTS, broken
from tests.recordings import FOLDER
from tests.report.json.test_document import MADE_UP
from tests.test_samples import FOLDERS, document_of
from tests.transcript import analyse, transcript

NAT = FOLDER / "nat-fifty-300"


def loaded(analysis: Analysis) -> dict[str, Any]:
    return json.loads("".join(document(analysis)))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_recordings(folder: Path) -> None:
    assert broken(document_of(folder)) == []


@pytest.mark.parametrize("hops", [{}, {"B": 7}], ids=["LAN", "path"])
@pytest.mark.parametrize("story", MADE_UP)
def test_stories(story: str, hops: dict[str, int]) -> None:
    assert broken(loaded(analyse(transcript(MADE_UP[story], hops=hops)))) == []


def _spoil(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Put a value where a path of names and places leads to."""

    def discard(found: dict[str, Any]) -> None:
        *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
        at: Any = found
        for step in way:
            at = at[step]
        at[last] = value

    return discard


TIME = "flows.0.ends.0.settings.tcp_keepalive_time"
SPOILED = {
    "nothing_is_negative": [
        _spoil("flows.0.verdict.detection_delay_s", -1.53),
        _spoil("advice.0.text", "after -1.53e+04 ms"),
    ],
    "bounds_are_in_order": [_spoil(f"{TIME}.low", 10_000), _spoil(f"{TIME}.value", 1)],
    "settings_rest_on_something": [_spoil(f"{TIME}.n", 0)],
    "counts_are_one_or_more": [_spoil("flows.0.ends.0.settings.tcp_keepalive_probes.value", 0)],
    "who_never_probed_has_no_value": [_spoil("flows.0.ends.0.probes", 0)],
    "answers_are_not_more_than_probes": [_spoil("flows.0.ends.1.answered", 1)],
    "nothing_takes_longer_than_the_capture": [
        _spoil("flows.0.max_idle_s", 2e9),
        _spoil(f"{TIME}.low", 35_879_845),
        _spoil("path_limits.0.failed_s", 2e9),
        _spoil("advice.0.numbers.longest_idle_s", 2_894_531_997),
    ],
    "connections_lie_within_the_capture": [_spoil("flows.0.stop", "1970-01-01T00:00:00.000000000Z")],
    "frames_exist": [_spoil("flows.0.verdict.evidence_frames", [0]), _spoil(f"{TIME}.frames", [906])],
    "connections_have_no_more_frames_than_the_capture": [_spoil("capture.tcp_packets", 1)],
    "who_does_not_know_is_not_certain": [
        _spoil("flows.0.verdict", {"outcome": "unknown", "confidence": "certain", "prober": None})
    ],
    "what_the_application_saw_is_whole": [_spoil("flows.0.verdict.errno", None)],
    "a_prober_probed": [_spoil("flows.0.verdict.prober", 1)],
    "what_failed_was_longer_than_what_survived": [_spoil("path_limits.0.survived_s", 400)],
    "limits_are_counted": [_spoil("path_limits.0.failed_s", None), _spoil("path_limits.0.failed_flows", 0)],
    "curves_fall": [_spoil("path_limits.0.curve", [[10, 0.5], [20, 1.0]])],
    "advice_is_about_connections": [_spoil("advice.0.flows", [50])],
    "advice_does_not_contradict_itself": [
        _spoil("advice.0.numbers.set_time", 400),
        _spoil("advice.0.numbers.tcp_keepalive_time", 59),
        _spoil("advice.0.numbers.failed_s", 290),
    ],
}


def test_every_invariant_is_tried() -> None:
    assert set(SPOILED) == {one.__name__ for one in INVARIANTS}


@pytest.mark.parametrize("holds", INVARIANTS, ids=lambda one: one.__name__)
def test_an_invariant_can_be_broken(holds: Callable[[dict[str, Any]], Any]) -> None:
    sound = loaded(analyze(*map(str, NAT.glob("capture.pcap*"))))
    assert sound["advice"][0]["code"] == "time-exceeds-path-limit"
    assert sound["capture"]["packets"] == 905
    for discard in SPOILED[holds.__name__]:
        found = deepcopy(sound)
        discard(found)
        assert list(holds(found)), "nothing was found"
