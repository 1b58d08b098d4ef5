"""Two capture points of one conversation, with a router or a NAT in between that loses what the test says."""

from analyzer.analysis import analyze
from analyzer.many.two_points import Fate, Match, compare
from tests.recordings import FOLDER
from tests.transcript import analyse, nanoseconds, transcript

OPENING = (
    "0.000  A>B  S   seq 999",
    "0.100  B>A  SA  seq 4999  ack 1000",
    "0.200  A>B  A   seq 1000  ack 5000",
    "1.000  A>B  PA  seq 1000  ack 5000  len 10",
    "1.100  B>A  PA  seq 5000  ack 1010  len 10",
)
PROBE, ANSWER = "A>B  A  seq 1009  ack 5010", "B>A  A  seq 5010  ack 1010"
LATE = "300.0  end"


def near_a(*lines: str) -> str:
    """As captured beside A: what B sends has passed a router."""
    return "\n".join(line + ("  ttl 63" if "B>A" in line else "") for line in (*OPENING, *lines, LATE))


def near_b(*lines: str, host: str = "A", hours: int = 0) -> str:
    """As captured beside B, 20 ms from A; `host` is A's name behind a NAT, `hours` what the clock is ahead."""
    moved = []
    for line in (*OPENING, *lines, LATE):
        time, words = line.split(maxsplit=1)
        seconds = float(time) + 3600 * hours + (0.02 if "A>B" in words else -0.02)
        words += "  ttl 63" if "A>B" in words else ""
        moved.append(f"{seconds:.3f}  {words.replace('A>B', f'{host}>B').replace('B>A', f'B>{host}')}")
    return "\n".join(moved)


def match_of(first: str, second: str) -> Match:
    [match] = compare(analyse(transcript(first)), analyse(transcript(second)))
    return match


def fates(first: str, second: str) -> list[Fate]:
    return [probe.fate for probe in match_of(first, second).probes]


ANSWERED = (f"61.0  {PROBE}", f"61.1  {ANSWER}")
LOST = (f"121.0  {PROBE}",)
BEAT = (f"181.0  {PROBE}", f"181.1  {ANSWER}")


def test_a_probe_that_is_lost_between_the_points() -> None:
    assert fates(near_a(*ANSWERED, *LOST, *BEAT), near_b(*ANSWERED, *BEAT)) == [
        Fate.ANSWERED,
        Fate.PROBE_LOST_BETWEEN,
        Fate.ANSWERED,
    ]


def test_the_order_of_the_points_does_not_matter() -> None:
    match = match_of(near_b(*ANSWERED, *BEAT), near_a(*ANSWERED, *LOST, *BEAT))
    assert [probe.fate for probe in match.probes] == [Fate.ANSWERED, Fate.PROBE_LOST_BETWEEN, Fate.ANSWERED]
    assert match.probes[1].frames == (0, 8)
    assert match.nearer == (1, 0)


def test_an_answer_that_is_lost_between_the_points() -> None:
    answered = (f"121.0  {PROBE}", f"121.1  {ANSWER}")
    assert fates(near_a(*ANSWERED, *LOST), near_b(*ANSWERED, *answered)) == [Fate.ANSWERED, Fate.ANSWER_LOST_BETWEEN]


def test_what_is_lost_beyond_the_further_point() -> None:
    assert fates(near_a(*ANSWERED, *LOST), near_b(*ANSWERED, *LOST)) == [Fate.ANSWERED, Fate.LOST_BEYOND]


def test_what_only_the_further_point_has_was_missed_by_the_nearer() -> None:
    assert fates(near_a(*ANSWERED), near_b(*ANSWERED, *LOST)) == [Fate.ANSWERED, Fate.NOT_CAPTURED]


def test_a_point_that_was_not_capturing_says_nothing() -> None:
    until = "\n".join(near_b(*ANSWERED).splitlines()[:-1])
    assert fates(near_a(*ANSWERED, *LOST), until) == [Fate.ANSWERED, Fate.NOT_CAPTURED]


def test_across_a_nat_and_with_clocks_hours_apart() -> None:
    match = match_of(near_a(*ANSWERED, *LOST), near_b(*ANSWERED, host="C", hours=3))
    assert match.is_translated
    assert abs(match.offset_ns - 3 * 3600 * 10**9) <= nanoseconds("0.02")
    assert [probe.fate for probe in match.probes] == [Fate.ANSWERED, Fate.PROBE_LOST_BETWEEN]


def test_ends_may_be_turned() -> None:
    """One point began to capture in mid-stream, with a segment of the other end."""
    later = "\n".join(near_b(*ANSWERED, *LOST).splitlines()[4:])
    match = match_of(near_a(*ANSWERED), later)
    assert match.is_turned
    assert not match.is_translated
    assert [(probe.end, probe.fate) for probe in match.probes] == [(0, Fate.ANSWERED), (0, Fate.NOT_CAPTURED)]


def test_without_routers_in_between_the_time_to_an_answer_tells_who_is_nearer() -> None:
    plain = near_b(*ANSWERED, *LOST).replace("  ttl 63", ""), near_a(*ANSWERED, *LOST).replace("  ttl 63", "")
    assert match_of(*plain).nearer == (1, 0)


def test_connections_of_one_point_only_are_not_matched() -> None:
    first = analyse(transcript(near_a(*ANSWERED)))
    other = near_b(*ANSWERED).replace("seq 5", "seq 6").replace("ack 5", "ack 6").replace("seq 1", "seq 7")
    assert compare(first, analyse(transcript(other.replace("seq 999", "seq 6999").replace("ack 1", "ack 7")))) == ()


def test_recorded_at_both_ends_by_kernels() -> None:
    """The peer's TCP falls silent after two answers: samples/at-both-ends-8-2-4."""
    [match] = compare(*(analyze(str(FOLDER / f"at-both-ends-8-2-4{end}/capture.pcap")) for end in ("", "-responder")))
    assert [probe.fate for probe in match.probes] == [*2 * [Fate.ANSWERED], *4 * [Fate.LOST_BEYOND]]
    assert match.nearer == (0, 1)
