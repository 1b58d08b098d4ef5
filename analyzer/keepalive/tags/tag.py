"""The names of what a segment can be, and of the rules that say so.

`rules.py` has the rules, `tagger.py` applies them in order, `report/words/sentences.py` puts them into words.
"""

from enum import StrEnum


class Tag(StrEnum):
    """A kind of segment, as tables and JSON name it."""

    DATA = "data"
    ACK = "ack"
    SYN = "syn"
    SYN_ACK = "syn-ack"
    FIN = "fin"
    RST = "rst"
    KEEPALIVE_PROBE = "keepalive-probe"
    KEEPALIVE_ANSWER = "keepalive-answer"
    ZERO_WINDOW_PROBE = "zero-window-probe"
    ZERO_WINDOW_ANSWER = "zero-window-answer"
    RETRANSMISSION = "retransmission"
    DUPLICATE_ACK = "duplicate-ack"
    WINDOW_UPDATE = "window-update"
    GIVE_UP_RST = "give-up-rst"
    DUPLICATE_FRAME = "duplicate-frame"
    ICMP_UNREACHABLE = "icmp-unreachable"
    STRAY = "stray"
    HEARTBEAT = "heartbeat"
    CHALLENGE_ACK = "challenge-ack"
    ARP_UNANSWERED = "arp-unanswered"


class Rule(StrEnum):
    """The rule that gave a segment its tag."""

    CONTROL_BIT = "control-bit"
    PLAIN = "plain"
    BELOW_SND_NXT = "below-snd-nxt"
    BELOW_SND_UNA = "below-snd-una"
    REVEALED_BY_ANSWER = "revealed-by-answer"
    REVEALED_BY_RST = "revealed-by-rst"
    REPEATED_UNSOLICITED = "repeated-unsolicited"
    REPEATS_ONE_OCTET = "repeats-one-octet"
    ANSWERS_PROBE = "answers-probe"
    WINDOW_CLOSED = "window-closed"
    ANSWERS_WINDOW_PROBE = "answers-window-probe"
    OCTETS_SENT_BEFORE = "octets-sent-before"
    SAME_ACK_IN_FLIGHT = "same-ack-in-flight"
    SAME_ACK_NEW_WINDOW = "same-ack-new-window"
    AFTER_UNANSWERED_PROBES = "after-unanswered-probes"
    CAPTURED_TWICE = "captured-twice"
    QUOTES_SEGMENT = "quotes-segment"
    TOO_SOON = "too-soon"
    BEHIND_OWN_FIN = "behind-own-fin"
    BEHIND_OWN_SYN = "behind-own-syn"
    OUTSIDE_WINDOW = "outside-window"
    CHALLENGED = "challenged"
    REFUSES_CONTROL = "refuses-control"
    STEADY_PERIOD = "steady-period"
    NOBODY_ANSWERS = "nobody-answers"
    REVEALED_BY_DATA = "revealed-by-data"
    BOTH_CLOSED = "both-closed"
    UNACCEPTABLE_ACK = "unacceptable-ack"
    OLDER_CONNECTION = "older-connection"
    GOES_ON_PROBING = "goes-on-probing"
    AFTER_RESET = "after-reset"


TAGS, RULES = tuple(Tag), tuple(Rule)

# Places in these, as kernels write them: plain integers, which they index fast, and which are constants for numba.
(
    DATA,
    PURE_ACK,
    SYN_TAG,
    SYN_ACK,
    FIN_TAG,
    RST_TAG,
    PROBE,
    ANSWER,
    WINDOW_PROBE,
    WINDOW_ANSWER,
    RETRANSMISSION,
    DUPLICATE_ACK,
    WINDOW_UPDATE,
    GIVE_UP_RST,
    DUPLICATE_FRAME,
    ICMP_UNREACHABLE,
    STRAY,
    HEARTBEAT,
    CHALLENGE_ACK,
    ARP_UNANSWERED,
) = range(20)
(
    CONTROL_BIT,
    PLAIN,
    BELOW_SND_NXT,
    BELOW_SND_UNA,
    REVEALED_BY_ANSWER,
    REVEALED_BY_RST,
    REPEATED_UNSOLICITED,
    REPEATS_ONE_OCTET,
    ANSWERS_PROBE,
    WINDOW_CLOSED,
    ANSWERS_WINDOW_PROBE,
    OCTETS_SENT_BEFORE,
    SAME_ACK_IN_FLIGHT,
    SAME_ACK_NEW_WINDOW,
    AFTER_UNANSWERED_PROBES,
    CAPTURED_TWICE,
    QUOTES_SEGMENT,
    TOO_SOON,
    BEHIND_OWN_FIN,
    BEHIND_OWN_SYN,
    OUTSIDE_WINDOW,
    CHALLENGED,
    REFUSES_CONTROL,
    STEADY_PERIOD,
    NOBODY_ANSWERS,
    REVEALED_BY_DATA,
    BOTH_CLOSED,
    UNACCEPTABLE_ACK,
    OLDER_CONNECTION,
    GOES_ON_PROBING,
    AFTER_RESET,
) = range(31)
