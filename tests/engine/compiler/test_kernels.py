"""Which kernels go into the library: all that the sources run."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from analyzer.engine.compiler.kernels import all_kernels

PACKAGE = Path(__file__).parents[3] / "analyzer"


def run_by(source: Path) -> Iterator[str]:
    """Names of the kernels that a file hands to an engine."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and re.search("engine[.]run$", ast.unparse(node.func)):
            yield ast.unparse(node.args[0]).rpartition(".")[2]


def test_every_kernel_that_is_run_anywhere_is_noted() -> None:
    run = {name for source in PACKAGE.rglob("*.py") for name in run_by(source)}
    noted = {kernel.__name__ for kernel, _ in all_kernels()}
    assert len(run) > 35
    assert run - {"find"} <= noted  # the reader runs what it calls find: find_record, find_block
    assert {"find", "find_record", "find_block"} <= noted


def test_they_are_the_same_in_the_same_order_each_time() -> None:
    assert all_kernels() == all_kernels()
