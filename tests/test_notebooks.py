"""The notebooks run, use the public face only, and come with the outputs that they have."""

import ast
from pathlib import Path

import nbformat
import pytest

from tests.notebooks import NOTEBOOKS, run

MAY_IMPORT = {"analyzer", "dpkt", "matplotlib.pyplot", "pandas", "pathlib", "pickle", "scapy.all", "tempfile"}

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def kinds(cell: nbformat.NotebookNode) -> list[list[str]]:
    """What a code cell puts out: kinds of data, or the name of a stream."""
    return [sorted(one.get("data", {one.get("name", one.output_type): ""})) for one in cell.outputs]


@pytest.mark.slow
@each_notebook
# The kernel is told a key over its own loopback connection; how it is spoken to is no business of ours.
@pytest.mark.filterwarnings("default")
def test_it_runs_and_its_outputs_are_shipped(path: Path) -> None:
    shipped = nbformat.read(path, as_version=4)
    made = run(path)
    cells = list(zip(shipped.cells, made.cells, strict=True))
    for before, after in cells:
        if before.cell_type == "code":
            assert kinds(before) == kinds(after), "run `make notebooks`"
    assert any("image/png" in kind for before, _ in cells if before.cell_type == "code" for kind in kinds(before))


@each_notebook
def test_only_the_public_face(path: Path) -> None:
    source = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    for node in ast.walk(ast.parse(source)):
        assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            assert set(names) <= MAY_IMPORT
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_")


def test_numbers_are_told_as_the_prose_has_them() -> None:
    """The one sentence that the third notebook is about."""
    cells = nbformat.read(NOTEBOOKS[2], as_version=4).cells
    outputs = [output.data["text/plain"] for cell in cells for output in cell.get("outputs", ()) if "data" in output]
    assert "75.776" in outputs
