"""Big captures for the benchmark: deterministic, made in seconds, and such that tshark agrees about the probes.

A flow is a row of a matrix and its segments are the columns, so that sequence numbers are running sums
and nothing is looped over packets. Payload on port 443 is TLS records, on other ports it is nothing that
tshark dissects: on random octets it would spend its time with noise.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
EPOCH_NS = 1_800_000_000_000_000_000
SECOND, MILLISECOND, MICROSECOND = 10**9, 10**6, 10**3
SEGMENT = 1448
"""Payload of a full frame whose TCP header carries a timestamp."""
HEADERS = 14 + 20 + 32
BATCH_OCTETS = 64 << 20
"""Rendered at once."""


@dataclass(frozen=True)
class Scripts:
    """What every flow does; matrices of flows × segments but for `start_ns`."""

    start_ns: Numbers
    wait_ns: Numbers
    """Since the flow's segment before."""
    sender: Numbers
    """0 for the client, 1 for the server."""
    flags: Numbers
    payload_len: Numbers
    is_probe: NDArray[np.bool_]
    """One below SND.NXT."""
    is_sent: NDArray[np.bool_]
    """Flows are of different length."""


@dataclass(frozen=True)
class Segments:
    """All flows' segments in the order of time."""

    ts_ns: Numbers
    flow: Numbers
    sender: Numbers
    flags: Numbers
    payload_len: Numbers
    seq: Numbers
    ack: Numbers


def data(flows: int, length: int, random: np.random.Generator) -> Scripts:
    """Requests and answers; every tenth flow pauses in the middle, and 12 probes are answered."""
    shape = (flows, length)
    place = np.broadcast_to(np.arange(length), shape)
    cycle = (place - 3) % 4  # request, full answer, rest of it, ACK
    sender = np.where((cycle == 1) | (cycle == 2), 1, 0)
    payload_len = np.choose(
        cycle, [random.integers(40, 600, shape), np.full(shape, SEGMENT), random.integers(10, SEGMENT, shape), 0]
    )
    flags = np.where(payload_len > 0, ACK | PSH, ACK)
    wait_ns = random.integers(50 * MICROSECOND, 40 * MILLISECOND, shape)
    is_probe = np.zeros(shape, bool)
    _handshake(sender, flags, payload_len)
    _farewell(sender, flags, payload_len)
    begin = 3 + 4 * (length // 8)
    idle = np.broadcast_to((np.arange(flows) % 10 == 0)[:, None], (flows, 24))
    _probes(idle, slice(begin, begin + 24), sender, flags, payload_len, wait_ns, is_probe, random)
    start_ns = random.integers(0, 60 * SECOND, flows)
    return Scripts(start_ns, wait_ns, sender, flags, payload_len, is_probe, np.ones(shape, bool))


def frames(flows: int, length: int, random: np.random.Generator) -> Scripts:
    """Downloads: two full segments, then an ACK; nothing else."""
    shape = (flows, length)
    cycle = np.broadcast_to((np.arange(length) - 3) % 3, shape)
    sender = np.where(cycle == 2, 0, 1)
    payload_len = np.where(sender == 1, SEGMENT, 0)
    flags = np.full(shape, ACK)
    _handshake(sender, flags, payload_len)
    _farewell(sender, flags, payload_len)
    wait_ns = random.integers(20 * MICROSECOND, 4 * MILLISECOND, shape)
    start_ns = random.integers(0, 30 * SECOND, flows)
    return Scripts(start_ns, wait_ns, sender, flags, payload_len, np.zeros(shape, bool), np.ones(shape, bool))


def idle(flows: int, length: int, random: np.random.Generator) -> Scripts:
    """Connections that were open before and show little but keepalive; of every tenth the server is gone.

    A fifth is opened in the capture, a fifth sends data first; the others begin with a probe.
    """
    shape = (flows, length)
    kind = np.arange(flows) % 10
    sender = np.broadcast_to(np.arange(length) % 2, shape).copy()
    flags = np.full(shape, ACK)
    payload_len = np.zeros(shape, np.int64)
    wait_ns = np.where(sender == 0, _intervals(flows, random)[:, None], 20 * MILLISECOND)
    is_probe = sender == 0
    sent = np.where(kind < 8, 3, 4)
    is_opened, speaks_first, is_dead = kind < 2, (kind >= 2) & (kind < 4), kind == 9
    flags[is_opened, 0], flags[is_opened, 1] = SYN, SYN | ACK
    is_probe[is_opened, 0] = is_probe[is_opened, 2] = False
    wait_ns[is_opened, 2] = MILLISECOND
    sent[is_opened] = 5
    payload_len[speaks_first, 0] = 120
    flags[speaks_first, 0] = ACK | PSH
    is_probe[speaks_first, 0] = False
    sent[speaks_first] = 4
    payload_len[is_dead, 0] = 40
    sender[is_dead, 2:] = 0
    is_probe[is_dead, 0], is_probe[is_dead, 2:7] = False, True
    wait_ns[is_dead, 2:8] = 10 * SECOND
    is_probe[is_dead, 7] = False
    flags[is_dead, 7] = RST | ACK
    sent[is_dead] = 8
    is_sent = np.arange(length) < sent[:, None]
    start_ns = random.integers(0, 3600 * SECOND, flows)
    return Scripts(start_ns, wait_ns, sender, flags, payload_len, is_probe & is_sent, is_sent)


def _intervals(flows: int, random: np.random.Generator) -> Numbers:
    return (
        random.choice(np.array([15, 30, 45, 60, 75, 300]), flows) * SECOND + random.integers(0, 4, flows) * 256_000_000
    )


def _handshake(sender: Numbers, flags: Numbers, payload_len: Numbers) -> None:
    sender[:, :3], flags[:, :3], payload_len[:, :3] = (0, 1, 0), (SYN, SYN | ACK, ACK), 0


def _farewell(sender: Numbers, flags: Numbers, payload_len: Numbers) -> None:
    """Of all flows but every seventh, which stay open."""
    closes = np.arange(len(sender)) % 7 != 0
    sender[closes, -3:], flags[closes, -3:], payload_len[closes, -3:] = (0, 1, 0), (FIN | ACK, FIN | ACK, ACK), 0


def _probes(
    idle: NDArray[np.bool_],
    where: slice,
    sender: Numbers,
    flags: Numbers,
    payload_len: Numbers,
    wait_ns: Numbers,
    is_probe: NDArray[np.bool_],
    random: np.random.Generator,
) -> None:
    """Where `idle`, turn these segments into probes of the client, each with its answer."""
    turn = np.broadcast_to(np.arange(idle.shape[1]) % 2, idle.shape)
    sender[:, where] = np.where(idle, turn, sender[:, where])
    flags[:, where] = np.where(idle, ACK, flags[:, where])
    payload_len[:, where] = np.where(idle, 0, payload_len[:, where])
    is_probe[:, where] = idle & (turn == 0)
    long_ns = np.where(turn == 0, _intervals(len(idle), random)[:, None], 20 * MILLISECOND)
    wait_ns[:, where] = np.where(idle, long_ns, wait_ns[:, where])


def in_order(scripts: Scripts, random: np.random.Generator) -> Segments:
    """Give every segment its time and numbers, and bring them into the order of time."""
    flows, _ = scripts.sender.shape
    consumed = scripts.payload_len + ((scripts.flags & SYN) > 0) + ((scripts.flags & FIN) > 0)
    first = random.integers(0, 1 << 32, (flows, 2))
    used = [np.cumsum(np.where(scripts.sender == end, consumed, 0), axis=1) for end in (0, 1)]
    before = [one - np.where(scripts.sender == end, consumed, 0) + first[:, [end]] for end, one in enumerate(used)]
    seq = np.where(scripts.sender == 0, before[0], before[1]) - scripts.is_probe
    ack = np.where(scripts.flags & ACK, np.where(scripts.sender == 0, before[1], before[0]), 0)
    ts_ns = EPOCH_NS + scripts.start_ns[:, None] + np.cumsum(scripts.wait_ns, axis=1) // MICROSECOND * MICROSECOND
    flow = np.broadcast_to(np.arange(flows)[:, None], seq.shape)
    columns = (ts_ns, flow, scripts.sender, scripts.flags, scripts.payload_len, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF)
    order = np.argsort(ts_ns[scripts.is_sent], kind="stable")
    return Segments(*(one[scripts.is_sent][order] for one in columns))


def rendered(segments: Segments, snaplen: int, record: int) -> Iterator[tuple[NDArray[np.uint8], Numbers]]:
    """Frames, each behind `record` octets of room, in batches: a matrix, and the captured length of each row."""
    width = record + min(snaplen, HEADERS + int(segments.payload_len.max(initial=0))) + 8
    step = max(BATCH_OCTETS // width, 1)
    for begin in range(0, len(segments.ts_ns), step):
        some = Segments(*(column[begin : begin + step] for column in vars(segments).values()))
        rows = np.zeros((len(some.ts_ns), width), np.uint8)
        _fill(rows[:, record:], some)
        yield rows, np.minimum(HEADERS + some.payload_len, snaplen)


def _fill(rows: NDArray[np.uint8], s: Segments) -> None:
    """Ethernet, IPv4, TCP with a timestamp option; checksums of TCP are left to the card that there is not."""
    client = (10 << 24) + (1 << 16) + s.flow % 50_000
    server = (10 << 24) + (2 << 16) + s.flow % 199
    client_port, server_port = 20_000 + s.flow // 50_000, np.where(s.flow % 2 == 0, 443, 47_001 + s.flow % 5 * 2)
    is_client = s.sender == 0
    rows[:, 0:14] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]
    rows[:, 14:26] = [0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0]
    _put(rows, 16, 2, HEADERS - 14 + s.payload_len)
    _put(rows, 26, 4, np.where(is_client, client, server))
    _put(rows, 30, 4, np.where(is_client, server, client))
    words = rows[:, 14:34].astype(np.int64)
    total = (words[:, 0::2] * 256 + words[:, 1::2]).sum(axis=1)
    total = (total & 0xFFFF) + (total >> 16)
    _put(rows, 24, 2, ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)
    _put(rows, 34, 2, np.where(is_client, client_port, server_port))
    _put(rows, 36, 2, np.where(is_client, server_port, client_port))
    _put(rows, 38, 4, s.seq)
    _put(rows, 42, 4, s.ack)
    rows[:, 46] = 0x80
    rows[:, 47] = s.flags
    _put(rows, 48, 2, np.full_like(s.flow, 64_240))
    rows[:, 54:58] = [1, 1, 8, 10]
    clock = s.ts_ns // MILLISECOND & 0xFFFFFFFF
    _put(rows, 58, 4, clock)
    _put(rows, 62, 4, np.where(s.flags & ACK, clock - 1, 0))
    is_tls = (server_port == 443) & (s.payload_len >= 5)
    rows[is_tls, 66:69] = [0x17, 3, 3]
    _put(rows, 69, 2, s.payload_len - 5, is_tls)


def _put(
    rows: NDArray[np.uint8], at: int, octets: int, values: Numbers, where: NDArray[np.bool_] | None = None
) -> None:
    """Big-endian."""
    for index in range(octets):
        octet = values >> 8 * (octets - 1 - index) & 0xFF
        if where is None:
            rows[:, at + index] = octet
        else:
            rows[where, at + index] = octet[where]


def _put_little(rows: NDArray[np.uint8], at: int, values: Numbers) -> None:
    rows[:, at : at + 4] = values.astype("<u4").view(np.uint8).reshape(-1, 4)


def pcap_head(snaplen: int) -> bytes:
    """Nanoseconds, version 2.4, Ethernet."""
    return np.array([0xA1B23C4D, 4 << 16 | 2, 0, 0, snaplen, 1], "<u4").tobytes()


def pcap_records(segments: Segments, snaplen: int) -> Iterator[bytes]:
    at = 0
    for rows, captured in rendered(segments, snaplen, 16):
        ts_ns, payload_len = segments.ts_ns[at : at + len(rows)], segments.payload_len[at : at + len(rows)]
        at += len(rows)
        for index, values in enumerate((ts_ns // SECOND, ts_ns % SECOND, captured, HEADERS + payload_len)):
            _put_little(rows, 4 * index, values)
        yield rows[np.arange(rows.shape[1]) < 16 + captured[:, None]].tobytes()


def pcapng_head(snaplen: int) -> bytes:
    """One section, one interface with nanoseconds (if_tsresol 9)."""
    section = np.array([0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0xFFFFFFFF, 0xFFFFFFFF, 28], "<u4")
    return section.tobytes() + np.array([1, 32, 1, snaplen, 9 | 1 << 16, 9, 0, 32], "<u4").tobytes()


def pcapng_records(segments: Segments, snaplen: int) -> Iterator[bytes]:
    """Enhanced packet blocks."""
    at = 0
    for rows, captured in rendered(segments, snaplen, 28):
        ts_ns, payload_len = segments.ts_ns[at : at + len(rows)], segments.payload_len[at : at + len(rows)]
        at += len(rows)
        total = 32 + (captured + 3) // 4 * 4
        rows[np.arange(rows.shape[1]) >= 28 + captured[:, None]] = 0
        words = (
            np.full_like(total, 6),
            total,
            total * 0,
            ts_ns >> 32,
            ts_ns & 0xFFFFFFFF,
            captured,
            HEADERS + payload_len,
        )
        for index, values in enumerate(words):
            _put_little(rows, 4 * index, values)
        for index in range(4):
            rows[np.arange(len(rows)), total - 4 + index] = total >> 8 * index & 0xFF
        yield rows[np.arange(rows.shape[1]) < total[:, None]].tobytes()


@dataclass(frozen=True)
class Capture:
    """A capture of the benchmark: how to make it, at a size."""

    script: Callable[[int, int, np.random.Generator], Scripts]
    flows: int
    length: int
    snaplen: int
    is_pcapng: bool = False
    repeats: int = 1
    """So many times over, later and with other numbers each time, as the same hosts would do it again."""

    def segments(self, share: float = 1.0) -> Segments:
        """`share` of its flows; of less than one flow, a shorter one."""
        flows, random = self.flows * share, np.random.default_rng(7)
        length = round(self.length * min(flows, 1))
        return in_order(self.script(max(int(flows), 1), length, random), random)

    def make(self, path: Path, share: float = 1.0) -> int:
        """Write `share` of it; returns the packets."""
        segments = self.segments(share)
        span_ns = int(segments.ts_ns[-1] - segments.ts_ns[0]) + 60 * SECOND
        records = pcapng_records if self.is_pcapng else pcap_records
        with path.open("wb") as out:
            out.write(pcapng_head(self.snaplen) if self.is_pcapng else pcap_head(self.snaplen))
            for turn in range(self.repeats):
                out.writelines(records(later(segments, turn * span_ns, turn << 24), self.snaplen))
        return self.repeats * len(segments.ts_ns)


def later(segments: Segments, ns: int, octets: int) -> Segments:
    """The same again after `ns`, with initial sequence numbers that lie `octets` ahead."""
    ack = np.where(segments.flags & ACK, segments.ack + octets & 0xFFFFFFFF, 0)
    return replace(segments, ts_ns=segments.ts_ns + ns, seq=segments.seq + octets & 0xFFFFFFFF, ack=ack)


CAPTURES = {
    "data": Capture(data, 20_000, 250, 96),
    "data-ng": Capture(data, 20_000, 250, 96, is_pcapng=True),
    "frames": Capture(frames, 4_000, 250, 65_535),
    "idle": Capture(idle, 500_000, 8, 96),
    "long": Capture(data, 20_000, 250, 96, repeats=6),
}
"""5 million packets mostly data, the same as pcapng, 1 million full frames, 2 million packets mostly keepalive, and 30
million packets."""

if __name__ == "__main__":
    name, share, path = sys.argv[1:]
    sys.stdout.write(f"{CAPTURES[name].make(Path(path), float(share))}\n")
