"""Links on the way to a file, and folders that are exchanged meanwhile. What needs a second user needs root."""

import os
from pathlib import Path

import pytest

from analyzer.folders import CAN_HOLD, folder_of, is_of_others, make_folder

NOBODY = 65534
pytestmark = pytest.mark.skipif(not CAN_HOLD, reason="folders are held on Linux only")
needs_root = pytest.mark.skipif(CAN_HOLD and os.geteuid() != 0, reason="needs root, to make links of another user")


def write(path: Path | str) -> None:
    with folder_of(str(path)) as (folder, name):
        os.close(folder.open(name, os.O_WRONLY | os.O_CREAT))


@pytest.mark.parametrize("way", ["a/b/file", "a/../a/./b//file", "link/file", "a/up/b/file", "absolute/b/file"])
def test_a_file_lies_where_its_own_links_lead(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a/b").mkdir(parents=True)
    Path("link").symlink_to("a/b/")
    Path("a/up").symlink_to("../a")
    Path("absolute").symlink_to(tmp_path / "a")
    write(way)
    assert Path("a/b/file").is_file()


@pytest.mark.parametrize("way", ["missing/file", "file/file", "loop/file", "loop"])
def test_ways_that_lead_nowhere(way: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match=r"No such file|Not a directory|Too many levels of symbolic links"):
        write(tmp_path / way)


@needs_root
@pytest.mark.parametrize("way", ["planted", "shared/file"])
def test_links_of_another_user_are_not_followed(way: str, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "planted").symlink_to(tmp_path / "private/file")
    (tmp_path / "shared").symlink_to(tmp_path / "private")
    for name in ("planted", "shared"):
        os.chown(tmp_path / name, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(PermissionError, match="is a link that another user has made"):
        write(tmp_path / way)
    assert list((tmp_path / "private").iterdir()) == []


def test_a_folder_that_is_exchanged_is_still_the_one_that_was_found(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "private").mkdir()
    with folder_of(str(tmp_path / "folder/file")) as (folder, name):
        (tmp_path / "folder").rename(tmp_path / "away")
        (tmp_path / "folder").symlink_to("private")
        os.close(folder.open(name, os.O_WRONLY | os.O_CREAT))
        folder.replace(name, "renamed")
    assert [path.name for path in (tmp_path / "away").iterdir()] == ["renamed"]
    assert list((tmp_path / "private").iterdir()) == []


def test_a_link_that_comes_last_is_not_followed(tmp_path: Path) -> None:
    with folder_of(str(tmp_path / "file")) as (folder, name):
        (tmp_path / "file").symlink_to("private")
        with pytest.raises(OSError, match="symbolic link"):
            folder.open(name, os.O_WRONLY | os.O_CREAT)
    assert not (tmp_path / "private").exists()


def test_what_has_no_path_is_found_where_the_kernel_shows_it() -> None:
    reading, writing = os.pipe()
    with folder_of(f"/proc/self/fd/{writing}") as (folder, name):
        os.write(descriptor := folder.open(name, os.O_WRONLY), b"x")
    assert os.read(reading, 9) == b"x"
    for one in (reading, writing, descriptor):
        os.close(one)


@needs_root
def test_whose_a_folder_is_depends_on_all_who_may_exchange_it(tmp_path: Path) -> None:
    for name in ("own", "theirs/below", "open/below"):
        (tmp_path / name).mkdir(parents=True)
    os.chown(tmp_path / "theirs", NOBODY, NOBODY)
    (tmp_path / "open").chmod(0o777)
    for name, owner in (("planted", NOBODY), ("link", 0)):
        (tmp_path / name).symlink_to("own")
        os.chown(tmp_path / name, owner, owner, follow_symlinks=False)
    (tmp_path / "to-theirs").symlink_to("theirs/below")
    others = {one.name for one in tmp_path.iterdir() if is_of_others(str(one))}
    assert others == {"theirs", "open", "planted", "to-theirs"}
    assert is_of_others(str(tmp_path / "theirs/below"))
    assert not is_of_others(str(tmp_path / "missing/below"))


def test_folders_are_made_where_own_links_lead(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    for _ in range(2):
        make_folder(str(tmp_path / "link/a/b"))
    assert (tmp_path / "there/a/b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        make_folder(str(tmp_path / "file"))


@needs_root
def test_folders_are_not_made_where_another_users_link_leads(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "planted").symlink_to("private")
    os.chown(tmp_path / "planted", NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(PermissionError, match="is a link that another user has made"):
        make_folder(str(tmp_path / "planted/below"))
    assert list((tmp_path / "private").iterdir()) == []
