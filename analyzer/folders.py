"""Folders held by descriptor: whoever may rename what lies on the way to one cannot put another in its place.

A symbolic link on the way is followed only if this user or root has made it: another user's may lead anywhere.
Systems that cannot do so (all but Linux) are given paths, and follow links as they do.
"""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MOST_LINKS = 40
"""Links on the way to one file, as in Linux (path_resolution(7))."""
CAN_HOLD = sys.platform == "linux"
HELD = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC if CAN_HOLD else 0
ROOT = 0


class Folder:
    """A folder in which files are opened by name; no link among them is followed, but for the kernel's own in /proc."""

    def __init__(self, path: str, descriptor: int | None) -> None:
        """Hold the folder of this descriptor, or without one that of the path."""
        self.path = path
        self._at = descriptor
        self._follows = descriptor is not None and is_in_proc(descriptor)

    def _of(self, name: str) -> str:
        return name if self._at is not None else str(Path(self.path, name))

    def open(self, name: str, flags: int, mode: int = 0o666) -> int:
        """Open a file and return its descriptor; OSError where `name` is a link."""
        flags |= 0 if self._follows else getattr(os, "O_NOFOLLOW", 0)
        return os.open(self._of(name), flags | getattr(os, "O_BINARY", 0), mode, dir_fd=self._at)

    def status(self, name: str) -> os.stat_result | None:
        """Return what is known of a file, None if there is none."""
        with suppress(FileNotFoundError):
            return os.stat(self._of(name), dir_fd=self._at, follow_symlinks=self._follows)
        return None

    def replace(self, old: str, new: str) -> None:
        os.replace(self._of(old), self._of(new), src_dir_fd=self._at, dst_dir_fd=self._at)

    def remove(self, name: str) -> None:
        """Remove a file, if there is one."""
        with suppress(FileNotFoundError):
            os.unlink(self._of(name), dir_fd=self._at)


@contextmanager
def folder_of(path: str) -> Iterator[tuple[Folder, str]]:
    """Yield the folder that a file lies in, or will lie in, and the file's name there: where links lead to.

    Raises OSError if there is no such folder, or a link is another user's.
    """
    if not CAN_HOLD:
        target = Path(path).resolve()
        yield Folder(str(target.parent), None), target.name
        return
    way = _Way(path)
    try:
        name = way.walk()
        yield Folder(str(Path(path).parent), way.at), name
    finally:
        os.close(way.at)


class _Way:
    """The way to a file, name by name; `at` is the descriptor of the folder that was reached."""

    def __init__(self, path: str) -> None:
        self._links = 0
        self._rest: list[str] = []
        self.at = os.open(".", HELD)
        self._go_on(path)

    def _go_on(self, path: str) -> None:
        """Put a path before what is left of the way."""
        root, *names = Path(path).parts or (".",)
        if not Path(path).is_absolute():
            names.insert(0, root)
        else:
            self._enter(os.open(root, HELD))
        self._rest += reversed(names)

    def _enter(self, folder: int) -> None:
        os.close(self.at)
        self.at = folder

    def walk(self) -> str:
        """Go as far as there are folders; return the name of the file, which may not be there yet."""
        while self._rest:
            name = self._rest.pop()
            try:
                here = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.at)
            except FileNotFoundError:
                if self._rest:
                    raise
                return name
            mode = os.fstat(here).st_mode
            if stat.S_ISDIR(mode) and self._rest:
                self._enter(here)
                continue
            try:
                if not stat.S_ISLNK(mode) or self._is_only_for_the_kernel(here):
                    if self._rest:
                        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
                    return name
                self._follow(name, here)
            finally:
                os.close(here)
        return "."

    def _is_only_for_the_kernel(self, link: int) -> bool:
        """Tell whether a link leads to what has no path, `pipe:[1]` or the like."""
        return ":[" in os.readlink("", dir_fd=link) and is_in_proc(self.at)

    def _follow(self, name: str, link: int) -> None:
        if os.fstat(link).st_uid not in (ROOT, os.geteuid()):
            raise PermissionError(errno.EACCES, f"{name} is a link that another user has made, and is not followed")
        self._links += 1
        if self._links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        self._go_on(os.readlink("", dir_fd=link))


def is_own(status: os.stat_result) -> bool:
    """Tell whether a file is this user's, as far as the system has users."""
    return not CAN_HOLD or status.st_uid == os.geteuid()


def is_in_proc(descriptor: int) -> bool:
    """Tell whether a folder is one of the kernel's about processes, where nobody else makes links."""
    with suppress(OSError):
        return os.fstat(descriptor).st_dev == os.stat("/proc").st_dev  # noqa: PTH116  # as os.fstat gives it
    return False
