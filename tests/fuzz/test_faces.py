"""Every face with something hostile in every string that is shown as it came: nothing of it is obeyed anywhere."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from analyzer.analysis import Analysis, analyze
from analyzer.diagnostics import CODES, Diagnostic
from analyzer.report import library, terminal
from analyzer.report.json import document
from analyzer.report.words import plain_words
from tests.recordings import FOLDER

SCRIPT = "<script>alert(1)</script>"
OBEYED = (
    f"=cmd|'/c calc'!A1{SCRIPT}\"><img src=x onerror=alert(1)>{{{{7*7}}}}{{% raw %}}"
    "$\\frac{1$]]></style>[red]../../etc/passwd"
)
"""A formula, elements, a template, mathematics that is none, markup, a path."""
HOSTILE = f"{OBEYED}\x1b]0;owned\x07\x1b[31m\x9b2J\u202e\r\n"
"""And sequences that terminals obey; where names of files stand, which are the user's."""
SAMPLES = ("nc-30-10-5", "unreachable", "port-overrides", "vxlan-8-2-4")


@pytest.fixture(params=SAMPLES)
def analysis(request: pytest.FixtureRequest) -> Analysis:
    """Addresses stay: they are numbers in a capture and made into text here."""
    found = analyze(str(FOLDER / request.param / "capture.pcap"))
    found.capture = replace(found.capture, files=(HOSTILE,), formats=(OBEYED,), link_types=(OBEYED,))
    found.diagnostics = (*found.diagnostics, *(Diagnostic(code, 3, 7, HOSTILE) for code in CODES))
    flows = []
    for flow in found.flows:
        ends = [end._replace(matches=(OBEYED,)) for end in flow.ends]
        flows.append(flow._replace(tunnel=OBEYED, ends=(ends[0], ends[1])))
    found.__dict__["flows"] = tuple(flows)
    return found


class Elements(HTMLParser):
    """The elements of a page, with the attributes that could do something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def test_the_page_has_no_element_from_the_capture(analysis: Analysis, tmp_path: Path) -> None:
    library.Analysis(analysis).write_html(str(tmp_path / "page.html"), 10)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    elements = Elements()
    elements.feed(page)
    assert SCRIPT not in page
    assert "{{7*7}}" in page
    assert not elements.handlers
    assert elements.found.count("script") == 2
    assert "img" not in elements.found
    assert "\x1b" not in page


def test_a_notebook_shows_words_only(analysis: Analysis) -> None:
    shown = library.Analysis(analysis)._repr_html_()
    assert SCRIPT not in shown
    assert "<img" not in shown


def test_no_cell_is_a_formula(analysis: Analysis, tmp_path: Path) -> None:
    library.Analysis(analysis).write_csv(str(tmp_path))
    seen = 0
    for path in sorted(tmp_path.glob("*.csv")):
        for row in csv.reader(path.read_text(encoding="utf-8").splitlines()):
            for cell in row:
                seen += "cmd|" in cell
                assert cell.isprintable()
                assert cell[:1] not in {"=", "@", "\t", "\r"}
                assert cell[:1] not in {"+", "-"} or _is_number(cell)
    assert seen


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "draw",
    [lambda found: terminal.report(found, 10), lambda found: terminal.timelines(found, found.flows[:1], 1)],
    ids=["report", "timeline"],
)
@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_terminal_gets_words_only(draw: Callable[[Analysis], Any], is_terminal: bool, analysis: Analysis) -> None:
    console = Console(
        file=io.StringIO(), width=100, force_terminal=is_terminal, color_system=None, markup=False, emoji=False
    )
    with console.capture() as captured:
        console.print(draw(analysis))
    assert all(line.isprintable() for line in captured.get().split("\n"))


def test_json_keeps_what_there_is_as_text(analysis: Analysis) -> None:
    """It is data: programs get it as it is, and escaped so that no terminal obeys it."""
    whole = "".join(document.document(analysis))
    assert json.loads(whole)["capture"]["files"] == [HOSTILE]
    assert all(line.isprintable() for line in whole.split("\n"))


def test_comments_are_words(analysis: Analysis) -> None:
    from analyzer.report.wireshark.annotate import comments, conclusions

    for said in (*comments(analysis).values(), conclusions(analysis)):
        assert all(one.isprintable() for one in said)


def test_no_file_is_named_by_the_capture(analysis: Analysis, tmp_path: Path) -> None:
    shown = library.Analysis(analysis)
    shown.write_csv(str(tmp_path / "tables"))
    shown.write_plots(str(tmp_path / "plots"), 3)
    names = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert names
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz_-.0123456789") for name in names)
    assert plain_words.overall(analysis.flows).isprintable()
