"""Interfaces that come and go, and several at once. Needs root; skipped elsewhere."""

import time
from collections.abc import Callable, Iterator

import pytest

from analyzer.analysis import Analyzer
from analyzer.capture.live.bpf import DEFAULT_FILTER
from analyzer.engine.table import Table
from analyzer.monitor.events import Name
from analyzer.monitor.interfaces import Interfaces, expand
from tests.capture.live.test_interface import tcp_and_udp
from tests.monitor.lab import Host, needs_namespaces, wire

pytestmark = needs_namespaces


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    with wire() as both:
        yield both


def opened(*names: str) -> Interfaces:
    return Interfaces(names, DEFAULT_FILTER, Analyzer(), snaplen=96, is_promiscuous=False)


def until(source: Interfaces, is_enough: Callable[[], bool], wait_s: float = 10) -> list[tuple[int, int]]:
    """Time and interface of the frames that come until then."""
    found: list[tuple[int, int]] = []
    deadline = time.monotonic() + wait_s
    for batch in source.batches():
        if batch is not None:
            found += zip(batch.records.view.ts_ns[: batch.records.rows], batch.interfaces, strict=True)
        if is_enough() or time.monotonic() > deadline:
            break
    return found


def reasons(source: Interfaces) -> list[tuple[str, str]]:
    events = source.notices()
    assert all(event.name is Name.DROPS for event in events)
    return [(event.fields["interface"], event.fields["reason"]) for event in events]


def test_frames_of_several_come_in_order_of_time(hosts: tuple[Host, Host]) -> None:
    with hosts[0].inside():
        source = opened("lo", "eth")
        for _ in range(10):
            tcp_and_udp("127.0.0.1")
            tcp_and_udp(hosts[1].address)
        passed = time.monotonic() + 1
        frames = until(source, lambda: time.monotonic() > passed)
        source.finish()
    assert [ts_ns for ts_ns, _ in frames] == sorted(ts_ns for ts_ns, _ in frames)
    assert {number for _, number in frames} == {0, 1}
    assert [one.name for one in source.described()] == ["lo", "eth"]


def test_any_is_all_that_are_up_and_lie_under_no_other(hosts: tuple[Host, Host]) -> None:
    near, _ = hosts
    with near.inside():
        assert set(expand(["any"])) >= {"lo", "eth"}
        assert expand(["eth", "lo", "eth"]) == ("eth", "lo")


def test_an_interface_that_goes_down_is_waited_for(hosts: tuple[Host, Host]) -> None:
    near, _ = hosts
    near.ip("link", "add", "spare1", "type", "veth", "peer", "name", "spare2")
    near.ip("link", "set", "spare1", "up")
    near.ip("link", "set", "spare2", "up")
    near.ip("addr", "add", "10.6.0.1/24", "dev", "spare1")
    with near.inside():
        source = opened("spare1")
        near.ip("link", "set", "spare1", "down")
        seen: list[tuple[str, str]] = []
        until(source, lambda: bool(seen.extend(reasons(source)) or seen))
        assert seen == [("spare1", "interface-down")]
        near.ip("link", "set", "spare1", "up")
        until(source, lambda: bool(seen.extend(reasons(source)) or len(seen) > 1))
        assert seen[1:] == [("spare1", "interface-up")]
        tcp_probe = near.python(
            "-c", "import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(('10.6.0.2', 9))"
        )
        frames: list[tuple[int, int]] = []
        deadline = time.monotonic() + 5
        for batch in source.batches():
            if batch is not None:
                frames += [(0, 0)] * batch.records.rows
            if frames or time.monotonic() > deadline:
                break
        tcp_probe.wait(10)
        source.finish()
    assert frames  # ARP at least


def test_one_that_was_made_anew_is_opened_anew(hosts: tuple[Host, Host]) -> None:
    near, _ = hosts
    with near.inside():
        near.ip("link", "add", "spare3", "type", "veth", "peer", "name", "spare4")
        near.ip("link", "set", "spare3", "up")
        source = opened("spare3")
        near.ip("link", "del", "spare3")
        seen: list[tuple[str, str]] = []
        until(source, lambda: bool(seen.extend(reasons(source)) or seen))
        near.ip("link", "add", "spare3", "type", "veth", "peer", "name", "spare4")
        near.ip("link", "set", "spare3", "up")
        until(source, lambda: bool(seen.extend(reasons(source)) or len(seen) > 1))
        source.finish()
    assert seen == [("spare3", "interface-down"), ("spare3", "interface-up")]


def test_one_that_is_renamed_is_told_and_followed(hosts: tuple[Host, Host]) -> None:
    near, _ = hosts
    near.ip("link", "add", "spare5", "type", "veth", "peer", "name", "spare6")
    near.ip("link", "set", "spare5", "up")
    near.ip("link", "set", "spare6", "up")
    with near.inside():
        source = opened("spare5")
        seen: list[tuple[str, str]] = []
        near.ip("link", "set", "spare5", "down")
        until(source, lambda: bool(seen.extend(reasons(source)) or seen))
        near.ip("link", "set", "spare5", "name", "spare7")
        near.ip("link", "set", "spare7", "up")
        until(source, lambda: bool(seen.extend(reasons(source)) or len(seen) > 2))
        near.ip("addr", "add", "10.6.7.1/24", "dev", "spare7")
        asking = near.python("-c", "import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(('10.6.7.2', 9))")
        frames: list[tuple[int, int]] = []
        frames += until(source, lambda: asking.poll() is not None)
        source.finish()
    assert seen[0] == ("spare5", "interface-down")
    assert sorted(seen[1:]) == [("spare7", "interface-renamed"), ("spare7", "interface-up")]
    assert frames  # ARP at least


def test_one_that_was_renamed_and_is_gone_is_taken_up_by_its_first_name(hosts: tuple[Host, Host]) -> None:
    near, _ = hosts
    with near.inside():
        near.ip("link", "add", "spare8", "type", "veth", "peer", "name", "spare9")
        near.ip("link", "set", "spare8", "up")
        source = opened("spare8")
        near.ip("link", "set", "spare8", "down")
        near.ip("link", "set", "spare8", "name", "spare10")
        seen: list[tuple[str, str]] = []
        until(source, lambda: bool(seen.extend(reasons(source)) or len(seen) > 1))
        near.ip("link", "del", "spare10")
        near.ip("link", "add", "spare8", "type", "veth", "peer", "name", "spare9")
        until(source, lambda: False, wait_s=1.2)  # it is there, but not up so far: that is no reason to give it up
        assert reasons(source) == []
        near.ip("link", "set", "spare8", "up")
        until(source, lambda: bool(seen.extend(reasons(source)) or len(seen) > 2))
        source.finish()
    assert sorted(seen[:2]) == [("spare10", "interface-down"), ("spare10", "interface-renamed")]
    assert seen[2:] == [("spare8", "interface-up")]


class Flooded:
    """An interface that always has another block, of one frame, and drops a frame with each."""

    name, index, link_type, snaplen, dropped = "flood", 1, 1, 96, 0
    memory = bytearray(64)

    def __init__(self) -> None:
        self._lost = 0

    def next_block(self, _: object, records: Table) -> bool:
        self._lost += 1
        records.append(time.time_ns(), 0, 60, 60, 1)
        return True

    def release(self) -> None:
        pass

    def new_drops(self) -> int:
        lost, self._lost = self._lost, 0
        self.dropped += lost
        return lost

    def takes_error(self) -> bool:
        return False


@pytest.mark.parametrize("names", [("flood",), ("flood", "flood2")], ids=["one", "several"])
def test_drops_are_told_while_frames_come_without_end(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Interfaces, "_open", lambda *_: Flooded())
    monkeypatch.setattr("analyzer.monitor.interfaces.wait", lambda *_: None)
    monkeypatch.setattr("analyzer.monitor.interfaces.name_of", lambda _: "flood")
    monkeypatch.setattr("analyzer.monitor.interfaces.LOOK_NS", 0)
    source = opened(*names)
    told: list[tuple[str, str]] = []
    for _ in zip(source.batches(), range(100), strict=False):
        told += reasons(source)
    assert ("flood", "no-room") in told
