"""One shard as a folder of files: written whole or not at all, and used only if it still is what was written.

`shard.json` comes last, with a digest of each other file and of itself; a folder without it is no shard. A digest
tells damage; that nobody else wrote it is told by the owner, and that it can be of a file by `sound.py`.
"""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

from analyzer.capture.coverage import Coverage
from analyzer.capture.decode.packets import Tunnels
from analyzer.capture.described import Part
from analyzer.diagnostics import Diagnostics
from analyzer.engine.table import Table
from analyzer.folders import NEW, Folder
from analyzer.many import sound
from analyzer.many.shard import Shard
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
ABOUT = "shard.json"


def key(name: str, first_frame_ns: int) -> str:
    """Return the name of a shard's folder, which follows from the file's name and the time of its first frame."""
    return "shard=" + _digest(f"{name} {first_frame_ns}".encode())[:16]


def write(shard: Shard, root: Folder, identity: str, mark: str) -> None:
    """Write a shard into a folder of its own; one that was there is replaced. OSError if that is not possible."""
    import pyarrow as pa
    from pyarrow import parquet

    place = key(shard.part.name, shard.first_frame_ns)
    root.remove_tree(place)
    root.make(place)
    about: dict[str, Any] = {
        "name": shard.part.name,
        "identity": identity,
        "first_frame_ns": shard.first_frame_ns,
        "fingerprint": mark,
        "format": shard.part.format,
        "link_types": shard.part.link_types,
        "frames": shard.part.frames,
        "names": shard.part.names,
        "tcp_packets": shard.tcp_packets,
        "coverage": shard.coverage.spans,
        "diagnostics": shard.diagnostics.as_dict(),
        "tunnels": shard.tunnels.keys,
        "sha256": {},
    }
    with root.folder(place) as folder:
        for name, fields in TABLES.items():
            columns = [pa.array(values) for values in arrays(getattr(shard, name))]
            schema = pa.schema(
                pa.field(one.name, values.type, metadata={"unit": one.unit, "meaning": one.meaning})
                for one, values in zip(fields.columns, columns, strict=True)
            )
            octets = io.BytesIO()
            parquet.write_table(pa.table(columns, schema=schema), octets, compression="zstd")
            about["sha256"][name] = _digest(octets.getbuffer())
            _write(folder, f"{name}.parquet", octets.getbuffer())
        about["sha256"][ABOUT] = _digest_of(about)
        _write(folder, f"{ABOUT}.new", json.dumps(about, indent=1).encode())
        folder.replace(f"{ABOUT}.new", ABOUT)


def _write(folder: Folder, name: str, octets: Any) -> None:
    with open(folder.open(name, NEW, 0o644), "wb") as file:  # noqa: PTH123  # a descriptor
        file.write(octets)


def read_about(folder: Folder) -> dict[str, Any]:
    """Return what `shard.json` says; ValueError if it is not what was written."""
    try:
        about: dict[str, Any] = json.loads(folder.read(ABOUT))
    except RecursionError as error:
        raise ValueError("shard.json is nested too deeply") from error
    sound.check_about(about)
    if about["sha256"].pop(ABOUT, None) != _digest_of(about):
        raise ValueError("shard.json is not what was written")
    if Path(folder.path).name != key(about["name"], about["first_frame_ns"]):
        raise ValueError("the folder has another shard's name")
    return about


def read(folder: Folder, about: dict[str, Any], *, is_gone: bool) -> Shard:
    """Read a shard; ValueError if it is not what was written, or cannot be of a file."""
    tunnels, coverage = Tunnels(), Coverage()
    tunnels.adopt(about["tunnels"])
    for span in about["coverage"]:
        coverage.add(*span)
    names = tuple((address, called) for address, called in about["names"])
    tables: dict[str, Any] = {name: _table(folder, name, about) for name in TABLES}
    shard = Shard(
        part=Part(about["name"], about["format"], tuple(about["link_types"]), about["frames"], names),
        tcp_packets=about["tcp_packets"],
        coverage=coverage,
        diagnostics=Diagnostics(**about["diagnostics"]),
        tunnels=tunnels,
        first_frame_ns=about["first_frame_ns"],
        is_gone=is_gone,
        **tables,
    )
    sound.check(shard)
    return shard


def _table(folder: Folder, name: str, about: dict[str, Any]) -> Table:
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    octets = folder.read(f"{name}.parquet")
    if about["sha256"].get(name) != _digest(octets):
        raise ValueError(f"{name}.parquet is not what was written")
    file, fields = parquet.ParquetFile(pa.BufferReader(octets)), TABLES[name]
    expected = [(column.name, pa.from_numpy_dtype(_dtype(fields, column.name))) for column in fields.columns]
    if [(one.name, one.type) for one in file.schema_arrow] != expected:
        raise ValueError(f"{name}.parquet has other columns")
    if file.metadata.num_rows > 2 * about["frames"]:
        raise ValueError(f"{name}.parquet has more rows than the file can have")
    read = file.read()
    if any(one.null_count for one in read.columns):
        raise ValueError(f"{name}.parquet lacks values")
    rows = np.empty(read.num_rows, dtype_of(fields))
    for column in fields.columns:
        put(rows, column.name, ..., read[column.name].to_numpy())
    return table_of(fields, rows)


def _dtype(fields: Any, name: str) -> Any:
    """Return the numpy type in which a column is written: that of its piece, or of an integer put together of two."""
    import numpy as np

    dtype = dtype_of(fields)
    return np.dtype("q") if name + "+" in dtype.names else dtype[name]


def _digest(octets: Any) -> str:
    return hashlib.sha256(octets).hexdigest()


def _digest_of(about: dict[str, Any]) -> str:
    """Return the digest of all that `shard.json` says but for this digest."""
    return _digest(json.dumps(about, sort_keys=True).encode())
