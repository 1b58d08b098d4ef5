"""Filters for files, in the language of tcpdump and libpcap (pcap-filter(7)), as far as it speaks of TCP connections.

Words become a tree, the tree becomes tests that name each other (`decode/selection.py`). As in libpcap, `and` and `or`
have the same precedence and associate to the left, `not` binds tighter, and a value without qualifiers has those of the
value before it. Unlike libpcap's, tests are of decoded packets: whatever the link type, inside of VLANs and tunnels.
"""

import re
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from analyzer.capture.decode.headers import IPV4_MAPPED
from analyzer.capture.decode.selection import (
    FAILS,
    OF_BOTH,
    OF_DESTINATION,
    OF_EITHER,
    OF_SOURCE,
    PASSES,
    TESTS_ADDRESS,
    TESTS_ICMP,
    TESTS_PORT,
    PacketFilter,
)
from analyzer.capture.names import PORTS
from analyzer.engine.table import Table
from analyzer.errors import FilterError
from analyzer.schema.packets import FILTER_TESTS

MOST_NESTED = 100
"""Deepest parentheses; nobody writes deeper on purpose."""

Names = Callable[[str], Sequence[str]]
"""Returns the addresses of a name."""
Network = IPv4Network | IPv6Network


class Comparison(NamedTuple):
    """A row of FILTER_TESTS but for its jumps."""

    what: int
    direction: int = OF_EITHER
    hi: int = 0
    lo: int = 0
    mask_hi: int = 0
    mask_lo: int = 0
    first: int = 0
    last: int = 0


class Not(NamedTuple):
    of: "Node"


class Chain(NamedTuple):
    """Terms joined by `and` and `or`, from left to right."""

    first: "Node"
    rest: "Sequence[tuple[str, Node]]"


Node = Comparison | Not | Chain | bool
"""A bool holds for every packet that is read, or for none."""


class Qualifiers(NamedTuple):
    """What stands before a value: `tcp src port`."""

    protocol: str = ""
    direction: int = OF_EITHER
    kind: str = ""


TOKEN = re.compile(r"\s*(&&|\|\||[()!]|[^\s()!&|]+|.)", re.DOTALL)
AND, OR, NOT = ("and", "&&"), ("or", "||"), ("not", "!")
DIRECTIONS = {"src": OF_SOURCE, "dst": OF_DESTINATION}
KINDS = ("host", "net", "port", "portrange")
IPV4 = Comparison(TESTS_ADDRESS, OF_SOURCE, 0, IPV4_MAPPED, -1, -1 << 32)
ICMP = Comparison(TESTS_ICMP)
PROTOCOLS: dict[str, Node] = {
    "tcp": True,
    "ip": IPV4,
    "ip6": Not(IPV4),
    "icmp": Chain(ICMP, [("and", IPV4)]),
    "icmp6": Chain(ICMP, [("and", Not(IPV4))]),
    "arp": False,
    "rarp": False,
    "udp": False,
    "sctp": False,
}
"""What a packet must be. All that is filtered are segments of TCP and ICMP about them, so UDP never holds."""
WRITE = "write for example: host 10.0.0.5 and port 5432"
ELSEWHERE = "tcpdump knows it: tcpdump -r FILE -w - '…' | ka-analyze -"


def packet_filter(expression: str, names: Names = lambda _: ()) -> PacketFilter:
    """Make a filter from an expression; `names` knows the addresses of names. FilterError, with what is wrong."""
    tree = _Parser(expression, names).parse() if expression.strip() else True
    tests = Table(FILTER_TESTS)
    tests.reserve(1)
    begin = _emit(tree, PASSES, FAILS, tests)
    return PacketFilter(" ".join(expression.split()), tests, begin)


def _emit(node: Node, if_true: int, if_false: int, tests: Table) -> int:
    """Append the tests of a node, the last one first; return the row to begin with."""
    if isinstance(node, bool):
        return if_true if node else if_false
    if isinstance(node, Not):
        return _emit(node.of, if_false, if_true, tests)
    if isinstance(node, Chain):
        for word, term in reversed(node.rest):
            row = _emit(term, if_true, if_false, tests)
            if_true, if_false = (row, if_false) if word == "and" else (if_true, row)
        return _emit(node.first, if_true, if_false, tests)
    tests.append(*node, if_true, if_false)
    return tests.rows - 1


class _Parser:
    """Reads an expression from left to right."""

    def __init__(self, expression: str, names: Names) -> None:
        self._expression = expression
        self._names = names
        self._tokens = TOKEN.findall(expression.strip())
        self._at = 0
        self._depth = 0
        self._last = Qualifiers()

    def parse(self) -> Node:
        tree = self._chain(self._term)
        if self._next() is not None:
            raise self._error(f"{self._next()!r} is not expected there", WRITE)
        return tree

    def _next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _takes(self, *words: str) -> bool:
        found = self._next() in words
        self._at += found
        return found

    def _error(self, found: str, to_do: str) -> FilterError:
        return FilterError(f"-f {self._expression!r}: {found}; {to_do}")

    def _chain(self, term: Callable[[], Node]) -> Node:
        first = term()
        rest: list[tuple[str, Node]] = []
        while True:
            word = "and" if self._takes(*AND) else "or" if self._takes(*OR) else ""
            if not word:
                return Chain(first, rest) if rest else first
            rest.append((word, term()))

    def _term(self) -> Node:
        if self._takes(*NOT):
            return self._nested(lambda: Not(self._term()))
        if self._takes("("):
            return self._nested(lambda: self._closed(self._chain(self._term)))
        return self._primitive()

    def _nested(self, inner: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > MOST_NESTED:
            raise self._error("it is nested too deeply", "write it with fewer parentheses")
        node = inner()
        self._depth -= 1
        return node

    def _closed(self, node: Node) -> Node:
        if not self._takes(")"):
            raise self._error("a parenthesis is not closed", WRITE)
        return node

    def _primitive(self) -> Node:
        given = Qualifiers(self._protocol(), self._direction(), self._kind())
        if given == Qualifiers():
            return self._value()
        self._last = given
        is_alone = given == Qualifiers(given.protocol)
        if is_alone and self._next() in (None, ")", *AND, *OR):
            return PROTOCOLS[given.protocol]
        if self._takes("("):
            return self._nested(lambda: self._closed(self._chain(self._value)))
        return self._value()

    def _protocol(self) -> str:
        word = self._next()
        self._at += word in PROTOCOLS
        return word if word in PROTOCOLS else ""

    def _direction(self) -> int:
        word = self._next()
        if word not in DIRECTIONS:
            return OF_EITHER
        self._at += 1
        rest = self._tokens[self._at : self._at + 2]
        if len(rest) == 2 and rest[1] in DIRECTIONS and rest[0] in (*AND, *OR):
            self._at += 2
            return DIRECTIONS[word] if rest[1] == word else OF_BOTH if rest[0] in AND else OF_EITHER
        return DIRECTIONS[word]

    def _kind(self) -> str:
        word = self._next()
        self._at += word in KINDS
        return word if word in KINDS else ""

    def _value(self) -> Node:
        """Read a value, which has the qualifiers that were read last."""
        value = self._next()
        if value is None or value in (")", "(", *AND, *OR, *NOT):
            raise self._error("it ends too early" if value is None else f"a value is missing before {value!r}", WRITE)
        self._at += 1
        protocol, direction, kind = self._last
        node = self._ports(value, kind, direction) if kind.startswith("port") else self._hosts(value, kind, direction)
        return Chain(PROTOCOLS[protocol], [("and", node)]) if protocol else node

    def _ports(self, value: str, kind: str, direction: int) -> Node:
        first, dash, last = value.partition("-") if kind == "portrange" else (value, "", "")
        low = self._port(first)
        high = self._port(last) if dash else low
        return Comparison(TESTS_PORT, direction, first=min(low, high), last=max(low, high))

    def _port(self, word: str) -> int:
        if word.isdecimal() and int(word) < 1 << 16:
            return int(word)
        if word in PORTS:
            return PORTS[word]
        try:
            return socket.getservbyname(word, "tcp")
        except (OSError, UnicodeError):
            raise self._error(f"{word!r} is no port", "a port is a number up to 65535, or a service's name") from None

    def _hosts(self, value: str, kind: str, direction: int) -> Node:
        networks = self._networks(value, kind)
        chain = [("or", _address_test(one, direction)) for one in networks]
        return chain[0][1] if len(chain) == 1 else Chain(False, chain)

    def _networks(self, value: str, kind: str) -> list[Network]:
        mask = ""
        if kind == "net" and self._takes("mask"):
            mask, self._at = self._next() or "", self._at + 1
        if kind == "net" and re.fullmatch(r"\d{1,3}(\.\d{1,3}){0,2}", value.partition("/")[0]):  # 10, 10.1, 10.1.2
            address, _, length = value.partition("/")
            parts = address.split(".")
            value = ".".join(parts + ["0"] * (4 - len(parts))) + f"/{length or 8 * len(parts)}"
        try:
            return [ip_network(f"{value.partition('/')[0]}/{mask}" if mask else value)]
        except ValueError as error:
            if "host bits" in str(error):
                raise self._error(f"{value} has bits beyond its mask", f"the network is {_network_of(value)}") from None
        addresses = self._names(value)
        if addresses:
            return [ip_network(ip_address(one)) for one in addresses]
        if kind == "net":
            raise self._error(f"{value!r} is no network", "write for example: net 10.1.0.0/16")
        if kind or self._last.direction != OF_EITHER:
            raise self._error(f"{value!r} is no address", "write one, or name a file that has it: --hosts /etc/hosts")
        raise self._error(
            f"{value!r} is not understood: files are filtered by host, net, port, portrange, src, dst, tcp, ip, ip6, "
            "icmp, and, or, not, inside of VLANs and tunnels as well",
            ELSEWHERE,
        )


def _network_of(value: str) -> Network:
    return ip_network(value, strict=False)


def _address_test(network: Network, direction: int) -> Comparison:
    hi, lo = _halves(network.network_address)
    width = network.prefixlen + (96 if network.version == 4 else 0)
    mask = ((1 << 128) - 1) ^ ((1 << (128 - width)) - 1)
    return Comparison(TESTS_ADDRESS, direction, hi, lo, _signed(mask >> 64), _signed(mask & (1 << 64) - 1))


def _halves(address: IPv4Address | IPv6Address) -> tuple[int, int]:
    """Return an address as PACKETS holds it: two signed halves."""
    number = int(address) + (IPV4_MAPPED if address.version == 4 else 0)
    return _signed(number >> 64), _signed(number & (1 << 64) - 1)


def _signed(half: int) -> int:
    return half - (1 << 64) if half >> 63 else half
