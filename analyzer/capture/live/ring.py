"""Frames in a block of the kernel's packet ring: a kernel that walks one block, and the numbers of its layout.

Follows linux/if_packet.h, TPACKET_V3. The block lies in memory that the kernel shares with this
program, so frames are decoded where they were captured. A VLAN tag that the card or the kernel took
off is put back in front of the frame's type, for which each frame has room before it (PACKET_RESERVE).
"""

from typing import Any

from analyzer.engine.octets import half, word

BLOCK_STATUS, BLOCK_FRAMES, BLOCK_FIRST = 8, 12, 16
"""Offsets in a block of its owner, its number of frames, and the first frame's offset (struct tpacket_hdr_v1)."""
STATUS_KERNEL, STATUS_USER = 0, 1
NEXT, SECONDS, NANOSECONDS, CAPTURED, WIRE, STATUS = 0, 4, 8, 12, 16, 20
LINK_AT, NETWORK_AT, VLAN_TAG, VLAN_TYPE = 24, 26, 32, 36
"""Offsets of fields in a frame's header (struct tpacket3_hdr)."""
HAS_VLAN, HAS_VLAN_TYPE = 1 << 4, 1 << 6
VLAN_OCTETS = 4
ETHERTYPE_VLAN = 0x8100


def walk_block(ring: Any, block: int, is_big: int, is_raw: int, link_type: int, records: Any, first: int) -> int:
    """Kernel: read the frames of the block at offset `block` of `ring` into rows of `records` from `first` on.

    `is_big` is this machine's byte order; `is_raw` leaves off the link layer, so that frames begin with IP. Returns the
    number of rows in use.
    """
    ts_ns, offset, link_types = records.ts_ns, records.offset, records.link_type
    captured_len, wire_len = records.captured_len, records.wire_len
    row = first
    at = block + word(ring, block + BLOCK_FIRST, is_big)
    for _ in range(word(ring, block + BLOCK_FRAMES, is_big)):
        status = word(ring, at + STATUS, is_big)
        link_at, network_at = half(ring, at + LINK_AT, is_big), half(ring, at + NETWORK_AT, is_big)
        captured, wire = word(ring, at + CAPTURED, is_big), word(ring, at + WIRE, is_big)
        frame = at + link_at
        if is_raw:
            skipped = min(max(network_at - link_at, 0), captured)
            frame += skipped
            captured -= skipped
            wire -= skipped
        elif status & HAS_VLAN and captured >= 14:
            tag = word(ring, at + VLAN_TAG, is_big)
            ethertype = half(ring, at + VLAN_TYPE, is_big) if status & HAS_VLAN_TYPE else ETHERTYPE_VLAN
            for place in range(frame, frame + 12):
                ring[place - VLAN_OCTETS] = ring[place]
            frame -= VLAN_OCTETS
            ring[frame + 12], ring[frame + 13] = ethertype >> 8, ethertype & 0xFF
            ring[frame + 14], ring[frame + 15] = tag >> 8 & 0xFF, tag & 0xFF
            captured += VLAN_OCTETS
            wire += VLAN_OCTETS
        seconds, nanoseconds = word(ring, at + SECONDS, is_big), word(ring, at + NANOSECONDS, is_big)
        ts_ns[row] = seconds * 1000000000 + nanoseconds
        offset[row] = frame
        captured_len[row] = captured
        wire_len[row] = wire
        link_types[row] = link_type
        row += 1
        at += word(ring, at + NEXT, is_big)
    return row
