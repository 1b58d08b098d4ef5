"""Groups: which connections fared alike, and what becomes a range."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive.findings import Flow, Role
from analyzer.keepalive.settings.values import NOTHING_KNOWN, Setting
from analyzer.keepalive.summary import groups as summary
from analyzer.keepalive.summary.groups import MOST_APART, MOST_SERVICES, Group, Range, ranges
from analyzer.keepalive.verdict.values import Cause, How, Outcome
from tests.keepalive.made import exactly, in_brief, within

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.fixture(scope="module")
def flows() -> tuple[Flow, ...]:
    """Four connections probed and lost or alive on two services, four more, and one that nobody probes."""
    return tuple(analyze(str(SAMPLES / "port-overrides/capture.pcap")).flows)


def groups(flows: Iterable[Flow]) -> tuple[Group, ...]:
    return summary.groups(in_brief(flows))


def sizes(found: tuple[Group, ...]) -> dict[tuple[Outcome, str], int]:
    return {(one.outcome, one.services[0]): len(one.flows) for one in found}


def test_outcome_and_service_tell_groups_apart(flows: tuple[Flow, ...]) -> None:
    service = "198.51.100.2"
    assert sizes(groups(flows)) == {
        (Outcome.TIMED_OUT, f"{service}:9000"): 2,
        (Outcome.TIMED_OUT, f"{service}:9001"): 2,
        (Outcome.ALIVE, f"{service}:9000"): 2,
        (Outcome.ALIVE, f"{service}:9001"): 1,
        (Outcome.OPEN, f"{service}:9002"): 1,
    }


def test_every_connection_is_in_one_group(flows: tuple[Flow, ...]) -> None:
    assert sorted(flow for one in groups(flows) for flow in one.flows) == list(range(len(flows)))


def test_the_largest_come_first(flows: tuple[Flow, ...]) -> None:
    found = groups([*flows, *flows[:1] * 4])
    assert [len(one.flows) for one in found] == sorted((len(one.flows) for one in found), reverse=True)


def test_the_cause_tells_groups_apart(flows: tuple[Flow, ...]) -> None:
    dead = next(flow for flow in flows if flow.verdict.outcome is Outcome.TIMED_OUT)
    by_peer = dead._replace(verdict=dead.verdict._replace(cause=Cause.PEER_SILENT))
    by_link = dead._replace(verdict=dead.verdict._replace(cause=Cause.LINK_DEAD))
    assert {one.cause for one in groups([by_peer, by_link])} == {Cause.PEER_SILENT, Cause.LINK_DEAD}


def with_time(flow: Flow, seconds: int) -> Flow:
    """Return the connection with another idle time before its first probe."""
    first, second = (
        end._replace(settings=end.settings._replace(tcp_keepalive_time=exactly(seconds)))
        if index in flow.probers
        else end
        for index, end in enumerate(flow.ends)
    )
    return flow._replace(ends=(first, second))


def test_few_settings_are_groups_many_a_range(flows: tuple[Flow, ...]) -> None:
    dead = next(flow for flow in flows if flow.verdict.outcome is Outcome.TIMED_OUT)
    apart = groups([with_time(dead, 10 * number) for number in range(1, MOST_APART + 1)])
    assert sorted(one.settings[0] for one in apart if one.settings[0]) == [Range(10, 10), Range(20, 20), Range(30, 30)]
    [together] = groups([with_time(dead, 10 * number) for number in range(1, MOST_APART + 2)])
    assert together.settings[0] == Range(10, 40)


def closes(name: str) -> tuple[Flow, ...]:
    return tuple(analyze(str(SAMPLES / name / "capture.pcap")).flows)


def test_who_closed_tells_groups_apart() -> None:
    found = groups(closes("closed-at-random"))
    assert {(one.outcome, one.how, one.closed_by) for one in found} == {
        (Outcome.CLOSED, How.FIN, Role.RESPONDER),
        (Outcome.CLOSED, How.FIN, Role.ORIGINATOR),
    }


def test_a_close_is_told_with_the_time_without_data() -> None:
    """HAProxy's timeout client was 5, 7 and 9 s on the three ports."""
    found = groups(closes("haproxy-closes-after-5-7-9"))
    assert sorted(round(one.idle_ns[0] / 1e9) for one in found) == [5, 7, 9]


def on_services(flow: Flow, count: int) -> Iterator[Flow]:
    for port in range(9000, 9000 + count):
        ends = tuple(end._replace(port=port) if end.role is Role.RESPONDER else end for end in flow.ends)
        yield flow._replace(ends=(ends[0], ends[1]))


def test_what_came_and_went_on_many_services_is_one_group() -> None:
    [found] = groups(on_services(closes("haproxy-closes-after-5-7-9")[0], MOST_APART + 1))
    assert len(found.services) == MOST_APART + 1


def test_what_died_is_told_for_each_service_of_a_few(flows: tuple[Flow, ...]) -> None:
    dead = next(flow for flow in flows if flow.verdict.outcome is Outcome.TIMED_OUT)
    assert len(groups(on_services(dead, MOST_SERVICES))) == MOST_SERVICES
    [found] = groups(on_services(dead, MOST_SERVICES + 1))
    assert len(found.services) == MOST_SERVICES + 1


def timed(*times: Setting) -> tuple[Range | None, ...]:
    """Return the ranges of ends of which no more than these times are known."""
    return ranges([NOTHING_KNOWN._replace(tcp_keepalive_time=time) for time in times])


def test_bounds_are_a_range_where_no_value_is_known() -> None:
    assert timed(within(10, 20), within(15, 40)) == (Range(10, 40), None, None)
    assert timed(within(10, None))[0] is None
    assert timed(within(10, 20), exactly(17))[0] == Range(17, 17)
