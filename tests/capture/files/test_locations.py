"""What a user names, and which captures those are, in which order."""

import functools
import http.server
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from analyzer.analysis import analyze
from analyzer.capture.files.locations import InMemory, captures, expanded, in_time_order, is_pipe, is_url, octets_of
from analyzer.capture.files.reader import first_frame_ns
from analyzer.errors import CaptureError
from tests.capture.writers import pcap_bytes

FRAME = bytes(60)


def capture(path: Path, second: int) -> str:
    path.write_bytes(pcap_bytes([(second * 10**9, FRAME)]))
    return str(path)


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    """Names that have wrapped: the oldest file is the last by name."""
    folder = tmp_path / "ring"
    folder.mkdir()
    for name, second in (("b.pcap", 10), ("c.pcap", 5), ("a.pcap", 20)):
        capture(folder / name, second)
    (folder / ".hidden").touch()
    (folder / "sub").mkdir()
    return folder


def test_a_directory_is_the_files_in_it_by_time(ring: Path) -> None:
    assert captures([str(ring)], first_frame_ns) == tuple(str(ring / name) for name in ("c.pcap", "b.pcap", "a.pcap"))


def test_a_glob_is_what_it_finds_by_time(ring: Path) -> None:
    found = captures([str(ring / "[ab].pcap"), str(ring / "c.pcap")], first_frame_ns)
    assert [Path(one).name for one in found] == ["c.pcap", "b.pcap", "a.pcap"]


def test_a_name_that_looks_like_a_glob_may_be_a_file(tmp_path: Path) -> None:
    name = capture(tmp_path / "eth0[1].pcap", 0)
    assert expanded(name) == [name]


@pytest.mark.parametrize("name", ["nothing/*.pcap", "missing.pcap", "-", "no\0name"])
def test_what_leads_to_nothing_stays_to_be_complained_about(name: str) -> None:
    assert expanded(name) == [name]


def test_without_a_time_a_capture_comes_last_and_equal_times_stay() -> None:
    assert in_time_order("abcde", [None, 7, 3, 7, 0]) == ("e", "c", "b", "d", "a")


def test_with_standard_input_the_order_stays(ring: Path) -> None:
    names = (str(ring / "a.pcap"), "-", str(ring / "c.pcap"))
    assert captures(names, lambda _: pytest.fail("nothing may be looked at")) == names


def test_pipes_can_be_read_once(ring: Path) -> None:
    assert [is_pipe(name) for name in ("-", "/dev/null", str(ring), str(ring / "a.pcap"), "s3://b/k", "missing")] == [
        *(True, True),
        *(False,) * 4,
    ]


def test_urls_are_told_from_names() -> None:
    assert [is_url(name) for name in ("s3://bucket/a", "git+https://a", "a://b", "a.pcap", "/a://b", "://b")] == [
        *(True,) * 3,
        *(False,) * 3,
    ]


def test_a_file_system_of_fsspec(ring: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(f"{ring}/", "/bucket/ring/", recursive=True)
    order = ["memory:///bucket/ring/c.pcap", "memory:///bucket/ring/b.pcap", "memory:///bucket/ring/a.pcap"]
    assert list(captures(["memory://bucket/ring/*.pcap"], first_frame_ns)) == [
        one.replace("///", "//") if memory.unstrip_protocol("/x") == "memory://x" else one for one in order
    ]
    analysis = analyze("memory://bucket/ring/*.pcap")
    assert (analysis.capture.packets, len(analysis.capture.files)) == (3, 3)
    assert expanded("memory://bucket/ring/")[1:] == expanded("memory://bucket/ring/?.pcap")  # which hides nothing


@pytest.fixture
def server(ring: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=ring)) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def test_a_web_server(server: str) -> None:
    pytest.importorskip("aiohttp")
    analysis = analyze(f"{server}/a.pcap", f"{server}/c.pcap", f"{server}/missing.pcap")
    assert analysis.capture.files == (f"{server}/c.pcap", f"{server}/a.pcap", f"{server}/missing.pcap")
    [note] = analysis.diagnostics
    assert (note.code.name, note.detail) == ("unreadable-file", f"{server}/missing.pcap: no such file; check the URL")


class Refusing(http.server.BaseHTTPRequestHandler):
    """Answers with the status that the path asks for; 302 leads to itself."""

    def do_GET(self) -> None:
        if self.path == "/302":
            self.send_response(302)
            self.send_header("Location", self.path)
            self.end_headers()
        else:
            self.send_error(int(self.path[1:]))

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "Forbidden"), (500, "Internal"), (404, "no such file"), (410, "no such"), (302, "TooMany")],
)
def test_what_a_web_server_refuses_is_told_as_it_says(status: int, words: str) -> None:
    pytest.importorskip("aiohttp")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        with pytest.raises(CaptureError, match=words):
            analyze(f"http://127.0.0.1:{served.server_port}/{status}")
        served.shutdown()
        thread.join()


def test_a_server_that_is_not_there_is_told_as_such() -> None:
    pytest.importorskip("aiohttp")
    with pytest.raises(CaptureError, match=r"http://127\.0\.0\.1:1/a\.pcap: cannot be opened: Cannot connect"):
        analyze("http://127.0.0.1:1/a.pcap")


@pytest.mark.parametrize("name", ["nonsense://a/b", "http://127.0.0.1:1/a.pcap", "memory://missing.pcap"])
def test_what_cannot_be_opened_is_told_in_a_line(name: str) -> None:
    with pytest.raises(CaptureError) as raised:
        analyze(name)
    assert str(raised.value).startswith(name)
    assert "\n" not in str(raised.value)


def test_a_capture_in_memory_goes_where_names_go() -> None:
    """Also to another process, with its octets; it is not expanded, however its name looks."""
    one = pickle.loads(pickle.dumps(InMemory("<bytes>*", b"octets")))
    assert (one, one.octets, octets_of(one)) == ("<bytes>*", b"octets", 6)
    assert expanded(one)[0] is one
    assert not is_pipe(one)
