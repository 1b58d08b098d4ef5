"""Numbers in a buffer, against struct."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from analyzer.engine.octets import copy, i64, u16, u16_little, u32, u32_little


@given(st.binary(min_size=9, max_size=9))
def test_numbers_are_those_of_struct(octets: bytes) -> None:
    assert u16(octets, 1) == struct.unpack_from("!H", octets, 1)[0]
    assert u32(octets, 1) == struct.unpack_from("!I", octets, 1)[0]
    assert i64(octets, 1) == struct.unpack_from("!q", octets, 1)[0]
    assert u16_little(octets, 1) == struct.unpack_from("<H", octets, 1)[0]
    assert u32_little(octets, 1) == struct.unpack_from("<I", octets, 1)[0]


def test_copying() -> None:
    target = bytearray(b"abcdef")
    assert copy(target, 1, b"123", 1, 2) == 3
    assert target == b"a23def"
