"""What is summed up of a connection: the same numbers that it has in full."""

from analyzer.keepalive.brief import NO_TROUBLE, brief_of
from analyzer.keepalive.findings import Role
from analyzer.keepalive.story.values import Answer
from analyzer.keepalive.verdict.values import How, Outcome
from tests.keepalive.context.test_middleboxes import SERVERS, flows
from tests.keepalive.made import Made, flow, ns, probing, settings
from tests.keepalive.summary.test_paths import DROPPED, dropped
from tests.keepalive.verdict.test_endings import ASKED
from tests.transcript import told


def test_who_probes_with_which_settings() -> None:
    found = settings(60)
    [prober] = brief_of(probing(found)).probers
    assert (prober.address, prober.settings, prober.sent, prober.answered) == ("10.0.0.1", found, 1, 1)
    assert prober.has_keepalive
    assert brief_of(flow()).probers == ()


def test_what_a_middlebox_probes_for_has_no_keepalive_of_its_own() -> None:
    probers = [prober for one in flows(SERVERS) for prober in brief_of(one).probers]
    assert probers
    assert not any(prober.has_keepalive for prober in probers)
    assert len({prober.probe_ttl for prober in probers}) == 1


def test_probes_are_answered_if_all_are() -> None:
    assert brief_of(flow(Made().probe(30, Answer.ACK).probe(30, Answer.DATA))).is_answered
    assert not brief_of(flow(Made().probe(30, Answer.ACK).probe(30))).is_answered


def test_an_open_connection_is_silent_up_to_the_end_of_the_capture() -> None:
    made = Made().traffic(5).capture_end(600)
    assert (brief_of(flow(made)).silent_ns, brief_of(flow(made)).idle_ns) == (ns(600), ns(600))
    over = brief_of(flow(made, outcome=Outcome.TIMED_OUT, max_idle_s=5))
    assert (over.silent_ns, over.idle_ns) == (None, ns(5))


def test_a_close_has_a_closer_and_the_time_without_data() -> None:
    one = brief_of(
        told(f"""{ASKED}
    6.30   B>A  FA  seq 5500  ack 1100
    6.31   A>B  FA  seq 1100  ack 5501
        """).flow
    )
    assert (one.how, one.closed_by, one.idle_ns, one.first_fin) == (How.FIN, Role.RESPONDER, ns(5), 7)


def test_the_silence_that_broke_it_is_its_trouble() -> None:
    trouble = brief_of(flow(dropped(400), 0, *DROPPED)).trouble
    assert trouble.broken is not None
    assert (trouble.broken.ns, trouble.way) == (ns(400), "silent")
    assert brief_of(flow()).trouble == NO_TROUBLE


def test_the_probe_that_found_it_broken_came_after_the_idle_time() -> None:
    [first] = brief_of(flow(dropped(400), 0, *DROPPED)).probers
    [later] = brief_of(flow(Made().traffic(400, Answer.NOTHING).probe(10), 0, *DROPPED)).probers
    assert (first.found_it_broken, later.found_it_broken) == (True, False)
