"""Object code that refers to nothing outside of itself: LLVM's loader ends the process at an unknown name."""

import gc
import resource
from array import array
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import pytest

from analyzer import compiling, machine_code
from analyzer.capture.headers import decode
from analyzer.capture.link import LINK_IPV4
from analyzer.capture.pcap import walk_pcap
from analyzer.columns import Table
from analyzer.compiling import object_code
from analyzer.diagnostics import Diagnostics
from analyzer.jit import apart
from analyzer.machine_code import Kernel
from analyzer.schema.packets import PACKETS, RECORDS


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
def test_the_code_stands_alone(kernel: Kernel, types: tuple[Any, ...]) -> None:
    symbol, code = object_code(kernel, types)
    assert symbol.encode() in code
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True, codemodel="jitdefault")
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    assert engine.get_function_address(symbol)


def test_an_error_of_arithmetic_is_an_error() -> None:
    assert machine_code.call(ratio, (array("q", [7]), 2)) == 3
    with pytest.raises(IndexError):
        machine_code.call(ratio, (array("q", [7]), 0))


def test_what_a_kernel_calls_checks_its_bounds_too() -> None:
    """The header kernel believes what the records say, and hands it to functions that read the buffer."""
    records, packets = Table(RECORDS), Table(PACKETS)
    records.append(0, 1000, 100, 100, LINK_IPV4)
    packets.reserve(2)
    with pytest.raises(IndexError):
        machine_code.call(decode, (bytearray(64), records.view, 1, 1, packets.view, Diagnostics().counts))


@apart
def reach(columns: Any, place: int) -> int:
    return columns[place]


def reach_twice(columns: Any, place: int) -> int:
    return reach(columns, place) + reach(columns, 0)


def test_what_is_apart_is_called_and_checks_its_bounds_too() -> None:
    """Only to the interpreter is the mark nothing."""
    reach.__module__ = "analyzer.made_up"  # only what the package itself has is compiled for a kernel
    code = object_code(reach_twice, ("q", int))[1]
    assert b"reach" in code.replace(b"reach_twice", b"")
    numbers = array("q", [7, 8])
    assert machine_code.call(reach_twice, (numbers, 1)) == reach_twice(numbers, 1) == 15
    with pytest.raises(IndexError):
        machine_code.call(reach_twice, (numbers, 2))


def leaf() -> None:
    pass


def descend(depth: int) -> None:
    for _ in range(500):
        leaf()
    if depth:
        descend(depth - 1)


def page_faults(function: Callable[..., None], *arguments: object) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    function(*arguments)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_no_call_takes_memory_from_the_system_each_time() -> None:
    """Somewhere in so deep a stack calls cross the end of one of the interpreter's pieces."""
    compiling._with_room(descend, 700)  # what is taken once
    assert page_faults(compiling._with_room, descend, 700) < 500


def test_garbage_is_looked_for_again() -> None:
    with compiling._no_look_for_garbage():
        assert not gc.isenabled()
    assert gc.isenabled()
