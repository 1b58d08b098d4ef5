"""The application at one end, on PyTCP in place of the kernel's TCP: plan and log as in hosts.py.

PyTCP has its settings in milliseconds. Its application is told that a connection is over, but not why.
"""

import json
import socket as kernel
import sys
import threading
import time
from operator import itemgetter
from pathlib import Path
from typing import Any

from net_addr import Ip4Address, Ip4IfAddr, MacAddress
from pytcp import stack
from pytcp.lib.interface_layer import InterfaceLayer
from pytcp.runtime import socket
from samples.record.hosts import READ_AHEAD, Log

EVERYTHING = 3
"""ETH_P_ALL (linux/if_ether.h)."""
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
"""linux/if_packet.h."""
OPTIONS = {"time": socket.TCP_KEEPIDLE, "intvl": socket.TCP_KEEPINTVL, "probes": socket.TCP_KEEPCNT}
DEFAULTS = {"time": 7200.0, "intvl": 75.0, "probes": 9}
"""tcp__constants.py."""


class Connection:
    """One socket, which a thread reads; `port` is its own, which names it in the log."""

    def __init__(self, port: int, plan: dict[str, Any], log: Log) -> None:
        self.port = port
        self._log = log
        self._options = plan["options"]
        self._data_at = time.monotonic()
        self._was_probed = False
        self.is_over = False
        self.sock = socket.socket(socket.AF_INET4, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, self._options.get("keepalive", 0))
        for name, option in OPTIONS.items():
            if name in self._options:
                scale = 1 if name == "probes" else 1000
                self.sock.setsockopt(socket.IPPROTO_TCP, option, round(self._options[name] * scale))
        self.sock.bind(("0.0.0.0", port))  # noqa: S104  a namespace of its own
        self.sock.connect((plan["peer"], plan["to"]))
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def settings(self) -> dict[str, float]:
        return DEFAULTS | {name: self._options[name] for name in OPTIONS if name in self._options}

    def act(self, verb: str, *arguments: Any) -> None:
        if verb == "send":
            self._was_probed |= self._was_due()
            self._data_at = time.monotonic()
            self.sock.send(b"k" * arguments[0])
        else:
            raise ValueError(verb)

    def _read(self) -> None:
        while self.sock.recv(READ_AHEAD):
            self._was_probed |= self._was_due()
            self._data_at = time.monotonic()
        if not self.is_over:
            self._log.write("error", self.port)
            self.last_words()

    def _was_due(self) -> bool:
        return bool(self._options.get("keepalive")) and time.monotonic() - self._data_at > self.settings["time"]

    def last_words(self) -> None:
        """The session counts probes without an answer; of answered ones it is known that they were due."""
        self.is_over = True
        self._was_probed |= self._was_due()
        quiet_ms = round((time.monotonic() - self._data_at) * 1000)
        self._log.write(
            "settings",
            self.port,
            settings={"keepalive": self._options.get("keepalive", 0), **self.settings, "user_timeout_ms": 0},
            probes_out=self.sock._tcp_session._keepalive.probes_unacked,
            since_data_ms=quiet_ms,
            since_ack_ms=0 if self._was_probed else quiet_ms,
            waiting=0,
        )


def bring_up(plan: dict[str, Any]) -> None:
    """Give the interface's address to PyTCP; the kernel knows none."""
    wire = kernel.socket(kernel.AF_PACKET, kernel.SOCK_RAW, kernel.htons(EVERYTHING))
    wire.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    wire.bind((plan["interface"], EVERYTHING))
    address = Path(f"/sys/class/net/{plan['interface']}/address").read_text().strip()
    stack.LOG__CHANNEL = set()
    stack.IP4_GATEWAY = Ip4Address(plan["gateway"])
    stack.init(
        fd=wire.detach(),
        layer=InterfaceLayer.L2,
        mac_address=MacAddress(address),
        interface_name=plan["interface"],
        ip4_host=Ip4IfAddr(f"{plan['address']}/{plan['prefix']}"),
        ip4_dhcp=False,
        ip6_support=False,
    )
    stack.start()
    own = Ip4Address(plan["address"])
    while not any(own in one.ip4_unicast for one in stack.interfaces.values()):  # it asks first whether others have it
        time.sleep(0.1)


def run(plan: dict[str, Any]) -> None:
    log = Log(plan["start"])
    bring_up(plan)
    connections: dict[int, Connection] = {}
    steps = []
    for port, connection in plan["connections"].items():
        steps.append((connection["opens"], int(port), ["open", connection]))
        steps += [(at, int(port), action) for at, *action in connection["script"]]
    log.write("ready")
    for at, port, (verb, *arguments) in sorted(steps, key=itemgetter(0)):
        time.sleep(max(0.0, plan["start"] + at - time.monotonic()))
        if verb == "open":
            connections[port] = Connection(port, *arguments, log)
        elif not connections[port].is_over:
            connections[port].act(verb, *arguments)
    time.sleep(max(0.0, plan["start"] + plan["seconds"] - time.monotonic()))
    for one in connections.values():
        if not one.is_over:
            one.last_words()
    log.write("done")


if __name__ == "__main__":
    run(json.loads(sys.stdin.readline()))
    sys.stdin.read()
