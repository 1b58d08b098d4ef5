"""When a host was away, from the probes of connections that lived through it."""

import tomllib
from pathlib import Path

from analyzer.analysis import analyze
from analyzer.keepalive.story.values import Answer
from analyzer.keepalive.summary.outages import came_back, lived_through, outages
from tests.keepalive.made import Made, flow, ns

SAMPLES = Path(__file__).parents[3] / "samples"
AWAY_S = 22
"""For so long the host of the recording was cut off, says what it was recorded for."""


def patient() -> Made:
    """Answered after 60 s, then twice not, 10 s apart, and again."""
    return Made().probe(60, Answer.ACK).probe(60).probe(10).probe(10, Answer.ACK)


def test_from_the_last_answer_to_the_next_one() -> None:
    one = flow(patient())
    [outage] = outages(one, 0)
    first, *_, last = one.ends[0].story.probes
    assert (outage.heard_ns, outage.again_ns) == (first.answer_ns, last.answer_ns)
    assert list(outages(one, 1)) == []


def test_a_single_lost_probe_is_no_outage() -> None:
    assert list(outages(flow(Made().probe(60, Answer.ACK).probe(60).probe(10, Answer.ACK)), 0)) == []


def test_who_does_not_come_back_is_not_away_for_a_time() -> None:
    assert list(outages(flow(Made().probe(60, Answer.ACK).probe(60).probe(10)), 0)) == []


def test_only_the_same_host_in_the_same_time() -> None:
    one = flow(patient())
    host, again_ns = one.ends[1].address, one.ends[0].story.probes[-1].answer_ns
    assert set(lived_through([one], host, again_ns - ns(5), again_ns)) == {one.id}
    assert lived_through([one], host, again_ns + 1, again_ns + ns(60)) == {}
    assert lived_through([one], "192.0.2.77", again_ns - ns(5), again_ns) == {}


def test_a_host_that_was_cut_off_and_two_that_waited() -> None:
    folder = SAMPLES / "host-outage"
    found = analyze(str(folder / "capture.pcap")).flows
    died = [one for one in found if not one.ends[0].answered or one.story.run is not None]
    numbers = came_back(died, found, ("198.51.100.2",))
    assert [one.id for one in died] == [0]
    assert numbers["lived"] == 2
    probing_s = [
        end["tcp_keepalive_time"] + end["tcp_keepalive_intvl"] * end["tcp_keepalive_probes"]
        for one in tomllib.loads((folder / "truth.toml").read_text())["flow"]
        for end in one["end"]
        if end["keepalive"]
    ]
    assert min(probing_s) < AWAY_S <= numbers["back_s"] < sorted(probing_s)[1]
    assert came_back(died, found, ("198.51.100.2", "198.51.100.3")) == {}
    assert came_back(died, died, ("198.51.100.2",)) == {}
