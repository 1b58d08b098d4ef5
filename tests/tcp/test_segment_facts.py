"""What only the state of its moment can tell of a segment."""

import pytest

from analyzer.schema import ABSENT
from analyzer.tcp.segment_facts import (
    AFTER_SUSPECT,
    AT_FIN,
    AT_SYN,
    DUPLICATE,
    OUTSIDE,
    PEER_IN_FLIGHT,
    REFUSES_SYN,
    REL_BELOW,
    REL_BELOW_UNA,
    REL_BEYOND,
    REL_NEXT,
    REL_OLD,
    REL_UNKNOWN,
    REVEALS,
    SAME_ACK,
    SAME_WINDOW,
    UNSURE,
    relation_of,
)
from tests.tcp.test_tracker import OPENED, candidates
from tests.transcript import fed, transcript


@pytest.mark.parametrize(
    ("seq", "relation"),
    [
        (1100, REL_NEXT),
        (1099, REL_BELOW),
        (1098, REL_OLD),
        (1049, REL_BELOW_UNA),
        (1050, REL_OLD),
        (1101, REL_BEYOND),
    ],
)
def test_where_a_segment_lies(seq: int, relation: int) -> None:
    assert relation_of(seq, 1100, 1050) == relation


def test_one_below_both_is_below_snd_nxt() -> None:
    assert relation_of(1099, 1100, 1100) == REL_BELOW
    assert relation_of(1099, ABSENT, ABSENT) == REL_UNKNOWN
    assert relation_of(0xFFFFFFFF, 0, 0) == REL_BELOW


def facts_of(text: str) -> int:
    """Those of the last line."""
    rows = candidates(text)
    return rows[max(rows)]["facts"]


@pytest.mark.parametrize(
    ("text", "trait"),
    [
        ("1 A>B A seq 1000 ack 5000 win 9", SAME_ACK),
        ("1 A>B A seq 999 ack 5000", SAME_WINDOW),
        ("1 A>B A seq 999 ack 5000 \n 1.001 copy", DUPLICATE),
        ("1 B>A A seq 5000 ack 1000 len 9 \n 2 A>B A seq 1000 ack 5000", PEER_IN_FLIGHT),
        ("1 A>B FA seq 1000 ack 5000 \n 3 A>B A seq 1000 ack 5000", AT_FIN),
        ("1 A>B A seq 999 ack 5000 \n 1.1 B>A A seq 5000 ack 1000", AFTER_SUSPECT),
        ("1 A>B A seq 999 ack 5000 \n 1.1 A>B A seq 1000 len 9 \n 1.2 B>A A seq 5000 ack 1009", AFTER_SUSPECT),
        ("1 A>B A seq 1200 ack 5000 \n 2 A>B A seq 1200 ack 5000", UNSURE),
        ("1 A>B A seq 1200 ack 5000 \n 1.1 B>A A seq 5000 ack 1201", REVEALS),
        ("1 A>B A seq 999 ack 5000", AT_SYN),
        ("1 A>B R seq 998", OUTSIDE),
        ("1 B>A A seq 5000 ack 1000 win 100 \n 2 A>B R seq 1101", OUTSIDE),
        ("1 A>B S seq 70000 \n 1.1 B>A A seq 5000 ack 1000", REFUSES_SYN),
        ("1 A>B A seq 999 ack 5000 tsval 9 \n 1.1 copy", DUPLICATE),
        ("5 A>B PA seq 1000 ack 5000 len 9 ipid 50 \n 1 A>B A seq 1000 ack 5000 ipid 7", DUPLICATE),
    ],
)
def test_traits(text: str, trait: int) -> None:
    assert facts_of(OPENED + text) & trait


@pytest.mark.parametrize(
    ("text", "trait"),
    [
        ("1 A>B A seq 1000 ack 5001", SAME_ACK),
        ("1 A>B A seq 999 ack 5000 win 7", SAME_WINDOW),
        ("1 A>B A seq 999 ack 5000 \n 1.001 A>B A seq 999 ack 5000", DUPLICATE),  # another IP identification
        ("1 A>B A seq 999 ack 5000 ipid 5 \n 1.3 A>B A seq 999 ack 5000 ipid 5", DUPLICATE),
        ("2 A>B A seq 1000 ack 5000", PEER_IN_FLIGHT),
        ("1 A>B PA seq 1000 len 9 \n 1.1 B>A A seq 5000 ack 1009 \n 3 B>A A seq 5000 ack 1009", AFTER_SUSPECT),
        ("2 A>B A seq 999 ack 5000", UNSURE),
        ("1 A>B A seq 1200 ack 5000 \n 2.1 B>A A seq 5000 ack 1202", REVEALS),
        ("1 A>B A seq 1000 ack 5000", AT_SYN),
        ("1 A>B R seq 999", OUTSIDE),  # from an ACK one too low
        ("1 B>A A seq 5000 ack 1000 win 100 \n 2 A>B R seq 1100", OUTSIDE),
        ("1 A>B S seq 70000 \n 1.1 B>A A seq 5000 ack 70001", REFUSES_SYN),  # the SYN|ACK was not captured
        ("1 A>B A seq 999 ack 5000 tsval 9 \n 1.3 copy", DUPLICATE),
        ("5 A>B PA seq 1000 ack 5000 len 9 ipid 50 \n 1 A>B A seq 1009 ack 5000 ipid 51", DUPLICATE),
    ],
)
def test_traits_that_are_not_there(text: str, trait: int) -> None:
    assert not facts_of(OPENED + text) & trait


def test_an_ack_of_0_is_not_the_same_as_none_at_all() -> None:
    """B's ISN is 2^32 - 1, and A's SYN carries no ACK."""
    opening = "0 A>B S seq 999 \n 0.1 B>A SA seq 4294967295 ack 1000 \n {} A>B A seq 1000 ack 0"
    assert not facts_of(opening.format(2)) & (SAME_ACK | SAME_WINDOW)


def test_a_copy_without_ip_identification_needs_an_equal_timestamp() -> None:
    copy = "1 A>B A seq 999 ack 5000 tsval {} \n 1.003 A>B A seq 999 ack 5000 tsval 7"
    for tsval, is_duplicate in ((7, True), (6, False)):
        analyzer = fed(transcript(OPENED + copy.format(tsval), ipv6=True))
        assert bool(analyzer.tracker.candidates.view.facts[3] & DUPLICATE) is is_duplicate
