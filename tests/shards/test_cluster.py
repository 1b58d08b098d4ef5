"""A cluster on this machine: the same result, also when a worker is killed in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.errors import CaptureError, OptionError
from analyzer.shards import cluster as module
from analyzer.shards.cluster import cluster
from analyzer.shards.gather import gather, read_or_error
from analyzer.shards.shard import Shard
from tests.shards.cut import files_of, joined, tables, talk
from tests.transcript import transcript

pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("default")  # dask's own

ROOT = Path(__file__).parents[2]
TEXT = talk(40)


def dies_once(name: str) -> Shard | CaptureError:
    """The worker that is to read this file is killed, the first time."""
    marker = Path(name).with_suffix(".killed")
    if name.endswith("00004.pcap") and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return read_or_error(name)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The two commands of docs/many-captures.md: a scheduler, and two workers."""
    dask = str(Path(sys.executable).with_name("dask"))
    folder = tmp_path_factory.mktemp("dask")
    about = folder / "scheduler.json"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DASK_TEMPORARY_DIRECTORY": str(folder)}
    commands = (
        [dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(about), "--no-dashboard"],
        [dask, "worker", "--scheduler-file", str(about), "--nworkers", "2", "--nthreads", "1", "--no-dashboard"],
    )
    with (folder / "log").open("w") as log:
        started = [subprocess.Popen(one, cwd=ROOT, env=environment, stdout=log, stderr=log) for one in commands]
        try:
            until = time.monotonic() + 60
            while not about.exists() and time.monotonic() < until:
                time.sleep(0.1)
            yield json.loads(about.read_text())["address"]
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def test_on_a_cluster_as_here(address: str, tmp_path: Path) -> None:
    names = files_of(tmp_path, transcript(TEXT), range(10, 80, 10))
    with cluster(address) as there:
        whole = there.joined([*names, str(tmp_path / "missing.pcap")]).finish()
        shards = gather(names, there.reader)
    found = tables(whole)
    assert [one.code.name for one in found["diagnostics"]] == ["unreadable-file"]
    expected = tables(joined(names))
    assert tables(shards) == expected
    for key in expected.keys() - {"diagnostics", "capture"}:
        assert found[key] == expected[key], key


def test_a_worker_that_is_killed_in_the_middle_changes_nothing(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = files_of(tmp_path, transcript(TEXT), range(10, 80, 10))
    monkeypatch.setattr(module, "read_or_error", dies_once)
    with cluster(address) as there:
        found = there.joined(names).finish()
    assert (tmp_path / "00004.killed").exists()
    assert tables(found) == tables(joined(names))


def test_no_scheduler_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 1)
    for address in ("tcp://127.0.0.1:1", "nonsense"):
        with pytest.raises(OptionError, match=f"--cluster {address}: no scheduler answers there"), cluster(address):
            pass
