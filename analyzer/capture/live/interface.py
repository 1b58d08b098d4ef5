"""Frames from a network interface, block by block, as a kernel ring delivers them.

scapy opens the raw socket and compiles the filter; the frames are never dissected as objects. The kernel
filters them, cuts them and writes them into a ring of memory that this program shares, with nanoseconds;
a block is handed over when it is full or `HAND_OVER_MS` old. What does not fit into the ring the kernel
counts. Knows what becomes of the interface itself, but does not wait: whoever polls `fileno` does.
"""

import ctypes
import errno
import logging
import mmap
import os
import select
import socket
import struct
import sys
from dataclasses import dataclass
from typing import Any

from analyzer.capture.decode.link import LINK_80211, LINK_ETHERNET, LINK_PRISM, LINK_RADIOTAP, LINK_RAW
from analyzer.capture.live.bpf import EVERYTHING, Instruction, program
from analyzer.capture.live.ring import BLOCK_FRAMES, BLOCK_STATUS, STATUS_KERNEL, STATUS_USER, VLAN_OCTETS, walk_block
from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.errors import CaptureError, CapturePermissionError, FilterError

SNAPLEN = 256
"""Octets captured of a frame: headers with options, an ICMP quote, and a tunnel or two around them."""
RING_OCTETS = 32 << 20
"""Size of the ring: some 5 s at 30,000 small frames a second; it takes that much of the kernel's memory."""
BLOCK_OCTETS = 1 << 18
HAND_OVER_MS = 40

SOL_PACKET = 263
PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, PACKET_RESERVE = 5, 6, 10, 12  # linux/if_packet.h
TPACKET_V3 = 2
SO_ATTACH_FILTER = 26

ARPHRD_LOOPBACK = 772
LINK_TYPES = {
    1: LINK_ETHERNET,
    ARPHRD_LOOPBACK: LINK_ETHERNET,
    801: LINK_80211,
    802: LINK_PRISM,
    803: LINK_RADIOTAP,
    **dict.fromkeys((512, 518, 519, 768, 769, 776, 778, 823, 65534), LINK_RAW),
}
"""Link types by hardware type (linux/if_arp.h): PPP, raw IP and tunnels begin with the IP header."""

NO_PRIVILEGE = (
    "{name}: capturing needs CAP_NET_RAW: run it with sudo, or let dumpcap do it: dumpcap -i {name} -w - | ka-analyze -"
)


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface that exists."""

    name: str
    index: int
    is_up: bool
    addresses: tuple[str, ...]


def interfaces() -> tuple[Interface, ...]:
    """Return all interfaces of this network namespace, by index. CaptureError where this is not Linux."""
    if sys.platform != "linux":
        raise CaptureError("interfaces are captured from on Linux only; let dumpcap do it: dumpcap -w - | ka-analyze -")
    from scapy.arch.linux.rtnetlink import _get_if_list

    found = (
        Interface(one["name"], index, bool(one["flags"] & 1), tuple(ip["address"] for ip in one["ips"]))
        for index, one in _get_if_list().items()
    )
    return tuple(sorted(found, key=lambda one: one.index))


def index_of(name: str) -> int:
    """Return the interface's index now, 0 if there is none of this name."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0


def name_of(index: int) -> str:
    """Return the name of the interface with this index now, empty if there is none."""
    try:
        return socket.if_indextoname(index)
    except OSError:
        return ""


def compile_filter(expression: str, link_type: int) -> tuple[Instruction, ...]:
    """Compile a filter in libpcap's language into instructions; FilterError with libpcap's message."""
    if not expression:
        return EVERYTHING
    from scapy.arch.common import compile_filter as compile_with_libpcap
    from scapy.arch.common import free_filter
    from scapy.error import Scapy_Exception

    try:
        compiled = compile_with_libpcap(expression, linktype=link_type)
    except ImportError as error:
        words = "a filter needs libpcap, which is not installed (Debian: libpcap0.8); -f '' captures without one"
        raise FilterError(words) from error
    except Scapy_Exception as error:
        raise FilterError(f"-f: {error}") from error
    instructions = tuple(
        (one.code, one.jt, one.jf, one.k) for one in (compiled.bf_insns[at] for at in range(compiled.bf_len))
    )
    free_filter(compiled)
    return instructions


class LiveInterface:
    """An open interface: `blocks` of frames, `drops` of the kernel's, `is_down` when it went away."""

    def __init__(self, name: str, expression: str, *, snaplen: int = SNAPLEN, is_promiscuous: bool = True) -> None:
        """Open the interface for capture. Raises CapturePermissionError, FilterError, or CaptureError if there is no
        such interface."""
        self.name = name
        self.index = index_of(name)
        known = ", ".join(one.name for one in interfaces())
        if not self.index:
            raise CaptureError(f"{name}: no such interface; there is {known}")
        self.dropped = 0
        self.snaplen = snaplen
        self._socket = _open(name, is_promiscuous)
        try:
            hardware = self._socket.ins.getsockname()[3]
            if hardware not in LINK_TYPES:
                words = f"{name}: its link type (ARPHRD {hardware}) is not decoded; try: dumpcap -i {name} -w - | …"
                raise CaptureError(words)
            self.link_type = LINK_TYPES[hardware]
            compiled = compile_filter(expression, self.link_type)
            self._attach(program(compiled, snaplen, without_outgoing=hardware == ARPHRD_LOOPBACK).octets)
            self._ring = self._new_ring()
        except BaseException:
            self._socket.close()
            raise
        self._next = 0

    def _attach(self, octets: bytes) -> None:
        """Attach a filter as struct sock_fprog: a length, and the instructions' address."""
        room = ctypes.create_string_buffer(octets)
        where = struct.pack("HL", len(octets) // 8, ctypes.addressof(room))
        self._socket.ins.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, where)

    def _new_ring(self) -> mmap.mmap:
        """Replace the socket's queue by a ring, which discards what had been queued without the filter; return its
        memory."""
        ins = self._socket.ins
        ins.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
        ins.setsockopt(SOL_PACKET, PACKET_RESERVE, VLAN_OCTETS)
        frame_octets, blocks = 2048, RING_OCTETS // BLOCK_OCTETS
        frames = BLOCK_OCTETS // frame_octets * blocks
        wanted = struct.pack("7I", BLOCK_OCTETS, blocks, frame_octets, frames, HAND_OVER_MS, 0, 0)
        try:
            ins.setsockopt(SOL_PACKET, PACKET_RX_RING, wanted)  # struct tpacket_req3
        except OSError as error:
            raise CaptureError(f"{self.name}: no ring of {RING_OCTETS >> 20} MiB: {error.strerror}") from error
        return mmap.mmap(ins.fileno(), RING_OCTETS, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)

    def fileno(self) -> int:
        return int(self._socket.ins.fileno())

    @property
    def memory(self) -> mmap.mmap:
        """Return the memory that holds the frames which `next_block` describes."""
        return self._ring

    def next_block(self, engine: Engine, records: Table) -> bool:
        """Append the frames of the oldest block that is full to `records`; False if there is none.

        They stay where they are until `release`.
        """
        block = self._next * BLOCK_OCTETS
        if not self._word(block + BLOCK_STATUS) & STATUS_USER:
            return False
        records.reserve(self._word(block + BLOCK_FRAMES))
        layout = (sys.byteorder == "big", self.link_type == LINK_RAW, self.link_type)
        records.rows = engine.run(walk_block, self._ring, block, *map(int, layout), records.view, records.rows)
        return True

    def release(self) -> None:
        """Give the oldest block back to the kernel."""
        struct.pack_into("I", self._ring, self._next * BLOCK_OCTETS + BLOCK_STATUS, STATUS_KERNEL)
        self._next = (self._next + 1) % (RING_OCTETS // BLOCK_OCTETS)

    def _word(self, at: int) -> int:
        [number] = struct.unpack_from("I", self._ring, at)
        return int(number)

    def new_drops(self) -> int:
        """Return the number of frames that passed the filter and found no room since the last call; reading it sets the
        kernel's count to 0."""
        _, drops, _ = struct.unpack("3I", self._socket.ins.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12))
        self.dropped += drops
        return int(drops)

    def takes_error(self) -> bool:
        """Tell whether the interface went down or away since the last call (ENETDOWN)."""
        return self._socket.ins.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (errno.ENETDOWN, errno.ENXIO)

    @property
    def is_up(self) -> bool:
        """Tell whether the interface exists, by whatever name, and is up."""
        return any(one.index == self.index and one.is_up for one in interfaces())

    def close(self) -> None:
        self._ring.close()
        self._socket.close()


def wait(opened: "list[LiveInterface]", timeout_ms: int) -> None:
    """Wait until one of them has a block or an error, or the time is over."""
    poll = select.poll()
    for one in opened:
        poll.register(one.fileno(), select.POLLIN | select.POLLERR)
    poll.poll(timeout_ms)


def _open(name: str, is_promiscuous: bool) -> Any:
    """Open scapy's raw socket for listening, promiscuous or not, without a filter so far."""
    from scapy.arch.linux import L2ListenSocket

    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)  # it warns that it cannot dissect what it need not
    try:
        return L2ListenSocket(iface=name, promisc=is_promiscuous)
    except PermissionError as error:
        raise CapturePermissionError(NO_PRIVILEGE.format(name=name)) from error
    except OSError as error:
        raise CaptureError(f"{name}: cannot be opened: {os.strerror(error.errno or 0)}") from error
