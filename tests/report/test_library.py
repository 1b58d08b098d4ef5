"""What `import analyzer` gives: lazily, typed, without printing anything or keeping global state."""

import json
import pickle
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner
from rich.console import Console

import analyzer
from analyzer.cli import main
from analyzer.errors import OptionError
from analyzer.keepalive.story.values import Answer, GapKind
from analyzer.keepalive.verdict.values import Outcome
from analyzer.report.page import first_screen
from analyzer.schema.export import FRAMES

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
NAT = SAMPLES / "nat-forgets-one-of-two/capture.pcap"


@pytest.fixture(scope="module")
def nat() -> analyzer.Analysis:
    return analyzer.analyze(NAT)


def test_every_table_is_an_attribute(nat: analyzer.Analysis) -> None:
    for name in FRAMES:
        table = getattr(nat, name)
        columns = [field.name for field in FRAMES[name]]
        assert [*(one for one in table.index.names if one), *table.columns] == columns
        assert getattr(nat, name) is table  # made once


def test_the_example_is_the_recording(nat: analyzer.Analysis) -> None:
    example = analyzer.load_example()
    assert example.to_json() == nat.to_json().replace(str(NAT), "example.pcap")
    assert example.packets(as_="raw") == nat.packets(as_="raw")


def test_units_and_meanings_survive(nat: analyzer.Analysis, tmp_path: Path) -> None:
    """What pandas does within a table, two captures put together, two tables merged, pickling, and Parquet."""
    nat.write_parquet(tmp_path)
    probes = nat.probes
    for made in (
        probes[probes.answer == "nothing"],
        probes.sort_values("delay").assign(n=1),
        pd.concat([probes, analyzer.analyze(NAT).probes]),
        probes.merge(nat.ends, on=["flow", "end"]).join(nat.flows[["max_idle"]], on="flow"),
        nat.segments.merge(probes, on="frame"),
        nat.flow(0).probes,
        pickle.loads(pickle.dumps(probes)),
        pd.read_parquet(tmp_path / "probes.parquet"),
    ):
        assert made.attrs["units"]["delay"] == "ns"


def test_duckdb_gets_durations(nat: analyzer.Analysis, tmp_path: Path) -> None:
    """From a DataFrame as they are, from Parquet, which has no such type, through the views beside the files."""
    nat.write_parquet(tmp_path)
    frame, probes = nat.flows.reset_index(), nat.probes
    with duckdb.connect(config={"file_search_path": str(tmp_path)}) as database:
        database.execute((tmp_path / "duckdb.sql").read_text(encoding="utf-8"))
        assert set(FRAMES) == {
            name for [name] in database.sql("select view_name from duckdb_views() where not internal").fetchall()
        }
        [(read, kind)] = database.sql("select max(max_idle), any_value(typeof(max_idle)) from flows").fetchall()
        delays = [one for [one] in database.sql("select delay from probes order by frame").fetchall()]
    assert (read, kind) == (frame.max_idle.max().to_pytimedelta(), "INTERVAL")
    in_order = probes.sort_values("frame").delay
    assert delays == [one.to_pytimedelta() if one is not pd.NaT else None for one in in_order]
    [(known,)] = duckdb.sql("select max(max_idle) from frame").fetchall()
    assert known == read


def test_flows_are_looked_up_by_number(nat: analyzer.Analysis) -> None:
    assert nat.flows.index.name == "flow"
    assert nat.flows.loc[1, "outcome"] == "alive"
    assert nat.flow(1).verdict.outcome is Outcome.ALIVE
    assert [one.id for one in nat] == [0, 1]
    assert len(nat) == 2


def test_enums_compare_with_their_names_and_with_columns(nat: analyzer.Analysis) -> None:
    """The sample's truth: the first of two connections timed out, the other is alive."""
    assert nat.verdict is not None
    assert nat.verdict.outcome == "timed-out"
    assert f"{nat.verdict.outcome}" == "timed-out"
    assert list(nat.flows.outcome == analyzer.Outcome.TIMED_OUT) == [True, False]
    assert (nat.flow(0).segments.tag == analyzer.Tag.KEEPALIVE_PROBE).sum() == len(nat.flow(0).probes) == 4
    assert (nat.flow(0).probes.answer == Answer.NOTHING).sum() == 4
    assert (nat.gaps.kind == GapKind.GIVE_UP).sum() == 1


def test_a_capture_may_have_gone_on(nat: analyzer.Analysis) -> None:
    """As a datetime, which has µs, in seconds since 1970, or after the last frame."""
    last_ns = nat.capture.last_ns
    time = datetime.fromtimestamp(last_ns // 10**9 + 60, UTC)
    for until in (time, time.replace(tzinfo=None), time.timestamp(), time.isoformat()):
        assert analyzer.analyze(NAT, until=until).capture.until_ns == (last_ns // 10**9 + 60) * 10**9
    assert analyzer.analyze(NAT, until="+60").capture.until_ns == last_ns + 60 * 10**9
    with pytest.raises(OptionError, match="is before the last frame"):
        analyzer.analyze(NAT, until=0)


@pytest.mark.parametrize("number", [-1, 2])
def test_no_such_connection(nat: analyzer.Analysis, number: int) -> None:
    with pytest.raises(IndexError, match="the capture has 2"):
        nat.flow(number)


@pytest.mark.parametrize("which", [None, 1.0, [0]])
def test_what_is_no_connection(nat: analyzer.Analysis, which: Any) -> None:
    with pytest.raises(TypeError, match="a number, or an address and port, not"):
        nat.flow(which)


def test_errors_are_those_that_python_has_for_it(nat: analyzer.Analysis) -> None:
    """A wrong value is a ValueError too; what cannot be read is one of ours, by its public name."""
    with pytest.raises(ValueError, match="scapy, dpkt, raw"):
        nat.packets(as_="pyshark")
    with pytest.raises(analyzer.CaptureError):
        analyzer.analyze("no-such.pcap")
    with pytest.raises(analyzer.OptionError, match="at least 268,435,456"):
        analyzer.analyze(NAT, max_memory=1000)


def test_no_such_table(nat: analyzer.Analysis) -> None:
    with pytest.raises(OptionError, match="there are flows, ends"):
        nat.frame("conections")


def test_the_verdict_is_that_of_the_most_urgent(nat: analyzer.Analysis) -> None:
    assert nat.verdict is not None
    assert nat.verdict.outcome is Outcome.TIMED_OUT


def test_it_shows_itself_in_a_notebook_and_a_terminal(nat: analyzer.Analysis) -> None:
    for one in (nat, nat.flow(0)):
        page = one._repr_html_()
        assert "timed out" in page
        assert "<script" not in page
        console = Console(width=100, record=True, file=StringIO())
        console.print(one)
        assert "timed out" in console.export_text()
    fixed = f"<br>→ {first_screen.with_code(nat.conclusions.fix[0])}</p>"
    assert nat._repr_html_().index(fixed) < nat._repr_html_().index("#0</b>")
    title, *said = repr(nat).splitlines()
    assert title.startswith(f"<Analysis of {NAT} · pcap, Ethernet · 37 frames")
    first, second = nat.conclusions.itertuples()
    assert said == [first.text, f"→ {first.fix}", second.text]


def test_an_empty_capture_has_no_verdict(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(NAT.read_bytes()[:24])
    found = analyzer.analyze(empty)
    assert found.verdict is None
    assert found.flows.empty
    assert "No TCP connection" in found._repr_html_()


def command(*arguments: str) -> str:
    """What the command prints."""
    done = CliRunner().invoke(main, [*arguments, str(NAT)])
    assert done.exit_code == 0
    return done.stdout


def test_what_the_command_prints_is_a_method_too(nat: analyzer.Analysis, tmp_path: Path) -> None:
    assert nat.to_json() == command("--json")
    assert nat.tags() == [json.loads(line) for line in command("--tags").splitlines()]
    supposed = nat.what_if(time=6, intvl=3, probes=4)
    assert repr(supposed).split() == command("--what-if", "time=6,intvl=3,probes=4").split()
    assert repr(nat.what_if("time=6,intvl=3,probes=4")) == repr(supposed)
    with_it = json.loads(command("--json", "--what-if", "time=6,intvl=3,probes=4"))
    assert supposed.as_object() == with_it["what_if"]
    assert repr(nat.what_if()) == repr(nat.what_if("time=7200,intvl=75,probes=9"))
    with pytest.raises(OptionError, match="time=60,intvl=10,probes=5"):
        nat.what_if(tiem=6)
    nat.annotate(tmp_path / "library.pcapng")
    command("--annotate", str(tmp_path / "command.pcapng"))
    assert (tmp_path / "library.pcapng").read_bytes() == (tmp_path / "command.pcapng").read_bytes()


def test_expectations(nat: analyzer.Analysis) -> None:
    """The sample's truth: 14/3/4 at one port, 6/3/4 at the other."""
    assert nat.expect("intvl=3", ":40001:time=6") == nat.expect(":40001:time=6", intvl=3) == []
    assert nat.expect(time=14) == nat.expect("time=14") != []
    [line] = nat.expect(":40001:time=14")
    assert line.startswith("expected tcp_keepalive_time = 14, but #1")
    assert nat.expect("probes=9", strict=True)
    for ask in (lambda: nat.expect("tiem=60"), lambda: nat.expect(tiem=60)):
        with pytest.raises(OptionError, match="is not understood"):
            ask()
    with pytest.raises(TypeError, match="needs settings"):
        nat.expect()


@pytest.mark.parametrize("given", [NAT, NAT.read_bytes()], ids=["file", "bytes"])
def test_it_can_be_pickled(given: Path | bytes) -> None:
    a = analyzer.analyze(given)
    again = pickle.loads(pickle.dumps(a))
    assert again.to_json() == a.to_json()
    assert again.packets(as_="raw") == a.packets(as_="raw")
    assert repr(pickle.loads(pickle.dumps(a.flow(0)))) == repr(a.flow(0))


def test_reprs_are_plain_text(nat: analyzer.Analysis) -> None:
    for one in (nat, nat.flow(0), nat.plot, nat.what_if(time=6)):
        assert "object at 0x" not in repr(one)
        assert "\x1b" not in repr(one)
    assert "timeline" in repr(nat.plot)


PROGRAM = """
import sys
import analyzer
assert not {"numpy", "pandas", "matplotlib", "rich", "jinja2"} & set(sys.modules), "import analyzer costs something"
a = analyzer.analyze(sys.argv[1])
assert not {"pandas", "matplotlib"} & set(sys.modules), "analyze costs something"
a.flows, a.flow(0), a.plot.timeline(), a._repr_html_(), repr(a)
assert "matplotlib.pyplot" not in sys.modules
"""


def test_lazy_silent_and_without_pyplot() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(NAT)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_public_names() -> None:
    for name in analyzer.__all__:
        assert getattr(analyzer, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        analyzer.nonsense  # noqa: B018
