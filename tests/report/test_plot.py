"""Charts by name."""

from pathlib import Path

import pytest

import analyzer

NAT = Path(__file__).parents[2] / "samples/nat-forgets-one-of-two/capture.pcap"


@pytest.mark.parametrize("flow", [-1, 2, "10.9.9.9:1"])
@pytest.mark.parametrize("chart", ["timeline", "candidates"])
def test_no_such_connection_is_the_same_error_in_a_chart(chart: str, flow: int | str) -> None:
    with pytest.raises(IndexError, match="there is no connection"):
        getattr(analyzer.analyze(NAT).plot, chart)(flow)
