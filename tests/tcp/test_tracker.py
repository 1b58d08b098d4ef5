"""Send sequence variables of both ends, and which segments are worth a second look."""

from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analyzer
from analyzer.capture.files.reader import CaptureReader
from analyzer.capture.files.source import open_source
from analyzer.schema import ABSENT, KIND_ICMP_ERROR
from analyzer.tcp import tracker
from analyzer.tcp.flows import end_ns, start_ns
from analyzer.tcp.segment_facts import REL_BELOW
from tests.benchmarks.captures import CAPTURES
from tests.recordings import SHORT
from tests.transcript import START_NS, fed, nanoseconds, transcript

OPENED = """
    0.000  A>B  S   seq 999
    0.010  B>A  SA  seq 4999  ack 1000
    0.020  A>B  A   seq 1000  ack 5000
"""


def ends_of(text: str) -> Any:
    """The columns of the ends: row 0 is A, row 1 is B."""
    return fed(transcript(text)).tracker.table.ends.view


def candidates(text: str) -> dict[int, dict[str, int]]:
    """Every candidate's columns, by frame."""
    table = fed(transcript(text)).tracker.candidates
    rows = [{name: values[row] for name, values in table.view._asdict().items()} for row in range(len(table))]
    return {row["frame"]: row for row in rows}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("1.0  A>B  A   seq 1000  ack 5001", 1),  # the FIN is missing
        ("1.0  A>B  A   seq 1000  ack 5001\n 2.0  B>A  R  seq 5001  win 0", 1),
        ("1.0  A>B  A   seq 1000  ack 5001\n 1.001  B>A  FA  seq 5000  ack 1000", 0),  # captured after its ACK
        ("1.0  A>B  A   seq 1000  ack 5100\n 2.0  B>A  PA  seq 5100  ack 1000  len 10", 0),  # more came since
        ("1.0  B>A  FA  seq 5000  ack 1000\n 1.1  A>B  A  seq 1000  ack 5001", 0),
    ],
)
def test_the_last_octets_that_were_acknowledged_may_not_have_been_captured(more: str, expected: int) -> None:
    assert ends_of(f"{OPENED} {more}").is_acked_unseen[1] == expected


def at(seconds: str) -> int:
    return START_NS + nanoseconds(seconds)


def test_syn_and_fin_take_a_sequence_number_each() -> None:
    ends = ends_of(f"{OPENED}    1.0  A>B  FA  seq 1000  ack 5000  len 10")
    assert (ends.snd_nxt[0], ends.snd_una[0], ends.isn[0], ends.fin_seq[0]) == (1011, 1000, 999, 1010)
    assert (ends.snd_nxt[1], ends.snd_una[1], ends.isn[1], ends.fin_seq[1]) == (5000, 5000, 4999, ABSENT)


def test_an_ack_moves_snd_nxt_where_data_was_not_captured() -> None:
    ends = ends_of(f"{OPENED}    1.0  B>A  A  seq 5000  ack 1500")
    assert (ends.snd_nxt[0], ends.snd_una[0], ends.is_sure[0]) == (1500, 1500, 1)


def test_an_ack_further_ahead_than_any_window_says_nothing() -> None:
    ends = ends_of(f"{OPENED}    1.0  B>A  A  seq 5000  ack 2000000000")
    assert (ends.snd_nxt[0], ends.snd_una[0]) == (1000, 1000)


def test_resent_octets_move_nothing_back() -> None:
    ends = ends_of(f"{OPENED}    1.0  A>B  A  seq 1000  len 100\n    1.2  A>B  A  seq 1000  len 50")
    assert ends.snd_nxt[0] == 1100


def test_a_reset_moves_nothing() -> None:
    before, after = ends_of(OPENED), ends_of(f"{OPENED}    1.0  A>B  RA  seq 7777  ack 6666  win 0")
    for name in ("snd_nxt", "snd_una", "window"):
        assert list(getattr(before, name)[:2]) == list(getattr(after, name)[:2])


def test_a_lone_empty_segment_leaves_snd_nxt_unsure() -> None:
    ends = ends_of("0 A>B A seq 1099 ack 5000")
    assert (ends.snd_nxt[0], ends.is_sure[0]) == (1099, 0)
    assert (ends.snd_nxt[1], ends.is_sure[1]) == (5000, 1)


def test_data_that_fills_a_hole_makes_its_end_sure() -> None:
    hole = f"{OPENED}    1.0  A>B  A  seq 1100  ack 5000\n"
    assert ends_of(hole).is_sure[0] == 0
    assert ends_of(f"{hole}    1.1  A>B  A  seq 1000  ack 5000  len 100").is_sure[0] == 1


# ---- windows


def test_windows_are_scaled_when_both_syns_carried_the_option() -> None:
    ends = ends_of("""
    0.000  A>B  S   seq 999             win 1000  wscale 7
    0.010  B>A  SA  seq 4999  ack 1000  win 1000  wscale 2
    0.020  A>B  A   seq 1000  ack 5000  win 1000
    0.030  B>A  A   seq 5000  ack 1000  win 1000
    """)
    assert list(ends.window[:2]) == [1000 << 7, 1000 << 2]


def test_windows_are_not_scaled_when_one_syn_lacked_the_option() -> None:
    ends = ends_of("""
    0.000  A>B  S   seq 999             win 1000  wscale 7
    0.010  B>A  SA  seq 4999  ack 1000  win 1000
    0.020  A>B  A   seq 1000  ack 5000  win 1000
    """)
    assert ends.window[0] == 1000


def test_the_window_of_a_syn_is_never_scaled() -> None:
    syns = """
    0.000  A>B  S   seq 999             win 1000  wscale 7
    0.010  B>A  SA  seq 4999  ack 1000  win 1000  wscale 7
    0.500  B>A  SA  seq 4999  ack 1000  win 1000  wscale 7
    """
    assert list(ends_of(syns).window[:2]) == [1000, 1000]


def test_the_largest_window_keeps_its_sign() -> None:
    ends = ends_of("""
    0.000  A>B  S   seq 999             win 65535  wscale 14
    0.010  B>A  SA  seq 4999  ack 1000  win 65535  wscale 14
    0.020  A>B  A   seq 1000  ack 5000  win 65535
    """)
    assert ends.window[0] == 65535 << 14


# ---- when the other end last heard something that it accepts


def test_an_empty_segment_before_rcv_nxt_is_not_accepted() -> None:
    ends = ends_of(f"{OPENED}    30  A>B  A  seq 999  ack 5000")
    assert (ends.accepted_ns[0], ends.last_ns[0]) == (at("0.020"), at("30"))


def test_an_octet_that_ends_at_rcv_nxt_is_accepted() -> None:
    assert ends_of(f"{OPENED}    30  A>B  A  seq 999  ack 5000  len 1").accepted_ns[0] == at("30")


def test_where_snd_nxt_is_not_sure_nobody_knows_what_was_accepted() -> None:
    assert ends_of("0 A>B A seq 1099 ack 5000").accepted_ns[0] == ABSENT


def test_reply_time_is_the_shortest_from_data_to_its_ack() -> None:
    ends = ends_of(f"""{OPENED}
    1.000  A>B  PA  seq 1000  ack 5000  len 10
    1.050  B>A  A   seq 5000  ack 1010
    2.000  A>B  PA  seq 1010  ack 5000  len 10
    2.004  B>A  A   seq 5000  ack 1020
    """)
    assert list(ends.reply_ns[:2]) == [nanoseconds("0.010"), nanoseconds("0.004")]


# ---- candidates


def test_ordinary_data_and_its_acks_are_no_candidates() -> None:
    bulk = "".join(
        f"    0.{20 + 2 * n:03}  A>B  A  seq {1000 + 100 * n}  ack 5000  len 100\n"
        f"    0.{21 + 2 * n:03}  B>A  A  seq 5000  ack {1100 + 100 * n}\n"
        for n in range(1, 100)
    )
    assert list(candidates(OPENED + "    0.021 A>B A seq 1000 ack 5000 len 100\n" + bulk)) == [1, 2]


def test_single_octets_that_follow_each_other_are_few_candidates() -> None:
    """Nothing acknowledges them in this capture; but probes after them repeat the last one's number."""
    octets = [f"{one / 100:.2f}  A>B  PA  seq {1000 + one}  ack 5000  len 1" for one in range(50)]
    probes = [f"{one}  A>B  A  seq 1049  ack 5000  len 1" for one in (60, 120, 180)]
    assert list(candidates("\n".join(octets + probes))) == [1, 51, 52, 53]
    assert fed(transcript("\n".join(octets))).tracker.table.ends.view.is_sure[0] == 0


def test_what_a_candidate_tells() -> None:
    row = candidates(f"{OPENED}    30.5  A>B  A  seq 999  ack 5000  win 500  ttl 60  ipid 9")[4]
    assert (row["ts_ns"], row["flow"], row["end"], row["seq"], row["ack"]) == (at("30.5"), 0, 0, 999, 5000)
    assert (row["relation"], row["in_flight"], row["window"], row["peer_window"]) == (REL_BELOW, 0, 500, 64000)
    assert (row["idle_ns"], row["own_ns"]) == (nanoseconds("30.48"), nanoseconds("30.48"))
    assert (row["heard_ns"], row["any_ns"], row["data_ns"]) == (at("0.010"), at("0.010"), at("0.010"))
    assert (row["ttl"], row["usual_ttl"], row["ip_id"], row["tsval"]) == (60, 64, 9, ABSENT)


@pytest.mark.parametrize(
    ("ip_ids", "last"), [((7, 9, 8), 9), ((7, 8, 9), 9), ((7, 9, 60000), 60000), ((65535, 2, 1), 2)]
)
def test_the_last_identification_is_that_of_the_segment_sent_last(ip_ids: tuple[int, ...], last: int) -> None:
    """Two that come in another order leave no hole behind them."""
    sent = "".join(f"    1.{n}  A>B  A  seq 1000  ack 5000  ipid {ip_id}\n" for n, ip_id in enumerate(ip_ids, 1))
    row = candidates(f"{OPENED}{sent}    30.5  A>B  A  seq 999  ack 5000  ipid 10")[7]
    assert row["own_ip_id"] == last


def test_an_icmp_error_is_a_candidate_of_the_end_that_is_told() -> None:
    row = candidates(f"{OPENED}    5  icmp host-unreachable about B>A seq 4999")[4]
    assert (row["kind"], row["end"], row["seq"], row["flags"]) == (KIND_ICMP_ERROR, 1, 4999, 3 * 256 + 1)
    assert (row["relation"], row["heard_ns"]) == (REL_BELOW, ABSENT)


def test_time_that_runs_backwards_is_noted_and_makes_no_negative_gap() -> None:
    analyzer = fed(transcript(f"{OPENED}    5  A>B  FA  seq 1000  ack 5000\n    4  A>B  FA  seq 1000  ack 5000"))
    [one] = analyzer.finish(["-"], ["pcap"], [1]).diagnostics
    assert (one.code.name, one.count, one.first_frame) == ("time-backwards", 1, 5)
    c = analyzer.tracker.candidates.view
    assert (c.idle_ns[3], c.own_ns[3]) == (0, 0)
    assert analyzer.tracker.table.flows.view.last_ns[0] == at("5")


def test_a_clock_that_is_set_back_makes_no_silence_longer_than_its_flow() -> None:
    """A flow lasts from its earliest frame to its latest, in whatever order they came; what came last is heard last."""
    analyzer = fed(
        transcript(f"""{OPENED}
    90.0  A>B  PA  seq 1000  ack 5000  len 10
    10.0  B>A  A   seq 5000  ack 1010
    12.0  A>B  PA  seq 1010  ack 5000  len 10
    12.1  B>A  A   seq 5000  ack 1020
    """)
    )
    flows = analyzer.tracker.table.flows.view
    assert (start_ns(flows, 0), end_ns(flows, 0), flows.last_ns[0]) == (at("0"), at("90"), at("12.1"))
    [flow] = analyzer.finish(["-"], ["pcap"], [1]).flows
    assert (flow.max_idle_ns, flow.silent_ns) == (nanoseconds("89.98"), 0)


def test_a_clock_that_is_set_back_to_before_the_flow_makes_it_begin_there() -> None:
    flows = fed(
        transcript("    90.0  A>B  PA  seq 1  ack 1  len 9\n    10.0  B>A  PA  seq 1  ack 10  len 9")
    ).tracker.table
    assert (start_ns(flows.flows.view, 0), end_ns(flows.flows.view, 0)) == (at("10"), at("90"))


def test_what_is_captured_twice_ends_no_silence() -> None:
    flows = fed(transcript(f"{OPENED}    0.025  copy\n")).tracker.table.flows.view
    assert (flows.duplicates[0], flows.max_idle_ns[0]) == (1, nanoseconds("0.010"))


def test_flows_are_counted() -> None:
    f = fed(transcript(f"{OPENED}    9.0  A>B  PA  seq 1000  ack 5000  len 10\n    9.2  A>B  PA  seq 1000  len 10"))
    flows = f.tracker.table.flows.view
    assert (flows.packets[0], flows.octets[0], flows.max_idle_ns[0]) == (5, 20, nanoseconds("8.98"))
    assert (flows.first_ns[0], flows.last_ns[0], flows.data_ns[0]) == (at("0"), at("9.2"), at("9.2"))


@pytest.mark.parametrize("path", ["data", "idle", *SHORT], ids=lambda path: getattr(path, "parent", Path(path)).name)
def test_plain_segments_need_not_be_looked_at(
    path: str | Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever is_plain lets pass would not have been a candidate, and leaves the same state."""
    monkeypatch.setenv("KA_ENGINE", "interpreter")
    if isinstance(path, str):
        CAPTURES[path].make(tmp_path / path, share=0.001)
        path = tmp_path / path

    def state() -> list[bytes]:
        analyzer = Analyzer()
        with open_source(str(path)) as source:
            for buffer, records, _ in CaptureReader(source, analyzer.diagnostics).chunks(analyzer.engine):
                analyzer.feed(buffer, records)
        tables = (analyzer.tracker.table.flows, analyzer.tracker.table.ends, analyzer.tracker.candidates)
        return [bytes(one.octets) for one in tables]

    with_shortcut = state()
    monkeypatch.setattr(tracker, "is_plain", lambda *_: False)
    assert state() == with_shortcut
