"""A live analysis on the command line: where frames come from, where events go, what ends it.

The first ^C, SIGTERM or SIGHUP ends the capture, and what was asked for is written; the second ends the command. So
does a reader of the events who goes away. A recording that cannot be written any further ends alone.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

import click

from analyzer.analysis import Analyzer
from analyzer.capture.files.writer import PcapngWriter
from analyzer.cli.faces import console
from analyzer.cli.options import Options
from analyzer.cli.process import complain
from analyzer.cli.progress import naming, packet_filter, reading, say_that_it_interprets
from analyzer.engine.dispatch import is_interpreter_forced
from analyzer.errors import OptionError
from analyzer.monitor.crosscheck import Crosscheck
from analyzer.monitor.events import Event, Name
from analyzer.monitor.session import Session, Source, Stop
from analyzer.monitor.watcher import LIMITS, USUAL_KEEP_NS, Watcher
from analyzer.report.output_file import check_writable, open_recording
from analyzer.tcp.eviction import WATCHED, limits_within

if TYPE_CHECKING:
    from analyzer.analysis import Analysis
    from analyzer.keepalive.summary.expectations import Expectation
    from analyzer.monitor.alerts import Alerts

Listener = Callable[[Sequence[Event]], None]
Ending = signal.Signals | OSError | OptionError | None
"""What ended a capture from outside: a signal, an error of stdout; or an error that ended the recording."""
ENDING = [number for number in signal.Signals if number.name in ("SIGINT", "SIGTERM", "SIGHUP")]


def list_interfaces() -> None:
    """Print the interfaces that --iface accepts, one a line."""
    from analyzer.capture.live.interface import interfaces

    for one in interfaces():
        state = "up" if one.is_up else "down"
        click.echo(f"{one.index}  {one.name}  {state}  {' '.join(one.addresses)}".rstrip())


def watch(options: Options, expected: "Sequence[Expectation]" = ()) -> "tuple[Analysis, Ending]":
    """Capture until a signal or a limit ends it, and report events meanwhile; return the analysis, and what ended it.
    Settings that are `expected` count for conclusions."""
    names = naming(options)
    with ExitStack() as stack:
        reading(options)  # complains if the memory is too little for what is asked for
        limits = LIMITS if options.max_memory is None else limits_within(options.max_memory, WATCHED)
        watcher = Watcher(Analyzer(packet_filter=packet_filter(options)), limits, options.keep)
        if options.iface and not (options.quiet or watcher.analyzer.engine.is_native or is_interpreter_forced()):
            say_that_it_interprets("beyond some 20,000 frames a second the kernel will drop frames")
        source = _source(options, watcher)
        if source.is_live and options.keep is None:
            watcher.keep_ns = USUAL_KEEP_NS
        if options.iface:
            from analyzer.monitor.privileges import check_program, drop  # which only Unix has

            _say(options, drop(options.user))
            if options.user is not None:
                check_program()
            at_the_end = {flag: path for flag, path in options.outputs.items() if flag != "-w"}
            check_writable(at_the_end, options.folders)  # by who it is now, and before anything is captured
        recording = _recording(options, stack)
        session = Session(source, watcher, _stop(options), recording)
        crosscheck = _crosscheck(options, stack)
        listeners = list(_listeners(options, session, crosscheck, stack))
        with _ended_by_signal() as ended_by:
            ending: Ending = None
            for events in session.run():
                ending = _told(listeners, events) or ended_by()
                if crosscheck is not None and ending is None:
                    more = crosscheck.events(watcher, session.clock.now_ns, time.monotonic_ns())
                    ending = _told(listeners, list(more))
                if ending is not None:
                    break
        events, analysis = session.finish(expected)
        if not isinstance(ending, OSError):
            ending = _told(listeners, events) or ending
    analysis.naming = names
    return analysis, (recording and recording.failure) or ending


def _say(options: Options, words: str) -> None:
    if words and not options.quiet:
        complain(words)


def _told(listeners: Sequence[Listener], events: Sequence[Event]) -> OSError | None:
    """Pass events on; return the error of a stdout that cannot be written."""
    for listener in listeners:
        try:
            listener(events)
        except OSError as error:
            return error
    return None


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


class Recording(PcapngWriter):
    """Is given up where it cannot be written any further, and says so once: what is captured meanwhile is analysed."""

    failure: OptionError | None = None
    _is_begun = False

    def __init__(self, path: str, stack: ExitStack) -> None:
        """Begin a section in the file. OptionError if that is not possible."""
        super().__init__(stack.enter_context(open_recording(path, "-w")), f"-w {path}")
        self._is_begun = True

    def _put(self, octets: bytes) -> None:
        if self.failure is not None:
            return
        try:
            super()._put(octets)
        except OptionError as error:
            if not self._is_begun:
                raise
            self.failure = error
            complain(f"{error}; capturing goes on")


def _recording(options: Options, stack: ExitStack) -> Recording | None:
    return Recording(options.write, stack) if options.write is not None else None


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

        return tell if is_followed else _whatever_becomes_of_it(tell)
    from analyzer.monitor.view import View

    view = View(shown, session.watcher, crosscheck, " ".join(session.source.names))
    view.start()
    stack.callback(_whatever_becomes_of_it(lambda _: view.close()), ())

    def show(events: Sequence[Event]) -> None:
        view.tell(events, session.clock.now_ns)

    return show if is_followed else _whatever_becomes_of_it(show)


def _whatever_becomes_of_it(listener: Listener) -> Listener:
    """Make a listener that goes on where a terminal or stderr is gone: what was asked for is elsewhere."""

    def tell(events: Sequence[Event]) -> None:
        with suppress(OSError):
            listener(events)

    return tell


@contextmanager
def _ended_by_signal() -> Iterator[Callable[[], signal.Signals | None]]:
    """Yield a function that returns which of ENDING came, if any; the next signal has its usual effect."""
    came: list[signal.Signals] = []
    before: dict[signal.Signals, Any] = {}

    def note(number: int, _: object) -> None:
        came.append(signal.Signals(number))
        for one, handler in before.items():
            signal.signal(one, handler)

    for one in ENDING:
        before[one] = signal.getsignal(one)
        if before[one] is not signal.SIG_IGN or one is signal.SIGINT:  # nohup's choice stays
            signal.signal(one, note)
    try:
        yield lambda: came[0] if came else None
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
