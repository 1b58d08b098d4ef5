"""A command for each event: what it is given, how often, and for how long."""

import json
import sys
import time
from pathlib import Path

import pytest

from analyzer.errors import OptionError
from analyzer.monitor import alerts
from analyzer.monitor.alerts import Alerts
from analyzer.monitor.events import Event, Name

SECOND = 10**9


def event(name: Name = Name.GIVE_UP, ends: tuple[str, str] = ("10.0.0.1:1", "10.0.0.2:2")) -> Event:
    return Event(5 * SECOND, name, 3, 0, ends, {"frame": 9, "outcome": "alive"})


def script(tmp_path: Path, text: str) -> str:
    path = tmp_path / "command.py"
    path.write_text(text)
    return f"{sys.executable} {path}"


def keeper(tmp_path: Path) -> tuple[str, Path]:
    """A command that keeps what it is told, and its arguments."""
    kept = tmp_path / "kept"
    return script(
        tmp_path, f"import sys; open({str(kept)!r}, 'a').write(sys.stdin.read() + repr(sys.argv[1:]) + '\\n')"
    ), kept


def test_the_event_is_on_standard_input_and_nothing_in_the_arguments(tmp_path: Path) -> None:
    command, kept = keeper(tmp_path)
    one = Alerts(f"{command} --to 'two words' $HOME;")
    hostile = event(ends=("10.0.0.1:1", "$(touch x); `id`"))
    one.tell([hostile], 0)
    one.close(10)
    told, arguments = kept.read_text().splitlines()
    assert json.loads(told) == hostile.to_object()
    assert arguments == "['--to', 'two words', '$HOME;']"  # no shell


def test_what_is_no_trouble_starts_nothing(tmp_path: Path) -> None:
    command, kept = keeper(tmp_path)
    one = Alerts(command)
    one.tell([event(Name.KEEPALIVE_PROBE), event(Name.VERDICT)], 0)
    one.close(10)
    assert not kept.exists()


def test_a_storm_is_cut_off_and_the_next_one_says_how_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "AT_ONCE", 100)
    command, kept = keeper(tmp_path)
    one = Alerts(command)
    one.tell([event() for _ in range(alerts.OF_A_KIND + 5)], 0)
    one.close(20)
    one.tell([event()], alerts.PER_NS + 1)
    one.close(20)
    told = [json.loads(line) for line in kept.read_text().splitlines() if line.startswith("{")]
    assert len(told) == alerts.OF_A_KIND + 1
    assert [one.get("suppressed") for one in told if "suppressed" in one] == [5]


def test_one_kind_of_event_does_not_silence_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "AT_ONCE", 100)
    command, kept = keeper(tmp_path)
    one = Alerts(command)
    one.tell([event(Name.PROBE_UNANSWERED) for _ in range(50)], 0)
    one.tell([event(Name.GIVE_UP)], 0)
    one.close(20)
    assert '"give-up"' in kept.read_text()


def test_what_runs_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    child = "import subprocess, time; p = subprocess.Popen(['sleep', '60'])"
    text = f"{child}; open({str(mark)!r}, 'w').write(str(p.pid)); time.sleep(60)"
    one = Alerts(script(tmp_path, text))
    one.tell([event()], 0)
    deadline = time.monotonic() + 20
    while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    one.tell([], alerts.LASTS_NS)
    status = Path(f"/proc/{mark.read_text()}/stat")
    deadline = time.monotonic() + 5
    while status.exists() and " Z " not in status.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not status.exists() or " Z " in status.read_text()


def test_no_more_than_a_few_run_at_once(tmp_path: Path) -> None:
    one = Alerts(script(tmp_path, "import time; time.sleep(60)"))
    one.tell([event(name) for name in (Name.GIVE_UP, Name.RESET) for _ in range(4)], 0)
    assert one.suppressed == 8 - alerts.AT_ONCE
    one.close(0)


def test_a_command_that_cannot_be_started_is_said_once_and_harms_nothing() -> None:
    one = Alerts("/nonexistent/command")
    one.tell([event()], 0)
    assert one.failed == "--on-event /nonexistent/command: No such file or directory"
    one.close()


@pytest.mark.parametrize("command", ["", "  ", "mail 'unfinished"])
def test_what_is_no_command_is_refused(command: str) -> None:
    with pytest.raises(OptionError):
        Alerts(command)
