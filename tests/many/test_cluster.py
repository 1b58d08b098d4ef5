"""A cluster on this machine: the same findings, also when a worker is killed in the middle."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.capture.filter import packet_filter
from analyzer.capture.names import Naming
from analyzer.capture.until import Until
from analyzer.errors import CaptureError, OptionError
from analyzer.many import cluster as module
from analyzer.many.cluster import Cluster
from analyzer.many.shard import Shard, read_or_error
from analyzer.many.store import ShardStore
from tests.many.cut import files_of, joined, tables, talk
from tests.transcript import transcript

pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("default")  # dask's own

TEXT = talk(40)


def dies_once(name: str, **how: Any) -> Shard | CaptureError:
    """The worker that is to read this file is killed, the first time."""
    if name.endswith("00004.pcap"):
        _die(Path(name).with_suffix(".killed"))
    return read_or_error(name, **how)


def dies_before_it_answers(analysis: Analysis, marker: Path) -> object:
    """The worker that has all findings is killed, the first time."""
    _die(marker)
    return tables(analysis)


def _die(marker: Path) -> None:
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def of_this_process(_: object) -> str:
    return str(os.getpid())


def is_not_installed(_: object) -> str:
    raise ModuleNotFoundError("No module named 'analyzer'")


@pytest.fixture
def cluster(address: str) -> Iterator[Cluster]:
    one = Cluster(address)
    yield one
    one.close()


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    return files_of(tmp_path, transcript(TEXT), range(10, 80, 10))


def test_on_a_cluster_as_here(cluster: Cluster, names: list[str], tmp_path: Path) -> None:
    done: list[str] = []
    named = [*names, str(tmp_path / "missing.pcap")]
    found = cluster.analysis(named, on_file=done.append).ask(tables)
    assert sorted(done) == sorted(named)
    assert [one.code.name for one in found["diagnostics"]] == ["unreadable-file"]
    expected = tables(joined(names))
    for key in expected.keys() - {"diagnostics", "capture"}:
        assert found[key] == expected[key], key


def test_a_worker_that_is_killed_in_the_middle_changes_nothing(
    cluster: Cluster, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "read_or_error", dies_once)
    assert cluster.analysis(names).ask(tables) == tables(joined(names))
    assert (tmp_path / "00004.killed").exists()


def test_findings_that_are_lost_with_their_worker_are_drawn_again(
    cluster: Cluster, names: list[str], tmp_path: Path
) -> None:
    marker = tmp_path / "killed"
    assert cluster.analysis(names).ask(dies_before_it_answers, marker) == tables(joined(names))
    assert marker.exists()


def test_workers_keep_shards_and_take_what_is_kept(cluster: Cluster, names: list[str], tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    done: list[str] = []
    for some, fresh in ((names[:3], names[:3]), (names, names[3:]), (names, [])):
        done.clear()
        found = cluster.analysis(some, ShardStore(str(kept), resumes=True), done.append).ask(tables)
        assert sorted(done) == fresh
        assert found == tables(analyze(*some))
    assert len(list(kept.iterdir())) == len(names)


def test_files_of_which_none_can_be_used(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"none of the 1 inputs can be used: .*missing\.pcap"):
        cluster.analysis([str(tmp_path / "missing.pcap")])


def test_no_scheduler_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 1)
    for address in ("tcp://127.0.0.1:1", "nonsense"):
        with pytest.raises(OptionError, match=f"cluster {address}: no scheduler answers there"):
            Cluster(address)


def test_workers_with_another_version_or_none_are_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fingerprint", of_this_process)
    with pytest.raises(OptionError, match=r"cluster tcp://.*: tcp://.* has another version of ka-analyze"):
        Cluster(address)
    monkeypatch.setattr(module, "fingerprint", is_not_installed)
    with pytest.raises(OptionError, match=r"cluster tcp://.*: its workers cannot run ka-analyze \(No module named"):
        Cluster(address)


def test_a_person_may_say_when_capturing_ended(cluster: Cluster, names: list[str]) -> None:
    until = Until.parse("+170")
    assert cluster.analysis(names, until=until).ask(tables) == tables(analyze(*names, until=until))
    with pytest.raises(OptionError, match="is before the last frame"):
        cluster.analysis(names, until=Until.parse("0"))


def test_a_cluster_filters_and_names_as_one_process(cluster: Cluster, names: list[str]) -> None:
    chosen = packet_filter("not port 65000")
    there = cluster.analysis(names, packet_filter=chosen)
    here = analyze(*names, packet_filter=chosen)
    assert there.capture.packet_filter == "not port 65000"
    assert there.capture.tcp_packets == here.capture.tcp_packets
    there.naming = Naming({address: "named" for flow in here.flows for end in flow.ends for address in [end.address]})
    assert all("named" in end.name for end in there.flows[0].ends)
