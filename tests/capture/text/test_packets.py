"""Data without ports and errors without a quote: to which connection they belong, and when that stays open."""

from analyzer.capture.text.clock import Clock
from analyzer.capture.text.lines import Data, Names, Packet, Quote, Segment, Unreachable
from analyzer.capture.text.packets import Packets
from analyzer.capture.text.tcpdump import TcpdumpText
from analyzer.capture.text.tshark import TsharkText

SHAKEN = """\
0.0 192.0.2.1 → 198.51.100.2 TCP 74 {port} → 80 [SYN] Seq=0 Win=64240 Len=0 TSval=1 TSecr=0 WS=1024
0.1 198.51.100.2 → 192.0.2.1 TCP 74 80 → {port} [SYN, ACK] Seq=0 Ack=1 Win=65160 Len=0 TSval=1 TSecr=1 WS=1024
0.2 192.0.2.1 → 198.51.100.2 TCP 66 {port} → 80 [ACK] Seq=1 Ack=1 Win=64512 Len=0 TSval=1 TSecr=1
"""
ONE, TWO = SHAKEN.format(port=40000), SHAKEN.format(port=40001)
EARLIER = ONE.replace("0.0 ", "0.00 ").replace("0.1 ", "0.01 ").replace("0.2 ", "0.02 ")
REQUEST = "1.0 192.0.2.1 → 198.51.100.2 HTTP 93 GET / HTTP/1.1 \n"


def packets(text: str) -> tuple[list[Packet], int]:
    reader, into = TsharkText(Clock([]), Names()), Packets(is_counted=True)
    out = [done for line in text.splitlines() for one in reader.read(line) for done in into.take(one)]
    return [*out, *into.end()], into.undecided


def test_data_belongs_to_the_only_connection() -> None:
    found, undecided = packets(ONE + REQUEST)
    request, acknowledged = found[-1], found[-2]
    assert isinstance(request, Segment)
    assert isinstance(acknowledged, Segment)
    assert (request.source.port, request.length, request.seq) == (40000, 27, acknowledged.seq)
    assert undecided == 0


def test_data_belongs_to_where_just_as_much_is_acknowledged() -> None:
    ack = "1.1 198.51.100.2 → 192.0.2.1 TCP 66 80 → 40001 [ACK] Seq=1 Ack=28 Win=65536 Len=0 TSval=1 TSecr=1\n"
    found, undecided = packets(ONE + TWO + REQUEST + ack)
    assert isinstance(found[-2], Segment)
    assert (found[-2].source.port, found[-2].length, undecided) == (40001, 27, 0)


def test_data_of_two_connections_stays_open_without_that() -> None:
    found, undecided = packets(ONE + TWO + REQUEST)
    assert isinstance(found[-1], Data)
    assert undecided == 1


def test_an_octet_more_that_is_acknowledged_is_a_fin() -> None:
    ack = "1.1 198.51.100.2 → 192.0.2.1 TCP 66 80 → 40000 [ACK] Seq=1 Ack=29 Win=65536 Len=0 TSval=1 TSecr=1\n"
    found, _ = packets(ONE + REQUEST + ack)
    assert isinstance(found[-2], Segment)
    assert (found[-2].length, found[-2].flags & 1) == (27, 1)


def test_windows_are_as_they_were_on_the_wire() -> None:
    found, _ = packets(ONE)
    assert [one.window for one in found if isinstance(one, Segment)] == [64240, 65160, 63]


def test_an_error_is_about_what_its_addressee_sent_last() -> None:
    error = "4.0 192.0.2.254 → 192.0.2.1 ICMP 94 Destination unreachable (Host unreachable)\n"
    found, undecided = packets(ONE + error)
    assert isinstance(found[-1], Quote)
    assert (found[-1].quoted.source.port, undecided) == (40000, 0)
    found, undecided = packets(ONE + TWO + error)
    assert isinstance(found[-1], Unreachable)
    assert undecided == 1


def test_a_network_is_said_to_be_unreachable_at_once() -> None:
    error = "0.25 192.0.2.254 → 192.0.2.1 ICMP 94 Destination unreachable (Network unreachable)\n"
    later = TWO.replace("0.2 ", "0.24 ")
    found, _ = packets(EARLIER + later + error)
    assert isinstance(found[-1], Quote)
    assert found[-1].quoted.source.port == 40001


def test_a_host_is_said_to_be_unreachable_at_once_only_where_a_route_says_so() -> None:
    """What waited for an address, for seconds, may as well be the other connection's."""
    both = EARLIER + TWO.replace("0.2 ", "0.24 ")
    error = "192.0.2.254 → 192.0.2.1 ICMP 94 Destination unreachable (Host unreachable)\n"
    found, undecided = packets(f"{both}0.2401 {error}")
    assert isinstance(found[-1], Quote)
    assert (found[-1].quoted.source.port, undecided) == (40001, 0)
    assert packets(f"{both}0.25 {error}")[1] == 1


def test_an_error_may_be_about_a_reset() -> None:
    """Whose conversation is over; that it comes just after a probe of another one shows nothing."""
    lines = (
        "11:00:00.00 IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [S], seq 1, win 9, length 0",
        "11:00:00.01 IP 192.0.2.1.40001 > 198.51.100.2.80: Flags [S], seq 1, win 9, length 0",
        "11:00:09.0000 IP 192.0.2.1.40000 > 198.51.100.2.80: Flags [P.], seq 2:3, ack 1, win 9, length 1",
        "11:00:09.0001 IP 192.0.2.1.40001 > 198.51.100.2.80: Flags [R.], seq 2, ack 1, win 9, length 0",
        "11:00:09.0002 IP 192.0.2.254 > 192.0.2.1: ICMP host 198.51.100.2 unreachable, length 48",
    )
    reader, into = TcpdumpText(Clock([line.split()[0] for line in lines]), Names()), Packets(is_counted=False)
    out = [done for line in lines for one in reader.read(line) for done in into.take(one)]
    out += [done for one in reader.end() for done in into.take(one)]
    assert not any(isinstance(one, Quote) for one in [*out, *into.end()])
    assert into.undecided == 1
