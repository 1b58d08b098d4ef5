"""Packets back out of the captures that were analysed: read from them once more, as scapy's, as dpkt's, or as octets.

A tracker that forgets nothing tells once more which frames belong to a connection. That is known by its first frame,
since numbers differ where memory was short. Nothing of a capture is kept for this.
"""

from collections.abc import Callable, Collection, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.analysis import Analyzer
from analyzer.capture.decode.link import (
    LINK_ETHERNET,
    LINK_IPV4,
    LINK_IPV6,
    LINK_LOOP,
    LINK_NULL,
    LINK_RAW,
    LINK_RAW_BSD,
    LINK_RAW_OPENBSD,
    LINK_SLL,
    LINK_SLL2,
)
from analyzer.capture.described import Capture
from analyzer.capture.files.locations import is_pipe
from analyzer.capture.files.reader import CaptureReader
from analyzer.capture.files.source import open_source
from analyzer.diagnostics import Diagnostics
from analyzer.engine.dispatch import Engine, new_engine
from analyzer.engine.table import Table
from analyzer.errors import CaptureError
from analyzer.many.tables import arrays
from analyzer.report.interchange.capture_files import SECOND, RawPacket

if TYPE_CHECKING:
    from scapy.plist import PacketList

Choice = Callable[[bytearray, Table, int], Collection[int]]
"""Returns the numbers of the frames that are wanted of a batch: its buffer, its records, its first number."""


class DpktPacket(NamedTuple):
    """A frame dissected by dpkt."""

    frame: int
    """Its number in the capture, from 1, as in all tables."""
    time: Decimal
    """Seconds since 1970, to the nanosecond."""
    packet: Any
    """What dpkt makes of it; the octets, where dpkt does not know the link type or fails."""


def chosen(capture: Capture, numbers: frozenset[int] | None) -> Iterator[RawPacket]:
    """Yield these frames of a capture, or all, in order; CaptureError if it cannot be read again."""

    def choice(_: bytearray, records: Table, first: int) -> Collection[int]:
        batch = range(first, first + records.rows)
        return batch if numbers is None else [one for one in batch if one in numbers]

    return _read(capture, new_engine(), choice)


def of_flow(capture: Capture, first_frame: int) -> Iterator[RawPacket]:
    """Yield the frames of the connection whose first one this is, and ICMP errors about it."""
    analyzer = Analyzer()
    flow: int | None = None

    def choice(buffer: bytearray, records: Table, _: int) -> Collection[int]:
        nonlocal flow
        packets = arrays(analyzer.feed(buffer, records))
        if flow is None:
            known = packets.flow[(packets.frame == first_frame) & (packets.flow >= 0)]
            flow = int(known[0]) if len(known) else None
        found: list[int] = packets.frame[packets.flow == flow].tolist() if flow is not None else []
        return dict.fromkeys(found)

    return _read(capture, analyzer.engine, choice)


def _read(capture: Capture, engine: Engine, choice: Choice) -> Iterator[RawPacket]:
    """Read the captures once more, and yield what is chosen of each batch."""
    frames = 0
    for name in capture.files:
        if is_pipe(name):
            raise CaptureError(f"{name}: cannot be read a second time; write the capture to a file first")
        try:
            with open_source(name) as source:
                reader = CaptureReader(source, Diagnostics(), frames_before=frames)
                for buffer, records, first in reader.chunks(engine):
                    view = records.view
                    for number in choice(buffer, records, first):
                        row = number - first
                        at = view.offset[row]
                        data = bytes(buffer[at : at + view.captured_len[row]])
                        yield RawPacket(number, view.ts_ns[row], view.link_type[row], view.wire_len[row], data)
                frames = reader.frames
        except CaptureError:
            if len(capture.files) == 1:
                raise
    if frames != capture.packets:
        raise CaptureError(f"{capture.files[0]}: the capture has changed since it was analysed; analyse it again")


def as_scapy(packets: Iterator[RawPacket]) -> "PacketList":
    """Return frames as a PacketList of scapy; its `frames` are their numbers, in order."""
    from scapy.config import conf
    from scapy.layers import all as _  # noqa: F401  # registers what link types begin with
    from scapy.plist import PacketList
    from scapy.utils import EDecimal

    made, frames = PacketList(name="ka-analyze"), []
    for one in packets:
        packet = _dissected(conf.l2types.num2layer.get(one.link_type), one.data, conf.raw_layer)
        packet.time, packet.wirelen = EDecimal(one.ts_ns) / SECOND, one.wire_len
        made.append(packet)
        frames.append(one.frame)
    made.frames = frames  # type: ignore[attr-defined]  # of this list only: a part of it has none, rather than wrong ones
    return made


def as_dpkt(packets: Iterator[RawPacket]) -> list[DpktPacket]:
    """Return frames as packets of dpkt, with number and time."""
    import dpkt

    kinds = {
        LINK_ETHERNET: dpkt.ethernet.Ethernet,
        LINK_SLL: dpkt.sll.SLL,
        LINK_SLL2: dpkt.sll2.SLL2,
        LINK_NULL: dpkt.loopback.Loopback,
        LINK_LOOP: dpkt.loopback.Loopback,
        LINK_IPV4: dpkt.ip.IP,
        LINK_IPV6: dpkt.ip6.IP6,
    }

    def kind_of(one: RawPacket) -> Any:
        if one.link_type in (LINK_RAW, LINK_RAW_BSD, LINK_RAW_OPENBSD):
            return dpkt.ip6.IP6 if one.data[:1] >= b"\x60" else dpkt.ip.IP
        return kinds.get(one.link_type)

    return [
        DpktPacket(one.frame, Decimal(one.ts_ns) / SECOND, _dissected(kind_of(one), one.data, bytes)) for one in packets
    ]


def _dissected(kind: Callable[[bytes], Any] | None, data: bytes, otherwise: Callable[[bytes], Any]) -> Any:
    """Dissect a frame; what is cut off or damaged is made `otherwise`."""
    try:
        return (kind or otherwise)(data)
    except Exception:  # noqa: BLE001  # struct.error, IndexError, …: dissectors raise whatever they meet
        return otherwise(data)


KINDS: dict[str, Callable[[Iterator[RawPacket]], Any]] = {"scapy": as_scapy, "dpkt": as_dpkt, "raw": list}
