"""What is concluded from captures: each conclusion where it must be drawn, and the nearest case where it must not."""

from collections.abc import Sequence

import pytest

from analyzer.keepalive.findings import End, Flow
from analyzer.keepalive.settings.values import Basis, Setting
from analyzer.keepalive.story.values import Answer
from analyzer.keepalive.summary.conclusion_rules import conclude, safe_s
from analyzer.keepalive.summary.conclusions import Conclusion, ConclusionCode, Known
from analyzer.keepalive.summary.expectations import TIME, Expectation
from analyzer.keepalive.summary.paths import ALL, PathLimit
from analyzer.keepalive.verdict.values import Cause, Confidence, Outcome
from tests.keepalive.context.test_rebinding import OLD, exchange, found, rebound
from tests.keepalive.made import Made, flow, in_brief, limits, ns, probing, settings, within_lan
from tests.keepalive.summary.test_services import BROWSER, Life
from tests.keepalive.tags.test_tag import OPENED
from tests.keepalive.verdict.test_unanswered_data import WINDOW_CLOSED
from tests.transcript import analyse, told, transcript

DROPPED, SILENT = (Outcome.TIMED_OUT, Cause.PATH_DROPPED), (Outcome.TIMED_OUT, Cause.PEER_SILENT)
SERVICE = "10.0.0.2:443"
GIVEN_UP = """
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    51.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    61.01  A>B  RA  seq 1100  ack 5000  | give-up-rst
"""


def said(text: str) -> tuple[Conclusion, ...]:
    return told(text).analysis.conclusions


def heard(text: str) -> tuple[Conclusion, ...]:
    """The same of a transcript whose lines do not say what they are."""
    return analyse(transcript(text)).conclusions


def codes(conclusions: Sequence[Conclusion]) -> list[str]:
    return [one.code.value for one in conclusions]


def of_lives(*lives: Life, until: float | None = None) -> tuple[Conclusion, ...]:
    lines = [line for number, life in enumerate(lives) for line in life.lines(41000 + number, 9000)]
    lines += [(until, "end")] if until is not None else []
    return heard("\n".join(f"{time:.4f}  {what}" for time, what in sorted(lines)))


def drawn(*flows: Flow, path_limits: tuple[PathLimit, ...] | None = None) -> tuple[Conclusion, ...]:
    return conclude(known_of(flows, limits(flows) if path_limits is None else path_limits))


def known_of(flows: Sequence[Flow], path_limits: Sequence[PathLimit]) -> Known:
    briefs = {one.id: one for one in in_brief(flows)}
    return Known(briefs, flows, (), path_limits, len(flows), ns(100))


def dropped(idle_s: float, number: int, outcome: tuple[Outcome, Cause] = DROPPED, server: str = "10.0.0.2") -> Flow:
    """After this idle time probes go unanswered."""
    return flow(Made().probe(idle_s).probe(10).probe(10), number, *outcome, server=server)


def lives(idle_s: float, number: int) -> Flow:
    return flow(Made().probe(idle_s, Answer.ACK).probe(10, Answer.ACK), number)


# ---- what somebody expects


def not_in_force(expected: Sequence[Expectation], *flows: Flow) -> tuple[Conclusion, ...]:
    return conclude(known_of(flows, limits(flows))._replace(expected=expected, examined=flows))


def test_settings_that_are_not_in_force_come_first_and_explain_nothing() -> None:
    """What is said without an expectation is said all the same."""
    flows = [one._replace(ends=with_time(one, 7200)) for one in (lives(30, 0), dropped(400, 1))]
    [first, *others] = not_in_force([Expectation({TIME: 60})], *flows)
    assert tuple(others) == drawn(*flows) != ()
    assert first.code is ConclusionCode.SETTINGS_NOT_IN_FORCE
    assert (first.flows, first.service, first.hosts, first.confidence) == (
        (0, 1), SERVICE, ("10.0.0.1",), Confidence.CERTAIN
    )  # fmt: skip
    assert {"of": 2, "of_hosts": 1, "time_on": 2, "time_s": 7200}.items() <= first.known.items()


def with_time(one: Flow, time_s: int) -> tuple[End, End]:
    return one.ends[0]._replace(settings=settings(time_s)), one.ends[1]


def test_settings_in_force_are_not_mentioned() -> None:
    assert "settings-not-in-force" not in codes(not_in_force([Expectation({TIME: 60})], probing(settings(60))))
    assert "settings-not-in-force" not in codes(not_in_force([], probing(settings(7200))))


def test_each_expectation_counts_those_that_it_concerns() -> None:
    """The more particular one replaces the other where it applies, and is met there."""
    usual, other = probing(settings(60)), probing(settings(300), 1, client="10.0.0.9", ports=(40001, 5432))
    wrong = probing(settings(90), 2, client="10.0.0.3")
    [one] = not_in_force([Expectation({TIME: 60}), Expectation({TIME: 300}, port=5432)], usual, other, wrong)[:-1]
    assert (one.flows, one.hosts, one.known["of"], one.known["of_hosts"]) == ((2,), ("10.0.0.3",), 2, 2)


def test_where_neither_end_probed_no_host_is_to_blame() -> None:
    quiet = Setting(None, 134, None, 1, Basis.SURVIVED_GAPS, (ns(151), ns(151)), (12,))
    one = flow(Made().traffic(151), found=settings(quiet))
    [found] = [c for c in not_in_force([Expectation({TIME: 30}, port=443)], one) if c.known.get("due_s")]
    assert (found.hosts, found.frames, found.confidence) == ((), (12,), Confidence.LIKELY)
    assert "of_hosts" not in found.known
    [found] = [c for c in not_in_force([Expectation({TIME: 30}, "10.0.0.1")], one) if c.known.get("due_s")]
    assert (found.hosts, found.known["of_hosts"]) == (("10.0.0.1",), 1)


# ---- paths


def test_one_way() -> None:
    [one] = said(f"{OPENED}{GIVEN_UP}".replace(
        "    61.01", "    55.01  B>A  A  seq 4999  ack 1100  | keepalive-probe\n    61.01"
    ))  # fmt: skip
    assert (one.code, one.service, one.flows) == (ConclusionCode.ONE_WAY_PATH, "10.0.0.2:80", (0,))


def test_an_end_that_says_nothing_at_all_is_no_one_way_path() -> None:
    [one] = said(f"{OPENED}{GIVEN_UP}")
    assert (one.code, one.service, one.hosts) == (ConclusionCode.PEER_SILENT, "10.0.0.2:80", ("10.0.0.2",))
    assert one.confidence is Confidence.CERTAIN


def test_a_nat_gave_it_another_port() -> None:
    [one] = found(OLD + rebound()).conclusions
    assert (one.code, one.service, one.flows) == (ConclusionCode.NAT_REBINDING, "10.0.0.2:80", (0, 1))
    assert one.known["moved"] == 1
    assert one.known["failed_s"] == pytest.approx(723.93)
    assert one.known["survived_s"] == pytest.approx(29.86)


def test_a_new_connection_from_another_port_is_no_rebinding() -> None:
    again = exchange("A:50000>B", "B>A:50000", 754, 784)
    assert "nat-rebinding" not in codes(found(OLD + again).conclusions)


def test_a_path_that_forgets() -> None:
    first, second = drawn(dropped(400, 0), dropped(410, 1), lives(300, 2), lives(290, 3))
    assert (first.code, first.service, first.flows) == (ConclusionCode.PATH_FORGETS, SERVICE, (0, 1))
    assert first.confidence is Confidence.LIKELY
    assert first.known == {"survived_s": 300, "failed_s": 400, "died": 2, "of": 4, "safe_s": 200, "reset": 0}
    assert (second.code, second.flows) == (ConclusionCode.KEEPALIVE_WORKS, (2, 3))


def test_one_connection_alone_is_a_guess() -> None:
    first, _ = drawn(dropped(400, 0), lives(300, 1))
    assert (first.code, first.confidence) == (ConclusionCode.PATH_FORGETS, Confidence.GUESS)


def test_one_connection_beside_others_that_fell_silent_by_themselves_shows_no_limit() -> None:
    """Whatever they met may have met it, too."""
    conclusions = drawn(dropped(400, 0), dropped(20, 1, SILENT))
    assert codes(conclusions) == ["path-drops", "peer-silent"]


def test_what_was_lost_sooner_than_others_survived_shows_no_limit() -> None:
    first, _ = drawn(dropped(60, 0), lives(300, 1))
    assert (first.code, first.flows) == (ConclusionCode.PATH_DROPS, (0,))


def test_the_limits_of_whole_networks_are_not_concluded() -> None:
    """Nor what all services say together."""
    flows = [dropped(400, 0), dropped(500, 1, server="10.0.0.3"), dropped(450, 2, server="10.9.0.3")]
    assert {limit.path for limit in limits(flows)} >= {ALL}
    assert [one.service for one in drawn(*flows)] == [SERVICE, "10.0.0.3:443", "10.9.0.3:443"]


def test_within_one_network_no_path_forgets() -> None:
    assert codes(drawn(within_lan(dropped(400, 0)), within_lan(dropped(410, 1)))) == ["path-drops"]


def test_half_closed_connections_that_are_forgotten() -> None:
    flows = [dropped(400, 0), dropped(410, 1)]
    halves = tuple(limit._replace(half_closed=True) for limit in limits(flows))
    [one] = drawn(*flows, path_limits=halves)
    assert (one.code, one.flows) == (ConclusionCode.HALF_CLOSED_FORGOTTEN, (0, 1))


def reset(idle_s: float, number: int) -> Flow:
    return flow(Made().traffic(idle_s, Answer.RST), number, Outcome.RESET, Cause.PATH_RESET)


def test_a_path_that_resets_what_it_forgot() -> None:
    [one, _] = drawn(reset(400, 0), reset(410, 1), lives(300, 2))
    assert (one.code, one.flows) == (ConclusionCode.PATH_RESETS, (0, 1))
    assert (one.known["reset"], one.known["failed_s"]) == (2, 400)


def test_a_path_that_resets_sooner_than_others_survived_has_no_limit() -> None:
    one, _ = drawn(reset(60, 0), reset(50, 1), lives(300, 2))
    assert (one.code, one.flows, one.numbers) == (ConclusionCode.PATH_RESETS, (0, 1), ())


# ---- applications


def test_a_service_that_closes_just_when_the_client_asks() -> None:
    [one] = of_lives(*(Life([1 + 3 * i], ("server", 6.203 + 3 * i), lost=i < 2) for i in range(3)))
    assert (one.code, one.service, one.flows) == (ConclusionCode.KEEPALIVE_RACE, "10.0.0.2:9000", (0, 1, 2))
    assert (one.known["lost"], one.known["hit"], one.known["closed"], one.known["value_s"]) == (2, 2, 3, 5)


def test_a_limit_that_cost_nothing_is_no_race() -> None:
    [one] = of_lives(*(Life([1 + 3 * i], ("server", 6.203 + 3 * i)) for i in range(3)))
    assert (one.code, one.flows) == (ConclusionCode.SERVICE_CLOSES_IDLE, (0, 1, 2))
    assert one.limit is not None
    assert one.limit.by == "responder"


def test_a_client_that_gives_back_what_it_does_not_use() -> None:
    [one] = of_lives(*(Life([1 + 8 * i], ("client", 7.204 + 8 * i)) for i in range(3)))
    assert one.code is ConclusionCode.SERVICE_CLOSES_IDLE
    assert one.limit is not None
    assert one.limit.by == "originator"


def test_closes_at_random_times_are_no_limit() -> None:
    times = (2.7, 11.9, 5.35, 31.2, 17.8, 44.3)
    assert of_lives(*(Life([1 + 7 * i], ("server", 1.2 + 7 * i + time)) for i, time in enumerate(times))) == ()


def test_a_request_that_met_a_close() -> None:
    [one] = of_lives(Life([1], ("server", 4.7), lost=True))
    assert (one.code, one.service, one.flows) == (ConclusionCode.REUSED_AFTER_CLOSE, "10.0.0.2:9000", (0,))


def test_a_close_in_the_middle_of_what_is_sent_is_no_reuse() -> None:
    """The service has had enough of it."""
    assert codes(of_lives(Life([1], ("server", 1.3), lost=True))) == ["nothing-idle"]


def test_a_request_that_was_answered_before_the_close_was_not_lost() -> None:
    assert codes(of_lives(Life([1, 4.6], ("server", 4.9)))) == ["nothing-idle"]


def beats(closed_after_s: float) -> tuple[Conclusion, ...]:
    """A heartbeat every 10 s, answered, and the close of the service so long after the fifth."""
    text, seq, ack = OPENED, 1100, 5000
    for n in range(1, 6):
        text += f"    {10 * n + 1}.00  A>B  PA  seq {seq}  ack {ack}  len 17\n"
        text += f"    {10 * n + 1}.01  B>A  PA  seq {ack}  ack {seq + 17}  len 17\n"
        text += f"    {10 * n + 1}.02  A>B  A   seq {seq + 17}  ack {ack + 17}\n"
        seq, ack = seq + 17, ack + 17
    at = 51.03 + closed_after_s
    text += f"    {at:.2f}  B>A  FA  seq {ack}  ack {seq}\n    {at + 0.01:.2f}  A>B  FA  seq {seq}  ack {ack + 1}\n"
    return heard(text + f"    {at + 0.02:.2f}  B>A  A   seq {ack + 1}  ack {seq + 1}\n")


def test_a_service_that_closes_right_after_a_heartbeat() -> None:
    [one] = beats(0)
    assert (one.code, one.service, one.confidence) == (
        ConclusionCode.HEARTBEAT_TOO_OFTEN,
        "10.0.0.2:80",
        Confidence.GUESS,
    )
    assert one.known["period_s"] == pytest.approx(10)


def test_a_close_a_second_after_a_heartbeat_has_nothing_to_do_with_it() -> None:
    assert codes(beats(1)) == ["nothing-idle"]


# ---- ends that are not heard

STUCK = f"""{OPENED}
    2.00   A>B  PA  seq 1100  ack 5000  len 50
    2.20   A>B  PA  seq 1100  ack 5000  len 50  | retransmission
    2.60   A>B  PA  seq 1100  ack 5000  len 50  | retransmission
    3.40   A>B  PA  seq 1100  ack 5000  len 50  | retransmission
    5.00   A>B  PA  seq 1100  ack 5000  len 50  | retransmission
    8.20   A>B  PA  seq 1100  ack 5000  len 50  | retransmission
"""


def test_data_that_nothing_acknowledges() -> None:
    [one] = said(f"{STUCK}    12.00  end")
    assert (one.code, one.service) == (ConclusionCode.DATA_UNACKNOWLEDGED, "10.0.0.2:80")
    assert (one.known["longest_s"], one.known["resends"]) == (10, 5)


def test_data_that_is_acknowledged_late_is_not_stuck() -> None:
    assert codes(said(f"{STUCK}    8.21   B>A  A  seq 5000  ack 1150\n    12.00  end")) == ["nothing-idle"]


def test_data_on_its_way_is_not_stuck() -> None:
    """It may have been lost, and arrives when it is sent again."""
    assert codes(said(STUCK.rpartition("    5.00 ")[0] + "    6.00  end")) == ["nothing-idle"]


def test_a_window_probe_on_its_way_is_no_silent_end() -> None:
    assert "peer-silent" not in codes(said(WINDOW_CLOSED.rpartition("    14.21 ")[0]))


def test_a_window_that_stayed_closed_is_no_silent_end() -> None:
    """It was heard all the time."""
    assert "peer-silent" not in codes(said(f"{WINDOW_CLOSED}    300.0  end"))


UNREACHABLE = "    44.01  icmp host-unreachable about A>B seq 1099  | icmp-unreachable\n"


def test_an_end_that_is_reported_unreachable() -> None:
    [one] = said(OPENED + GIVEN_UP.replace("    51.01", f"{UNREACHABLE}    51.01"))
    assert (one.code, one.hosts, one.known) == (
        ConclusionCode.PEER_UNREACHABLE,
        ("10.0.0.2",),
        {"soonest_s": 60, "latest_s": 60},
    )


def test_an_error_before_an_answer_is_history() -> None:
    back = "    41.02  B>A  A   seq 5000  ack 1100  | keepalive-answer\n"
    probes = GIVEN_UP.partition("    51.01")[0]
    error = UNREACHABLE.replace("44.01", "34.01")
    assert said(f"{OPENED}{probes.replace('    41.01', f'{error}    41.01')}{back}") == ()


FORGOT = """
    31.01  A>B  A  seq 1099  ack 5000        | keepalive-probe
    31.02  B>A  R  seq 5000  win 0  ipid 0   | rst of 31.01
"""


def test_an_end_that_no_longer_knows_the_connection() -> None:
    [one] = said(OPENED + FORGOT)
    assert (one.code, one.hosts, one.confidence) == (
        ConclusionCode.PEER_RESTARTED,
        ("10.0.0.2",),
        Confidence.CERTAIN,
    )


def test_what_is_reset_when_the_capture_begins_may_have_been_closed_before() -> None:
    """The farewell of an end that was told that the other had closed."""
    [one] = said("    1.00  A>B  PA  seq 1000  ack 5000  len 60\n    1.01  B>A  R  seq 5000  win 0")
    assert (one.code, one.confidence, one.known) == (ConclusionCode.PEER_RESTARTED, Confidence.GUESS, {"unheard": 1})


def test_a_reset_that_nothing_asked_for_tells_of_no_restart() -> None:
    """One right after the handshake: whose it is, and why, the wire does not tell."""
    opened = OPENED.partition("    1.000")[0]
    result = told(f"{opened}    0.030  B>A  R  seq 5000  win 0  ttl 250")
    assert (result.flow.verdict.outcome, result.flow.verdict.cause) == (Outcome.RESET, None)
    assert codes(result.analysis.conclusions) == ["nothing-idle"]


def test_an_application_that_aborts_was_not_restarted() -> None:
    """A process that ends with data unread."""
    assert codes(said(f"{OPENED}    1.02  B>A  RA  seq 5000  ack 1100")) == ["nothing-idle"]


def test_a_path_that_drops_what_others_are_answered() -> None:
    [one] = drawn(dropped(9, 0), dropped(8, 1))
    assert (one.code, one.service, one.flows) == (ConclusionCode.PATH_DROPS, SERVICE, (0, 1))


def test_a_silent_end() -> None:
    [one] = drawn(dropped(9, 0, SILENT), dropped(8, 1, SILENT))
    assert (one.code, one.hosts) == (ConclusionCode.PEER_SILENT, ("10.0.0.2",))
    assert (one.known["unnoticed"], one.known["probing"]) == (0, 0)


@pytest.mark.parametrize(("more", "confidence", "asked"), [("", Confidence.GUESS, 1), ("41", Confidence.CERTAIN, 0)])
def test_one_probe_without_an_answer_so_far_may_have_been_lost(more: str, confidence: Confidence, asked: int) -> None:
    probes = "".join(f"    {at}.01  A>B  A  seq 1099  ack 5000  | keepalive-probe\n" for at in ("31", more) if at)
    [one] = said(f"{OPENED}{probes}    50.00  end")
    assert (one.code, one.known["probing"], one.known.get("asked", 0)) == (ConclusionCode.PEER_SILENT, 1, asked)
    assert one.confidence is confidence


# ---- what goes on


def beating(until: str) -> list[str]:
    lives_on = "".join(f"    {10 * n}.00  A>B  PA  seq {1083 + 17 * n}  ack 5000  len 17\n" for n in range(1, 7))
    acked = "".join(f"    {10 * n}.01  B>A  A   seq 5000  ack {1100 + 17 * n}\n" for n in range(1, 7))
    lines = sorted((lives_on + acked).splitlines(), key=lambda line: float(line.split()[0]))
    return codes(heard(OPENED + "\n".join(lines) + f"\n    {until}  end"))


def test_a_heartbeat_that_stopped() -> None:
    assert beating("200.0") == ["heartbeat-stopped"]


def test_a_heartbeat_that_is_hardly_due_has_not_stopped() -> None:
    assert beating("75.0") == []


def test_where_one_side_only_was_captured_nobody_knows_that_a_heartbeat_stopped() -> None:
    lines = "".join(f"    {10 * n}.00  A>B  PA  seq {1083 + 17 * n}  ack 5000  len 17\n" for n in range(1, 8))
    assert "heartbeat-stopped" not in codes(heard(f"{lines}    200.0  end"))


def test_a_heartbeat_that_comes_when_it_is_too_late() -> None:
    [one] = of_lives(*(Life([1 + n, 31 + n, 61 + n, 91 + n], ("server", 121.2 + n)) for n in (0, 7)))
    assert (one.code, one.flows) == (ConclusionCode.HEARTBEAT_TOO_RARE, (0, 1))
    assert one.known["period_s"] == pytest.approx(30)


def test_a_heartbeat_that_would_have_been_in_time_is_not_too_rare() -> None:
    closes = (Life([1 + n, 11 + n, 21 + n, 31 + n, 41 + n], ("server", 71.2 + n)) for n in (0, 7))
    assert codes(of_lives(*closes)) == ["service-closes-idle"]


def test_silent_for_long_and_nobody_probes() -> None:
    [one] = said(f"{OPENED}    1300.0  end")
    assert (one.code, one.service, one.flows) == (ConclusionCode.OPEN_AND_SILENT, "10.0.0.2:80", (0,))
    assert one.known["longest_s"] == pytest.approx(1298.99)


def test_silent_connections_to_many_services_are_one_conclusion() -> None:
    opened = "".join(
        line.replace("A>B", f"A>B:{port}").replace("B>A", f"B:{port}>A") + "\n"
        for line in OPENED.splitlines()
        for port in (80, 81, 82, 83)
        if line
    )
    [one] = heard(f"{opened}    1300.0  end")
    assert (one.code, one.service, one.flows, one.known["services"]) == (
        ConclusionCode.OPEN_AND_SILENT,
        None,
        (0, 1, 2, 3),
        4,
    )


def test_silent_for_a_minute_is_nothing_to_speak_of() -> None:
    assert said(f"{OPENED}    60.0  end") == ()


def test_one_that_closed_is_not_left_open() -> None:
    assert codes(of_lives(Life([1], ("server", 4.7)), until=1300)) == ["nothing-idle"]


def test_probes_that_are_all_answered() -> None:
    [one] = drawn(lives(60, 0), lives(50, 1))
    assert (one.code, one.service, one.known["probes"]) == (ConclusionCode.KEEPALIVE_WORKS, None, 4)


def test_a_probe_without_an_answer_does_not_work() -> None:
    assert drawn(flow(Made().probe(60, Answer.ACK).probe(60).probe(10, Answer.ACK))) == ()


def test_a_busy_capture_needs_no_keepalive() -> None:
    [one] = of_lives(Life([1, 3, 6, 9], ("client", 9.5)))
    assert (one.code, one.flows, one.service) == (ConclusionCode.NOTHING_IDLE, (), None)
    assert one.known["longest_s"] == pytest.approx(2.799)


def test_an_open_connection_is_idle_up_to_the_capture_s_end() -> None:
    [one] = of_lives(Life([1, 3, 6, 9]), until=15)
    assert (one.code, one.known["longest_s"]) == (ConclusionCode.NOTHING_IDLE, pytest.approx(5.8, abs=0.01))
    assert of_lives(Life([1, 3, 6, 9]), until=30) == ()  # nor is that a heartbeat that stopped


def test_an_empty_capture_says_nothing() -> None:
    assert said("1.0  end") == ()


def test_a_clients_limit_for_all_services_is_said_once() -> None:
    """And beside it what one service does: of that a single close is a guess."""
    lines = [line for n, life in enumerate(BROWSER) for line in life.lines(41000 + n, 9000 + n)]
    lines += Life([3], ("server", 63.21)).lines(41009, 5000)
    of_all, of_one = heard("\n".join(f"{time:.4f}  {what}" for time, what in sorted(lines)))
    assert (of_all.code, of_all.flows, of_all.service) == (ConclusionCode.SERVICE_CLOSES_IDLE, (0, 2, 3), None)
    assert (of_all.hosts, of_all.known["value_s"], of_all.known["services"]) == (("10.0.0.1",), 115, 3)
    assert (of_one.service, of_one.confidence) == ("10.0.0.2:5000", Confidence.GUESS)


# ---- all together


def test_nothing_is_said_twice() -> None:
    """A heartbeat that comes too late on a connection on which a request was lost, too."""
    closed = [Life([1 + n, 31 + n, 61 + n, 91 + n], ("server", 121.2 + n), lost=n > 0) for n in (0, 7)]
    conclusions = of_lives(*closed)
    explained = [flow for one in conclusions for flow in one.flows]
    assert codes(conclusions)[0] == "keepalive-race"
    assert len(explained) == len(set(explained))


def test_of_one_kind_the_surest_comes_first() -> None:
    """And then what concerns most connections."""
    many = [dropped(400 + 10 * n, n, server="10.9.0.3") for n in (1, 2)]
    conclusions = drawn(dropped(400, 0), *many)
    assert [one.service for one in conclusions] == ["10.9.0.3:443", SERVICE]
    assert [one.confidence for one in conclusions] == [Confidence.LIKELY, Confidence.GUESS]


def test_the_most_important_comes_first() -> None:
    """What breaks connections, then what ends them, then what is well."""
    conclusions = drawn(lives(30, 0), dropped(9, 1, SILENT), dropped(9, 2), dropped(400, 3), dropped(420, 4))
    assert codes(conclusions) == ["path-forgets", "path-drops", "peer-silent", "keepalive-works"]


@pytest.mark.parametrize(
    ("survived_s", "failed_s", "safe"),
    [(341, 352, 200), (None, 14, 5), (899, 1000, 500), (2700, 3600, 1800), (30, 724, 20), (None, 1.5, 1)],
)
def test_a_safe_time_leaves_room_for_a_lost_probe(survived_s: int | None, failed_s: float, safe: int) -> None:
    assert safe_s(ns(survived_s) if survived_s is not None else None, ns(failed_s)) == safe
