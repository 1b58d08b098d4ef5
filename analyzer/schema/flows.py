"""The columns of what is kept of a capture: flows and their ends, candidates with their tags, neighbour discovery."""

from analyzer.schema import Column, table

FLOWS = table(
    "FLOWS",
    Column("a_hi", "q", "", "address of end 0, high half"),
    Column("a_lo", "q", "", "address of end 0, low half"),
    Column("b_hi", "q", "", "address of end 1, high half"),
    Column("b_lo", "q", "", "address of end 1, low half"),
    Column("ports", "I", "", "port of end 0 * 65536 + port of end 1"),
    Column("tunnel", "i", "", "number of the tunnel that it runs through, 0 for none"),
    Column("opened", "b", "OPENED_*", "how the flow enters the capture"),
    Column("is_opening", "b", "bool", "only SYNs have been seen so far"),
    Column("syn_seq", "U", "u32", "sequence number of the opening SYN, captured or acknowledged; -1 unknown"),
    Column(
        "first_seq", "U", "u32", "SEG.SEQ of a first segment in mid-stream with ACK, neither SYN nor RST; -1 of another"
    ),
    Column("first_ack", "I", "u32", "its SEG.ACK; 0 without"),
    Column("first_frame", "U", "", "number of the first segment's frame"),
    Column("seen_ns", "q", "ns", "latest segment that the look-up of flows has seen"),
    Column("packets", "U", "", "segments seen"),
    Column("octets", "O", "octets", "TCP payload seen, retransmissions included"),
    Column("first_ns", "q", "ns", "earliest segment: the first, unless the capture's clock was set back"),
    Column("last_ns", "q", "ns", "last segment"),
    Column("latest_ns", "q", "ns", "latest segment before the clock was set back, 0 if it never was"),
    Column("data_ns", "q", "ns", "last data, SYN or FIN of either end"),
    Column("max_idle_ns", "q", "ns", "longest time without any segment"),
    Column(
        "watched_ns",
        "q",
        "ns",
        "time from which the capture shows no more of it, 1 ns or more; 0 for the capture's end",
    ),
    Column("steps_back", "U", "", "segments captured out of time order"),
    Column("step_back_frame", "U", "", "number of the first such segment's frame, 0 without"),
    Column("duplicates", "U", "", "segments captured again"),
    Column("duplicate_frame", "U", "", "number of the first such segment's frame, 0 without"),
    Column("far_below", "U", "", "segments whose SEG.ACK is acceptable or not depending on the window scale"),
)

ENDS = table(
    "ENDS",
    Column("seen_seq", "U", "u32", "end of the end's last segment that the look-up of flows has seen"),
    Column("seen_ack", "U", "u32", "its SEG.ACK"),
    Column("seen_tsval", "U", "u32", "its timestamp value, -1 without"),
    Column("snd_nxt", "U", "u32", "SND.NXT: own sequence numbers used or acknowledged, -1 unknown"),
    Column("snd_una", "U", "u32", "SND.UNA: acknowledged by the other end, -1 unknown"),
    Column("is_sure", "b", "bool", "snd_nxt rests on a SYN, data or the other end's ACK"),
    Column("isn", "U", "u32", "initial sequence number, -1 without SYN"),
    Column("fin_seq", "U", "u32", "sequence number of the FIN, -1 without"),
    Column("window", "i", "octets", "last advertised window, scaled if the SYN was seen; -1 none"),
    Column("window_shift", "b", "bits", "own window scale, -1 without or unknown"),
    Column("last_ns", "q", "ns", "last segment sent"),
    Column("accepted_ns", "q", "ns", "last segment sent that the other end accepts (RFC 9293 §3.4), -1"),
    Column("sent_ns", "q", "ns", "last data, SYN or FIN sent, until all is acknowledged; else -1"),
    Column("data_ns", "q", "ns", "last data sent that was not sent before, -1 without"),
    Column("last_seq", "U", "u32", "SEG.SEQ of the last segment"),
    Column("last_ack", "U", "u32", "SEG.ACK of the last segment"),
    Column("last_len", "i", "octets", "payload of the last segment"),
    Column("last_flags", "h", "bits", "control bits of the last segment"),
    Column("last_ip_id", "T", "", "IP identification of the last segment"),
    Column("last_tsval", "U", "u32", "timestamp value of the last segment"),
    Column("counts_ids", "b", "bool", "its segments have had different IP identifications"),
    Column(
        "held_nxt", "U", "u32", "snd_nxt before an ACK of uncaptured data raised it, until the end's next segment; -1"
    ),
    Column("held_una", "U", "u32", "snd_una before that"),
    Column(
        "is_acked_unseen", "b", "bool", "the last of its octets that were acknowledged, a FIN counts, were not captured"
    ),
    Column("is_suspect", "b", "bool", "sent what may have been a probe since the other end was last heard"),
    Column("ttl", "h", "hops", "TTL of the end's ordinary segments, -1 unknown"),
    Column("least_ttl", "h", "hops", "least TTL of its segments on the open connection that are no probes, -1"),
    Column("most_ttl", "h", "hops", "greatest TTL of these, -1"),
    Column("reply_ns", "i", "ns", "shortest time in which the end answered data or a SYN, -1"),
)

CANDIDATES = table(
    "CANDIDATES",
    Column("frame", "U", "", "number of the frame in the capture, from 1"),
    Column("ts_ns", "q", "ns", "capture time"),
    Column("flow", "i", "", "index of the flow"),
    Column("end", "b", "0|1", "the end that sent it; of an ICMP error its receiver"),
    Column("kind", "b", "KIND_*", "TCP segment or ICMP error"),
    Column("flags", "h", "bits", "TCP control bits; of an ICMP error type * 256 + code, ICMPv6 types from 64"),
    Column("seq", "I", "u32", "SEG.SEQ, or the quoted one"),
    Column("ack", "I", "u32", "SEG.ACK"),
    Column("payload_len", "i", "octets", "TCP payload"),
    Column("relation", "b", "REL_*", "where SEG.SEQ lies relative to SND.NXT"),
    Column("facts", "i", "segment_facts", "what was true when the segment was seen"),
    Column("window", "i", "octets", "advertised window"),
    Column("in_flight", "i", "octets", "own octets unacknowledged before it, -1 unknown"),
    Column("peer_window", "i", "octets", "last window advertised by the other end, -1 unknown"),
    Column("idle_ns", "q", "ns", "time since any segment of the flow, -1 for the first"),
    Column("own_ns", "q", "ns", "time since the same end's last segment, -1 for the first"),
    Column("heard_ns", "q", "ns", "capture time of the last accepted segment of the other end, -1"),
    Column("any_ns", "q", "ns", "capture time of the last segment of the other end, -1"),
    Column("data_ns", "q", "ns", "capture time of the last data, SYN or FIN of either end, -1"),
    Column("own_data_ns", "q", "ns", "capture time of the same end's last data that it had not sent before, -1"),
    Column("peer_data_ns", "q", "ns", "capture time of the other end's, -1"),
    Column("ttl", "B", "hops", "TTL or hop limit"),
    Column("usual_ttl", "h", "hops", "TTL of the same end's ordinary segments, -1 unknown"),
    Column("ip_id", "T", "", "IPv4 identification, -1 for IPv6"),
    Column("own_ip_id", "T", "", "that of the same end's last segment; -1 if it may have been several on the wire"),
    Column("tsval", "U", "u32", "TCP timestamp value, -1 without"),
    Column("tsecr", "U", "u32", "TCP timestamp echo reply: the latest that its sender has heard, -1 without"),
)

SEGMENTS = table(
    "SEGMENTS",
    Column("tag", "b", "Tag", "what the segment is"),
    Column("rule", "b", "Rule", "the rule that says so"),
    Column("of", "i", "", "row of the probe that an answer or an error belongs to, -1"),
)

NEIGHBOURS = table(
    "NEIGHBOURS",
    Column("frame", "q", "", "number of the frame in the capture, from 1"),
    Column("ts_ns", "q", "ns", "capture time"),
    Column("tunnel", "i", "", "number of the tunnel that it came through, 0 for none"),
    Column("kind", "b", "NEIGHBOUR", "whether the address is asked for, answered for, or taken into use"),
    Column("addr_hi", "q", "", "the address asked for, high half"),
    Column("addr_lo", "q", "", "the address asked for, low half"),
    Column("asker_hi", "q", "", "who asks or is answered, high half"),
    Column("asker_lo", "q", "", "who asks or is answered, low half"),
)
