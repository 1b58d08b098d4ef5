"""Each connection as a trial of idle limits: which are noted, for whom, and with what."""

from analyzer.keepalive.context.idle_trials import Service
from tests.keepalive.verdict.test_endings import ASKED, CROSSED
from tests.transcript import analyse, transcript

SECOND = 10**9
CLOSED = """
    6.30   B>A  FA  seq 5500  ack 1100
    6.31   A>B  FA  seq 1100  ack 5501
    6.32   B>A  A   seq 5501  ack 1101
"""


def services(*texts: str) -> list[Service]:
    """Each text is a connection from a port of its own."""
    lines = [
        line.replace("A>B", f"A:{42000 + number}>B").replace("B>A", f"B>A:{42000 + number}")
        for number, text in enumerate(texts)
        for line in text.splitlines()
        if line.strip()
    ]
    ordered = sorted(lines, key=lambda line: float(line.split()[0]))
    return [one for _, _, one in analyse(transcript("\n".join(ordered)))._assembler.services]


def test_a_service_that_closed_after_an_idle_time_is_one() -> None:
    [service] = services(ASKED + CLOSED)
    [trial] = service.closings
    assert (trial.flow, trial.closer, trial.lost, service.end) == (0, 1, 0, 1)
    assert [ns / SECOND for ns in trial.since] == [5.0, 5.3, 5.0, 5.0]


def test_an_open_connection_and_one_that_the_other_side_closed_show_what_was_survived() -> None:
    longer = """
    10.00  A>B  FA  seq 1100  ack 5500
    10.01  B>A  FA  seq 5500  ack 1101
    10.02  A>B  A   seq 1101  ack 5501
    """
    [service] = services(ASKED + CLOSED, ASKED + longer)
    client, service_side = service.survived
    assert service_side.data_ns == round(8.7 * SECOND)
    assert client.data_ns == 5 * SECOND
    [service] = services(ASKED + CLOSED, ASKED, "60.0  end")
    assert service.survived[1].data_ns == round(58.7 * SECOND)


def test_what_ended_at_once_is_no_trial() -> None:
    assert services(ASKED + CLOSED.replace("6.3", "1.3")) == []


def test_lost_data_is_counted() -> None:
    [service] = services(CROSSED)
    assert service.closings[0].lost == 1


def test_the_service_is_the_responder_or_the_lower_port() -> None:
    midstream = "\n".join(line for line in (ASKED + CLOSED).splitlines() if "S" not in line.split()[2:3])
    assert services(midstream)[0].closings[0].closer == 1


def test_flows_are_counted_by_service() -> None:
    analysis = analyse(transcript(ASKED + CLOSED + "\n7.0 A:1>B S seq 1\n7.1 A:2>B:81 S seq 1"))
    assert analysis._assembler.flows_like([0, 2]) == [2, 1]


def test_all_of_a_service_are_told_with_what_they_survived() -> None:
    lines = [*(ASKED + CLOSED).splitlines(), "60.0  A:1>B:81  S  seq 1"]
    closed, *others = analyse(transcript("\n".join(lines))).idle_times_like(0)
    assert (closed.flow, closed.is_over, closed.since.data_ns, closed.survived.data_ns < SECOND) == (
        0, True, 5 * SECOND, True,
    )  # fmt: skip
    assert others == []


def test_a_client_has_trials_of_all_services_that_it_used() -> None:
    """What it let live longer elsewhere counts as survived."""
    closed = CLOSED.replace("B>A  FA  seq 5500  ack 1100", "A>B  FA  seq 1100  ack 5500")
    closed = closed.replace("A>B  FA  seq 1100  ack 5501", "B>A  FA  seq 5500  ack 1101")
    closed = closed.replace("B>A  A   seq 5501  ack 1101", "A>B  A   seq 1101  ack 5501")
    lines = [(ASKED + closed).replace("B", f"B:{9000 + number}") for number in range(3)]
    text = "\n".join(
        [one.replace("A>", f"A:{42000 + n}>").replace(">A", f">A:{42000 + n}") for n, one in enumerate(lines)]
    )
    ordered = sorted((line for line in text.splitlines() if line.strip()), key=lambda line: float(line.split()[0]))
    assembler = analyse(transcript("\n".join(ordered)))._assembler
    [(address, client)] = assembler.clients(3)
    assert (address, client.end) == ("10.0.0.1", 0)
    assert [one.closer for one in client.closings] == [0, 0, 0]
    assert len({one.service for one in client.closings}) == 3
    assert assembler.clients(4) == []
