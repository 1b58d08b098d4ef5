"""Two hosts in network namespaces of their own, with a wire between them; root alone may make them.

Traffic is made here and stays here. Everything goes away at the end.
"""

import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

ADDRESSES = ("10.9.0.1", "10.9.0.2")
CLONE_NEWNET = 0x40000000

can_make_namespaces = os.geteuid() == 0 and shutil.which("ip") is not None and Path("/run").is_dir()
needs_namespaces = pytest.mark.skipif(not can_make_namespaces, reason="needs root and iproute2 for network namespaces")


class Host:
    """One namespace; its interface is `eth`, beside `lo`."""

    def __init__(self, name: str, address: str, stack: ExitStack) -> None:
        self.name = name
        self.address = address
        self._stack = stack

    def ip(self, *words: str) -> None:
        subprocess.run(["ip", "-n", self.name, *words], check=True, capture_output=True)

    def fails(self, *words: str) -> bool:
        """Whether ip cannot do this here."""
        return subprocess.run(["ip", "-n", self.name, *words], check=False, capture_output=True).returncode != 0

    def start(self, *words: str, **how: Any) -> "subprocess.Popen[str]":
        """A program on this host; it ends with the test."""
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **how.pop("env", {})}
        command = ["ip", "netns", "exec", self.name, *words]
        process = subprocess.Popen(command, text=True, env=environment, start_new_session=True, **how)
        self._stack.callback(_end, process)
        return process

    def python(self, *words: str, **how: Any) -> "subprocess.Popen[str]":
        return self.start(sys.executable, *words, **how)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread is on that host meanwhile."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/proc/thread-self/ns/net").open() as home, Path("/run/netns", self.name).open() as there:
            assert libc.setns(there.fileno(), CLONE_NEWNET) == 0
            try:
                yield
            finally:
                assert libc.setns(home.fileno(), CLONE_NEWNET) == 0


@contextmanager
def wire() -> Iterator[tuple[Host, Host]]:
    """Two hosts that reach each other."""
    with ExitStack() as stack:
        mark = secrets.token_hex(3)
        hosts = []
        for number, address in enumerate(ADDRESSES):
            name = f"ka-{mark}-{number}"
            subprocess.run(["ip", "netns", "add", name], check=True)
            stack.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
            hosts.append(Host(name, address, stack))
        near, far = hosts
        near.ip("link", "add", "eth", "type", "veth", "peer", "name", "eth", "netns", far.name)
        for host in hosts:
            host.ip("addr", "add", f"{host.address}/24", "dev", "eth")
            host.ip("link", "set", "lo", "up")
            host.ip("link", "set", "eth", "up")
        yield near, far


def _end(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # with all that it started
    process.communicate()
