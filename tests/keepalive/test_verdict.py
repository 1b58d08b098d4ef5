"""The values of a verdict: their names are a contract with whoever reads the document."""

import json
from importlib import resources

from analyzer.keepalive.verdict import Cause, Confidence, Outcome, Surroundings

SCHEMA = json.loads(resources.files("analyzer.report").joinpath("ka-analyze-1.schema.json").read_text())


def allowed(name: str) -> set[str | None]:
    """What the schema of the document allows for a field of the verdict."""
    found = SCHEMA["$defs"]["verdict"]["properties"][name]
    return set(found["enum"])


def test_names_are_those_of_the_documents_schema() -> None:
    assert {one.value for one in Outcome} == allowed("outcome")
    assert {one.value for one in Cause} == allowed("cause") - {None}
    assert {one.value for one in Confidence} == allowed("confidence")


def test_what_nobody_asked_for() -> None:
    nothing = Surroundings(None, False, ())
    assert (nothing.neighbour_frames, nothing.last_asked_ns) == ((), -1)
    asked = Surroundings(1, False, ((10, 5), (20, 7)))
    assert (asked.neighbour_frames, asked.last_asked_ns) == ((5, 7), 20)
