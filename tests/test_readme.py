"""What the READMEs show is what the program says, and their commands name things that exist."""

import re

import pytest

from tests.generated import BLOCKS, ROOT, Block


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.path)
def test_generated_block_is_up_to_date(block: Block) -> None:
    _, found, _ = block.split()
    assert found == block.wanted(), "run `make docs`"


@pytest.mark.parametrize("path", ["README.md", "samples/README.md"])
def test_relative_links_lead_somewhere(path: str) -> None:
    text = (ROOT / path).read_text()
    for link in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text):
        assert ((ROOT / path).parent / link).exists(), link
