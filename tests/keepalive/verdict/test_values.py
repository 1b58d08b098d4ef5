"""The values of a verdict: their names are a contract with whoever reads the document."""

import json
from enum import Enum
from importlib import resources

import pytest

from analyzer.keepalive.verdict import os_errors, values
from analyzer.keepalive.verdict.values import Cause, Confidence, Outcome, Reason, because, reasons_of

SCHEMA = json.loads(resources.files("analyzer.report.json").joinpath("ka-analyze-2.schema.json").read_text())


def allowed(name: str) -> set[str | None]:
    """What the schema of the document allows for a field of the verdict."""
    found = SCHEMA["$defs"]["verdict"]["properties"][name]
    return set(found["enum"])


def test_names_are_those_of_the_documents_schema() -> None:
    assert {one.value for one in Outcome} == allowed("outcome")
    assert {one.value for one in Cause} == allowed("cause") - {None}
    assert {one.value for one in Confidence} == allowed("confidence")


@pytest.mark.parametrize("names", [Outcome, Cause, Confidence, Reason])
def test_kernels_write_places(names: type[Enum]) -> None:
    assert [getattr(values, one.name) for one in names] == list(range(len(names)))


def test_kernels_write_places_of_errnos() -> None:
    assert [getattr(os_errors, name) for name in os_errors.ERRNOS] == list(range(len(os_errors.ERRNOS)))


def test_reasons_keep_their_order_in_a_column() -> None:
    packed = because(values.ONE_SIDED, because(values.GIVE_UP_RST, because(values.FIN_BOTH, 0)))
    assert list(reasons_of(packed)) == [Reason.ONE_SIDED, Reason.GIVE_UP_RST, Reason.FIN_BOTH]
    assert list(reasons_of(0)) == []
    seven = 0
    for _ in range(7):
        seven = because(len(Reason) - 1, seven)
    assert 0 < seven < 1 << 63
