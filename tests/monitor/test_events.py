"""The names are a contract, and so is the form of a line."""

import json
from importlib import resources

import jsonschema

from analyzer.monitor.events import TROUBLE, Event, Name
from tests.monitor.live import told
from tests.monitor.test_watcher import LOST

SCHEMA = json.loads(resources.files("analyzer.report.json").joinpath("ka-analyze-2.schema.json").read_text())
CONTRACT = (
    "flow-open keepalive-probe keepalive-answer probe-unanswered give-up reset unreachable flow-closed "
    "heartbeat-stopped settings verdict drops clock-set conclusion"
)


def test_the_names_are_those_that_were_promised() -> None:
    assert [name.value for name in Name] == CONTRACT.split()


def test_each_event_is_one_line_with_the_same_five_first() -> None:
    events = told(LOST)
    for event in events:
        line = event.to_json()
        assert "\n" not in line
        assert list(json.loads(line))[:5] == ["time", "event", "flow", "end", "ends"]
    assert {event.name for event in events} >= {Name.FLOW_OPEN, Name.KEEPALIVE_PROBE, Name.GIVE_UP, Name.VERDICT}
    first = json.loads(events[0].to_json())
    assert first["ends"] == ["10.0.0.1:40000", "10.0.0.2:80"]
    assert first["time"] == "2023-11-14T22:13:20.000000000Z"


def test_settings_and_verdicts_are_those_of_the_document() -> None:
    events = [json.loads(event.to_json()) for event in told(LOST) if event.name in (Name.SETTINGS, Name.VERDICT)]
    assert {event["event"] for event in events} == {"settings", "verdict"}
    for event in events:
        name, properties = event["event"], SCHEMA["$defs"][event["event"]]["properties"]
        found = event["settings"] if name == "settings" else {key: event[key] for key in properties}
        jsonschema.validate(found, {"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


def test_trouble_is_what_somebody_wants_to_be_woken_for() -> None:
    well, ill = (Event(0, Name.VERDICT, 0, 0, (), {"outcome": outcome}) for outcome in ("alive", "timed-out"))
    assert (well.is_trouble, ill.is_trouble) == (False, True)
    assert Name.KEEPALIVE_PROBE not in TROUBLE
