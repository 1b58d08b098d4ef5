"""Frames of several interfaces in order of time."""

from analyzer.capture.live.merge import Frames, Merger
from analyzer.engine.table import Table
from analyzer.schema.packets import RECORDS


def block(*frames: tuple[int, bytes]) -> tuple[bytes, Table]:
    records = Table(RECORDS)
    buffer = b"--"
    for ts_ns, octets in frames:
        records.append(ts_ns, len(buffer), len(octets), 99, 1)
        buffer += octets
    return buffer, records


def contents(batch: Frames) -> list[tuple[int, int, bytes]]:
    view = batch.records.view
    return [
        (view.ts_ns[row], number, bytes(batch.buffer[view.offset[row] : view.offset[row] + view.captured_len[row]]))
        for row, number in enumerate(batch.interfaces)
    ]


def test_an_answer_that_is_handed_over_first_comes_second() -> None:
    merger = Merger()
    merger.add(*block((20, b"answer"), (40, b"more")), 1)
    merger.add(*block((10, b"question")), 0)
    assert contents(merger.take(30)) == [(10, 0, b"question"), (20, 1, b"answer")]
    assert contents(merger.take(30)) == []
    assert contents(merger.take(41)) == [(40, 1, b"more")]


def test_what_one_interface_saw_at_the_same_instant_stays_in_its_order() -> None:
    merger = Merger()
    merger.add(*block((10, b"a"), (10, b"b"), (10, b"c")), 0)
    assert [octets for _, _, octets in contents(merger.take(11))] == [b"a", b"b", b"c"]


def test_lengths_and_link_types_come_along() -> None:
    merger = Merger()
    merger.add(*block((10, b"a")), 0)
    view = merger.take(11).records.view
    assert (view.wire_len[0], view.link_type[0], view.captured_len[0]) == (99, 1, 1)


def test_what_is_held_moves_with_a_clock_that_is_set() -> None:
    merger = Merger()
    merger.add(*block((40, b"later"), (20, b"earlier")), 0)
    merger.move(lambda ts_ns: ts_ns - 15)
    assert contents(merger.take(6)) == [(5, 0, b"earlier")]
    assert contents(merger.take(26)) == [(25, 0, b"later")]
