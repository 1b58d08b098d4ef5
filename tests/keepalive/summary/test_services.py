"""Idle limits of services: what several connections that were closed say together, and what says nothing."""

from collections.abc import Iterable, Sequence

import pytest

from analyzer.keepalive.summary.services import FEWEST_SERVICES, ClientLimit, IdleLimit, client_limits, round_number
from analyzer.keepalive.verdict.values import Confidence
from tests.transcript import Told, told

SECOND = 10**9


class Life:
    """One connection to B: requests with answers at these instants, and who closes when."""

    def __init__(
        self,
        requests: Sequence[float],
        closes: tuple[str, float] | None = None,
        *,
        took: float = 0.2,
        lost: bool = False,
    ) -> None:
        self.requests, self.closes, self.took, self.lost = requests, closes, took, lost

    def lines(self, port: int, service: int) -> Iterable[tuple[float, str]]:
        a, b, seq, ack = f"A:{port}>B:{service}", f"B:{service}>A:{port}", 1000, 5000
        begin = self.requests[0] - 0.1
        yield begin, f"{a}  S  seq 999"
        yield begin + 0.01, f"{b}  SA  seq 4999  ack 1000"
        yield begin + 0.02, f"{a}  A  seq 1000  ack 5000"
        for at in self.requests:
            yield at, f"{a}  PA  seq {seq}  ack {ack}  len 100"
            seq += 100
            yield at + self.took, f"{b}  PA  seq {ack}  ack {seq}  len 500"
            ack += 500
            yield at + self.took + 0.001, f"{a}  A  seq {seq}  ack {ack}"
        if self.closes is None:
            return
        who, at = self.closes
        if self.lost:
            yield at, f"{b}  FA  seq {ack}  ack {seq}"
            yield at + 0.001, f"{a}  PA  seq {seq}  ack {ack}  len 100"
            yield at + 0.002, f"{b}  R  seq {ack}  win 0"
            return
        first, second = (a, b) if who == "client" else (b, a)
        mine, theirs = (seq, ack) if who == "client" else (ack, seq)
        yield at, f"{first}  FA  seq {mine}  ack {theirs}"
        yield at + 0.001, f"{second}  FA  seq {theirs}  ack {mine + 1}"
        yield at + 0.002, f"{first}  A  seq {mine + 1}  ack {theirs + 1}"


def limits(*lives: Life, service: int = 9000, until: float | None = None) -> tuple[IdleLimit, ...]:
    lines = [line for number, life in enumerate(lives) for line in life.lines(41000 + number, service)]
    lines += [(until, "end")] if until is not None else []
    text = "\n".join(f"{time:.4f}  {what}" for time, what in sorted(lines))
    return tuple(limit for one in said(told(text)) for limit in one)


def of_client(*lives: Life, services: Sequence[int], until: float | None = None) -> tuple[ClientLimit, ...]:
    """What one client's connections to these services say, each to the next of them."""
    led = zip(lives, services, strict=True)
    lines = [line for number, (life, one) in enumerate(led) for line in life.lines(41000 + number, one)]
    lines += [(until, "end")] if until is not None else []
    text = "\n".join(f"{time:.4f}  {what}" for time, what in sorted(lines))
    return client_limits(told(text).analysis._assembler.clients(FEWEST_SERVICES))


BROWSER = [Life([begin], ("client", begin + 115.2 + late)) for begin, late in ((1, 0.1), (9, 0.9), (20, 0.4))]


def test_a_client_that_closes_alike_to_several_services_has_one_limit() -> None:
    """A browser looks at its clock once a second."""
    [one] = of_client(*BROWSER, services=(443, 80, 8443))
    assert (one.address, one.services, one.limit.closed, one.limit.flows) == ("10.0.0.1", 3, 3, (0, 1, 2))
    assert (one.limit.by, one.limit.clock, one.limit.confidence) == ("originator", "data", Confidence.LIKELY)
    assert one.limit.value_ns == 115 * SECOND


def test_of_each_service_its_close_is_no_guess_then() -> None:
    """Alone, the browser's close would be a guess at port 443, and say nothing at the others."""
    lives = [*BROWSER, Life([3], ("server", 63.21))]
    lines = [line for number, life in enumerate(lives) for line in life.lines(41000 + number, 443 + number)]
    result = told("\n".join(f"{time:.4f}  {what}" for time, what in sorted(lines)))
    sure = [(limit.by, limit.confidence) for one in said(result) for limit in one]
    assert sure == [("originator", Confidence.LIKELY), ("responder", Confidence.GUESS)]


@pytest.mark.parametrize(
    ("lives", "services", "until"),
    [
        (BROWSER, (443, 443, 80), None),
        (BROWSER[:2], (443, 80), None),
        ([*BROWSER, *(Life([2], ("client", 2 + n)) for n in (7, 20, 41, 70))], (443, 80, 8443, 1, 2, 3, 4), None),
        ([*BROWSER, Life([2], ("client", 150.3))], (443, 80, 8443, 9000), None),
        ([*BROWSER, Life([2])], (443, 80, 8443, 9000), 160.0),
        ([*BROWSER, Life([2, 140], ("server", 141))], (443, 80, 8443, 9000), None),
        ([Life([1 + n / 10], ("client", 116.3 + n / 10)) for n in range(3)], (443, 80, 8443), None),
    ],
    ids=[
        "two services",
        "two closes",
        "most closed sooner",
        "closed later",
        "left open longer",
        "lived longer",
        "all at once",
    ],
)
def test_no_limit_of_a_client(lives: Sequence[Life], services: Sequence[int], until: float | None) -> None:
    assert of_client(*lives, services=services, until=until) == ()


def said(result: Told) -> list[tuple[IdleLimit, ...]]:
    return [one.idle_limits for one in result.analysis.services]


def test_two_separate_closes_after_a_round_number_are_a_limit() -> None:
    [limit] = limits(Life([1], ("server", 31.203)), Life([7], ("server", 37.204)))
    assert (limit.by, limit.how, limit.clock) == ("responder", "fin", "data")
    assert (limit.value_ns, limit.closed, limit.survived_ns, limit.confidence) == (
        30 * SECOND,
        2,
        None,
        Confidence.LIKELY,
    )
    assert limit.low_ns == 0
    assert limit.high_ns == pytest.approx(30.003 * SECOND)


def test_what_was_survived_bounds_it_from_below() -> None:
    [limit] = limits(Life([1, 28], ("server", 58.203)), Life([7], ("server", 37.204)))
    assert limit.survived_ns == limit.low_ns == pytest.approx(26.8 * SECOND)


def test_five_leave_no_doubt() -> None:
    [limit] = limits(*(Life([1 + 3 * i], ("server", 6.203 + 3 * i)) for i in range(5)))
    assert (limit.value_ns, limit.closed, limit.confidence) == (5 * SECOND, 5, Confidence.CERTAIN)


def test_lost_requests_are_counted() -> None:
    lives = (Life([1 + 3 * i], ("server", 6.203 + 3 * i), lost=i < 2) for i in range(3))
    [limit] = limits(*lives)
    assert (limit.lost, limit.closed) == (2, 3)


def test_the_clock_on_which_they_agree_is_the_closers() -> None:
    """Answers take long: the server counts from the request."""
    lives = [Life([1], ("server", 31.003), took=2), Life([20], ("server", 50.004), took=9)]
    [limit] = limits(*lives, Life([40], ("server", 70.002), took=14))
    assert (limit.clock, limit.value_ns) == ("peer-data", 30 * SECOND)


def test_a_client_that_gives_back_idle_connections() -> None:
    [limit] = limits(Life([1], ("client", 7.204)), Life([9], ("client", 15.206)))
    assert (limit.by, limit.value_ns) == ("originator", 6 * SECOND)


@pytest.mark.parametrize("opens_s", [0.11, 1.4, -0.4])
def test_a_script_that_goes_on_to_its_next_connection_is_no_pool(opens_s: float) -> None:
    """It sleeps for 4 s between requests; undici's pools close after as long, when nobody asks for anything."""
    step_s = 4.3 + opens_s
    lives = (Life([1 + step_s * i], ("client", 5.203 + step_s * i)) for i in range(6))
    [limit] = limits(*lives, service=443)
    assert (limit.by, limit.value_ns, limit.closed) == ("originator", 4 * SECOND, 6)
    assert (limit.confidence, limit.matches) == (Confidence.GUESS, ())


def test_a_pool_whose_connections_are_used_together_is_no_script() -> None:
    """Two at a time, which the pool closes before it opens others."""
    begins = [begin + 20 * i for i in range(3) for begin in (1, 1.001)]
    [limit] = limits(*(Life([begin], ("client", begin + 1.203)) for begin in begins))
    assert (limit.value_ns, limit.confidence) == (1 * SECOND, Confidence.LIKELY)
    [limit] = limits(*(Life([1 + 20 * i], ("client", 5.203 + 20 * i)) for i in range(5)), service=443)
    assert (limit.confidence, limit.matches) == (Confidence.CERTAIN, ("Node.js undici and fetch",))


def unanswered(begin: float, port: int, waits_s: float) -> list[tuple[float, str]]:
    """A request that the service only acknowledges, and the client's close."""
    a, b = f"A:{port}>B:9000", f"B:9000>A:{port}"
    return [
        *Life([begin], None).lines(port, 9000),
        (begin + 0.5, f"{a}  PA  seq 1100  ack 5500  len 100"),
        (begin + 0.51, f"{b}  A  seq 5500  ack 1200"),
        (begin + 0.5 + waits_s, f"{a}  FA  seq 1200  ack 5500"),
        (begin + 0.51 + waits_s, f"{b}  FA  seq 5500  ack 1201"),
        (begin + 0.52 + waits_s, f"{a}  A  seq 1201  ack 5501"),
    ]


def said_of(lines: Iterable[tuple[float, str]]) -> list[tuple[IdleLimit, ...]]:
    return said(told("\n".join(f"{time:.4f}  {what}" for time, what in sorted(lines))))


def test_a_client_that_waits_for_an_answer_in_vain_has_no_idle_limit() -> None:
    assert said_of(line for i in range(5) for line in unanswered(1 + 20 * i, 41000 + i, 5.003)) == []


def test_nor_does_it_contradict_the_limit_of_idle_ones() -> None:
    idle = (line for i in range(3) for line in Life([1 + 20 * i], ("client", 7.204 + 20 * i)).lines(42000 + i, 9000))
    [[limit]] = said_of([*idle, *unanswered(3, 41000, 30)])
    assert (limit.by, limit.value_ns, limit.closed) == ("originator", 6 * SECOND, 3)


def test_one_that_was_idle_for_longer_and_lives_contradicts() -> None:
    closed = Life([1], ("server", 31.203)), Life([7], ("server", 37.204))
    assert limits(*closed, Life([2, 40], ("client", 41))) == ()
    assert limits(*closed, Life([2], None), until=60) == ()


def test_one_that_the_same_side_closed_later_contradicts() -> None:
    assert limits(Life([1], ("client", 3.2)), Life([9], ("client", 11.2)), Life([20], ("client", 50.28))) == ()


def test_one_that_lived_for_clearly_longer_than_another_contradicts() -> None:
    closed = [Life([1 + 20 * i], ("server", 1.2 + 20 * i + time)) for i, time in enumerate((10.2, 10.5, 10.4))]
    assert limits(*closed, Life([80, 90.6], ("client", 91))) == ()


def test_a_clock_is_not_chosen_for_what_timers_are_late_anyway() -> None:
    [limit] = limits(Life([1], ("server", 61.04), took=0.04), Life([9], ("server", 69.0405), took=0.0404))
    assert (limit.clock, limit.value_ns) == ("data", 60 * SECOND)


def test_the_silence_before_a_farewell_was_not_survived() -> None:
    lines: list[tuple[float, str]] = []
    for port, begin in ((41000, 1.0), (41001, 21.0)):
        a, b = f"A:{port}>B:443", f"B:443>A:{port}"
        lines += list(Life([begin], None).lines(port, 443))
        lines += [
            (begin + 300.2, f"{a}  PA  seq 1100  ack 5500  len 24"),
            (begin + 300.201, f"{a}  FA  seq 1124  ack 5500"),
            (begin + 300.21, f"{b}  FA  seq 5500  ack 1125"),
            (begin + 300.211, f"{a}  A  seq 1125  ack 5501"),
        ]
    [[limit]] = said_of(lines)
    assert (limit.by, limit.value_ns, limit.survived_ns, limit.low_ns) == ("originator", 300 * SECOND, None, 0)


def test_connections_that_end_at_once_are_one_event() -> None:
    """A program ends: they were idle for equally long since they were used together."""
    assert limits(Life([1], ("server", 31.203)), Life([1.001], ("server", 31.204))) == ()


def test_closes_at_random_times_are_no_limit() -> None:
    times = (2.7, 11.9, 5.35, 31.2, 17.8, 44.3)
    assert limits(*(Life([1 + 7 * i], ("server", 1.2 + 7 * i + time)) for i, time in enumerate(times))) == ()


def test_two_alike_after_no_round_time_are_a_coincidence() -> None:
    assert limits(Life([1], ("server", 12.54)), Life([7], ("server", 18.55))) == ()


def test_closes_right_after_the_answer_are_no_limit() -> None:
    assert limits(*(Life([1 + 3 * i], ("server", 1.203 + 3 * i)) for i in range(5))) == ()


def test_one_close_is_a_coincidence_unless_its_time_is_known() -> None:
    assert limits(Life([1], ("server", 31.203))) == ()
    [limit] = limits(Life([1], ("server", 3601.4)), service=22)
    assert (limit.value_ns, limit.confidence, limit.matches) == (3600 * SECOND, Confidence.GUESS, ())
    [limit] = limits(Life([1], ("server", 601.25)), service=9092)
    assert (limit.confidence, limit.matches) == (Confidence.GUESS, ("Kafka broker",))


def test_a_program_that_looks_at_its_clock_now_and_then_gives_no_round_number() -> None:
    [limit] = limits(
        *(Life([1 + 20 * i], ("server", 1.2 + 20 * i + time)) for i, time in enumerate((10.2, 10.5, 10.4)))
    )
    assert limit.value_ns is None
    assert (limit.low_ns, limit.high_ns) == (0, pytest.approx(10.2 * SECOND))


@pytest.mark.parametrize(
    ("pauses", "confidences"),
    [
        ((4.7, 5.1, 5.4), []),
        ((4.7, 5.1, 5.4, 4.8, 5.6), [Confidence.LIKELY]),
        ((57.7, 58.1, 58.4), [Confidence.LIKELY]),
    ],
)
def test_a_second_is_much_of_five(pauses: Sequence[float], confidences: list[Confidence]) -> None:
    """Few closes that differ by a fifth are pauses of a conversation; a program that looks at its clock closes more."""
    lives = (Life([1 + 20 * i], ("server", 1.2 + 20 * i + pause)) for i, pause in enumerate(pauses))
    assert [one.confidence for one in limits(*lives)] == confidences


def test_known_limits_are_named() -> None:
    [limit] = limits(*(Life([1 + 3 * i], ("server", 6.203 + 3 * i)) for i in range(5)), service=3000)
    assert limit.matches[0] == "Node.js http server"


@pytest.mark.parametrize(
    ("idle_s", "value_s"),
    [(5.003, 5), (4.992, 5), (75.06, 75), (30.1, 30), (118.02, 118), (350.4, 350), (3600.6, 3600)],
)
def test_the_round_number_that_a_timer_is_late_after(idle_s: float, value_s: int) -> None:
    assert round_number(round(idle_s * SECOND), -1) == value_s * SECOND


def test_no_round_number_below_what_was_survived() -> None:
    assert round_number(round(30.2 * SECOND), round(30.1 * SECOND)) is None
