"""Real interfaces in namespaces: what is seen, what is not, and what goes wrong. Needs root; skipped elsewhere."""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scapy.all import IP, TCP, Dot1Q, Ether

from analyzer.capture.decode.link import LINK_ETHERNET
from analyzer.capture.live.bpf import DEFAULT_FILTER
from analyzer.capture.live.interface import LiveInterface, compile_filter, index_of, interfaces, wait
from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.errors import CaptureError, FilterError
from analyzer.schema.packets import RECORDS
from tests.monitor.lab import Host, needs_namespaces, wire

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000  # linux/if_tun.h


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    with wire() as both:
        yield both


def captured(live: LiveInterface, wait_s: float = 0.3) -> list[bytes]:
    """Frames that come within this time, in order."""
    frames, deadline = [], time.monotonic() + wait_s
    while time.monotonic() < deadline:
        wait([live], 20)
        records = Table(RECORDS)
        while live.next_block(Engine(), records):
            view = records.view
            for row in range(records.rows):
                frames.append(bytes(live.memory[view.offset[row] : view.offset[row] + view.captured_len[row]]))
                assert abs(view.ts_ns[row] - time.time_ns()) < 10 * 10**9
            records.rows = 0
            live.release()
    return frames


def tcp_and_udp(address: str) -> None:
    """One connection that is refused (a SYN and a RST), and 10 datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(10):
            udp.sendto(b"x" * 400, (address, 9))
    with socket.socket() as tcp:
        assert tcp.connect_ex((address, 9)) != 0


def is_tcp(frame: bytes) -> bool:
    return frame[12:14] == b"\x08\x00" and frame[23] == 6


@needs_namespaces
def test_on_the_loopback_interface_each_packet_is_seen_once(hosts: tuple[Host, Host]) -> None:
    with hosts[0].inside():
        live = LiveInterface("lo", DEFAULT_FILTER)
        tcp_and_udp("127.0.0.1")
        frames = captured(live)
        live.close()
    assert len([frame for frame in frames if is_tcp(frame)]) == 2


@needs_namespaces
def test_udp_stays_in_the_kernel_and_what_is_sent_is_seen(hosts: tuple[Host, Host]) -> None:
    with hosts[0].inside():
        live = LiveInterface("eth", DEFAULT_FILTER, snaplen=80)
        tcp_and_udp(hosts[1].address)
        frames = captured(live)
        assert live.new_drops() == 0
        live.close()
    assert len([frame for frame in frames if is_tcp(frame)]) == 2
    assert not any(frame[12:14] == b"\x08\x00" and frame[23] == 17 for frame in frames)
    assert max(map(len, frames)) <= 80


@needs_namespaces
def test_an_empty_filter_lets_everything_through(hosts: tuple[Host, Host]) -> None:
    with hosts[0].inside():
        live = LiveInterface("eth", "", snaplen=80)
        tcp_and_udp(hosts[1].address)
        frames = captured(live)
        live.close()
    assert len([frame for frame in frames if frame[12:14] == b"\x08\x00" and frame[23] == 17]) == 10


@needs_namespaces
def test_a_vlan_tag_is_in_the_frame_although_the_kernel_keeps_it_apart(hosts: tuple[Host, Host]) -> None:
    near, far = hosts
    frame = bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / Dot1Q(vlan=5, prio=3) / IP() / TCP())
    with near.inside():
        live = LiveInterface("eth", DEFAULT_FILTER)
    with far.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("eth", 0))
        sender.send(frame)
    frames = captured(live)
    live.close()
    assert frame in frames


@needs_namespaces
def test_an_interface_without_link_layer_shows_packets_from_the_ip_header_on(hosts: tuple[Host, Host]) -> None:
    near, _ = hosts
    if near.fails("tuntap", "add", "dev", "tun5", "mode", "tun"):
        pytest.skip("this kernel has no tun interfaces")
    near.ip("addr", "add", "10.7.0.1/24", "dev", "tun5")
    with near.inside(), Path("/dev/net/tun").open("r+b", buffering=0) as tun:
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tun5", IFF_TUN | IFF_NO_PI))
        near.ip("link", "set", "tun5", "up")
        live = LiveInterface("tun5", DEFAULT_FILTER)
        answer = bytes(IP(src="10.7.0.2", dst="10.7.0.1") / TCP(sport=80, dport=9))
        with socket.socket() as tcp:
            tcp.setblocking(False)
            tcp.connect_ex(("10.7.0.2", 80))
            tun.write(answer)
            frames = captured(live)
        live.close()
    tcp_frames = [frame for frame in frames if frame[0] == 0x45 and frame[9] == 6]
    assert [frame[12:20] for frame in tcp_frames[:1]] == [b"\x0a\x07\x00\x01\x0a\x07\x00\x02"]
    assert answer in tcp_frames


@needs_namespaces
def test_what_finds_no_room_is_counted(hosts: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.capture.live.interface.RING_OCTETS", 4 << 18)
    with hosts[0].inside():
        live = LiveInterface("lo", "")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for _ in range(20_000):
                udp.sendto(b"x" * 200, ("127.0.0.1", 9))
        frames = captured(live, 0.6)
        drops = live.new_drops()
        assert (drops > 0, live.dropped, live.new_drops()) == (True, drops, 0)
        live.close()
    sent = [frame for frame in frames if len(frame) == 14 + 20 + 8 + 200]
    assert 0 < len(sent) < 20_000


@needs_namespaces
def test_going_down_is_an_error_of_the_socket(hosts: tuple[Host, Host]) -> None:
    near, _ = hosts
    near.ip("link", "add", "spare5", "type", "veth", "peer", "name", "spare6")
    near.ip("link", "set", "spare5", "up")
    with near.inside():
        live = LiveInterface("spare5", "")
        assert (live.takes_error(), live.is_up) == (False, True)
        near.ip("link", "set", "spare5", "down")
        assert (live.takes_error(), live.is_up, live.takes_error()) == (True, False, False)
        near.ip("link", "set", "spare5", "up")
        assert live.is_up
        near.ip("link", "del", "spare5")
        assert (live.is_up, index_of("spare5")) == (False, 0)
        live.close()


@needs_namespaces
def test_interfaces_are_listed_with_their_addresses(hosts: tuple[Host, Host]) -> None:
    with hosts[0].inside():
        known = {one.name: one for one in interfaces()}
    assert "127.0.0.1" in known["lo"].addresses
    assert (known["eth"].is_up, "10.9.0.1" in known["eth"].addresses) == (True, True)


def test_an_unknown_interface_is_answered_with_those_that_exist() -> None:
    with pytest.raises(CaptureError, match=r"nosuch0: no such interface; there is .*lo"):
        LiveInterface("nosuch0", DEFAULT_FILTER)


def test_where_this_is_not_linux_there_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(CaptureError, match=r"Linux only; let dumpcap do it: dumpcap -w - \| ka-analyze -"):
        interfaces()


def test_a_wrong_filter_is_answered_with_what_libpcap_says() -> None:
    with pytest.raises(FilterError, match=r"syntax error|libpcap"):
        compile_filter("tcp and and", LINK_ETHERNET)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give up its privileges")
def test_without_privilege_there_is_one_line_that_says_what_to_do() -> None:
    script = (
        "from analyzer.monitor.privileges import drop; from analyzer.capture.live.interface import LiveInterface; "
        "drop(None); LiveInterface('lo', '')"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment)
    last = done.stderr.strip().splitlines()[-1]
    assert "CAP_NET_RAW" in last
    assert "sudo" in last
    assert "dumpcap -i lo -w - | ka-analyze -" in last
