"""What other settings would have done, in words: every fate, each as a sentence and in the summary."""

import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.keepalive.model.linux import Keepalive
from analyzer.keepalive.summary.what_if import Prevented, Replay
from analyzer.report.words.what_if_sentences import (
    ALIKE,
    AT_LAST,
    FATES,
    KEPT,
    LATER,
    PERHAPS_KEPT,
    PERHAPS_SOONER,
    SOONER,
    UNCHANGED,
    fate,
    overall,
    replayed,
    title,
)
from tests.recordings import FOLDER
from tests.report.words.test_sentences import is_prose

SECOND = 10**9
HEARD = "after the peer was last heard"


def replay(
    noticed_s: tuple[float, float] | None, was_s: float | None, prevented: Prevented | None = None, flow: int = 0
) -> Replay:
    noticed_ns = (round(noticed_s[0] * SECOND), round(noticed_s[1] * SECOND)) if noticed_s is not None else None
    was_ns = round(was_s * SECOND) if was_s is not None else None
    return Replay(flow, 0, 9, 0, False, 0, noticed_ns, was_ns, prevented)


OF = {
    KEPT: replay((110, 600), 567, Prevented.YES),
    PERHAPS_KEPT: replay((110, 600), 567, Prevented.UNKNOWN),
    AT_LAST: replay((110, 110), None),
    SOONER: replay((110, 400), 567),
    PERHAPS_SOONER: replay((110, 600), 567),
    ALIKE: replay((560, 600), 567),
    LATER: replay((700, 700), 567, Prevented.NO),
    UNCHANGED: replay(None, 567),
}
SETTINGS = Keepalive(60, 10, 5)


@pytest.fixture(scope="module")
def nat() -> Analysis:
    """Flow 0 was forgotten by the path after 525.24 s."""
    return analyze(str(next((FOLDER / "nat-fifty-300").glob("capture.pcap*"))))


@pytest.mark.parametrize("expected", FATES)
def test_fates(expected: str, nat: Analysis) -> None:
    assert fate(OF[expected]) == expected
    assert all(is_prose(sentence) for sentence in replayed(OF[expected], nat.flows[0], SETTINGS))


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (
            SOONER,
            f"The loss {SOONER}: 110.00 s {HEARD} if it was lost right then, and up to 400.00 s if it was lost later,",
        ),
        (AT_LAST, f"The loss would have been noticed 110.00 s {HEARD}; as it was, nobody noticed."),
        (LATER, f"The loss {LATER}: 700.00 s {HEARD}, instead of 567.00 s."),
        (UNCHANGED, f"so nothing changes: the loss was noticed 567.00 s {HEARD}."),
        (KEPT, f"As it was, the loss was noticed 567.00 s {HEARD}."),
        (PERHAPS_KEPT, f"If not, the loss {PERHAPS_SOONER}: 110.00 s {HEARD} if it was"),
    ],
)
def test_when_it_would_have_been_noticed(one: str, words: str, nat: Analysis) -> None:
    assert words in list(replayed(OF[one], nat.flows[0], SETTINGS))[-1]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (KEPT, "It would have been kept open: the path forgot it after 525.24 s of silence, "),
        (PERHAPS_KEPT, "whether it survives the 60 s that these settings leave, the capture does not show."),
        (LATER, "these settings leave silences of 60 s, and the path forgot it after 525.24 s."),
    ],
)
def test_prevention_comes_first(one: str, words: str, nat: Analysis) -> None:
    first, _ = replayed(OF[one], nat.flows[0], SETTINGS)
    assert words in first


def test_the_summary_of_several(nat: Analysis) -> None:
    supposed = nat.what_if(SETTINGS)
    fates, cost = overall(supposed, [OF[KEPT], OF[KEPT], OF[LATER]])
    assert fates == f"Of 3 connections that were lost, 2 {KEPT}, and 1 {LATER}."
    assert cost == (
        "The cost: 609 probes instead of 242 in 19 min 58 s, with the answers 1,122 packets and 74,052 octets; at that "
        "rate 80,916 packets and 5,340,485 octets a day."
    )
    assert next(overall(supposed, [OF[KEPT]])) == f"The one connection that was lost {KEPT}."
    assert next(overall(supposed, [OF[KEPT], OF[KEPT]])) == f"All 2 connections that were lost {KEPT}."
    assert next(overall(supposed, [])) == "No connection of this capture was lost."


def test_settings_that_never_probe(nat: Analysis) -> None:
    *_, cost = overall(nat.what_if(Keepalive(7200, 75, 9)), [])
    assert cost == "No probe would have been sent in 19 min 58 s, instead of 242."


def test_the_title_has_a_user_timeout() -> None:
    assert title(Keepalive(60, 10, 5, 30_500)) == "With 60/10/5 (time/intvl/probes) and a user timeout of 30.5 s:"
