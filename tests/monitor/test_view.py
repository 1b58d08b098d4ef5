"""What the terminal shows, rendered into a file."""

import io

from rich.console import Console

from analyzer.monitor.crosscheck import Crosscheck
from analyzer.monitor.view import EVENTS, View
from analyzer.monitor.watcher import Watcher
from tests.monitor.live import at, told
from tests.monitor.test_crosscheck import Fixed
from tests.monitor.test_watcher import ALIVE, LOST, OPENED


def rendered(
    watcher: Watcher, now: str, crosscheck: Crosscheck | None = None, events: tuple = (), height: int = 40
) -> str:
    console = Console(file=io.StringIO(), width=170, height=height, force_terminal=False)
    view = View(console, watcher, crosscheck, "eth0")
    view._events.extend(events)
    console.print(view.rendered(at(now), height))
    return console.file.getvalue()


def test_an_idle_connection_with_what_is_expected_of_it() -> None:
    watcher = Watcher()
    told(ALIVE, watcher=watcher)
    screen = rendered(watcher, "65")
    assert "eth0 · 7 frames, 1 connections" in screen
    [row] = [line for line in screen.splitlines() if "10.0.0.1:40000" in line]
    assert "idle 5 s" in row
    assert "next probe in 2" in row


def test_one_that_is_failing_says_how_far_it_is() -> None:
    watcher = Watcher()
    told(LOST, watcher=watcher)
    again = LOST.replace("A>", "A:41000>").replace(">A", ">A:41000").rsplit("\n", 2)[0]  # but for the give-up
    later = "\n".join(
        f"{float(time) + 200:.3f} {rest}"
        for time, rest in (one.split(maxsplit=1) for one in again.splitlines() if one.strip())
    )
    told(later, until="301", watcher=watcher)
    first = next(line for line in rendered(watcher, "301").splitlines() if "10.0.0.1" in line)
    assert "being probed" in first  # those in trouble come first
    assert "30/10" in first
    assert "unanswered 2 of 2 (another connection of its host), will be reset in 9 s" in first


def test_the_kernels_own_word_stands_beside_it_or_why_not() -> None:
    watcher = Watcher()
    told(ALIVE, watcher=watcher)
    sockets = Fixed(fires_ns=0)
    screen = rendered(watcher, "65", Crosscheck(sockets))
    assert "keepalive in 0 s" in screen
    assert "ssh (7)" in screen
    sockets.process_reason = "other programs may not be looked at (CAP_SYS_PTRACE)"
    screen = rendered(watcher, "65", Crosscheck(sockets))
    assert "ssh (7)" not in screen
    assert "processes are not shown: other programs may not be looked at" in screen
    sockets.reason = "pyroute2 is not installed"
    screen = rendered(watcher, "65", Crosscheck(sockets))
    assert "kernel's own view is missing: pyroute2 is not installed" in screen
    assert "process" not in screen


def test_what_does_not_fit_is_counted() -> None:
    watcher = Watcher()
    for port in range(50):
        told(ALIVE.replace("A>", f"A:{42000 + port}>").replace(">A", f">A:{42000 + port}"), watcher=watcher)
    screen = rendered(watcher, "65", height=EVENTS + 16)
    assert "… and 40 more" in screen
    assert len(screen.splitlines()) <= EVENTS + 16


def test_nothing_from_outside_is_markup() -> None:
    watcher = Watcher()
    told(OPENED, watcher=watcher)
    assert "[red]x[/red]" in rendered(watcher, "1", events=("[red]x[/red]",))
