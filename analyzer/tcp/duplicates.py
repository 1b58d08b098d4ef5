"""The time since a segment with the same fingerprint was captured; whether it is a duplicate, `segment_facts.py`
decides.

The fingerprints of recent segments lie in a table of fixed size, each in the slot that its value determines; a later
one replaces an earlier one in the same slot. So the table's content follows from the packets alone, not from how flows
are numbered or the capture is cut, and that of two captures follows from that of each (`Recent.overlay`).
"""

from typing import Any

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.schema import ABSENT, KIND_TCP, UNSEEN
from analyzer.schema.packets import RECENT

RECENT_SLOTS = 1 << 16
"""Number of segments whose fingerprint is remembered; 5 ms at a million a second need a tenth of it."""
MASK32 = 0xFFFFFFFF


class Recent:
    """Fingerprints of recent segments."""

    def __init__(self) -> None:
        self.table = Table(RECENT)
        self.table.reserve(RECENT_SLOTS)
        self.table.rows = RECENT_SLOTS

    def recognise(self, packets: Table, engine: Engine) -> int:
        """Fill in `since_ns` of each segment, and remember it; returns how many segments there are."""
        return engine.run(recognise, packets.view, packets.rows, self.table.view)

    def overlay(self, later: Table, engine: Engine) -> None:
        """Add the fingerprints that a later capture ends with, given as the used slots of its table."""
        engine.run(overlay, later.view, later.rows, self.table.view)


def recognise(packets: Any, count: int, recent: Any) -> int:
    """Kernel: set `since_ns` of each segment, in ns; return the number of segments.

    It is UNSEEN where the slot was never used. Fingerprints are computed first, into the same column: the second loop
    is so short that the processor fetches a dozen slots at once.
    """
    fingerprints, times, tunnels = recent.fingerprint, recent.ts_ns, recent.tunnel
    segments = 0
    for row in range(count):
        if packets.kind[row] == KIND_TCP:
            packets.since_ns[row] = fingerprint_of(packets, row)
            segments += 1
    for row in range(count):
        if packets.kind[row] != KIND_TCP:
            continue
        ts_ns, tunnel, fingerprint = packets.ts_ns[row], packets.tunnel[row], packets.since_ns[row]
        place = place_of(fingerprint, tunnel)
        if fingerprints[place] == fingerprint and tunnels[place] == tunnel:
            packets.since_ns[row] = abs(ts_ns - times[place])
        else:
            packets.since_ns[row] = UNSEEN if fingerprints[place] == 0 else ABSENT
        fingerprints[place], times[place], tunnels[place] = fingerprint, ts_ns, tunnel
    return segments


def overlay(later: Any, count: int, recent: Any) -> int:
    """Kernel: copy the fingerprints of a later capture into their slots; return `count`."""
    for row in range(count):
        place = place_of(later.fingerprint[row], later.tunnel[row])
        recent.fingerprint[place], recent.ts_ns[place], recent.tunnel[place] = (
            later.fingerprint[row],
            later.ts_ns[row],
            later.tunnel[row],
        )
    return count


def place_of(fingerprint: int, tunnel: int) -> int:
    """Return the slot of a fingerprint. The same segment has another slot in a tunnel than outside of it."""
    place: int = (fingerprint ^ (fingerprint >> 31)) + (tunnel != 0) & (RECENT_SLOTS - 1)
    return place


def fingerprint_of(packets: Any, at: int) -> int:
    """Return a hash of all fields that a duplicate of a segment shares with it. TTL and checksums are not among them: a
    duplicate on a router's other side differs in both."""
    src, dst = packets.src_lo[at] ^ packets.src_hi[at], packets.dst_lo[at] ^ packets.dst_hi[at]
    fingerprint: int = (
        packets.seq[at] * 0x2545F491
        ^ packets.ack[at] * 0x5851F42D
        ^ (packets.tsval[at] + 1) * 0x4C957F2B
        ^ (packets.ip_id[at] + 1) * 0x14057B7E
        ^ (packets.window[at] * 0x10000 + packets.flags[at]) * 0x1B873593
        ^ packets.payload_len[at] * 0x3C6EF35F
        ^ ((src ^ (src >> 32)) & MASK32) * 0x41C64E6D
        ^ ((dst ^ (dst >> 32)) & MASK32) * 0x7FEB352D
        ^ packets.ports[at] * 0x6C078965
    )
    return fingerprint | 1  # 0 marks an unused slot
