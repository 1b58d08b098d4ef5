"""What one packet of a text says, as values: a TCP segment, or something else that the analysis uses.

A field that the text does not have is None, or 0 where frames have a value for "nothing said": an IP identification,
and a TTL (`schema.UNKNOWN_TTL`).
"""

import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple, TypeVar

Address = bytes
"""Four octets of IPv4, or sixteen of IPv6."""
MOST_CACHED = 1 << 16
MOST_SERVICES = 1 << 12
Value = TypeVar("Value")


class Endpoint(NamedTuple):
    address: Address
    port: int


class Segment:
    """A TCP segment. Numbers are those of the text until `numbers.py` has made them absolute; it sets `seq` where the
    text has none."""

    __slots__ = (
        "ack",
        "flags",
        "ip_id",
        "length",
        "octets",
        "sack",
        "seq",
        "shift",
        "source",
        "target",
        "ts_ns",
        "tsecr",
        "tsval",
        "ttl",
        "window",
    )

    def __init__(self, ts_ns: int, source: Endpoint, target: Endpoint) -> None:
        self.ts_ns, self.source, self.target = ts_ns, source, target
        self.flags = self.window = self.ip_id = self.ttl = 0
        self.seq: int | None = None
        self.ack: int | None = None
        self.length = 0
        self.octets = 0
        """Length of its frame; 0 if the text does not say it."""
        self.shift = self.tsval = self.tsecr = -1
        self.sack: tuple[tuple[int, int], ...] = ()


class Data(NamedTuple):
    """A TCP segment of which the text says only what the application sent: neither ports nor numbers."""

    ts_ns: int
    source: Address
    target: Address
    octets: int


class Neighbour(NamedTuple):
    """ARP or neighbour discovery: somebody asks for an address, or is answered."""

    ts_ns: int
    is_answer: bool
    asker: Address
    address: Address


class Unreachable(NamedTuple):
    """An ICMP error to `target`, about what it sent to `address`: None if the text does not say where."""

    ts_ns: int
    source: Address
    target: Address
    kind: int
    code: int
    address: Address | None
    port: int | None = None


class Quote(NamedTuple):
    """An ICMP error, and the segment that it is about."""

    ts_ns: int
    error: Unreachable
    quoted: Segment


class Other(NamedTuple):
    """Anything else; it counts as a frame."""

    ts_ns: int


Packet = Segment | Data | Neighbour | Unreachable | Quote | Other

FLAG_LETTERS = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32, "E": 64, "W": 128}
"""Control bits as tcpdump writes them."""


class Names:
    """Addresses and ports of a text; host names get addresses of their own, since connections need them."""

    def __init__(self) -> None:
        self.hosts: dict[str, Address] = {}
        self.services: dict[str, int] = {}
        self._addresses: dict[str, Address] = {}
        self._endpoints: dict[str, Endpoint] = {}

    def address(self, text: str) -> Address:
        """Return the address that a text names. Raises ValueError where it cannot be one."""
        return _cached(self._addresses, text, self._address)

    def endpoint(self, text: str) -> Endpoint:
        """Return address and port of tcpdump's `10.0.0.1.443`, `2001:db8::1.443` or `host.name.https`. Raises
        ValueError."""
        return _cached(self._endpoints, text, self._endpoint)

    def port(self, text: str) -> int:
        """Return the number of a port; services that this machine does not know are numbered down from 65535. Raises
        ValueError."""
        if text.isdecimal():
            number = int(text)
            if number > 0xFFFF:
                raise ValueError(text)
            return number
        if text not in self.services:
            if not text.replace("-", "").replace("_", "").isalnum():
                raise ValueError(text)
            try:
                self.services[text] = socket.getservbyname(text, "tcp")
            except OSError:
                if len(self.services) >= MOST_SERVICES:
                    raise ValueError(text) from None
                self.services[text] = 0xFFFF - len(self.services)
        return self.services[text]

    def _endpoint(self, text: str) -> Endpoint:
        host, separator, port = text.rpartition(".")
        if not separator:
            raise ValueError(text)
        return Endpoint(self.address(host), self.port(port))

    def _address(self, text: str) -> Address:
        text = text.partition("%")[0]
        if text in self.hosts:
            return self.hosts[text]
        if len(self.hosts) >= MOST_CACHED:
            raise ValueError(text)
        try:
            return ip_address(text).packed
        except ValueError:
            if not text or not text.replace("-", "").replace(".", "").replace("_", "").isalnum():
                raise
        # 240.0.0.0/4 is reserved (RFC 1112 §4): no packet comes from there
        self.hosts[text] = (0xF0000001 + len(self.hosts)).to_bytes(4, "big")
        return self.hosts[text]


def _cached(cache: dict[str, Value], text: str, find: Callable[[str], Value]) -> Value:
    """Return what `find` finds, from the cache if it is there."""
    found = cache.get(text)
    if found is None:
        if len(cache) >= MOST_CACHED:
            cache.clear()
        found = cache[text] = find(text)
    return found
