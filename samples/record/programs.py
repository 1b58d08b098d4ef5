"""A real program at one end, watched from outside: `python -m samples.record.programs`, plan and log as in hosts.py.

Its connected socket is duplicated with pidfd_getfd(2), so getsockopt and epoll tell what the
program would be told. Where the error matters the script pauses the program first: whoever
reads SO_ERROR first gets it.
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
from pathlib import Path
from string import Template
from typing import Any

from samples.record.hosts import Connection, Log
from samples.record.recorder import temporary_folder

PIDFD_GETFD = 438
POLL_S = 0.2
LIBC = ctypes.CDLL(None, use_errno=True)
CONFIGURATIONS = Path(__file__).with_name("configurations")
"""Copied for each run with $address, $port and $place filled in."""
PRELOAD = Path(__file__).with_name("preload.c")


class Program:
    """The program, its socket once it has one, and what the script does to it."""

    def __init__(self, plan: dict[str, Any], place: Path) -> None:
        self._plan = plan
        self._log = Log(plan["start"])
        [(port, connection)] = plan["connections"].items()
        self._port, self._to = int(port), connection["to"]
        self._script = sorted(connection["script"])
        words = {"peer": plan["peer"], "address": plan["address"], "port": self._to, "place": place}
        self._command = [Template(word).substitute(words) for word in plan["program"]]
        for file in CONFIGURATIONS.iterdir():
            (place / file.name).write_text(Template(file.read_text()).substitute(words))
        self._environment = dict(os.environ)
        if plan["preload"]:
            library = place / "preload.so"
            subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, PRELOAD, "-ldl"], check=True)
            self._environment["LD_PRELOAD"] = str(library)
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._epoll = select.epoll()

    def run(self) -> None:
        if self._plan["role"] == "responder":
            self._spawn()
            self._await_listener()
        self._log.write("ready")
        end = self._plan["seconds"]
        while (now := time.monotonic() - self._plan["start"]) < end:
            if self._process is None and now >= 0:
                self._spawn()
            while self._script and self._script[0][0] <= now:
                _, verb, *arguments = self._script.pop(0)
                getattr(self, f"do_{verb}")(*arguments)
            if self._connection is None and self._process is not None:
                self._find()
            for _, mask in self._epoll.poll(self._patience(now, end)):
                self._happened(mask)
        if self._connection is not None:
            self._connection.finish()
        self._log.write("done")

    def _patience(self, now: float, end: float) -> float:
        """Seconds until there is something to do, if the socket says nothing."""
        if self._connection is None:
            return POLL_S
        next_step = self._script[0][0] if self._script else end
        return float(max(0.0, next_step - now))

    def do_send(self, octets: int) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(b"k" * octets)
        self._process.stdin.flush()

    def do_pause(self) -> None:
        assert self._process is not None
        for pid in _family(self._process.pid):
            os.kill(pid, signal.SIGSTOP)

    def stop(self) -> None:
        if self._process is not None:
            for pid in _family(self._process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _spawn(self) -> None:
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, env=self._environment
        )

    def _await_listener(self) -> None:
        """A server is ready when its port answers; that connection is over before the recording's own."""
        for _ in range(100):
            with suppress(OSError), socket.create_connection((self._plan["address"], self._to), 1):
                return
            time.sleep(POLL_S)

    def _find(self) -> None:
        assert self._process is not None
        for sock in _sockets(self._process.pid):
            peer, mine = sock.getpeername(), sock.getsockname()
            if peer[:2] == (self._plan["peer"], self._to) or (mine[1] == self._to and peer[1] == self._port):
                self._connection = Connection(self._port, sock, "deaf", self._log)
                self._epoll.register(sock, select.EPOLLIN | select.EPOLLET)
                self._connection.tell_settings("open")
                return

    def _happened(self, mask: int) -> None:
        """Data is the program's own business; an error is what is waited for."""
        assert self._connection is not None
        if not self._connection.is_over:
            self._connection.happened(mask)


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
        handle = os.pidfd_open(one)
        for entry in Path(f"/proc/{one}/fd").iterdir():
            with suppress(OSError):
                if entry.readlink().name.startswith("socket:"):
                    file = LIBC.syscall(PIDFD_GETFD, handle, int(entry.name), 0)
                    sock = socket.socket(fileno=file)
                    sock.getpeername()  # one that is not connected raises
                    if sock.family in {socket.AF_INET, socket.AF_INET6}:
                        yield sock
        os.close(handle)


if __name__ == "__main__":
    with temporary_folder() as folder:
        program = Program(json.loads(sys.stdin.readline()), Path(folder))
        try:
            program.run()
            sys.stdin.read()
        finally:
            program.stop()
