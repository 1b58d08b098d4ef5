"""Ends of one kernel: their boundaries agree at its clock rate, and then each tells more than it does alone."""

from collections.abc import Iterable
from math import inf
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.engine.dispatch import Engine
from analyzer.keepalive.model.linux import EXACT, LINUX, SECOND, Clock, Keepalive, simulate
from analyzer.keepalive.settings.bounds import INTVL, TIME
from analyzer.keepalive.settings.infer import SETTINGS, allocate
from analyzer.keepalive.settings.shared_clock import Boundary, HostClock, Train, infer_together, is_within
from analyzer.keepalive.settings.values import Settings, settings_of
from analyzer.keepalive.story.values import Gap
from analyzer.schema import ABSENT
from tests.keepalive.columns import ObservedEnd, infer, observed_of
from tests.keepalive.simulated import observe

HZ_100, HZ_250, HZ_300, HZ_1000 = LINUX


class End(NamedTuple):
    address: str
    gaps: list[Gap]


class Together(NamedTuple):
    """What is found of some ends, in their order."""

    settings: list[Settings]
    host_clocks: tuple[HostClock, ...]


def end(number: int, keepalive: Keepalive, clock: Clock, seed: int = 0, address: str = "a", offset_ns: int = 0) -> End:
    """An end that connects at some time, is answered for a while, and gives up; its kernel booted at `-offset_ns`."""
    random = Random(seed + number)
    start_ns = random.randrange(600 * SECOND)
    heard_ns = [start_ns + random.randrange(SECOND) for _ in range(2)]
    alive_ns = start_ns + random.choice([0, 3]) * keepalive.time_s * SECOND
    events = list(simulate(keepalive, clock, start_ns, 10**6 * SECOND, heard_ns, 40_000, alive_ns))
    gaps = observe(events, start_ns, 10**6 * SECOND)
    moved = [gap._replace(at_ns=gap.at_ns + offset_ns) if gap.at_ns != ABSENT else gap for gap in gaps]
    return End(address, moved)


def together(*ends: End) -> Together:
    observed = observed_of([ObservedEnd(one.gaps, is_whole=True) for one in ends])
    found = infer_together(observed, len(ends), lambda row: ends[row].address, Engine())
    return Together([settings_of(found.found, row) for row in range(len(ends))], found.host_clocks)


def many(clock: Clock, count: int, seed: int = 0, first: int = 0, **circumstances: object) -> list[End]:
    random = Random(seed)
    return [
        end(
            first + number,
            Keepalive(random.randint(20, 900), random.randint(5, 75), random.randint(2, 9)),
            clock,
            seed,
            **circumstances,  # type: ignore[arg-type]
        )
        for number in range(count)
    ]


def truths(seed: int, count: int) -> Iterable[tuple[int, int]]:
    random = Random(seed)
    for _ in range(count):
        yield random.randint(20, 900), random.randint(5, 75)
        random.randint(2, 9)


@given(st.sampled_from(LINUX), st.integers(0, 1 << 20))
def test_many_ends_tell_the_clock_rate_and_no_bound_leaves_the_truth(clock: Clock, seed: int) -> None:
    found = together(*many(clock, 8, seed))
    for one, (time_s, intvl_s) in zip(found.settings, truths(seed, 8), strict=True):
        assert clock.name in one.models
        time, intvl = one.tcp_keepalive_time, one.tcp_keepalive_intvl
        assert time is not None
        assert time.low <= time_s <= (time.high or 0)
        assert intvl is None or intvl.low <= intvl_s <= (intvl.high or 0)
    for host_clock in found.host_clocks:
        assert clock.hz in host_clock.rates


def test_together_they_tell_more_than_alone() -> None:
    ends = many(HZ_250, 12)
    found = together(*ends)
    assert [host_clock.rates for host_clock in found.host_clocks] == [(250,)]
    alone = [infer(one.gaps, is_whole=True) for one in ends]
    assert all(is_narrower(one, own) for one, own in zip(found.settings, alone, strict=True))
    assert all(one.models == ("linux-250",) for one in found.settings)
    assert any(len(own.models) > 1 for own in alone)


def is_narrower(one: Settings, other: Settings) -> bool:
    pairs = (
        (one.tcp_keepalive_time, other.tcp_keepalive_time),
        (one.tcp_keepalive_intvl, other.tcp_keepalive_intvl),
    )
    return all(
        wide is None or (narrow is not None and narrow.low >= wide.low and (narrow.high or inf) <= (wide.high or inf))
        for narrow, wide in pairs
    )


def test_other_ends_change_nothing_for_an_end_of_another_address() -> None:
    ends, lone = many(HZ_250, 6), end(99, Keepalive(61, 7, 3), HZ_1000, address="b")
    assert together(*ends, lone).settings[-1] == infer(lone.gaps, is_whole=True)


def test_two_kernels_behind_one_address_are_told_apart() -> None:
    """A NAT's address: both tick at 250 Hz, one 0.9 s out of step with the other."""
    ones, others = many(HZ_250, 9), many(HZ_250, 8, seed=5, first=20, offset_ns=900_000_000)
    found = together(*ones, *others)
    first, second = sorted((host_clock.ends for host_clock in found.host_clocks), key=min)
    assert first <= set(range(len(ones)))
    assert second <= set(range(len(ones), len(ones) + len(others)))
    assert min(len(first), len(second)) > 5


def test_addresses_of_one_kernel_are_found() -> None:
    found = together(*many(HZ_1000, 9), *many(HZ_1000, 9, first=20, seed=3, address="b"))
    assert [set(host_clock.addresses) for host_clock in found.host_clocks] == [{"a", "b"}]


def test_addresses_of_two_kernels_are_not() -> None:
    found = together(*many(HZ_1000, 9), *many(HZ_1000, 9, 3, 20, address="b", offset_ns=1_234_000_000))
    assert [host_clock.addresses for host_clock in found.host_clocks] == [("a",), ("b",)]


def test_exact_timers_have_no_boundaries_to_share() -> None:
    assert together(*many(EXACT[0], 8)).host_clocks == ()


def test_a_probe_between_boundaries_cannot_have_been_late() -> None:
    period_ns = HZ_250.granularity_ns(3)
    train = Train(HZ_250, [Boundary(number * period_ns, 3, 0) for number in range(4)])
    assert train.ceiling(2 * period_ns, 0) > 3
    assert train.ceiling(2 * period_ns + HZ_250.granularity_ns(2), 0) == 2
    assert train.ceiling(2 * period_ns + 100_000_000, 0) == 1


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        ((29, 30), (28, 31), True),
        ((27, 30), (28, 31), False),
        ((29, 32), (28, 31), False),
        ((29, ABSENT), (28, 31), False),
        ((29, ABSENT), (28, ABSENT), True),
        (None, (28, ABSENT), False),
        ((29, 30), None, True),
    ],
)
@pytest.mark.parametrize("setting", [TIME, INTVL])
def test_knowledge_only_narrows(
    narrow: tuple[int, int] | None, wide: tuple[int, int] | None, expected: bool, setting: int
) -> None:
    """Bounds of either setting; nothing is known of the other."""
    found = [allocate(1, 0, 0)[2] for _ in range(2)]
    for one, bounds in zip(found, (narrow, wide), strict=True):
        for row in range(SETTINGS):
            one.settings.basis[row] = ABSENT
        if bounds is not None:
            one.settings.basis[setting], (one.settings.low_ms[setting], one.settings.high_ms[setting]) = 0, bounds
    assert is_within(*found, 0) is expected
