"""Which packets are used: the tests of a filter on decoded packets, whatever these came wrapped in.

A filter is a table of tests (`schema/packets.py`, FILTER_TESTS). Each names the test that comes next, by its outcome,
as BPF's jumps do; a test names only rows before its own, so every packet comes to an end. `capture/filter.py` makes the
table from words. An ICMP error counts as the segment that it quotes; ARP and neighbour discovery always pass: they say
why a host fell silent.
"""

from typing import Any, NamedTuple

from analyzer.diagnostics import FILTERED_OUT, note
from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.schema import KIND_ICMP_ERROR, KIND_OTHER, KIND_TCP

PASSES, FAILS = -1, -2
TESTS_ADDRESS, TESTS_PORT, TESTS_ICMP = range(3)
OF_SOURCE, OF_DESTINATION, OF_EITHER, OF_BOTH = range(4)


class PacketFilter(NamedTuple):
    """A filter that is ready for use; it travels to other processes."""

    expression: str
    """What it was made from."""
    tests: Table
    """Rows of FILTER_TESTS."""
    begin: int
    """Row of the first test; PASSES or FAILS if nothing has to be tested."""

    def apply(self, packets: Table, engine: Engine, counts: Any) -> None:
        """Make packets that do not match packets of no interest, and count them."""
        engine.run(select, packets.view, packets.rows, self.tests.view, self.begin, counts)


def select(packets: Any, count: int, tests: Any, begin: int, counts: Any) -> int:
    """Kernel: set the kind of packets that fail to KIND_OTHER, and count them as FILTERED_OUT; return how many passed
    of those that were tested."""
    passed = 0
    for row in range(count):
        if packets.kind[row] != KIND_TCP and packets.kind[row] != KIND_ICMP_ERROR:
            continue
        at = begin
        while at >= 0:
            at = tests.if_true[at] if holds(packets, row, tests, at) else tests.if_false[at]
        if at == PASSES:
            passed += 1
        else:
            note(counts, FILTERED_OUT, packets.frame[row])
            packets.kind[row] = KIND_OTHER
    return passed


def holds(packets: Any, row: int, tests: Any, at: int) -> bool:
    """Tell whether a packet satisfies a test."""
    what, direction = tests.what[at], tests.direction[at]
    if what == TESTS_ICMP:
        return bool(packets.kind[row] == KIND_ICMP_ERROR)
    if what == TESTS_PORT:
        source = is_port(packets.ports[row] >> 16, tests, at)
        destination = is_port(packets.ports[row] & 0xFFFF, tests, at)
    else:
        source = is_address(packets.src_hi[row], packets.src_lo[row], tests, at)
        destination = is_address(packets.dst_hi[row], packets.dst_lo[row], tests, at)
    if direction == OF_SOURCE:
        return source
    if direction == OF_DESTINATION:
        return destination
    return source and destination if direction == OF_BOTH else source or destination


def is_port(port: int, tests: Any, at: int) -> bool:
    return bool(tests.first[at] <= port <= tests.last[at])


def is_address(hi: int, lo: int, tests: Any, at: int) -> bool:
    return bool(hi & tests.mask_hi[at] == tests.hi[at] and lo & tests.mask_lo[at] == tests.lo[at])
