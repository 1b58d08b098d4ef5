"""Which differences between the kernel and the capture mean something."""

from analyzer.monitor.crosscheck import Crosscheck, disagreement
from analyzer.monitor.events import Name
from analyzer.monitor.forecast import Count, Forecast, Span
from analyzer.monitor.sockets import KernelTimer, OwnSockets
from analyzer.monitor.watcher import Watcher
from tests.monitor.live import at, told
from tests.monitor.test_watcher import ALIVE

SECOND = 10**9


def timer(name: str = "keepalive", unanswered: int = 0) -> KernelTimer:
    return KernelTimer(name, 0, unanswered, None)


def expecting(latest_s: float, unanswered: int = 0) -> Forecast:
    return Forecast(unanswered, Count(9, "inferred"), Span(0, round(latest_s * SECOND)), None)


def code(timer: KernelTimer, remaining_s: float, forecast: Forecast) -> str | None:
    found = disagreement(timer, round(remaining_s * SECOND), forecast, 0)
    return found.code if found else None


def test_agreement_says_nothing() -> None:
    assert code(timer(), 29, expecting(30)) is None


def test_a_timer_that_fires_too_early_only_looks_at_the_clock() -> None:
    assert code(timer(), 3, expecting(30)) is None


def test_a_timer_that_fires_later_than_the_next_probe_contradicts() -> None:
    assert code(timer(), 75, expecting(30)) == "later-than-expected"


def test_a_probe_that_is_overdue_says_nothing_of_the_timer() -> None:
    assert code(timer(), 75, expecting(-1)) is None


def test_unanswered_probes_that_the_capture_has_not_shown() -> None:
    assert code(timer(unanswered=4), 9, expecting(10, unanswered=2)) == "more-unanswered"
    assert code(timer(unanswered=3), 9, expecting(10, unanswered=2)) is None  # one may just have been sent


def test_no_timer_while_probes_go_unanswered() -> None:
    assert code(timer("off"), 0, expecting(10, unanswered=1)) == "no-timer"
    assert code(timer("off"), 0, expecting(10)) is None


def test_while_data_is_in_flight_keepalive_is_suspended() -> None:
    assert code(timer("retransmit"), 99, expecting(10)) is None


class Fixed(OwnSockets):
    """Sockets as they are said to be."""

    def __init__(self, fires_ns: int) -> None:
        super().__init__()
        self.reason = None
        self._timers = {("10.0.0.1", 40000, "10.0.0.2", 80): KernelTimer("keepalive", fires_ns, 0, "ssh (7)")}


def test_a_disagreement_is_an_event_once() -> None:
    watcher = Watcher()
    told(ALIVE, watcher=watcher)
    crosscheck = Crosscheck(Fixed(fires_ns=2 * SECOND + 500 * SECOND))
    [event] = crosscheck.events(watcher, at("61"), 2 * SECOND)
    assert (event.name, event.flow, event.end) == (Name.SETTINGS, 0, 0)
    assert event.fields["kernel"] == {"timer": "keepalive", "fires_s": 500.0, "unanswered": 0, "process": "ssh (7)"}
    assert event.fields["disagreement"]["code"] == "later-than-expected"
    assert list(crosscheck.events(watcher, at("63"), 4 * SECOND)) == []


def test_a_kernel_that_says_nothing_disagrees_with_nobody() -> None:
    watcher = Watcher()
    told(ALIVE, watcher=watcher)
    sockets = Fixed(fires_ns=900 * SECOND)
    sockets.reason = "pyroute2 is not installed"
    assert list(Crosscheck(sockets).events(watcher, at("61"), 2 * SECOND)) == []
