"""The columns of what flows tell: probes with their answers, gaps, silences (`keepalive/telling/story.py`)."""

from analyzer.schema import Column, table

TOLD_FLOWS = table(
    "TOLD_FLOWS",
    Column("flow", "q", "", "index of the flow"),
    Column("capture_end_ns", "q", "ns", "the capture's end, or a jump of its clock before it"),
    Column("first_probe", "q", "", "row of the flow's first probe in TOLD_PROBES"),
    Column("first_gap", "q", "", "row of its first gap in TOLD_GAPS"),
    Column("first_silence", "q", "", "row of its first silence in TOLD_SILENCES"),
    Column("reset_row", "q", "", "row of the segment that reset the connection, -1"),
    Column("reset_is_native", "b", "bool", "the reset's TTL was seen in the same end's other segments"),
    Column("reset_unheard", "q", "", "so many probes before it were answered, and their sender heard none of that"),
    Column("reset_follows_data", "b", "bool", "the other end had sent data, and this came back"),
    Column("bridged_ns", "q", "ns", "longest time without data that an answered probe bridged"),
    Column("run_end", "b", "0|1", "the end whose probes go unanswered, -1"),
    Column("deaf_end", "b", "0|1", "the end that sends again and again what nothing answers, -1"),
    Column("persisting_end", "b", "0|1", "the end whose window probes were all answered, -1"),
    Column("resending_end", "b", "0|1", "the end whose last segments resend what was acknowledged, -1"),
)

TOLD_ENDS = table(
    "TOLD_ENDS",
    Column("fin_frame", "q", "", "frame of the end's first FIN, 0 without"),
    Column("fin_ack", "q", "u32", "what that acknowledged"),
    Column("probes", "q", "", "keepalive probes sent"),
    Column("last_probe", "q", "", "row of the last of them in TOLD_PROBES, -1"),
    Column("lost", "q", "", "probes that nothing answered, and nothing excuses that"),
    Column("unanswered", "q", "", "consecutive unanswered probes up to the story's end"),
    Column("excused", "q", "", "so many of these need not have been answered"),
    Column("run_probe", "q", "", "row of the first of these in TOLD_PROBES"),
    Column("run_heard_ns", "q", "ns", "when the other end had last been heard before it, -1"),
    Column("unheard_place", "q", "", "place in the flow's rows since which the other end was not heard"),
    Column("icmp_errors", "q", "", "ICMP errors about its segments since then"),
    Column("icmp", "h", "", "type * 256 + code of the last of these that quotes what is in flight, -1"),
    Column("resends", "q", "", "data, FINs and window probes sent again since then"),
    Column("resend_row", "q", "", "row of the last of these, -1"),
    Column("sent_ns", "q", "ns", "its last candidate, -1"),
    Column("sent_len", "q", "octets", "payload of that"),
    Column("follows", "q", "", "candidates whose IP identification follows that of the one before"),
    Column("skips", "q", "", "candidates whose IP identification leaves a few out"),
    Column("answered_ns", "q", "ns", "when the other end last answered what lay outside of its window, -1"),
    Column("echo_ns", "q", "ns", "its last probe or resend, -1"),
    Column("speech_ns", "q", "ns", "as of then, when it last sent anything else, -1"),
    Column("vain_resends", "q", "", "its latest segments, one after the other, that resend what was acknowledged"),
    Column("vain_place", "q", "", "place of the first of these in the flow's rows"),
    Column("vain_first_ns", "q", "ns", "the first of these"),
    Column("vain_ns", "q", "ns", "the last of these, -1"),
    Column("vain_wait_ns", "q", "ns", "how long the end had sent nothing before that one"),
    Column("window_probes", "q", "", "zero-window probes since anything else was sent"),
    Column("window_place", "q", "", "place of the first of these in the flow's rows"),
    Column("window_first_ns", "q", "ns", "the first of these"),
    Column("window_ns", "q", "ns", "the last of these"),
    Column("window_before_ns", "q", "ns", "the one before, -1"),
    Column("survived_frame", "q", "", "what ended the longest idle time that no timer of this end ended, 0"),
    Column("survived_ns", "q", "ns", "how long that was"),
    Column("survived_probe_ns", "q", "ns", "by then, since its last probe, -1"),
    Column("doubted_frame", "q", "", "the same of an idle time since whose end it was not heard"),
    Column("doubted_ns", "q", "ns", "how long that was"),
    Column("doubted_probe_ns", "q", "ns", "by then, since its last probe, -1"),
    Column("doubted_at_ns", "q", "ns", "when it ended"),
    Column("has_reset", "b", "bool", "it sent a RST"),
    Column("before_reset_ns", "q", "ns", "when it had last been heard before that, -1"),
    Column("torn", "b", "bool", "the other end answered something of it that was not captured"),
    Column(
        "holes", "q", "", "times that a number, an ACK or a timestamp echo shows segments of it that were not captured"
    ),
    Column("stamp_row", "q", "", "row of its last candidate whose timestamp the other end echoes, -1"),
)

TOLD_PROBES = table(
    "TOLD_PROBES",
    Column("row", "q", "", "row of the candidate"),
    Column("end", "b", "0|1", "who sent it"),
    Column("answer", "b", "Answer", "what came back"),
    Column("answer_row", "q", "", "row of the candidate that answered, -1"),
    Column("may_go_unanswered", "b", "bool", "so soon after an answer that the other end need not answer again"),
)

TOLD_GAPS = table(
    "TOLD_GAPS",
    Column("end", "b", "0|1", "whose timer"),
    Column("kind", "b", "GapKind", "what ended it"),
    Column("frame", "q", "", "the frame that ended the gap; for the capture's end the last one before"),
    Column("at_ns", "q", "ns", "when the probe or give-up that ended it was captured, -1 for what no timer ended"),
    Column("heard_ns", "q", "ns", "since the last segment from the other end that this end accepts, -1"),
    Column("any_ns", "q", "ns", "since the last segment of any kind from the other end, -1"),
    Column("probe_ns", "q", "ns", "since this end's previous probe, -1"),
    Column("unanswered", "q", "", "consecutive unanswered probes of this end before its end"),
    Column("missing", "i", "", "own segments since its last one that were not captured, by IP ID; -1 unknown"),
    Column("echo", "b", "Echo", "what its timestamp echo says of how much the end had heard"),
    Column("speech_ns", "q", "ns", "since the other end's last segment that is neither probe nor resend, -1"),
)

TOLD_SILENCES = table(
    "TOLD_SILENCES",
    Column("row", "q", "", "row of the candidate that ended it"),
    Column("survived", "b", "bool", "the end that did not end it was heard later, by more than a RST"),
)
