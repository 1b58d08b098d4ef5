"""Every face of an analysis that lies on a cluster is that of one here, octet for octet, and only findings travel."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.analysis import Analysis, analyze
from analyzer.cli import main
from analyzer.keepalive.model.linux import Keepalive
from analyzer.many import remote as module
from analyzer.many.cluster import Cluster, assembled
from analyzer.many.join import Join
from analyzer.many.remote import Remote
from analyzer.many.shard import read_shard
from analyzer.report.json.document import tag_lines
from tests.many.cut import files_of
from tests.many.test_two_points import ANSWERED, BEAT, LOST, near_a, near_b
from tests.recordings import FOLDER
from tests.transcript import transcript

pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("default")  # dask's own

RECORDINGS = (
    "link-dead-arp-8-3-5",
    "nat-forgets-one-of-two",
    "nc-30-10-5",
    "peer-rebooted-7-3-5",
    "unreachable-host-7-2-4",
    "heartbeat",
    "still-probing-8-3-9",
)
FACES = (
    [],
    ["--json"],
    ["--tags"],
    ["--flow", "1"],
    ["--flow", "99"],
    ["--only", "timed-out,reset", "--top", "1"],
    ["--tags", "--only", "timed-out"],
    ["--what-if", "time=5,intvl=1,probes=3"],
    ["--json", "--what-if", "time=5,intvl=1,probes=3"],
    ["--sysctl"],
    ["--advice", "linux"],
    ["--expect", "time=9", "--expect", "10.100.5.1:time=30", "-q"],
    ["--fail-on", "timed-out"],
    ["--fail-on", "settings-not-in-force", "--expect", ":9000:time=9", "--json"],
    ["--fail-on", "peer-silent,peer-restarted"],
    ["--annotate", "out.pcapng"],
)


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of many outcomes, one of them cut short, and a file that is no capture."""
    folder = tmp_path_factory.mktemp("ring")
    for name in RECORDINGS:
        [capture] = FOLDER.glob(f"{name}/capture.pcap")
        (folder / f"{name}.pcap").write_bytes(capture.read_bytes())
    short = folder / "heartbeat.pcap"
    short.write_bytes(short.read_bytes()[:-10])
    (folder / "no-capture").write_bytes(b"\xff" * 100)
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def written(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_same(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *arguments: str | Path) -> int:
    """On the cluster as here; the exit code."""
    results, files = [], []
    for where in ([], ["--cluster", address]):
        folder = tmp_path / str(len(where))
        folder.mkdir()
        monkeypatch.chdir(folder)
        results.append(run(*arguments, *where))
        asked = " ".join(["", *where]).encode()  # a page names the command line
        files.append(
            {name: octets.replace(asked, b"") for name, octets in written(folder).items()} if where else written(folder)
        )
    here, there = results
    assert here.exception is None or isinstance(here.exception, SystemExit)
    assert (there.exit_code, there.stdout, there.stderr) == (here.exit_code, here.stdout, here.stderr)
    assert files[0].keys() == files[1].keys()
    assert [name for name, octets in files[0].items() if files[1][name] != octets] == []
    return here.exit_code


@pytest.mark.parametrize("face", FACES, ids=" ".join)
def test_a_face(face: list[str], address: str, ring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = 2 if "99" in face else 1 if face[:1] in (["--expect"], ["--fail-on"]) else 3
    assert assert_same(address, monkeypatch, tmp_path, *face, ring) == expected


def test_pages_tables_and_charts(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    files = ("--html", "page.html", "--csv", "csv", "--parquet", "parquet", "--plots", "plots")
    capture = FOLDER / "closed-in-order/capture.pcap"
    assert assert_same(address, monkeypatch, tmp_path, *files, capture) == 0


@pytest.mark.parametrize("face", [[], ["--json"]], ids=" ".join)
def test_two_capture_points(face: list[str], address: str, tmp_path: Path) -> None:
    for name, text in (("a", near_a(*ANSWERED, *LOST, *BEAT)), ("b", near_b(*ANSWERED, *BEAT))):
        (tmp_path / name).mkdir()
        files_of(tmp_path / name, transcript(text), [4, 7])
    points = ["--point", f"a={tmp_path}/a", "--point", f"b={tmp_path}/b"]
    assert run(*face, *points, "--cluster", address).stdout == run(*face, *points).stdout != ""


@pytest.fixture(scope="module")
def cluster(address: str) -> Iterator[Cluster]:
    one = Cluster(address)
    yield one
    one.close()


@pytest.fixture(scope="module")
def here(ring: Path) -> Analysis:
    return analyze(f"{ring}/[np]*.pcap")


@pytest.fixture(scope="module")
def there(cluster: Cluster, here: Analysis) -> Remote:
    return cluster.analysis(here.capture.files)


def test_what_an_analysis_has_to_be_asked_for(there: Remote, here: Analysis) -> None:
    assert tuple(there.flows) == tuple(here.flows)
    assert (len(there.flows), there.flows[-1]) == (len(here.flows), here.flows[len(here.flows) - 1])
    for name in module.PUBLIC:
        assert getattr(there, name) == getattr(here, name), name
    settings = Keepalive(5 * 10**9, 10**9, 3)
    assert there.what_if(settings) == here.what_if(settings)


def test_tables_stay_where_they_are(there: Remote) -> None:
    for name in ("candidates", "segments", "_tracker"):
        with pytest.raises(AttributeError, match=f"no '{name}' here"):
            getattr(there, name)


def test_a_long_text_comes_in_blocks(there: Remote, here: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "".join(there.pieces(tag_lines)) == "".join(tag_lines(here))
    assert "".join(there.pieces(nothing)) == ""
    monkeypatch.setattr(module, "BLOCK_CHARACTERS", 1000)
    blocks = module._compressed(here, line_by_line)
    assert len(blocks) > 3


def line_by_line(analysis: Analysis) -> list[str]:
    return "".join(tag_lines(analysis)).splitlines(keepends=True)


def nothing(_: Analysis) -> list[str]:
    return []


def test_an_analysis_may_move_from_one_worker_to_another(here: Analysis) -> None:
    """As it does where two capture points are compared."""
    join = Join()
    for name in here.capture.files:
        join.add(read_shard(name))
    one = assembled([join.found()], None)
    assert one.analysis.advice == here.advice
    moved = pickle.loads(pickle.dumps(one)).analysis
    assert "".join(tag_lines(moved)) == "".join(tag_lines(here))
    assert tuple(moved.flows) == tuple(here.flows)
