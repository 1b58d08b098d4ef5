"""The lines that tshark prints by default, and Wireshark's summary saved as text: one line a packet.

Each has number, time, addresses, protocol, perhaps the frame's length, and the summary. A segment's summary has
numbers, also of an empty one; where the application's protocol is known, the summary is the application's alone.
"""

import re
from collections.abc import Iterator

from analyzer.capture.text import errors_of_icmp
from analyzer.capture.text.clock import TIME, Clock
from analyzer.capture.text.lines import (
    MOST_CACHED,
    Data,
    Endpoint,
    Names,
    Neighbour,
    Other,
    Packet,
    Segment,
    Unreachable,
)
from analyzer.schema import ACK, FIN, RST, SYN

ARROW = r"(?:→|->|\\342\\206\\222)"
BEGIN = re.compile(rf"\s*(?:\d+\s+)?({TIME})\s+(\S+)\s+(?:{ARROW}\s+)?(\S+)\s+(\S.*)")
SUMMARY = re.compile(rf"(?:^|\s)([\w-]+)\s?(?:{ARROW}|>)\s?([\w-]+) \[([A-Z, ]+|<None>)\] (?=Seq=)(.*)")
"""Summary of a TCP segment (Wireshark: packet-tcp.c)."""
FIELD = re.compile(r"\b(Seq|Ack|Win|Len|WS|TSval|TSecr|SLE|SRE)=(\d+)")
FRAME = re.compile(r"(\S+)\s+(?:(\d+)\s+)?(.*)")
WITHOUT_PORTS = re.compile(
    r"TCP|TLS|SSL|HTTP|SSH|SMB|MySQL|PGSQL|MONGO|AMQP|MQTT|RESP|Modbus|FIX|BGP|IMAP|POP|SMTP|FTP|LDAP|"
    r"TDS|Kafka|XMPP|TELNET|RDP|OpcUa|S7COMM|COTP|TPKT|Memcache|WebSocket|DCERPC|NFS|RPC|iSCSI|CQL|ZMTP|NATS|GRPC|ECHO"
)
"""Protocols over TCP; others may be, but DNS, QUIC and their like mostly are not."""
ARP_ASKS = re.compile(r"Who has (\S+)\? (?:\(.*?\) )?Tell (\S+)")
ARP_ANSWERS = re.compile(r"(\S+) is at ")
SOUGHT = re.compile(r"Neighbor Solicitation for (\S+)")
ADVERTISED = re.compile(r"Neighbor Advertisement (\S+)")
BITS = {"FIN": FIN, "SYN": SYN, "RST": RST, "PSH": 8, "ACK": ACK, "URG": 32, "ECN": 64, "ECE": 64, "CWR": 128}
MESSAGE = re.compile(r"(?:No\.\s+Time|Capturing on|Running as user|\d+ packets? (?:captured|dropped)|tshark: | \*\* )")
DROPPED = re.compile(r"(\d+) packets? dropped")


class TsharkText:
    """Reads lines in order; what it met is in its attributes."""

    def __init__(self, clock: Clock, names: Names) -> None:
        self.dropped = 0
        """Packets that were dropped, as tshark says at its end."""
        self.has_ttl = False
        self._clock, self._names = clock, names
        self._asker: dict[bytes, bytes] = {}

    def read(self, line: str) -> Iterator[Packet]:
        """Yield the packet of this line. Raises ValueError for a line that cannot be read."""
        begin = BEGIN.match(line)
        if begin:
            time, source, target, rest = begin.groups()
            yield self._packet(self._clock.ns(time), source, target, rest)
        elif MESSAGE.match(line):
            dropped = DROPPED.match(line)
            self.dropped += int(dropped[1]) if dropped else 0
        else:
            raise ValueError(line)

    def end(self) -> Iterator[Packet]:
        """Yield nothing: every packet is on a line of its own."""
        return iter(())

    def _packet(self, ts_ns: int, source: str, target: str, rest: str) -> Packet:
        found = SUMMARY.search(rest)
        if found:
            return self._segment(ts_ns, source, target, rest, found)
        frame = FRAME.match(rest)
        protocol, octets, words = frame.groups() if frame else (rest, None, "")
        if protocol == "ARP" or target == "ARP":  # of an interface without addresses
            return self._arp(ts_ns, rest)
        if protocol.startswith("ICMP"):
            return self._icmp(ts_ns, source, target, protocol, words)
        if WITHOUT_PORTS.match(protocol) and octets is not None:
            return Data(ts_ns, self._names.address(source), self._names.address(target), int(octets))
        return Other(ts_ns)

    def _segment(self, ts_ns: int, source: str, target: str, rest: str, found: re.Match[str]) -> Segment:
        names = self._names
        source_port, target_port, bits, fields = found.groups()
        from_end = Endpoint(names.address(source), names.port(source_port))
        to_end = Endpoint(names.address(target), names.port(target_port))
        segment = Segment(ts_ns, from_end, to_end)
        values = FIELD.findall(fields)
        number = {name: int(digits) for name, digits in values}
        for bit in bits.split(","):
            segment.flags |= BITS.get(bit.strip(), 0)
        segment.seq, segment.ack = number["Seq"], number.get("Ack") if segment.flags & ACK else None
        segment.window, segment.length = number.get("Win", 0), number.get("Len", 0)
        segment.tsval, segment.tsecr = number.get("TSval", -1), number.get("TSecr", -1)
        if segment.flags & SYN and "WS" in number:
            segment.shift = max(number["WS"], 1).bit_length() - 1
        if "SLE" in number:
            edges = [int(digits) for name, digits in values if name in ("SLE", "SRE")]
            segment.sack = tuple(zip(edges[::2], edges[1::2], strict=False))
        octets = rest.split(None, 2)[1]
        segment.octets = int(octets) if octets.isdecimal() else 0
        return segment

    def _arp(self, ts_ns: int, words: str) -> Packet:
        names = self._names
        found = ARP_ASKS.search(words)
        if found:
            asker, address = names.address(found[2]), names.address(found[1])
            if len(self._asker) >= MOST_CACHED:
                self._asker.clear()
            self._asker[address] = asker
            return Neighbour(ts_ns, False, asker, address)
        found = ARP_ANSWERS.search(words)
        if found:
            address = names.address(found[1])
            return Neighbour(ts_ns, True, self._asker.get(address, bytes(len(address))), address)
        return Other(ts_ns)

    def _icmp(self, ts_ns: int, source: str, target: str, protocol: str, words: str) -> Packet:
        names = self._names
        sought, advertised = SOUGHT.search(words), ADVERTISED.search(words)
        if sought:
            return Neighbour(ts_ns, False, names.address(source), names.address(sought[1]))
        if advertised:
            return Neighbour(ts_ns, True, names.address(target), names.address(advertised[1]))
        error = errors_of_icmp.of_tshark(protocol, words)
        if error is None:
            return Other(ts_ns)
        return Unreachable(ts_ns, names.address(source), names.address(target), error.kind, error.code, None)
