"""Which silence broke a connection, and when the path may be to blame."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive.failures import failure, fatal_silence_ns, looks_native, lost_requests, on_expiry
from analyzer.keepalive.story.values import Answer
from analyzer.keepalive.verdict.values import Cause, Outcome, Reason
from tests.keepalive.made import Made, flow, ns, within_lan
from tests.keepalive.summary.test_paths import DROPPED, RESET, dropped
from tests.keepalive.verdict.test_endings import CROSSED
from tests.transcript import told

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize(("outcome", "is_failure"), [(Outcome.PROBING, False), (Outcome.TIMED_OUT, True)])
def test_one_probe_before_the_capture_s_end_may_be_lost(outcome: Outcome, is_failure: bool) -> None:
    assert (failure(flow(Made().probe(60), 0, outcome, Cause.PATH_DROPPED)) is not None) is is_failure


def test_the_silence_ends_with_the_probe_and_not_with_the_capture() -> None:
    silence = failure(flow(Made().probe(60).capture_end(100), 0, *DROPPED))
    assert silence is not None
    assert silence.ns == ns(60)


def test_of_data_that_goes_unanswered_the_path_is_to_blame_if_the_peer_answers_others() -> None:
    unnoticed = flow(Made().traffic(310, Answer.NOTHING), 0, Outcome.UNDETECTED)
    blamed = unnoticed._replace(verdict=unnoticed.verdict._replace(reasons=(Reason.PEER_HOST_ANSWERS,)))
    assert (failure(unnoticed), on_expiry(unnoticed)) == (None, None)
    assert on_expiry(blamed) == "silent"


def test_a_failing_network_and_a_lan_show_no_limit() -> None:
    lost = flow(dropped(400), 1, *DROPPED)
    whole = lost._replace(verdict=lost.verdict._replace(reasons=(Reason.NETWORK_SILENT,)))
    assert (on_expiry(lost), on_expiry(whole), on_expiry(within_lan(lost))) == ("silent", None, None)
    assert failure(within_lan(lost)) is None
    assert fatal_silence_ns(within_lan(flow(dropped(400), 0, Outcome.TIMED_OUT, Cause.PEER_SILENT))) is None


def test_a_reset_may_be_the_other_ends_own_unless_the_path_is_known_to_have_sent_it() -> None:
    by_path, by_any = (flow(Made().probe(360, Answer.RST), 0, *one) for one in (RESET, (Outcome.RESET, None)))
    assert (on_expiry(by_path), on_expiry(by_any)) == ("rst", "rst")
    assert (looks_native(by_path), looks_native(by_any)) == (False, True)


def test_requests_are_lost_to_a_reset_in_the_services_name() -> None:
    assert lost_requests(told(CROSSED).flow) == 1
    assert lost_requests(flow()) == 0


@pytest.mark.parametrize(
    ("sample", "seconds"),
    [
        ("nat-forgets-14-3-4", 14),  # a NAT that forgets, and nothing else in the capture that could say so
        ("defaults-dead-hz250", None),  # it survived two hours, twice
        ("nat-forgets-one-of-two", None),  # the path is blamed anyway
        ("peer-alive-8-2-4", None),
    ],
)
def test_a_silence_that_was_never_survived_may_have_been_the_path(sample: str, seconds: int | None) -> None:
    flow = analyze(str(SAMPLES / sample / "capture.pcap")).flows[0]
    silence_ns = fatal_silence_ns(flow)
    assert (silence_ns is None) if seconds is None else (0 <= (silence_ns or 0) - ns(seconds) < ns(0.25))
