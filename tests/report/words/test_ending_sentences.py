"""Sentences about who ended a connection, heartbeats, and data that nothing acknowledges."""

import pytest

from analyzer.analysis import analyze
from analyzer.report.words import ending_sentences, sentences
from tests.keepalive.verdict.test_endings import ASKED, BEATS, CROSSED, FORGOTTEN
from tests.recordings import FOLDER
from tests.transcript import told

CLOSE = "B>A  FA  seq 5500  ack 1100\n    {0}1  A>B  FA  seq 1100  ack 5501\n    {0}2  B>A  A  seq 5501  ack 1101"
BEATEN = f"""{ASKED}{BEATS}
    331.30  B>A  FA  seq 5550  ack 1200
    331.31  A>B  FA  seq 1200  ack 5551
"""
TOO_OFTEN = f"""{ASKED}{BEATS}
    301.533  B>A  FA  seq 5550  ack 1200
    301.534  A>B  FA  seq 1200  ack 5551
"""
PROBED = f"""{ASKED}
    16.30  A>B  A   seq 1099  ack 5500           | keepalive-probe
    16.31  B>A  A   seq 5500  ack 1100           | keepalive-answer
    31.30  B>A  FA  seq 5500  ack 1100
    31.31  A>B  FA  seq 1100  ack 5501
"""
HALF = f"""{ASKED}
    31.30  A>B  FA  seq 1100  ack 5500
    31.31  B>A  A   seq 5500  ack 1101
"""
LATER = CROSSED.replace("6.31   A>B  PA  seq 1100  ack 5500  len 100", "6.31   A>B  PA  seq 1100  ack 5501  len 600")


FIVE = "The responder closed it 5.00 s after its last data"
BEAT = (
    "The responder closed it {} after the last data that was no heartbeat, and {} after a heartbeat of the originator."
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{ASKED}    6.30  {CLOSE.format('6.3')}", f"{FIVE}."),
        (f"{ASKED}    1.32  {CLOSE.format('1.32')}", "The responder closed it right after its last data."),
        (CROSSED, f"{FIVE}; a request that crossed its FIN was lost (frame 8)."),
        (LATER, f"{FIVE}; a request that came after its FIN had arrived was lost (frame 8)."),
        (BEATEN, BEAT.format("330.00 s", "29.80 s")),
        (TOO_OFTEN, BEAT.format("300.23 s", "33.00 ms")),
        (
            PROBED,
            "The responder closed it 30.00 s after its last data, whatever keepalive probes were answered in between.",
        ),
        (HALF, "The originator has closed its half, and the responder has not."),
        (f"{ASKED}    9.30  B>A  RA  seq 5500  ack 1100", "The responder reset it 8.00 s after its last data."),
        (ASKED, ""),
    ],
    ids=range(10),
)
def test_who_closed_after_how_long_and_at_what_cost(text: str, words: str) -> None:
    assert ending_sentences.ending(told(text).flow) == words


def test_what_a_rst_answers_was_lost() -> None:
    flow = told(FORGOTTEN.format(ttl=61), hops={"B": 3}).flow
    assert ending_sentences.ending(flow) == "What was sent after 352.60 s without data was lost (frame 7)."


def test_headlines_say_who() -> None:
    assert sentences.headline(told(CROSSED).flow) == "closed by the responder, and data was lost"
    reset = told(f"{ASKED}    9.30  B>A  RA  seq 5500  ack 1100").flow
    assert sentences.headline(reset) == "closed by RST of the responder"


def test_a_heartbeat_with_its_answers() -> None:
    assert ending_sentences.heartbeat(told(BEATEN).flow, 0) == (
        "The application at the originator itself sends 20 octets every 60.00 s, 5 times, each answered: an "
        "alternative to keepalive, which it keeps from becoming due."
    )


def test_a_heartbeat_that_stopped() -> None:
    stopped = told(f"{ASKED}{BEATS}\n    700.0  end").flow
    assert ending_sentences.heartbeat(stopped, 0).endswith(
        "the next has been missing: it stopped 398.50 s before the end."
    )


def test_data_that_nothing_acknowledges() -> None:
    again = (
        f"    {at}  A>B  PA  seq 1100  ack 5500  len 19  | retransmission\n" for at in (20.3, 20.9, 22.1, 24.5, 29.3)
    )
    resent = "    20.0  A>B  PA  seq 1100  ack 5500  len 19\n" + "".join(again)
    flow = told(f"{ASKED}{resent}    40.0  end").flow
    words = ending_sentences.unacknowledged(flow)
    assert words.startswith(
        "19 octets of the originator have been unacknowledged for 20.00 s, and were sent again 5 times"
    )
    assert "TCP_USER_TIMEOUT" in words
    assert ending_sentences.unacknowledged(told(ASKED).flow) == ""


@pytest.mark.parametrize(("name", "words"), [("zero-window", "56.24 s"), ("zero-window-keepalive-5-2-3", "54.61 s")])
def test_a_window_that_stays_closed(name: str, words: str) -> None:
    """From the first probe of the window to the last: frames 14 and 29, whose times tshark shows."""
    [flow] = analyze(str(FOLDER / name / "capture.pcap")).flows
    assert ending_sentences.closed_window(flow) == (
        f"The window of the responder has been closed for {words}: its application does not read, and the originator "
        "waits to send."
    )


@pytest.mark.parametrize("name", ["zero-window-dead", "nc-30-10-5", "peer-alive-8-2-4"])
def test_a_window_of_which_nobody_knows(name: str) -> None:
    [flow] = analyze(str(FOLDER / name / "capture.pcap")).flows
    assert ending_sentences.closed_window(flow) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nc-30-10-5", "Its application saw ETIMEDOUT"),
        ("both-ends", "The application at the originator saw ETIMEDOUT"),
        ("zero-window-dead", "The application saw ETIMEDOUT"),
    ],
)
def test_whose_application_saw_it_is_clear(name: str, words: str) -> None:
    """At both ends kernels probed: "its" would be that of the end that stands before."""
    [flow] = analyze(str(FOLDER / name / "capture.pcap")).flows
    assert ending_sentences.seen_by_application(flow).startswith(words)
