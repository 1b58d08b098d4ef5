"""How the parts of the terminal report are laid out."""

import io

import pytest
from rich.console import Console, RenderableType
from rich.constrain import Constrain
from rich.text import Text

from analyzer.report.layout import PROSE_WIDTH, Prose, SideBySide, headed, marked, prose, table


def lines(shown: RenderableType, width: int) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width, highlight=False, emoji=False, markup=False).print(shown)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_prose_is_indented_and_no_wider_than_reads_well() -> None:
    shown = lines(prose("word " * 60), 200)
    assert all(line.startswith("    word") and len(line) <= PROSE_WIDTH for line in shown)


@pytest.mark.parametrize(
    ("words", "width", "expected"),
    [
        ("it takes 6 s or more", 10, ["it takes", "6 s or", "more"]),
        ("within 27.7 ms: all", 11, ["within", "27.7 ms:", "all"]),
        ("look: `ka-analyze --sysctl …` prints it", 24, ["look:", "`ka-analyze --sysctl …`", "prints it"]),
        ("sent 8 times in all", 10, ["sent", "8 times in", "all"]),
        ("4 connections", 12, ["4", "connections"]),
        (
            "handshake ─ idle 5.00 s ─▶ probe ✗ ×2 ─ 2.02 s ─▶ RST",
            30,
            ["handshake", "─ idle 5.00 s ─▶ probe ✗ ×2", "─ 2.02 s ─▶ RST"],
        ),
        ("mid-stream ─▶ probe ✓ ─▶ end of capture", 30, ["mid-stream ─▶ probe ✓", "─▶ end of capture"]),
    ],
)
def test_what_belongs_together_stays_on_a_line(words: str, width: int, expected: list[str]) -> None:
    assert lines(Constrain(Prose(words)), width) == expected
    assert lines(Constrain(Prose(words)), 100) == [words]


def test_styles_stay_where_they_are() -> None:
    styled = Prose("it takes 6 s or more", "bold")
    styled.stylize("red", 9, 12)
    [_, line, _] = styled.wrap(Console(width=10), 10)
    assert (line.plain.strip(), line.style) == ("6 s or", "bold")
    assert [(span.start, span.end) for span in line.spans] == [(0, 3)]


@pytest.mark.parametrize(("width", "expected"), [(20, ["left   right"]), (10, ["left", "    right"])])
def test_two_texts_share_a_line_where_there_is_room(width: int, expected: list[str]) -> None:
    assert lines(SideBySide(Text("left"), Text("right"), "   "), width) == expected


def test_a_paragraph_hangs_behind_its_mark() -> None:
    assert lines(marked([("→", "one two three")]), 11) == ["→ one two", "  three"]


def test_a_table_obeys_no_markup_of_the_capture() -> None:
    made = table("a", "b")
    made.add_row("[red]x", ":smile:")
    assert lines(made, 40) == ["a       b", "[red]x  :smile:"]


def test_a_heading_stands_above_its_table() -> None:
    made = table("a")
    made.add_row("1")
    assert [line for part in headed("What", made) for line in lines(part, 40)] == ["", "What", "a", "1"]
