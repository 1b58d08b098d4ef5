"""What an end and a flow say of themselves."""

from dataclasses import replace

from analyzer.keepalive.timeline import Answer
from tests.keepalive.made import Made, flow


def test_keepalive_is_on_where_a_probe_was_seen() -> None:
    one = flow(Made().probe(30, Answer.ACK))
    assert [end.has_keepalive for end in one.ends] == [True, False]
    assert one.probers == (0,)


def test_only_the_peer_itself_answers() -> None:
    made = Made().probe(30, Answer.ACK).probe(30, Answer.DATA).probe(30, Answer.ICMP).probe(10)
    assert flow(made).ends[0].answered == 2


def test_payload_is_none_without_probes_and_the_garbage_octet_if_any_had_it() -> None:
    quiet, probing = flow().ends[0], flow(Made().probe(30, Answer.ACK).probe(30, Answer.ACK)).ends[0]
    assert quiet.payload_len is None
    assert probing.payload_len == 0
    first, second = probing.story.probes
    mixed = replace(probing, story=replace(probing.story, probes=(first, replace(second, payload_len=1))))
    assert mixed.payload_len == 1


def test_ipv6_addresses_are_bracketed() -> None:
    assert str(flow(client="10.0.0.1").ends[0]) == "10.0.0.1:40000"
    assert str(flow(client="2001:db8::1").ends[0]) == "[2001:db8::1]:40000"
