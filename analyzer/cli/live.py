"""A live analysis on the command line: where frames come from, where events go, what ends it.

The first ^C or SIGTERM ends the capture, and what was asked for is written; the second ends the command.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from analyzer.analysis import Analyzer
from analyzer.cli.faces import console
from analyzer.cli.options import Options
from analyzer.cli.progress import naming, packet_filter, say_that_it_interprets
from analyzer.engine.dispatch import is_interpreter_forced
from analyzer.errors import OptionError
from analyzer.monitor.crosscheck import Crosscheck
from analyzer.monitor.events import Event, Name
from analyzer.monitor.session import Session, Source, Stop
from analyzer.monitor.watcher import LIMITS, Watcher
from analyzer.tcp.eviction import limits_within

if TYPE_CHECKING:
    from analyzer.analysis import Analysis
    from analyzer.capture.files.writer import PcapngWriter
    from analyzer.keepalive.summary.expectations import Expectation
    from analyzer.monitor.alerts import Alerts

Listener = Callable[[Sequence[Event]], None]


def list_interfaces() -> None:
    """Print the interfaces that --iface accepts, one a line."""
    from analyzer.capture.live.interface import interfaces

    for one in interfaces():
        state = "up" if one.is_up else "down"
        click.echo(f"{one.index}  {one.name}  {state}  {' '.join(one.addresses)}".rstrip())


def watch(options: Options, expected: "Sequence[Expectation]" = ()) -> "Analysis":
    """Capture until a signal or a limit ends it, and report events meanwhile; return the analysis. Settings that are
    `expected` count for conclusions."""
    names = naming(options)
    with ExitStack() as stack:
        limits = LIMITS if options.max_memory is None else limits_within(options.max_memory)
        watcher = Watcher(Analyzer(packet_filter=packet_filter(options)), limits)
        if options.iface and not (options.quiet or watcher.analyzer.engine.is_native or is_interpreter_forced()):
            say_that_it_interprets("beyond some 20,000 frames a second the kernel will drop frames")
        session = Session(_source(options, watcher), watcher, _stop(options), _recording(options, stack))
        if options.iface:
            from analyzer.monitor.privileges import drop  # which only Unix has

            _say(options, drop(options.user))
        crosscheck = _crosscheck(options, stack)
        listeners = list(_listeners(options, session, crosscheck, stack))
        with _ended_by_signal() as is_ended:
            for events in session.run():
                _notify(listeners, events)
                if crosscheck is not None:
                    _notify(listeners, list(crosscheck.events(watcher, session.clock.now_ns, time.monotonic_ns())))
                if is_ended():
                    break
        events, analysis = session.finish(expected)
        _notify(listeners, events)
    analysis.naming = names
    return analysis


def _say(options: Options, words: str) -> None:
    if words and not options.quiet:
        click.echo(f"ka-analyze: {words}", err=True)


def _notify(listeners: Sequence[Listener], events: Sequence[Event]) -> None:
    for listener in listeners:
        listener(events)


def _source(options: Options, watcher: Watcher) -> Source:
    if options.iface:
        from analyzer.capture.live.bpf import DEFAULT_FILTER
        from analyzer.monitor.interfaces import Interfaces

        expression = DEFAULT_FILTER if options.filter is None else options.filter
        return Interfaces(
            options.iface,
            expression,
            watcher.analyzer,
            snaplen=options.snaplen,
            is_promiscuous=not options.no_promiscuous,
        )
    from analyzer.monitor.stream import Stream

    return Stream(options.paths, watcher.analyzer)


def _stop(options: Options) -> Stop:
    duration_ns = round(options.duration * 1e9) if options.duration is not None else None
    return Stop(duration_ns, options.count)


def _recording(options: Options, stack: ExitStack) -> "PcapngWriter | None":
    """Open the recording under its final name, not under another first: whatever happens, what was captured is
    there."""
    if options.write is None:
        return None
    from analyzer.capture.files.writer import PcapngWriter

    try:
        path = Path(options.write)
        return PcapngWriter(stack.enter_context(path.open("wb", buffering=0)), f"-w {path}")  # a batch is there at once
    except OSError as error:
        raise OptionError(f"{options.write} cannot be written: {error.strerror}; give -w another FILE") from error


def _listeners(
    options: Options, session: Session, crosscheck: Crosscheck | None, stack: ExitStack
) -> Iterator[Listener]:
    """Yield the receivers of events: standard output as NDJSON, or a view or lines for people; besides, metrics and a
    command."""
    if options.ndjson:
        yield _ndjson(sys.stdout)
    elif not options.quiet:
        yield _for_people(options, session, crosscheck, stack)
    if options.metrics is not None:
        from analyzer.monitor.metrics import Metrics

        metrics = Metrics(options.metrics)
        stack.callback(metrics.close)
        yield metrics.tell
        yield lambda _: metrics.note(session.watcher)
    if options.on_event is not None:
        from analyzer.monitor.alerts import Alerts

        alerts = Alerts(options.on_event)
        stack.callback(alerts.close)
        yield _alerting(alerts, options)


def _alerting(alerts: "Alerts", options: Options) -> Listener:
    """Make a listener that runs a command for events; a command that cannot be started is reported once."""

    def tell(events: Sequence[Event]) -> None:
        alerts.tell(events, time.monotonic_ns())
        if alerts.failed:
            _say(options, alerts.failed)
            alerts.failed = ""

    return tell


def _crosscheck(options: Options, stack: ExitStack) -> Crosscheck | None:
    """Start reading the kernel's own timers, where connections of this machine may be captured."""
    if not options.iface:
        return None
    from analyzer.monitor.sockets import OwnSockets

    sockets = OwnSockets()
    sockets.start()
    stack.callback(sockets.close)
    return Crosscheck(sockets)


def _ndjson(file: TextIO) -> Listener:
    def tell(events: Sequence[Event]) -> None:
        file.writelines(event.to_json() + "\n" for event in events)
        if events:
            file.flush()

    return tell


def _for_people(options: Options, session: Session, crosscheck: Crosscheck | None, stack: ExitStack) -> Listener:
    """Make a listener for people: on standard output, unless that is for a machine; in a terminal a view, else a line
    for each event."""
    is_report = not (options.json or options.flows or options.tags or options.sysctl or options.advice is not None)
    is_followed = is_report and options.output == "-"
    file = sys.stdout if is_followed else sys.stderr
    shown = console(file, options.color)
    if not shown.is_terminal:
        from analyzer.monitor.words import line

        def tell(events: Sequence[Event]) -> None:
            left_out = Name.CONCLUSION if is_followed else None  # the report that follows begins with them
            file.writelines(line(event) + "\n" for event in events if event.name is not left_out)
            if events:
                file.flush()

        return tell
    from analyzer.monitor.view import View

    view = View(shown, session.watcher, crosscheck, " ".join(session.source.names))
    view.start()
    stack.callback(view.close)
    return lambda events: view.tell(events, session.clock.now_ns)


@contextmanager
def _ended_by_signal() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether ^C or SIGTERM came; the next signal has its usual effect."""
    came: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def note(number: int, _: object) -> None:
        came.append(number)
        for one, handler in before.items():
            signal.signal(one, handler)

    for one in (signal.SIGINT, signal.SIGTERM):
        before[one] = signal.getsignal(one)
        signal.signal(one, note)
    try:
        yield lambda: bool(came)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
