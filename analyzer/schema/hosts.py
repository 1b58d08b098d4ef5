"""The columns of what flows must know of each other: addresses, silences of peers, and forgotten connections."""

from analyzer.schema import Column, table

ADDRESSES = table(
    "ADDRESSES",
    Column("tunnel", "i", "", "number of the tunnel that it is in: what is the same in two tunnels is not one host"),
    Column("hi", "q", "", "address, high half"),
    Column("lo", "q", "", "address, low half"),
    Column("network", "i", "", "row of its /24 or /64 in NETWORKS"),
    Column("flows", "i", "", "number of its flows; one with itself counts once"),
    Column("probing", "i", "", "number of their ends there that send keepalive probes"),
    Column("is_missed", "b", "bool", "somebody asked twice for it on the link, with no answer in between"),
    Column("first_asked", "i", "", "row in ASKED_FOR of the first request for it, or of the first answer"),
    Column("asked", "i", "", "number of both"),
    Column("first_failed_arp", "i", "", "row in FAILED_ARP of the first time that it was requested in vain"),
    Column("failed_arp", "i", "", "number of these"),
    Column("asks", "b", "bool", "it asked for some address on the link, or took its own into use"),
    Column(
        "sought", "i", "", "row of the one address that it asked for and that nobody answers for; -1, of several -2"
    ),
    Column("idle_flow", "i", "", "its one open flow that was idle when it began to; -1, of several -2"),
)

NETWORKS = table(
    "NETWORKS",
    Column("tunnel", "i", "", "number of the tunnel that it is in"),
    Column("hi", "q", "", "its addresses' high half"),
    Column("lo", "q", "", "low half without the last octet for IPv4, else 0"),
    Column("is_waited_for", "b", "bool", "somebody waited for an address there, or asked twice for it on the link"),
)

PEER_SILENCES = table(
    "PEER_SILENCES",
    Column("end", "i", "", "row in ENDS of the end that left the other one waiting for an answer"),
    Column("since_ns", "q", "ns", "begin of the silence"),
    Column("until_ns", "q", "ns", "its end: the connection was reset, or no longer captured"),
)

FORGOTTEN = table(
    "FORGOTTEN",
    Column("end", "i", "", "row in ENDS of the end that sent a RST without ACK: it does not know the connection"),
    Column("frame", "q", "", "the RST"),
    Column("ts_ns", "q", "ns", "capture time of the RST"),
    Column("own_ns", "q", "ns", "capture time of the end's last segment before it, -1"),
)

BOXED = table(
    "BOXED",
    Column("ts_ns", "q", "ns", "the first probe of an end in whose name a middlebox probes"),
    Column("fingerprint", "q", "", "its TTL and window, as one number"),
)

FAILED_ARP = table(
    "FAILED_ARP",
    Column(
        "ts_ns",
        "q",
        "ns",
        "first request for an address that was repeated for so long that it counts as gone from the link",
    ),
)
