"""Lines that tcpdump 4.99 and 3.9 print, as they stand in threads and mails."""

import pytest

from analyzer.capture.text.clock import Clock
from analyzer.capture.text.lines import Names, Neighbour, Other, Packet, Segment, Unreachable
from analyzer.capture.text.tcpdump import TcpdumpText, is_quiet

STAMPS = "options [nop,nop,TS val 637868781 ecr 2858942623]"


def read(text: str) -> list[Packet]:
    reader = TcpdumpText(Clock([]), Names())
    packets = [packet for line in text.splitlines() for packet in reader.read(line)]
    return [*packets, *reader.end()]


def segment(text: str) -> Segment:
    [found] = read(text)
    assert isinstance(found, Segment)
    return found


def fields(one: Segment) -> tuple[object, ...]:
    return one.source.port, one.target.port, one.flags, one.seq, one.ack, one.length, one.window


def test_a_syn_has_its_options() -> None:
    syn = segment(
        "07:29:18.801732 IP 10.100.5.1.40838 > 10.100.5.2.9000: Flags [S], seq 3263583156, win 64240, "
        "options [mss 1460,sackOK,TS val 637868781 ecr 0,nop,wscale 10], length 0"
    )
    assert fields(syn) == (40838, 9000, 2, 3263583156, None, 0, 64240)
    assert (syn.shift, syn.tsval, syn.tsecr) == (10, 637868781, 0)


def test_an_empty_segment_has_no_number_without_vv() -> None:
    assert fields(segment(f"07:29:18.8 IP 10.0.0.1.1 > 10.0.0.2.2: Flags [.], ack 1, win 63, {STAMPS}, length 0")) == (
        (1, 2, 16, None, 1, 0, 63)
    )


def test_the_header_of_v_stands_on_a_line_before() -> None:
    probe = segment(
        "07:29:18.801762 IP (tos 0x0, ttl 57, id 31224, offset 0, flags [DF], proto TCP (6), length 52)\n"
        "    10.0.0.1.1 > 10.0.0.2.2: Flags [.], cksum 0x1ef1 (incorrect -> 0x99c5), seq 0, ack 1, win 63, "
        f"{STAMPS}, length 0"
    )
    assert (probe.seq, probe.ttl, probe.ip_id) == (0, 57, 31224)


@pytest.mark.parametrize(
    "before",
    [
        "07:29:18.8 e2:cc:f4:07:1d:7d > 22:8f:e0:b3:80:3f, ethertype IPv4 (0x0800), length 66: ",
        "07:29:18.8 e2:cc:f4:07:1d:7d > 22:8f:e0:b3:80:3f, ethertype 802.1Q (0x8100), length 78: vlan 5, p 0, ",
        "07:29:18.8 eth0  Out IP ",
        "   17  07:29:18.8 IP ",
        "07:29:18.8 IP 192.0.2.1 > 192.0.2.2: GREv0, length 88: IP ",
        "07:29:18.8 IP 192.0.2.1.59679 > 192.0.2.2.4789: VXLAN, flags [I] (0x08), vni 7\nIP ",
    ],
)
def test_what_stands_before_the_addresses(before: str) -> None:
    one = segment(before + "10.0.0.1.40000 > 10.0.0.2.443: Flags [P.], seq 1:13, ack 1, win 63, length 12")
    assert fields(one) == (40000, 443, 24, 1, 1, 12, 63)


def test_options_that_the_snapshot_length_cuts() -> None:
    one = segment("11:19:05.7 IP 10.0.0.1.1 > 10.0.0.2.2: Flags [P.], seq 1:13, ack 1, win 63, options [nop,TS [|tcp]>")
    assert (one.length, one.tsval) == (12, -1)


def test_words_before_version_4() -> None:
    old = "10:00:00.1 IP a.example.1023 > b.example.https: P 1:49(48) ack 1 win 5840 <nop,nop,timestamp 226 1046>"
    assert fields(segment(old)) == (1023, 443, 24, 1, 1, 48, 5840)
    assert segment(old).tsval == 226
    assert fields(segment("10:00:00.1 IP 10.0.0.1.1 > 10.0.0.2.2: . ack 49 win 5840")) == (1, 2, 16, None, 49, 0, 5840)


def test_arp_and_neighbour_discovery() -> None:
    asked, answered, sought, advertised = read(
        "07:29:18.1 ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28\n"
        "07:29:18.2 ARP, Reply 10.0.0.2 is-at 22:8f:e0:b3:80:3f (oui Unknown), length 28\n"
        "07:29:18.3 IP6 2001:db8::1 > ff02::1:ff00:2: ICMP6, neighbor solicitation, who has 2001:db8::2, length 32\n"
        "07:29:18.4 IP6 2001:db8::2 > 2001:db8::1: ICMP6, neighbor advertisement, tgt is 2001:db8::2, length 32"
    )
    assert all(isinstance(one, Neighbour) for one in (asked, answered, sought, advertised))
    assert (asked.is_answer, answered.is_answer, answered.asker) == (False, True, asked.asker)
    assert (sought.is_answer, advertised.is_answer, sought.address) == (False, True, advertised.address)


def test_what_an_error_quotes_is_its_own() -> None:
    [error] = read(
        "07:29:18.1 IP (tos 0xc0, ttl 64, id 1, offset 0, flags [none], proto ICMP (1), length 80)\n"
        "    192.0.2.254 > 192.0.2.1: ICMP net 198.51.100.2 unreachable, length 60\n"
        "\tIP (tos 0x0, ttl 63, id 2042, offset 0, flags [DF], proto TCP (6), length 52)\n"
        "    192.0.2.1.40000 > 198.51.100.2.9000: Flags [.], ack 13, win 63, length 0"
    )
    assert isinstance(error, Unreachable)
    assert (error.kind, error.code, error.port) == (3, 0, 9000)


def test_octets_and_messages_are_no_packets() -> None:
    text = (
        "07:29:18.1 IP 10.0.0.1.53 > 10.0.0.2.53: 12345+ A? example.com. (29)\n\t0x0000:  4500 003c\n5 packets captured"
    )
    [other] = read(text)
    assert isinstance(other, Other)


def test_what_the_kernel_dropped() -> None:
    reader = TcpdumpText(Clock([]), Names())
    assert not list(reader.read("17 packets dropped by kernel"))
    assert reader.dropped == 17


@pytest.mark.parametrize(
    "line",
    [
        "07:29:18.8 IP 10.0.0.1.1 > 10.0.0.2.2: Flags [.], ack 1, win 63, options [nop,no",
        "07:29:18.8 IP 10.0.0.1.1 > 10.0.0.2.99999: Flags [.], ack 1, win 63, length 0",
        "07:29:18.8 IP 10.0.0.1.1 > 10.0.0.2.2: tcp 0",
        "[...]",
        "2026-02-31 07:29:18.8 IP 10.0.0.1.1 > 10.0.0.2.2: Flags [.], ack 1, win 63, length 0",
    ],
)
def test_what_cannot_be_read_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read(line)


def test_quiet_lines_are_known() -> None:
    assert is_quiet("07:29:18.8 IP 10.0.0.1.1 > 10.0.0.2.2: tcp 0")
    assert not is_quiet("07:29:18.8 IP 10.0.0.1.1 > 10.0.0.2.2: Flags [.], ack 1, win 63, length 0")
