"""A long wire: every frame that enters at one end leaves at the other, so many milliseconds later.

It runs inside the middle's namespace, for kernels without netem: `python -m samples.record.wire DELAY_MS`.
The virtio header before each frame carries the checksum that the sender's kernel has left to the card.
"""

import heapq
import select
import socket
import sys
import time
from contextlib import suppress
from itertools import count

ENDS = ("left", "right")
EVERYTHING = 3
"""ETH_P_ALL (linux/if_ether.h)."""
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
"""linux/if_packet.h."""
LONGEST = 1 << 17


def end(interface: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.bind((interface, EVERYTHING))
    return sock


def carry(delay_s: float) -> None:
    left, right = (end(interface) for interface in ENDS)
    other = {left: right, right: left}
    travelling: list[tuple[float, int, socket.socket, bytes]] = []
    order = count()
    while True:
        patience = max(0.0, travelling[0][0] - time.monotonic()) if travelling else None
        for sock in select.select([left, right], [], [], patience)[0]:
            heapq.heappush(travelling, (time.monotonic() + delay_s, next(order), other[sock], sock.recv(LONGEST)))
        while travelling and travelling[0][0] <= time.monotonic():
            _, _, out, frame = heapq.heappop(travelling)
            out.send(frame)


if __name__ == "__main__":
    with suppress(OSError):  # the hosts have been removed, and their interfaces with them
        carry(float(sys.argv[1]) / 1000)
