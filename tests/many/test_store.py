"""Shards in a folder: read once, joined again and again, and open to other programs."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pyarrow import parquet

from analyzer.errors import CaptureError, OptionError
from analyzer.folders import CAN_HOLD
from analyzer.many import store as module
from analyzer.many.gather import gather
from analyzer.many.kept_shard import TABLES
from analyzer.many.shard import Shard, read_or_error
from analyzer.many.store import ShardStore
from analyzer.many.tables import arrays
from analyzer.schema.flows import CANDIDATES, FLOWS
from tests.many.cut import files_of, joined, tables, talk
from tests.transcript import transcript

ROOT = Path(__file__).parents[2]
NOBODY = 65534
TEXT = talk(9)


class Reading:
    """Reads, and remembers what."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, names: Sequence[str]) -> Iterator[Shard | CaptureError]:
        self.names.extend(Path(name).name for name in names)
        return map(read_or_error, names)


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    folder = tmp_path / "ring"
    folder.mkdir()
    return files_of(folder, transcript(TEXT), [3, 7, 11])


def again(names: list[str], tmp_path: Path) -> tuple[dict[str, object], list[str]]:
    """What is found with what is kept, and which files are read for it."""
    reading = Reading()
    return tables(gather(names, reading, ShardStore(str(tmp_path / "kept"), resumes=True))), reading.names


def test_what_is_too_large_to_be_kept_is_read_in_its_place(names: list[str], tmp_path: Path) -> None:
    def read(fresh: Sequence[str]) -> Iterator[Shard | CaptureError]:
        return (read_or_error(name, 0 if name == names[1] else None) for name in fresh)

    kept = ShardStore(str(tmp_path / "kept"), resumes=True)
    assert tables(gather(names, read, kept)) == tables(joined(names))
    assert kept.missing(names) == [names[1]]


def test_only_what_is_new_is_read(names: list[str], tmp_path: Path) -> None:
    assert again(names[:2], tmp_path)[1] == ["00000.pcap", "00001.pcap"]
    found, read = again(names, tmp_path)
    assert read == ["00002.pcap", "00003.pcap"]
    assert found == tables(joined(names))
    assert again(names, tmp_path) == (found, [])


def test_a_file_that_has_grown_takes_its_own_place(names: list[str], tmp_path: Path) -> None:
    whole = Path(names[1]).read_bytes()
    Path(names[1]).write_bytes(whole[: 24 + 2 * (16 + 64)])
    again(names[:2], tmp_path)
    Path(names[1]).write_bytes(whole)
    found, read = again(names, tmp_path)
    assert read == ["00001.pcap", "00002.pcap", "00003.pcap"]
    assert found == tables(joined(names))


def test_what_the_ring_has_overwritten_still_belongs_to_it(names: list[str], tmp_path: Path) -> None:
    """The first name is written anew with what comes last."""
    expected = tables(joined(names))
    again(names[:3], tmp_path)
    Path(names[0]).write_bytes(Path(names.pop()).read_bytes())
    found, read = again(names, tmp_path)
    assert read == ["00000.pcap"]
    for key in expected.keys() - {"capture"}:
        assert found[key] == expected[key], key


def test_without_resume_nothing_kept_is_used(names: list[str], tmp_path: Path) -> None:
    again(names, tmp_path)
    reading = Reading()
    gather(names[:1], reading, ShardStore(str(tmp_path / "kept"), resumes=False))
    assert reading.names == ["00000.pcap"]


def test_shards_of_another_version_are_read_again(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again(names, tmp_path)
    monkeypatch.setattr(module, "fingerprint", lambda: "of another version")
    assert len(again(names, tmp_path)[1]) == 4


def test_whatever_makes_shards_or_says_what_they_hold_makes_a_version() -> None:
    package = Path(module.__file__).parents[1]
    sources = {source for pattern in module.SHARD_SOURCES for source in package.glob(pattern)}
    rooms = {source.relative_to(package).parts[0] for source in sources if source.parent != package}
    assert rooms == {"engine", "schema", "capture", "tcp", "many"}
    assert package / "analysis.py" in sources


def test_half_a_shard_is_none(names: list[str], tmp_path: Path) -> None:
    again(names, tmp_path)
    first, second, *_ = sorted((tmp_path / "kept").glob("*/shard.json"))
    first.write_text(first.read_text()[:100])
    second.unlink()
    assert len(again(names, tmp_path)[1]) == 2


def test_a_file_that_fails_is_told_each_time(names: list[str], tmp_path: Path) -> None:
    bad = str(tmp_path / "missing.pcap")
    for _ in range(2):
        found, _ = again([*names, bad], tmp_path)
        assert [one.detail.partition(":")[0] for one in found["diagnostics"]] == [bad]  # type: ignore[attr-defined]


def test_the_tables_say_what_they_hold(names: list[str], tmp_path: Path) -> None:
    again(names, tmp_path)
    folder = next((tmp_path / "kept").glob("shard=*"))
    assert {path.name for path in folder.iterdir()} == {"shard.json", *(f"{name}.parquet" for name in TABLES)}
    schema = parquet.read_schema(folder / "candidates.parquet")
    assert schema.names == list(CANDIDATES._fields)
    assert schema.field("ts_ns").metadata == {b"unit": b"ns", b"meaning": b"capture time"}
    assert parquet.read_schema(folder / "flows.parquet").names == list(FLOWS._fields)
    about = json.loads((folder / "shard.json").read_text())
    assert about["name"] in names


def test_a_shard_that_was_damaged_since_is_told_and_its_file_read_again(names: list[str], tmp_path: Path) -> None:
    expected, _ = again(names, tmp_path)
    folders = sorted((tmp_path / "kept").glob("shard=*"))
    for folder, octets in zip(folders, (b"", b"PAR1", None), strict=False):
        path = folder / "ends.parquet"
        path.write_bytes(octets) if octets is not None else path.unlink()
    (folders[3] / "shard.json").write_text("{}")
    found, _ = again(names, tmp_path)
    [note] = found.pop("diagnostics")  # type: ignore[attr-defined]
    assert (note.code.name, note.count) == ("damaged-shard", 4)
    assert all(str(folder) in note.detail for folder in folders)
    assert found == {key: values for key, values in expected.items() if key != "diagnostics"}
    assert again(names, tmp_path) == (expected, [])


def test_a_damaged_shard_of_a_file_that_is_gone_is_left_out(names: list[str], tmp_path: Path) -> None:
    again(names, tmp_path)
    next((tmp_path / "kept").glob("*/ends.parquet")).write_bytes(b"")
    for name in names:
        Path(name).unlink()
    [bad] = (one for one in again([], tmp_path)[0]["diagnostics"] if one.code.name == "unreadable-file")  # type: ignore[attr-defined]
    assert "is gone, and its shard is not what was written" in bad.detail


@pytest.mark.skipif(not CAN_HOLD or os.geteuid() != 0, reason="needs root, to have folders of another user")
@pytest.mark.parametrize(
    ("owner", "mode", "words"), [(NOBODY, 0o755, "is another user's"), (0, 0o777, "everybody may exchange what is in")]
)
def test_a_folder_below_one_of_another_user_is_refused(
    owner: int, mode: int, words: str, names: list[str], tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    (theirs / "mine").mkdir(parents=True)
    os.chown(theirs, owner, owner)
    theirs.chmod(mode)
    for folder in (theirs, theirs / "mine", theirs / "mine/deeper"):
        with pytest.raises(OptionError, match=words):
            ShardStore(str(folder), resumes=True)
    assert [path.name for path in theirs.rglob("*")] == ["mine"]
    theirs.chmod(0o1777)  # as /tmp
    os.chown(theirs, 0, 0)
    gather(names, Reading(), ShardStore(str(theirs / "mine"), resumes=True))
    shard = next((theirs / "mine").iterdir())
    os.chown(shard / "ends.parquet", NOBODY, NOBODY)
    reading = Reading()
    [note] = gather(names, reading, ShardStore(str(theirs / "mine"), resumes=True)).diagnostics
    assert "ends.parquet is another user's" in note.detail


def test_a_shard_that_is_a_link_is_not_used(names: list[str], tmp_path: Path) -> None:
    again(names, tmp_path)
    shard = next((tmp_path / "kept").iterdir())
    shard.rename(tmp_path / "elsewhere")
    shard.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OptionError, match="File exists"):  # in whose place nothing can be put
        again(names, tmp_path)


def test_the_documented_query_reads_them(names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a program that is not ours."""
    duckdb = pytest.importorskip("duckdb")
    again(names, tmp_path)
    monkeypatch.chdir(tmp_path)
    [query] = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/many-captures.md").read_text(), re.DOTALL)
    assert "idle_ns > 60e9" in query
    assert duckdb.sql(query).fetchall() == []  # nothing is silent for so long
    rows = duckdb.sql(query.replace("> 60e9", ">= 0")).fetchall()
    assert {shard for shard, _, _ in rows} <= {one.name.removeprefix("shard=") for one in Path("kept").iterdir()}
    shards = [read_or_error(name) for name in names]
    expected = [(arrays(one.candidates).idle_ns >= 0).sum() for one in shards if isinstance(one, Shard)]
    assert sorted(segments for _, segments, _ in rows) == sorted(filter(None, expected)) != []


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match=r"--keep-shards .*file: .*; give another DIR"):
        ShardStore(str(tmp_path / "file"), resumes=True)
