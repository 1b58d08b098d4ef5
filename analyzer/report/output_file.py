"""Files that are whole or not there: written under another name beside the target, then renamed.

Sees to it that no output is one of the captures that are read, or another output. What is no
regular file (a pipe, /dev/null) is written as it stands: there is nothing to keep whole.
Knows nothing of what is written.
"""

import errno
import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import RawIOBase, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

from analyzer.errors import OptionError
from analyzer.folders import NEW, folder_of, is_own

STANDARD = "-"


def check_outputs(outputs: Mapping[str, str], captures: Sequence[str]) -> None:
    """Raise OptionError if a file to be written is read too, or written twice; `outputs` are paths by flag.

    It is called before anything is read, which may take long.
    """
    taken = {identity: f"the capture {path}" for path in captures if (identity := _identity(path, sys.stdin))}
    for flag, path in outputs.items():
        identity = _identity(path, sys.stdout)
        if identity in taken and identity is not None:
            what = "standard output" if path == STANDARD else f"{flag} {path}"
            raise OptionError(f"{what} is {taken[identity]}; give another name")
        if identity is not None:
            taken[identity] = f"what {flag} writes, too"


def check_writable(files: Mapping[str, str], folders: Mapping[str, str]) -> None:
    """Raise OptionError if this user may not write where files and folders are asked for, by flag."""
    for flag, path in files.items():
        if path != STANDARD:
            place = Path(path)
            if place.is_dir():
                raise OptionError(f"{path} cannot be written: {os.strerror(errno.EISDIR)}; give {flag} another FILE")
            is_replaced = place.is_file() or not place.exists()
            _check_may_write(str(place.absolute().parent) if is_replaced else path, path, flag)
    for flag, path in folders.items():
        whole = Path(path).absolute()
        _check_may_write(str(next(one for one in (whole, *whole.parents) if one.exists())), path, flag)


def _check_may_write(place: str, path: str, flag: str) -> None:
    why = "" if os.access(place, os.W_OK) else "this user may not write there"
    if not Path(place).exists():
        why = os.strerror(errno.ENOENT)
    if why:
        raise OptionError(f"{path} cannot be written: {why}; give {flag} another name")


@contextmanager
def binary_output(path: str, flag: str) -> Iterator[BinaryIO]:
    """Open a file that gets its name when the block ends, and never if it raises; OptionError if it cannot be
    written."""
    try:
        with folder_of(path) as (folder, name):  # a link stays one, and what it leads to is replaced
            before = folder.status(name)
            if before is not None and not stat.S_ISREG(before.st_mode):
                with os.fdopen(folder.open(name, os.O_WRONLY), "wb") as file:
                    yield file
                return
            partial = f".ka-analyze-{os.urandom(8).hex()}"
            try:
                with os.fdopen(folder.open(partial, NEW, 0o666 if before is None else 0o600), "wb") as file:
                    if before is not None and hasattr(os, "fchmod"):  # what is private was never anything else
                        os.fchmod(file.fileno(), before.st_mode & 0o777)
                    yield file
                    file.flush()
                    os.fsync(file.fileno())  # a full disk shows here, while the old file is still there
                folder.replace(partial, name)
            finally:
                folder.remove(partial)
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error.strerror}; give {flag} another FILE") from error


@contextmanager
def open_recording(path: str, flag: str) -> Iterator[RawIOBase]:
    """Open a file that is there from the beginning, however the block ends; OptionError if it cannot be written, or
    another process records to it.

    A file of another user is replaced by a new one: its owner may have it open.
    """
    try:
        with folder_of(path) as (folder, name):
            before = folder.status(name)
            if before is not None and stat.S_ISREG(before.st_mode) and not (is_own(before) and before.st_nlink == 1):
                folder.remove(name)
                before = None
            descriptor = folder.open(name, os.O_WRONLY if before is not None else NEW)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                _take_for_oneself(descriptor, path, flag)
                file.truncate(0)
            yield file
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error.strerror}; give {flag} another FILE") from error


def _take_for_oneself(descriptor: int, path: str, flag: str) -> None:
    """Lock a file until it is closed; OptionError if somebody else has."""
    try:
        import fcntl
    except ImportError:  # Windows refuses by itself
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OptionError(f"{path} is being recorded by another process; give {flag} another FILE") from error
    except OSError:  # some network file systems have no locks
        pass


@contextmanager
def text_output(path: str, flag: str) -> Iterator[TextIO]:
    """Open a file as `binary_output` does, for text in UTF-8 whose line ends are left as they are."""
    with binary_output(path, flag) as binary:
        text = TextIOWrapper(binary, encoding="utf-8", errors="replace", newline="")
        try:
            yield text
            text.flush()
        finally:
            text.detach()


def _identity(path: str, standard: TextIO | None) -> tuple[int, int] | str | None:
    """Return what tells whether two paths are one file: the inode of a regular file, or the path of one to be made;
    None for others."""
    try:
        if path != STANDARD:
            status = Path(path).stat()
        elif standard is not None:
            status = os.fstat(standard.fileno())
        else:
            return None
    except FileNotFoundError:
        return str(Path(path).resolve())
    except OSError:  # whoever opens it complains
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None
