"""The period of heartbeats: transcripts."""

from analyzer.keepalive.story.values import Heartbeat
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import told

S = 10**9


def beat_of(*times: float) -> Heartbeat | None:
    """Return what A's messages of one octet at these times are."""
    lines = [
        f"{at:.2f}  A>B  PA  seq {1100 + number}  ack 5000  len 1  | {what}\n{at + 0.01:.2f}  B>A  A  seq 5000  "
        f"ack {1101 + number}\n"
        for number, at in enumerate(times)
        for what in ["heartbeat" if len(times) > 2 else "data"]
    ]
    return told(f"{OPENED}{''.join(lines)}").flow.ends[0].story.heartbeat


def test_two_messages_show_no_period() -> None:
    assert beat_of(31, 61) is None


def test_the_period_is_the_mean_without_pauses() -> None:
    found = beat_of(30, 60, 90, 690, 721, 752)
    assert found is not None
    assert (found.period_ns, found.sent) == ((30 + 30 + 31 + 31) * S // 4, 6)
