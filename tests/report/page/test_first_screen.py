"""The first screen: what the capture says, what to do, groups, and the chart that shows why."""

import re
from pathlib import Path

import pytest

import analyzer
from analyzer.keepalive.summary.conclusions import ConclusionCode
from analyzer.report.page import first_screen
from analyzer.report.page.first_screen import OF_A_PATH, OF_A_SERVICE, with_code
from tests.report.charts.drawing import sample, words
from tests.report.page.test_page import Page, page_of

SAMPLES = Path(__file__).parents[3] / "samples"
WHY = {
    "nat-fifty-300": "Silences of 198.51.100.2:9000",
    "path-forgets-10-drops": "Silences of ",
    "nat-forgets-one-of-two": "#0  timed out",
    "gunicorn-closes-after-2": "Idle times at ",
    "haproxy-closes-after-5-7-9": "Idle times at ",
    "peer-silent-9-2-4": "#0  timed out",
    "peer-rebooted-7-3-5": "#0  ",
    "unreachable-host-7-2-4": "#0  unreachable",
    "half-closed-forgotten-8": "#",
    "nat-gives-another-port-responder": "#",
}


@pytest.mark.parametrize("name", WHY)
def test_the_chart_shows_why(name: str) -> None:
    why = first_screen.why(sample(name))
    assert why is not None
    ax = why.wide
    title = words(ax)[-1]
    assert " ".join(title.split()).startswith(" ".join(WHY[name].split()))
    assert ax.get_xlabel()
    assert (why.flow is not None) == title.startswith("#")
    assert (why.path is not None) == title.startswith("Silences")


def test_where_nothing_was_idle_there_is_no_chart() -> None:
    a = sample("nginx-closes-at-once")
    codes = [one.code for one in a.findings.conclusions]
    assert codes == [ConclusionCode.NOTHING_IDLE]
    assert first_screen.why(a) is None


def test_conclusions_are_of_one_kind() -> None:
    assert not OF_A_PATH & OF_A_SERVICE


def test_what_is_to_be_typed_is_code_and_nothing_else_is_markup() -> None:
    assert with_code("<b> `ka-analyze --advice` 5 s, 12 min") == (
        "&lt;b&gt; <code>ka-analyze --advice</code> 5\N{NO-BREAK SPACE}s, 12\N{NO-BREAK SPACE}min"
    )


@pytest.fixture(scope="module")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return page_of(SAMPLES / "nat-fifty-300/capture.pcap", tmp_path_factory.mktemp("fifty"))


def test_conclusions_then_fixes_then_groups_then_the_chart(fifty: Page) -> None:
    a, text = analyzer.analyze(SAMPLES / "nat-fifty-300/capture.pcap"), fifty.text
    first = a.conclusions.iloc[0]
    order = [
        first["text"], first["fix"].replace("`", "").split(":")[0], "Connections that fared alike", "Why",
        "Silences of 198.51.100.2:9000", "Each mark is a silence", "What happened", "Why we say so", "Hosts that probe",
    ]  # fmt: skip
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_groups_have_all_connections_and_lead_to_some(fifty: Page) -> None:
    groups = fifty.source[fifty.source.index('id="groups"') : fifty.source.index('id="why"')]
    counts = [int(one) for one in re.findall(r'<td class="n"><b>(\d+)</b>', groups)]
    assert sum(counts) == 50
    assert 'href="#flow-0"' in groups


def test_the_first_screen_needs_no_script(fifty: Page) -> None:
    assert fifty.source.index('id="why"') < fifty.source.index("<script")
    assert "<noscript" not in fifty.source[: fifty.source.index('id="why"')]


def test_a_chart_stands_on_the_page_once(fifty: Page, tmp_path: Path) -> None:
    assert fifty.text.count("Silences of 198.51.100.2:9000: ") == 4  # for eyes and for screen readers, wide and narrow
    one = page_of(SAMPLES / "peer-silent-9-2-4/capture.pcap", tmp_path)
    assert next(attributes["id"] for tag, attributes in one.elements if tag == "svg") == "why"
    assert not [
        attributes for tag, attributes in one.elements if tag == "svg" and "timeline" in (attributes["id"] or "")
    ]
    assert "Its timeline is above ." in one.text


def test_charts_have_a_role_and_a_title(fifty: Page) -> None:
    charts = [attributes for tag, attributes in fifty.elements if tag == "svg"]
    assert all(one["role"] == "img" for one in charts)
    assert "24 were not, the shortest after 30" in fifty.text  # what a screen reader says of the silences
    titles = {attributes.get("id") for tag, attributes in fifty.elements if tag == "title"}
    assert all((one["aria-labelledby"] or "").split()[0] in titles for one in charts)
