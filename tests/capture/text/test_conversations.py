"""Numbers of tcpdump: relative to the first, but for that one and for what has no ACK (print-tcp.c)."""

from analyzer.capture.text.conversations import Conversation, Conversations
from analyzer.capture.text.lines import Endpoint, Segment
from analyzer.schema import ACK, RST, SYN

A, B = Endpoint(bytes([192, 0, 2, 1]), 40000), Endpoint(bytes([192, 0, 2, 2]), 443)
ISN = 3_263_583_156


def segment(source: Endpoint, target: Endpoint, flags: int, seq: int | None = None, ts_ns: int = 0) -> Segment:
    one = Segment(ts_ns, source, target)
    one.flags, one.seq = flags, seq
    return one


def test_relative_and_absolute_numbers_mean_the_same() -> None:
    for printed in (1, ISN + 1):
        conversation = Conversation(False, 1)
        own, _ = conversation.sides
        own.base = ISN
        own.nxt = ISN + 1
        assert conversation.number(own, printed, is_ack=True, is_absolute=False) == ISN + 1


def test_numbers_wrap_around() -> None:
    conversation = Conversation(False, 1)
    own, _ = conversation.sides
    own.base, own.nxt = 2**32 - 10, 2**32 - 5
    assert conversation.number(own, 20, is_ack=False, is_absolute=False) == 10
    assert conversation.number(own, 10, is_ack=False, is_absolute=False) in (0, 10)


def test_an_excerpt_counts_from_nowhere() -> None:
    conversation = Conversation(False, 7)
    own, _ = conversation.sides
    first = conversation.number(own, 13, is_ack=True, is_absolute=False)
    assert conversation.number(own, 25, is_ack=False, is_absolute=False) - first == 12
    own.nxt = first
    assert conversation.number(own, ISN, is_ack=False, is_absolute=True) == first  # a RST without ACK
    [another, _] = Conversation(False, 8).sides
    assert another.offset != own.offset


def test_a_syn_with_another_number_is_another_connection() -> None:
    conversations = Conversations(False)
    first, side = conversations.of(segment(A, B, SYN, 5))
    first.advance(first.sides[0], first.sides[1], segment(A, B, SYN, 5))
    assert side == 0
    assert conversations.of(segment(B, A, SYN | ACK, 9)) == (first, 1)
    assert conversations.of(segment(A, B, SYN, 5))[0] is first  # sent again
    assert conversations.of(segment(A, B, SYN, 77))[0] is not first
    assert first.is_over


def test_connections_between_two_hosts() -> None:
    conversations = Conversations(False)
    one, _ = conversations.of(segment(A, B, ACK))
    other, _ = conversations.of(segment(A._replace(port=40001), B, ACK))
    assert conversations.between(B.address, A.address) == [(one, 1), (other, 1)]
    one.advance(one.sides[0], one.sides[1], segment(A, B, RST, 1))
    assert conversations.between(A.address, B.address) == [(other, 0)]
