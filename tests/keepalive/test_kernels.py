"""Ends of one kernel: their boundaries agree at its clock rate, and then each tells more than it does alone."""

from collections.abc import Iterable
from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.jit import Engine
from analyzer.keepalive.bounds import INTVL, TIME
from analyzer.keepalive.heard import HeardEnd
from analyzer.keepalive.inference import SETTINGS, room
from analyzer.keepalive.kernels import Boundary, End, Observed, Together, Train, infer_together, is_within
from analyzer.keepalive.settings import Settings, infer
from analyzer.keepalive.timer import EXACT, LINUX, SECOND, Clock, Keepalive, What, simulate
from analyzer.schema import NEVER
from tests.keepalive.simulated import observe

HZ_100, HZ_250, HZ_300, HZ_1000 = LINUX


def end(
    number: int, keepalive: Keepalive, clock: Clock, seed: int = 0, address: str = "a", offset_ns: int = 0
) -> Observed:
    """An end that connects at some time, is answered for a while, and gives up; its kernel booted at `-offset_ns`."""
    random = Random(seed + number)
    start_ns = random.randrange(600 * SECOND)
    heard_ns = [start_ns + random.randrange(SECOND) for _ in range(2)]
    alive_ns = start_ns + random.choice([0, 3]) * keepalive.time_s * SECOND
    events = list(simulate(keepalive, clock, start_ns, 10**6 * SECOND, heard_ns, 40_000, alive_ns))
    own = [event.what in (What.PROBE, What.GIVE_UP) for event in events]
    instants = {
        frame: event.time_ns + offset_ns
        for frame, (event, is_own) in enumerate(zip(events, own, strict=True), 1)
        if is_own
    }
    gaps = observe(events, start_ns, 10**6 * SECOND)
    return Observed((number, 0), address, HeardEnd(gaps, is_whole=True), instants)


def together(*ends: Observed) -> Together:
    return infer_together(ends, Engine())


def many(clock: Clock, count: int, seed: int = 0, first: int = 0, **circumstances: object) -> list[Observed]:
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
    for number, (time_s, intvl_s) in enumerate(truths(seed, 8)):
        one = found.settings((number, 0))
        assert clock.name in one.models
        time, intvl = one.tcp_keepalive_time, one.tcp_keepalive_intvl
        assert time is not None
        assert time.low <= time_s <= (time.high or 0)
        assert intvl is None or intvl.low <= intvl_s <= (intvl.high or 0)
    for kernel in found.kernels:
        assert clock.hz in kernel.rates


def test_together_they_tell_more_than_alone() -> None:
    ends = many(HZ_250, 12)
    found = together(*ends)
    assert [kernel.rates for kernel in found.kernels] == [(250,)]
    alone = [infer(one.heard.gaps, is_whole=True) for one in ends]
    assert all(is_narrower(found.settings(one.end), own) for one, own in zip(ends, alone, strict=True))
    assert all(one.models == ("linux-250",) for one in map(found.settings, found.rows))
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
    assert together(*ends, lone).settings(lone.end) == infer(lone.heard.gaps, is_whole=True)


def ends_of(found: Together) -> list[set[End]]:
    return [set(kernel.ends) for kernel in found.kernels]


def test_two_kernels_behind_one_address_are_told_apart() -> None:
    """A NAT's address: both tick at 250 Hz, one 0.9 s out of step with the other."""
    ones, others = many(HZ_250, 9), many(HZ_250, 8, seed=5, first=20, offset_ns=900_000_000)
    found = together(*ones, *others)
    first, second = sorted(ends_of(found), key=min)
    assert first <= {one.end for one in ones}
    assert second <= {one.end for one in others}
    assert min(len(first), len(second)) > 5


def test_addresses_of_one_kernel_are_found() -> None:
    ones = [replace_address(one, "b") for one in many(HZ_1000, 9, first=20, seed=3)]
    found = together(*many(HZ_1000, 9), *ones)
    assert [set(kernel.addresses) for kernel in found.kernels] == [{"a", "b"}]


def replace_address(one: Observed, address: str) -> Observed:
    return one._replace(address=address)


def test_addresses_of_two_kernels_are_not() -> None:
    found = together(*many(HZ_1000, 9), *many(HZ_1000, 9, 3, 20, address="b", offset_ns=1_234_000_000))
    assert [kernel.addresses for kernel in found.kernels] == [("a",), ("b",)]


def test_exact_timers_have_no_boundaries_to_share() -> None:
    assert together(*many(EXACT[0], 8)).kernels == ()


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
        ((29, NEVER), (28, 31), False),
        ((29, NEVER), (28, NEVER), True),
        (None, (28, NEVER), False),
        ((29, 30), None, True),
    ],
)
@pytest.mark.parametrize("setting", [TIME, INTVL])
def test_knowledge_only_narrows(
    narrow: tuple[int, int] | None, wide: tuple[int, int] | None, expected: bool, setting: int
) -> None:
    """Bounds of either setting; nothing is known of the other."""
    _, _, found = room(2, 0, 0)
    for row in range(2 * SETTINGS):
        found.settings.basis[row] = NEVER
    for end, bounds in enumerate((narrow, wide)):
        if bounds is not None:
            row = SETTINGS * end + setting
            found.settings.basis[row], (found.settings.low_ms[row], found.settings.high_ms[row]) = 0, bounds
    assert is_within(found, 0, found, 1) is expected
