"""What a program has in place of a file's name, as captures: octets, open files, packets of scapy and dpkt, rows.

Knows scapy, dpkt and pandas by what their objects have, and imports none of them. Packets become a pcapng in memory,
which is read as any other: nothing behind it knows where it came from.
"""

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from itertools import chain
from typing import Any

from analyzer.capture.decode.link import LINK_ETHERNET
from analyzer.capture.files.locations import InMemory
from analyzer.report.interchange.capture_files import SECOND, RawPacket, write_pcapng

TAKEN = (
    "a path, directory, glob or URL; bytes or an open binary file; packets of scapy (PacketList, PcapReader); a Reader "
    "of dpkt; an iterable of (time, bytes); a DataFrame with the columns time and data; or several of these in a list"
)
LATEST_NS = 2**63 - 1
"""Latest instant that a column of times holds: in April 2262."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Octets = bytes | bytearray | memoryview


def captures_in(given: Any, link_type: int) -> Iterator[str]:
    """Yield the names of what was given, some of them InMemory; TypeError, with what is taken, for anything else."""
    if isinstance(given, str | os.PathLike):
        yield os.fspath(given)
    elif isinstance(given, Octets):
        yield InMemory("<bytes>", bytes(given))
    elif hasattr(given, "read"):
        yield InMemory(f"<{getattr(given, 'name', type(given).__name__)}>", _read(given))
    elif hasattr(given, "columns"):
        yield _in_memory(given, _rows(given), link_type)
    elif isinstance(given, Iterable) and not isinstance(given, Mapping):
        items = iter(given)
        first = list(_first_of(items))
        if first and _is_capture(first[0]):
            for one in chain(first, items):
                yield from captures_in(one, link_type)
        else:
            yield _in_memory(given, chain(first, items), _link_type_of(given, link_type))
    else:
        raise TypeError(f"{type(given).__name__} is no capture; what is taken: {TAKEN}")


def _first_of(items: Iterator[Any]) -> Iterator[Any]:
    """Yield the first item, if there is one; scapy's readers end with an exception of their own."""
    for one in items:
        yield one
        return


def _is_capture(one: Any) -> bool:
    """Tell whether what is first of several is a capture and no packet; scapy's packets are iterable, too."""
    match one:
        case str() | os.PathLike() | bytes() | bytearray() | memoryview():
            return True
        case tuple() | [_, bytes()]:
            return False
    return hasattr(one, "read") or (isinstance(one, Iterable) and not _is_of_scapy(one))


def _is_of_scapy(one: Any) -> bool:
    return hasattr(one, "time") and hasattr(one, "wirelen")


def _read(file: Any) -> bytes:
    octets = file.read()
    if not isinstance(octets, bytes):
        raise TypeError("the file is open as text; open it with mode 'rb'")
    return octets


def _rows(frame: Any) -> Iterator[Any]:
    """Return times and data of a DataFrame; TypeError if it has no such columns."""
    if not {"time", "data"} <= set(frame.columns):
        raise TypeError(f"a DataFrame needs the columns time and data, and has {', '.join(map(str, frame.columns))}")
    return zip(frame["time"], frame["data"], strict=True)


def _link_type_of(given: Any, otherwise: int) -> int:
    """Return what frames of this iterable begin with: dpkt's readers say it."""
    return int(given.datalink()) if hasattr(given, "datalink") else otherwise


def _in_memory(given: Any, items: Iterable[Any], link_type: int) -> InMemory:
    return InMemory(f"<{type(given).__name__}>", as_pcapng(raw_packet(one, link_type) for one in items))


def raw_packet(one: Any, link_type: int = LINK_ETHERNET) -> RawPacket:
    """Return what may stand for a packet as octets with their time: a packet of scapy, time and octets or a packet of
    dpkt, what `packets` returns."""
    match one:
        case RawPacket():
            return one
        case (time, data) | (int(), time, data) if isinstance(data, Octets) or hasattr(data, "__bytes__"):
            data = bytes(data)
            return RawPacket(0, nanoseconds(time), link_type, len(data), data)
        case _ if _is_of_scapy(one):
            data = bytes(one)
            own_type = _scapy_link_type(one, link_type)
            return RawPacket(0, nanoseconds(one.time), own_type, one.wirelen or len(data), data)
    raise TypeError(f"{_kind(one)} is no packet; what is taken: {TAKEN}")


def _kind(one: Any) -> str:
    """Name the type of something, and of what is in it if it is a tuple."""
    return f"({', '.join(map(_kind, one))})" if type(one) is tuple else type(one).__name__


def _scapy_link_type(packet: Any, otherwise: int) -> int:
    """Return the number that scapy has for the packet's outermost layer; whoever made the packet has loaded scapy."""
    from scapy.config import conf

    number = conf.l2types.layer2num.get(type(packet))
    return int(number) if number is not None else otherwise


def nanoseconds(time: Any) -> int:
    """Return an instant in ns since 1970: seconds, or a datetime (without a zone in UTC), also of numpy or pandas.

    A float cannot hold nanoseconds of our time, so that it is rounded to microseconds.
    """
    try:
        ns = _nanoseconds(time)
    except (TypeError, ValueError, OverflowError):
        ns = -1
    if not 0 <= ns <= LATEST_NS:
        raise TypeError(f"{time!r} is no time: seconds since 1970, up to the year 2262, or a datetime")
    return ns


def _nanoseconds(time: Any) -> int:
    if hasattr(time, "to_datetime64"):  # pandas.Timestamp, which is a datetime, too
        time = time.to_datetime64()
    if isinstance(time, datetime):
        return int((time.replace(tzinfo=time.tzinfo or UTC) - EPOCH) // timedelta(microseconds=1) * 1000)
    if hasattr(time, "dtype") and time.dtype.kind == "M":
        return int(time.astype("datetime64[ns]").astype("int64"))  # NaT is the least number
    if isinstance(time, Decimal):  # dpkt's, of nanosecond pcap, and scapy's
        return int(time * SECOND)
    seconds = float(time)
    step_ns = 1 if math.ulp(seconds) < 1e-9 else 1000
    return round(seconds * (SECOND // step_ns)) * step_ns


def as_pcapng(packets: Iterable[RawPacket]) -> bytes:
    out = BytesIO()
    write_pcapng(packets, out)
    return out.getvalue()
