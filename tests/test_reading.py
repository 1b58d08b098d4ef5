"""Who reads is chosen in one place, for the command and the library alike."""

from pathlib import Path

import pytest

import analyzer
from analyzer.errors import CaptureError, OptionError
from analyzer.reading import Reading, read_all
from tests.many.cut import files_of, tables, talk
from tests.transcript import transcript

pytestmark = pytest.mark.filterwarnings("default")  # dask's own


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ring")
    files_of(folder, transcript(talk(20)), [10, 20])
    return folder


@pytest.fixture(scope="module")
def plain(ring: Path) -> analyzer.Analysis:
    return analyzer.analyze(ring)


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("how", ["jobs", "keep_shards", "cluster"])
def test_the_library_reads_as_the_command_does(
    how: str, ring: Path, plain: analyzer.Analysis, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    given = {"jobs": lambda: 2, "keep_shards": lambda: tmp_path, "cluster": lambda: request.getfixturevalue("address")}
    steps: list[int] = []
    found = analyzer.analyze(ring, on_progress=steps.append, **{how: given[how]()})
    assert sorted(steps) == sorted(path.stat().st_size for path in ring.iterdir())
    assert found.ask(_tables) == tables(plain.findings)
    for name in ("flows", "ends", "segments"):
        assert found.frame(name).equals(plain.frame(name)), name
    assert found.flow(0).sentences == plain.flow(0).sentences
    assert [one.id for one in found] == [one.id for one in plain]
    assert (len(found), found.verdict, found.capture) == (len(plain), plain.verdict, plain.capture)
    assert (repr(found), found._repr_html_()) == (repr(plain), plain._repr_html_())
    found.close()


def _tables(analysis: analyzer.Analysis) -> object:
    return tables(analysis.findings)


def test_what_is_kept_is_not_read_again(ring: Path, plain: analyzer.Analysis, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    analyzer.analyze(ring, keep_shards=kept)
    names = [str(path) for path in ring.iterdir()]
    done: list[str] = []
    how = Reading(keep_shards=str(kept), resume=True)
    assert tables(read_all([str(ring)], how, on_file=done.append)) == tables(plain.findings)
    assert sorted(done) == sorted(names)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"jobs": 2, "cluster": "tcp://127.0.0.1:1"}, "jobs and cluster exclude each other"),
        ({"jobs": 0}, "at least 1"),
        ({"resume": True}, "resume goes with keep_shards"),
    ],
)
def test_what_does_not_go_together(given: dict[str, object], words: str, ring: Path) -> None:
    with pytest.raises(OptionError, match=words):
        analyzer.analyze(ring, **given)


def test_pipes_are_read_by_one_process() -> None:
    with pytest.raises(OptionError, match="read files, not pipes"):
        analyzer.analyze("-", jobs=2)


def test_one_file_that_cannot_be_used_is_an_error_whoever_reads(tmp_path: Path) -> None:
    for jobs in (1, 2):
        with pytest.raises(CaptureError, match="no such file"):
            analyzer.analyze(tmp_path / "missing.pcap", jobs=jobs)
