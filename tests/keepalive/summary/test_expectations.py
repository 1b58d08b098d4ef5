"""Expected settings against those of connections: who is held to which, what excludes what, and the numbers of that."""

from collections.abc import Sequence

import pytest

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.settings.values import Basis, Setting
from analyzer.keepalive.summary.expectations import (
    INTVL,
    PROBES,
    TIME,
    Expectation,
    Unmet,
    compared,
    confidence_of,
    includes,
    needs_all,
    numbers_of,
)
from analyzer.keepalive.verdict.values import Confidence
from tests.keepalive.made import Made, flow, ns, probing, settings, within


def silent(low_s: int, silence_s: int, number: int = 0) -> Flow:
    """A connection that survived a silence in which nobody probed; its client's idle time is at least `low_s`."""
    found = Setting(None, low_s, None, 1, Basis.SURVIVED_GAPS, (ns(silence_s), ns(silence_s)), (12,))
    return flow(Made().traffic(silence_s), number, found=settings(found))


def unmet(expectation: Expectation, *flows: Flow, is_strict: bool = False) -> list[Unmet]:
    return [one for end in compared([expectation], flows, is_strict) for one in end.unmet]


@pytest.mark.parametrize(
    ("number", "is_included"), [(57, False), (58, True), (59, True), (60, True), (61, False)], ids=str
)
def test_bounds_are_inclusive(number: int, is_included: bool) -> None:
    assert includes(within(58, 60, value=60), number) == is_included


def test_without_upper_bound_only_less_is_excluded() -> None:
    assert includes(within(58, None), 7200)
    assert not includes(within(58, None), 57)


def test_an_end_that_shows_nothing_is_not_compared() -> None:
    assert not list(compared([Expectation({TIME: 60})], [flow(), silent(134, 151)]))
    [only] = compared([Expectation({TIME: 60})], [flow(), probing(settings(60), 1)])
    assert (only.flow.id, only.end.address, only.unmet) == (1, "10.0.0.1", ())


def test_an_expectation_that_another_replaces_concerns_an_end_but_does_not_count() -> None:
    wide, narrow = Expectation({TIME: 30}), Expectation({TIME: 60}, port=443)
    [only] = compared([wide, narrow], [probing(settings(60))])
    assert (only.concerning, only.expectations, only.unmet) == ((wide, narrow), (narrow,), ())


def test_what_is_not_confirmed_is_unmet_strictly_but_not_excluded() -> None:
    vague = probing(settings(within(58, 61, value=60)))
    assert unmet(Expectation({TIME: 61}), vague) == []
    [one] = unmet(Expectation({TIME: 61}), vague, is_strict=True)
    assert (one.name, one.expected, one.is_excluded) == (TIME, 61, False)


@pytest.mark.parametrize(("time_s", "port", "all_count"), [(9, 443, True), (9, None, False), (10, 443, False)])
def test_silences_that_are_not_notable_count_for_short_times_at_a_place(
    time_s: int, port: int | None, all_count: bool
) -> None:
    """A silence is notable from 10 s on."""
    assert needs_all([Expectation({TIME: time_s}, port=port)]) == all_count


def test_numbers_of_values_and_bounds() -> None:
    found = unmet(
        Expectation({TIME: 60, INTVL: 10, PROBES: 3}),
        probing(settings(within(7168, 7200, value=7200), 75, 9)),
        probing(settings(within(7100, 7300, value=7200), within(70, None), 3), 1),
    )
    assert numbers_of(found) == {
        "time_expected_s": 60, "time_on": 2, "time_s": 7200, "time_low_s": 7100, "time_high_s": 7300,
        "intvl_expected_s": 10, "intvl_on": 2, "intvl_low_s": 70,
        "probes_expected": 3, "probes_on": 1, "probes": 9, "probes_low": 9, "probes_high": 9,
    }  # fmt: skip


def test_numbers_of_silences() -> None:
    found = unmet(Expectation({TIME: 30}, port=443), silent(134, 151), silent(300, 340, 1))
    assert numbers_of(found) == {"due_s": 30, "silent_on": 2, "silent_s": 340}


@pytest.mark.parametrize(
    ("flows", "sure"),
    [
        ([probing(settings(7200))], Confidence.CERTAIN),
        ([silent(134, 151)], Confidence.LIKELY),
        ([silent(134, 151), probing(settings(7200), 1)], Confidence.CERTAIN),
    ],
    ids=["probes", "silence", "both"],
)
def test_a_silence_is_less_sure_than_probes(flows: Sequence[Flow], sure: Confidence) -> None:
    """A capture may have missed probes."""
    assert confidence_of(unmet(Expectation({TIME: 30}, address="10.0.0.1"), *flows)) is sure
