"""Shards in a folder, as Parquet: for the next analysis of a growing ring, and for DuckDB, polars or Spark.

    DIR/shard=<key>/flows.parquet, ends.parquet, candidates.parquet, neighbours.parquet,
                    prefix.parquet, unseen.parquet, recent.parquet, shard.json

The columns are those of schema/ (FLOWS, ENDS, CANDIDATES, NEIGHBOURS, PACKETS, PACKETS, RECENT), each with its unit
and meaning as field metadata; frames and flows count from the beginning of the shard's file. The key follows from the
file's name and the time of its first frame: a file that has grown replaces its shard, a ring's file that was
written anew under an old name does not. Shards of another version of this program are not used.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analyzer.capture.coverage import Coverage
from analyzer.capture.decode.packets import Tunnels
from analyzer.capture.described import Part
from analyzer.capture.files.locations import identity_of_url, in_time_order, is_url
from analyzer.diagnostics import Diagnostics
from analyzer.engine.table import Table
from analyzer.errors import CaptureError, OptionError
from analyzer.extras import installing
from analyzer.many.shard import Shard, TooLargeError
from analyzer.many.tables import arrays, dtype_of, put, table_of
from analyzer.schema.flows import CANDIDATES, ENDS, FLOWS, NEIGHBOURS
from analyzer.schema.packets import PACKETS, RECENT

TABLES = {
    "flows": FLOWS,
    "ends": ENDS,
    "candidates": CANDIDATES,
    "neighbours": NEIGHBOURS,
    "prefix": PACKETS,
    "unseen": PACKETS,
    "recent": RECENT,
}

SHARD_SOURCES = ("*.py", "engine/*.py", "schema/*.py", "capture/**/*.py", "tcp/*.py", "many/*.py")


@dataclass(frozen=True)
class Entry:
    """A stored shard: its place, its file, and the file's identity when it was read."""

    folder: Path
    name: str
    identity: str
    first_frame_ns: int
    is_gone: bool = False
    """Whether the file is no longer there as it was."""


class ShardStore:
    """A folder of shards."""

    def __init__(self, folder: str, *, resumes: bool, expression: str = "") -> None:
        """Open or make the folder; what it holds is used only with `resumes`, and if it was filtered by the same
        expression. OptionError if the folder cannot be used."""
        try:
            import pyarrow.parquet  # noqa: F401  # better known before hours of reading than after them
        except ImportError as error:
            raise OptionError(
                f"--keep-shards needs pyarrow, which is not installed: {installing('parquet')}"
            ) from error
        self.root = Path(folder).resolve()
        self.mark = f"{fingerprint()} {expression}".rstrip()
        self._failed: dict[str, CaptureError] = {}
        self._large: dict[str, TooLargeError] = {}
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._entries = list(self._found()) if resumes else []
        except OSError as error:
            raise _unusable(self.root, error) from error
        self._identities: dict[str, str] = {}

    def _found(self) -> Iterator[Entry]:
        for path in sorted(self.root.glob("shard=*/shard.json")):
            try:
                about = json.loads(path.read_text())
                if about["fingerprint"] == self.mark:
                    yield Entry(path.parent, about["name"], about["identity"], about["first_frame_ns"])
            except (ValueError, KeyError, TypeError):
                continue  # of another program, or cut short: the file is read again

    def first_ns(self, name: str) -> int | None:
        """Return the time in ns of a file's first frame, if its shard is stored and current; None if the file would
        have to be read."""
        return next((one.first_frame_ns for one in self._entries if self._is_current(one, name)), None)

    def missing(self, names: Sequence[str]) -> list[str]:
        """Return the files that must be read."""
        return [name for name in names if self.first_ns(name) is None]

    def _is_current(self, entry: Entry, name: str) -> bool:
        if entry.name != name:
            return False
        if name not in self._identities:
            self._identities[name] = identity(name)
        return entry.identity == self._identities[name] != ""

    def note(self, name: str, read: Entry | CaptureError) -> None:
        """Note the result of reading a file."""
        if isinstance(read, TooLargeError):
            self._large[name] = read
        elif isinstance(read, CaptureError):
            self._failed[name] = read
        else:
            self._entries = [one for one in self._entries if one.folder != read.folder] + [read]

    def in_order(self, names: Sequence[str]) -> Iterator[tuple[str, Entry | CaptureError]]:
        """Yield all that is stored, and the files that were too large, in the order of time; files that failed come
        last."""
        entries: dict[str, Entry | TooLargeError] = {str(one.folder): one for one in self._entries} | self._large
        order = in_time_order(list(entries), [one.first_frame_ns for one in entries.values()])
        for one in map(entries.__getitem__, order):
            if isinstance(one, Entry):
                yield one.name, replace(one, is_gone=not self._is_current(one, one.name))
            else:
                yield one.name, one
        yield from ((name, self._failed[name]) for name in names if name in self._failed)


def keep(root: Path, mark: str, name: str, shard: Shard | CaptureError) -> Entry | CaptureError:
    """Write what was read of a file; an error stays one. OptionError if the folder cannot be written."""
    if isinstance(shard, CaptureError):
        return shard
    entry = Entry(root / f"shard={_key(shard)}", name, identity(name), shard.first_frame_ns)
    try:
        _write(shard, entry, mark)
    except OSError as error:
        raise _unusable(root, error) from error
    return entry


def load(entry: Entry | CaptureError) -> Shard | CaptureError:
    """Load a stored shard; an error is passed on."""
    if isinstance(entry, CaptureError):
        return entry
    try:
        return _read(entry)
    except (OSError, ValueError, KeyError, TypeError) as error:  # what pyarrow raises is one of these
        return CaptureError(f"{entry.name}: its shard {entry.folder} is damaged; delete that folder ({error})")


def _unusable(root: Path, error: OSError) -> OptionError:
    return OptionError(f"--keep-shards {root}: {error.strerror}; give another DIR")


def identity(name: str) -> str:
    """Return a text that changes when a file does: size and time, or what a remote file system has instead; empty if it
    is gone."""
    try:
        if is_url(name):
            return identity_of_url(name)
        status = os.stat(name)  # noqa: PTH116  # a name that is not for Path raises the same
    except (OSError, ValueError, CaptureError):
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


def fingerprint(sources: Sequence[str] = SHARD_SOURCES) -> str:
    """Return a hash of the sources that make shards: another version cannot read what they write."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for pattern in sources:
        for source in sorted(package.glob(pattern)):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _key(shard: Shard) -> str:
    return hashlib.sha256(f"{shard.part.name} {shard.first_frame_ns}".encode()).hexdigest()[:16]


def _write(shard: Shard, entry: Entry, mark: str) -> None:
    """Write a shard completely or not at all: `shard.json` comes last, and a folder without it is no shard."""
    import pyarrow as pa
    from pyarrow import parquet

    shutil.rmtree(entry.folder, ignore_errors=True)
    entry.folder.mkdir()
    for name, fields in TABLES.items():
        columns = [pa.array(values) for values in arrays(getattr(shard, name))]
        schema = pa.schema(
            pa.field(one.name, values.type, metadata=_about(one))
            for one, values in zip(fields.columns, columns, strict=True)
        )
        table = pa.table(columns, schema=schema)
        parquet.write_table(table, entry.folder / f"{name}.parquet", compression="zstd")
    about = {
        "name": entry.name,
        "identity": entry.identity,
        "first_frame_ns": entry.first_frame_ns,
        "fingerprint": mark,
        "format": shard.part.format,
        "link_types": shard.part.link_types,
        "frames": shard.part.frames,
        "names": shard.part.names,
        "tcp_packets": shard.tcp_packets,
        "coverage": shard.coverage.spans,
        "diagnostics": shard.diagnostics.as_dict(),
        "tunnels": shard.tunnels.keys,
    }
    unfinished = entry.folder / "shard.json.new"
    unfinished.write_text(json.dumps(about, indent=1))
    unfinished.rename(entry.folder / "shard.json")


def _about(column: Any) -> dict[str, str]:
    return {"unit": column.unit, "meaning": column.meaning}


def _read(entry: Entry) -> Shard:
    about = json.loads((entry.folder / "shard.json").read_text())
    coverage = Coverage()
    for span in about["coverage"]:
        coverage.add(*span)
    tables: dict[str, Any] = {name: _table(entry.folder / f"{name}.parquet", fields) for name, fields in TABLES.items()}
    tunnels = Tunnels()
    tunnels.adopt(about["tunnels"])
    return Shard(
        part=Part(
            entry.name,
            about["format"],
            tuple(about["link_types"]),
            about["frames"],
            tuple((address, name) for address, name in about["names"]),
        ),
        tcp_packets=about["tcp_packets"],
        coverage=coverage,
        diagnostics=Diagnostics(**about["diagnostics"]),
        tunnels=tunnels,
        first_frame_ns=entry.first_frame_ns,
        is_gone=entry.is_gone,
        **tables,
    )


def _table(path: Path, fields: Any) -> Table:
    import numpy as np
    from pyarrow import parquet

    read = parquet.read_table(path)
    rows = np.empty(read.num_rows, dtype_of(fields))
    for one in fields.columns:
        put(rows, one.name, ..., read[one.name].to_numpy())
    return table_of(fields, rows)
