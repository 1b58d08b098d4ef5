"""Object code that refers to nothing outside of itself but what every C library has."""

import subprocess
from array import array
from pathlib import Path
from typing import Any

import pytest

from analyzer.capture.decode.headers import decode
from analyzer.capture.decode.link import LINK_IPV4
from analyzer.capture.files.pcap import walk_pcap
from analyzer.diagnostics import Diagnostics
from analyzer.engine.compiler.build import link
from analyzer.engine.compiler.codegen import object_code
from analyzer.engine.dispatch import not_inlined
from analyzer.engine.native import Kernel, levels_built, symbol_of
from analyzer.engine.table import Table
from analyzer.schema.packets import PACKETS, RECORDS
from tests.engines import chosen, compiling

NATIVE = compiling()


def ratio(columns: Any, by: int) -> int:
    """Needs what numba's runtime would give: a division that may fail."""
    return columns[0] // by


@pytest.mark.parametrize(
    ("kernel", "types"),
    [
        (walk_pcap, (b"", int, int, "q", RECORDS, int)),
        (decode, (b"", RECORDS, int, int, PACKETS, "q")),
        (ratio, ("q", int)),
    ],
    ids=["walk_pcap", "decode", "ratio"],
)
@pytest.mark.needs("nm")
def test_the_code_stands_alone(kernel: Kernel, types: tuple[Any, ...], tmp_path: Path) -> None:
    for level, code in zip(levels_built(), object_code(kernel, types, levels_built()), strict=True):
        file, library = tmp_path / f"{level}.o", tmp_path / f"{level}.so"
        file.write_bytes(code)
        link((file,), library)
        told = subprocess.run(["nm", "-D", library], check=True, capture_output=True, text=True).stdout
        symbols = [line.split() for line in told.splitlines()]
        assert {words[-1] for words in symbols if words[-2] == "U"} <= {"memcpy", "memset", "memmove"}
        assert [words[-1] for words in symbols if words[-2] == "T"] == [symbol_of(kernel, types)]


def test_an_error_of_arithmetic_is_an_error() -> None:
    assert NATIVE.run(ratio, array("q", [7]), 2) == 3
    with pytest.raises(IndexError):
        NATIVE.run(ratio, array("q", [7]), 0)


def test_what_a_kernel_calls_checks_its_bounds_too() -> None:
    """The header kernel believes what the records say, and hands it to functions that read the buffer."""
    records, packets = Table(RECORDS), Table(PACKETS)
    records.append(0, 1000, 100, 100, LINK_IPV4)
    packets.reserve(2)
    with pytest.raises(IndexError):
        chosen(is_native=True).run(decode, bytearray(64), records.view, 1, 1, packets.view, Diagnostics().counts)


@not_inlined
def reach(columns: Any, place: int) -> int:
    return columns[place]


def reach_twice(columns: Any, place: int) -> int:
    return reach(columns, place) + reach(columns, 0)


def test_what_is_apart_checks_its_bounds_too() -> None:
    """Only to the interpreter is the mark nothing."""
    reach.__module__ = "analyzer.made_up"  # only what the package itself has is compiled for a kernel
    numbers = array("q", [7, 8])
    assert NATIVE.run(reach_twice, numbers, 1) == reach_twice(numbers, 1) == 15
    with pytest.raises(IndexError):
        NATIVE.run(reach_twice, numbers, 2)
