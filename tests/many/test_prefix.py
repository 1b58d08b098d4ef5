"""Which packets a shard keeps of each flow."""

from analyzer.many.prefix import MOST
from analyzer.many.tables import arrays
from tests.many.cut import shard_of
from tests.transcript import transcript


def kept(text: str) -> list[int]:
    return [int(frame) for frame in arrays(shard_of(transcript(text)).prefix).frame]


def transfer(packets: int) -> str:
    """B sends to A, which acknowledges every second segment."""
    lines = []
    for number in range(packets):
        lines.append(f"{number}.0 B>A PA seq {1000 + 100 * number} ack 500 len 100")
        if number % 2:
            lines.append(f"{number}.1 A>B A seq 500 ack {1100 + 100 * number}")
    return "\n".join(lines)


def test_of_a_transfer_only_its_beginning() -> None:
    assert kept(transfer(500)) == list(range(1, 10))  # up to the third acknowledgement


def test_of_probes_all_since_they_do_not_tell_when_the_peer_was_last_heard() -> None:
    text = "\n".join(f"{10 * n}.0 A>B A seq 999 ack 500\n {10 * n}.1 B>A A seq 500 ack 1000" for n in range(50))
    assert kept(text) == list(range(1, 101))


def test_of_one_direction_not_without_end() -> None:
    one_way = "\n".join(line for line in transfer(2 * MOST).splitlines() if "B>A" in line)
    assert kept(one_way) == list(range(1, MOST + 1))


def test_errors_about_flows_that_the_shard_has_not_met() -> None:
    text = f"0.0 icmp host-unreachable about A>B seq 499\n {transfer(20)}\n 99 icmp host-unreachable about A>B seq 499"
    assert kept(text) == list(range(1, 11))  # the second error belongs to a flow that is known by then
