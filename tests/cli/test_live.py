"""The command while it happens: real connections between namespaces, pipes, and what goes wrong.

What needs root is skipped elsewhere. Truth is what the sockets were set to and what the prober's application got.
"""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import analyze
from analyzer.report.output_file import open_recording
from tests.capture.writers import pcap_bytes
from tests.monitor.lab import Host, needs_namespaces, wire
from tests.monitor.test_watcher import LOST
from tests.recordings import FOLDER
from tests.transcript import transcript

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "analyzer"]
SETTINGS = (2, 1, 3)  # tcp_keepalive_time, _intvl, _probes
LATE_S = 1.0

SERVER = """
import socket
server = socket.create_server(("0.0.0.0", 9000))
print("listens", flush=True)
kept = [server.accept() for _ in range(100)]
"""
CLIENT = """
import socket, sys, time
time_s, intvl_s, probes = map(int, sys.argv[1:4])
one = socket.create_connection((sys.argv[4], 9000))
one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, time_s)
one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, intvl_s)
one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes)
print("connected", flush=True)
try:
    one.recv(1)
except OSError as error:
    print(error.errno, time.time(), flush=True)
"""


def run(*words: str, **how: Any) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False, env=environment, **how)


class Listener:
    """Lines of the command as they come, with the time when each came."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.events: list[tuple[float, dict[str, Any]]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append((time.time(), json.loads(line)))

    def names(self) -> list[str]:
        return [event["event"] for _, event in self.events]

    def wait_for(self, name: str, count: int = 1, wait_s: float = 30) -> None:
        deadline = time.monotonic() + wait_s
        while self.names().count(name) < count:
            assert time.monotonic() < deadline, f"no {name}: {self.names()}"
            assert self.process.poll() is None, f"ended: {self.names()}"
            time.sleep(0.02)

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(30)
        self._thread.join(10)
        return code

    def of(self, name: str) -> list[tuple[float, dict[str, Any]]]:
        return [(came, event) for came, event in self.events if event["event"] == name]


def instant(event: dict[str, Any]) -> float:
    """Of an event, in seconds since 1970; its text has nanoseconds, which fromisoformat does not take."""
    from datetime import datetime

    return datetime.fromisoformat(event["time"][:26] + "+00:00").timestamp()


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    with wire() as both:
        yield both


def watching(host: Host, *words: str, **environment: str) -> Listener:
    """The command on a host, as soon as it captures."""
    options = ["-m", "analyzer", "-i", "eth", "--ndjson", "-p", *words]
    process = host.python(*options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    listener = Listener(process)
    assert process.stderr is not None
    while "without capabilities" not in (line := process.stderr.readline()):
        assert line, "ended before it captured"
    return listener


def connected(near: Host, far: Host) -> "subprocess.Popen[str]":
    server = far.python("-c", SERVER, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdout.readline() == "listens\n"
    client = near.python("-c", CLIENT, *map(str, SETTINGS), far.address, stdout=subprocess.PIPE)
    assert client.stdout is not None
    assert client.stdout.readline() == "connected\n"
    return client


def be_silent(far: Host, near: Host) -> None:
    """It hears and does not answer any more."""
    far.ip("route", "add", "blackhole", f"{near.address}/32")


@pytest.mark.slow
@needs_namespaces
def test_a_real_connection_is_followed_to_its_end(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    """Probe, answer, loss and give-up within a second of each; the truth at the end; the same from the recording."""
    near, far = hosts
    out, report = tmp_path / "out.pcapng", tmp_path / "report.json"
    live = watching(near, "-w", str(out), "--json", "-o", str(report))
    client = connected(near, far)
    live.wait_for("keepalive-answer", 2)
    be_silent(far, near)
    live.wait_for("give-up")
    assert client.stdout is not None
    errno, when = client.stdout.readline().split()
    time.sleep(0.3)
    assert live.end() == 0

    assert int(errno) == 110  # ETIMEDOUT
    [(_, give_up)] = live.of("give-up")
    assert abs(instant(give_up) - float(when)) < 0.1
    assert (give_up["basis"], give_up["errno"]) == ("rst", "ETIMEDOUT")
    unanswered = live.of("probe-unanswered")
    assert [event["unanswered"] for _, event in unanswered] == [1, 2, 3]
    for name in ("keepalive-probe", "keepalive-answer", "give-up"):
        for came, event in live.of(name):
            assert came - instant(event) < LATE_S, name
    sent = {event["frame"]: instant(event) for _, event in live.of("keepalive-probe")}
    for came, event in unanswered:
        assert came - sent[event["frame"]] < LATE_S
    _, last = live.of("settings")[-1]
    assert tuple(last["settings"][f"tcp_keepalive_{one}"]["value"] for one in ("time", "intvl", "probes")) == SETTINGS
    _, verdict = live.of("verdict")[-1]
    assert (verdict["outcome"], verdict["cause"]) == ("timed-out", "peer-silent")

    document = json.loads(report.read_text())
    of_file = json.loads(run("--json", str(out)).stdout)
    for one in (document, of_file):
        one["capture"].pop("files")
    assert document == of_file
    assert analyze(str(out)).capture.packets == document["capture"]["packets"]


@pytest.mark.slow
@needs_namespaces
def test_lines_for_people_end_in_the_report(hosts: tuple[Host, Host]) -> None:
    near, far = hosts
    words = ["-m", "analyzer", "-i", "eth", "--duration", "9"]
    live = near.python(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert live.stderr is not None
    while "without capabilities" not in (line := live.stderr.readline()):
        assert line
    connected(near, far)
    text, _ = live.communicate(timeout=60)
    assert live.returncode == 0
    assert f"{near.address}:" in text
    assert " probes\n" in text
    assert f"{far.address}:9000 answers after" in text
    assert "tcp_keepalive_time    2      2" in text


@needs_namespaces
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_service_manager_may_end_it(number: int, code: int, hosts: tuple[Host, Host], tmp_path: Path) -> None:
    """These signals end the capture as ^C does: what was recorded and asked for is there."""
    near, far = hosts
    out, report = tmp_path / "out.pcapng", tmp_path / "report.txt"
    live = watching(near, "-w", str(out), "-o", str(report))
    connected(near, far)
    live.wait_for("keepalive-answer")
    assert live.end(number) == code
    assert "1 TCP connection" in report.read_text()
    assert analyze(str(out)).flows[0].probers == (0,)


@needs_namespaces
def test_what_cannot_be_written_at_the_end_is_refused_at_the_beginning(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    for options in (("-o", tmp_path / "missing/report"), ("--html", tmp_path), ("--user", "nobody", "-o", "/nobodys")):
        process = hosts[0].python("-m", "analyzer", "-i", "eth", *map(str, options), stderr=subprocess.PIPE)
        complaint = process.communicate(timeout=60)[1].splitlines()[-1]
        assert process.returncode == 2, complaint
        assert re.search("cannot be written|that user may not read", complaint), complaint


# Recordings


def replayed(*words: str, **how: Any) -> "subprocess.CompletedProcess[str]":
    return run("--ndjson", str(FOLDER / "heartbeat" / "capture.pcap"), *words, **how)


def test_a_recording_that_cannot_go_on_takes_nothing_else_with_it(tmp_path: Path) -> None:
    """No file may grow beyond 8 kB, as on a full disk."""
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))}
    out, report = tmp_path / "out.pcapng", tmp_path / "report.txt"
    done = replayed("-w", str(out), "-o", str(report), **limit)
    assert done.returncode == 2
    first, last = done.stderr.splitlines()
    assert f"-w {out} cannot be written any further: File too large" in last
    assert first == f"{last}; capturing goes on"
    assert "178 frames" in report.read_text()
    assert '"event": "flow-closed"' in done.stdout
    assert 0 < analyze(str(out)).capture.packets < 178


def test_a_file_that_is_recorded_to_is_not_recorded_to_twice(tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    with open_recording(str(out), "-w") as file:
        file.write(b"of the first")
        done = replayed("-w", str(out))
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{out} is being recorded by another process; give -w another FILE" in done.stderr
    assert out.read_bytes() == b"of the first"
    assert replayed("-w", str(out)).returncode == 0
    assert analyze(str(out)).capture.packets == 178


def test_a_reader_of_events_who_goes_away_leaves_the_report(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = ["--ndjson", "--json", "-o", str(report), str(FOLDER / "heartbeat" / "capture.pcap")]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "ka-analyze: standard output cannot be written: No space left on device\n"
    assert json.loads(report.read_text())["capture"]["packets"] > 0


@needs_namespaces
def test_an_interface_that_goes_down_is_an_event(hosts: tuple[Host, Host]) -> None:
    near, _ = hosts
    live = watching(near)
    near.ip("link", "set", "eth", "down")
    live.wait_for("drops")
    near.ip("link", "set", "eth", "up")
    live.wait_for("drops", 2)
    assert live.end() == 0
    reasons = [event["reason"] for _, event in live.of("drops")]
    assert reasons == ["interface-down", "interface-up"]


@pytest.mark.slow
@needs_namespaces
def test_a_capture_that_dumpcap_or_tcpdump_writes_is_followed(hosts: tuple[Host, Host]) -> None:
    near, far = hosts
    script = f"tcpdump -i eth -U -w - tcp 2>/dev/null | {sys.executable} -m analyzer --ndjson -"
    live = Listener(near.start("sh", "-c", script, stdout=subprocess.PIPE))
    time.sleep(3)
    connected(near, far)
    live.wait_for("keepalive-answer", 1)
    be_silent(far, near)
    live.wait_for("probe-unanswered", 2)
    for came, event in live.of("keepalive-probe"):
        assert came - instant(event) < 2 * LATE_S  # tcpdump hands over once a second


@pytest.mark.slow
@needs_namespaces
def test_thirty_thousand_frames_a_second_beside_it(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    """TCP and UDP, 20 s: the probes of interest are all seen, and the drops are stated."""
    near, far = hosts
    report = tmp_path / "report.json"
    process = near.python("-m", "analyzer", "-i", "eth", "--ndjson", "--json", "-o", str(report),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    live = Listener(process)
    assert process.stderr is not None
    while "without capabilities" not in (line := process.stderr.readline()):
        assert line
    connected(near, far)
    before = probes_of(near)
    load = far.python("-m", "tests.monitor.load", "eth", "30000", "20", stdout=subprocess.PIPE)
    sent = int(load.communicate(timeout=90)[0])
    after = probes_of(near)
    time.sleep(0.5)
    assert live.end() in (0, 3)
    document = json.loads(report.read_text())
    drops = [one["message"] for one in document["diagnostics"] if one["code"] == "interface-drops"]
    seen = document["capture"]["packets"]
    assert sent >= 29_000 * 20
    assert not drops, drops
    assert seen >= sent // 2  # the TCP half; the UDP half stays in the kernel
    assert seen < sent // 2 + 2000
    [flow] = [one for one in document["flows"] if one["ends"][1]["port"] == 9000]
    assert flow["ends"][0]["probes"] >= after - before >= 8
    assert flow["ends"][0]["answered"] == flow["ends"][0]["probes"]
    assert len(live.of("keepalive-probe")) == flow["ends"][0]["probes"]


def probes_of(host: Host) -> int:
    """What the kernel counts on that host (TcpExt TCPKeepAlive)."""
    with host.inside():
        names, values = [line.split() for line in Path("/proc/thread-self/net/netstat").read_text().splitlines()[:2]]
    return int(values[names.index("TCPKeepAlive")])


def test_a_recording_is_replayed() -> None:
    done = run("--ndjson", str(FOLDER / "nc-30-10-5" / "capture.pcap"))
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [event["event"] for event in events].count("keepalive-probe") == 5
    *_, before, last = events
    assert before["event"] in ("verdict", "settings", "give-up")
    assert (last["event"], last["code"], last["flows"]) == ("conclusion", "peer-silent", [0])
    assert last["time"] == max(event["time"] for event in events)


def test_people_are_told_what_is_concluded_unless_the_report_that_follows_says_it(tmp_path: Path) -> None:
    """Not in a terminal the events are lines on standard output, or on standard error where the report goes
    elsewhere."""
    words = ["--on-event", "true", str(FOLDER / "nat-forgets-one-of-two" / "capture.pcap")]
    concluded, second = "The path to 198.51.100.2:9000 ", "Keepalive works on 1 connection"
    said = run(*words).stdout.splitlines()
    events = [line for line in said if re.match(r"\d\d:\d\d:\d\d\.\d{3}  ", line)]
    assert said[: len(events)] == events
    assert not any(concluded in line for line in events)
    report = said[len(events) :]
    assert next(line for line in report if line and not line.startswith(" ") and "pcap" not in line).startswith(
        concluded
    )
    for elsewhere in (["-o", str(tmp_path / "report")], ["--json"]):
        *_, before, last = run(*elsewhere, *words).stderr.splitlines()
        assert concluded in before
        assert second in last


def test_events_of_a_pipe_come_while_it_is_open() -> None:
    whole = pcap_bytes(transcript(LOST), nano=True)
    cut = len(pcap_bytes(transcript(LOST)[:4], nano=True))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [*COMMAND, "--ndjson", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(whole[:cut])
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert [one["event"] for one in lines] == ["flow-open", "keepalive-probe"]
        process.stdin.write(whole[cut:])
        process.stdin.close()
        rest = [json.loads(line)["event"] for line in process.stdout.read().splitlines()]
    assert "give-up" in rest
    assert process.returncode == 0


def test_interfaces_are_listed() -> None:
    done = run("--list-ifaces")
    assert done.returncode == 0
    assert any(
        line.split()[1:3] == ["lo", "up"] or line.split()[1:3] == ["lo", "down"] for line in done.stdout.splitlines()
    )


def test_an_unknown_interface_is_one_line_with_those_that_exist() -> None:
    done = run("-i", "nosuch0")
    [line] = [one for one in done.stderr.splitlines() if "nosuch0" in one]
    assert "no such interface; there is" in line
    assert "lo" in line
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["-i", "lo", "x.pcap"], "--iface and files exclude each other"),
        (["-p", "x.pcap"], "-p is for --iface"),
        (["-f", "tcp", "--ndjson", "-w", "y", "x.pcap"], "-w writes all frames"),
        (["-w", "y", "x.pcap"], "-w is for --iface"),
        (["-c", "5", "x.pcap"], "-c is for --iface"),
        (["--keep", "1h", "x.pcap"], "--keep is for --iface"),
        (["-i", "eth0", "--until", "+5"], "--until is for captures that are complete"),
        (["--ndjson", "--until", "+5", "x.pcap"], "live, the clock says when capturing ended"),
        (["-i", "lo", "--annotate", "y"], "--annotate reads the capture twice"),
        (["-i", "lo", "--ndjson", "--json"], "--ndjson takes standard output"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], complaint: str) -> None:
    done = run(*words)
    assert complaint in done.stderr
    assert done.returncode == 2


@needs_namespaces
def test_a_wrong_filter_is_one_line(hosts: tuple[Host, Host]) -> None:
    process = hosts[0].python("-m", "analyzer", "-i", "eth", "-f", "tcp and and", stderr=subprocess.PIPE)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 2
    assert len(complaint.splitlines()) == 1
    assert "syntax error" in complaint
