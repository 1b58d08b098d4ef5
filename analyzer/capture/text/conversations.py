"""The state of each conversation of a text: which numbers have been used, what was last said, what is still owed.

tcpdump counts from the first segment with ACK of a conversation, unless -S is given, but prints the numbers of that
one, and of what has no ACK, as they are (print-tcp.c). Which of both a number is shows in which of them lies nearer to
where the sequence stands.
"""

from analyzer.capture.text.lines import Address, Endpoint, Segment
from analyzer.schema import ABSENT, ACK, FIN, RST, SYN
from analyzer.sequence import seq_add, seq_diff

MASK = 0xFFFFFFFF
COUNTED = 1 << 20
"""First numbers below this are counted already: an excerpt. Of 4,096 initial sequence numbers one is as small."""
FAR = 1 << 30
"""No window reaches further (RFC 7323 §2.3)."""
SHORTEST_FRAME, SHORTEST_HEADERS = 60, 54
"""Ethernet pads what is shorter (IEEE 802.3); headers of Ethernet, IPv4 and TCP without options."""
MOST = 1 << 17
"""Conversations that are followed at once; the half that was silent longest is forgotten beyond."""


class Side:
    """One direction of a conversation."""

    __slots__ = ("acked", "base", "hidden", "is_counted", "last", "nxt", "offset", "shift", "tsval", "window")

    def __init__(self, offset: int, is_counted: bool) -> None:
        """Begin without any number. Counted numbers of a side are beyond `offset`, as if that were its first: those of
        two conversations must not look like one sequence."""
        self.offset, self.is_counted = offset, is_counted
        self.base = offset if is_counted else None
        """What relative numbers count from; None until a number of this side is seen."""
        self.nxt: int | None = None
        """SND.NXT (RFC 9293 §3.3.1), as far as the text tells."""
        self.acked: int | None = None
        """Its latest SEG.ACK."""
        self.last: Segment | None = None
        """Its latest segment."""
        self.hidden: list[Segment] = []
        """Its segments without a number, until one of its numbers is seen."""
        self.window, self.shift, self.tsval = 0, ABSENT, ABSENT


class Conversation:
    """Two endpoints, until one of them opens a connection anew. `is_counted` if the text has relative numbers alone."""

    __slots__ = (
        "answer",
        "assumed",
        "began_ack",
        "headers",
        "is_counted",
        "is_over",
        "last",
        "opened",
        "sides",
        "weak",
    )

    def __init__(self, is_counted: bool, number: int) -> None:
        """Begin the conversation with this number."""
        self.is_counted = is_counted
        first = number * 0x9E3779B1 & MASK
        self.sides = (Side(first, is_counted), Side(first ^ 0x5BD1E995, is_counted))
        self.last: Segment | None = None
        self.headers = 0
        """Octets of headers in a frame, where the text tells the length of frames."""
        self.is_over = False
        self.began_ack: int | None = None
        """The acknowledgement of its first segment, as it is printed."""
        self.opened: Segment | None = None
        """What may be a probe that nothing has followed yet; `weak` if only an answer makes it one."""
        self.weak = False
        self.answer: Segment | None = None
        """What may be the answer to a probe, if nothing has followed it yet."""
        self.assumed: Segment | None = None
        """Data whose length, and FIN, the text does not tell, if it is the latest of its side."""

    @property
    def last_ns(self) -> int:
        return self.last.ts_ns if self.last is not None else ABSENT

    def number(self, side: Side, printed: int, is_ack: bool, is_absolute: bool) -> int:
        """Return a sequence number of this side, or an acknowledgement of it, as it was on the wire."""
        if side.base is None and printed < COUNTED and not is_absolute:
            side.base, side.is_counted = side.offset, True
            self._reveal(side, seq_add(side.offset, printed))
        if side.is_counted:
            if (
                is_absolute and not self.is_counted
            ):  # its place is known only to one who knows what the others count from
                return side.nxt if side.nxt is not None else side.offset
            return seq_add(side.base or 0, printed)
        if is_absolute:
            return printed
        if side.base is None:
            side.base = seq_add(printed, -1 if is_ack else 0)
            self._reveal(side, printed)
            return printed
        counted = seq_add(side.base, printed)
        if side.nxt is None:
            return printed if printed >= COUNTED else counted
        return min(printed, counted, key=lambda one: abs(seq_diff(one, side.nxt or 0)))

    def _reveal(self, side: Side, number: int) -> None:
        """Place the segments that the side had sent before any of its numbers was seen: tcpdump counts from the first,
        if the conversation begins there; else they are taken for ACKs."""
        is_first = side.is_counted and self.began_ack is not None and self.began_ack >= COUNTED
        for segment in side.hidden:
            segment.seq = side.offset if is_first else number
        side.hidden = []

    def begins_anew(self, own: Side, segment: Segment) -> bool:
        """Tell whether a SYN opens another connection than the one that is followed here."""
        if self.is_counted:
            return any(side.last is not None and not side.last.flags & SYN for side in self.sides)
        return own.nxt is not None and seq_add(segment.seq or 0, 1) != own.nxt

    def advance(self, own: Side, other: Side, segment: Segment) -> None:
        """Take in a segment whose numbers are absolute."""
        if self.last is None:
            self.began_ack = segment.ack
        if not segment.flags & RST:
            if segment.seq is not None:
                end = seq_add(segment.seq, segment.length + (segment.flags & SYN != 0) + (segment.flags & FIN))
                if own.nxt is None or 0 < seq_diff(end, own.nxt) < FAR:
                    own.nxt = end
            if segment.ack is not None:
                own.acked = segment.ack
                if other.nxt is None or 0 < seq_diff(segment.ack, other.nxt) < FAR:
                    other.nxt = segment.ack
            own.window = segment.window
        if segment.flags & SYN:
            own.shift = segment.shift
        if segment.tsval != ABSENT:
            own.tsval = segment.tsval
        if segment.octets and not segment.flags & SYN:
            self.headers = segment.octets - segment.length if segment.octets > SHORTEST_FRAME else SHORTEST_HEADERS
        own.last = self.last = segment
        self.is_over |= segment.flags & RST != 0


class Conversations:
    """All of a text, by their endpoints."""

    def __init__(self, is_counted: bool) -> None:
        self._is_counted = is_counted
        self._by_ends: dict[tuple[Endpoint, Endpoint], tuple[Conversation, int]] = {}
        self._by_hosts: dict[tuple[Address, Address], list[tuple[Conversation, int]]] = {}
        self._begun = 0

    def of(self, segment: Segment) -> tuple[Conversation, int]:
        """Return the conversation that a segment belongs to, and which of its sides sent it."""
        found = self._by_ends.get((segment.source, segment.target))
        if found is None:
            return self._begin(segment)
        conversation, side = found
        is_opening = segment.flags & (SYN | ACK) == SYN
        if is_opening and conversation.begins_anew(conversation.sides[side], segment):
            conversation.is_over = True
            return self._begin(segment)
        return found

    def known(self, source: Endpoint, target: Endpoint) -> tuple[Conversation, int] | None:
        """Return the conversation between these endpoints, if there is one."""
        return self._by_ends.get((source, target))

    def between(self, source: Address, target: Address) -> list[tuple[Conversation, int]]:
        """Return the conversations that go on between two addresses, each with the side that sends from the first."""
        found = [one for one in self._by_hosts.get((source, target), ()) if not one[0].is_over]
        if found:
            self._by_hosts[source, target] = found
        return found

    def _begin(self, segment: Segment) -> tuple[Conversation, int]:
        if len(self._by_ends) >= 2 * MOST:
            self._forget()
        self._begun += 1
        conversation = Conversation(self._is_counted, self._begun)
        for side, (source, target) in enumerate(((segment.source, segment.target), (segment.target, segment.source))):
            self._by_ends[source, target] = conversation, side
            self._by_hosts.setdefault((source.address, target.address), []).append((conversation, side))
        return conversation, 0

    def _forget(self) -> None:
        """Forget the half that was silent longest."""
        order = sorted(self._by_ends.items(), key=lambda item: item[1][0].last_ns)
        self._by_ends = dict(order[len(order) // 2 :])
        self._by_hosts = {}
        for (source, target), one in self._by_ends.items():
            self._by_hosts.setdefault((source.address, target.address), []).append(one)
