"""The lines that tcpdump prints, as packets.

Knows -e, -n, -S, -v, -X and --number, what stands before IP for `-i any`, tunnels, and the words of versions before
4.0, which AIX still has. A packet may take several lines: its header with -v, then its segment; what an ICMP error
quotes; a tunnel's inner packet. So each is handed out when the next one begins.
"""

import re
from collections.abc import Iterator

from analyzer.capture.text import errors_of_icmp
from analyzer.capture.text.clock import TIME, Clock
from analyzer.capture.text.lines import FLAG_LETTERS, MOST_CACHED, Names, Neighbour, Other, Packet, Segment, Unreachable
from analyzer.schema import ACK

BEGIN = re.compile(rf"(?:\s*\d+  )?\s*({TIME})\s")
FLAGS = ": Flags ["
SEGMENT = re.compile(
    r"([^\]]*)\](?:, cksum [^()]*\([^)]*\))?(?:, seq (\d+)(?::(\d+))?)?(?:, ack (\d+))?(?:, win (\d+))?(?:, urg \d+)?"
    r"(?:, options \[([^\]]*)\])?(?:, length (\d+))?"
)
CUT = "[|tcp"
"""Stands where the snapshot length cuts the options; then the length is missing, too."""
OLD_SEGMENT = re.compile(
    r"([SFRPWE.]+) (?:\[[^\]]*\],? ?)?(?:(\d+):\d+\((\d+)\) ?)?(?:ack (\d+) ?)?win (\d+)(?: urg \d+)?(?: <([^>]*)>)?"
)
"""Words before version 4.0 (print-tcp.c)."""
TIMESTAMPS = re.compile(r"(?:TS val|timestamp) (\d+)(?: ecr)? (\d+)")
SHIFT = re.compile(r"wscale (\d+)")
SACK = re.compile(r"\{(\d+):(\d+)\}")
HEADER = re.compile(r"\((?:tos|class|flowlabel|hlim)[^()]*?(?:ttl|hlim) (\d+)(?:, id (\d+))?")
ICMP = re.compile(r"(?:\[[^\]]*\] )?ICMP6?,? (.*)")
ASKED = re.compile(r"who-has (\S+?)(?: \(.*?\))? tell (\S+?)(?:,|$)")
ANSWERED = re.compile(r"[Rr]eply (\S+) is-at ")
SOUGHT = re.compile(r"neighbor solicitation, (?:length \d+, )?who has (\S+?)(?:,|$)")
ADVERTISED = re.compile(r"neighbor advertisement, (?:length \d+, )?tgt is (\S+?)(?:,|$)")
QUIET = re.compile(r"tcp \d+$")
MESSAGE = re.compile(r"(?:tcpdump|dropped privs|reading from file|listening on|\d+ packets? |\^C)")
DROPPED = re.compile(r"(\d+) packets? dropped by kernel")


class TcpdumpText:
    """Reads lines in order; what it met is in its attributes."""

    def __init__(self, clock: Clock, names: Names) -> None:
        self.dropped = 0
        """Packets that the kernel dropped, as tcpdump says at its end."""
        self.has_ttl = False
        self._clock, self._names = clock, names
        self._packet: Packet | None = None
        self._ttl, self._ip_id = 0, 0
        self._asker: dict[bytes, bytes] = {}

    def read(self, line: str) -> Iterator[Packet]:
        """Yield the packet before this line, if the line begins another. Raises ValueError for a line that cannot be
        read."""
        begin = BEGIN.match(line)
        if begin:
            ready, self._packet = self._packet, None
            if ready is not None:
                yield ready
            self._ttl = self._ip_id = 0
            self._packet = self._content(self._clock.ns(begin[1]), line[begin.end() :])
        elif self._packet is not None and (FLAGS in line or " > " in line or HEADER.search(line)):
            self._more(self._packet, line)
        elif line[:1].isspace() or MESSAGE.match(line):
            dropped = DROPPED.match(line)
            self.dropped += int(dropped[1]) if dropped else 0
        else:
            raise ValueError(line)

    def end(self) -> Iterator[Packet]:
        """Yield the last packet."""
        if self._packet is not None:
            yield self._packet

    def _more(self, packet: Packet, line: str) -> None:
        """Take in a further line of a packet."""
        if isinstance(packet, Unreachable):
            place = line.find(FLAGS)
            if place >= 0:
                quoted = self._names.endpoint(line[:place].rpartition(" ")[2])
                self._packet = packet._replace(address=quoted.address, port=quoted.port)
        elif isinstance(packet, Segment):
            if FLAGS in line and not line[:1].isspace():
                raise ValueError(line)
        else:
            self._packet = self._content(packet.ts_ns, line.strip())

    def _content(self, ts_ns: int, text: str) -> Packet:
        """Return the packet that stands behind a time. Raises ValueError if it is none."""
        place = text.find(FLAGS)
        if place < 0:
            return self._no_segment(ts_ns, text)
        if "(" in text[:place]:
            self._header(text)
        names = self._names
        ends = text[:place].rsplit(" ", 3)
        if len(ends) < 3 or ends[-2] != ">":
            raise ValueError(text)
        segment = Segment(ts_ns, names.endpoint(ends[-3]), names.endpoint(ends[-1]))
        found = SEGMENT.match(text, place + len(FLAGS))
        if not found:
            raise ValueError(text)
        flags, seq, end, ack, window, options, length = found.groups()
        if length is None:
            if options is None or CUT not in options:
                raise ValueError(text)
            length = str((int(end) - int(seq)) & 0xFFFFFFFF) if end is not None else "0"
        return self._filled(segment, flags, (seq, ack, window, length), options)

    def _filled(self, segment: Segment, flags: str, numbers: tuple[str | None, ...], options: str | None) -> Segment:
        seq, ack, window, length = (int(one) if one is not None else None for one in numbers)
        segment.flags = sum(FLAG_LETTERS.get(letter, 0) for letter in flags) if flags != "none" else 0
        segment.seq, segment.ack = seq, ack
        segment.flags |= ACK if ack is not None else 0
        segment.window, segment.length = min(window or 0, 0xFFFF), length or 0
        segment.ttl, segment.ip_id = self._ttl, self._ip_id
        if options:
            stamps = TIMESTAMPS.search(options)
            if stamps:
                segment.tsval, segment.tsecr = int(stamps[1]) & 0xFFFFFFFF, int(stamps[2]) & 0xFFFFFFFF
            if "wscale" in options and (shift := SHIFT.search(options)):
                segment.shift = int(shift[1])
            if "{" in options:
                segment.sack = tuple((int(left), int(right)) for left, right in SACK.findall(options))
        return segment

    def _header(self, text: str) -> bool:
        """Take TTL and identification from the header that -v prints; return whether there is one."""
        found = HEADER.search(text)
        if found:
            self._ttl, self._ip_id = int(found[1]) & 0xFF, int(found[2] or 0) & 0xFFFF
            self.has_ttl = True
        return found is not None

    def _no_segment(self, ts_ns: int, text: str) -> Packet:
        names = self._names
        found = ASKED.search(text)
        if found:
            asker, address = names.address(found[2]), names.address(found[1])
            if len(self._asker) >= MOST_CACHED:
                self._asker.clear()
            self._asker[address] = asker
            return Neighbour(ts_ns, False, asker, address)
        found = ANSWERED.search(text)
        if found:
            address = names.address(found[1])
            return Neighbour(ts_ns, True, self._asker.get(address, bytes(len(address))), address)
        place = text.find(": ", max(text.rfind(" > "), 0))
        if place > 0 and " > " in text:
            source, _, target = text[:place].rpartition(" > ")
            return self._between(ts_ns, source.rpartition(" ")[2], target, text[place + 2 :])
        if self._header(text) or text.startswith(("ARP", "STP", "LLDP", "LLC")):
            return Other(ts_ns)
        raise ValueError(text)

    def _between(self, ts_ns: int, source: str, target: str, words: str) -> Packet:
        """Return what is neither a segment in today's words nor ARP, from its ends and what stands behind them."""
        names = self._names
        found = ICMP.match(words)
        if found:
            return self._icmp(ts_ns, source, target, found[1])
        found = OLD_SEGMENT.match(words)
        if found:
            flags, seq, length, ack, window, options = found.groups()
            segment = Segment(ts_ns, names.endpoint(source), names.endpoint(target))
            return self._filled(segment, flags, (seq, ack, window, length), options)
        if QUIET.match(words):
            raise ValueError(words)
        return Other(ts_ns)

    def _icmp(self, ts_ns: int, source: str, target: str, words: str) -> Packet:
        names = self._names
        sought, advertised = SOUGHT.search(words), ADVERTISED.search(words)
        if sought:
            return Neighbour(ts_ns, False, names.address(source), names.address(sought[1]))
        if advertised:
            return Neighbour(ts_ns, True, names.address(target), names.address(advertised[1]))
        error = errors_of_icmp.of_tcpdump(words)
        if error is None:
            return Other(ts_ns)
        about = names.address(error.address) if error.address else None
        port = names.port(error.port) if error.port else None
        return Unreachable(ts_ns, names.address(source), names.address(target), error.kind, error.code, about, port)


def is_quiet(line: str) -> bool:
    """Tell whether a line is that of -q: it has neither flags nor numbers."""
    return " > " in line and QUIET.match(line.rpartition(": ")[2]) is not None
