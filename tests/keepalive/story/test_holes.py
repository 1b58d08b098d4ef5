"""What a flow's segments show to be missing in the capture."""

from analyzer.keepalive.verdict.values import Outcome, Reason
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import Told, told


def holes(result: Told) -> tuple[int, int]:
    e = result.analysis._assembler._survey.stories.tell([0]).ends
    return e.holes[0], e.holes[1]


def test_nothing_is_missing() -> None:
    assert holes(told(f"{OPENED}\n 31.01 A>B A seq 1099 ack 5000 | keepalive-probe")) == (0, 0)


def test_a_number_beyond_the_last_shows_what_its_own_end_sent() -> None:
    assert holes(told(f"{OPENED}\n 31.01 A>B PA seq 1200 ack 5000 len 10")) == (1, 0)


def test_an_ack_of_nothing_shows_what_the_other_end_sent() -> None:
    assert holes(told(f"{OPENED}\n 31.01 B>A A seq 5000 ack 1100")) == (1, 0)


def test_identifications_follow_or_skip() -> None:
    text = "".join(f"\n {30 * n}.0  A>B  PA  seq {1000 + 100 * n}  ack 5000  len 100  ipid {n}" for n in (1, 2, 5))
    e = told(f"{OPENED}{text}").analysis._assembler._survey.stories.tell([0]).ends
    assert (e.follows[0], e.skips[0]) == (1, 1)


def halved(*, missing: int, of: int = 12, has_echo: bool = False) -> str:
    """Connections of one host, of which so many lack the SYN|ACK; the last is probed each 30 s."""
    lines = []
    for nth in range(of):
        at = nth / 10
        lines.append(f"    {at:.3f}  A:{100 + nth}>B  S   seq 999")
        if nth >= missing:
            lines.append(f"    {at + 0.01:.3f}  B>A:{100 + nth}  SA  seq 4999  ack 1000")
        lines += [
            f"    {at + 0.02:.3f}  A:{100 + nth}>B  PA  seq 1000  ack 5000  len 100",
            f"    {at + 0.03:.3f}  B>A:{100 + nth}  A  seq 5000  ack 1100",
        ]
    for nth, at in enumerate((31.11, 61.13, 91.15)):
        mine, theirs = (
            (f"tsval {9 + nth}  tsecr {99 + nth}", f"tsval {100 + nth}  tsecr {9 + nth}") if has_echo else ("", "")
        )
        lines.append(f"    {at}  A:{99 + of}>B  A  seq 1099  ack 5000  {mine}  | keepalive-probe")
        lines.append(f"    {at + 0.01:.2f}  B>A:{99 + of}  A  seq 5000  ack 1100  {theirs}  | keepalive-answer")
    return "\n".join(lines)


def test_halves_of_handshakes_tell_how_much_of_a_hosts_traffic_is_missing() -> None:
    """Each segment missing with probability 0.2 leaves a third of the handshakes with one half."""
    assert [told(halved(missing=missing)).analysis.flows[11].story.lacks for missing in (0, 1, 4)] == [0, 0, 200]


def test_where_many_are_missing_only_upper_bounds_are_left() -> None:
    for missing, low, value in ((0, 28, 30), (4, 0, None)):
        time = told(halved(missing=missing, has_echo=True)).analysis.flows[11].ends[0].settings.tcp_keepalive_time
        assert time is not None
        assert (time.low, time.value) == (low, value)
        assert time.high is not None
        assert 30 <= time.high < 31


def test_where_many_are_missing_and_no_echo_shows_that_answers_are_heard_not_even_those() -> None:
    """All that was captured may have come an interval apart, and the give-up may be missing."""
    flow = told(halved(missing=4)).analysis.flows[11]
    assert flow.ends[0].settings.tcp_keepalive_time is None
    assert (flow.verdict.outcome, flow.verdict.reasons) == (Outcome.UNKNOWN, (Reason.TOO_MUCH_MISSING,))
    assert told(halved(missing=4, has_echo=True)).analysis.flows[11].verdict.outcome is Outcome.ALIVE


def test_what_refused_a_connection_is_no_half() -> None:
    refused = "".join(
        f"\n    {at}  A:{9 + at}>B  S  seq 999\n    {at}.01  B>A:{9 + at}  RA  seq 0  ack 1000  win 0"
        for at in (1, 2, 3)
    )
    result = told(f"{OPENED}{refused}\n    31.01 A>B A seq 1099 ack 5000 | keepalive-probe")
    assert all(flow.story.lacks == 0 for flow in result.analysis.flows)
