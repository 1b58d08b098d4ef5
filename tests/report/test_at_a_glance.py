"""The first lines of the report: conclusions with what to do, then groups, whatever the width."""

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console, Group

from analyzer.analysis import Analysis, analyze
from analyzer.keepalive import assembler
from analyzer.keepalive.summary import groups
from analyzer.keepalive.summary.conclusions import MOST_SHOWN
from analyzer.keepalive.verdict.values import Outcome
from analyzer.report import at_a_glance
from analyzer.report.words import conclusion_sentences

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def fifty() -> Analysis:
    """Fifty connections through a NAT that forgets after 300 s; the first probes of 24 come too late."""
    return analyze(str(SAMPLES / "nat-fifty-300/capture.pcap"))


def lines(parts: object, width: int) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width, highlight=False, emoji=False, markup=False).print(Group(*parts))  # type: ignore[misc]
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_the_answer_comes_first(fifty: Analysis) -> None:
    words = " ".join(lines(at_a_glance.conclusions(fifty), 120))
    assert words.startswith(" The path to 198.51.100.2:9000 forgets a connection after 300 s of silence")
    assert "24 of 50 connections" in words
    assert "→ Set tcp_keepalive_time to 200 s or less" in words


def test_a_fix_stands_below_its_conclusion_on_lines_of_its_own(fifty: Analysis) -> None:
    shown = lines(at_a_glance.conclusions(fifty), 80)
    arrow = next(number for number, line in enumerate(shown) if line.startswith("→ "))
    assert all(line.startswith("  ") for line in shown[arrow + 1 : shown.index("", arrow)])


def test_no_more_than_three_are_shown_and_the_rest_is_counted(fifty: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    one = fifty.conclusions[0]
    monkeypatch.setattr(fifty, "conclusions", (one,) * (MOST_SHOWN + 2))
    words = " ".join(lines(at_a_glance.conclusions(fifty), 1000))
    assert words.count(conclusion_sentences.text(one)) == MOST_SHOWN
    assert "and 2 more" in words


def test_groups_are_rows_where_there_is_room(fifty: Analysis) -> None:
    shown = lines(at_a_glance.groups(fifty, None), 120)
    assert shown[1] == "All 50 connections: 24 timed out, 26 alive."
    assert [line.split()[0] for line in shown[3:]] == ["24", "26"]
    assert "time/intvl/probes" in shown[2]


def test_and_two_lines_each_where_there_is_not(fifty: Analysis) -> None:
    shown = lines(at_a_glance.groups(fifty, None), 80)
    assert [line.split()[0] for line in shown[2:]] == ["24", "198.51.100.2:9000", "26", "198.51.100.2:9000"]


@pytest.mark.parametrize("width", [80, 120, 160])
@pytest.mark.parametrize("sample", ["nat-fifty-300", "port-overrides", "closed-at-random"])
def test_nothing_is_wider_than_the_terminal(sample: str, width: int) -> None:
    analysis = analyze(str(SAMPLES / sample / "capture.pcap"))
    shown = [*lines(at_a_glance.conclusions(analysis), width), *lines(at_a_glance.groups(analysis, None), width)]
    assert max(map(cell_len, shown)) <= width


def test_a_choice_of_connections_is_called_one(fifty: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of fifty connections twenty are examined, ten of which died: that is not ten of fifty."""
    assert not any("choice" in line for line in lines(at_a_glance.groups(fifty, None), 120))
    monkeypatch.setattr(assembler, "MOST_SAMPLED", 20)
    monkeypatch.setattr(groups, "MOST_GROUPED", 20)
    some = analyze(str(SAMPLES / "nat-fifty-300/capture.pcap"))
    said = " ".join(lines(at_a_glance.conclusions(some), 500))
    assert "10 of 20 examined connections died of it" in said
    assert "Conclusions and groups rest on a choice of 20 connections." in lines(at_a_glance.groups(some, None), 120)


def test_plain_connections_are_counted_and_not_grouped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST_GROUPED", 1)
    some = analyze(str(SAMPLES / "half-closed-forgotten-8/capture.pcap"))
    assert "3 of 4 connections show keepalive, trouble or a long silence:" in lines(at_a_glance.groups(some, None), 120)


def test_only_the_outcomes_that_are_asked_for(fifty: Analysis) -> None:
    shown = lines(at_a_glance.groups(fifty, frozenset([Outcome.ALIVE])), 120)
    assert [line.split()[0] for line in shown[3:]] == ["26"]


def test_no_column_for_settings_where_nobody_probes() -> None:
    analysis = analyze(str(SAMPLES / "closed-at-random/capture.pcap"))
    assert not any("intvl" in line for line in lines(at_a_glance.groups(analysis, None), 160))
