"""The same for programs."""

import pytest

import analyzer
from analyzer.errors import CaptureError
from analyzer.monitor.events import Name
from analyzer.monitor.session import Stop
from tests.recordings import FOLDER


def test_events_of_a_capture() -> None:
    events = list(analyzer.watch(captures=[str(FOLDER / "nc-30-10-5" / "capture.pcap")]))
    assert [event.name for event in events].count(Name.KEEPALIVE_PROBE) == 5
    assert events[0].name is Name.FLOW_OPEN


def test_it_may_be_closed_at_any_time() -> None:
    events = analyzer.watch(captures=[str(FOLDER / "nc-30-10-5" / "capture.pcap")], stop=Stop(frames=20))
    assert next(events).name is Name.FLOW_OPEN
    events.close()


def test_an_interface_that_is_none_is_said_at_once() -> None:
    with pytest.raises(CaptureError, match="nosuch0"):
        analyzer.watch("nosuch0")
