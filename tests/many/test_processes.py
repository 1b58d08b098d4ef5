"""Files read in processes of their own."""

import gzip
import os
import signal
from multiprocessing import active_children
from pathlib import Path
from time import monotonic, sleep

import pytest

from analyzer.analysis import analyze
from analyzer.errors import CaptureError
from analyzer.many import processes as module
from analyzer.many.gather import gather
from analyzer.many.processes import processes
from analyzer.many.shard import Shard, TooLargeError
from tests.many.cut import files_of, joined, tables, talk
from tests.transcript import transcript

TEXT = talk(9)


def dies(name: str, **_: object) -> Shard | CaptureError:
    os.kill(os.getpid(), signal.SIGKILL)
    return CaptureError(name)


def test_in_processes_as_in_one(tmp_path: Path) -> None:
    names = [*files_of(tmp_path, transcript(TEXT), [3, 7, 11]), str(tmp_path / "missing.pcap")]
    found = tables(gather(names, processes(2)))
    [note] = found["diagnostics"]
    assert note.detail.startswith(f"{names[-1]}: no such file")
    expected = tables(joined(names[:-1]))
    for key in expected.keys() - {"diagnostics", "capture"}:
        assert found[key] == expected[key], key


def test_files_that_are_too_large_for_a_shard_are_read_as_by_a_single_pass(tmp_path: Path) -> None:
    names = files_of(tmp_path, transcript(TEXT), [3, 7, 11])
    read = list(processes(2, most_octets=0)(names))
    assert [type(one) for one in read] == [TooLargeError] * 4
    assert tables(gather(names, processes(2, most_octets=0))) == tables(analyze(*names))


def test_processes_are_for_files_that_take_long_to_get_or_to_expand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = files_of(tmp_path, transcript(TEXT), [3, 7])
    packed = [f"{name}.gz" for name in plain]
    for name, into in zip(plain, packed, strict=True):
        Path(into).write_bytes(gzip.compress(Path(name).read_bytes()))
    remote = ["https://host/a.pcap", "https://host/b.pcap"]
    for processors, expected in ((2, [False, False, True]), (3, [False, True, True])):
        monkeypatch.setattr(module, "cores", lambda processors=processors: processors)
        assert [module.pays(names) for names in (plain, packed, remote)] == expected
    assert not module.pays(packed[:1])
    assert not module.pays([str(tmp_path / "missing.pcap")] * 2)


def is_there(pid: int | None) -> bool:
    """Of a process that another thread has waited for, multiprocessing does not know that it is gone."""
    try:
        os.kill(pid or 0, 0)
    except ProcessLookupError:
        return False
    return True


def test_nobody_is_left_when_the_rest_is_not_wanted(tmp_path: Path) -> None:
    reading = processes(2)(files_of(tmp_path, transcript(TEXT), [3, 7, 11]))
    assert isinstance(next(reading), Shard)
    reading.close()  # type: ignore[attr-defined]
    until_s = monotonic() + 30
    while any(is_there(child.pid) for child in active_children()) and monotonic() < until_s:
        sleep(0.05)
    assert not any(is_there(child.pid) for child in active_children())


def test_a_process_that_is_ended_from_outside_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "read_or_error", dies)
    with pytest.raises(CaptureError, match="ended from outside, perhaps for lack of memory; try fewer --jobs"):
        list(processes(1)(files_of(tmp_path, transcript(TEXT), [3])))
