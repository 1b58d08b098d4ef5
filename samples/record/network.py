"""Two hosts and what is between them, as network namespaces; the path's faults, as nftables sets.

    originator  eth0 ── left   middle   right ── eth0  responder

The middle is a router, a router that translates and tracks connections (nat), a bridge (switch), or pasta, which has
each of the originator's connections again as its own, as for a container of Podman's.
Names carry the recorder's process id, so `sweep` finds what a recorder that is gone has left behind.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from samples.record.scenarios import FAULTS, HOSTS, IPV4, REBOUND_PORT, WAYS, Scenario
from samples.record.stacks.catalogue import STACKS, Stack

ROOT = Path(__file__).parents[2]
PREFIX = "ka-record"
NAMESPACES = Path("/run/netns")
PLACES = (*HOSTS, "middle")
INTERFACES = {"originator": "eth0", "responder": "eth0", "middle": "right"}

ANSWERS = {
    "silence": "drop",
    "net": "reject with icmpx no-route",
    "host": "reject with icmpx host-unreachable",
    "prohibited": "reject with icmpx admin-prohibited",
    "forge": "reject with tcp reset",
}
"""What each fault does to a segment, in nft's words."""
SIDES = {"there": "sport", "back": "dport"}
"""On the way there the originator's port is the source, on the way back the destination."""


def fault_table() -> str:
    """Each fault and way is a set of the originator's ports; to add one to it is to make the fault happen.

    Behind a switch the table is the responder's own, in front of its TCP.
    """
    names = [(fault, way, f"{fault}-{way}") for fault in FAULTS for way in WAYS]
    lines = ["add table inet fault", "add chain inet fault faults"]
    lines += [f"add set inet fault {name} {{ type inet_service; }}" for _, _, name in names]
    lines += [f"add rule inet fault faults tcp {SIDES[way]} @{name} {ANSWERS[fault]}" for fault, way, name in names]
    for hook in ("forward", "input", "output"):
        lines.append(f"add chain inet fault {hook} {{ type filter hook {hook} priority 0; }}")
        lines.append(f"add rule inet fault {hook} jump faults")
    return "\n".join(lines)


FORGOTTEN = {"drop": "drop", "reset": "reject with tcp reset", "rebind": "accept"}
"""What a middle that has forgotten a connection does to its next segment."""
NAT_TABLE = """
add table ip nat
add chain ip nat out {{ type nat hook postrouting priority 100; }}
add rule ip nat out oifname right masquerade
add table inet tracker
add chain inet tracker forward {{ type filter hook forward priority -10; }}
add rule inet tracker forward ct state invalid {action}
"""
REBIND = f"""
flush chain ip nat out
add rule ip nat out oifname right meta l4proto tcp masquerade to :{REBOUND_PORT}
"""
"""From now on a connection that is new to the translator leaves it by this port."""
BEACON = """
import socket, sys
family, group = {"4": (socket.AF_INET, "224.0.0.1"), "6": (socket.AF_INET6, "ff02::1")}[sys.argv[1]]
beacon = socket.socket(family, socket.SOCK_DGRAM)
beacon.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
beacon.sendto(b"still here", (group, 9))
"""
"""Each host says one word to all: the capture goes on when the connection no longer does."""
CHECKSUMS = """
import ctypes, fcntl, socket, struct, sys
ETHTOOL_STXCSUM, SIOCETHTOOL = 0x17, 0x8946
value = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_STXCSUM, 0))
request = struct.pack("16sQ8x", sys.argv[1].encode(), ctypes.addressof(value))
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), SIOCETHTOOL, request)
"""
"""The kernel fills in checksums itself, which it would leave to a card (linux/ethtool.h)."""
PASTA_OPTIONS = (
    *("-f", "-4", "--runas", "0", "--config-net", "-i", "right", "-I", "eth0"),
    *("-t", "none", "-u", "none", "-T", "none", "-U", "none", "--no-map-gw"),
)
PASTA_STARTS_WITHIN_S = 5
QUICK_NEIGHBOURS = {"base_reachable_time_ms": 4000, "gc_stale_time": 2}
"""A neighbour that has gone is noticed within seconds, not a minute."""


class Network:
    """The namespaces of one recording; a context manager that removes them."""

    def __init__(self, scenario: Scenario, number: int) -> None:
        self._scenario = scenario
        self._number = number
        self._carrier: subprocess.Popen[bytes] | None = None
        """What carries frames in the middle, if it is not the kernel."""

    def __enter__(self) -> "Network":
        try:
            for place in PLACES:
                _ip("netns", "add", self.namespace(place))
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for place in PLACES:
            _remove(self.namespace(place))
        if self._carrier is not None:
            self._carrier.wait()

    def namespace(self, place: str) -> str:
        return f"{PREFIX}-{os.getpid()}-{self._number}-{place}"

    def inside(self, place: str, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace(place), *command]

    def address(self, role: str, host: int = 0) -> str:
        return self._scenario.address(role, host)

    def set_sysctl(self, place: str, **values: int | str) -> None:
        """Names are those below net.ipv4, or of the whole of net with "__" for "/"."""
        paths = {name: f"net/{name.replace('__', '/')}" if "__" in name else f"net/ipv4/{name}" for name in values}
        lines = [f"echo '{value}' >/proc/sys/{paths[name]}" for name, value in values.items()]
        subprocess.run(self.inside(place, "sh", "-ec", "\n".join(lines)), check=True)

    def perform(self, verb: str, ports: Iterable[int], ways: Iterable[str] = ()) -> None:
        """Something happens to the path, for the segments that travel these ways."""
        if verb == "unplug":
            self._in("responder", "link", "set", "eth0", "down")
        elif verb == "plug":
            self._in("responder", "link", "set", "eth0", "up")
        elif verb == "announce":  # a new hardware address is made known, if arp_notify or ndisc_notify says so
            self._in("responder", "link", "set", "eth0", "address", "02:00:00:00:00:02")
        elif verb == "beacon":
            for role in HOSTS:
                subprocess.run(self.inside(role, sys.executable, "-c", BEACON, str(self._scenario.ip)), check=False)
        elif verb == "rebind":
            self._nft("middle", REBIND)
        elif verb == "calm":
            self._tc("del")
        elif verb == "restore":
            sets = [f"{fault}-{way}" for fault in FAULTS for way in WAYS]
            self._nft(self._faulty, "\n".join(f"flush set inet fault {name}" for name in sets))
        else:
            elements = ", ".join(str(port) for port in ports)
            lines = [f"add element inet fault {verb}-{way} {{ {elements} }}" for way in ways]
            self._nft(self._faulty, "\n".join(lines))

    @property
    def _faulty(self) -> str:
        return {"switch": "responder", "pasta": "originator"}.get(self._scenario.middle, "middle")

    def _build(self) -> None:
        scenario = self._scenario
        for place in PLACES:
            self._in(place, "link", "set", "lo", "up")
            off = int(scenario.ip == 4)
            self.set_sysctl(place, ipv6__conf__all__disable_ipv6=off, ipv6__conf__default__disable_ipv6=off)
            self.set_sysctl(place, ipv6__conf__default__accept_dad=0, ipv6__conf__default__router_solicitations=0)
        ports = {"originator": "left", "responder": "right"}
        if scenario.middle == "pasta":
            del ports["originator"]
        for role, port in ports.items():
            peer = ("peer", "name", port, "netns", self.namespace("middle"))
            self._in(role, "link", "add", "eth0", "type", "veth", *peer)
            self._in(role, "link", "set", "eth0", "up")
            self._in("middle", "link", "set", port, "up")
            if any(verb == "unplug" for _, _, verb, *_ in scenario.script):
                self._hurry_neighbours(role, "eth0")
                self._hurry_neighbours("middle", port)
        if scenario.middle == "switch":
            self._build_switch()
        elif scenario.middle == "pasta":
            self._build_pasta()
        else:
            self._build_router()
        if scenario.netem:
            self._tc("add", "netem", "limit", "100000", *scenario.netem.split())
        for host in {connection.host for connection in scenario.connections} - {2}:
            self._in("responder", "address", "add", f"{self.address('responder', host)}/{self.prefix}", "dev", "eth0")
        self._nft(self._faulty, fault_table())
        for role in HOSTS:
            self.set_sysctl(role, **scenario.host(role).sysctl)
        for role in HOSTS:
            if stack := scenario.host(role).stack:
                self._leave_to_stack(role, STACKS[stack])

    def _leave_to_stack(self, role: str, stack: Stack) -> None:
        """The end's kernel does not have its address; what reaches the stack is complete, with checksums.

        Before a stack behind a TUN interface the kernel is a router with an address of its own.
        """
        self._in(role, "address", "flush", "dev", "eth0")
        port = {"originator": "left", "responder": "right"}[role]
        subprocess.run(self.inside("middle", sys.executable, "-c", CHECKSUMS, port), check=True)
        if stack.is_routed_to:
            self.set_sysctl(role, ip_forward=1, ipv4__conf__eth0__proxy_arp=1)
            self._in(role, "address", "add", f"{self.address(role, 1)}/{self.prefix}", "dev", "eth0")
            self._in(role, "route", "add", "default", "via", self.gateway(role))

    def gateway(self, role: str) -> str:
        """The router's address on that end's side; none behind a switch."""
        if self._scenario.middle == "switch":
            return ""
        subnet = HOSTS.index(role) + 1
        return f"2001:db8:{subnet}::fe" if self._scenario.ip == 6 else f"{IPV4[subnet]}.254"

    def _hurry_neighbours(self, place: str, device: str) -> None:
        family = f"ipv{self._scenario.ip}"
        values = {f"{family}__neigh__{device}__{name}": value for name, value in QUICK_NEIGHBOURS.items()}
        self.set_sysctl(place, **values)

    def _build_switch(self) -> None:
        if self._scenario.delay_ms:
            command = (sys.executable, "-m", "samples.record.wire", str(self._scenario.delay_ms))
            self._carrier = subprocess.Popen(self.inside("middle", *command), cwd=ROOT)
        else:
            self._in("middle", "link", "add", "switch", "type", "bridge")
            for port in ("left", "right"):
                self._in("middle", "link", "set", port, "master", "switch")
            self._in("middle", "link", "set", "switch", "up")
        for role in HOSTS:
            device = "eth0"
            if self._scenario.link == "vlan":
                device = "eth0.5"
                self._in(role, "link", "add", "link", "eth0", "name", device, "type", "vlan", "id", "5")
            elif self._scenario.link == "vxlan":
                device = "vxlan7"
                mine, other = (f"{IPV4[1]}.{n}" for n in ((1, 2) if role == "originator" else (2, 1)))
                self._in(role, "address", "add", f"{mine}/24", "dev", "eth0")
                tunnel = ("id", "7", "local", mine, "remote", other, "dstport", "4789")
                self._in(role, "link", "add", device, "type", "vxlan", *tunnel)
            self._in(role, "link", "set", device, "up")
            self._in(role, "address", "add", f"{self.address(role)}/{self.prefix}", "dev", device)

    def _build_pasta(self) -> None:
        """Pasta gives the originator its interface; it is there when that is up."""
        gateway, role = self.gateway("responder"), "responder"
        self._in(role, "address", "add", f"{self.address(role)}/{self.prefix}", "dev", "eth0")
        self._in(role, "route", "add", "default", "via", gateway)
        self._in("middle", "address", "add", f"{gateway}/{self.prefix}", "dev", "right")
        self._in("middle", "route", "add", "default", "via", self.address(role))
        command = ["pasta", *PASTA_OPTIONS, "--netns", str(NAMESPACES / self.namespace("originator"))]
        command += ["-a", f"{self.address('originator')}/{self.prefix}", "-g", self.gateway("originator")]
        quiet = subprocess.DEVNULL
        self._carrier = subprocess.Popen(self.inside("middle", *command), stdout=quiet, stderr=quiet)
        for _ in range(PASTA_STARTS_WITHIN_S * 10):
            links = subprocess.run(self.inside("originator", "ip", "link"), capture_output=True, text=True, check=True)
            if "eth0" in links.stdout:
                return
            time.sleep(0.1)
        raise RuntimeError("pasta did not start")

    def _build_router(self) -> None:
        scenario = self._scenario
        self.set_sysctl("middle", ip_forward=1, ipv6__conf__all__forwarding=1)
        for role, port in (("originator", "left"), ("responder", "right")):
            gateway = self.gateway(role)
            self._in(role, "address", "add", f"{self.address(role)}/{self.prefix}", "dev", "eth0")
            self._in("middle", "address", "add", f"{gateway}/{self.prefix}", "dev", port)
            self._in(role, "route", "add", "default", "via", gateway)
        if scenario.middle == "nat":
            self._nft("middle", NAT_TABLE.format(action=FORGOTTEN[scenario.forgotten]))
            limit = scenario.forgets_s
            self.set_sysctl("middle", netfilter__nf_conntrack_tcp_loose=int(scenario.forgotten == "rebind"))
            self.set_sysctl("middle", netfilter__nf_conntrack_tcp_timeout_established=limit)

    @property
    def prefix(self) -> int:
        return 64 if self._scenario.ip == 6 else 24

    def _in(self, place: str, *arguments: str) -> None:
        family = ("-6",) if self._scenario.ip == 6 and arguments[0] == "route" else ()
        _ip("-n", self.namespace(place), *family, *arguments)

    def _tc(self, verb: str, *discipline: str) -> None:
        for port in ("left", "right"):
            command = ("tc", "qdisc", verb, "dev", port, "root", *discipline)
            subprocess.run(self.inside("middle", *command), check=True)

    def _nft(self, place: str, commands: str) -> None:
        subprocess.run(self.inside(place, "nft", "-f", "-"), input=commands.encode(), check=True)


def sweep(everything_of: int = 0) -> None:
    """Remove namespaces and temporary folders of recorders that no longer run, and of the one named."""
    for place in (NAMESPACES, Path(tempfile.gettempdir())):
        for left in place.glob(f"{PREFIX}-*"):
            owner = left.name.removeprefix(PREFIX + "-").split("-")[0]
            if owner == str(everything_of) or not Path(f"/proc/{owner}").exists():
                if place == NAMESPACES:
                    _remove(left.name)
                else:
                    shutil.rmtree(left, ignore_errors=True)


def _remove(namespace: str) -> None:
    """A namespace with all that runs in it; none is no error."""
    if not (NAMESPACES / namespace).exists():
        return
    inhabitants = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False)
    for pid in inhabitants.stdout.split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
