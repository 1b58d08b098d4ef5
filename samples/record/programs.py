"""A real program at one end, watched from outside: `python -m samples.record.programs`, plan and log as in hosts.py.

A server is one program with all connections; of a client one runs for each. Their connected sockets are
duplicated with pidfd_getfd(2), so getsockopt and epoll tell what the program would be told. Where the error
matters the script pauses the program first: whoever reads SO_ERROR first gets it.

A program that `closes` by itself would be kept from it by a duplicate. Its sockets are duplicated for an instant,
several times a second, and the last look counts.
"""

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from string import Template
from typing import Any

from samples.record.hosts import TCP_INFO_HEAD, Connection, Log, octets_of
from samples.record.recorder import temporary_folder

PIDFD_GETFD = 438
POLL_S = 0.2
CLOSE_WAIT = 8
"""The state in which the other end has closed (linux/tcp_states.h)."""
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
LIBC = ctypes.CDLL(None, use_errno=True)
CONFIGURATIONS = Path(__file__).with_name("configurations")
"""Copied for each run with $address, $port and $place filled in."""
PRELOAD = Path(__file__).with_name("preload.c")


class Program:
    """The program, its sockets once it has them, and what the script does to it."""

    def __init__(self, plan: dict[str, Any], place: Path) -> None:
        self._plan = plan
        self._place = place
        self._log = Log(plan["start"])
        steps = [
            (at, int(port), verb, arguments)
            for port, connection in plan["connections"].items()
            for at, verb, *arguments in connection["script"]
        ]
        self._script: list[tuple[float, int, str, list[Any]]] = sorted(steps, key=itemgetter(0))
        self._environment = dict(os.environ)
        if plan["preload"]:
            library = place / "preload.so"
            subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, PRELOAD, "-ldl"], check=True)
            self._environment["LD_PRELOAD"] = str(library)
        self._opens = sorted((connection["opens"], int(port)) for port, connection in plan["connections"].items())
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        """By the originator's port; a server has none and stands at 0."""
        self._kept: dict[int, Connection] = {}
        self._ended: set[int] = set()
        self._epoll = select.epoll()

    def run(self) -> None:
        if self._plan["role"] == "responder":
            self._spawn(0, next(iter(self._plan["connections"].values())))
            self._await_listeners()
            self._opens = []
        self._log.write("ready")
        end = self._plan["seconds"]
        while (now := time.monotonic() - self._plan["start"]) < end:
            while self._opens and self._opens[0][0] <= now:
                _, port = self._opens.pop(0)
                PORT_RANGE.write_text(f"{port} {port}")  # the program's own choice of port is thereby ours
                self._spawn(port, self._plan["connections"][str(port)])
            while self._script and self._script[0][0] <= now:
                _, port, verb, arguments = self._script.pop(0)
                getattr(self, f"do_{verb}")(port, *arguments)
            if self._is_looking:
                self._look()
            for file, mask in self._epoll.poll(self._patience(now, end)):
                connection = self._kept[file]
                if not connection.is_over:  # data is the program's own business; an error is what is waited for
                    connection.happened(mask)
        for connection in self._kept.values():
            connection.finish()
        self._log.write("done")

    @property
    def _is_looking(self) -> bool:
        return bool(self._processes) and (self._plan["closes"] or len(self._kept) < len(self._plan["connections"]))

    def _patience(self, now: float, end: float) -> float:
        """Seconds until there is something to do, if the sockets say nothing."""
        next_step = min([end, *(step[0] for step in self._script[:1]), *(at for at, _ in self._opens[:1])])
        return float(max(0.0, min(next_step - now, POLL_S if self._is_looking else end)))

    def do_send(self, port: int, what: int | str) -> None:
        standard_input = self._process_of(port).stdin
        assert standard_input is not None
        with suppress(BrokenPipeError):
            standard_input.write(octets_of(what))
            standard_input.flush()

    def do_pause(self, port: int) -> None:
        for pid in _family(self._process_of(port).pid):
            os.kill(pid, signal.SIGSTOP)

    def _process_of(self, port: int) -> subprocess.Popen[bytes]:
        return self._processes.get(port) or self._processes[0]

    def stop(self) -> None:
        for process in self._processes.values():
            for pid in _family(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _spawn(self, port: int, connection: dict[str, Any]) -> None:
        words = {"peer": connection["peer"], "address": self._plan["address"], "port": connection["to"]}
        words |= {"place": self._place, "shared": self._plan["shared"]}
        for file in CONFIGURATIONS.iterdir():
            (self._place / file.name).write_text(Template(file.read_text()).substitute(words))
        command = [Template(word).substitute(words) for word in self._plan["program"]]
        quiet = subprocess.DEVNULL
        self._processes[port] = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, env=self._environment
        )

    def _await_listeners(self) -> None:
        """A server is ready when its ports answer; these connections are over before the recording's own."""
        for port in {connection["to"] for connection in self._plan["connections"].values()}:
            for _ in range(100):
                with suppress(OSError), socket.create_connection((self._plan["address"], port), 1):
                    break
                time.sleep(POLL_S)

    def _look(self) -> None:
        for number, process in self._processes.items():
            if number and number not in self._ended and process.poll() is not None:
                self._ended.add(number)
                self._log.write("closes", number, how="fin", status=process.returncode)
            for sock in _sockets(process.pid):
                port = self._port_of(sock)
                if port is None or any(one.port == port for one in self._kept.values()):
                    continue
                connection = Connection(port, sock, "deaf", self._log)
                if self._plan["closes"]:
                    self._look_once(connection)
                else:
                    self._kept[sock.fileno()] = connection
                    self._epoll.register(sock, select.EPOLLIN | select.EPOLLET)
                    connection.tell_settings("open")

    def _look_once(self, connection: Connection) -> None:
        """The last look counts, for settings; the state tells whether the other end has closed."""
        connection.tell_settings("settings")
        info = connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_HEAD.size)
        if info[0] == CLOSE_WAIT:
            self._log.write("end-of-stream", connection.port)
        connection.sock.close()

    def _port_of(self, sock: socket.socket) -> int | None:
        """The originator's port, if the socket is one of the plan's connections."""
        mine, peer = sock.getsockname(), sock.getpeername()
        for port, connection in self._plan["connections"].items():
            is_client = mine[1] == int(port) and peer[:2] == (connection["peer"], connection["to"])
            if is_client or (mine[1] == connection["to"] and peer[1] == int(port)):
                return int(port)
        return None


def _family(pid: int) -> Iterator[int]:
    """The process and its descendants, from the parents in /proc: not every kernel lists children."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    yield from found


def _sockets(pid: int) -> Iterator[socket.socket]:
    """Connected TCP sockets of a process and its children, duplicated."""
    for one in _family(pid):
        with suppress(OSError):  # a process may be gone before it is looked at
            yield from _sockets_of(one)


def _sockets_of(pid: int) -> Iterator[socket.socket]:
    handle = os.pidfd_open(pid)
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if entry.readlink().name.startswith("socket:"):
                    file = LIBC.syscall(PIDFD_GETFD, handle, int(entry.name), 0)
                    sock = socket.socket(fileno=file)
                    sock.getpeername()  # one that is not connected raises
                    if sock.family in {socket.AF_INET, socket.AF_INET6}:
                        yield sock
    finally:
        os.close(handle)


if __name__ == "__main__":
    with temporary_folder() as folder:
        program = Program(json.loads(sys.stdin.readline()), Path(folder))
        try:
            program.run()
            sys.stdin.read()
        finally:
            program.stop()
