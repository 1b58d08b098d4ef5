"""Many ends at once: interpreted and compiled alike, each as it would be alone, whatever a capture may hold."""

from random import Random

import pytest

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import rows_of
from analyzer.keepalive.model.linux import LINUX, SECOND, Keepalive, simulate
from analyzer.keepalive.settings.bounds import FIRST_GAP
from analyzer.keepalive.settings.infer import inferred, is_lone_guess, replace_end
from analyzer.keepalive.settings.values import Basis, Settings, settings_of
from analyzer.keepalive.story.values import Echo, Gap, GapKind
from analyzer.schema.results import INFERRED_SETTINGS
from tests.engines import chosen
from tests.keepalive.columns import ObservedEnd, observed_of, settings_of_end
from tests.keepalive.simulated import gap, observe

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind


def lives(count: int, seed: int = 0) -> list[list[Gap]]:
    """The gaps of ends with random settings."""
    random, some = Random(seed), []
    for _ in range(count):
        keepalive = Keepalive(random.randint(1, 400), random.randint(1, 90), random.randint(1, 9))
        start_ns, span_ns = random.randrange(600 * SECOND), 9 * (keepalive.time_s + keepalive.intvl_s) * SECOND
        heard_ns = [start_ns + random.randrange(span_ns) for _ in range(3)]
        alive_ns = start_ns + random.randrange(span_ns)
        events = simulate(keepalive, random.choice(LINUX), start_ns, start_ns + span_ns, heard_ns, 40_000, alive_ns)
        gaps = observe(events, start_ns, start_ns + span_ns, random.choice([0, 0, 40_000_000]))
        some.append([one for one in gaps if random.random() < 0.9])
    return some


def settings(some: list[list[Gap]], engine: Engine) -> list[Settings]:
    ends = [ObservedEnd(gaps, is_whole=number % 2 == 0) for number, gaps in enumerate(some)]
    columns = inferred(observed_of(ends), len(ends), engine)
    return [settings_of(columns, end) for end in range(len(ends))]


def test_compiled_answers_are_those_of_the_interpreter() -> None:
    some = lives(512)
    assert settings(some, chosen(is_native=True)) == settings(some, Engine())


def test_many_ends_at_once_are_explained_as_each_alone() -> None:
    """Among them one that never probed, one whose gaps contradict each other, and one far away with its doubts."""
    contradiction = [gap(FIRST, 61), gap(SPACING, 82, 20.9, 1), gap(SPACING, 103, 11.6, 2), gap(SPACING, 103, 45.1, 3)]
    far = [gap(FIRST, 61, lag_s=0.03), gap(CYCLE, 61.4, 61.44, lag_s=0.03), gap(SPACING, 120, 10.3, 1, lag_s=0.03)]
    some = [*lives(40, seed=1), [gap(SURVIVED, 100)], [], contradiction, far]
    together = settings(some, Engine())
    for number in range(0, len(some), 2):
        assert settings(some[number : number + 1], Engine()) == together[number : number + 1]
    intvl = together[-2].tcp_keepalive_intvl
    assert intvl is not None
    assert intvl.basis is Basis.CONTRADICTORY


def test_nothing_asked_nothing_answered() -> None:
    assert settings([], Engine()) == []


@pytest.mark.parametrize("far_ns", [(1 << 63) - 1, 1 << 60, 290 * 366 * 86_400 * SECOND])
def test_durations_of_centuries_do_not_leave_64_bits(far_ns: int) -> None:
    """As in captures whose clock was set; compiled sums would wrap, and columns hold no more."""
    far = [Gap(kind, 1, far_ns, far_ns, far_ns, 3, far_ns, far_ns, 16, echo=echo) for kind in GapKind for echo in Echo]
    some = [far * 9, *[[one] * 3 for one in far]]
    some *= 1 + 512 // len(some)
    assert settings(some, chosen(is_native=True)) == settings(some, Engine())


@pytest.mark.parametrize(
    ("lacks", "time", "intvl", "probes"), [(0, (60, 57), (20, 19), (2, 2)), (20, (None, 0), (None, 0), (None, 2))]
)
def test_a_single_gap_where_frames_are_missing_may_be_several(
    lacks: int, time: tuple[int | None, int], intvl: tuple[int | None, int], probes: tuple[int | None, int]
) -> None:
    gaps = [one._replace(is_numbered=False) for one in (gap(FIRST, 61.44), gap(GIVE_UP, 102.4, 20.48, 2))]
    found = settings_of_end(ObservedEnd(gaps, is_whole=True, lacks=lacks))
    for setting, expected in (
        (found.tcp_keepalive_time, time),
        (found.tcp_keepalive_intvl, intvl),
        (found.tcp_keepalive_probes, probes),
    ):
        assert setting is not None
        assert (setting.value, setting.low) == expected
    assert found.tcp_keepalive_probes is not None
    assert (found.tcp_keepalive_probes.high is None) == bool(lacks)


def test_what_is_found_of_an_end_may_be_replaced() -> None:
    """Each by what was found of another one; all others, and what proves them, stay what they are."""
    some = lives(12, seed=3)
    one, other = (
        inferred(observed_of([ObservedEnd(gaps) for gaps in half]), 6, Engine(), more=6)
        for half in (some[:6], some[6:])
    )
    before, others = ([settings_of(found, end) for end in range(6)] for found in (one, other))
    for end in (4, 1):
        replace_end(one, end, other, 5 - end)
    assert [settings_of(one, end) for end in range(6)] == [
        others[5 - end] if end in (4, 1) else before[end] for end in range(6)
    ]


@pytest.mark.parametrize(
    ("value", "low_ms", "n", "is_guess"),
    [
        (60, 1_000, 1, True),  # one silence of 60 s, in which any number of probes may be missing
        (60, 30_000, 1, False),  # one, at most
        (60, 1_000, 2, False),  # seen again
        (-1, 1_000, 1, False),
    ],
)
def test_one_silence_within_wide_bounds_gives_no_value(value: int, low_ms: int, n: int, is_guess: bool) -> None:
    settings = rows_of(INFERRED_SETTINGS, 1)
    settings.basis[0], settings.value[0], settings.low_ms[0], settings.n[0] = FIRST_GAP, value, low_ms, n
    assert is_lone_guess(settings, 0) == is_guess
