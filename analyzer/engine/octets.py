"""Numbers in a buffer, for kernels: results are Python ints or int64, whatever the buffer holds."""

from collections.abc import Sequence
from typing import Any


def u16(buffer: Sequence[int], at: int) -> int:
    return buffer[at] * 256 + buffer[at + 1]


def u32(buffer: Sequence[int], at: int) -> int:
    return ((buffer[at] * 256 + buffer[at + 1]) * 256 + buffer[at + 2]) * 256 + buffer[at + 3]


def i64(buffer: Any, at: int) -> int:
    """Read eight octets as a signed value, so that addresses fit a signed column."""
    high = u32(buffer, at)
    return (high - ((high & 0x80000000) << 1)) * 4294967296 + u32(buffer, at + 4)


def u16_little(buffer: Sequence[int], at: int) -> int:
    return buffer[at + 1] * 256 + buffer[at]


def u32_little(buffer: Sequence[int], at: int) -> int:
    return ((buffer[at + 3] * 256 + buffer[at + 2]) * 256 + buffer[at + 1]) * 256 + buffer[at]


def copy(target: Any, at: int, source: Any, first: int, length: int) -> int:
    """Copy `length` octets of `source` from `first` on into `target` at `at`; return the place behind them."""
    target[at : at + length] = source[first : first + length]
    return at + length


def half(buffer: Sequence[int], at: int, is_big: int) -> int:
    """Read 16 bits in the byte order of whoever wrote them."""
    return u16(buffer, at) if is_big else u16_little(buffer, at)


def word(buffer: Sequence[int], at: int, is_big: int) -> int:
    """Read 32 bits in the byte order of whoever wrote them."""
    return u32(buffer, at) if is_big else u32_little(buffer, at)
