"""Silences of a path: as many as there were, known limits beside them, no name over another."""

import pytest

from analyzer.report.charts.silences import _is_in
from tests.report.charts.drawing import overlapping, sample, words


@pytest.mark.parametrize("name", ["nat-forgets-one-of-two", "defaults-answered-hz250", "grid-hz100"])
def test_counts_are_in_the_title(name: str) -> None:
    a = sample(name)
    results = a.silences["result"].value_counts()
    ax = a.plot.silences()
    assert f"{results['survived']} survived, {results['failed']} failed" in words(ax)[-1]
    assert overlapping(ax) == []


def test_axes_have_names() -> None:
    ax = sample("nat-fifty-300").plot.silences()
    assert words(ax)[-1].startswith("Silences of 198.51.100.2:9000")
    assert ax.get_xlabel() == "silence: so long without any segment"
    assert [one.get_text().split()[0] for one in ax.get_yticklabels()] == ["failed", "50", "survived"]
    assert "limits that boxes are shipped with" in words(ax)


def test_survived_ones_are_above_and_failed_ones_below() -> None:
    a = sample("nat-fifty-300")  # the NAT forgets after 300 s (truth.toml)
    marks = {one.get_label(): one.get_offsets() for one in a.plot.silences().collections}
    survived, failed = marks["a silence that it survived"], marks["one that it did not"]
    assert max(x for x, _ in survived) < 300 < min(x for x, _ in failed)
    assert min(y for _, y in survived) > 0.5 > max(y for _, y in failed)


def test_one_path_of_several() -> None:
    a = sample("nat-forgets-one-of-two")
    assert "198.51.100.2:9000" in words(a.plot.silences("198.51.100.2:9000"))[-1]


@pytest.mark.parametrize(
    ("service", "path", "is_in"),
    [
        ("10.0.0.1:443", "10.0.0.1:443", True),
        ("10.0.0.1:443", "10.0.0.1:44", False),
        ("10.0.0.1:443", "10.0.0.0/24", True),
        ("10.0.1.1:443", "10.0.0.0/24", False),
        ("[2001:db8::1]:443", "2001:db8::/64", True),
        ("[2001:db8:1::1]:443", "2001:db8::/64", False),
        ("10.0.0.1:443", "2001:db8::/64", False),
    ],
)
def test_services_of_a_network(service: str, path: str, is_in: bool) -> None:
    assert _is_in(service, path) is is_in


def test_without_silences_it_says_so() -> None:
    assert any("no silence" in word for word in words(sample("peer-alive-8-2-4").plot.silences()))
