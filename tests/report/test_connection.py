"""One connection of an analysis."""

from pathlib import Path

import analyzer

NAT = Path(__file__).parents[2] / "samples/nat-forgets-one-of-two/capture.pcap"


def test_a_connection_has_its_own_rows() -> None:
    nat = analyzer.analyze(NAT)
    one = nat.flow(0)
    assert len(one.probes) == 4
    assert one.ends.loc[0, "tcp_keepalive_time"] == 14
    assert set(one.segments["frame"]) < set(nat.segments["frame"])
    assert one.headline in repr(one)
    assert one.sentences
    assert one.reasons
