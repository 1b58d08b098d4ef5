"""Every address has one number, and its network one; what was asked for whom."""

from collections import Counter
from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.engine.dispatch import Engine
from analyzer.keepalive.context import addresses
from analyzer.keepalive.context.addresses import Address, Addresses, address_of, network
from tests.recordings import SAMPLES
from tests.transcript import told

CROWDED = [capture for capture in SAMPLES if "[[flow]]" in capture.with_name("truth.toml").read_text()]


@pytest.mark.parametrize("capture", CROWDED[:8], ids=lambda capture: capture.parent.name)
def test_numbers_stand_for_addresses(capture: Path) -> None:
    tracker = analyze(str(capture))._tracker
    table, who = tracker.table, Addresses(tracker.table, tracker.neighbours, Engine())
    ends = [(flow, end) for flow in range(table.flows.rows) for end in (0, 1)]
    of_number: dict[int, Address] = {}
    for flow, end in ends:
        assert of_number.setdefault(who.of_end[2 * flow + end], address_of(table, flow, end)) == address_of(
            table, flow, end
        )
    assert len(set(of_number.values())) == len(of_number)
    networks = {number: who.table.view.network[number] for number in of_number}
    for one, its in of_number.items():
        for other, others in of_number.items():
            assert (networks[one] == networks[other]) == (network(its) == network(others))
    flows = Counter(
        one for flow in range(table.flows.rows) for one in {address_of(table, flow, 0), address_of(table, flow, 1)}
    )
    assert {its: who.table.view.flows[number] for number, its in of_number.items()} == flows


def asked(text: str) -> tuple[bool, list[int]]:
    """Whether B is missed, and when it was asked for in vain, in s."""
    tracker = told(f"0 A>B PA seq 1 ack 1 len 9\n 0.1 B>A A seq 1 ack 10\n{text}").analysis._tracker
    who = Addresses(tracker.table, tracker.neighbours, Engine())
    a, number, start_ns = who.table.view, who.of_end[1], tracker.table.flows.view.first_ns[0]
    failed_arp = range(a.first_failed_arp[number], a.first_failed_arp[number] + a.failed_arp[number])
    return bool(a.is_missed[number]), [(who.failed_arp.view.ts_ns[row] - start_ns) // 10**9 for row in failed_arp]


def test_what_is_asked_twice_is_missed() -> None:
    assert asked("1 ask B by A\n 1.5 tell A about B\n 2 ask B by A") == (False, [])
    assert asked("1 ask B by A\n 1.5 ask B by A\n 1.6 tell A about B") == (True, [])


def test_three_tries_are_in_vain() -> None:
    assert asked("1 ask B by A\n 2 ask B by A\n 3 ask B by A") == (True, [1])
    assert asked("".join(f"{at} ask B by A\n" for at in (1, 2, 3, 10, 11, 12))) == (True, [1, 10])
    assert asked("1 ask B by A\n 2 ask B by A\n 2.5 tell A about B\n 3 ask B by A") == (True, [])


def test_numbers_stay_when_more_slots_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "FIRST_SLOTS", 2)
    test_numbers_stand_for_addresses(CROWDED[0])
    test_what_is_asked_twice_is_missed()
