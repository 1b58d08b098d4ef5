"""What Prometheus reads."""

import urllib.request
from collections.abc import Iterator

import pytest

from analyzer.errors import OptionError
from analyzer.monitor.events import Event, Name
from analyzer.monitor.metrics import Metrics, endpoint
from analyzer.monitor.watcher import Watcher
from tests.monitor.live import told
from tests.monitor.test_watcher import LOST


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    one = Metrics("127.0.0.1:0")
    yield one
    one.close()


def exposed(metrics: Metrics) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics.port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def read(metrics: Metrics) -> dict[str, float]:
    lines = [line for line in exposed(metrics).splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_a_connection_that_was_lost_is_counted(metrics: Metrics) -> None:
    watcher = Watcher()
    metrics.tell(told(LOST, watcher=watcher))
    metrics.tell(
        [Event(0, Name.DROPS, None, None, (), {"dropped": 7}), Event(0, Name.DROPS, None, None, (), {"dropped": None})]
    )
    metrics.note(watcher)
    metrics.note(watcher)  # as after each batch of frames: a total is not added again
    seen = read(metrics)
    assert seen["ka_probes_sent_total"] == 4
    assert seen["ka_probes_answered_total"] == 2
    assert seen["ka_probes_unanswered_total"] == 2
    assert seen["ka_give_ups_total"] == 1
    assert seen["ka_capture_dropped_frames_total"] == 7
    assert seen['ka_flows{state="timed-out"}'] == 1
    assert seen['ka_flows{state="alive"}'] == 0
    assert seen["ka_probe_rtt_seconds_count"] == 2
    assert seen['ka_probe_rtt_seconds_bucket{le="0.005"}'] == 0
    assert seen['ka_probe_rtt_seconds_bucket{le="0.02"}'] == 2  # 10 ms
    assert seen["ka_capture_frames_total"] == 10
    assert seen["ka_flows_forgotten_total"] == 0
    watcher.forgotten_flows, watcher.let_go_flows = 3, 5
    metrics.note(watcher)
    metrics.note(watcher)
    seen_later = read(metrics)
    assert (seen_later["ka_flows_forgotten_total"], seen_later["ka_flows_let_go_total"]) == (3, 5)
    assert not any("_created" in name for name in seen)


def test_resets_have_their_cause(metrics: Metrics) -> None:
    fields = {"cause": "path-reset", "frame": 1, "answers": None}
    metrics.tell(
        [Event(0, Name.RESET, 0, 0, ("a", "b"), fields), Event(0, Name.RESET, 0, 0, ("a", "b"), {"cause": None})]
    )
    seen = read(metrics)
    assert (seen['ka_resets_total{cause="path-reset"}'], seen['ka_resets_total{cause="unknown"}']) == (1, 1)
    assert seen['ka_resets_total{cause="peer-lost-state"}'] == 0  # there from the begin


def test_this_host_alone_unless_an_address_is_given() -> None:
    assert endpoint("9475") == ("127.0.0.1", 9475)
    assert endpoint(":9475") == ("127.0.0.1", 9475)
    assert endpoint("0.0.0.0:9475") == ("0.0.0.0", 9475)
    assert endpoint("[::1]:9475") == ("::1", 9475)


@pytest.mark.parametrize("where", ["", "host", "host:port", "host:99999", "1.2.3.4:-1"])
def test_what_is_no_endpoint_is_refused(where: str) -> None:
    with pytest.raises(OptionError):
        endpoint(where)


def test_a_port_that_is_taken_is_said(metrics: Metrics) -> None:
    with pytest.raises(OptionError, match="in use"):
        Metrics(f"127.0.0.1:{metrics.port}")
