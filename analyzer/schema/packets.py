"""The columns of one batch of frames: records, packets, their encapsulation, fingerprints of recent segments, and the
tests of a filter."""

from analyzer.schema import Column, table

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
    Column("ack", "I", "u32", "SEG.ACK; of a wrapped packet where its captured octets end"),
    Column("flags", "h", "bits", "TCP control bits; of an ICMP error type * 256 + code, ICMPv6 types from 64"),
    Column("window", "i", "", "window field, not scaled"),
    Column("window_shift", "b", "bits", "window scale option of a SYN, -1 without"),
    Column("payload_len", "q", "octets", "TCP payload, from IP's lengths; of a wrapped packet the end on the wire"),
    Column("ip_id", "i", "", "IPv4 identification, -1 for IPv6"),
    Column("ttl", "B", "hops", "TTL or hop limit"),
    Column("tsval", "q", "u32", "TCP timestamp value, -1 without the option"),
    Column("tsecr", "q", "u32", "TCP timestamp echo reply, -1 without the option"),
    Column("has_dsack", "b", "bool", "its first SACK block reports octets received twice (RFC 2883)"),
    Column(
        "since_ns",
        "q",
        "ns",
        "time since a segment with the same fingerprint; -1 none, UNSEEN where that cannot be known",
    ),
    Column("flow", "i", "", "index of the flow, -1 for a packet that belongs to none"),
    Column("end", "b", "0|1", "the end that sent it; of an ICMP error its receiver"),
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

RECENT = table(
    "RECENT",
    Column("fingerprint", "q", "", "hash of all that a duplicate of a recent segment shares with it; 0 none"),
    Column("ts_ns", "q", "ns", "capture time of it, or of its latest duplicate"),
    Column("tunnel", "i", "", "number of the tunnel that it came through, 0 for none"),
)

FILTER_TESTS = table(
    "FILTER_TESTS",
    Column("what", "b", "TESTS_*", "what is compared"),
    Column("direction", "b", "OF_*", "of which of source and destination"),
    Column("hi", "q", "", "address, high half, its host bits 0"),
    Column("lo", "q", "", "address, low half, its host bits 0"),
    Column("mask_hi", "q", "", "bits of the high half that are compared"),
    Column("mask_lo", "q", "", "bits of the low half that are compared"),
    Column("first", "i", "", "lowest port"),
    Column("last", "i", "", "highest port"),
    Column("if_true", "i", "", "row of the test that comes next; PASSES or FAILS"),
    Column("if_false", "i", "", "row of the test that comes next if this one does not hold; PASSES or FAILS"),
)
