"""The decoder: records in, packets out, whatever they are wrapped in; and the tunnel that each packet came through.

The header kernel does the ordinary packets. Those that it leaves are unwrapped layer by layer in the row where they
stand, so that packets stay in capture order, and become packets or nothing.
"""

import socket
from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from analyzer.capture.decode.encapsulation import TUNNEL_NAMES, unwrap
from analyzer.capture.decode.headers import decode
from analyzer.capture.decode.selection import PacketFilter
from analyzer.diagnostics import MALFORMED_HEADER, TUNNELS_GIVEN_UP, note
from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.schema import ABSENT, KIND_OTHER, KIND_WRAPPED
from analyzer.schema.packets import LAYERS, PACKETS

MAX_LAYERS = 8
"""Most layers that are unwrapped: nobody wraps deeper on purpose."""

IPV4_PREFIX = b"\0" * 10 + b"\xff\xff"
"""Prefix that headers.IPV4_MAPPED puts before an IPv4 address."""


class Decoder:
    """Decodes batch by batch; knows the tunnels that were met, and what packets must match to be used."""

    def __init__(self, packet_filter: PacketFilter | None = None) -> None:
        self.tunnels = Tunnels()
        self._filter = packet_filter
        self._tables = deque([Table(PACKETS)])
        self._layers = Table(LAYERS)

    def hold(self, count: int) -> None:
        """Keep each batch's packets until `count` batches are decoded, itself included."""
        self._tables = deque(Table(PACKETS) for _ in range(count))

    @property
    def expression(self) -> str:
        """Return the filter as it was written; empty without one."""
        return self._filter.expression if self._filter is not None else ""

    def decode(self, buffer: bytearray, records: Table, first_frame: int, engine: Engine, counts: Any) -> Table:
        """Decode a batch of records and return its packets, without those that the filter refuses; the table is used
        again for the next one, or as `hold` says."""
        packets = self._decoded(buffer, records, first_frame, engine, counts)
        if self._filter is not None:
            self._filter.apply(packets, engine, counts)
        return packets

    def _decoded(self, buffer: bytearray, records: Table, first_frame: int, engine: Engine, counts: Any) -> Table:
        self._tables.rotate()
        packets = self._tables[0]
        packets.rows = 0
        packets.reserve(records.rows + 1)
        packets.rows = engine.run(decode, buffer, records.view, records.rows, first_frame, packets.view, counts)
        for _ in range(MAX_LAYERS):
            if not engine.run(count_of, packets.view, packets.rows, KIND_WRAPPED):
                return packets
            self._unwrap(buffer, packets, engine, counts)
        kinds, frames = packets.view.kind, packets.view.frame
        for row in range(packets.rows):
            if kinds[row] == KIND_WRAPPED:
                note(counts, MALFORMED_HEADER, frames[row])
                kinds[row] = KIND_OTHER
        return packets

    def _unwrap(self, buffer: bytearray, packets: Table, engine: Engine, counts: Any) -> None:
        """Peel one layer off all packets that are wrapped."""
        layers = self._layers
        layers.reserve(packets.rows)
        rows = engine.run(unwrap, buffer, packets.view, packets.rows, layers.view, counts)
        tunnel = packets.view.tunnel
        for row, *layer in zip(*(column[:rows] for column in layers.view), strict=True):
            number = self.tunnels.number(tunnel[row], *layer)
            if number == ABSENT:
                note(counts, TUNNELS_GIVEN_UP, packets.view.frame[row])
                packets.view.kind[row], number = KIND_OTHER, 0
            tunnel[row] = number


def count_of(packets: Any, count: int, kind: int) -> int:
    """Kernel: count the packets of this kind."""
    found = 0
    for row in range(count):
        if packets.kind[row] == kind:
            found += 1
    return found


def span(records: Any, count: int, span_ns: Any) -> int:
    """Kernel: widen `span_ns`, the first and the last time, both -1 before any record."""
    first_ns, last_ns = span_ns[0], span_ns[1]
    for row in range(count):
        ts_ns = records.ts_ns[row]
        if ts_ns < first_ns or first_ns == ABSENT:
            first_ns = ts_ns
        if ts_ns > last_ns:
            last_ns = ts_ns
    span_ns[0], span_ns[1] = first_ns, last_ns
    return count


MAX_TUNNELS = 1 << 18
"""Most tunnels, at half a kilobyte each: random numbers in a hostile capture would fill the memory."""


class Tunnels:
    """Numbers for tunnels, and their names: "vxlan 42", or with outer ends where the header has no number."""

    def __init__(self) -> None:
        self.names = [""]
        self._numbers: dict[tuple[int, ...], int] = {}

    @property
    def keys(self) -> list[tuple[int, ...]]:
        """Return the keys that tell tunnels apart, in the order of their numbers from 1."""
        return list(self._numbers)

    def adopt(self, keys: Iterable[Sequence[int]]) -> list[int]:
        """Map another capture's tunnel numbers to those here."""
        numbers = [0]
        for around, kind, identifier, *ends in keys:
            numbers.append(self.number(numbers[around], kind, identifier, *(ends or (0, 0, 0, 0))))
        return numbers

    def number(
        self, around: int, kind: int, identifier: int, src_hi: int, src_lo: int, dst_hi: int, dst_lo: int
    ) -> int:
        """Return the number of a tunnel, the same for both directions; ABSENT if there are too many. `around` is the
        tunnel around it, 0 for none."""
        ends = sorted(((src_hi, src_lo), (dst_hi, dst_lo))) if identifier == ABSENT else ()
        key = (around, kind, identifier, *(half for end in ends for half in end))
        number = self._numbers.get(key)
        if number is None and len(self.names) > MAX_TUNNELS:
            return ABSENT
        if number is None:
            number = self._numbers[key] = len(self.names)
            which = "-".join(address(*end) for end in ends) if ends else str(identifier)
            name = f"{TUNNEL_NAMES[kind]} {which}"
            self.names.append(f"{self.names[around]} / {name}" if around else name)
        return number


@lru_cache(1 << 14)
def address(hi: int, lo: int) -> str:
    """Format an address held in two signed halves; IPv4 is held as ::ffff:a.b.c.d."""
    octets = hi.to_bytes(8, "big", signed=True) + lo.to_bytes(8, "big", signed=True)
    if octets.startswith(IPV4_PREFIX):
        return socket.inet_ntop(socket.AF_INET, octets[12:])
    return socket.inet_ntop(socket.AF_INET6, octets)


def endpoint(host: str, port: int) -> str:
    """Format address and port as text."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
