"""What an empty segment without a number is, and the nearest case that is something else."""

import pytest

from analyzer.capture.text.clock import Clock
from analyzer.capture.text.lines import Names, Segment
from analyzer.capture.text.packets import Packets
from analyzer.capture.text.tcpdump import TcpdumpText

START = """\
0.0 A > B S 100
0.1 B > A S. 200 101
0.2 A > B . 1
"""
ENDS = {"A": "192.0.2.1.40000", "B": "198.51.100.2.9000"}


def lines(text: str) -> str:
    """A time, who to whom, flags, numbers of tcpdump, perhaps `win 7`, `ecr 3` (with TS val), or `data 12`."""
    out = []
    for line in text.splitlines():
        time, source, _, target, flags, *more = line.split()
        numbers = [
            int(one)
            for one in more
            if one.isdecimal() and more[more.index(one) - 1] not in ("win", "val", "ecr", "data")
        ]
        named = {name: int(more[more.index(name) + 1]) for name in ("win", "val", "ecr", "data") if name in more}
        seq = numbers.pop(0) if flags != "." else None
        length = named.get("data", 0)
        words = f"{float(time):.6f} IP {ENDS[source]} > {ENDS[target]}: Flags [{flags}]"
        words += f", seq {seq}" + (f":{seq + length}" if length else "") if seq is not None else ""
        words += f", ack {numbers[0]}" if numbers else ""
        words += f", win {named.get('win', 63)}"
        words += f", options [TS val {named['val']} ecr {named['ecr']}]" if "val" in named else ""
        out.append(f"{words}, length {length}")
    return "\n".join(out)


def places(text: str) -> tuple[list[int], Packets]:
    """The place of each empty segment without a number, relative to SND.NXT as the text tells it, in order."""
    reader, packets = TcpdumpText(Clock([]), Names()), Packets(is_counted=False)
    given = [packet for line in lines(text).splitlines() for packet in reader.read(line)] + list(reader.end())
    empty = [one for one in given if isinstance(one, Segment) and one.seq is None]
    for packet in given:
        list(packets.take(packet))
    list(packets.end())
    isn = {40000: 100, 9000: 200}
    return [(one.seq or 0) - isn[one.source.port] for one in empty], packets


PROBE, NEXT = 0, 1


@pytest.mark.parametrize(
    ("what", "text", "expected"),
    [
        ("a probe and its answer", "9 A > B . 1\n9.1 B > A . 1", [NEXT, PROBE, NEXT]),
        ("probes without an answer", "9 A > B . 1\n11 A > B . 1", [NEXT, PROBE, PROBE]),
        ("a slow answer", "9 A > B . 1\n11 B > A . 1", [NEXT, PROBE, NEXT]),
        ("probes that cross", "9 A > B . 1\n9.01 B > A . 1\n9.02 A > B . 1\n9.03 B > A . 1", [1, PROBE, PROBE, 1, 1]),
        ("both ends probe", "9 A > B . 1\n9.1 B > A . 1\n12 B > A . 1\n12.1 A > B . 1", [1, PROBE, 1, PROBE, 1]),
        ("an ACK of data", "9 B > A P. 1 1 data 12\n9.1 A > B . 13", [NEXT, NEXT]),
        ("a window update", "9 A > B . 1 win 63000\n20 A > B P. 1 1 data 5", [NEXT, NEXT]),
        ("a probe with a larger window", "9 A > B . 1 win 63000\n9.1 B > A . 1", [NEXT, PROBE, NEXT]),
        ("a burst of duplicate ACKs", "9 A > B P. 1 1 data 5\n9.1 B > A . 6\n9.11 B > A . 6", [1, 1, 1]),
        ("captured twice", "9 A > B . 1\n9.0001 A > B . 1\n9.1 B > A . 1", [NEXT, PROBE, PROBE, NEXT]),
    ],
    ids=lambda one: one if isinstance(one, str) and "\n" not in one else "",
)
def test_what_surrounds_a_segment_tells_its_place(what: str, text: str, expected: list[int]) -> None:
    found, packets = places(START + text)
    assert found == expected, what
    assert packets.places.inferred == expected.count(PROBE) - (what == "captured twice")
    assert packets.places.undecided == 0


def test_data_in_flight_is_no_idle_connection() -> None:
    """An ACK while own data is unacknowledged: no keepalive timer runs (RFC 9293 §3.8.4)."""
    found, packets = places(START + "5 A > B P. 1 1 data 12\n9 A > B . 1")
    assert found[-1] == 13
    assert packets.places.inferred == 0


def test_a_closed_window_is_probed_by_another_timer() -> None:
    found, _ = places(START + "5 A > B P. 1 1 data 12\n5.1 B > A . 13 win 0\n9 A > B . 1\n9.1 B > A . 13 win 0")
    assert found == [NEXT, NEXT, 12, NEXT]


def test_repeats_of_one_side_alone_may_be_answers() -> None:
    text = "0 A > B S. 200 101\n9 A > B . 1\n19 A > B . 1\n29 A > B . 1"
    _, packets = places(text)
    assert packets.places.inferred == 0
    assert packets.places.undecided > 0


def test_an_echo_of_what_is_not_in_the_text_is_no_probe() -> None:
    begin = "0.0 A > B S 100 val 1 ecr 0\n0.1 B > A S. 200 101 val 5 ecr 1\n0.2 A > B . 1 val 1 ecr 5\n"
    found, packets = places(begin + "9 A > B . 1 val 9 ecr 7\n19 A > B . 1 val 19 ecr 8")
    assert found == [NEXT, NEXT, NEXT]
    assert packets.places.undecided == 2


def test_the_first_number_shows_whether_the_text_begins_with_a_probe() -> None:
    """tcpdump counts from the first segment: if what follows acknowledges 1, that lay one below; if 0, it did not."""
    for acknowledged, distance in ((1, 1), (0, 0)):
        reader, packets = TcpdumpText(Clock([]), Names()), Packets(is_counted=False)
        text = lines(f"0 A > B . 136828565\n0.1 B > A . {acknowledged}")
        given = [packet for line in text.splitlines() for packet in reader.read(line)] + list(reader.end())
        for packet in given:
            list(packets.take(packet))
        first, second = given
        assert isinstance(first, Segment)
        assert isinstance(second, Segment)
        assert (second.ack or 0) - (first.seq or 0) == distance
