"""Addresses and ports as texts name them."""

import pytest

from analyzer.capture.text.lines import Endpoint, Names


def test_an_endpoint_of_tcpdump_ends_with_its_port() -> None:
    names = Names()
    assert names.endpoint("192.0.2.1.40000") == Endpoint(bytes([192, 0, 2, 1]), 40000)
    assert names.endpoint("2001:db8::2.443").address[:4] == bytes.fromhex("20010db8")
    assert names.endpoint("192.0.2.1.https").port == 443


def test_a_host_name_gets_a_reserved_address_of_its_own() -> None:
    names = Names()
    web, database = names.endpoint("web-1.example.com.40000"), names.endpoint("db.example.com.postgresql")
    assert web.address[0] == database.address[0] == 240
    assert web.address != database.address == names.address("db.example.com")
    assert list(names.hosts) == ["web-1.example.com", "db.example.com"]


def test_an_unknown_service_gets_a_port_of_its_own() -> None:
    names = Names()
    assert {names.port("no-such-service"), names.port("nor-this")} == {65535, 65534}
    assert list(names.services) == ["no-such-service", "nor-this"]


@pytest.mark.parametrize("text", ["no-port", "192.0.2.1.70000", "a<b>.80", "192.0.2.1.", ""])
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Names().endpoint(text)
