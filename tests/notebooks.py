"""Runs the notebooks: `python -m tests.notebooks` puts their outputs into them, test_notebooks.py checks them."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def run(path: Path) -> NotebookNode:
    """The notebook with its outputs, as a person gets them who opens it in its folder; raises where a cell does."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}})
    return client.execute()


if __name__ == "__main__":
    for one in NOTEBOOKS:
        made = run(one)
        for cell in made.cells:
            cell.metadata.pop("execution", None)  # when it was run is of no interest, and would differ each time
        nbformat.write(made, one)
