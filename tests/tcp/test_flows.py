"""Who talks to whom: flows, their incarnations, and a table that stays exact while it grows."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.schema import (
    ABSENT,
    KIND_ICMP_ERROR,
    KIND_TCP,
    OPENED_MIDSTREAM,
    OPENED_SYN,
    OPENED_SYN_ACK,
)
from analyzer.schema.packets import PACKETS
from analyzer.tcp.flows import FIRST_SLOTS, FlowTable
from tests.transcript import START_NS, fed, transcript

Endpoint = tuple[int, int, int]  # high half, low half, port


def packets(segments: list[tuple[Endpoint, Endpoint]], kind: int = KIND_TCP) -> Table:
    table = Table(PACKETS)
    table.reserve(len(segments))
    table.rows = len(segments)
    p = table.view
    for row, (source, target) in enumerate(segments):
        p.kind[row], p.flags[row], p.ts_ns[row] = kind, 0x10, START_NS
        p.src_hi[row], p.src_lo[row], p.dst_hi[row], p.dst_lo[row] = *source[:2], *target[:2]
        p.ports[row] = source[2] * 65536 + target[2]
    return table


def assigned(table: FlowTable, segments: list[tuple[Endpoint, Endpoint]]) -> list[tuple[int, int]]:
    batch = packets(segments)
    table.assign(batch, Engine())
    return list(zip(batch.view.flow[: len(batch)], batch.view.end[: len(batch)], strict=True))


def flows_of(text: str) -> list[tuple[int, int]]:
    """How each flow of a transcript was opened, and its SYN's sequence number."""
    table = fed(transcript(text)).tracker.table.flows
    return list(zip(table.view.opened[: len(table)], table.view.syn_seq[: len(table)], strict=True))


A, B = (0, 0xFFFF0A000001, 1000), (0, 0xFFFF0A000002, 80)


def test_both_directions_are_one_flow_and_the_first_seen_end_is_0() -> None:
    assert assigned(FlowTable(), [(B, A), (A, B), (B, A)]) == [(0, 0), (0, 1), (0, 0)]


def test_swapped_ports_are_another_flow() -> None:
    a, b = (*A[:2], 80), (*B[:2], 1000)
    assert assigned(FlowTable(), [(A, B), (a, b), (b, a), (B, A)]) == [(0, 0), (1, 0), (1, 1), (0, 1)]


def test_one_host_may_talk_to_itself() -> None:
    other = (*A[:2], 2000)
    assert assigned(FlowTable(), [(A, other), (other, A)]) == [(0, 0), (0, 1)]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_every_part_of_an_endpoint_counts(place: int) -> None:
    other = tuple(value + (place == index) for index, value in enumerate(A))
    assert assigned(FlowTable(), [(A, B), (other, B)]) == [(0, 0), (1, 0)]  # type: ignore[list-item]  # is a triple


def test_icmp_errors_make_no_flow_but_find_theirs() -> None:
    table = FlowTable()
    assigned(table, [(A, B)])
    quotes = packets([(B, A), (A, (0, 5, 5))], KIND_ICMP_ERROR)
    table.assign(quotes, Engine())
    assert list(zip(quotes.view.flow[:2], quotes.view.end[:2], strict=True)) == [(0, 1), (ABSENT, 0)]
    assert len(table.flows) == 1


def test_equal_endpoints_in_other_tunnels_are_other_flows() -> None:
    table = FlowTable()
    for _ in range(2):
        batch = packets([(A, B), (A, B), (B, A), (B, A)])
        batch.view.tunnel[1] = batch.view.tunnel[3] = 7
        table.assign(batch, Engine())
        assert list(zip(batch.view.flow[:4], batch.view.end[:4], strict=True)) == [(0, 0), (1, 0), (0, 1), (1, 1)]
        assigned(table, [((0, 0, port), B) for port in range(FIRST_SLOTS)])  # makes room, which enters all flows anew
    assert table.flows.view.tunnel[:2].tolist() == [0, 7]


endpoints = st.tuples(st.integers(0, 1), st.integers(-2, 1), st.integers(0, 2))


@given(st.lists(st.tuples(endpoints, endpoints), max_size=60), st.integers(0, 2**32 - 1))
def test_flows_are_those_of_a_dictionary(segments: list[tuple[Endpoint, Endpoint]], seed: int) -> None:
    table, known, expected = FlowTable(), dict[tuple[Endpoint, Endpoint], int](), []
    table.seed = seed
    for source, target in segments:
        if (target, source) in known and (source, target) not in known:
            expected.append((known[target, source], 1))
        else:
            expected.append((known.setdefault((source, target), len(known)), 0))
    assert assigned(table, segments[:20]) + assigned(table, segments[20:]) == expected


def test_a_growing_table_forgets_nothing() -> None:
    random = Random(2)
    pairs = [((random.getrandbits(60), random.getrandbits(60), port), B) for port in range(3 * FIRST_SLOTS)]
    table = FlowTable()
    for first in range(0, len(pairs), 1000):
        assigned(table, pairs[first : first + 1000])
    assert assigned(table, [(target, source) for source, target in pairs]) == [(flow, 1) for flow in range(len(pairs))]
    assert len(table.slots) >= 2 * len(pairs)


def test_the_index_is_made_anew_when_packets_come_after_it_was_given_back() -> None:
    table = FlowTable()
    assigned(table, [(A, B)])
    table.drop_index()
    table.keep([0], Engine())
    assert assigned(table, [(B, A), (A, (0, 99, 9))]) == [(0, 1), (1, 0)]


# ---- incarnations


def test_how_a_flow_enters_the_capture() -> None:
    assert flows_of("0 A>B S seq 999") == [(OPENED_SYN, 999)]
    assert flows_of("0 B>A SA seq 4999 ack 1000") == [(OPENED_SYN_ACK, 999)]
    assert flows_of("0 A>B A seq 999") == [(OPENED_MIDSTREAM, ABSENT)]


HANDSHAKE = """
    0.0  A>B  S   seq 999
    0.1  B>A  SA  seq 4999  ack 1000
    0.2  A>B  A   seq 1000  ack 5000
"""


def test_a_syn_sent_again_opens_nothing_new() -> None:
    assert len(flows_of(f"{HANDSHAKE}    0.3  A>B  S  seq 999")) == 1


def test_another_syn_of_the_same_end_is_a_new_incarnation() -> None:
    assert flows_of(f"{HANDSHAKE}    9.0  A>B  S  seq 70000") == [(OPENED_SYN, 999), (OPENED_SYN, 70000)]


def test_a_syn_of_the_other_end_is_a_new_incarnation_with_turned_roles() -> None:
    text = f"{HANDSHAKE}    9.0  B>A  S  seq 70000\n    9.1  A>B  SA  seq 1  ack 70001"
    table = fed(transcript(text)).tracker.table
    assert table.flows.view.a_lo[1] == table.flows.view.b_lo[0]
    assert list(table.flows.view.packets[:2]) == [3, 2]


def test_a_syn_after_a_capture_begun_in_midstream_is_a_new_incarnation() -> None:
    text = "0 A>B A seq 1000 ack 5000\n 9 A>B S seq 70000\n 9.1 B>A SA seq 1 ack 70001"
    assert flows_of(text) == [(OPENED_MIDSTREAM, ABSENT), (OPENED_SYN, 70000)]


def test_a_simultaneous_open_is_one_flow() -> None:
    """RFC 9293 §3.5, figure 8."""
    simultaneous = """
    0.0  A>B  S   seq 999
    0.1  B>A  S   seq 4999
    0.2  A>B  SA  seq 999   ack 5000
    0.3  B>A  SA  seq 4999  ack 1000
    """
    assert flows_of(simultaneous) == [(OPENED_SYN, 999)]


def test_after_a_month_it_is_told_as_another_connection() -> None:
    """Whether the clock jumped or nobody watched: nothing is known of the time between."""
    days = 86_400
    assert flows_of(f"{HANDSHAKE}    {29 * days}  B>A  A  seq 5000  ack 1000") == [(OPENED_SYN, 999)]
    assert flows_of(f"{HANDSHAKE}    {31 * days}  B>A  A  seq 5000  ack 1000") == [
        (OPENED_SYN, 999),
        (OPENED_MIDSTREAM, ABSENT),
    ]


def test_incarnations_survive_the_growth_of_the_table() -> None:
    """The index leads to the latest incarnation, also after it was rebuilt."""
    analyzer = fed(transcript(f"{HANDSHAKE}    9.0  A>B  S  seq 70000"))
    table = analyzer.tracker.table
    assigned(table, [((1, index, 1), B) for index in range(FIRST_SLOTS)])
    analyzer.tracker.follow(batch := packets([((*A[:2], 40000), B)]), analyzer.engine)
    assert batch.view.flow[0] == 1


def test_the_other_ends_syn_ack_may_open_a_flow_and_its_syn_belongs_to_it() -> None:
    text = "0.1 B>A SA seq 4999 ack 1000\n 0.2 A>B S seq 999"
    assert flows_of(text) == [(OPENED_SYN_ACK, 999)]
    assert len(flows_of(f"{text}\n 9 A>B S seq 70000")) == 2


LIVED = """
    0.0  A>B  PA  seq 1000  ack 5000  len 10
    0.1  B>A  PA  seq 5000  ack 1010  len 10
"""


@pytest.mark.parametrize(
    ("line", "flows"),
    [
        ("31.0  A>B  PA  seq 3000000000  ack 2500000000", 2),
        ("29.0  A>B  PA  seq 3000000000  ack 2500000000", 1),  # too soon for a port pair to be used again
        ("31.0  A>B  PA  seq 1010        ack 2500000000", 1),  # goes on in one direction
        ("31.0  A>B  PA  seq 9000000     ack 9000000", 1),  # a hole in the capture
        ("31.0  A>B  PA  seq 4294900000  ack 4294900000", 2),  # both behind by more than a resend
        ("31.0  A>B  PA  seq 500         ack 4000", 1),
        ("31.0  A>B  R   seq 3000000000", 1),
    ],
)
def test_numbers_out_of_reach_after_a_long_silence_are_a_new_incarnation(line: str, flows: int) -> None:
    assert len(flows_of(f"{LIVED}    {line}")) == flows


@pytest.mark.parametrize(
    ("tsval", "seconds", "flows"),
    [(90_000, 60, 1), (999, 60, 2), (61_001_000, 60, 2), (60_000_000, 60, 1), (999, 2200, 1)],
    ids=["goes on", "runs back", "too fast for any clock", "a clock of microseconds", "may have wrapped"],
)
def test_timestamps_tell_incarnations_apart(tsval: int, seconds: int, flows: int) -> None:
    """Numbers that a hole in the capture could explain."""
    text = f"0 A>B PA seq 1000 ack 5000 len 10 tsval 1000\n {seconds} A>B PA seq 70000 ack 90000 tsval {tsval}"
    assert len(flows_of(text)) == flows
