"""Why a verdict is what it is: a sentence for each reason."""

from analyzer.keepalive.verdict.values import Reason

REASONS = {
    Reason.GIVE_UP_RST: "The prober sent RST one interval after its last unanswered probe, as a keepalive timer does.",
    Reason.SILENT_AFTER_PROBES: "Probes stayed unanswered and then ceased, without a RST in the capture.",
    Reason.SILENT_GIVE_UP: "The instant when it gave up is not on the wire; the delay is the longest that fits.",
    Reason.RUN_GOES_ON: "The capture ends while probes go unanswered, or too soon after the last of them to tell "
    "whether the prober has given up.",
    Reason.ICMP_DISCARDED: "ICMP errors quote the probes; Linux and BSD discard those, since a probe's sequence number "
    "is not in flight, so the application sees a timeout.",
    Reason.NEIGHBOUR_SILENT: "ARP or neighbour solicitations for the peer's address stayed unanswered.",
    Reason.ASKED_BY_TIMER: "Nothing was sent any more, but the peer's address was asked for as evenly as a keepalive "
    "timer of Linux runs out, and data waits longer each time; no other connection leads there.",
    Reason.PEER_HOST_ANSWERS: "The peer's address sent segments of other connections meanwhile, so its host is alive.",
    Reason.PEER_PORTS_ANEW: "The peer's address sent segments of newer connections only, from ports that count up anew "
    "below this one's: it was started anew.",
    Reason.PEER_ADDRESS_ANEW: "The peer's address was taken into use again meanwhile (ARP probe, duplicate address "
    "detection), as a host does after its interface was down: it may have dropped the connections that it had.",
    Reason.PEER_STILL_SENDS: "The peer itself went on sending on this connection, so it lives, and one way is broken.",
    Reason.ANSWERS_UNHEARD: "Each probe was answered where this was captured, but the prober went on after the "
    "interval and gave up as if it had heard nothing: the answers were lost on the way to it.",
    Reason.ACKS_UNHEARD: "Data was sent again and again although it was acknowledged each time where this was "
    "captured: the ACKs were lost on the way to its sender.",
    Reason.PEER_HOST_SILENT: "Nothing else was heard from the peer's address meanwhile.",
    Reason.PEER_FLOWS_SILENT: "Its other connections were left without an answer at the same time.",
    Reason.NETWORK_SILENT: "Nobody in the peer's network (/24 or /64) was heard meanwhile, and others in it were asked "
    "in vain too: the way there is broken, rather than this host or this connection.",
    Reason.REBOUND: "The other end goes on with its sequence numbers from another port or address: a NAT on the way "
    "had forgotten the connection, and nothing reaches that end here any more.",
    Reason.GOES_ON_ELSEWHERE: "It begins with the sequence and acknowledgement numbers at which another connection to "
    "this service stood, from another port or address: a NAT on the way had forgotten that, and the service resets "
    "what it does not know.",
    Reason.ASKS_FOR_ANOTHER: "Instead of anything on the idle connection came ARP requests at the pace of resends, for "
    "an address that nobody has: what this host sends goes to another address than the peer's, as after a virtual "
    "service (IPVS) has forgotten a connection. Or the host means something else.",
    Reason.PEER_RECONNECTED: "The peer has opened a new connection to the same service since, and never used this one "
    "again.",
    Reason.PEER_CLOCK_RESTARTED: "Its timestamp clock, which its connections shared, has begun anew: it was restarted.",
    Reason.PEER_LOST_OTHERS: "It has answered an older connection with a RST, having forgotten it: it was restarted.",
    Reason.PEER_HAD_CLOSED: "It had closed its side before, and a host forgets what it has closed.",
    Reason.RST_ANSWERS_PROBE: "A RST came back for a probe.",
    Reason.RST_WITHOUT_STATE: "A RST without ACK came back for data: its sender has no such connection.",
    Reason.RST_LOOKS_FOREIGN: "The RST's TTL differs from that of the peer's own segments.",
    Reason.RST_TOO_SOON: "The RST came in less than half of the time that any answer of the peer took: it has not been "
    "to the peer and back.",
    Reason.RST_CAPTURED_ONCE: "The peer's segments were captured twice each, the RST once: the capturing host sent it.",
    Reason.RST_DIFFERS_IN_MORE: "More of it is unlike the peer's: its IP identification, window or options.",
    Reason.RST_UNASKED: "A RST came that neither a probe nor a timer explains.",
    Reason.RST_UNDECIDED: "The other end sent it, or something in its name: its fields do not tell which.",
    Reason.RST_LOOKS_NATIVE: "The RST's TTL is that of the peer's own segments, as far as any were seen.",
    Reason.RST_UNEXPLAINED: "A RST ended it, and frames before it are missing: what it was for does not show.",
    Reason.RST_AMID_PROBES: "It reset the connection amid its probes: a timer of its own, or an application.",
    Reason.RST_BY_APPLICATION: "A RST that no probe and no timer explains: an application closed at once.",
    Reason.RST_AFTER_CLOSE: "It had sent its FIN before, and answers what comes then with a RST, as a host does whose "
    "application has closed.",
    Reason.FIN_BOTH: "Both sides sent FIN.",
    Reason.DATA_UNANSWERED: "Data was sent again and again without an answer, and the capture ends too soon after the "
    "last time to tell whether its sender has given up; keepalive is suspended while data is in flight.",
    Reason.DATA_GIVEN_UP: "Data was sent again and again without an answer until the sender gave up in silence.",
    Reason.ICMP_QUOTES_DATA: "ICMP errors quote data in flight; the last one is what the application sees in the end.",
    Reason.WINDOW_STAYED_CLOSED: "The peer's window stayed closed, and the probes of it ceased although each was "
    "answered: so a user timeout ends a connection, in silence.",
    Reason.PROBES_ANSWERED: "Every probe so far was answered.",
    Reason.PROBES_IGNORED: "Not every probe was answered, but the peer was heard again since: probes or answers were "
    "lost, or the peer does not answer probes.",
    Reason.ANSWERS_MISSING: "The last probes have no answer, and frames are missing: it may be among them.",
    Reason.ONE_UNANSWERED: "The last probe has no answer yet, and the capture ends before the next: one of the two may "
    "only be lost.",
    Reason.TOO_MUCH_MISSING: "So many frames are missing that a RST may be among them, and nothing shows that the "
    "connection goes on.",
    Reason.PROBES_HASTEN: "Probes are answered and come sooner than before: unheard, or the settings were changed.",
    Reason.PROBES_CEASED: "Probes ceased without a word: their sender is gone, has closed unseen, or is not captured.",
    Reason.NO_PROBE_DUE: "Open at the end of the capture; nothing in it contradicts that.",
    Reason.SILENT_FOR_LONG: "It has been silent for longer than ever before, as far as was captured, and nobody "
    "probes: whether the other end is still there cannot be told.",
    Reason.ONE_SIDED: "Only one side of the connection is in the capture.",
    Reason.NEVER_OPENED: "It never became a connection: only SYNs, and what refused them, are in the capture.",
    Reason.ONLY_RESETS: "Nothing but RSTs, and empty segments that they answer, is in the capture: what they ended, "
    "and who sent them, does not show.",
}
