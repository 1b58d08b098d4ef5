"""Forges the capture that a host with given keepalive settings would make, by the forward models of keepalive/model/.

One connection, captured at the end that probes: a handshake, a request and its answer, then silence, in which the timer
of the stack runs. The peer is eight hops away. For teaching, and for testing programs that read captures.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.errors import OptionError
from analyzer.keepalive.model import linux, other_stacks
from analyzer.keepalive.model.linux import LINUX, SECOND, Clock, Event, Keepalive, What
from analyzer.keepalive.model.other_stacks import LINUX_TTL, LWIP, MILLISECOND, WINDOWS_TTL, Restarting
from analyzer.report.what_if import MOST, NAMES

if TYPE_CHECKING:
    from scapy.plist import PacketList


class Look(NamedTuple):
    """How a stack's segments look, and which model times them."""

    model: Clock | Restarting
    ttl: int = LINUX_TTL
    probe: bytes = b""
    """What its probes carry: nothing, or one octet of garbage."""
    has_timestamps: bool = True
    has_bare_probes: bool = False
    """Its probes carry no timestamp although it was agreed on (XNU's tcp_respond)."""


STACKS = {
    **{clock.name: Look(clock) for clock in LINUX},
    "linux-4.7": Look(linux.EXACT[0]),
    "freebsd": Look(other_stacks.EXACT),
    "macos": Look(other_stacks.EXACT, has_bare_probes=True),
    "windows": Look(other_stacks.EXACT, WINDOWS_TTL, b"\0", has_timestamps=False),
    "lwip": Look(LWIP, 255, has_timestamps=False),
    "illumos": Look(other_stacks.SILENT, probe=b"\0"),
    "solaris-10": Look(other_stacks.ILLUMOS, probe=b"\0"),
}
"""Stacks by name; the number behind linux- is the kernel's CONFIG_HZ, 4.7 the last version before the timer wheel."""
PEERS = ("silent", "answers", "resets", "unreachable")
"""What becomes of the peer: it falls silent, answers on, answers with a RST, or a router calls it unreachable."""
LOST = ("silent", "unreachable")
"""Peers that the prober gives up."""
SETTINGS = ("time", "intvl", "probes")
ANSWERED, ANSWERED_ON = 2, 4
"""Probes that the peer answers before it stops, and where it does not stop."""
START_NS = 1_767_225_613_571_428_000
"""Some instant, shortly after the first of January 2026 had begun."""
RTT_NS, ROUTER_RTT_NS, HOPS = 20 * MILLISECOND, 8 * MILLISECOND, 8
PROBER, PEER = ("192.0.2.10", 40000), ("198.51.100.2", 5432)
GATEWAY, ROUTER = "192.0.2.1", "203.0.113.1"
FOREVER_NS = START_NS + 10**17
"""Later than any give-up."""
LATER_S, LATER = 300, 4
"""After so many seconds and so many times the settings, whoever gives up without a RST has certainly done so."""


@dataclass
class _End:
    """What an end of the connection counts."""

    address: tuple[str, int]
    ttl: int
    snd_nxt: int
    clock_ms: int
    """What its timestamps have counted when the capture begins."""
    has_timestamps: bool
    ip_id: int = 0x1000
    rcv_nxt: int = 0
    ts_recent: int = 0


@dataclass
class _Wire:
    """The packets so far."""

    prober: _End
    peer: _End
    packets: list[Any] = field(default_factory=list)

    def send(
        self, sender: _End, at_ns: int, flags: str, payload: bytes = b"", seq: int | None = None, *, bare: bool = False
    ) -> Any:
        """Send a segment and return its IP packet; with `seq` one of the past, which counts nothing."""
        from scapy.layers.inet import IP, TCP

        other = self.peer if sender is self.prober else self.prober
        options: list[Any] = [("MSS", 1460), ("SAckOK", b"")] if "S" in flags else []
        if sender.has_timestamps and not bare:
            tsval = sender.clock_ms + (at_ns - START_NS) // MILLISECOND
            options += [("NOP", None), ("NOP", None), ("Timestamp", (tsval, sender.ts_recent))]
            other.ts_recent = tsval
        tcp = TCP(
            sport=sender.address[1],
            dport=other.address[1],
            flags=flags,
            seq=sender.snd_nxt if seq is None else seq,
            ack=sender.rcv_nxt if "A" in flags else 0,
            window=64240,
            options=options,
        )
        sender.ip_id += 1
        packet = IP(src=sender.address[0], dst=other.address[0], ttl=sender.ttl, id=sender.ip_id, flags="DF") / (
            tcp / payload
        )
        if seq is None:
            sender.snd_nxt += len(payload) + ("S" in flags)
            other.rcv_nxt = sender.snd_nxt
        self.put(at_ns, packet, is_outgoing=sender is self.prober)
        return packet

    def refuse(self, at_ns: int, packet: Any) -> None:
        """Let a router say that the host is unreachable, and quote the packet."""
        from scapy.layers.inet import ICMP, IP

        source = IP(src=ROUTER, dst=self.prober.address[0], ttl=LINUX_TTL - HOPS // 2)
        self.put(at_ns, source / ICMP(type=3, code=1) / bytes(packet), is_outgoing=False)

    def ask_gateway(self, at_ns: int) -> None:
        """Let the host ask for its gateway: a sign that the capture went on."""
        from scapy.layers.l2 import ARP

        self.put(at_ns, ARP(psrc=self.prober.address[0], pdst=GATEWAY), is_outgoing=True)

    def put(self, at_ns: int, packet: Any, *, is_outgoing: bool) -> None:
        from scapy.layers.l2 import Ether
        from scapy.utils import EDecimal

        host, gateway = "02:00:00:00:00:0a", "02:00:00:00:00:01"
        frame = Ether(src=host if is_outgoing else gateway, dst=gateway if is_outgoing else host) / packet
        made = Ether(bytes(frame))  # with lengths and checksums, as if it had been captured
        made.time = EDecimal(at_ns) / SECOND
        self.packets.append(made)


def forge(
    time: int = 7200, intvl: int = 75, probes: int = 9, *, peer: str = "silent", stack: str = "linux-250"
) -> "PacketList":
    """Return the packets of a connection whose end has these keepalive settings, in seconds and probes.

    The peer answers two probes and then is "silent", "resets", or is "unreachable"; or it "answers" all. `stack` is one
    of STACKS; solaris-10 spaces probes by its retransmission timer, whatever the interval. OptionError for other words
    and for values that setsockopt refuses.
    """
    if stack not in STACKS:
        raise OptionError(f"stack is one of {', '.join(STACKS)}, not {stack!r}")
    if peer not in PEERS:
        raise OptionError(f"peer is one of {', '.join(PEERS)}, not {peer!r}")
    keepalive = Keepalive(*map(_setting, SETTINGS, (time, intvl, probes)))
    from scapy.plist import PacketList

    look = STACKS[stack]
    prober = _End(PROBER, look.ttl, 1_000_000, 50_000, look.has_timestamps)
    wire = _Wire(prober, _End(PEER, LINUX_TTL - HOPS, 2_000_000, 900_000, look.has_timestamps))
    heard_ns = _converse(wire)
    answered = 0
    for event in _life(look.model, keepalive, heard_ns, peer):
        if event.what is What.ANSWER:
            wire.send(wire.peer, event.time_ns, "A")
            answered += 1
        elif event.what is What.GIVE_UP:
            wire.send(prober, event.time_ns, "RA")
        elif event.what is What.PROBE:
            probe = wire.send(prober, event.time_ns, "A", look.probe, seq=prober.snd_nxt - 1, bare=look.has_bare_probes)
            if answered == ANSWERED and peer == "unreachable":
                wire.refuse(event.time_ns + ROUTER_RTT_NS, probe)
            elif answered == ANSWERED and peer == "resets":
                wire.send(wire.peer, event.time_ns + RTT_NS, "R", seq=wire.peer.snd_nxt, bare=True)
                break
    if event.what is What.PROBE and peer in LOST:
        wire.ask_gateway(event.time_ns + (LATER_S + LATER * (keepalive.time_s + keepalive.intvl_s)) * SECOND)
    return PacketList(wire.packets, name="forged")


def _setting(name: str, value: int) -> int:
    """Return a setting's value; OptionError for one that setsockopt refuses."""
    try:
        number = index(value)
    except TypeError:
        number = 0
    most = MOST[NAMES[name]]
    if not 1 <= number <= most:
        raise OptionError(f"{name} is a whole number from 1 to {most}, not {value!r}")
    return number


def _life(model: Clock | Restarting, keepalive: Keepalive, heard_ns: int, peer: str) -> Iterator[Event]:
    """Yield what the prober does and hears after `heard_ns`: until it gives up, or the last answer of a peer that
    answers on."""

    def lived(alive_until_ns: int) -> Iterator[Event]:
        times = (START_NS, FOREVER_NS, (heard_ns,), RTT_NS, alive_until_ns)
        if isinstance(model, Restarting):
            return other_stacks.simulate(model, keepalive, *times)
        return linux.simulate(keepalive, model, *times)

    probes = (event for event in lived(FOREVER_NS) if event.what is What.PROBE)
    count = ANSWERED_ON if peer == "answers" else ANSWERED
    last_ns = next(islice(probes, count - 1, None)).time_ns
    for event in lived(last_ns + 1):
        if peer == "answers" and event.time_ns > last_ns + RTT_NS:
            return
        yield event


def _converse(wire: _Wire) -> int:
    """Open the connection, and ask and answer once; return when the prober last heard the peer."""
    prober, peer = wire.prober, wire.peer
    at_ns = START_NS
    wire.send(prober, at_ns, "S")
    wire.send(peer, at_ns + RTT_NS, "SA")
    wire.send(prober, at_ns + RTT_NS + MILLISECOND, "A")
    wire.send(prober, at_ns + RTT_NS + 2 * MILLISECOND, "PA", b"a request")
    heard_ns = at_ns + 2 * RTT_NS + 2 * MILLISECOND
    wire.send(peer, heard_ns, "PA", b"its answer")
    wire.send(prober, heard_ns + MILLISECOND, "A")
    return heard_ns


def parse(words: str) -> dict[str, Any]:
    """Parse what `forge` takes: time=60,intvl=10,probes=5,peer=silent,stack=linux-250. Raises OptionError."""
    given: dict[str, Any] = {}
    for part in words.split(","):
        name, _, value = part.strip().partition("=")
        if name in ("peer", "stack"):
            given[name] = value
        elif name in SETTINGS and value.isdecimal():
            given[name] = int(value)
        else:
            raise OptionError(
                f"--forge {words}: '{part}' is not understood; give time=60,intvl=10,probes=5,peer=silent"
            )
    return given
