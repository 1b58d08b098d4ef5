"""Ends of which only probes were captured, amid those in whose names a middlebox is known to probe."""

import pytest

from analyzer.keepalive.findings import Flow
from tests.transcript import told

BOX = "ttl 248  ipid 9000  win 1024"


def server(port: int, ttl: int, at: int = 31) -> str:
    """A connection from a port of A's with a server that is heard, and then probed for."""
    return f"""
    0.{port}1  A:{port}>B  S   seq 999
    0.{port}2  B>A:{port}  SA  seq 4999  ack 1000  ttl {ttl}
    0.{port}3  A:{port}>B  A   seq 1000  ack 5000
    {at}.{port}1  B>A:{port}  A   seq 4999  ack 1000  {BOX}  | keepalive-probe
    {at}.{port}2  A:{port}>B  A   seq 1000  ack 5000         | keepalive-answer of {at}.{port}1
"""


def observed_of(look: str, at: str = "31.9") -> str:
    """A connection with a server of which nothing else was captured."""
    return f"""
    {at}1  C:80>A:300  A  seq 4999  ack 1000  {look}  | keepalive-probe
    {at}2  A:300>C:80  A  seq 1000  ack 5000          | keepalive-answer of {at}1
"""


def flows(text: str) -> list[Flow]:
    lines = sorted(filter(str.strip, text.splitlines()), key=lambda line: float(line.split()[0]))
    return list(told("\n".join(lines)).analysis.flows)


def is_probed_for(text: str) -> bool:
    [last] = [flow for flow in flows(text) if flow.ends[0].port == 80]
    return last.ends[0].is_probed_for


SERVERS = server(101, 43) + server(102, 46) + server(103, 52)


def test_one_burst_with_one_look_is_of_one_middlebox() -> None:
    assert is_probed_for(SERVERS + observed_of(BOX))


@pytest.mark.parametrize("look", ["ttl 247  ipid 9000  win 1024", "ttl 248  ipid 9000  win 512"])
def test_another_look_says_nothing(look: str) -> None:
    assert not is_probed_for(SERVERS + observed_of(look))


def test_another_moment_says_nothing() -> None:
    assert not is_probed_for(SERVERS + observed_of(BOX, "40.9"))


def test_two_that_are_known_may_be_chance() -> None:
    assert not is_probed_for(server(101, 43) + server(102, 46) + observed_of(BOX))


def test_without_any_that_is_known_many_alike_say_nothing() -> None:
    """Servers of one network, whose connections fell idle together."""
    assert not is_probed_for(server(101, 248) + server(102, 248) + server(103, 248) + observed_of(BOX))
