"""Libraries: which object files they are made of, and what becomes of those of other sources."""

from pathlib import Path
from typing import Any

import pytest

from analyzer.capture.decode.headers import decode
from analyzer.capture.decode.packets import count_of
from analyzer.capture.files.pcap import walk_pcap
from analyzer.engine import native
from analyzer.engine.compiler import build as room
from analyzer.engine.compiler.build import CannotLinkError, _digest, build, linker
from analyzer.engine.dispatch import Engine
from analyzer.engine.native import levels_here, path_of
from analyzer.engine.table import Table
from analyzer.schema import KIND_TCP
from analyzer.schema.packets import PACKETS, RECORDS

SMALL = [(count_of, (PACKETS, int, int))]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One kernel, compiled in this process."""
    monkeypatch.setattr(room, "_kernels", lambda: SMALL)
    monkeypatch.setattr(room, "ProcessPoolExecutor", _InThisProcess)


class _InThisProcess:
    compiled = 0

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __enter__(self) -> "_InThisProcess":
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, function: Any, *columns: Any) -> list[Any]:
        made = list(map(function, *columns))
        _InThisProcess.compiled += len(made)
        return made


@pytest.mark.usefixtures("small")
def test_what_is_not_edited_is_not_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build(tmp_path, tmp_path / "objects")
    before = _InThisProcess.compiled
    monkeypatch.setattr(room, "fingerprint", lambda: "edited")
    second = build(tmp_path, tmp_path / "objects")
    assert _InThisProcess.compiled == before
    assert not any(library.exists() for library in first)
    assert second == [path_of(tmp_path, level, "edited") for level in native.levels_built()]
    packets = Table(PACKETS)
    packets.reserve(1)
    engine = Engine(native.Library(path_of(tmp_path, next(levels_here()), "edited")))
    assert engine.run(count_of, packets.view, 1, KIND_TCP) == count_of(packets.view, 1, KIND_TCP)


def test_an_object_file_depends_on_all_that_goes_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def digests() -> set[str]:
        return {_digest(decode, (b"", RECORDS, int, int, PACKETS, "q"))}

    seen = digests()
    assert digests() == seen
    seen |= {_digest(walk_pcap, (b"", RECORDS, int, int, PACKETS, "q"))}
    seen |= {_digest(decode, (b"", RECORDS, int, int, PACKETS, "i"))}
    helpers = room.called_by(decode, set())
    helper = next(one for one in helpers if any(isinstance(value, int) for value in _constants(one)))
    name = next(name for name in helper.__code__.co_names if isinstance(helper.__globals__.get(name), int))
    monkeypatch.setitem(helper.__globals__, name, 12345)  # a constant that a helper reads
    seen |= digests()
    monkeypatch.setattr(helper, "__code__", helper.__code__.replace(co_consts=(*helper.__code__.co_consts, 1)))
    seen |= digests()
    assert len(seen) == 5


def _constants(function: Any) -> list[Any]:
    return [function.__globals__.get(name) for name in function.__code__.co_names]


def test_the_linker_is_a_c_compiler_or_ziglang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "ccache cc -m64")
    monkeypatch.setattr(room.shutil, "which", lambda name: name if name == "ccache" else None)
    assert linker() == ["ccache", "cc", "-m64"]
    monkeypatch.setattr(room.shutil, "which", lambda name: name if name == "gcc" else None)
    assert linker() == ["gcc"]
    monkeypatch.setattr(room.shutil, "which", lambda _: None)
    monkeypatch.setattr(room, "find_spec", lambda _: True)
    assert linker()[1:] == ["-m", "ziglang", "cc"]
    monkeypatch.setattr(room, "find_spec", lambda _: None)
    with pytest.raises(CannotLinkError, match="no C compiler"):
        linker()


@pytest.mark.usefixtures("small")
def test_what_cannot_be_linked_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "linker", lambda: ["false"])
    with pytest.raises(CannotLinkError, match="false does not link"):
        build(tmp_path, tmp_path / "objects")
    assert list(tmp_path.iterdir()) == [tmp_path / "objects"]
