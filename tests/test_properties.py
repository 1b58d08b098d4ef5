"""What must hold for every capture: it does not matter how it is cut, run, numbered, timed or addressed."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.analysis import Analysis
from tests.capture.writers import Frame
from tests.keepalive.made import in_brief
from tests.transcript import FLAG_BITS, PORTS, START_NS, analyse, icmp_frame, tcp_frame

MS = 10**6
ISN = (1000, 5000)
A_PORT = PORTS["A"]
OTHER = {"A": "B", "B": "A"}
ABSOLUTE = ("ts_ns", "heard_ns", "any_ns", "data_ns", "own_data_ns", "peer_data_ns")
"""Columns that hold an instant."""


class Step(NamedTuple):
    """One segment of a conversation, its numbers relative to where the conversation stands."""

    wait_ms: int
    sender: str
    what: str
    seq: int = 0
    ack: int = 0
    length: int = 0
    window: int = 64000


class Segment(NamedTuple):
    """One segment with its numbers counted from the ISNs of the two ends."""

    ts_ns: int
    sender: str
    flags: str
    seq: int
    ack: int
    length: int
    window: int
    ipid: int


def steps() -> st.SearchStrategy[list[Step]]:
    """Conversations as they are, and as they should never be."""
    peer_silences = st.sampled_from([0, 1, 4, 10, 60, 400, 950, 1000, 10_000, 10_240, 75_000, 7_200_000])
    usual = ["data", "ack", "ack", "probe", "probe", "octet", "again", "octet again", "copy", "window", "icmp"]
    rare = ["syn", "syn-ack", "fin", "rst", "give-up", "deaf", "loss", "weird"]
    lengths = st.sampled_from([1, 2, 100, 1460])
    offsets = st.sampled_from([-(2**30) - 1, -1460, -2, -1, 0, 1, 2, 1460, 2**31 - 1, -(2**31)])
    windows = st.sampled_from([0, 1, 64000])
    step = st.builds(
        Step,
        peer_silences,
        st.sampled_from("AAB"),
        st.sampled_from(3 * usual + rare),
        offsets,
        offsets,
        lengths,
        windows,
    )
    return st.lists(step, min_size=1, max_size=40)


def segments(conversation: list[Step]) -> Iterator[Segment]:
    """What the steps put on the wire; both ends see everything that is sent, except for what is lost."""
    nxt, now, previous = {"A": 0, "B": 0}, 0, None
    for number, step in enumerate(conversation, 1):
        now += step.wait_ms * MS
        me, peer = step.sender, OTHER[step.sender]
        seq, ack, length, flags, window = nxt[me], nxt[peer], 0, "A", 64000
        match step.what:
            case "data":
                flags, length = "PA", step.length
            case "probe":
                seq -= 1
            case "octet":
                seq, length = seq - 1, 1
            case "again":
                seq, length, flags = seq - step.length, step.length, "PA"
            case "octet again":
                seq, length, flags = seq - 1, 1, "PA"
            case "window":
                window = step.window
            case "syn":
                flags, seq = "S", 0
            case "syn-ack":
                flags, seq = "SA", 0
            case "fin":
                flags = "FA"
            case "rst":
                flags = "R"
            case "give-up":
                flags = "RA"
            case "deaf":
                ack -= step.length
            case "loss":
                nxt[me] += step.length
                continue
            case "weird":
                seq, ack, length, window, flags = seq + step.seq, ack + step.ack, step.length, step.window, "FPAU"
            case "copy" if previous:
                yield previous._replace(ts_ns=now)
                continue
            case "icmp":
                yield Segment(now, me, "icmp", seq - 1, 0, 0, 0, 0)
                continue
        if step.what in ("data", "fin", "syn", "syn-ack"):
            nxt[me] = max(nxt[me], seq + length + (step.what != "data"))
        previous = Segment(now, me, flags, seq, ack, length, window, number)
        yield previous


def frames(
    conversation: list[Step],
    isn: tuple[int, int] = ISN,
    start_ns: int = START_NS,
    turned: bool = False,
    a_port: int = A_PORT,
) -> list[Frame]:
    made: list[Frame] = []
    for one in segments(conversation):
        mine, theirs = isn if one.sender == "A" else isn[::-1]
        seq, ack = (mine + one.seq) % 2**32, (theirs + one.ack) % 2**32
        host = OTHER[one.sender] if turned else one.sender
        peer = OTHER[host]
        ports = (a_port, PORTS["B"]) if host == "A" else (PORTS["B"], a_port)
        if one.flags == "icmp":
            octets = icmp_frame("host-unreachable", (host, peer, ports), seq)
        else:
            flags = sum(FLAG_BITS[letter] for letter in one.flags)
            octets = tcp_frame((host, peer, ports), flags, seq, ack, one.window, one.length, ipid=one.ipid)
        made.append((start_ns + one.ts_ns, octets))
    return made


def columns(analysis: Analysis) -> dict[str, list[int]]:
    """All that was noted of every candidate, and what it was found to be."""
    rows = len(analysis.candidates)
    tables = analysis.candidates.view, analysis.segments.view
    return {name: list(values[:rows]) for view in tables for name, values in view._asdict().items()}


def everything(analysis: Analysis) -> tuple[Any, ...]:
    return columns(analysis), tuple(analysis.flows), analysis.diagnostics, analysis.capture


def conclusions(analysis: Analysis) -> list[tuple[Any, ...]]:
    """What is found of each flow, without instants, sequence numbers and addresses."""
    found = []
    for flow in analysis.flows:
        ends = [(end.role, end.settings, [gap._replace(at_ns=0) for gap in end.story.gaps]) for end in flow.ends]
        answers = [(probe.frame, probe.answer, probe.answer_frame) for end in flow.ends for probe in end.story.probes]
        found.append((flow.verdict, ends, answers, flow.packets, flow.octets, flow.max_idle_ns))
    return found


@given(steps(), st.integers(24, 300))
def test_how_the_input_is_cut_changes_nothing(conversation: list[Step], chunk_octets: int) -> None:
    capture = frames(conversation)
    assert everything(analyse(capture, chunk_octets=chunk_octets)) == everything(analyse(capture))


@given(steps())
def test_compiling_changes_nothing(conversation: list[Step]) -> None:
    capture = frames(conversation)
    assert everything(analyse(capture, compiled=True, chunk_octets=200)) == everything(analyse(capture))


@given(steps())
def test_connections_in_brief_are_what_they_are_in_full(conversation: list[Step]) -> None:
    analysis = analyse(frames(conversation))
    assert analysis._assembler.all_in_brief() == in_brief(analysis.flows)


u32 = st.integers(0, 2**32 - 1)
near_the_wrap = st.integers(-200, 200).map(lambda octets: octets % 2**32)


@given(steps(), u32 | near_the_wrap, u32 | near_the_wrap)
def test_initial_sequence_numbers_change_nothing_but_numbers(conversation: list[Step], mine: int, theirs: int) -> None:
    plain, shifted = analyse(frames(conversation)), analyse(frames(conversation, isn=(mine, theirs)))
    expected, found = columns(plain), columns(shifted)
    for name in expected.keys() - {"seq", "ack"}:
        assert found[name] == expected[name], name
    assert conclusions(shifted) == conclusions(plain)


@given(steps(), st.integers(0, 10**18) | st.just(0))
def test_the_clock_changes_nothing_but_instants(conversation: list[Step], start_ns: int) -> None:
    plain, shifted = analyse(frames(conversation)), analyse(frames(conversation, start_ns=start_ns))
    expected, found = columns(plain), columns(shifted)
    for name in ABSOLUTE:
        expected[name] = [one if one == -1 else one - START_NS + start_ns for one in expected[name]]
    assert found == expected
    assert conclusions(shifted) == conclusions(plain)


@given(steps())
def test_exchanged_addresses_mirror(conversation: list[Step]) -> None:
    plain, turned = analyse(frames(conversation)), analyse(frames(conversation, turned=True))
    assert columns(turned) == columns(plain)
    assert conclusions(turned) == conclusions(plain)
    for one, other in zip(plain.flows, turned.flows, strict=True):
        assert [str(end) for end in one.ends] == [str(end) for end in reversed(other.ends)]


@settings(max_examples=20)
@given(st.lists(steps(), min_size=2, max_size=4))
def test_other_flows_in_between_change_nothing(conversations: list[list[Step]]) -> None:
    """Each conversation alone, and all of them in one capture under ports of their own."""
    alone = [columns(analyse(frames(one)))["tag"] for one in conversations]
    merged = [frame for number, one in enumerate(conversations) for frame in frames(one, a_port=A_PORT + number)]
    together = analyse(sorted(merged, key=lambda frame: frame[0]))
    tags: dict[int, list[int]] = {}
    for row in range(len(together.candidates)):
        ends = together.flows[together.candidates.view.flow[row]].ends
        number = max(end.port for end in ends) - A_PORT
        tags.setdefault(number, []).append(together.segments.view.tag[row])
    assert [tags.get(number, []) for number in range(len(conversations))] == alone
