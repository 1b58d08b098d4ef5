"""What became of settings: captures of the forward model, in which each connection has settings that are known."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from scapy.layers.inet import TCP

from analyzer.analysis import Analysis, analyze
from analyzer.keepalive.summary.changes import Place, Standing, changes, standing
from analyzer.report.interchange.forging import PEER, forge
from tests.capture.writers import pcap_bytes

OLD, NEW = (120, 30, 5), (60, 10, 3)
CLIENTS = Place(f"{PEER[0]}:{PEER[1]}", is_server=False)


def capture(path: Path, settings: Iterable[tuple[int, int, int]]) -> Analysis:
    """Write a capture of connections with these settings, each from a port of its own, and analyse it."""
    frames = []
    for number, (time, intvl, probes) in enumerate(settings):
        for packet in forge(time, intvl, probes):
            segment = packet[TCP]
            ports = {PEER[1]: PEER[1]}
            segment.sport = ports.get(segment.sport, 40_000 + number)
            segment.dport = ports.get(segment.dport, 40_000 + number)
            frames.append((round(packet.time * 10**9) + number * 1_000_000, bytes(packet)))
    path.write_bytes(pcap_bytes(sorted(frames), nano=True))
    return analyze(str(path))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Analysis, Analysis]:
    folder = tmp_path_factory.mktemp("changes")
    before = capture(folder / "before.pcap", [OLD] * 5)
    return before, capture(folder / "after.pcap", [NEW] * 7 + [OLD, (200, 20, 4)])


def test_the_new_settings_are_in_force_on_most(found: tuple[Analysis, Analysis]) -> None:
    before, after = found
    [change] = changes(before.flows, after.flows)
    assert (change.place, change.connections) == (CLIENTS, (5, 9))
    assert (change.before, change.after, change.is_change) == (OLD, NEW, True)
    assert change.standings == {Standing.NEW: tuple(range(7)), Standing.OLD: (7,), Standing.OTHER: (8,)}


def test_nothing_changed(found: tuple[Analysis, Analysis]) -> None:
    before, after = found
    for one in (before, after):
        [change] = changes(one.flows, one.flows)
        assert (change.is_change, change.standings) == (False, {})
        assert change.before == change.after


def test_a_place_where_nobody_probes_any_more(found: tuple[Analysis, Analysis]) -> None:
    before, _ = found
    [change] = changes(before.flows, ())
    assert (change.connections, change.is_change, change.after) == ((5, 0), False, (None, None, None))
    assert changes((), ()) == []


def test_bounds_that_admit_both_show_nothing(found: tuple[Analysis, Analysis]) -> None:
    settings = found[0].flows[0].ends[0].settings
    assert standing(settings, OLD, (120, 30, None)) is Standing.EITHER
    assert standing(settings, OLD, NEW) is Standing.OLD
    assert standing(settings, NEW, OLD) is Standing.NEW
    assert standing(settings, NEW, (1, 1, 1)) is Standing.OTHER
