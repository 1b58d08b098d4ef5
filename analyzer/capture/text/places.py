"""The numbers that a text leaves out, from what comes before and after.

tcpdump prints no sequence number of an empty segment, unless -vv is given. Most are acknowledgements, at SND.NXT. A
keepalive probe lies one below (RFC 9293 §3.8.4), and is known without its number by what surrounds it:

  What                                                        Taken for
  ----------------------------------------------------------  ---------------------------------------------------
  acknowledges something new, or leaves data unacknowledged   an ACK
  follows what may be a probe of the other end                its answer
  comes after the answer to its own, at once                  an ACK: that answer was a probe that crossed its own
  repeats its ACK, but echoes what the text does not have     an ACK: it may answer a probe that is not in the text
  repeats its ACK, nothing of the other end is in the text    an ACK, for the same reason
  repeats its ACK after silence, with no larger window        a probe, whether it is answered or not
  repeats its ACK otherwise: a larger window, or soon         a probe if an answer follows at once, else an ACK

The last four look for segments that nothing has asked for.
"""

from analyzer.capture.text.conversations import Conversation, Side
from analyzer.capture.text.lines import Segment
from analyzer.schema import ABSENT
from analyzer.sequence import seq_add, seq_diff

SILENCE_NS = 900_000_000
"""Shortest silence before a probe: no interval is shorter than a second (as in `keepalive/tags/rules.py`)."""
SOON_NS = 50_000_000
"""What repeats itself sooner is one of a burst of duplicate ACKs."""
CROSSED_NS = 300_000_000
"""Longest time from a probe that crossed another to its answer."""
SMALLEST_UPDATE = 536
"""A receiver keeps a window back until it has grown by a segment (RFC 9293 §3.8.6.2.2); probes tell smaller changes."""
TWICE_NS = 5_000_000
"""Longest time between a packet and the same packet on another interface."""
ANSWER_NS = 3_000_000_000
"""Longest round trip: what comes later answers nothing."""


class Places:
    """Gives numbers to segments that have none, and counts them."""

    def __init__(self) -> None:
        self.numberless = 0
        """Empty segments without a number in the text."""
        self.inferred = 0
        """Those of them that were taken for probes."""
        self.undecided = 0
        """Those that may be probes or answers to probes that the text does not have."""

    def place(self, segment: Segment, conversation: Conversation, own: Side, other: Side) -> None:
        """Set the number of an empty segment of `own`, and of an earlier one if this shows what that was."""
        self.numberless += 1
        if own.nxt is None:
            own.hidden.append(segment)
            return
        segment.seq = own.nxt
        before = conversation.last
        if before is None:
            return
        if before is own.last and is_twice(before, segment):
            segment.seq = before.seq
            return
        is_again = own.acked == segment.ack and (other.nxt is None or other.nxt == segment.ack)
        since_ns = segment.ts_ns - before.ts_ns
        opened, answer = conversation.opened, conversation.answer
        conversation.opened = conversation.answer = None
        if is_again and before is other.last and since_ns <= ANSWER_NS:
            if opened is before:
                self._take_for_probe(opened, other, own, conversation.weak)
                conversation.answer = segment
                return
            if answer is before and since_ns < CROSSED_NS:
                self._take_for_probe(answer, other, own, True)
                return
        if not is_again or not is_unasked(segment, before, own, other, answer is before):
            return
        if other.last is None or echoes_unseen(segment, other):
            self.undecided += 1
            return
        conversation.opened = segment
        conversation.weak = since_ns < SILENCE_NS or may_be_update(segment, own, other)
        self._take_for_probe(segment, own, other, not conversation.weak)

    def _take_for_probe(self, segment: Segment, own: Side, other: Side, is_new: bool) -> None:
        """Put a segment one below what its side has sent, if it is not there yet."""
        if is_new:
            self.inferred += 1
            below = other.acked if other.acked is not None else own.nxt
            segment.seq = seq_add(below or 0, -1)


def is_twice(before: Segment, segment: Segment) -> bool:
    """Tell whether a segment is the one before it, captured on another interface."""
    is_same = (before.ack, before.window, before.tsval, before.length, before.flags) == (
        segment.ack,
        segment.window,
        segment.tsval,
        segment.length,
        segment.flags,
    )
    return is_same and segment.ts_ns - before.ts_ns <= TWICE_NS


def is_unasked(segment: Segment, before: Segment, own: Side, other: Side, is_answered: bool) -> bool:
    """Tell whether nothing explains a segment that repeats an ACK but a timer: it comes after silence, after its own
    side's latest, or after an answer to that, and is no window update after a closed window. With data in flight only a
    closed window lets a timer send (RFC 9293 §3.8.6.1)."""
    if own.window == 0 and segment.window > 0:
        return False
    is_in_flight = other.acked is not None and own.nxt is not None and seq_diff(own.nxt, other.acked) > 0
    is_closed = other.last is not None and other.window == 0
    if is_in_flight and not is_closed:
        return False
    since_ns = segment.ts_ns - before.ts_ns
    return since_ns >= SILENCE_NS or (since_ns >= SOON_NS and (before is own.last or is_closed or is_answered))


def may_be_update(segment: Segment, own: Side, other: Side) -> bool:
    """Tell whether a segment may be there to tell that the window has grown."""
    grown = segment.window - own.window
    if grown <= 0 or min(own.shift, other.shift) < 0:
        return grown > 0
    return grown << own.shift >= SMALLEST_UPDATE


def echoes_unseen(segment: Segment, other: Side) -> bool:
    """Tell whether a segment's timestamp echoes something of the other end that the text does not have (RFC 7323
    §3)."""
    return ABSENT not in (segment.tsecr, other.tsval) and seq_diff(segment.tsecr, other.tsval) > 0
