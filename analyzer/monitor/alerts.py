"""A command for each event that means trouble: JSON on its standard input, never a shell, never too many.

Knows processes, not events. What comes from the network reaches the command as data on its standard input
only, never in its arguments.
"""

import os
import shlex
import signal
import subprocess
from collections import defaultdict, deque
from collections.abc import Iterable
from contextlib import suppress

from analyzer.errors import OptionError
from analyzer.monitor.events import Event, Name

AT_ONCE = 4
"""Number of commands that run at the same time."""
OF_A_KIND, PER_NS = 6, 60_000_000_000
"""Events of one kind that are reported within PER_NS; the next one says how many were left out."""
LASTS_NS = 30_000_000_000
"""Time after which a command is ended, with all that it started."""


class Alerts:
    """Starts commands and sees them end; instants are of any clock that only goes forward."""

    def __init__(self, command: str) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise OptionError(f"--on-event {command}: {error}") from error
        if not self._words:
            raise OptionError("--on-event: there is no command")
        self.failed = ""
        """Reason why the last start failed, for a person; whoever reports it clears it."""
        self.suppressed = 0
        self._running: list[tuple[subprocess.Popen[bytes], int]] = []
        self._reported: dict[Name, deque[int]] = defaultdict(lambda: deque(maxlen=OF_A_KIND))

    def tell(self, events: Iterable[Event], now_ns: int) -> None:
        self._reap(now_ns)
        for event in events:
            if event.is_trouble:
                self._start(event, now_ns)

    def _start(self, event: Event, now_ns: int) -> None:
        reported = self._reported[event.name]
        is_too_often = len(reported) == OF_A_KIND and now_ns - reported[0] < PER_NS
        if is_too_often or len(self._running) >= AT_ONCE:
            self.suppressed += 1
            return
        reported.append(now_ns)
        text = event.to_json()
        if self.suppressed:
            text = text[:-1] + f', "suppressed": {self.suppressed}}}'
        try:
            process = subprocess.Popen(  # noqa: S603  # the user's own words, split as a shell would, and no shell
                self._words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            self.failed = f"--on-event {self._words[0]}: {error.strerror}"
            return
        self.suppressed = 0
        self._running.append((process, now_ns))
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # the command does not read its input
            process.stdin.write(text.encode() + b"\n")  # far less than a pipe holds: this does not wait
            process.stdin.close()

    def _reap(self, now_ns: int) -> None:
        for process, started_ns in self._running:
            if process.poll() is None and now_ns - started_ns >= LASTS_NS:
                _end(process)
        self._running = [one for one in self._running if one[0].poll() is None]

    def close(self, timeout_s: float = 2.0) -> None:
        """Wait a little for those that run, then end them."""
        for process, _ in self._running:
            try:
                process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a command with everything in its process group, which is its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
