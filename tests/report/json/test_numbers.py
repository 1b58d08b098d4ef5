"""What kernels write is what Python writes: json.dumps, strftime, inet_ntop. Interpreted and compiled."""

import json
import socket
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.capture.decode.packets import address
from analyzer.report.json import numbers
from analyzer.report.units import iso, plain, seconds
from tests.engines import compiling

ROOM = 64
LONGEST_NS = 2**63 - 1
NATIVE = compiling()

durations = st.one_of(
    st.integers(0, LONGEST_NS),
    st.integers(0, 10**6),
    st.integers(0, 63).flatmap(lambda bits: st.integers(0, 2**bits - 1)),
    st.builds(
        lambda whole, unit: whole * unit % LONGEST_NS, st.integers(0), st.sampled_from([10**n for n in range(12)])
    ),
    st.builds(lambda bits, off: min(10**9 * 2**bits + off, LONGEST_NS), st.integers(0, 33), st.integers(0, 10**9)),
    st.builds(
        lambda bits, part: min(10**9 * 2**bits + 10**9 * part // 128, LONGEST_NS),
        st.integers(22, 33),
        st.integers(0, 127),
    ),
)
signed = st.integers(-(2**63), 2**63 - 1)
halves = st.tuples(st.one_of(st.just(0), signed), st.one_of(st.integers(0, 2**16), st.integers(0, 2**49), signed))


def written(write: Callable[..., int], *values: int) -> str:
    """What both modes write, which must be one and the same."""
    interpreted, compiled = bytearray(ROOM), bytearray(ROOM)
    length = write(interpreted, 1, *values)
    assert NATIVE.run(write, compiled, 1, *values) == length
    assert interpreted == compiled
    assert not interpreted[0]
    assert not any(interpreted[length:])
    return interpreted[1:length].decode()


@given(signed)
@example(0)
@example(-(2**63) + 1)
@example(2**63 - 1)
def test_integers(value: int) -> None:
    if value != -(2**63):
        assert written(numbers.write_integer, value) == str(value)


@given(durations)
@example(999)
@example(1_000)
@example(1_000_001)
@example(LONGEST_NS)
def test_counts_have_commas(value: int) -> None:
    assert written(numbers.write_count, value) == f"{value:,}"


@given(durations)
@example(0)
@example(99_999)
@example(100_000)
@example(2**23 * 10**9)
@example(2**33 * 10**9 + 7_812_500)
@example(LONGEST_NS)
def test_seconds_are_those_of_json(duration_ns: int) -> None:
    assert written(numbers.write_seconds, duration_ns) == json.dumps(seconds(duration_ns))


@given(st.integers(0, 2**43))
def test_bounds_are_written_plainly(thousandths: int) -> None:
    assert written(numbers.write_thousandths, thousandths) == plain(thousandths / 1000)


@given(st.integers(0, LONGEST_NS // 2))
@example(2_994_999_999)
@example(2_995_000_000)
def test_hundredths_are_rounded_half_up(duration_ns: int) -> None:
    whole, part = divmod((duration_ns + 5_000_000) // 10_000_000, 100)
    assert written(numbers.write_hundredths, duration_ns) == f"{whole}.{part:02d}"


@given(st.integers(0, LONGEST_NS))
@example(951_782_400 * 10**9)
@example(951_868_799 * 10**9)
@example(4_107_542_400 * 10**9 - 1)
@example(1_709_164_800 * 10**9)
def test_instants(time_ns: int) -> None:
    assert written(numbers.write_instant, time_ns) == iso(time_ns)


@given(halves)
@example((0, 0))
@example((0, 1))
@example((0, 0x0102_0304))
@example((0, 0x1_0000))
@example((0, 0xFFFF_0A00_0001))
@example((0x2001_0DB8_0000_0000, 1))
@example((0x2001_0DB8_0000_0001, 1))
@example((0x2001_0000_0000_0001, 0x0000_0000_0001_0001))
@example((0x0001_0000_0000_0002, 0x0000_0000_0003_0000))
@example((-1, -65536))
def test_addresses(parts: tuple[int, int]) -> None:
    assert written(numbers.write_address, *parts) == address(*parts)


@pytest.mark.parametrize("pattern", range(256))
def test_addresses_with_zeros_anywhere(pattern: int) -> None:
    groups = [0xA0 + place if pattern >> place & 1 else 0 for place in range(8)]
    octets = b"".join(group.to_bytes(2, "big") for group in groups)
    halves = (int.from_bytes(octets[at : at + 8], "big", signed=True) for at in (0, 8))
    assert written(numbers.write_address, *halves) == socket.inet_ntop(socket.AF_INET6, octets)
