"""What the beginning of a flow, in an earlier file, adds to what a later file says of it."""

from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analysis
from analyzer.many import resume
from analyzer.many.join import Join
from analyzer.many.shard import Shard, read_shard
from analyzer.tcp.segment_facts import AT_FIN, AT_SYN
from tests.many.cut import assert_same, files_of, tables
from tests.transcript import transcript

OPENING = """
    0.00  A>B  S   seq 999   wscale 7
    0.01  B>A  SA  seq 4999  ack 1000  wscale 3
    0.02  A>B  PA  seq 1000  ack 5000  len 100  win 500
    0.03  B>A  PA  seq 5000  ack 1100  len 100  win 600
"""
MEETING = """
    1.00  A>B  PA  seq 1100  ack 5100  len 10  win 500
    1.01  B>A  PA  seq 5100  ack 1110  len 10  win 600
    1.02  A>B  PA  seq 1110  ack 5110  len 10  win 500
    1.03  B>A  PA  seq 5110  ack 1120  len 10  win 600
    1.04  A>B  PA  seq 1120  ack 5120  len 10  win 500
    1.05  B>A  PA  seq 5120  ack 1130  len 10  win 600
"""
REST = """
    40.0  A>B  A   seq 1129  ack 5130  win 500
    40.1  B>A  A   seq 5130  ack 1130  win 600
    50.0  A>B  A   seq 999   ack 5130  win 500   # at its SYN
    50.1  B>A  A   seq 5130  ack 1130  win 600
"""


class Watched:
    """Joins two files and says how often the second was read again."""

    def __init__(self, folder: Path, first: str, second: str) -> None:
        frames = transcript(first + second)
        self.names = files_of(folder, frames, [len(transcript(first))])
        self.again = 0

    def read_again(self, shard: Shard, engine: Any) -> Any:
        self.again += 1
        from analyzer.many.shard import read_again

        return read_again(shard, engine)

    def join(self) -> Analysis:
        join = Join(again=self.read_again)
        for name in self.names:
            join.add(read_shard(name))
        return join.finish()


def test_windows_are_scaled_and_the_syn_is_known(tmp_path: Path) -> None:
    watched = Watched(tmp_path, OPENING, MEETING + REST)
    found = tables(watched.join())
    assert watched.again == 0
    assert found["candidates.window"][-4:] == [500 << 7, 600 << 3, 500 << 7, 600 << 3]
    assert found["candidates.peer_window"][-4:] == [600 << 3, 500 << 7, 600 << 3, 500 << 7]
    assert found["candidates.facts"][-2] & AT_SYN
    assert_same(watched.names)


def test_after_the_fin_of_an_earlier_file_it_is_read_again(tmp_path: Path) -> None:
    closing = OPENING + "    0.04  A>B  FA  seq 1100  ack 5100"
    more = MEETING.replace("A>B  PA  seq 1100  ack 5100  len 10", "A>B  A   seq 1101  ack 5100")
    watched = Watched(tmp_path, closing, more + "    30.0  A>B  A  seq 1100  ack 5130")
    assert tables(watched.join())["candidates.facts"][-1] & AT_FIN
    assert watched.again == 1
    assert_same(watched.names)


@pytest.mark.parametrize(
    "line",
    [
        "9.0  B>A  SA  seq 4999  ack 1000  wscale 3",  # the SYN|ACK again: only its SYN says whose it is
        "9.0  A>B  R   seq 101130",  # within a window that is scaled, outside of one that is not
    ],
)
def test_what_is_not_sure_is_read_again(line: str, tmp_path: Path) -> None:
    watched = Watched(tmp_path, OPENING, f"{MEETING}    {line}")
    watched.join()
    assert watched.again == 1
    assert_same(watched.names)


def test_a_flow_in_another_state_is_read_again(tmp_path: Path) -> None:
    """Before the cut SND.NXT was beyond all that follows."""
    ahead = OPENING + "    0.05  A>B  PA  seq 900000  ack 5100  len 10"
    watched = Watched(tmp_path, ahead, MEETING + REST)
    watched.join()
    assert watched.again == 1
    assert_same(watched.names)


def test_a_file_that_is_gone_is_told_and_joined_as_well_as_can_be(tmp_path: Path) -> None:
    ahead = OPENING + "    0.05  A>B  PA  seq 900000  ack 5100  len 10"
    watched = Watched(tmp_path, ahead, MEETING + REST)
    join = Join(again=watched.read_again)
    for name in watched.names:
        shard = read_shard(name)
        shard.is_gone = True
        join.add(shard)
    analysis = join.finish()
    assert watched.again == 0
    assert [(one.code.name, one.detail) for one in analysis.diagnostics] == [("file-gone", watched.names[1])]
    assert [flow.packets for flow in analysis.flows] == [len(transcript(ahead + MEETING + REST))]


def test_a_column_that_is_new_must_be_equal_unless_it_has_a_role() -> None:
    from analyzer.schema.flows import ENDS, FLOWS

    roles = resume.WHO | resume.OPENING | resume.SUMS | resume.EXTREMES
    assert roles <= set(FLOWS._fields)
    assert set(ENDS._fields) >= resume.OWN_RULE
    assert set(resume.FLOW_STATE) == set(FLOWS._fields) - roles
