"""What was altered of a kept shard is never used, whatever it was."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from analyzer.folders import guarded_folder
from analyzer.many import kept_shard
from analyzer.many.shard import Shard, read_shard
from tests.recordings import FOLDER


def read(folder: Path) -> Shard:
    with guarded_folder(str(folder.parent)) as root, root.folder(folder.name) as held:
        return kept_shard.read(held, kept_shard.read_about(held), is_gone=False)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The folder of one shard."""
    with guarded_folder(str(tmp_path / "kept")) as root:
        for sample in ("nc-30-10-5", "nat-forgets-one-of-two"):
            kept_shard.write(read_shard(str(FOLDER / sample / "capture.pcap")), root, "identity", "mark")
    return min((tmp_path / "kept").iterdir())


def sealed(folder: Path) -> None:
    """Make the digests anew, as somebody does who knows how."""
    about = json.loads((folder / "shard.json").read_text())
    tables = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.parquet")}
    about["sha256"] = tables
    whole = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    (folder / "shard.json").write_text(json.dumps(about | {"sha256": tables | {"shard.json": whole}}))


def test_what_is_read_is_what_was_written(kept: Path) -> None:
    written = read_shard(json.loads((kept / "shard.json").read_text())["name"])
    again = read(kept)
    for name in kept_shard.TABLES:
        assert bytes(getattr(again, name).octets) == bytes(getattr(written, name).octets), name
    assert (again.part, again.first_frame_ns) == (written.part, written.first_frame_ns)
    assert again.coverage.spans == written.coverage.spans
    sealed(kept)
    read(kept)


def test_each_octet_counts(kept: Path) -> None:
    for path in sorted(kept.iterdir()):
        octets = path.read_bytes()
        for place in range(0, len(octets), max(len(octets) // 15, 1)):
            changed = bytearray(octets)
            changed[place] ^= 0x10
            for other in (changed, octets[:place]):
                path.write_bytes(other)
                with pytest.raises(ValueError, match=r"\w"):
                    read(kept)
        path.write_bytes(octets)
    read(kept)


@pytest.mark.parametrize("name", ["shard.json", "flows.parquet", "recent.parquet"])
def test_a_file_of_another_shard_is_not_taken_for_it(name: str, kept: Path) -> None:
    other = max(kept.parent.iterdir())
    (kept / name).write_bytes((other / name).read_bytes())
    with pytest.raises(ValueError, match=r"is not what was written|has another shard's name"):
        read(kept)


def changed(column: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        path = folder / f"{column.partition('.')[0]}.parquet"
        parquet.write_table(change(parquet.read_table(path)), path)

    return write


def with_values(column: str, value: int) -> Callable[[Path], None]:
    name = column.partition(".")[2]

    def change(table: pa.Table) -> pa.Table:
        field = table.schema.field(name)
        values = [value, *table[name].to_pylist()[1:]]
        return table.set_column(table.schema.get_field_index(name), field, pa.array(values, field.type))

    return changed(column, change)


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (with_values("candidates.flow", 99), "candidates.flow is out of its range"),
        (with_values("ends.snd_nxt", 2**33), "ends.snd_nxt is out of its range"),
        (with_values("prefix.flow", -2), "prefix.flow is out of its range"),
        (with_values("candidates.end", 2), "candidates.end is out of its range"),
        (with_values("candidates.frame", 2**40), "candidates.frame is out of its range"),
        (with_values("candidates.ts_ns", 2**62), "candidates.ts_ns is out of its range"),
        (with_values("flows.tunnel", 1), "flows.tunnel is out of its range"),
        (with_values("ends.window_shift", 63), "ends.window_shift is out of its range"),
        (with_values("prefix.frame", 9), "prefix is out of order"),
        (changed("ends", lambda table: table.slice(1)), "a connection has not two ends"),
        (changed("flows", lambda table: table.drop_columns(["ports"])), "flows.parquet has other columns"),
        (changed("ends", lambda table: pa.concat_tables([table] * 999)), "has more rows than the file can have"),
    ],
)
def test_what_cannot_be_of_a_file_is_not_used_even_if_it_is_sealed(
    alter: Callable[[Path], None], words: str, kept: Path
) -> None:
    alter(kept)
    sealed(kept)
    with pytest.raises(ValueError, match=words):
        read(kept)
