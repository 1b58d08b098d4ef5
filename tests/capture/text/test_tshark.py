"""Lines that tshark 1.8 to 4.0 prints, and Wireshark's summaries saved as text."""

import pytest

from analyzer.capture.text.clock import Clock
from analyzer.capture.text.lines import Data, Names, Neighbour, Other, Packet, Segment, Unreachable
from analyzer.capture.text.tshark import TsharkText

TODAY = "    5   0.474459   10.100.5.1 → 10.100.5.2   TCP 74 40838 → 9000 "
PROBE = "[ACK] Seq=0 Ack=1 Win=64512 Len=0 TSval=637899943 TSecr=2858942623"


def read(line: str) -> Packet:
    [packet] = TsharkText(Clock([]), Names()).read(line)
    return packet


def test_a_syn_has_its_options() -> None:
    syn = read(TODAY + "[SYN] Seq=0 Win=64240 Len=0 MSS=1460 SACK_PERM TSval=637868781 TSecr=0 WS=1024")
    assert isinstance(syn, Segment)
    assert (syn.source.port, syn.target.port, syn.flags, syn.seq, syn.ack) == (40838, 9000, 2, 0, None)
    assert (syn.shift, syn.tsval, syn.octets) == (10, 637868781, 74)


@pytest.mark.parametrize(
    "line",
    [
        "   23  31.636022   10.100.5.1 → 10.100.5.2   TCP 66 [TCP Keep-Alive] 40838 → 9000 " + PROBE,
        "   23 2026-11-20 07:29:49.963295   10.100.5.1 → 10.100.5.2   TCP 66 [TCP Keep-Alive] 40838 → 9000 " + PROBE,
        " 23  31.636022 10.100.5.1 -> 10.100.5.2 TCP 66 [TCP Keep-Alive] 40838 > 9000 " + PROBE,
        " 31.636022 10.100.5.1 -> 10.100.5.2 TCP 66 [TCP Keep-Alive] 40838 > 9000 " + PROBE,
        "     23 31.636022      10.100.5.1         10.100.5.2         TCP      66     [TCP Keep-Alive] 40838 → 9000 "
        + PROBE,
    ],
)
def test_a_probe_has_its_number(line: str) -> None:
    probe = read(line)
    assert isinstance(probe, Segment)
    assert (probe.source.port, probe.target.port, probe.seq, probe.ack, probe.length) == (40838, 9000, 0, 1, 0)


def test_an_application_hides_the_ports() -> None:
    data = read("    6   0.203943    192.0.2.1 → 198.51.100.2 HTTP 93 GET / HTTP/1.1 ")
    assert isinstance(data, Data)
    assert data.octets == 93
    assert isinstance(read("    6   0.203943    192.0.2.1 → 198.51.100.2 DNS 93 Standard query"), Other)


def test_what_was_received_twice() -> None:
    one = read(TODAY + "[ACK] Seq=1 Ack=13 Win=64512 Len=0 TSval=1 TSecr=2 SLE=1 SRE=13")
    assert isinstance(one, Segment)
    assert one.sack == ((1, 13),)


def test_neighbours_and_errors() -> None:
    asked = read("    3   0.474443 e2:cc:f4:07:1d:7d → Broadcast    ARP 42 Who has 10.100.5.2? Tell 10.100.5.1")
    nameless = read("    1   0.000000 ca:ce:3f:fb:ea:ba →              ARP 48 Who has 192.0.2.254? Tell 192.0.2.1")
    error = read("   13  15.127529  192.0.2.254 → 192.0.2.1    ICMP 94 Destination unreachable (Network unreachable)")
    assert isinstance(asked, Neighbour)
    assert isinstance(nameless, Neighbour)
    assert isinstance(error, Unreachable)
    assert (error.kind, error.code, error.address) == (3, 0, None)


@pytest.mark.parametrize("line", ["[...]", "hello", TODAY.replace("10.100.5.1", "10.100.5.1!") + PROBE])
def test_what_cannot_be_read_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read(line)


def test_headings_are_no_packets() -> None:
    reader = TsharkText(Clock([]), Names())
    for line in (
        "No.     Time           Source                Destination",
        "Capturing on 'eth0'",
        "17 packets captured",
    ):
        assert not list(reader.read(line))
