"""The place of a connection as a person writes it: 10.0.0.5:5432, 10.0.0.5, :5432, [2001:db8::5]:5432."""

from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from analyzer.analysis import Analysis
from analyzer.capture.decode.packets import address
from analyzer.capture.names import PORTS
from analyzer.keepalive.findings import Flows


class Place(NamedTuple):
    """Where an end of a connection must be."""

    addresses: frozenset[str]
    """One of these; none means any."""
    port: int
    """0 means any."""
    words: str
    """As it was written."""

    def __str__(self) -> str:
        """Return the place as it was written."""
        return self.words


def parse(words: str, names: Callable[[str], Sequence[str]] = lambda _: ()) -> Place:
    """Take apart an address and a port, of which one may be missing; `names` returns the addresses of a name.
    IndexError for what is neither."""
    try:
        if words.count(":") > 1 and not words.startswith("["):
            host, port = words, ""
        elif words.startswith("["):
            host, closed, port = words[1:].partition("]")
            if not closed or port[:1] not in ("", ":"):
                raise ValueError
        else:
            host, _, port = words.partition(":")
        port = port.removeprefix(":")
        number = PORTS.get(port) or int(port or 0)
        if not (host or number) or not 0 <= number < 1 << 16:
            raise ValueError
        return Place(frozenset(names(host) or ([_written(host)] if host else [])), number, words)
    except ValueError:
        raise IndexError(f"{words!r} is no address and port; write 10.0.0.5:5432 or [2001:db8::5]:5432") from None


def _written(host: str) -> str:
    """Return an address as connections have it: shortest, IPv4 also where it is mapped into IPv6."""
    found = ip_address(host)
    return str(found.ipv4_mapped or found) if isinstance(found, IPv6Address) else str(found)


def flows_at(analysis: Analysis, place: Place) -> Flows:
    """Return the connections with an end there, in order of their numbers."""
    f = analysis.endpoints

    def is_there(hi: int, lo: int, port: int) -> bool:
        is_port = not place.port or port == place.port
        return is_port and (not place.addresses or address(hi, lo) in place.addresses)

    numbers = [
        flow
        for flow in range(len(analysis.flows))
        if is_there(f.a_hi[flow], f.a_lo[flow], f.ports[flow] >> 16)
        or is_there(f.b_hi[flow], f.b_lo[flow], f.ports[flow] & 0xFFFF)
    ]
    return Flows(numbers, analysis.flows.by)
