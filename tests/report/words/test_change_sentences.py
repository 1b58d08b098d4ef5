"""What changed, in words."""

from analyzer.keepalive.summary.changes import Change, Place, Standing
from analyzer.keepalive.summary.groups import Range
from analyzer.report.words.change_sentences import idle_limit, in_force, path_limit, place, settings

RANGES = ((Range(60, 120), Range(10, 10), None), (Range(30, 30), Range(5, 5), Range(3, 3)))
CHANGE = Change(Place("10.0.0.5:5432", False), (None, 10, None), (30, 5, 3), RANGES, (5, 43), {})


def test_settings_are_what_most_have_or_the_range() -> None:
    assert (settings(CHANGE, 0), settings(CHANGE, 1)) == ("60–120/10/?", "30/5/3")
    assert settings(CHANGE._replace(connections=(0, 43)), 0) == "no probes"
    assert (place(CHANGE.place), place(Place("x:1", True))) == ("clients of 10.0.0.5:5432", "x:1")


def test_on_how_many_the_new_settings_are_in_force() -> None:
    standings = {Standing.NEW: tuple(range(41)), Standing.OLD: (41,), Standing.EITHER: (42,)}
    assert in_force(CHANGE._replace(standings=standings)) == [
        "The new settings are in force on 41 of 43 connections.",
        "1 still has the old ones: #41.",
        "1 does not show which: #42.",
    ]
    many = CHANGE._replace(standings={Standing.OTHER: tuple(range(43))})
    assert in_force(many)[1] == "43 have others: #0 #1 #2 #3 #4 …"
    assert in_force(CHANGE) == []


def test_limits_that_only_one_capture_shows() -> None:
    assert (path_limit(None), idle_limit(None)) == ("not seen", "not seen")
