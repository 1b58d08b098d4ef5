"""Folders held by descriptor: whoever may rename what lies on the way to one cannot put another in its place.

A symbolic link on the way is followed only if this user or root has made it: another user's may lead anywhere. What
is to be trusted later is kept in guarded folders: nobody but this user and root may exchange one on the way to them.
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
NOT_WAITING = getattr(os, "O_NONBLOCK", 0)
"""For what should be a file, and may be a pipe that nobody writes to."""
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
"""How a file is opened that must not be there yet."""
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

    def path_to(self, name: str) -> str:
        """Return a path of a file for libraries that open files by path; it is one for as long as this is held."""
        return self._of(name) if self._at is None else f"/proc/self/fd/{self._at}/{name}"

    def remove(self, name: str) -> None:
        """Remove a file, if there is one."""
        with suppress(FileNotFoundError):
            os.unlink(self._of(name), dir_fd=self._at)

    def remove_tree(self, name: str) -> None:
        """Remove a folder with all that is in it, as far as that is possible; links are not followed."""
        import shutil

        shutil.rmtree(self._of(name), ignore_errors=True, dir_fd=self._at)

    def make(self, name: str) -> None:
        """Make a folder that only this user can write to."""
        os.mkdir(self._of(name), 0o755, dir_fd=self._at)

    def names(self) -> list[str]:
        """Return the names of all that is in it, in alphabetical order."""
        if self._at is None:
            return sorted(one.name for one in Path(self.path).iterdir())
        readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._at)
        try:
            return sorted(os.listdir(readable))  # noqa: PTH208  # of a descriptor
        finally:
            os.close(readable)

    @contextmanager
    def folder(self, name: str) -> Iterator["Folder"]:
        """Yield a folder in it; PermissionError if that is another user's, or others may write to it."""
        held = os.open(name, HELD | os.O_NOFOLLOW, dir_fd=self._at) if self._at is not None else None
        try:
            below = Folder(str(Path(self.path, name)), held)
            check_private(Path(below.path).stat() if held is None else os.fstat(held), below.path)
            yield below
        finally:
            if held is not None:
                os.close(held)

    def read(self, name: str) -> bytes:
        """Return a file's octets; PermissionError if it is another user's, or others may write to it."""
        with os.fdopen(self.open(name, os.O_RDONLY | NOT_WAITING), "rb") as file:
            check_private(os.fstat(file.fileno()), str(Path(self.path, name)))
            return file.read()


@contextmanager
def folder_of(path: str) -> Iterator[tuple[Folder, str]]:
    """Yield the folder that a file lies in, or will lie in, and the file's name there: where links lead to.

    Raises OSError if there is no such folder, or a link is another user's.
    """
    if not CAN_HOLD:
        target = Path(path).resolve()
        yield Folder(str(target.parent), None), target.name
        return
    way = _Way()
    try:
        name = way.walk(path)
        yield Folder(str(Path(path).parent), way.at), name
    finally:
        os.close(way.at)


def make_folder(path: str) -> None:
    """Make a folder for outputs, and those that it lies in, where they are not there; OSError if that is not possible,
    or a link is another user's."""
    if not CAN_HOLD:
        Path(path).mkdir(parents=True, exist_ok=True)
        return
    way = _Way(makes=True)
    try:
        way.walk(path)
    finally:
        os.close(way.at)


@contextmanager
def guarded_folder(path: str) -> Iterator[Folder]:
    """Yield a folder of this user; it is made if it is not there.

    Raises PermissionError if it is another user's, or if somebody else could put another in its place; OSError if it
    cannot be made.
    """
    whole = Path(path).absolute()
    if not CAN_HOLD:
        whole.mkdir(parents=True, exist_ok=True)
        yield Folder(path, None)
        return
    way = _Way(is_guarded=True, makes=True)
    try:
        way.walk(str(whole))
        if not is_own(os.fstat(way.at)):
            raise PermissionError(errno.EACCES, f"{_path_of(way.at)} is another user's")
        yield Folder(path, way.at)
    finally:
        os.close(way.at)


class _Way:
    """The way to a file, name by name; `at` is the descriptor of the folder that was reached."""

    def __init__(self, *, is_guarded: bool = False, makes: bool = False) -> None:
        """Begin; a way that is guarded, or `makes` the folders that are not there, ends in a folder."""
        self._links = 0
        self._rest: list[str] = ["."] * (is_guarded or makes)
        self._is_guarded = is_guarded
        self._makes = makes
        self.at = os.open(".", HELD)

    def _go_on(self, path: str) -> None:
        """Put a path before what is left of the way."""
        root, *names = Path(path).parts or (".",)
        if not Path(path).is_absolute():
            names.insert(0, root)
        else:
            self.enter(os.open(root, HELD))
        self._rest += reversed(names)

    def enter(self, folder: int) -> None:
        os.close(self.at)
        self.at = folder
        if self._is_guarded:
            status = os.fstat(folder)
            if status.st_uid not in (ROOT, os.geteuid()):
                words = f"{_path_of(folder)} is another user's, who could exchange what is below it"
                raise PermissionError(errno.EACCES, words)
            if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
                raise PermissionError(errno.EACCES, f"everybody may exchange what is in {_path_of(folder)}")

    def walk(self, path: str) -> str:
        """Go as far as there are folders; return the name of the file, which may not be there yet."""
        self._go_on(path)
        while self._rest:
            name = self._rest.pop()
            try:
                here = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.at)
            except FileNotFoundError:
                if not self._rest:
                    return name
                if not self._makes:
                    raise
                os.mkdir(name, 0o755 if self._is_guarded else 0o777, dir_fd=self.at)
                self._rest.append(name)
                continue
            mode = os.fstat(here).st_mode
            if stat.S_ISDIR(mode) and self._rest:
                self.enter(here)
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


def is_of_others(path: str) -> bool:
    """Tell whether somebody but this user and root may exchange a folder, or what lies on the way to it."""
    if not CAN_HOLD:
        return False
    way = _Way(is_guarded=True)
    try:
        way.walk(str(Path(path).absolute()))
    except FileNotFoundError:  # nothing is there
        return False
    except OSError:  # who may is not known
        return True
    finally:
        os.close(way.at)
    return False


def check_private(status: os.stat_result, path: str) -> None:
    """Raise PermissionError if somebody else may have written what this is the status of."""
    if not is_own(status):
        raise PermissionError(errno.EACCES, f"{path} is another user's")
    if CAN_HOLD and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(errno.EACCES, f"others may write to {path}")


def _path_of(descriptor: int) -> str:
    with suppress(OSError):
        return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115  # of what has a number only
    return "a folder on the way"


def is_in_proc(descriptor: int) -> bool:
    """Tell whether a folder is one of the kernel's about processes, where nobody else makes links."""
    with suppress(OSError):
        return os.fstat(descriptor).st_dev == os.stat("/proc").st_dev  # noqa: PTH116  # as os.fstat gives it
    return False
