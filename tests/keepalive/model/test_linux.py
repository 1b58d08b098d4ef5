"""The forward model against the facts: tables made from the kernel's source, and what was measured on one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.keepalive.model.linux import (
    EXACT,
    LINUX,
    SECOND,
    TICK_NS,
    Action,
    Clock,
    Keepalive,
    What,
    answered_cycle_ns,
    level_start,
    on_tick,
    simulate,
    spacing_ns,
)

HZ_100, HZ_250, HZ_300, HZ_1000 = LINUX
OLD_LINUX = EXACT[0]

TABLE = """
    T | level   |        latest firing at 100, 250, 300, 1000 Hz |         unanswered spacing R(T) |      answered cycle C(T, 75)
    1 | 1 1 1 2 |     1.080     1.032     1.027     1.064 |    1.040    1.024    1.013    1.024 |
    5 | 1 2 2 3 |     5.080     5.256     5.213     5.512 |    5.040    5.120    5.120    5.120 |
   10 | 2 2 2 3 |    10.640    10.256    10.213    10.512 |   10.240   10.240   10.027   10.240 |
   15 | 2 2 3 3 |    15.640    15.256    16.707    15.512 |   15.360   15.104   15.360   15.360 |
   30 | 2 3 3 3 |    30.640    32.048    31.707    30.512 |   30.080   30.720   30.720   30.208 |
   45 | 3 3 3 4 |    50.120    47.048    46.707    49.096 |   46.080   45.056   46.080   45.056 |
   60 | 3 3 3 4 |    65.120    62.048    61.707    64.096 |   61.440   61.440   61.440   61.440 |
   75 | 3 3 3 4 |    80.120    77.048    76.707    79.096 |   76.800   75.776   75.093   77.824 |
  120 | 3 3 4 4 |   125.120   122.048   133.653   124.096 |  122.880  120.832  122.880  122.880 |  122.880  120.832  121.173  122.880
  300 | 3 4 4 5 |   305.120   316.384   313.653   332.768 |  302.080  311.296  300.373  327.680 |  302.080  311.296  300.373  303.104
  350 | 4 4 4 5 |   390.960   366.384   363.653   382.768 |  368.640  360.448  354.987  360.448 |  353.280  360.448  354.987  360.448
  600 | 4 4 4 5 |   640.960   616.384   613.653   632.768 |  614.400  606.208  600.747  622.592 |  614.400  606.208  600.747  622.592
  900 | 4 4 5 5 |   940.960   916.384  1009.227   932.768 |  901.120  901.120  983.040  917.504 |  901.120  901.120  901.120  917.504
 1800 | 4 5 5 5 |  1840.960  1931.072  1909.227  1832.768 | 1802.240 1835.008 1856.853 1802.240 | 1802.240 1835.008 1856.853 1802.240
 3600 | 5 5 5 6 |  3927.680  3731.072  3709.227  3862.144 | 3604.480 3670.016 3604.480 3670.016 | 3604.480 3670.016 3604.480 3670.016
 7200 | 5 5 6 6 |  7527.680  7331.072  8073.813  7462.144 | 7208.960 7208.960 7864.320 7340.032 | 7208.960 7208.960 7864.320 7340.032
"""  # noqa: E501  a table is read by its columns
ROWS = [[cell.split() for cell in row.split("|")] for row in TABLE.strip().splitlines()[1:]]


def milliseconds(text: str) -> int:
    return round(float(text) * 1000)


def in_milliseconds(duration_ns: int) -> int:
    return (duration_ns + 500_000) // 1_000_000


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][0])
def test_table_of_the_wheel(row: list[list[str]]) -> None:
    [seconds], levels, latest, spacings, cycles = row
    time_s = int(seconds)
    assert [clock.level(time_s * clock.hz) for clock in LINUX] == [int(level) for level in levels]
    lateness = [clock.lateness_ns(time_s * SECOND) for clock in LINUX]
    assert [in_milliseconds(time_s * SECOND + late) for late in lateness] == [milliseconds(text) for text in latest]
    assert [in_milliseconds(spacing_ns(clock, time_s)) for clock in LINUX] == [milliseconds(text) for text in spacings]
    if cycles:
        cycle = [in_milliseconds(answered_cycle_ns(clock, time_s, 75)) for clock in LINUX]
        assert cycle == [milliseconds(text) for text in cycles]


@pytest.mark.parametrize(
    ("intvl_s", "spacing"),
    [
        (1, 1024),
        (2, 2016),
        (3, 3072),
        (5, 5120),
        (7, 7168),
        (10, 10240),
        (11, 11008),
        (20, 20480),
        (25, 26624),
        (40, 40960),
        (45, 45056),
        (60, 61440),
        (75, 75776),
    ],
)
def test_spacings_measured_at_250_hz(intvl_s: int, spacing: int) -> None:
    assert in_milliseconds(spacing_ns(HZ_250, intvl_s)) == spacing


@pytest.mark.parametrize(
    ("time_s", "intvl_s", "cycle"), [(15, 1, 15104), (45, 7, 45056), (60, 20, 61440), (3, 8, 8192)]
)
def test_answered_cycles_measured_at_250_hz(time_s: int, intvl_s: int, cycle: int) -> None:
    assert in_milliseconds(answered_cycle_ns(HZ_250, time_s, intvl_s)) == cycle


@given(st.sampled_from(LINUX), st.integers(0, 1 << 40), st.integers(0, 10_000_000))
def test_wheel_is_late_by_at_most_its_boundary_and_never_early(clock: Clock, now: int, delta: int) -> None:
    fired = clock.fire(now, delta)
    boundary = 8 ** clock.level(delta)
    assert fired % boundary == 0
    assert 1 <= fired - (now + delta) <= boundary
    assert boundary <= max(1, delta * 8 / 63)


@pytest.mark.parametrize("clock", LINUX, ids=lambda clock: clock.name)
def test_levels_begin_where_the_kernel_says(clock: Clock) -> None:
    for level in range(1, clock.depth):
        assert clock.level(level_start(level) - 1) == level - 1
        assert clock.level(level_start(level)) == level


@pytest.mark.parametrize("clock", LINUX, ids=lambda clock: clock.name)
def test_beyond_its_reach_the_wheel_fires_at_its_end(clock: Clock) -> None:
    cutoff = level_start(clock.depth)
    assert clock.fire(0, 2 * cutoff) == clock.fire(0, cutoff) <= cutoff


def test_depth_of_the_wheel() -> None:
    assert [clock.depth for clock in LINUX] == [8, 9, 9, 9]


def test_exact_timer_fires_on_time() -> None:
    assert EXACT[1].fire(7, 60_000) == 60_007
    assert OLD_LINUX.lateness_ns(256 * SECOND) == SECOND + TICK_NS  # apply_slack: 1 / 256


@given(st.integers(0, 1 << 40), st.integers(0, 10_000_000))
def test_before_the_wheel_timers_were_late_by_their_slack(now: int, delta: int) -> None:
    """By 1/256 at most (timer.c apply_slack)."""
    fired = OLD_LINUX.fire(now, delta)
    expires, latest = now + delta, now + delta + delta // 256
    assert expires <= fired <= latest


@given(st.sampled_from(LINUX + EXACT), st.integers(0, 1 << 40))
def test_a_tick_begins_within_itself(clock: Clock, jiffies: int) -> None:
    assert clock.jiffies(clock.time_ns(jiffies)) == jiffies
    assert clock.jiffies(clock.time_ns(jiffies) - 1) == jiffies - 1


def test_decisions_of_the_timer() -> None:
    keepalive = Keepalive(time_s=60, intvl_s=10, probes=2)
    decisions = [on_tick(keepalive, 100, *state) for state in ((5999, 0), (6000, 0), (7000, 1), (8000, 2))]
    assert decisions == [Action.WAIT, Action.PROBE, Action.PROBE, Action.GIVE_UP]


def test_without_probes_the_timer_gives_up_unasked() -> None:
    assert on_tick(Keepalive(60, 10, probes=0), 100, 6000, 0) is Action.GIVE_UP


def test_user_timeout_is_not_looked_at_before_the_first_probe() -> None:
    keepalive = Keepalive(60, 10, 9, user_timeout_ms=1000)
    assert on_tick(keepalive, 100, 6000, 0) is Action.PROBE
    assert on_tick(keepalive, 100, 7000, 1) is Action.GIVE_UP


def life(keepalive: Keepalive, clock: Clock = HZ_250, **circumstances: int) -> list[tuple[What, int]]:
    """What happens from connect on, in milliseconds."""
    events = simulate(keepalive, clock, 0, 10_000 * SECOND, **circumstances)
    return [(event.what, in_milliseconds(event.time_ns)) for event in events]


def test_silent_peer() -> None:
    """The defaults: 7200 s, then nine probes and the RST, 9 * R(75) after the first."""
    events = life(Keepalive(7200, 75, 9))
    first = 7_208_960
    probes = [(What.PROBE, first + 75_776 * nth) for nth in range(9)]
    assert events == [*probes, (What.GIVE_UP, first + 681_984)]


def test_answered_probes_come_at_the_cycle() -> None:
    """The interval's timer runs on after the answer; the first boundary after idle time from it is the next probe."""
    events = life(Keepalive(60, 20, 3), rtt_ns=30_000_000, alive_until_ns=150 * SECOND)
    assert events[:4] == [
        (What.PROBE, 61_440),
        (What.ANSWER, 61_470),
        (What.PROBE, 122_880),
        (What.ANSWER, 122_910),
    ]
    assert [time for what, time in events if what is What.PROBE][2:] == [184_320, 204_800, 225_280]


def test_interval_longer_than_idle_time_rules_answered_cycles() -> None:
    events = life(Keepalive(3, 8, 3), rtt_ns=1_000_000, alive_until_ns=20 * SECOND)
    probes = [time for what, time in events if what is What.PROBE]
    assert probes[1] - probes[0] == pytest.approx(8196, abs=260)  # the first is on a finer boundary
    assert probes[2] - probes[1] == 8192


def test_traffic_postpones_the_probe_to_its_own_idle_time() -> None:
    events = list(simulate(Keepalive(15, 1, 6), HZ_250, 0, 16 * SECOND, heard_ns=[SECOND // 2]))
    assert [event.what for event in events] == [What.HEARD, What.PROBE]
    late = events[1].time_ns - events[0].time_ns - 15 * SECOND
    assert 0 < late <= HZ_250.granularity_ns(1)  # armed with the half second that was left


@pytest.mark.parametrize(
    ("time_s", "intvl_s", "count", "user_timeout_ms", "probes"),
    [
        (2, 3, 2, 4_000, 1),
        (2, 3, 2, 5_200, 2),
        (2, 3, 2, 12_000, 4),
        (2, 3, 2, 20_000, 6),
        (5, 1, 4, 3_000, 1),
        (5, 1, 4, 6_000, 1),
        (5, 1, 4, 6_100, 1),
        (60, 60, 3, 180_000, 2),
        (60, 10, 9, 1_000, 1),
        (120, 30, 9, 200_000, 3),
    ],
)
def test_user_timeout_replaces_the_count(
    time_s: int, intvl_s: int, count: int, user_timeout_ms: int, probes: int
) -> None:
    """Measured on Linux 6.18, the traps of NFS and py-amqp, and the capture user-timeout."""
    events = life(Keepalive(time_s, intvl_s, count, user_timeout_ms))
    assert [what for what, _ in events] == [What.PROBE] * probes + [What.GIVE_UP]
    assert events[-1][1] >= user_timeout_ms
