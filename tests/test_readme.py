"""What the READMEs show is what the program says, and their commands name things that exist."""

import os
import re
import subprocess
import sys

import pytest

from analyzer.cli.options import GROUPS
from analyzer.schema.export import FRAMES
from tests.documented import SHELLS, TABLES, visible
from tests.generated import BLOCKS, FILES, ROOT, Block, Whole

PAGES = sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.path)
def test_generated_block_is_up_to_date(block: Block) -> None:
    _, found, _ = block.split()
    assert found == block.wanted(), "run `make docs`"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_generated_file_is_up_to_date(file: Whole) -> None:
    assert (ROOT / file.path).read_text(encoding="utf-8") == file.wanted(), "run `make docs`"


def test_every_table_is_described() -> None:
    assert TABLES.keys() == FRAMES.keys()


@pytest.mark.needs("man")
def test_the_manual_is_one_to_man() -> None:
    page = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", str(ROOT / "docs/ka-analyze.1")],
        capture_output=True, text=True, check=True, env={**os.environ, "MANWIDTH": "100", "MANPAGER": "cat"},
    )  # fmt: skip
    assert page.stderr == ""
    assert "tcpdump -w - -s 128 tcp" in page.stdout
    for flags, _ in (record for group in GROUPS.values() for record in visible(group)):
        assert flags in page.stdout


@pytest.mark.needs("bash")
@pytest.mark.parametrize("shell", SHELLS)
def test_shells_complete(shell: str) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "analyzer"], capture_output=True, text=True, check=True, cwd=ROOT,
        env={**os.environ, "_KA_ANALYZE_COMPLETE": f"{shell}_source"},
    )  # fmt: skip
    assert f"_KA_ANALYZE_COMPLETE={shell}_complete" in made.stdout


def test_paths_complete_as_files_and_folders() -> None:
    """The shell is told to complete what only it can see."""
    for words, kind in (("ka-analyze ", "file"), ("ka-analyze --html ", "file"), ("ka-analyze --csv ", "dir")):
        variables = {"_KA_ANALYZE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        made = subprocess.run(
            [sys.executable, "-m", "analyzer"], capture_output=True, text=True, check=True, cwd=ROOT,
            env={**os.environ, **variables},
        )  # fmt: skip
        assert made.stdout.strip() == f"{kind},"


@pytest.mark.parametrize("path", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "samples/README.md", *PAGES])
def test_relative_links_lead_somewhere(path: str) -> None:
    text = (ROOT / path).read_text()
    for link in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text):
        assert ((ROOT / path).parent / link.partition("#")[0]).exists(), link
