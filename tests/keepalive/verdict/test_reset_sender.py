"""What gives a RST away that something on the path has sent."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from analyzer.keepalive.verdict.values import Cause, Confidence, Outcome, Reason, Verdict
from tests.keepalive.verdict.test_judge import outcome, verdict
from tests.transcript import told

ANSWERS_PROBE = """
    31.0  A>B  A  seq 999  ack {next}  | keepalive-probe
    {at}  B>A  R  seq {next}  {rst}  | rst of 31.0
"""
UNASKED = "    10.5  B>A  RA  seq {next}  ack 1000  win 500  {rst}"
"""Half a second after the last segment of that end: a timer's comes later."""
THE_END = (Outcome.RESET, Cause.PEER_LOST_STATE)
THE_PATH = (Outcome.RESET, Cause.PATH_RESET)
UNDECIDED = (Outcome.RESET, None)


def of_rst(
    fields: str,
    own: str | Sequence[str] = "ttl 64",
    ids: Sequence[int] = (100, 101, 102),
    tsval: str = "",
    ending: str = ANSWERS_PROBE,
    replied_s: str = "0.040",
    took_s: str = "0.040",
) -> Verdict:
    """Judge a RST with these fields, from an end whose `own` segments have those, and `ids` as IP identifications."""
    each = [own] * len(ids) if isinstance(own, str) else own
    segments = "".join(
        f"    {place * place + 1}  B>A  PA  seq {4999 + place}  ack 1000  len 1  ipid {one}  {its} {tsval}\n"
        for place, (one, its) in enumerate(zip(ids, each, strict=True), 1)
    )
    ended = ending.format(next=5000 + len(ids), rst=fields, at=31 + Decimal(took_s))
    opened = f"""
    0.000        A>B  S   seq 999
    {replied_s}  B>A  SA  seq 4999  ack 1000  ipid 0  {each[0]} {tsval}
    0.050        A>B  A   seq 1000  ack 5000
"""
    return verdict(told(opened + segments + ended))


def whose(fields: str, **conversation: Any) -> tuple[Outcome, Cause | None]:
    v = of_rst(fields, **conversation)
    return v.outcome, v.cause


def test_a_stack_s_own_answer_has_nothing_odd() -> None:
    for own in ("win 0  ipid 0", "win 0  ipid 103"):
        v = of_rst(own)
        assert ((v.outcome, v.cause), v.confidence) == (THE_END, Confidence.CERTAIN)


def test_another_distance() -> None:
    v = of_rst("win 0  ipid 0  ttl 62")
    assert ((v.outcome, v.cause), v.confidence) == (THE_PATH, Confidence.LIKELY)
    assert v.reasons == (Reason.RST_ANSWERS_PROBE, Reason.RST_LOOKS_FOREIGN)
    assert whose("win 0  ipid 0  ttl 66", own="ttl 57") == THE_PATH


@pytest.mark.parametrize(("usual", "ttl"), [(57, 56), (113, 114)])
def test_one_hop_alone_proves_nothing(usual: int, ttl: int) -> None:
    assert whose(f"win 0  ipid 0  ttl {ttl}", own=f"ttl {usual}") == UNDECIDED


@pytest.mark.parametrize("more", ["win 8192  ipid 0", "win 0  ipid 40000"])
def test_one_hop_and_something_else_do(more: str) -> None:
    v = of_rst(f"{more}  ttl 56", own="ttl 57")
    assert ((v.outcome, v.cause), v.confidence) == (THE_PATH, Confidence.CERTAIN)
    assert v.reasons[1:] == (Reason.RST_LOOKS_FOREIGN, Reason.RST_DIFFERS_IN_MORE)


@pytest.mark.parametrize("first", [64, 128])
def test_a_reset_that_no_router_passed_on_is_not_of_an_end_behind_one(first: int) -> None:
    assert whose(f"win 0  ipid 0  ttl {first}", own=f"ttl {first - 1}") == THE_PATH
    answers_nothing = ANSWERS_PROBE.replace(" R ", " RA ").replace("{rst}", "{rst}  ack 1000")
    assert whose(f"win 0  ipid 0  ttl {first}", own=f"ttl {first - 1}", ending=answers_nothing) == UNDECIDED


@pytest.mark.parametrize(
    ("fields", "tsval"),
    [
        ("tsval 9000  ipid 0", "tsval 5000"),  # options and window
        ("ipid 110", ""),  # window and counter
        ("win 0  ipid 103", ""),  # the very next identification
    ],
)
def test_fields_that_agree_outweigh_one_hop(fields: str, tsval: str) -> None:
    """Then it is the end's own, and as nothing asked for it, its application's."""
    conversation = {"own": "ttl 57", "tsval": tsval, "ending": UNASKED}
    assert whose(f"{fields}  ttl 56", **conversation) == (Outcome.CLOSED, Cause.APPLICATION)
    assert whose(f"{fields}  ttl 50", **conversation) == UNDECIDED


def test_a_window_alone_does_not() -> None:
    assert whose("ipid 0  ttl 56", own="ttl 57", ending=UNASKED) == UNDECIDED


def test_a_ttl_that_varies_by_itself_is_no_evidence() -> None:
    assert whose("win 0  ipid 0  ttl 50", own=["ttl 57"] * 3) == THE_PATH
    assert whose("win 0  ipid 0  ttl 50", own=["ttl 57", "ttl 55", "ttl 57"]) == THE_END


@pytest.mark.parametrize(("usual", "ttl"), [(59, 250), (128, 64)])
def test_stacks_send_what_belongs_to_no_socket_with_another_first_ttl(usual: int, ttl: int) -> None:
    assert whose(f"win 0  ipid 0  ttl {ttl}", own=f"ttl {usual}") == THE_END


def test_nothing_is_odd_where_nothing_is_known() -> None:
    """Of the end that resets, nothing else was captured."""
    v = verdict(
        told("""
    0.0    A>B  PA  seq 1000  ack 5000  len 10
    31.0   A>B  A   seq 1009  ack 5000  | keepalive-probe
    31.01  B>A  R   seq 5000  win 0  ttl 63  ipid 7  | rst of 31.0
    """)
    )
    assert (v.outcome, v.cause) == UNDECIDED
    assert v.reasons == (Reason.RST_ANSWERS_PROBE, Reason.RST_UNDECIDED)


@pytest.mark.parametrize(
    ("ids", "identification", "cause"),
    [
        ((100, 101, 102), 103, Cause.PEER_LOST_STATE),  # the very next
        ((100, 101, 102), 110, None),
        ((100, 101, 102), 40000, Cause.PATH_RESET),
        ((65533, 65535, 1), 2, Cause.PEER_LOST_STATE),
        ((65530, 65533, 65535), 1, None),
        ((5, 60000, 300), 40000, None),  # it does not count
        ((9, 60000, 60001, 60002, 60003), 40000, Cause.PATH_RESET),  # its latest ones do
        ((100, 101), 40000, None),
    ],
)
def test_an_end_shows_by_its_latest_identifications_that_it_counts(
    ids: tuple[int, ...], identification: int, cause: Cause | None
) -> None:
    """Beside one hop, one thing more makes it the path's, and certain; without it, nobody can say."""
    v = of_rst(f"win 0  ttl 56  ipid {identification}", own="ttl 57", ids=ids)
    assert (v.outcome, v.cause) == (Outcome.RESET, cause)
    assert (v.confidence is Confidence.CERTAIN) == (cause is Cause.PATH_RESET)
    assert (Reason.RST_UNDECIDED in v.reasons) == (cause is None)


@pytest.mark.parametrize("odd", ["win 8192  ipid 0", "win 0  ipid 40000"])
def test_at_the_same_distance_one_odd_field_is_no_evidence(odd: str) -> None:
    v = of_rst(odd)
    assert ((v.outcome, v.cause), v.confidence) == (THE_END, Confidence.LIKELY)


def test_at_the_same_distance_two_odd_fields_leave_it_open() -> None:
    assert whose("win 8192  ipid 40000") == UNDECIDED


def test_no_timestamp_from_a_stack_that_has_the_connection() -> None:
    """It is one thing more beside one hop; where the end uses none, the RST lacks nothing."""
    assert whose("ipid 0  ttl 56", own="ttl 57", tsval="tsval 5000", ending=UNASKED) == THE_PATH
    assert whose("ipid 0  ttl 56", own="ttl 57", ending=UNASKED) == UNDECIDED


def test_too_soon_to_have_been_there() -> None:
    """The peer's fastest answer took 40 ms; what comes after 3 ms has turned back halfway."""
    v = of_rst("win 0  ipid 0", took_s="0.003")
    assert (v.outcome, v.cause) == THE_PATH
    assert v.reasons == (Reason.RST_ANSWERS_PROBE, Reason.RST_TOO_SOON)


def test_time_says_nothing_where_hosts_are_near_or_nothing_is_known() -> None:
    assert whose("win 0  ipid 0", took_s="0.025") == THE_END
    assert whose("win 0  ipid 0", replied_s="0.004", took_s="0.0001") == THE_END
    midstream = """
    2.0      B>A  PA  seq 5000  ack 1000  len 10
    31.0     A>B  A   seq 999   ack 5010  | keepalive-probe
    31.0001  B>A  R   seq 5010  win 0  ipid 0  | rst of 31.0
    """
    assert outcome(told(midstream)) == THE_END


def test_captured_once_where_all_else_of_the_end_is_captured_twice() -> None:
    twice = """
    0.000   A>B  S   seq 999
    0.010   B>A  SA  seq 4999  ack 1000
    0.0101  copy  | duplicate-frame
    0.020   A>B  A   seq 1000  ack 5000
    2.000   B>A  PA  seq 5000  ack 1000  len 10
    2.0001  copy  | duplicate-frame
    31.00   A>B  A   seq 999   ack 5010  | keepalive-probe
    31.01   B>A  R   seq 5010  win 0  ipid 0  | rst of 31.00
    """
    v = verdict(told(twice))
    assert (v.outcome, v.cause) == THE_PATH
    assert v.reasons == (Reason.RST_ANSWERS_PROBE, Reason.RST_CAPTURED_ONCE)
    assert outcome(told(f"{twice}31.0101  copy  | duplicate-frame")) == THE_END
