"""The application at one end, on smoltcp in place of the kernel's TCP: plan and log as in hosts.py.

mitmproxy_rs has smoltcp behind a TUN interface: whatever is routed there is answered in the name of its destination.
Its keepalive cannot be set (KEEPALIVE_S and TIMEOUT_S are those of its source), and the application is told that a
connection is over, but not why.
"""

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

import mitmproxy_rs
from samples.record.hosts import READ_AHEAD, Log

KEEPALIVE_S = 28
"""Probes come so long after the last segment, whatever it was."""
TIMEOUT_S = 60
"""The connection is reset when the peer was last heard so long ago."""
INTERFACE = "smoltcp"


class Connection:
    """One stream; `port` is the originator's, which names the connection at both ends."""

    def __init__(self, stream: mitmproxy_rs.Stream, log: Log) -> None:
        self.port = stream.get_extra_info("peername")[1]
        self._stream = stream
        self._log = log
        self._data_at = time.monotonic()
        self._was_probed = False
        self.is_over = False

    @property
    def _quiet_s(self) -> float:
        return time.monotonic() - self._data_at

    async def echo(self) -> None:
        while data := await self._stream.read(READ_AHEAD):
            self._was_probed |= self._quiet_s > KEEPALIVE_S
            self._data_at = time.monotonic()
            self._stream.write(data)
            await self._stream.drain()
        self._log.write("error", self.port)
        self.last_words(round(TIMEOUT_S / KEEPALIVE_S))

    def last_words(self, unanswered: int) -> None:
        """Answers to probes are smoltcp's own business: what is known is whether one was due."""
        self.is_over = True
        self._was_probed |= self._quiet_s > KEEPALIVE_S
        quiet_ms = round(self._quiet_s * 1000)
        self._log.write(
            "settings",
            self.port,
            settings={"keepalive": 1, "time": KEEPALIVE_S, "intvl": KEEPALIVE_S, "user_timeout_ms": TIMEOUT_S * 1000},
            probes_out=unanswered,
            since_data_ms=quiet_ms,
            since_ack_ms=0 if self._was_probed else quiet_ms,
            waiting=0,
        )


async def run(plan: dict[str, Any]) -> None:
    log = Log(plan["start"])
    connections: list[Connection] = []

    async def accept(stream: mitmproxy_rs.Stream) -> None:
        connections.append(Connection(stream, log))
        await connections[-1].echo()

    async def ignore(_: mitmproxy_rs.Stream) -> None:
        """Nobody sends datagrams here."""

    device = await mitmproxy_rs.tun.create_tun_interface(accept, ignore, INTERFACE)
    subprocess.run(["ip", "link", "set", INTERFACE, "up"], check=True)
    subprocess.run(["ip", "route", "add", plan["address"], "dev", INTERFACE], check=True)
    log.write("ready")
    await asyncio.sleep(plan["start"] + plan["seconds"] - time.monotonic())
    for connection in connections:
        if not connection.is_over:
            connection.last_words(0)
    log.write("done")
    await asyncio.to_thread(sys.stdin.read)
    device.close()


if __name__ == "__main__":
    asyncio.run(run(json.loads(sys.stdin.readline())))
