"""What compiled kernels read in a buffer is what the interpreter reads; outside of it is an error, also in a helper."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.engine.octets import copy, i64, u16, u16_little, u32, u32_little
from tests.engines import compiling

NATIVE = compiling()


def read_octet(buffer: Any, at: int) -> int:
    return buffer[at]


def read_u16(buffer: Any, at: int) -> int:
    return u16(buffer, at)


def read_u32(buffer: Any, at: int) -> int:
    return u32(buffer, at)


def read_i64(buffer: Any, at: int) -> int:
    return i64(buffer, at)


def read_u16_little(buffer: Any, at: int) -> int:
    return u16_little(buffer, at)


def read_u32_little(buffer: Any, at: int) -> int:
    return u32_little(buffer, at)


def write_octet(buffer: Any, at: int) -> int:
    buffer[at] = 0xFF
    return buffer[at]


KERNELS = {
    read_octet: 1,
    read_u16: 2,
    read_u32: 4,
    read_i64: 8,
    read_u16_little: 2,
    read_u32_little: 4,
    write_octet: 1,
}
"""How many octets each touches."""


def compiled(kernel: Callable[..., int], buffer: bytearray, at: int) -> int:
    return NATIVE.run(kernel, buffer, at)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)
@given(octets=st.binary(min_size=8, max_size=8))
def test_both_modes_read_the_same(kernel: Callable[..., int], octets: bytes) -> None:
    assert compiled(kernel, bytearray(octets), 8 - KERNELS[kernel]) == kernel(bytearray(octets), 8 - KERNELS[kernel])


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)
def test_outside_of_the_buffer_is_an_error(kernel: Callable[..., int]) -> None:
    """One octet too far, before the first, far away, and in a buffer that is too short for any place."""
    octets = KERNELS[kernel]
    for length, at in ((16, 17 - octets), (16, -1), (16, 2**62), (16, -(2**62)), (octets - 1, 0), (octets - 1, -1)):
        with pytest.raises(IndexError):
            compiled(kernel, bytearray(length), at)


def test_an_octet_is_written_where_the_interpreter_writes_it() -> None:
    buffer = bytearray(4)
    assert compiled(write_octet, buffer, 2) == 0xFF
    assert buffer == b"\0\0\xff\0"


def copy_octets(target: Any, at: int, source: Any, first: int, length: int) -> int:
    return copy(target, at, source, first, length)


@given(
    octets=st.binary(min_size=9, max_size=9), at=st.integers(0, 9), first=st.integers(0, 9), length=st.integers(0, 9)
)
def test_both_modes_copy_the_same(octets: bytes, at: int, first: int, length: int) -> None:
    length = min(length, 9 - at, 9 - first)
    targets = bytearray(9), bytearray(9)
    assert copy_octets(targets[0], at, bytearray(octets), first, length) == at + length
    assert NATIVE.run(copy_octets, targets[1], at, bytearray(octets), first, length) == at + length
    assert targets[0] == targets[1]
    assert targets[1][at : at + length] == octets[first : first + length]


@pytest.mark.parametrize(
    ("at", "first", "length"), [(0, 0, 10), (9, 0, 1), (0, 9, 1), (-1, 0, 1), (0, -1, 1), (0, 0, -1)]
)
def test_copying_ends_with_the_buffers(at: int, first: int, length: int) -> None:
    with pytest.raises(IndexError):
        NATIVE.run(copy_octets, bytearray(9), at, bytearray(9), first, length)
