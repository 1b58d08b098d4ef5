"""The packets of a text with all their numbers, in order: each is held until what follows shows what it is.

An application's data without ports (`lines.Data`) belongs to the one conversation between its hosts, or to that in
which just as much is acknowledged, or goes on, next. An ICMP error is about what its addressee sent last. What stays
undecided is counted, and nothing is claimed from it.
"""

from collections import deque
from collections.abc import Iterator

from analyzer.capture.text.conversations import Conversation, Conversations, Side
from analyzer.capture.text.errors_of_icmp import UNREACHABLE, UNREACHABLE_V6
from analyzer.capture.text.lines import Address, Data, Packet, Quote, Segment, Unreachable
from analyzer.capture.text.places import ANSWER_NS, Places
from analyzer.schema import ABSENT, ACK, FIN, RST, SYN
from analyzer.sequence import seq_add, seq_diff

AHEAD_PACKETS = 1 << 16
"""Most packets that are held at once."""
NO_NUMBER = 0x40000000
"""Stands for the number of a side of which the text shows none."""
QUOTE_NS = 30_000_000_000
"""Longest time from a packet to an ICMP error about it: routers ask for an address for some seconds."""
AT_ONCE_NS = 100_000_000
"""Time within which an error is about the latest packet, whatever else was sent before."""
HOST_UNREACHABLE = ((UNREACHABLE, 1), (UNREACHABLE_V6, 3))
"""Type and code of what a router says after it has asked for an address in vain, for seconds, or from a route."""
ROUTED_NS = 2_000_000
"""Time within which it says so from a route: what waits for an address hardly fails just after another packet."""
MOST_WAITING = 64
"""Most data of unknown ports, between the same hosts, that waits at once for what shows where it belongs."""
MOST_HOSTS = 1 << 16
"""Hosts, or pairs of them, that something is remembered of; beyond, all is forgotten."""
PUSH = 8
LARGEST_WINDOW = 0xFFFF


class Sent:
    """What a host sent last: in which conversation, and when it last sent in another."""

    __slots__ = ("conversation", "elsewhere_ns", "segment")

    def __init__(self, conversation: Conversation, segment: Segment) -> None:
        self.conversation, self.segment, self.elsewhere_ns = conversation, segment, ABSENT

    def take(self, conversation: Conversation, segment: Segment) -> None:
        if conversation is not self.conversation:
            self.elsewhere_ns = self.segment.ts_ns
        self.conversation, self.segment = conversation, segment


class Packets:
    """Packets as the text has them in, packets with numbers out. `is_counted` if all numbers are relative."""

    def __init__(self, is_counted: bool) -> None:
        self.places = Places()
        self.undecided = 0
        """Packets whose connection the text does not tell."""
        self._is_counted = is_counted
        self._conversations = Conversations(is_counted)
        self._held: deque[list[Packet]] = deque()
        self._waiting: dict[tuple[Address, Address], list[tuple[Data, list[Packet]]]] = {}
        self._sent: dict[Address, Sent] = {}

    def take(self, packet: Packet) -> Iterator[Packet]:
        """Take the next packet, and yield those that nothing later can change."""
        holder = [packet]
        if isinstance(packet, Segment):
            self._follow(packet)
        elif isinstance(packet, Data):
            self._find_conversation(packet, holder)
        elif isinstance(packet, Unreachable):
            holder[0] = self._quoting(packet)
        self._held.append(holder)
        before_ns = packet.ts_ns - ANSWER_NS
        while self._held[0][0].ts_ns < before_ns or len(self._held) > AHEAD_PACKETS:
            yield self._settled(self._held.popleft()[0])

    def end(self) -> Iterator[Packet]:
        """Yield what is still held."""
        while self._held:
            yield self._settled(self._held.popleft()[0])

    def _settled(self, packet: Packet) -> Packet:
        if isinstance(packet, Segment):
            if packet.seq is None:
                packet.seq = NO_NUMBER
        elif isinstance(packet, Data | Unreachable):
            self.undecided += 1
        return packet

    def _follow(self, segment: Segment) -> None:
        conversation, which = self._conversations.of(segment)
        own, other = conversation.sides[which], conversation.sides[1 - which]
        self._take_numbers(segment, conversation, own, other)
        if self._is_counted:
            is_scaled = not segment.flags & SYN and min(own.shift, other.shift) >= 0
            segment.window = min(segment.window >> own.shift if is_scaled else segment.window, LARGEST_WINDOW)
        if self._waiting or conversation.assumed is not None:
            self._settle_data(segment, conversation, own, other)
        if segment.seq is None and segment.flags & (SYN | FIN | RST | ACK) == ACK:
            self.places.place(segment, conversation, own, other)
        else:
            conversation.opened = conversation.answer = None
        conversation.advance(own, other, segment)
        sent = self._sent.get(segment.source.address)
        if sent is not None:
            sent.take(conversation, segment)
        else:
            if len(self._sent) >= MOST_HOSTS:
                self._sent.clear()
            self._sent[segment.source.address] = Sent(conversation, segment)

    def _take_numbers(self, segment: Segment, conversation: Conversation, own: Side, other: Side) -> None:
        is_absolute = not segment.flags & ACK or segment.flags & SYN != 0
        if conversation.last is None:
            conversation.began_ack = segment.ack
        if segment.seq is not None:
            if segment.flags & SYN and own.base is None:
                own.base = segment.seq
            segment.seq = conversation.number(own, segment.seq, is_ack=False, is_absolute=is_absolute)
        if segment.ack is not None:
            if segment.flags & SYN and other.base is None:
                other.base = seq_add(segment.ack, -1)
            segment.ack = conversation.number(other, segment.ack, is_ack=True, is_absolute=segment.flags & SYN != 0)
        if segment.sack:
            segment.sack = tuple(
                (conversation.number(other, left, True, False), conversation.number(other, right, True, False))
                for left, right in segment.sack
            )

    def _find_conversation(self, data: Data, holder: list[Packet]) -> None:
        """Give data without ports to the only conversation that it can be of, or let it wait."""
        between = self._conversations.between(data.source, data.target)
        if len(between) == 1:
            [(conversation, which)] = between
            self._give(data, holder, conversation, which, data.octets - _headers(conversation))
            conversation.assumed = conversation.last
        elif between:
            if len(self._waiting) >= MOST_HOSTS:
                self._waiting.clear()
            waiting = self._waiting.setdefault((data.source, data.target), [])
            waiting.append((data, holder))
            del waiting[:-MOST_WAITING]

    def _give(
        self, data: Data, holder: list[Packet], conversation: Conversation, which: int, length: int, more: int = 0
    ) -> None:
        """Put a segment of a conversation in the place of data; `more` is FIN if that ended with it."""
        own, other = conversation.sides[which], conversation.sides[1 - which]
        if own.last is None and other.last is None:
            return
        sample = own.last or other.last
        assert sample is not None
        ends = (sample.source, sample.target) if own.last is sample else (sample.target, sample.source)
        segment = Segment(data.ts_ns, *ends)
        segment.flags, segment.length = ACK | PUSH | more, max(length, 1)
        segment.seq = own.nxt if own.nxt is not None else NO_NUMBER
        segment.ack, segment.window = own.acked or other.nxt or 0, own.window
        conversation.opened = conversation.answer = None
        conversation.advance(own, other, segment)
        holder[0] = segment

    def _settle_data(self, segment: Segment, conversation: Conversation, own: Side, other: Side) -> None:
        """Find out from a segment where waiting data belongs, and how long it was."""
        assumed, conversation.assumed = conversation.assumed, None
        if assumed is not None and segment.ack is not None and assumed is other.last:
            more = seq_diff(segment.ack, other.nxt or 0)
            if more == 1 and conversation.headers:
                assumed.flags |= FIN
            elif 0 < assumed.length + more <= LARGEST_WINDOW:
                assumed.length += more
        source, target = segment.source.address, segment.target.address
        if segment.ack is not None and other.nxt is not None:
            self._match((target, source), conversation, other, seq_diff(segment.ack, other.nxt), segment.ts_ns)
        if segment.seq is not None and own.nxt is not None:
            self._match((source, target), conversation, own, seq_diff(segment.seq, own.nxt), segment.ts_ns)

    def _match(
        self, hosts: tuple[Address, Address], conversation: Conversation, side: Side, octets: int, now_ns: int
    ) -> None:
        """Give the first of the waiting data that has just this length to a side of a conversation."""
        waiting = self._waiting.get(hosts)
        if not waiting:
            return
        waiting[:] = [one for one in waiting if now_ns - one[0].ts_ns <= ANSWER_NS]
        for data, holder in waiting if octets > 0 else ():
            length = data.octets - _headers(conversation)
            if octets in (length, length + 1):
                more = FIN if octets > length else 0
                waiting.remove((data, holder))
                self._give(data, holder, conversation, conversation.sides.index(side), length, more)
                return

    def _quoting(self, error: Unreachable) -> Packet:
        """Return an ICMP error with the segment that it is about: the latest of its addressee to that place, if none
        else comes into question."""
        sent = self._sent.get(error.target)
        if error.address is None:
            times = (sent.segment.ts_ns, sent.elsewhere_ns) if sent is not None else (ABSENT, ABSENT)
            return Quote(error.ts_ns, error, sent.segment) if sent and _is_about(error, *times) else error
        latest = [
            last
            for conversation, which in self._conversations.between(error.target, error.address)
            if (last := conversation.sides[which].last) is not None and error.port in (None, last.target.port)
        ]
        if sent is not None and sent.segment.flags & RST and sent.segment.target.address == error.address:
            latest.append(sent.segment)  # its conversation is over, and the error may be about the RST
        latest.sort(key=lambda segment: segment.ts_ns)
        others_ns = latest[-2].ts_ns if len(latest) > 1 else ABSENT
        is_clear = latest and _is_about(error, latest[-1].ts_ns, others_ns)
        return Quote(error.ts_ns, error, latest[-1]) if is_clear else error


def _is_about(error: Unreachable, sent_ns: int, others_ns: int) -> bool:
    """Tell whether an error is about what was sent at `sent_ns`, and not about others before."""
    since_ns, since_others_ns = error.ts_ns - sent_ns, error.ts_ns - others_ns
    if sent_ns == ABSENT or since_ns > QUOTE_NS:
        return False
    at_once_ns = ROUTED_NS if (error.kind, error.code) in HOST_UNREACHABLE else AT_ONCE_NS
    is_at_once = since_ns <= at_once_ns and since_others_ns > AT_ONCE_NS
    return is_at_once or others_ns == ABSENT or since_others_ns > QUOTE_NS


def _headers(conversation: Conversation) -> int:
    """Return the octets of headers in a frame of a conversation, as the text shows them, or as they usually are."""
    if conversation.headers:
        return conversation.headers
    last = conversation.last
    return 54 + 20 * (last is not None and len(last.source.address) == 16) + 12 * (last is not None and last.tsval >= 0)
