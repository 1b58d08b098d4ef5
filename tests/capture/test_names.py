"""Names: in pcapng's blocks as Wireshark writes them, in files like /etc/hosts, and what hostile ones come to."""

import socket
import struct
import subprocess
from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.capture.files.locations import InMemory
from analyzer.capture.names import MOST_CHARACTERS, MOST_NAMES, SERVICES, Naming, note_name, read_hosts
from analyzer.errors import OptionError
from tests.capture.reading import read_capture
from tests.capture.writers import interface, names, packet, section
from tests.recordings import FOLDER

CAPTURE = FOLDER / "nc-30-10-5/capture.pcap"
HOSTS = "# ours\n10.100.5.1 client client.lab\n10.100.5.2\tserver.lab # here\n\nfe80::1%eth0 router\n"
V4 = socket.inet_aton("10.0.0.5")


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text(HOSTS)
    return path


def named(*blocks: bytes, order: str = "<") -> dict[str, str]:
    """The names of a capture with these blocks before its only frame."""
    octets = section(order) + interface(1, order=order) + b"".join(blocks) + packet(b"x", 1, order=order)
    return dict(analyze(InMemory("x.pcapng", octets)).capture.names)


@pytest.mark.needs("tshark")
def test_the_names_that_wireshark_writes(hosts: Path, tmp_path: Path) -> None:
    written = tmp_path / "named.pcapng"
    command = [
        "tshark",
        "-r",
        str(CAPTURE),
        "-H",
        str(hosts),
        "-N",
        "n",
        "-V",
        "-P",
        "-W",
        "n",
        "-F",
        "pcapng",
        "-w",
        str(written),
    ]
    subprocess.run(command, check=True, capture_output=True)
    analysis = analyze(str(written))
    assert analysis.capture.names["10.100.5.1"] == "client"
    assert analysis.capture.names["10.100.5.2"] == "server.lab"
    assert [end.name for end in analysis.flows[0].ends] == ["client", "server.lab"]
    assert not analysis.diagnostics


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_first_name_of_an_address_counts(order: str) -> None:
    v6 = socket.inet_pton(socket.AF_INET6, "2001:db8::5")
    first = names((1, V4 + b"db1\0db1.lab\0"), (2, v6 + b"six\0"), (3, b"\0" * 6 + b"a card\0"), order=order)
    assert named(first, names((1, V4 + b"other\0"), order=order), order=order) == {
        "10.0.0.5": "db1",
        "2001:db8::5": "six",
    }


@pytest.mark.parametrize("compiled", [False, True])
def test_both_engines_stop_at_names_and_go_on(compiled: bool) -> None:
    octets = section() + interface(1) + packet(b"a", 1) + names((1, V4 + b"db1\0")) + packet(b"b", 2)
    reading = read_capture(octets, compiled=compiled)
    assert [frame[3] for frame in reading.frames] == [b"a", b"b"]
    assert reading.notes == {}


def test_a_block_of_names_that_contradicts_itself_is_counted() -> None:
    cut = names((1, V4 + b"db1\0"))
    body = bytearray(cut)
    struct.pack_into("<H", body, 10, 4000)
    reading = read_capture(section() + interface(1) + bytes(body) + packet(b"b", 2))
    assert (len(reading.frames), list(reading.notes)) == (1, ["damaged-block"])
    short = read_capture(section() + interface(1) + names((1, b"ab")) + packet(b"b", 2))
    assert list(short.notes) == ["damaged-block"]


def test_hostile_names_are_text_and_few() -> None:
    [name] = named(names((1, V4 + "a\x1b[31m\u202e\n".encode() + b"\xff" + b"b" * 500 + b"\0"))).values()
    assert name.isprintable()
    assert len(name) == MOST_CHARACTERS
    assert named(names((1, V4 + b"\0"))) == {}
    assert named(names((1, V4 + b"10.0.0.5\0"))) == {}
    known: dict[str, str] = {}
    for number in range(MOST_NAMES + 5):
        note_name(known, str(number), "x")
    assert len(known) == MOST_NAMES


def test_a_file_of_hosts(hosts: Path) -> None:
    assert read_hosts(str(hosts)) == {"10.100.5.1": "client", "10.100.5.2": "server.lab", "fe80::1": "router"}


@pytest.mark.parametrize(
    ("text", "found"),
    [("10.0.0 db1\n", "line 1: '10.0.0' is no address"), ("\n10.0.0.5\n", "line 2: an address without a name")],
)
def test_a_file_that_is_none(text: str, found: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(text)
    with pytest.raises(OptionError, match=found):
        read_hosts(str(path))
    with pytest.raises(OptionError, match="No such file"):
        read_hosts(str(tmp_path / "nowhere"))


def test_the_file_of_a_person_beats_the_capture() -> None:
    naming = Naming({"10.0.0.5": "mine"})
    assert naming.all_of({"10.0.0.5": "theirs", "10.0.0.6": "other"}) == {"10.0.0.5": "mine", "10.0.0.6": "other"}
    assert naming.addresses("MINE") == ["10.0.0.5"]
    assert Naming({"10.0.0.5": "mine"}, is_numeric=True).all_of({"10.0.0.6": "other"}) == {}
    assert (naming.service(5432), Naming(is_numeric=True).service(5432)) == ("postgresql", "")


OTHERWISE = {1521: "ncube-lm", 6443: "sun-sr-https", 9042: "", 9092: "XmlIpcRegSvr", 9200: "wap-wsp", 465: "urd"}
"""Names in registries of services beside those that everybody uses."""


def test_services_are_called_as_the_system_calls_them() -> None:
    for port, name in SERVICES.items():
        try:
            theirs = socket.getservbyport(port, "tcp")
        except OSError:
            continue  # a small system knows few
        aliases = {theirs, OTHERWISE.get(port)}
        assert name in aliases or port in OTHERWISE or socket.getservbyname(name, "tcp") == port, (port, theirs)
