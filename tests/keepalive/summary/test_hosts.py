"""Connections of one host pooled: what they share, what contradicts it, and what stays open."""

from collections import Counter
from collections.abc import Iterable, Sequence

from analyzer.keepalive.findings import Flow, Presence, Role
from analyzer.keepalive.settings.shared_clock import HostClock
from analyzer.keepalive.settings.values import Basis
from analyzer.keepalive.summary import hosts
from analyzer.keepalive.summary.hosts import EXACT, LINUX, MOST_APART, UNKNOWN, Host, Override, rows
from tests.keepalive.context.test_middleboxes import SERVERS, flows
from tests.keepalive.made import CLIENT, SERVER, exactly, flow, in_brief, probing, settings, within

OWN_PROBER = """
    0.2011  A:201>C:80  S   seq 999
    0.2012  C:80>A:201  SA  seq 4999  ack 1000
    0.2013  A:201>C:80  A   seq 1000  ack 5000
    31.3    C:80>A:201  A   seq 4999  ack 1000  | keepalive-probe
    31.4    A:201>C:80  A   seq 1000  ack 5000  | keepalive-answer of 31.3
"""
UNKNOWN_ROLES = (Role.UNKNOWN, Role.UNKNOWN)


def pool(flows: Iterable[Flow], host_clocks: Sequence[HostClock] = (), fewest: int = 1) -> tuple[Host, ...]:
    """The hosts of flows that are all there are."""
    found = list(flows)
    ends = [(f"{flow.tunnel or ''} {end.address}".strip(), end.has_keepalive) for flow in found for end in flow.ends]
    flows_of, probing = Counter(who for who, _ in ends), Counter(who for who, is_prober in ends if is_prober)
    return hosts.pool(
        in_brief(found), {who: Presence(flows_of[who], probing[who]) for who in flows_of}, host_clocks, fewest
    )


def test_only_hosts_that_probe_are_listed_with_all_their_flows() -> None:
    [host] = pool([probing(settings(30)), flow(number=1)])
    assert (host.addr, host.flows) == (CLIENT, 2)


def test_hosts_of_few_connections_may_be_left_out_unless_their_clock_is_known() -> None:
    found = [
        probing(settings(30)),
        probing(settings(30), 1),
        *(probing(settings(30), 2 + one, client=f"10.0.0.{5 + one}") for one in range(2)),
    ]
    clock = HostClock(("10.0.0.6",), frozenset([6]), (None,) * 4)
    assert pool(found, (clock,), fewest=2) == (pool(found, (clock,))[0], pool(found, (clock,))[2])


def test_an_address_in_two_tunnels_is_two_hosts() -> None:
    found = [probing(settings(30), number)._replace(tunnel=f"vxlan {5 + number % 2}") for number in range(3)]
    assert [(host.addr, host.flows) for host in pool([*found, probing(settings(60), 3)])] == [
        (CLIENT, 2),
        (CLIENT, 1),
        (CLIENT, 1),
    ]


def test_one_end_is_taken_as_it_is() -> None:
    own = settings(within(29, 31, 30), 10, within(3, None))
    [host] = pool([probing(own)])
    assert host.sysctl == own
    assert host.overrides == ()


def test_agreeing_bounds_are_intersected() -> None:
    found = [settings(within(28, 31, 31)), settings(within(29, 32, 30)), settings(within(28, 30, 30))]
    [host] = pool(probing(one, number) for number, one in enumerate(found))
    assert host.sysctl is not None
    time = host.sysctl.tcp_keepalive_time
    assert time is not None
    assert (time.value, time.low, time.high, time.n) == (30, 29, 30, 3)


def test_a_value_outside_the_intersection_is_not_taken() -> None:
    [host] = pool([probing(settings(within(28, 31, 31))), probing(settings(within(28, 30)), 1)])
    assert host.sysctl is not None
    time = host.sysctl.tcp_keepalive_time
    assert time is not None
    assert (time.value, time.low, time.high) == (None, 28, 30)


def test_the_strongest_basis_and_all_frames_are_kept() -> None:
    sure = exactly(30, n=2, frames=(7, 9))
    [host] = pool([probing(settings(within(1, None), 10, 5)), probing(settings(sure), 1)])
    assert host.sysctl is not None
    time = host.sysctl.tcp_keepalive_time
    assert time is not None
    assert (time.basis, time.frames, time.n) == (Basis.FIRST_GAP, (7, 9), 3)


def test_what_contradicts_most_ends_is_an_override_of_its_port() -> None:
    usual = [probing(settings(7200, 75, 9), number) for number in range(3)]
    redis = [probing(settings(300, 100, 3), number, ports=(41000, 6379)) for number in (3, 4)]
    [host] = pool([*redis, *usual])
    assert host.sysctl is not None
    assert host.sysctl.tcp_keepalive_time == exactly(7200, n=3)._replace(ends=3)
    [override] = host.overrides
    assert (override.port, override.flows) == (6379, 2)
    assert override.settings.tcp_keepalive_intvl == exactly(100, n=2)._replace(ends=2)


def test_a_vague_end_joins_the_biggest_group() -> None:
    ends = [settings(within(200, None)), settings(300), settings(7200), settings(7200)]
    [host] = pool(probing(one, number) for number, one in enumerate(ends))
    assert host.sysctl is not None
    assert host.sysctl.tcp_keepalive_time is not None
    assert (host.sysctl.tcp_keepalive_time.value, host.sysctl.tcp_keepalive_time.n) == (7200, 3)


def test_no_sysctl_where_no_group_is_the_biggest() -> None:
    [host] = pool([probing(settings(30), ports=(40000, 443)), probing(settings(60), 1, ports=(40001, 22))])
    assert host.sysctl is None
    assert [override.port for override in host.overrides] == [22, 443]


def test_clock_rate_needs_exactly_one_model() -> None:
    both = settings(30, models=("linux-250", "linux-1000"))
    [host] = pool([probing(both)])
    assert (host.stack, host.hz) == (LINUX, None)
    [host] = pool([probing(both), probing(settings(60, models=("linux-100", "linux-250")), 1)])
    assert (host.stack, host.hz) == (LINUX, 250)


def test_stack_is_said_only_where_all_ends_agree_on_it() -> None:
    [host] = pool([probing(settings(30, models=("exact",)))])
    assert (host.stack, host.hz) == (EXACT, None)
    [host] = pool([probing(settings(30))])
    assert (host.stack, host.hz) == (UNKNOWN, None)
    [host] = pool([probing(settings(30, models=("exact",))), probing(settings(30, models=("linux-250",)), 1)])
    assert (host.stack, host.hz) == (UNKNOWN, None)


def test_an_end_that_no_model_explains_says_nothing_about_the_stack() -> None:
    [host] = pool([probing(settings(30, models=())), probing(settings(30, models=("linux-250",)), 1)])
    assert (host.stack, host.hz) == (LINUX, 250)


def test_service_is_the_responder_or_else_the_lower_port() -> None:
    assert flow(ports=(40000, 443)).service_end == 1
    assert flow(ports=(443, 40000)).service_end == 1
    assert flow(ports=(443, 40000), roles=UNKNOWN_ROLES).service_end == 0
    assert flow(ports=(40000, 443), roles=UNKNOWN_ROLES).service_end == 1


def test_hosts_are_pooled_apart() -> None:
    hosts = pool([probing(settings(30)), probing(settings(60), 1, client=SERVER, server=CLIENT)])
    assert [host.addr for host in hosts] == [CLIENT, SERVER]


def test_a_middlebox_is_one_prober_with_settings_of_its_own() -> None:
    """Whoever it probes for; a host that probes, too, has its own."""
    host, box = hosts.pool(in_brief(flows(SERVERS + OWN_PROBER)), {"10.0.0.3": Presence(1, 1)})
    assert (host.addr, host.before, host.probing) == ("10.0.0.3", (), 1)
    assert (box.addr, box.before, box.flows, box.probing) == (None, ("10.0.0.2",), 3, 3)
    assert (box.stack, box.hz, box.host_clocks, box.same_kernel) == (UNKNOWN, None, 0, ())
    assert box.sysctl is not None
    assert box.sysctl.tcp_keepalive_time is not None
    assert box.sysctl.tcp_keepalive_time.n == 3


def test_rows_of_a_few_settings_and_of_many() -> None:
    def overrides(count: int) -> tuple[Override, ...]:
        return tuple(Override(443, settings(30 + one), 2) for one in range(count))

    few, many = (
        Host("192.0.2.1", 9, 9, settings(60), overrides(count), "Linux >= 4.8", 250)
        for count in (MOST_APART, MOST_APART + 1)
    )
    assert [(row.port, len(row.settings), row.flows) for row in rows([few])] == [(None, 1, 9), *3 * [(443, 1, 2)]]
    assert [(row.port, len(row.settings), row.flows) for row in rows([many])] == [(None, 1, 9), (443, 4, 8)]
    assert [row.port for row in rows([many._replace(sysctl=None)])] == [443]
