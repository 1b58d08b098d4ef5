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

IDLE_TRIALS = table(
    "IDLE_TRIALS",
    Column("flow", "i", "", "a connection that was idle for a second or more, in the middle or at its end"),
    Column("service", "q", "", "number of the service's address * 65536 + its port"),
    Column("client", "q", "", "number of the client's address"),
    Column("closer", "b", "0|1", "who closed it by itself: 0 the client, 1 the service; -1 nobody, or not by itself"),
    Column("how", "b", "How", "how, -1 while it goes on"),
    Column("is_over", "b", "bool", "it had ended, by whatever"),
    Column("lost", "b", "", "requests that were lost to it: segments with data of the client"),
    Column("frame", "i", "", "the frame that closed it, -1 without"),
    Column("at_ns", "q", "ns", "when it was closed; of an open one the capture's end"),
    Column("since_data_ns", "q", "ns", "since new data by then, -1 without any"),
    Column("since_client_ns", "q", "ns", "since new data of the client, -1"),
    Column("since_service_ns", "q", "ns", "since new data of the service, -1"),
    Column("since_other_ns", "q", "ns", "since data that is no heartbeat, and no answer to one, -1"),
    Column("data_gap_ns", "q", "ns", "longest time without new data that it survived"),
    Column("client_gap_ns", "q", "ns", "without new data of the client"),
    Column("service_gap_ns", "q", "ns", "without new data of the service"),
    Column("other_gap_ns", "q", "ns", "without data that is no heartbeat"),
)
"""What each connection says of its service's and its client's idle limits."""
