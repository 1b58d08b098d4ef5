"""Every basis and clock has words, and they name what was seen."""

import pytest

from analyzer.keepalive.settings.values import Basis, Setting, Settings
from analyzer.report.words import setting_sentences
from tests.keepalive.made import exactly, ns, settings, within
from tests.report.words.test_sentences import each_basis, is_prose


def claim(basis: Basis, value: int | None = 30, high: float | None = 31, n: int = 3, spread_s: float = 0.5) -> Setting:
    return Setting(value, 30, high, n, basis, (ns(30.1), ns(30.1 + spread_s)), (7,))


@pytest.mark.parametrize("others", [settings(), settings(30, 10, 5, models=()), settings(models=("exact",))])
@each_basis
def test_basis_has_words(basis: Basis, others: Settings) -> None:
    for one in (claim(basis), claim(basis, value=None), claim(basis, high=None), claim(basis, n=1, spread_s=0)):
        assert is_prose(setting_sentences.observed(one, others))
        assert is_prose(setting_sentences.basis(one, others))


def test_bases_differ() -> None:
    assert len({setting_sentences.basis(claim(basis), settings()) for basis in Basis}) == len(Basis)


@pytest.mark.parametrize("basis", [Basis.FIRST_GAP, Basis.ANSWERED_CYCLE, Basis.SPACING])
def test_measured_bases_name_times_and_the_clock(basis: Basis) -> None:
    words = setting_sentences.basis(claim(basis), settings(models=("linux-250",)))
    assert all(one in words for one in ("30.10", "30.60", "3 times", "Linux", "250"))


def test_a_single_or_steady_time_is_said_once() -> None:
    assert "30.10 s idle" in setting_sentences.observed(claim(Basis.FIRST_GAP, n=1, spread_s=0), settings())
    assert "30.10 s, 3 times" in setting_sentences.observed(claim(Basis.FIRST_GAP, spread_s=0), settings())


def test_what_was_seen_often_has_commas() -> None:
    assert "30.10 s, 4,321 times" in setting_sentences.observed(claim(Basis.FIRST_GAP, n=4_321, spread_s=0), settings())


def test_give_up_mentions_the_user_timeout_only_where_it_fits() -> None:
    count = exactly(5, basis=Basis.GIVE_UP_COUNT)
    fitting = settings()._replace(tcp_user_timeout=within(72, 82))
    assert "user timeout between 72 and 82 s" in setting_sentences.basis(count, fitting)
    assert "user timeout" not in setting_sentences.basis(count, settings())


@pytest.mark.parametrize("models", [(), ("exact",), ("linux-100",), ("linux-100", "linux-250")])
def test_clock(models: tuple[str, ...]) -> None:
    words = setting_sentences.clock(settings(models=models))
    assert is_prose(words)
    for rate in (model.removeprefix("linux-") for model in models if model != "exact"):
        assert rate in words


def test_what_an_exact_timer_explains_as_well_is_not_called_late_but_never_early() -> None:
    words = setting_sentences.clock(settings(models=("linux-100", "linux-250", "exact")))
    assert is_prose(words)
    assert "never early" not in words
    assert "Hz" not in words
