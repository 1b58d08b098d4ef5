"""Silences of a path: as many as there were, known limits beside them, no name over another."""

import pytest

from analyzer.report.library import Analysis
from tests.keepalive.tags.test_tag import OPENED
from tests.report.charts.drawing import overlapping, sample, words
from tests.transcript import analyse, transcript


@pytest.mark.parametrize("name", ["nat-forgets-one-of-two", "defaults-answered-hz250", "grid-hz100"])
def test_counts_are_in_the_title(name: str) -> None:
    a = sample(name)
    results = a.silences["result"].value_counts()
    ax = a.plot.silences()
    assert f"{results['survived']:,} survived, {results['failed']:,} failed" in words(ax)[-1]
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


IDLE_FOR_A_MINUTE = f"""{OPENED}
    61.00  A>B  PA  seq 1100  ack 5000  len 5
    61.01  B>A  A   seq 5000  ack 1105
"""


@pytest.mark.parametrize(
    ("ipv6", "path", "is_in"),
    [
        (False, "10.0.0.2:80", True),
        (False, "10.0.0.2:8", False),
        (False, "10.0.0.0/24", True),
        (False, "10.0.1.0/24", False),
        (True, "fd00::/64", True),
        (True, "fd00:0:0:1::/64", False),
        (False, "fd00::/64", False),
    ],
)
def test_services_of_a_network(ipv6: bool, path: str, is_in: bool) -> None:
    """10.0.0.2:80, or [fd00::2]:80."""
    a = Analysis(analyse(transcript(IDLE_FOR_A_MINUTE, ipv6, hops={"B": 5})))
    assert any("no silence" in word for word in words(a.plot.silences(path))) is not is_in


def test_without_silences_it_says_so() -> None:
    assert any("no silence" in word for word in words(sample("peer-alive-8-2-4").plot.silences()))
