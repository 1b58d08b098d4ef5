"""Counts of what is imperfect in a capture, and what is said about them."""

from analyzer import diagnostics
from analyzer.diagnostics import CODES, HEADER_CUT, TIME_BACKWARDS, UNREADABLE_FILE, Diagnostics, Severity, note


def test_numbers_belong_to_their_codes() -> None:
    for index, code in enumerate(CODES):
        assert getattr(diagnostics, code.name.replace("-", "_").upper()) == index


def test_nothing_noted_says_nothing() -> None:
    assert list(Diagnostics()) == []


def test_the_first_frame_and_the_count_are_kept() -> None:
    found = Diagnostics()
    for frame in (12, 5, 99):
        note(found.counts, HEADER_CUT, frame)
    found.add(TIME_BACKWARDS, 7)
    first, second = found
    assert (first.code.name, first.count, first.first_frame) == ("header-cut", 3, 5)
    assert (second.code.name, second.count, second.first_frame) == ("time-backwards", 1, 7)
    assert first.message == CODES[HEADER_CUT].message


def test_details_are_named_once_and_at_most_five() -> None:
    found = Diagnostics()
    for name in ("a", "b", "a", "c", "d", "e", "f", "g"):
        found.add(UNREADABLE_FILE, 0, name)
    [one] = found
    assert one.count == 8
    assert one.message.endswith("(a, b, c, d, e and 2 more)")


def test_a_detail_counts_nothing() -> None:
    found = Diagnostics()
    found.detail(HEADER_CUT, "words")
    assert list(found) == []


def test_limits_are_no_damage() -> None:
    damage = {code.name for code in CODES if code.severity is Severity.DAMAGE}
    assert "truncated-file" in damage
    assert damage.isdisjoint({"header-cut", "later-fragment", "unknown-link-type", "interface-drops"})
