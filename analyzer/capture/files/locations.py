"""The names that a user gives: files, directories, globs and URLs; which captures those are, and in which order.

Captures of one capture point are ordered by the time of their first frame, so that a ring whose names have wrapped is
still one timeline. URLs are opened through fsspec, which is an extra; files are not.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from analyzer.errors import CaptureError

PEEK_OCTETS = 1 << 16
"""Octets requested of a remote file at once; the first frame is within them."""
NOT_FOUND, GONE = 404, 410
"""Answers of a web server for a file that is not there (RFC 9110 §15.5)."""


class InMemory(str):
    """The name of a capture whose octets are in memory: it goes wherever names of files go, to other processes, too."""

    octets: bytes

    def __new__(cls, name: str, octets: bytes) -> "InMemory":
        """Name these octets, which are a whole capture, as a file would be."""
        made = super().__new__(cls, name)
        made.octets = octets
        return made

    def __reduce__(self) -> tuple[type["InMemory"], tuple[str, bytes]]:
        return InMemory, (str(self), self.octets)


class InFolder(str):
    """The name of a file that was found in a directory: nobody said that it is a capture."""

    __slots__ = ()

    @property
    def is_called_capture(self) -> bool:
        """Tell whether its name claims that it is one."""
        endings = [one.casefold() for one in Path(self).suffixes]
        return any("cap" in one or one in CAPTURE_ENDINGS for one in endings)


CAPTURE_ENDINGS = (".dmp", ".erf", ".snoop", ".ntar", ".trc", ".trace", ".enc", ".iptrace")
"""Endings of captures without "cap" in them."""


def captures(names: Iterable[str], first_ns: Callable[[str], int | None]) -> tuple[str, ...]:
    """Return all captures that are named, in the order of time; `first_ns` tells the time of a capture's first frame.

    Captures that have no frames or cannot be used come last. If a pipe is among them, the order stays as given: reading
    the first frame of a pipe would consume it.
    """
    found = tuple(one for name in names for one in expanded(name))
    if len(found) < 2 or any(is_pipe(one) for one in found):
        return found
    return in_time_order(found, [first_ns(one) for one in found])


def in_time_order(names: Sequence[str], times: Sequence[int | None]) -> tuple[str, ...]:
    """Sort names by time; those whose time is None come last, and equal times keep the given order."""
    order = sorted(range(len(names)), key=lambda at: (times[at] is None, times[at] or 0))
    return tuple(names[at] for at in order)


def expanded(name: str) -> Sequence[str]:
    """Return the captures that one argument names; a name that leads to nothing stays, so that `source` can report
    it."""
    if isinstance(name, InMemory):
        return [name]
    if is_url(name):
        return _expanded_url(name)
    if name in ("", "-"):  # pathlib takes an empty name for the directory
        return [name]
    path = Path(name)
    try:
        if path.is_dir():
            found_there = [one for one in path.iterdir() if one.is_file() and not one.name.startswith(".")]
            return sorted(InFolder(one) for one in found_there) or [name]
        if has_magic(name) and not path.exists():
            found = glob(name, recursive=True)  # noqa: PTH207  # pathlib has no glob that may begin at the root
            return sorted(one for one in found if Path(one).is_file()) or [name]
    except (OSError, ValueError):  # a directory that may not be read, a null in the name
        return [name]
    return [name]


def is_pipe(name: str) -> bool:
    """Tell whether a name is standard input, or something else that can be read only once."""
    if name == "-":
        return True
    if isinstance(name, InMemory):
        return False
    try:
        path = Path(name)
        return not is_url(name) and path.exists() and not path.is_file() and not path.is_dir()
    except (OSError, ValueError):
        return False


def is_url(name: str) -> bool:
    """Tell whether a name looks like `s3://bucket/key` or `https://…`: anything that fsspec may know."""
    scheme, separator, _ = name.partition("://")
    return bool(separator) and scheme.replace("+", "").isalnum()


def _expanded_url(name: str) -> Sequence[str]:
    """Expand a glob, or a prefix that ends with a slash; web servers do not list their files."""
    scheme = name.partition("://")[0]
    if not (has_magic(name) or name.endswith("/")) or scheme in {"http", "https"}:
        return [name]

    def listed() -> list[str]:
        system, path = _file_system(name)
        system.invalidate_cache()  # a ring has grown since this process last asked
        found = system.glob(path + "*" if path.endswith("/") else path) if has_magic(path) else system.find(path)
        return sorted(system.unstrip_protocol(one) for one in found)

    return _asked(name, listed) or [name]


def identity_of_url(name: str) -> str:
    """Return a text that changes when the remote file does, as its file system describes it. Raises CaptureError if it
    is gone."""

    def described() -> str:
        system, path = _file_system(name)
        info = system.info(path)
        return " ".join(
            f"{key}={info[key]}" for key in ("size", "ETag", "LastModified", "mtime", "created") if key in info
        )

    return str(_asked(name, described))


def octets_of(name: str) -> int:
    """Return the size of a file in octets; 0 where it is unknown."""
    if isinstance(name, InMemory):
        return len(name.octets)
    try:
        if not is_url(name):
            return Path(name).stat().st_size
        system, path = _file_system(name)
        return int(_asked(name, lambda: system.info(path)["size"]) or 0)
    except (OSError, ValueError, CaptureError):
        return 0


def open_url(name: str) -> io.BufferedReader:
    """Open a URL for reading; raises CaptureError, and while reading OSError."""

    def opened() -> Any:
        system, path = _file_system(name)
        return system.open(path, "rb", block_size=PEEK_OCTETS * 16)

    return io.BufferedReader(_Remote(_asked(name, opened)), PEEK_OCTETS)


def _file_system(name: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        from analyzer.extras import installing

        raise CaptureError(f"{name}: URLs need packages that are not installed: {installing('remote')}") from error
    system, path = url_to_fs(name)
    return system, path


def _asked(name: str, question: Callable[[], Any]) -> Any:
    """Call `question` and return its result; whatever fsspec's file systems raise becomes a CaptureError."""
    try:
        return question()
    except CaptureError:
        raise
    except FileNotFoundError as error:
        cause = error.__cause__
        if isinstance(cause, Exception) and not _is_absence(cause):
            raise CaptureError(f"{name}: cannot be opened: {_words(cause)}") from error
        raise CaptureError(f"{name}: no such file; check the URL") from error
    except ImportError as error:
        from analyzer.extras import installing

        raise CaptureError(f"{name}: {error}; or: {installing('remote')}") from error
    except Exception as error:
        raise CaptureError(f"{name}: cannot be opened: {_words(error)}") from error


def _is_absence(cause: Exception) -> bool:
    """Tell whether an error means that there is no such file. fsspec's HTTP raises the same for no network, no right,
    or a bad certificate."""
    is_network = isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError)
    return not is_network and getattr(cause, "status", NOT_FOUND) in (NOT_FOUND, GONE)


class _Remote(io.RawIOBase):
    """A file of fsspec whose errors are OSErrors."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            octets = self._file.read(len(buffer))
        except Exception as error:
            raise OSError(_words(error)) from error
        buffer[: len(octets)] = octets
        return len(octets)

    def close(self) -> None:
        self._file.close()
        super().close()


def _words(error: Exception) -> str:
    said = "" if getattr(error, "message", None) == "" else " ".join(str(error).split())  # aiohttp's, without a reason
    return said or type(error).__name__
