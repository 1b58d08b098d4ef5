"""Words of ICMP errors; the expected types and codes are those of RFC 792, RFC 1812 §5.2.7.1 and RFC 4443 §3.1."""

import pytest

from analyzer.capture.text.errors_of_icmp import of_tcpdump, of_tshark


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("net 198.51.100.2 unreachable, length 60", (3, 0, "198.51.100.2", None)),
        ("host 198.51.100.2 unreachable, length 60", (3, 1, "198.51.100.2", None)),
        ("198.51.100.2 tcp port 9000 unreachable, length 60", (3, 3, "198.51.100.2", "9000")),
        ("host 198.51.100.2 unreachable - admin prohibited, length 60", (3, 10, "198.51.100.2", None)),
        ("host 198.51.100.2 unreachable - admin prohibited filter, length 60", (3, 13, "198.51.100.2", None)),
        ("destination unreachable, unreachable address 2001:db8::2, length 80", (1, 3, "2001:db8::2", None)),
        ("destination unreachable, unreachable prohibited 2001:db8::2, length 80", (1, 1, "2001:db8::2", None)),
        ("destination unreachable, unreachable port, 2001:db8::2 tcp port 443", (1, 4, "2001:db8::2", "443")),
        ("echo request, id 1, seq 1, length 64", None),
    ],
)
def test_what_tcpdump_says(words: str, expected: tuple[object, ...] | None) -> None:
    found = of_tcpdump(words)
    assert (tuple(found) if found is not None else None) == expected


def test_what_tshark_says() -> None:
    assert of_tshark("ICMP", "Destination unreachable (Network unreachable)") == (3, 0, None, None)
    assert of_tshark("ICMPv6", "Destination Unreachable (Address unreachable)") == (1, 3, None, None)
    assert of_tshark("ICMP", "Echo (ping) request  id=0x0001, seq=1/256, ttl=64") is None
