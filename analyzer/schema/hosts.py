"""The columns of what flows must know of each other: who is where, who left whom waiting, and who forgot whom."""

from analyzer.schema import Column, table

ADDRESSES = table(
    "ADDRESSES",
    Column("tunnel", "i", "", "number of the tunnel that it is in: what is the same in two tunnels is not one host"),
    Column("hi", "q", "", "address, high half"),
    Column("lo", "q", "", "address, low half"),
    Column("network", "i", "", "row of its /24 or /64 in NETWORKS"),
    Column("flows", "i", "", "how many flows it has; one with itself counts once"),
    Column("probing", "i", "", "how many of their ends there send keepalive probes"),
    Column("is_missed", "b", "bool", "somebody asked twice for it on the link, with no answer in between"),
    Column("first_asked", "i", "", "row of the first question for it in ASKED_FOR, or of the first answer"),
    Column("asked", "i", "", "how many of both there are"),
    Column("first_failed_arp", "i", "", "row in FAILED_ARP of the first time that it was asked for in vain"),
    Column("failed_arp", "i", "", "how many of these there are"),
)

NETWORKS = table(
    "NETWORKS",
    Column("tunnel", "i", "", "number of the tunnel that it is in"),
    Column("hi", "q", "", "its addresses' high half"),
    Column("lo", "q", "", "of IPv4 the low half without the last octet, else 0"),
    Column("is_waited_for", "b", "bool", "somebody waited for an address there, or asked twice for it on the link"),
)

PEER_SILENCES = table(
    "PEER_SILENCES",
    Column("end", "i", "", "row in ENDS of the end that left the other one waiting for an answer"),
    Column("since_ns", "q", "ns", "from when on"),
    Column("until_ns", "q", "ns", "until the connection was reset, or ceased to be watched"),
)

FORGOTTEN = table(
    "FORGOTTEN",
    Column("end", "i", "", "row in ENDS of the end that sent a RST without ACK: it does not know the connection"),
    Column("frame", "q", "", "the RST"),
    Column("ts_ns", "q", "ns", "when"),
    Column("own_ns", "q", "ns", "when the end was last heard before it, -1"),
)

BOXED = table(
    "BOXED",
    Column("ts_ns", "q", "ns", "the first probe of an end in whose name a middlebox probes"),
    Column("fingerprint", "q", "", "its TTL and window, as one number"),
)

FAILED_ARP = table(
    "FAILED_ARP",
    Column("ts_ns", "q", "ns", "an address was asked for, and for so long again that it counts as gone from the link"),
)
