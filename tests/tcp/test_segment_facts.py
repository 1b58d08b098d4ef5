"""What only the state of its moment can tell of a segment."""

import pytest

from analyzer.schema import NEVER
from analyzer.tcp.segment_facts import (
    REL_BELOW,
    REL_BELOW_UNA,
    REL_BEYOND,
    REL_NEXT,
    REL_OLD,
    REL_UNKNOWN,
    TRAIT_AFTER_SUSPECT,
    TRAIT_AT_FIN,
    TRAIT_AT_SYN,
    TRAIT_COPY,
    TRAIT_OUTSIDE,
    TRAIT_PEER_IN_FLIGHT,
    TRAIT_REFUSES_SYN,
    TRAIT_REVEALS,
    TRAIT_SAME_ACK,
    TRAIT_SAME_WINDOW,
    TRAIT_UNSURE,
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
    assert relation_of(1099, NEVER, NEVER) == REL_UNKNOWN
    assert relation_of(0xFFFFFFFF, 0, 0) == REL_BELOW


def traits_of(text: str) -> int:
    """Those of the last line."""
    rows = candidates(text)
    return rows[max(rows)]["traits"]


@pytest.mark.parametrize(
    ("text", "trait"),
    [
        ("1 A>B A seq 1000 ack 5000 win 9", TRAIT_SAME_ACK),
        ("1 A>B A seq 999 ack 5000", TRAIT_SAME_WINDOW),
        ("1 A>B A seq 999 ack 5000 \n 1.001 copy", TRAIT_COPY),
        ("1 B>A A seq 5000 ack 1000 len 9 \n 2 A>B A seq 1000 ack 5000", TRAIT_PEER_IN_FLIGHT),
        ("1 A>B FA seq 1000 ack 5000 \n 3 A>B A seq 1000 ack 5000", TRAIT_AT_FIN),
        ("1 A>B A seq 999 ack 5000 \n 1.1 B>A A seq 5000 ack 1000", TRAIT_AFTER_SUSPECT),
        ("1 A>B A seq 999 ack 5000 \n 1.1 A>B A seq 1000 len 9 \n 1.2 B>A A seq 5000 ack 1009", TRAIT_AFTER_SUSPECT),
        ("1 A>B A seq 1200 ack 5000 \n 2 A>B A seq 1200 ack 5000", TRAIT_UNSURE),
        ("1 A>B A seq 1200 ack 5000 \n 1.1 B>A A seq 5000 ack 1201", TRAIT_REVEALS),
        ("1 A>B A seq 999 ack 5000", TRAIT_AT_SYN),
        ("1 A>B R seq 998", TRAIT_OUTSIDE),
        ("1 B>A A seq 5000 ack 1000 win 100 \n 2 A>B R seq 1101", TRAIT_OUTSIDE),
        ("1 A>B S seq 70000 \n 1.1 B>A A seq 5000 ack 1000", TRAIT_REFUSES_SYN),
        ("1 A>B A seq 999 ack 5000 tsval 9 \n 1.1 copy", TRAIT_COPY),
        ("5 A>B PA seq 1000 ack 5000 len 9 ipid 50 \n 1 A>B A seq 1000 ack 5000 ipid 7", TRAIT_COPY),
    ],
)
def test_traits(text: str, trait: int) -> None:
    assert traits_of(OPENED + text) & trait


@pytest.mark.parametrize(
    ("text", "trait"),
    [
        ("1 A>B A seq 1000 ack 5001", TRAIT_SAME_ACK),
        ("1 A>B A seq 999 ack 5000 win 7", TRAIT_SAME_WINDOW),
        ("1 A>B A seq 999 ack 5000 \n 1.001 A>B A seq 999 ack 5000", TRAIT_COPY),  # another IP identification
        ("1 A>B A seq 999 ack 5000 ipid 5 \n 1.3 A>B A seq 999 ack 5000 ipid 5", TRAIT_COPY),
        ("2 A>B A seq 1000 ack 5000", TRAIT_PEER_IN_FLIGHT),
        ("1 A>B PA seq 1000 len 9 \n 1.1 B>A A seq 5000 ack 1009 \n 3 B>A A seq 5000 ack 1009", TRAIT_AFTER_SUSPECT),
        ("2 A>B A seq 999 ack 5000", TRAIT_UNSURE),
        ("1 A>B A seq 1200 ack 5000 \n 2.1 B>A A seq 5000 ack 1202", TRAIT_REVEALS),
        ("1 A>B A seq 1000 ack 5000", TRAIT_AT_SYN),
        ("1 A>B R seq 999", TRAIT_OUTSIDE),  # from an ACK one too low
        ("1 B>A A seq 5000 ack 1000 win 100 \n 2 A>B R seq 1100", TRAIT_OUTSIDE),
        ("1 A>B S seq 70000 \n 1.1 B>A A seq 5000 ack 70001", TRAIT_REFUSES_SYN),  # the SYN|ACK was not captured
        ("1 A>B A seq 999 ack 5000 tsval 9 \n 1.3 copy", TRAIT_COPY),
        ("5 A>B PA seq 1000 ack 5000 len 9 ipid 50 \n 1 A>B A seq 1009 ack 5000 ipid 51", TRAIT_COPY),
    ],
)
def test_traits_that_are_not_there(text: str, trait: int) -> None:
    assert not traits_of(OPENED + text) & trait


def test_an_ack_of_0_is_not_the_same_as_none_at_all() -> None:
    """B's ISN is 2^32 - 1, and A's SYN carries no ACK."""
    opening = "0 A>B S seq 999 \n 0.1 B>A SA seq 4294967295 ack 1000 \n {} A>B A seq 1000 ack 0"
    assert not traits_of(opening.format(2)) & (TRAIT_SAME_ACK | TRAIT_SAME_WINDOW)


def test_a_copy_without_ip_identification_needs_an_equal_timestamp() -> None:
    copy = "1 A>B A seq 999 ack 5000 tsval {} \n 1.003 A>B A seq 999 ack 5000 tsval 7"
    for tsval, is_copy in ((7, True), (6, False)):
        analyzer = fed(transcript(OPENED + copy.format(tsval), ipv6=True))
        assert bool(analyzer.tracker.candidates.view.traits[3] & TRAIT_COPY) is is_copy
