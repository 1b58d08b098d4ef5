"""Every column of every table, once: name, storage, unit, meaning.

Storage is an `array` typecode, signed only: numba mixes unsigned and signed 64-bit integers into floats: 'b' (8 bit),
'h' (16), 'i' (32), 'q' (64) are all there is. Sequence numbers are u32 values in 'q'. Times are ns since 1970 (UTC).
Below them, under `FRAMES`, what is handed out: DataFrames, CSV and Parquet.
"""

from collections import namedtuple
from typing import Any, NamedTuple

NEVER = -1
"""What a time, an index or a quantity holds when there is none."""
UNSEEN = -2
"""Instead of NEVER where the capture is too short yet to say that there is none."""


class Column(NamedTuple):
    name: str
    typecode: str
    unit: str
    meaning: str


def table(name: str, *columns: Column) -> Any:
    """A NamedTuple type with a field for each column; `columns` describes them.

    Its instances, the views of a columns.Table, also hold where they lie, which is what compiled kernels are given.
    """
    fields = namedtuple(name, [column.name for column in columns])  # type: ignore[misc]  # fields are data
    return type(name, (fields,), {"columns": columns, "address": None})


RECORDS = table(
    "RECORDS",
    Column("ts_ns", "q", "ns", "capture time"),
    Column("offset", "q", "octets", "where the frame's first octet lies in the buffer"),
    Column("captured_len", "q", "octets", "octets of the frame that are in the buffer"),
    Column("wire_len", "q", "octets", "octets that the frame had on the wire"),
    Column("link_type", "i", "LINKTYPE_*", "what the frame begins with"),
)

PACKETS = table(
    "PACKETS",
    Column("frame", "q", "", "number of the frame in the capture, from 1"),
    Column("ts_ns", "q", "ns", "capture time"),
    Column("kind", "b", "KIND_*", "what the packet is"),
    Column("src_hi", "q", "", "source address, high half (IPv4 is held as ::ffff:a.b.c.d)"),
    Column("src_lo", "q", "", "source address, low half"),
    Column("dst_hi", "q", "", "destination address, high half"),
    Column("dst_lo", "q", "", "destination address, low half"),
    Column("ports", "q", "", "source port * 65536 + destination port; of a wrapped packet LAYER_*, what is in it"),
    Column("seq", "q", "u32", "SEG.SEQ; of an ICMP error the quoted SEG.SEQ; of a wrapped packet where it begins"),
    Column("ack", "q", "u32", "SEG.ACK; of a wrapped packet where its captured octets end"),
    Column("flags", "h", "bits", "TCP control bits; of an ICMP error type * 256 + code, ICMPv6 types from 64"),
    Column("window", "q", "", "window field, not scaled"),
    Column("window_shift", "b", "bits", "window scale option of a SYN, -1 without"),
    Column("payload_len", "q", "octets", "TCP payload, from IP's lengths; of a wrapped packet the end on the wire"),
    Column("ip_id", "i", "", "IPv4 identification, -1 for IPv6"),
    Column("ttl", "h", "hops", "TTL or hop limit"),
    Column("tsval", "q", "u32", "TCP timestamp value, -1 without the option"),
    Column("tsecr", "q", "u32", "TCP timestamp echo reply, -1 without the option"),
    Column("has_dsack", "b", "bool", "its first SACK block reports octets received twice (RFC 2883)"),
    Column("since_ns", "q", "ns", "time since a segment that looks the same; -1 none, UNSEEN where nobody can know"),
    Column("flow", "i", "", "index of the flow, -1 for a packet that belongs to none"),
    Column("end", "b", "0|1", "the end that sent it; of an ICMP error the end that is told"),
    Column("tunnel", "i", "", "number of the tunnel that it came through, 0 for none"),
)

LAYERS = table(
    "LAYERS",
    Column("row", "q", "", "row of the packet that was unwrapped"),
    Column("kind", "b", "TUNNEL_*", "what it was wrapped in"),
    Column("identifier", "q", "", "number of the tunnel (VNI, VSID, …), -1 without one for both directions"),
    Column("src_hi", "q", "", "outer source address, high half"),
    Column("src_lo", "q", "", "outer source address, low half"),
    Column("dst_hi", "q", "", "outer destination address, high half"),
    Column("dst_lo", "q", "", "outer destination address, low half"),
)

FLOWS = table(
    "FLOWS",
    Column("a_hi", "q", "", "address of end 0, high half"),
    Column("a_lo", "q", "", "address of end 0, low half"),
    Column("b_hi", "q", "", "address of end 1, high half"),
    Column("b_lo", "q", "", "address of end 1, low half"),
    Column("ports", "q", "", "port of end 0 * 65536 + port of end 1"),
    Column("tunnel", "i", "", "number of the tunnel that it runs through, 0 for none"),
    Column("opened", "b", "OPENED_*", "how the flow enters the capture"),
    Column("is_opening", "b", "bool", "only SYNs have been seen so far"),
    Column("syn_seq", "q", "u32", "sequence number of the opening SYN, captured or acknowledged; -1 unknown"),
    Column("first_frame", "q", "", "number of the first segment's frame"),
    Column("seen_ns", "q", "ns", "latest segment, as the look-up of flows has seen it"),
    Column("packets", "q", "", "segments seen"),
    Column("octets", "q", "octets", "TCP payload seen, retransmissions included"),
    Column("first_ns", "q", "ns", "first segment"),
    Column("last_ns", "q", "ns", "last segment"),
    Column("data_ns", "q", "ns", "last data, SYN or FIN of either end"),
    Column("max_idle_ns", "q", "ns", "longest time without any segment"),
    Column("watched_ns", "q", "ns", "until when the capture would show more of it; 0 until the capture's end"),
    Column("steps_back", "q", "", "segments captured out of time order"),
    Column("step_back_frame", "q", "", "number of the first such segment's frame, 0 without"),
    Column("copies", "q", "", "segments captured again"),
    Column("copy_frame", "q", "", "number of the first such segment's frame, 0 without"),
    Column("far_below", "q", "", "segments whose SEG.ACK only the window scale tells to be acceptable or not"),
)

ENDS = table(
    "ENDS",
    Column("seen_seq", "q", "u32", "where the end's last segment ended, as the look-up of flows has seen it"),
    Column("seen_ack", "q", "u32", "its SEG.ACK"),
    Column("seen_tsval", "q", "u32", "its timestamp value, -1 without"),
    Column("snd_nxt", "q", "u32", "SND.NXT: own sequence numbers used or acknowledged, -1 unknown"),
    Column("snd_una", "q", "u32", "SND.UNA: acknowledged by the other end, -1 unknown"),
    Column("is_sure", "b", "bool", "snd_nxt rests on a SYN, data or the other end's ACK"),
    Column("isn", "q", "u32", "initial sequence number, -1 without SYN"),
    Column("fin_seq", "q", "u32", "sequence number of the FIN, -1 without"),
    Column("window", "q", "octets", "last advertised window, scaled if the SYN was seen; -1 none"),
    Column("window_shift", "b", "bits", "own window scale, -1 without or unknown"),
    Column("last_ns", "q", "ns", "last segment sent"),
    Column("accepted_ns", "q", "ns", "last segment sent that the other end accepts (RFC 9293 §3.4), -1"),
    Column("sent_ns", "q", "ns", "last data, SYN or FIN sent, until all is acknowledged; else -1"),
    Column("last_seq", "q", "u32", "SEG.SEQ of the last segment"),
    Column("last_ack", "q", "u32", "SEG.ACK of the last segment"),
    Column("last_len", "q", "octets", "payload of the last segment"),
    Column("last_flags", "h", "bits", "control bits of the last segment"),
    Column("last_ip_id", "i", "", "IP identification of the last segment"),
    Column("last_tsval", "q", "u32", "timestamp value of the last segment"),
    Column("counts_ids", "b", "bool", "its segments have had different IP identifications"),
    Column(
        "held_nxt", "q", "u32", "snd_nxt before an ACK of what was not captured raised it, until the end is heard; -1"
    ),
    Column("held_una", "q", "u32", "snd_una before that"),
    Column("is_suspect", "b", "bool", "sent what may have been a probe since the other end was last heard"),
    Column("ttl", "h", "hops", "TTL of the end's ordinary segments, -1 unknown"),
    Column("reply_ns", "q", "ns", "shortest time in which the end answered data or a SYN, -1"),
)

CANDIDATES = table(
    "CANDIDATES",
    Column("frame", "q", "", "number of the frame in the capture, from 1"),
    Column("ts_ns", "q", "ns", "capture time"),
    Column("flow", "i", "", "index of the flow"),
    Column("end", "b", "0|1", "the end that sent it; of an ICMP error the end that is told"),
    Column("kind", "b", "KIND_*", "TCP segment or ICMP error"),
    Column("flags", "h", "bits", "TCP control bits; of an ICMP error type * 256 + code, ICMPv6 types from 64"),
    Column("seq", "q", "u32", "SEG.SEQ, or the quoted one"),
    Column("ack", "q", "u32", "SEG.ACK"),
    Column("payload_len", "i", "octets", "TCP payload"),
    Column("relation", "b", "REL_*", "where SEG.SEQ lies relative to SND.NXT"),
    Column("traits", "i", "TRAIT_*", "what was true when the segment was seen"),
    Column("window", "q", "octets", "advertised window"),
    Column("in_flight", "q", "octets", "own octets unacknowledged before it, -1 unknown"),
    Column("peer_window", "q", "octets", "last window advertised by the other end, -1 unknown"),
    Column("idle_ns", "q", "ns", "time since any segment of the flow, -1 for the first"),
    Column("own_ns", "q", "ns", "time since the same end's last segment, -1 for the first"),
    Column("heard_ns", "q", "ns", "capture time of the last accepted segment of the other end, -1"),
    Column("any_ns", "q", "ns", "capture time of the last segment of the other end, -1"),
    Column("data_ns", "q", "ns", "capture time of the last data, SYN or FIN of either end, -1"),
    Column("ttl", "h", "hops", "TTL or hop limit"),
    Column("usual_ttl", "h", "hops", "TTL of the same end's ordinary segments, -1 unknown"),
    Column("ip_id", "i", "", "IPv4 identification, -1 for IPv6"),
    Column("own_ip_id", "i", "", "that of the same end's last segment; -1 if it may have been several on the wire"),
    Column("tsval", "q", "u32", "TCP timestamp value, -1 without"),
    Column("tsecr", "q", "u32", "TCP timestamp echo reply: the latest that its sender has heard, -1 without"),
)

SEGMENTS = table(
    "SEGMENTS",
    Column("tag", "b", "Tag", "what the segment is"),
    Column("rule", "b", "Rule", "the rule that says so"),
    Column("of", "q", "", "row of the probe that an answer or an error belongs to, -1"),
)

TOLD_FLOWS = table(
    "TOLD_FLOWS",
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
    Column("brief", "h", "", "how it ended and what it shows, as far as that is settled (keepalive/brief.py)"),
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
    Column("resend_ns", "q", "ns", "the last of these, -1"),
    Column("resend_wait_ns", "q", "ns", "how long the end had sent nothing before that one, -1"),
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

RECENT = table(
    "RECENT",
    Column("look", "q", "", "everything by which a copy of a recent segment is known, as one number; 0 none"),
    Column("ts_ns", "q", "ns", "capture time of it, or of its latest copy"),
    Column("tunnel", "i", "", "number of the tunnel that it came through, 0 for none"),
)

NEIGHBOURS = table(
    "NEIGHBOURS",
    Column("frame", "q", "", "number of the frame in the capture, from 1"),
    Column("ts_ns", "q", "ns", "capture time"),
    Column("tunnel", "i", "", "number of the tunnel that it came through, 0 for none"),
    Column("is_answer", "b", "bool", "ARP reply or neighbour advertisement; else the question"),
    Column("addr_hi", "q", "", "the address asked for, high half"),
    Column("addr_lo", "q", "", "the address asked for, low half"),
    Column("asker_hi", "q", "", "who asks or is told, high half"),
    Column("asker_lo", "q", "", "who asks or is told, low half"),
)

KIND_OTHER, KIND_TCP, KIND_ICMP_ERROR, KIND_NEIGHBOUR, KIND_WRAPPED = range(5)
OPENED_MIDSTREAM, OPENED_SYN, OPENED_SYN_ACK = range(3)
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10


class Field(NamedTuple):
    """A column of a table that is handed out (report/frames.py)."""

    name: str
    dtype: str
    """pandas' name; 'Int64' where a number may be missing."""
    unit: str
    meaning: str


INT, MAYBE_INT, REAL, TEXT, KIND, BOOL = "int64", "Int64", "float64", "str", "category", "bool"
TIME, DURATION = "datetime64[ns, UTC]", "timedelta64[ns]"

FLOW_FIELD = Field("flow", INT, "", "number of the connection, the same in every face")
END_FIELD = Field("end", INT, "0|1", "which end of the connection; 0 is the originator where the capture tells")
FRAME_FIELD = Field("frame", INT, "", "number of the frame in the capture, from 1")
TIME_FIELD = Field("time", TIME, "UTC", "capture time")
SETTINGS = ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes", "tcp_user_timeout")
"""Linux's names, whatever the system."""


def _setting_fields(*names: str, with_basis: bool) -> tuple[Field, ...]:
    """What is said of each setting: `value`, bounds, and what they rest on."""
    fields = []
    for name in names:
        unit = "count" if name == "tcp_keepalive_probes" else "s"
        fields += [
            Field(name, MAYBE_INT, unit, "the likeliest setting; missing where the wire does not determine it"),
            Field(f"{name}_low", REAL, unit, "lower bound, itself included"),
            Field(f"{name}_high", REAL, unit, "upper bound, itself included; missing where nothing bounds it"),
        ]
        if with_basis:
            fields += [
                Field(f"{name}_n", MAYBE_INT, "count", "observations behind it"),
                Field(f"{name}_basis", TEXT, "", "what it rests on, in words"),
            ]
    return tuple(fields)


FRAMES: dict[str, tuple[Field, ...]] = {
    "flows": (
        FLOW_FIELD,
        Field("addr_0", TEXT, "", "address of end 0"),
        Field("port_0", INT, "", "port of end 0"),
        Field("role_0", KIND, "", "originator, responder or unknown"),
        Field("addr_1", TEXT, "", "address of end 1"),
        Field("port_1", INT, "", "port of end 1"),
        Field("role_1", KIND, "", "originator, responder or unknown"),
        Field("tunnel", TEXT, "", "the tunnel that it was captured in"),
        Field("opened", KIND, "", "syn where the capture has the handshake, else midstream"),
        Field("start", TIME, "UTC", "first segment"),
        Field("stop", TIME, "UTC", "last segment"),
        Field("packets", INT, "count", "segments captured"),
        Field("bytes", INT, "octets", "TCP payload captured, without that of probes"),
        Field("max_idle", DURATION, "ns", "longest time without any segment"),
        Field("outcome", KIND, "", "what became of it"),
        Field("cause", KIND, "", "why; missing where the outcome needs no cause"),
        Field("prober", MAYBE_INT, "0|1", "the end whose probes decide the outcome"),
        Field("errno", TEXT, "", "what the application of that end got"),
        Field("epoll", MAYBE_INT, "bits", "the epoll events that it got"),
        Field("detection_delay", DURATION, "ns", "from when the peer was last heard to when that was noticed"),
        Field("confidence", KIND, "", "certain, likely or guess"),
        Field("probes", INT, "count", "keepalive probes of both ends"),
        Field("answered", INT, "count", "those that were answered"),
        Field("summary", TEXT, "", "outcome and cause in words"),
    ),
    "ends": (
        FLOW_FIELD,
        END_FIELD,
        Field("addr", TEXT, "", "its address"),
        Field("port", INT, "", "its port"),
        Field("role", KIND, "", "originator, responder or unknown"),
        Field("keepalive", KIND, "", "on where a probe was seen, else not-seen"),
        Field("probes", INT, "count", "keepalive probes that it sent"),
        Field("answered", INT, "count", "those that were answered"),
        Field("payload_len", MAYBE_INT, "octets", "payload of its probes: 0, or 1 for the garbage octet"),
        *_setting_fields(*SETTINGS, with_basis=True),
        Field("clocks", TEXT, "", "the kinds of timer that explain its probes, with spaces between them"),
        Field("matches", TEXT, "", "well-known settings that fit, with '; ' between them"),
        Field("heartbeat", DURATION, "ns", "period of its application's own heartbeat"),
    ),
    "probes": (
        FLOW_FIELD,
        END_FIELD,
        FRAME_FIELD,
        TIME_FIELD,
        Field("payload_len", INT, "octets", "0, or 1 for the garbage octet"),
        Field(
            "answer", KIND, "", "what came back: nothing, ack, data, rst, icmp; unseen if the other end is not captured"
        ),
        Field("answer_frame", MAYBE_INT, "", "number of the frame that answers"),
        Field("delay", DURATION, "ns", "from the probe to its answer"),
    ),
    "gaps": (
        FLOW_FIELD,
        END_FIELD,
        FRAME_FIELD,
        Field("kind", KIND, "", "what ended it: first, cycle, spacing, give-up; or survived, pending"),
        Field("is_censored", BOOL, "", "the timer did not end it: the setting is longer"),
        Field("since_heard", DURATION, "ns", "since the other end was last heard with something acceptable"),
        Field("since_any", DURATION, "ns", "since the other end was last heard with anything"),
        Field("since_probe", DURATION, "ns", "since this end's probe before"),
        Field("unanswered", INT, "count", "probes in a row without an answer before it"),
        Field("lag", DURATION, "ns", "the way from the capture point to this end and back"),
    ),
    "segments": (
        FLOW_FIELD,
        END_FIELD,
        FRAME_FIELD,
        TIME_FIELD,
        Field("tag", KIND, "", "what the segment is"),
        Field("rule", KIND, "", "the rule that says so"),
        Field("of", MAYBE_INT, "", "the probe that it answers, by frame number"),
        Field("idle", DURATION, "ns", "since any segment of the connection"),
        Field("payload_len", INT, "octets", "TCP payload"),
    ),
    "silences": (
        FLOW_FIELD,
        END_FIELD,
        FRAME_FIELD,
        TIME_FIELD,
        Field("path", TEXT, "", "the service that the connection leads to"),
        Field("length", DURATION, "ns", "without any segment, while neither end waited for the other"),
        Field("result", KIND, "", "survived; failed, by fault of the path; or unknown"),
    ),
    "hosts": (
        Field("addr", TEXT, "", "address with at least one probing end"),
        Field("port", MAYBE_INT, "", "the service whose connections differ from the host's other ones"),
        Field("flows", INT, "count", "connections that this rests on"),
        *_setting_fields(*SETTINGS[:3], with_basis=False),
        Field("stack", TEXT, "", "what the timer says about the system"),
        Field("hz", MAYBE_INT, "Hz", "the kernel's clock rate, where one is left"),
    ),
    "path_limits": (
        Field("path", TEXT, "", "a service, a network, or all"),
        Field("survived", DURATION, "ns", "the longest silence that it survived"),
        Field("failed", DURATION, "ns", "the shortest that it did not"),
        Field("survived_n", INT, "count", "silences survived"),
        Field("failed_n", INT, "count", "silences not survived"),
        Field("on_expiry", KIND, "", "silent or rst; missing without a failure or where they differ"),
        Field("matches", TEXT, "", "known boxes with a limit in between, with '; ' between them"),
        Field("probes_kept_open", BOOL, "", "probes kept connections open for longer than that without data"),
    ),
    "survival": (
        Field("path", TEXT, "", "a service, a network, or all"),
        Field("length", DURATION, "ns", "a silence of this length"),
        Field("share", REAL, "1", "the likeliest share of such silences that is survived"),
    ),
    "advice": (
        Field("code", TEXT, "", "what should be otherwise"),
        Field("flows", TEXT, "", "the connections that say so, with spaces between them"),
        Field("text", TEXT, "", "in words, with the numbers"),
    ),
    "diagnostics": (
        Field("code", TEXT, "", "what is imperfect about the capture"),
        Field("severity", KIND, "", "damage, or a limit of the capture or of this program"),
        Field("count", INT, "count", "how often"),
        Field("first_frame", MAYBE_INT, "", "where first"),
        Field("message", TEXT, "", "in words"),
    ),
}
"""The tables of the library, of --csv and of --parquet; the names are a contract."""
