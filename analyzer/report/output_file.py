"""Files that are whole or not there: written under another name beside the target, then renamed.

Sees to it that no output is one of the captures that are read, or another output. What is no
regular file (a pipe, /dev/null) is written as it stands: there is nothing to keep whole.
Knows nothing of what is written.
"""

import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

from analyzer.errors import OptionError

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


@contextmanager
def binary_output(path: str, flag: str) -> Iterator[BinaryIO]:
    """Open a file that gets its name when the block ends, and never if it raises; OptionError if it cannot be
    written."""
    target = Path(path)
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        target = target.resolve()  # a link stays one, and what it leads to is replaced
        partial = target.with_name(f".ka-analyze-{os.urandom(8).hex()}")
        try:
            with partial.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())  # a full disk shows here, while the old file is still there
            if target.exists():
                partial.chmod(stat.S_IMODE(target.stat().st_mode))
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error.strerror}; give {flag} another FILE") from error


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
