"""Counters of a live analysis for Prometheus.

Names follow its conventions; there is no label that the network could fill with values without end.
"""

import time
from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    start_http_server,
)

from analyzer.errors import OptionError
from analyzer.keepalive.verdict.values import Cause, Outcome
from analyzer.monitor.events import Event, Name
from analyzer.monitor.watcher import Watcher

TALLIED_S = 1.0
"""Interval at which connections are counted by state: of 30,000 that takes 3 ms."""
HOST = "127.0.0.1"
RTT_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


def endpoint(text: str) -> tuple[str, int]:
    """Return the address and port of ADDR:PORT, [ADDR]:PORT, :PORT or PORT; without an address this host alone."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if colon else ""
    if not port.isdecimal() or int(port) > 65535:
        raise OptionError(f"--metrics {text}: give ADDR:PORT, for example {HOST}:9475")
    return host or HOST, int(port)


class Metrics:
    """Listens at an address from the beginning; `tell` counts events, `note` publishes what the watcher holds."""

    def __init__(self, where: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations
        self._registry = registry = CollectorRegistry()
        self._flows = Gauge("ka_flows", "Connections by state", ["state"], registry=registry)
        self._probes = Counter("ka_probes_sent", "Keepalive probes seen", registry=registry)
        self._answered = Counter("ka_probes_answered", "Probes that were answered", registry=registry)
        self._unanswered = Counter("ka_probes_unanswered", "Probes that were not answered in time", registry=registry)
        self._give_ups = Counter("ka_give_ups", "Connections that a prober gave up", registry=registry)
        self._resets = Counter("ka_resets", "Connections reset, by cause", ["cause"], registry=registry)
        self._rtt = Histogram("ka_probe_rtt_seconds", "Probe to answer", buckets=RTT_S, registry=registry)
        self._dropped = Counter("ka_capture_dropped_frames", "Frames that the kernel dropped", registry=registry)
        self._frames = Counter("ka_capture_frames", "Frames captured", registry=registry)
        self._forgotten = Counter("ka_flows_forgotten", "Connections given up to bound memory", registry=registry)
        self._let_go = Counter("ka_flows_let_go", "Connections let go some time after they ended", registry=registry)
        self._tallied_s = -TALLIED_S
        self._noted_frames = self._noted_forgotten = self._noted_let_go = 0
        for outcome in Outcome:
            self._flows.labels(outcome.value)
        for cause in Cause:
            self._resets.labels(cause.value)
        host, port = endpoint(where)
        try:
            self._server, _ = start_http_server(port, host, registry)
        except OSError as error:
            raise OptionError(f"--metrics {where}: {error.strerror}") from error

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def tell(self, events: Iterable[Event]) -> None:
        for event in events:
            match event.name:
                case Name.KEEPALIVE_PROBE:
                    self._probes.inc()
                case Name.KEEPALIVE_ANSWER:
                    self._answered.inc()
                    self._rtt.observe(event.fields["delay_s"])
                case Name.PROBE_UNANSWERED:
                    self._unanswered.inc()
                case Name.GIVE_UP:
                    self._give_ups.inc()
                case Name.RESET:
                    self._resets.labels(event.fields["cause"] or "unknown").inc()
                case Name.DROPS:
                    self._dropped.inc(event.fields["dropped"] or 0)

    def note(self, watcher: Watcher) -> None:
        if time.monotonic() - self._tallied_s >= TALLIED_S:
            self._tallied_s = time.monotonic()
            states = Tally(one.reported.outcome[0] for one in watcher.watched)
            for outcome in Outcome:
                self._flows.labels(outcome.value).set(states[outcome])
        frames, forgotten = watcher.analyzer.frames, watcher.forgotten_flows
        self._frames.inc(frames - self._noted_frames)
        self._forgotten.inc(forgotten - self._noted_forgotten)
        self._let_go.inc(watcher.let_go_flows - self._noted_let_go)
        self._noted_frames, self._noted_forgotten, self._noted_let_go = frames, forgotten, watcher.let_go_flows

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
