"""The columns of the findings on flows: gaps as inference takes them, settings, context, verdicts.

A row for each flow of a batch, or for each end (2 * flow + end), or for each setting of an end. Lists, mostly of
frames, lie in tables of their own; the owner has the first row and the number of rows.
"""

from analyzer.schema import Column, table

OBSERVED_GAPS = table(
    "OBSERVED_GAPS",
    Column("kind", "b", "GapKind", "what ended the gap"),
    Column("frame", "q", "", "the frame that ended it; for the capture's end the last one before"),
    Column("at_ns", "q", "ns", "when the probe or give-up that ended it was captured, -1 for what no timer ended"),
    Column("heard_ns", "q", "ns", "since the last segment from the other end that this end accepts, -1"),
    Column("any_ns", "q", "ns", "since the last segment of any kind from the other end, -1"),
    Column(
        "since_new_segment_ns", "q", "ns", "since the other end's last segment that is neither probe nor resend, -1"
    ),
    Column("probe_ns", "q", "ns", "since this end's previous probe, -1"),
    Column("unanswered", "q", "", "consecutive unanswered probes of this end before the gap's end"),
    Column("capture_rtt_ns", "q", "ns", "from the capture point to this end and back"),
    Column("missing", "q", "", "own segments since its last one that were not captured, by IP ID; -1 unknown"),
    Column("is_numbered", "b", "bool", "all of the end's segments show that it numbers them one by one"),
    Column("echo", "b", "Echo", "what its timestamp echo says of how much the end had heard"),
    Column("has_uncaptured", "b", "bool", "the other end answered something of this end that was not captured"),
    Column("ceilings", "i", "", "four bits for each clock rate: the coarsest level on whose boundary it may end"),
)

OBSERVED_ENDS = table(
    "OBSERVED_ENDS",
    Column("first_gap", "q", "", "row of the end's first gap in OBSERVED_GAPS; the next row has the end"),
    Column("is_whole", "b", "bool", "the capture saw the connection open, so that there is no earlier probe"),
    Column("clocks", "i", "bits", "the kinds of clock that may have ticked it, by their rows in CLOCKS"),
    Column("is_one_sided", "b", "bool", "the other end is not in the capture, so that no answer is"),
    Column("has_company", "b", "bool", "its address has other connections, whose segments its counter may number too"),
    Column("is_cut_off", "b", "bool", "its probes could not leave: what the capture's end left open shows nothing"),
    Column("hastens", "b", "bool", "its last two answered probes came sooner than those before, as STORY_ENDS has it"),
    Column("may_tick", "b", "bool", "its TTL is that of lwIP, whose timer counts ticks of half a second"),
    Column("lacks", "q", "per mille", "of the flow's segments missing in the capture, as STORY_FLOWS has it"),
)

INFERRED = table(
    "INFERRED",
    Column(
        "clocks", "q", "CLOCKS", "the kinds of clock that explain them: row plus one in four bits, the first lowest"
    ),
    Column("first_claim", "q", "", "row of the first boundary that explains them in CLAIMED; the next row has the end"),
)
"""A row for each end."""

INFERRED_SETTINGS = table(
    "INFERRED_SETTINGS",
    Column("basis", "b", "Basis", "what determined it, or its bounds; -1 where nothing is known"),
    Column("value", "q", "s", "the best single answer, or count; -1 where the wire does not determine it"),
    Column("low_ms", "q", "ms", "inclusive lower bound; of a count in thousandths"),
    Column("high_ms", "q", "ms", "inclusive upper bound, as above; -1 where nothing bounds it"),
    Column("n", "q", "", "observations that support it"),
    Column("shortest_ns", "q", "ns", "shortest observed duration behind it; 0 for counts"),
    Column("longest_ns", "q", "ns", "longest; 0 for counts"),
    Column("first_proof", "q", "", "row in PROOFS of the first frame that proves it"),
    Column("proofs", "b", "", "number of these"),
)
"""Four rows for each end: tcp_keepalive_time, tcp_keepalive_intvl, tcp_keepalive_probes, tcp_user_timeout."""

PROOFS = table("PROOFS", Column("frame", "q", "", "number of a frame"))

CONTEXT_FLOWS = table(
    "CONTEXT_FLOWS",
    Column("silent_end", "b", "0|1", "the end that fell silent, or is asked for on the link; -1"),
    Column("answers_elsewhere", "b", "bool", "its address sent something in another flow meanwhile"),
    Column("has_new_ports", "b", "bool", "... in newer flows only, from ports that count up anew"),
    Column("has_new_address", "b", "bool", "... and began to use its address again, as after its interface was down"),
    Column("is_only", "b", "bool", "no other connection of the capture leads to its address"),
    Column("silent_flows", "q", "", "other connections to its address in which it did not answer meanwhile"),
    Column("is_network_silent", "b", "bool", "nobody in its network was heard, and others there were waited for too"),
    Column("first_asked", "q", "", "row in ASKED_FOR of the first solicitation for it that nothing answered"),
    Column("asked", "q", "", "number of these"),
    Column("restart", "q", "Reason", "signs that an end was restarted: packed as VERDICTS.reasons, 0 without"),
    Column("first_restart_frame", "q", "", "row in PROOFS of the first frame that shows it"),
    Column("restart_frames", "q", "", "number of these, twelve at most"),
    Column("goes_on", "b", "bool", "it continues another flow, from another port or address"),
    Column("moved_frame", "q", "", "first frame of the flow in which an end of this one goes on so, 0 without"),
    Column("first_stray", "q", "", "row in ASKED_FOR of an end's first request in vain for an address not the other's"),
    Column("strays", "q", "", "number of these, 0 where they need not concern the flow"),
)
"""A row for each flow of a batch."""

CONTEXT_ENDS = table(
    "CONTEXT_ENDS",
    Column("has_company", "b", "bool", "its address has other connections in the capture"),
    Column("is_cut_off", "b", "bool", "its host left others waiting since the flow was last heard: probes may be lost"),
    Column(
        "first_failed_arp",
        "q",
        "",
        "row in FAILED_ARP of the first time at which its host asked for the other one in vain",
    ),
    Column("failed_arp", "q", "", "number of these"),
)
"""A row for each end of a batch: context that affects what its gaps show."""

ASKED_FOR = table(
    "ASKED_FOR",
    Column("ts_ns", "q", "ns", "an ARP request or neighbour solicitation, an answer to one, or a claim"),
    Column("frame", "q", "", "its frame"),
    Column("kind", "b", "NEIGHBOUR", "a flow's row in CONTEXT_FLOWS refers to questions only"),
    Column("asker", "i", "", "row in ADDRESSES of who asks or is answered"),
)
"""Rows sorted by address, then by time."""

RESETS = table(
    "RESETS",
    Column("has_ack", "b", "bool", "it carries an ACK"),
    Column("ttl", "h", "hops", "TTL or hop limit"),
    Column("usual_ttl", "h", "hops", "that of the end's other segments, -1 unknown"),
    Column("ttl_varies", "b", "bool", "the end's other segments have not all the same"),
    Column("window", "q", "octets", "advertised window"),
    Column("ip_id", "i", "", "IPv4 identification, -1 for IPv6"),
    Column("before_ip_id", "i", "", "the last one known of the end's segments before, -1"),
    Column("counts_ids", "b", "bool", "the end's latest segments show that it counts them"),
    Column("has_timestamp", "b", "bool", "it carries the timestamp option"),
    Column("has_usual_timestamp", "b", "bool", "the end's other segments carry it"),
    Column("took_ns", "q", "ns", "since the probe that it answers, -1"),
    Column("usual_took_ns", "q", "ns", "the shortest time in which the end ever answered a probe, or a SYN, -1"),
    Column(
        "is_once", "b", "bool", "it and the probe that it answers were captured once, other segments of the end twice"
    ),
)
"""One row: a RST, and what it is compared with to tell who sent it."""

ENDINGS = table(
    "ENDINGS",
    Column("how", "b", "How", "how the connection was ended, -1 while it goes on"),
    Column("by", "b", "0|1|BY_PATH", "who ended it, -1 where that is not known, or where nobody did"),
    Column("frame", "q", "", "frame of the closing segment, 0 without one"),
    Column("at_ns", "q", "ns", "its time, -1 without one"),
    Column("data_ns", "q", "ns", "since new data last moved by then, in either direction; -1 without any"),
    Column("peer_data_ns", "q", "ns", "since new data of the end that did not close, -1 without any"),
    Column("own_data_ns", "q", "ns", "since new data of the end that did, -1 without any"),
    Column("no_heartbeat_ns", "q", "ns", "since data that is neither a heartbeat nor an answer to one, -1"),
    Column("first_lost", "q", "", "row in PROOFS of the first frame with data that was lost to it"),
    Column("crossed", "q", "", "number of these that were sent before the FIN arrived; they come first"),
    Column("reused", "q", "", "number of these that were sent later"),
)
"""A row for each flow of a batch."""

VERDICTS = table(
    "VERDICTS",
    Column("outcome", "b", "Outcome", "how the connection ended"),
    Column("cause", "b", "Cause", "why, -1 where the outcome needs none"),
    Column("prober", "b", "0|1", "the end whose probes decide it, -1"),
    Column("errno", "b", "application.ERRNOS", "what the application of that end got, -1 for nothing"),
    Column("epoll", "h", "bits", "the epoll events that it got, -1"),
    Column("detection_delay_ns", "q", "ns", "from the last sign of the peer until its loss was noticed, -1"),
    Column("confidence", "b", "Confidence", "how sure the verdict is"),
    Column("reasons", "q", "Reason", "each reason's place plus one in eight bits, the first lowest; at most seven"),
    Column("first_evidence", "q", "", "row in PROOFS of the first frame that proves it"),
    Column("evidence", "b", "", "number of these"),
)
"""A row for each flow of a batch."""

BRIEF_FLOWS = table(
    "BRIEF_FLOWS",
    Column("is_untroubled", "b", "bool", "nothing happened to it; only then the rest is filled"),
    Column("how", "b", "How", "how it was closed, -1 for what was not"),
    Column("closer", "b", "0|1", "the end that closed it, -1 for what was not, or by both at once"),
    Column("service_end", "b", "0|1", "the end that offers the service"),
    Column("start_ns", "q", "ns", "its earliest segment"),
    Column("end_ns", "q", "ns", "its latest segment"),
    Column("last_ns", "q", "ns", "its last segment"),
    Column("capture_end_ns", "q", "ns", "when it ceased to be watched"),
    Column("max_idle_ns", "q", "ns", "longest time without any segment"),
    Column("idle_ns", "q", "ns", "without data when it was closed; else without a segment, up to the capture's end"),
    Column("heard_ns", "q", "ns", "when the end that offers the service was last heard, -1"),
    Column("bridged_ns", "q", "ns", "as in STORY_FLOWS"),
    Column("first_fin", "q", "", "frame of the first FIN, 0 without one"),
    Column("is_within_lan", "b", "bool", "no hop lies between the capture point and either end"),
    Column("first_silence", "q", "", "row of its first silence in BRIEF_SILENCES"),
    Column("silences", "q", "", "number of these"),
)
"""A row for each flow of a batch."""

BRIEF_ENDS = table(
    "BRIEF_ENDS",
    Column("sent", "q", "", "keepalive probes"),
    Column("answered", "q", "", "those of them that an ACK or data answered"),
    Column("payload_len", "q", "octets", "in the longest of them"),
    Column("has_timestamps", "b", "bool", "one of them carries a timestamp"),
    Column("has_bare_probes", "b", "bool", "none of them does, although both ends had agreed on it"),
)
"""A row for each end of a batch."""

BRIEF_SILENCES = table(
    "BRIEF_SILENCES",
    Column("frame", "q", "", "the frame that ended it"),
    Column("ts_ns", "q", "ns", "when"),
    Column("ns", "q", "ns", "its duration"),
    Column("sender", "b", "0|1", "the end that ended it"),
    Column("survived", "b", "bool", "the other end was heard later"),
)
