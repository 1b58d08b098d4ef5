"""The kernel's own word on a socket of this process."""

import os
import socket
import time
from collections.abc import Iterator

import pytest

from analyzer.monitor.sockets import OwnSockets, plain, processes_of_sockets


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as near:
        near.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77)
        far, _ = server.accept()
        with far:
            yield near, far


def answered() -> OwnSockets:
    sockets = OwnSockets()
    sockets.start()
    deadline = time.monotonic() + 20
    while sockets.reason == "not asked yet" and time.monotonic() < deadline:
        time.sleep(0.05)
    return sockets


def test_a_socket_with_keepalive_and_one_without(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = (one.getsockname() for one in pair)
    sockets = answered()
    if sockets.reason is not None:
        pytest.skip(sockets.reason)
    probing, silent = sockets.of(near, far), sockets.of(far, near)
    sockets.close()
    assert probing is not None
    assert silent is not None
    assert (probing.timer, probing.unanswered) == ("keepalive", 0)
    assert 60 < (probing.fires_ns - time.monotonic_ns()) / 10**9 < 78
    assert (silent.timer, silent.fires_ns) == ("off", -1)
    assert probing.process is not None
    assert probing.process.endswith(f"({os.getpid()})")


def test_a_connection_of_somebody_else_is_not_there() -> None:
    sockets = answered()
    assert sockets.of(("192.0.2.1", 1), ("192.0.2.2", 2)) is None
    sockets.close()


def test_without_pyroute2_there_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyroute2", None)
    sockets = answered()
    assert sockets.reason == "pyroute2 is not installed"
    sockets.close()


def test_addresses_are_written_as_in_the_capture() -> None:
    assert [plain(one) for one in ("::ffff:10.0.0.1", "10.0.0.1", "fe80::1")] == ["10.0.0.1", "10.0.0.1", "fe80::1"]


def test_a_process_is_found_by_its_socket(pair: tuple[socket.socket, socket.socket]) -> None:
    inode = os.fstat(pair[0].fileno()).st_ino
    assert processes_of_sockets()[inode].endswith(f"({os.getpid()})")
