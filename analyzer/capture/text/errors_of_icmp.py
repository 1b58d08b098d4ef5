"""How tcpdump and tshark word ICMP errors (tcpdump: print-icmp.c, print-icmp6.c; Wireshark: packet-icmp.c,
packet-icmpv6.c)."""

import re
from typing import NamedTuple

UNREACHABLE, UNREACHABLE_V6 = 3, 1


class Words(NamedTuple):
    """An ICMP error: its type and code, and what it says of the packet that it is about, where it does."""

    kind: int
    code: int
    address: str | None
    port: str | None


TCPDUMP = tuple(
    (re.compile(pattern), kind, code)
    for pattern, kind, code in (
        (r"net (\S+) unreachable - unknown", UNREACHABLE, 6),
        (r"net (\S+) unreachable - admin prohibited", UNREACHABLE, 9),
        (r"net (\S+) unreachable", UNREACHABLE, 0),
        (r"host (\S+) unreachable - unknown", UNREACHABLE, 7),
        (r"host (\S+) unreachable - admin prohibited(?! filter)", UNREACHABLE, 10),
        (r"host (\S+) unreachable - admin prohibited filter", UNREACHABLE, 13),
        (r"host (\S+) unreachable", UNREACHABLE, 1),
        (r"(\S+) protocol \d+ unreachable", UNREACHABLE, 2),
        (r"(\S+) tcp port (\S+) unreachable", UNREACHABLE, 3),
        (r"(\S+) unreachable - admin prohibited", UNREACHABLE, 13),
        (r"unreachable route (\S+?)(?:,|$)", UNREACHABLE_V6, 0),
        (r"unreachable prohibited (\S+?)(?:,|$)", UNREACHABLE_V6, 1),
        (r"unreachable address (\S+?)(?:,|$)", UNREACHABLE_V6, 3),
        (r"unreachable port, (\S+) tcp port ([\w-]+)", UNREACHABLE_V6, 4),
    )
)
TSHARK = {
    "Network unreachable": 0,
    "Host unreachable": 1,
    "Protocol unreachable": 2,
    "Port unreachable": 3,
    "Network administratively prohibited": 9,
    "Host administratively prohibited": 10,
    "Communication administratively filtered": 13,
}
TSHARK_V6 = {
    "no route to destination": 0,
    "Administratively prohibited": 1,
    "Address unreachable": 3,
    "Port unreachable": 4,
}
"""Codes by what stands in parentheses behind `Destination unreachable`."""
PARENTHESES = re.compile(r"Destination [Uu]nreachable \(([^)]*)\)")


def of_tcpdump(words: str) -> Words | None:
    """Return what tcpdump's words behind `ICMP` or `ICMP6` say; None if they are no error about a destination."""
    for pattern, kind, code in TCPDUMP:
        found = pattern.search(words)
        if found:
            return Words(kind, code, found[1], found[2] if pattern.groups > 1 else None)
    return None


def of_tshark(protocol: str, words: str) -> Words | None:
    """Return what tshark's summary of an ICMP or ICMPv6 error says: never whom it is about."""
    found = PARENTHESES.search(words)
    is_v6 = protocol == "ICMPv6"
    code = (TSHARK_V6 if is_v6 else TSHARK).get(found[1]) if found else None
    return Words(UNREACHABLE_V6 if is_v6 else UNREACHABLE, code, None, None) if code is not None else None
