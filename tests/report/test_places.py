"""Connections by the place of an end, as it is written."""

import pytest

from analyzer.analysis import analyze
from analyzer.report.places import flows_at, parse
from tests.recordings import FOLDER

NAT = str(FOLDER / "nat-fifty-300/capture.pcap")


@pytest.mark.parametrize(
    ("words", "addresses", "port"),
    [
        ("10.0.0.5:5432", {"10.0.0.5"}, 5432),
        ("10.0.0.5", {"10.0.0.5"}, 0),
        (":5432", set(), 5432),
        ("[2001:db8::5]:5432", {"2001:db8::5"}, 5432),
        ("[2001:db8::5]", {"2001:db8::5"}, 0),
        ("2001:DB8:0::5", {"2001:db8::5"}, 0),
        ("::ffff:10.0.0.5", {"10.0.0.5"}, 0),
    ],
)
def test_a_place_is_an_address_a_port_or_both(words: str, addresses: set[str], port: int) -> None:
    place = parse(words)
    assert (place.addresses, place.port, str(place)) == (addresses, port, words)


@pytest.mark.parametrize(
    "words", ["", ":", "[]", ":0", ":65536", ":-1", "10.0.0", "[::1]5", "[::1", "10.0.0.5:x", "a:b:c"]
)
def test_what_is_no_place(words: str) -> None:
    with pytest.raises(IndexError, match="no address and port; write 10"):
        parse(words)


def test_an_end_must_have_both() -> None:
    analysis = analyze(NAT)
    [first] = [end for end in analysis.flows[0].ends if end.port != 9000]
    [server] = [end for end in analysis.flows[0].ends if end.port == 9000]
    assert list(flows_at(analysis, parse(str(first))).numbers) == [0]
    assert list(flows_at(analysis, parse(str(server))).numbers) == list(range(50))
    assert not flows_at(analysis, parse(f"{server.address}:{first.port}"))  # the port is the other end's
    assert not flows_at(analysis, parse("192.0.2.99"))
