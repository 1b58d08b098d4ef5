"""The names of what a segment can be, and of the rules that say so.

`rules.py` has the rules, `tagger.py` applies them in order, `report/words/sentences.py` puts them into words.
"""

from enum import IntEnum


class Tag(IntEnum):
    """A kind of segment. Its label is its name in JSON."""

    DATA = 0
    ACK = 1
    SYN = 2
    SYN_ACK = 3
    FIN = 4
    RST = 5
    KEEPALIVE_PROBE = 6
    KEEPALIVE_ANSWER = 7
    ZERO_WINDOW_PROBE = 8
    ZERO_WINDOW_ANSWER = 9
    RETRANSMISSION = 10
    DUPLICATE_ACK = 11
    WINDOW_UPDATE = 12
    GIVE_UP_RST = 13
    DUPLICATE_FRAME = 14
    ICMP_UNREACHABLE = 15
    STRAY = 16
    HEARTBEAT = 17
    CHALLENGE_ACK = 18
    ARP_UNANSWERED = 19

    @property
    def label(self) -> str:
        """Return the name in lower case, with '-' for '_'."""
        return self.name.lower().replace("_", "-")


class Rule(IntEnum):
    """The rule that gave a segment its tag."""

    CONTROL_BIT = 0
    PLAIN = 1
    BELOW_SND_NXT = 2
    BELOW_SND_UNA = 3
    REVEALED_BY_ANSWER = 4
    REVEALED_BY_RST = 5
    REPEATED_UNSOLICITED = 6
    REPEATS_ONE_OCTET = 7
    ANSWERS_PROBE = 8
    WINDOW_CLOSED = 9
    ANSWERS_WINDOW_PROBE = 10
    OCTETS_SENT_BEFORE = 11
    SAME_ACK_IN_FLIGHT = 12
    SAME_ACK_NEW_WINDOW = 13
    AFTER_UNANSWERED_PROBES = 14
    CAPTURED_TWICE = 15
    QUOTES_SEGMENT = 16
    TOO_SOON = 17
    BEHIND_OWN_FIN = 18
    BEHIND_OWN_SYN = 19
    OUTSIDE_WINDOW = 20
    CHALLENGED = 21
    REFUSES_CONTROL = 22
    STEADY_PERIOD = 23
    NOBODY_ANSWERS = 24
    REVEALED_BY_DATA = 25
    BOTH_CLOSED = 26
    UNACCEPTABLE_ACK = 27
    OLDER_CONNECTION = 28

    @property
    def label(self) -> str:
        """Return the name in lower case, with '-' for '_'."""
        return self.name.lower().replace("_", "-")


# Members as plain integers, which kernels index faster and numba takes as constants.
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
) = map(int, Tag)
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
) = map(int, Rule)
