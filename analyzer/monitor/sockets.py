"""The kernel's view of this machine's own connections: which timer runs, how long, and whose it is.

From inet_diag (sock_diag(7)) by pyroute2, in a thread: with many sockets an answer takes a while. Knows nothing of
captures. Where there is no answer there is a reason.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

EVERY_S = 1.0
SHARE = 20
"""Divisor of the time that asking may take: at most one part in so many."""
TIMERS = ("off", "retransmit", "keepalive", "time-wait", "persist")
"""Timers by idiag_timer (net/ipv4/inet_diag.c inet_csk_diag_fill)."""

Endpoints = tuple[str, int, str, int]
"""Local address and port, remote address and port."""


@dataclass(frozen=True, slots=True)
class KernelTimer:
    """One socket's timer."""

    timer: str
    fires_ns: int
    """Time at which the timer fires, on the clock that was given; -1 if no timer runs."""
    unanswered: int
    """Probes, or resends, that the kernel counts as not answered."""
    process: str | None
    """Name and number, None where that may not be known."""


class OwnSockets:
    """Reads the kernel's sockets again and again, until `close`; `of` returns the latest result."""

    def __init__(self) -> None:
        self.reason: str | None = "not asked yet"
        """Reason why there is nothing to show, for a person; None if there is something."""
        self.process_reason: str | None = None
        """Reason why no process is shown, for a person; None if some are."""
        self._timers: Mapping[Endpoints, KernelTimer] = {}
        self._processes: dict[int, str | None] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def of(self, local: tuple[str, int], remote: tuple[str, int]) -> KernelTimer | None:
        return self._timers.get((*local, *remote))

    def close(self) -> None:
        self._stop.set()
        self._thread.join(EVERY_S)

    def _run(self) -> None:
        took_s = 0.0
        while not self._stop.wait(max(EVERY_S, SHARE * took_s)):
            started_s = time.monotonic()
            try:
                self._timers = self._ask()
                self.reason = None
            except ImportError:
                self.reason = "pyroute2 is not installed"
                return
            except Exception as error:  # noqa: BLE001  # whatever netlink says: the capture goes on without it
                self._timers, self.reason = {}, f"inet_diag: {error}"
            took_s = time.monotonic() - started_s

    def _ask(self) -> Mapping[Endpoints, KernelTimer]:
        import socket

        from pyroute2 import DiagSocket
        from pyroute2.netlink.diag import SS_CONN

        found = {}
        inodes: dict[Endpoints, int] = {}
        with DiagSocket() as diag:
            diag.bind()
            for family in (socket.AF_INET, socket.AF_INET6):
                now_ns = time.monotonic_ns()
                for one in diag.get_sock_stats(family=family, states=SS_CONN, extensions=0):
                    timer, runs_ms = one["idiag_timer"], one["idiag_expires"]
                    key = (plain(one["idiag_src"]), one["idiag_sport"], plain(one["idiag_dst"]), one["idiag_dport"])
                    fires_ns = now_ns + runs_ms * 1_000_000 if timer else -1
                    name = TIMERS[timer] if timer < len(TIMERS) else str(timer)
                    found[key] = KernelTimer(name, fires_ns, one["idiag_retrans"], None)
                    inodes[key] = one["idiag_inode"]
        self._find_processes(inodes.values())
        return {
            key: KernelTimer(one.timer, one.fires_ns, one.unanswered, self._processes.get(inodes[key]))
            for key, one in found.items()
        }

    def _find_processes(self, inodes: Iterable[int]) -> None:
        """Find the processes of sockets, once for each socket: it hardly ever changes hands."""
        wanted = set(inodes) - {0}
        self._processes = {inode: name for inode, name in self._processes.items() if inode in wanted}
        if not wanted - self._processes.keys():
            return
        names = processes_of_sockets()
        self._processes.update((inode, names.get(inode)) for inode in wanted)
        is_any_known = not wanted or any(self._processes.values())
        self.process_reason = None if is_any_known else "other programs may not be looked at (CAP_SYS_PTRACE)"


def plain(address: str) -> str:
    """Return an IPv4 address that an IPv6 socket uses as the capture shows it."""
    return address.removeprefix("::ffff:") if "." in address else address


def processes_of_sockets() -> dict[int, str]:
    """Map each socket's inode to the name and number of a process that has it open, as far as permissions allow."""
    found: dict[int, str] = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            name = (process / "comm").read_text().strip()
            for link in (process / "fd").iterdir():
                target = str(link.readlink())
                if target.startswith("socket:["):
                    found.setdefault(int(target[8:-1]), f"{name} ({process.name})")
        except OSError:  # it has ended, or it is somebody else's
            continue
    return found
