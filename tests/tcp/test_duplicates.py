"""What recent segments looked like, whatever a capture is cut into."""

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.many.tables import arrays, take
from analyzer.schema import ABSENT, KIND_TCP, UNSEEN
from analyzer.schema.packets import PACKETS
from analyzer.tcp.duplicates import Recent


def packets(*segments: tuple[int, ...]) -> Table:
    """Segments as time in ns, SEG.SEQ, and perhaps a tunnel."""
    made = Table(PACKETS)
    for ts_ns, seq, *tunnel in segments:
        values = {"ts_ns": ts_ns, "kind": KIND_TCP, "seq": seq, "ports": 5 << 16 | 80, "tunnel": sum(tunnel)}
        made.append(*(values.get(name, 0) for name in PACKETS._fields))
    return made


def since(recent: Recent, table: Table) -> list[int]:
    recent.recognise(table, Engine())
    return [int(one) for one in arrays(table).since_ns]


def test_what_looks_the_same_is_recognised() -> None:
    assert since(Recent(), packets((10, 1), (20, 2), (25, 1), (27, 1))) == [UNSEEN, UNSEEN, 15, 2]


def test_in_a_tunnel_it_is_another_segment() -> None:
    assert since(Recent(), packets((10, 1), (11, 1, 7), (12, 1), (13, 1, 7))) == [UNSEEN, UNSEEN, 2, 2]
    assert since(Recent(), packets((10, 1, 7), (11, 1, 8))) == [UNSEEN, ABSENT]


def test_two_captures_remember_together_what_one_would() -> None:
    first, second = [(10 * n, n % 7) for n in range(50)], [(1000 + 10 * n, n % 5) for n in range(9)]
    whole, before, later = Recent(), Recent(), Recent()
    since(whole, packets(*first, *second))
    since(before, packets(*first))
    since(later, packets(*second))
    before.overlay(take(later.table, arrays(later.table).fingerprint != 0), Engine())
    assert before.table.octets == whole.table.octets
