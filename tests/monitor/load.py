"""Unrelated traffic on an interface: TCP and UDP in equal parts, so many frames a second, for so long.

    python -m tests.monitor.load INTERFACE FRAMES_A_SECOND SECONDS

The frames are for another host's link address, so that nobody but a promiscuous listener takes them.
Segments of 64 connections go on where the last one ended, as a download does. Prints how many were sent.
"""

import socket
import struct
import sys
import time

CONNECTIONS = 64
PAYLOAD = 64
BURST_S = 0.002


def frame(protocol: int, rest: bytes) -> bytearray:
    link = b"\x02\x00\x00\x00\x00\x99" + b"\x02\x00\x00\x00\x00\x98" + b"\x08\x00"
    body = rest + bytes(PAYLOAD)
    total = 20 + len(body)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, total, 1, 0, 64, protocol, 0, b"\x0a\x09\x01\x01", b"\x0a\x09\x01\x02")
    return bytearray(link + ip + body)


def frames() -> list[bytearray]:
    """TCP and UDP in turn."""
    tcp = [struct.pack("!HHIIBBHHH", 20000 + one, 80, 1, 1, 0x50, 0x10, 1000, 0, 0) for one in range(CONNECTIONS)]
    udp = [struct.pack("!HHHH", 30000 + one, 9999, 8 + PAYLOAD, 0) for one in range(CONNECTIONS)]
    return [made for pair in zip(tcp, udp, strict=True) for made in (frame(6, pair[0]), frame(17, pair[1]))]


def main(interface: str, rate: int, duration_s: float) -> int:
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((interface, 0))
    made = frames()
    seqs = [1] * len(made)
    sent, started_s = 0, time.monotonic()
    while (passed_s := time.monotonic() - started_s) < duration_s:
        while sent < rate * passed_s:
            which = sent % len(made)
            one = made[which]
            if which % 2 == 0:
                struct.pack_into("!I", one, 14 + 20 + 4, seqs[which])
                seqs[which] = (seqs[which] + PAYLOAD) & 0xFFFFFFFF
            sender.send(one)
            sent += 1
        time.sleep(BURST_S)
    return sent


if __name__ == "__main__":
    sys.stdout.write(f"{main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))}\n")
