"""What an end and a flow say of themselves."""

from dataclasses import replace

from analyzer.keepalive.story.values import Answer, ProbedBy
from analyzer.keepalive.verdict.values import Outcome
from tests.keepalive.made import Given, Made, flow


def test_keepalive_is_on_where_a_probe_was_seen() -> None:
    one = flow(Made().probe(30, Answer.ACK))
    assert [end.has_keepalive for end in one.ends] == [True, False]
    assert one.probers == (0,)


def test_keepalive_is_not_on_where_a_middlebox_probes_in_the_ends_name() -> None:
    prober = flow(Made().probe(30, Answer.ACK)).ends[0]
    probed_for = prober._replace(story=replace(prober.story, probed_by=ProbedBy.MIDDLEBOX))
    assert (probed_for.has_keepalive, probed_for.is_probed_for) == (False, True)


def test_only_the_peer_itself_answers() -> None:
    made = Made().probe(30, Answer.ACK).probe(30, Answer.DATA).probe(30, Answer.ICMP).probe(10)
    assert flow(made).ends[0].answered == 2


def test_payload_is_none_without_probes_and_the_garbage_octet_if_any_had_it() -> None:
    quiet, probing = flow().ends[0], flow(Made().probe(30, Answer.ACK).probe(30, Answer.ACK)).ends[0]
    assert quiet.payload_len is None
    assert probing.payload_len == 0
    first, second = probing.story.probes
    mixed = probing._replace(story=replace(probing.story, probes=(first, second._replace(payload_len=1))))
    assert mixed.payload_len == 1


def test_ipv6_addresses_are_bracketed() -> None:
    assert str(flow(client="10.0.0.1").ends[0]) == "10.0.0.1:40000"
    assert str(flow(client="2001:db8::1").ends[0]) == "[2001:db8::1]:40000"


def test_connections_are_picked_and_counted_by_their_briefs() -> None:
    dead, alive = flow(outcome=Outcome.TIMED_OUT), flow()
    flows = Given(alive, dead, alive, dead).flows
    assert flows.outcomes() == {Outcome.ALIVE: 2, Outcome.TIMED_OUT: 2}
    assert list(flows.that_ended([Outcome.TIMED_OUT]).numbers) == [1, 3]
    for some in (flows[1:3], flows[::-1], flows.that_ended([Outcome.ALIVE])):
        assert list(some.flow_flags) == [flows.by.flow_flags[number] for number in some.numbers]
