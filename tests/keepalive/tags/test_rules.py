"""Single rules, where a transcript would say less than numbers; test_tags.py has the situations."""

import pytest

from analyzer.keepalive.tags.rules import is_on_grid, keeps_beat
from analyzer.schema.flows import CANDIDATES

S = 10**9


def rows(*columns: dict[str, int]) -> object:
    """Candidate rows in which only these columns matter."""
    names = [column.name for column in CANDIDATES.columns]
    return CANDIDATES(*[[one.get(name, -1) for one in columns] for name in names])


@pytest.mark.parametrize(
    ("own_s", "is_on"),
    [(10, True), (11, True), (20, True), (30, True), (5, True), (12, False), (15, False), (41, False)],
)
def test_one_interval_to_an_eighth_or_several(own_s: int, is_on: bool) -> None:
    assert is_on_grid(own_s * S, 10 * S) is is_on


@pytest.mark.parametrize(
    ("since_s", "quiet_s", "keeps"), [(30, 30, True), (31, 31, True), (32, 32, False), (30, 7, False), (30, 8, True)]
)
def test_a_beat_is_in_time_and_breaks_a_silence(since_s: int, quiet_s: int, keeps: bool) -> None:
    c = rows({"ts_ns": 100 * S}, {"ts_ns": (100 + since_s) * S, "data_ns": (100 + since_s - quiet_s) * S})
    assert keeps_beat(c, 1, 0, 30 * S) is keeps
