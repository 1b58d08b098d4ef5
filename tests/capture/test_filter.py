"""Filters for files. Truth is tcpdump, which libpcap compiles for, on a capture without tunnels; in tunnels, scapy."""

import subprocess
from contextlib import suppress
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether

from analyzer.analysis import analyze
from analyzer.capture.filter import MOST_NESTED, packet_filter
from analyzer.engine.dispatch import SWITCH
from analyzer.errors import FilterError
from tests.capture.wrapping import TUNNELS
from tests.capture.writers import pcap_bytes
from tests.engines import ENGINES

V4 = ("10.0.0.1", "10.0.1.2", "192.168.7.9", "10.0.0.255")
V6 = ("2001:db8::1", "2001:db8:0:1::2", "fe80::1")
PORTS = (80, 443, 5432, 50_000)
ETHER = Ether(src="00:00:5e:00:53:01", dst="00:00:5e:00:53:02")
"""With both addresses, for which scapy would ask the network."""

EXPRESSIONS = (
    "",
    "tcp",
    "ip",
    "ip6",
    "not ip6",
    "udp",
    "tcp or udp",
    "host 10.0.0.1",
    "src 10.0.0.1",
    "dst host 2001:db8::1",
    "src or dst host 10.0.0.1",
    "src and dst net 10",
    "net 10.0",
    "net 10.0.0/24",
    "net 10.0.0.0 mask 255.255.255.0",
    "src net 2001:db8::/32",
    "ip6 host fe80::1",
    "port 80",
    "port http",
    "tcp port 80 or 443",
    "src port 443",
    "tcp dst port 5432 or port 80",
    "portrange 80-443",
    "src portrange 443-6000 and not dst port 80",
    "port (80 or 443)",
    "host (10.0.0.1 or 192.168.7.9) and port 80",
    "host 10.0.0.1 or port 80 and host 192.168.7.9",
    "port 80 and host 10.0.0.1 or host 10.0.1.2 and port 443",
    "not port 80 and host 10.0.0.1",
    "not (port 80 and host 10.0.0.1)",
    "!port 80&&!host 10.0.0.1",
    "not not port 80",
    "host 10.0.0.1 and not (port 80 or port 443) or ip6 and port 5432",
    "src host 10.0.0.1 and 10.0.1.2",
    "((tcp))",
)


def segments() -> bytes:
    pairs = [IP(src=a, dst=b) for a, b in product(V4, V4)] + [IPv6(src=a, dst=b) for a, b in product(V6, V6)]
    ports = list(product(PORTS, PORTS))
    frames = [ETHER / ip / TCP(sport=source, dport=target, flags="A") for ip, (source, target) in product(pairs, ports)]
    return pcap_bytes([(index * 1000, bytes(frame)) for index, frame in enumerate(frames)])


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filter") / "segments.pcap"
    path.write_bytes(segments())
    return path


def frames_by_tcpdump(path: Path, expression: str) -> int:
    wanted = f"tcp and ({expression})" if expression else "tcp"
    command = ["tcpdump", "--count", "-nr", str(path), wanted]
    counted = subprocess.run(command, capture_output=True, text=True, check=False)
    if "expression rejects all packets" in counted.stderr:
        return 0
    assert counted.returncode == 0, counted.stderr
    return int(counted.stdout.split()[0])


@pytest.mark.needs("tcpdump")
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_as_many_segments_pass_as_tcpdump_lets_through(expression: str, capture: Path) -> None:
    passed = analyze(str(capture), packet_filter=packet_filter(expression)).capture.tcp_packets
    assert passed == frames_by_tcpdump(capture, expression)


PRIMITIVES = ("port 80", "host 10.0.0.1", "src net 10.0", "dst port 443", "ip6", "not src host fe80::1")
chains = st.recursive(
    st.sampled_from(PRIMITIVES),
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("{} or {}".format, inner, inner),
        st.builds("{} and {}".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=6,
)


@pytest.mark.needs("tcpdump")
def test_what_is_nested_in_any_way_is_read_as_tcpdump_reads_it(capture: Path) -> None:
    @settings(max_examples=30)
    @given(chains)
    def agrees(expression: str) -> None:
        passed = analyze(str(capture), packet_filter=packet_filter(expression)).capture.tcp_packets
        assert passed == frames_by_tcpdump(capture, expression)

    agrees()


@pytest.mark.parametrize("engine", ENGINES.values(), ids=list(ENGINES))
def test_both_engines_leave_out_the_same_and_say_so(
    engine: str, capture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, engine)
    analysis = analyze(str(capture), packet_filter=packet_filter("  src port  80 "))
    [note] = [one for one in analysis.diagnostics if one.code.name == "filtered-out"]
    total = (len(V4) ** 2 + len(V6) ** 2) * len(PORTS) ** 2
    assert (analysis.capture.tcp_packets, note.count) == (total // 4, total - total // 4)
    assert note.first_frame == 1 + len(PORTS)  # the first four are from port 80
    assert analysis.capture.packet_filter == "src port 80"
    assert not analysis.is_damaged


def analysed(tmp_path: Path, expression: str, *frames: bytes) -> tuple[int, int]:
    """Segments that pass, and connections."""
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap_bytes([(index, frame) for index, frame in enumerate(frames)]))
    found = analyze(str(path), packet_filter=packet_filter(expression))
    return found.capture.tcp_packets, len(found.flows)


@pytest.mark.parametrize("name", TUNNELS)
def test_addresses_inside_of_tunnels_are_compared(name: str, tmp_path: Path) -> None:
    frame = bytes(TUNNELS[name][1](bytes(IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=5432, flags="A")), False))
    assert analysed(tmp_path, "host 10.0.0.1 and port 5432", frame) == (1, 1)
    assert analysed(tmp_path, "host 10.0.0.3", frame) == (0, 0)


def test_vlan_tags_are_looked_through(tmp_path: Path) -> None:
    frame = bytes(ETHER / Dot1Q(vlan=5) / Dot1Q(vlan=7) / IP(src="10.0.0.1") / TCP(dport=80, flags="A"))
    assert analysed(tmp_path, "dst port 80", frame) == (1, 1)


def test_an_icmp_error_passes_with_the_segment_that_it_quotes(tmp_path: Path) -> None:
    segment = IP(src="10.0.0.1", dst="10.9.9.9") / TCP(sport=40_000, dport=5432, flags="A")
    error = bytes(ETHER / IP(src="10.0.0.254", dst="10.0.0.1") / ICMP(type=3, code=1) / segment)
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap_bytes([(1, bytes(ETHER / segment)), (2, error)]))
    for expression, errors in (("port 5432", 1), ("port 5432 and not icmp", 0), ("icmp and ip", 0)):
        analysis = analyze(str(path), packet_filter=packet_filter(expression))
        kinds = analysis.candidates.view.kind[: analysis.candidates.rows]
        assert list(kinds).count(2) == errors, expression
    assert analyze(str(path), packet_filter=packet_filter("icmp6")).capture.tcp_packets == 0


def test_arp_always_passes(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap_bytes([(1, bytes(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst="10.0.0.1")))]))
    analysis = analyze(str(path), packet_filter=packet_filter("port 80"))
    assert analysis._tracker.neighbours.rows == 1
    assert not analysis.diagnostics


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("vlan 5", "'vlan' is not understood"),
        ("tcp[13] == 2", "'tcp[13]' is not understood"),
        ("ether host 00:00:5e:00:53:01", "'ether' is not understood"),
        ("host db1", "'db1' is no address"),
        ("port 65536", "'65536' is no port"),
        ("port nosuchservice", "'nosuchservice' is no port"),
        ("port", "it ends too early"),
        ("port 80 or", "it ends too early"),
        ("(port 80", "a parenthesis is not closed"),
        ("port 80)", "')' is not expected there"),
        ("port 80 443", "'443' is not expected there"),
        ("port and 80", "a value is missing before 'and'"),
        ("net 10.0.0.1/24", "the network is 10.0.0.0/24"),
        ("net 10.0.0.0 mask 255.0.255.0", "is no network"),
        ("net 300", "is no network"),
        ("portrange 80-", "'' is no port"),
        ("\N{SNOWMAN}", "is not understood"),
        ("(" * 5000 + "tcp" + ")" * 5000, "nested too deeply"),
        ("not " * 5000 + "tcp", "nested too deeply"),
    ],
)
def test_a_wrong_filter_is_an_error_that_says_what_to_write(expression: str, found: str) -> None:
    with pytest.raises(FilterError) as error:
        packet_filter(expression)
    assert found in str(error.value)
    assert "\n" not in str(error.value)


def test_a_long_list_is_no_deep_one() -> None:
    hosts = " or ".join(f"host 10.0.{index >> 8}.{index & 255}" for index in range(5000))
    assert packet_filter(hosts).tests.rows == 5000
    assert MOST_NESTED < 1000


@settings(max_examples=40)
@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_an_error(text: str) -> None:
    with suppress(FilterError):
        packet_filter(text)


def test_names_may_have_several_addresses(tmp_path: Path) -> None:
    chosen = packet_filter("host db1 and port 80", {"db1": ["10.0.0.1", "2001:db8::1"]}.get)
    frames = [bytes(ETHER / IP(src=one) / TCP(dport=80, flags="A")) for one in ("10.0.0.1", "10.0.0.2")]
    frames.append(bytes(ETHER / IPv6(dst="2001:db8::1") / TCP(sport=80, flags="A")))
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap_bytes(enumerate(frames)))
    assert analyze(str(path), packet_filter=chosen).capture.tcp_packets == 2
