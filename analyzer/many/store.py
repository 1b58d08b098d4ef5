"""Shards in a folder, as Parquet: for the next analysis of a growing ring, and for DuckDB, polars or Spark.

    DIR/shard=<key>/flows.parquet, ends.parquet, candidates.parquet, neighbours.parquet,
                    prefix.parquet, unseen.parquet, recent.parquet, shard.json

The columns are those of schema/ (FLOWS, ENDS, CANDIDATES, NEIGHBOURS, PACKETS, PACKETS, RECENT), each with its unit
and meaning as field metadata; frames and flows count from the beginning of the shard's file. The key follows from the
file's name and the time of its first frame: a file that has grown replaces its shard, a ring's file that was
written anew under an old name does not. Shards of another version of this program are not used, nor are those that are
not what was written (`kept_shard.py`), which is a diagnostic. DIR is this user's, and nobody else may write to it.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analyzer.capture.decode.selection import PacketFilter
from analyzer.capture.files.locations import identity_of_url, in_time_order, is_url
from analyzer.diagnostics import DAMAGED_SHARD
from analyzer.errors import CaptureError, OptionError
from analyzer.extras import installing
from analyzer.folders import guarded_folder
from analyzer.many import kept_shard
from analyzer.many.shard import Shard, TooLargeError, read_or_error

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


class DamagedShardError(CaptureError):
    """A stored shard is not what was written: its file must be read again."""


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
        self.root = Path(folder).absolute()
        self.mark = f"{fingerprint()} {expression}".rstrip()
        self.damaged: list[str] = []
        """What is not used of the folder because it is not what was written, with the reason."""
        self._failed: dict[str, CaptureError] = {}
        self._large: dict[str, TooLargeError] = {}
        try:
            with guarded_folder(str(self.root)):
                pass
            self._entries = list(self._found()) if resumes else []
        except OSError as error:
            raise _unusable(self.root, error) from error
        self._identities: dict[str, str] = {}

    def _found(self) -> Iterator[Entry]:
        with guarded_folder(str(self.root)) as root:
            for name in root.names():
                if not name.startswith("shard="):
                    continue
                try:
                    with root.folder(name) as folder:
                        about = kept_shard.read_about(folder)
                except FileNotFoundError:
                    continue  # it was not written to its end
                except (OSError, ValueError) as error:
                    self.damaged.append(_why(self.root / name, error))
                    continue
                if about["fingerprint"] == self.mark:
                    yield Entry(self.root / name, about["name"], about["identity"], about["first_frame_ns"])

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
    entry = Entry(root / kept_shard.key(name, shard.first_frame_ns), name, identity(name), shard.first_frame_ns)
    try:
        with guarded_folder(str(root)) as folder:
            kept_shard.write(shard, folder, entry.identity, mark)
    except OSError as error:
        raise _unusable(root, error) from error
    return entry


def load(entry: Entry | CaptureError) -> Shard | CaptureError:
    """Load a stored shard; an error is passed on. DamagedShardError if it is not what was written."""
    if isinstance(entry, CaptureError):
        return entry
    try:
        with guarded_folder(str(entry.folder.parent)) as root, root.folder(entry.folder.name) as folder:
            return kept_shard.read(folder, kept_shard.read_about(folder), is_gone=entry.is_gone)
    except (OSError, ValueError) as error:  # what pyarrow raises is one of these
        return DamagedShardError(_why(entry.folder, error))


def load_or_read(
    entry: Entry | CaptureError, root: Path, mark: str, packet_filter: PacketFilter | None
) -> Shard | CaptureError:
    """Load a stored shard; if it is not what was written, read its file again, and store that."""
    loaded = load(entry)
    if not isinstance(loaded, DamagedShardError) or not isinstance(entry, Entry):
        return loaded
    if entry.is_gone:
        return CaptureError(f"{entry.name}: it is gone, and its shard is not what was written ({loaded})")
    again = read_or_error(entry.name, packet_filter=packet_filter)
    keep(root, mark, entry.name, again)
    if isinstance(again, Shard):
        again.diagnostics.add(DAMAGED_SHARD, 0, str(loaded))
    return again


def _why(folder: Path, error: Exception) -> str:
    return f"{folder}: {error.strerror if isinstance(error, OSError) and error.strerror else error}"


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
