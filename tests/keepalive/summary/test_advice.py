"""Which advice follows, with which numbers, and where nothing may be said."""

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.settings.fingerprint import Stack
from analyzer.keepalive.settings.values import Settings
from analyzer.keepalive.story.values import Answer
from analyzer.keepalive.summary.advice import Advice, AdviceCode, advise, recommended
from analyzer.keepalive.verdict.values import Cause, Outcome
from tests.keepalive.made import START_S, Made, flow, in_brief, limits, ns, probing, settings, within, within_lan
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import told


def advice_for(*flows: Flow) -> tuple[Advice, ...]:
    return advise(in_brief(flows), limits(flows))


def dropped(idle_s: float, number: int, found: Settings) -> Flow:
    return flow(Made().probe(idle_s).probe(10).probe(10), number, Outcome.TIMED_OUT, Cause.PATH_DROPPED, found)


def test_no_keepalive_helps_data_that_nothing_acknowledges() -> None:
    result = told(
        f"""{OPENED}
    31.0   A>B  PA  seq 1100  ack 5000  len 10
    31.3   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    31.9   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    33.1   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    35.5   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    40.3   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    49.9   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    60.0   end
    """,
        hops={"B": 1},
    )
    [advice] = result.analysis.advice
    assert (advice.code, advice.flows) == (AdviceCode.DATA_UNACKNOWLEDGED, (0,))
    assert dict(advice.numbers)["longest_s"] == 29
    data = result.flow.story.unanswered_data
    assert data is not None
    assert (data.end, data.octets, data.resends) == (0, 10, 6)
    earliest_ns, latest_ns = (
        data.gives_up_ns
    )  # sends at 0.3 * (2^n - 1) s; the first beyond 924.6 s after the first resend
    assert earliest_ns <= ns(0.3 * 2**9 - 0.3 + 6 * 120 + 120) <= latest_ns


def test_a_few_resends_need_no_advice() -> None:
    result = told(f"""{OPENED}
    31.0   A>B  PA  seq 1100  ack 5000  len 10
    31.3   A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    31.31  B>A  A   seq 5000  ack 1110
    """)
    assert result.analysis.advice == ()


def test_nothing_to_say_about_sound_settings() -> None:
    assert advice_for(probing(settings(60, 10, 5))) == ()


def test_long_idle_connections_without_probes_are_named_together() -> None:
    [advice] = advice_for(flow(max_idle_s=400), flow(number=1, max_idle_s=900), flow(number=2, max_idle_s=299))
    assert (advice.code, advice.flows) == (AdviceCode.KEEPALIVE_OFF, (0, 1))
    assert dict(advice.numbers)["longest_idle_s"] == 900


def test_an_open_connection_idles_up_to_the_capture_s_end() -> None:
    [advice] = advice_for(flow(Made().capture_end(500)))
    assert dict(advice.numbers)["longest_idle_s"] == 500
    assert advice_for(flow(Made().capture_end(500), outcome=Outcome.CLOSED, cause=Cause.APPLICATION)) == ()


def test_keepalive_is_not_called_off_where_one_side_was_not_captured() -> None:
    assert advice_for(flow(max_idle_s=400, outcome=Outcome.UNKNOWN)) == ()


def test_a_first_probe_that_finds_the_path_broken_came_too_late() -> None:
    survivor = flow(Made().probe(300, Answer.ACK), found=settings(300))
    [advice] = advice_for(survivor, dropped(359.5, 1, settings(350)))
    assert advice.code is AdviceCode.TIME_EXCEEDS_PATH_LIMIT
    assert advice.flows == (1,)
    numbers = dict(advice.numbers)
    assert (numbers["tcp_keepalive_time"], numbers["longest_time"]) == (350, 350)
    assert (numbers["failed_s"], numbers["survived_s"], numbers["limit_s"]) == (360, 300, 350)
    assert numbers["failed_flows"] == 1
    assert (numbers["set_time"], numbers["set_intvl"], numbers["set_probes"]) == (60, 10, 5)


def test_a_time_beyond_the_bracket_is_too_long_before_it_fails() -> None:
    waiting = probing(settings(within(7200, 7300)), 2)
    [found] = advice_for(dropped(305, 1, settings(300)), waiting)
    assert found.flows == (1, 2)
    assert (dict(found.numbers)["tcp_keepalive_time"], dict(found.numbers)["longest_time"]) == (300, 7200)


def test_a_timer_s_lateness_takes_it_beyond_the_limit() -> None:
    """290 s at 250 Hz may fire after 306.4 s; an exact timer of 290 s is in time."""
    flows = [dropped(305, 1, settings()), flow(Made().probe(270, Answer.ACK))]
    late = probing(settings(290, models=("linux-250",)), 2)
    [found] = advice_for(*flows, late)
    assert (found.code, found.flows) == (AdviceCode.TIME_EXCEEDS_PATH_LIMIT, (2,))
    assert advice_for(*flows, probing(settings(290, models=("exact",)), 2)) == ()


def test_connections_that_idle_beyond_the_limit_without_probes() -> None:
    """300 s are no matter of guessing where the path's own limit is known."""
    idle = flow(Made().capture_end(120), number=2)
    [found] = advice_for(dropped(60, 1, settings()), flow(Made().probe(50, Answer.ACK)), idle)
    assert (found.code, found.flows) == (AdviceCode.KEEPALIVE_OFF, (2,))
    assert {"longest_idle_s": 120, "failed_s": 60, "set_time": 20}.items() <= dict(found.numbers).items()


def test_a_time_beyond_the_matched_limit_is_too_long() -> None:
    """Of the known limits only 350 s lies between 320 s, survived, and 400 s, failed."""
    flows = [flow(Made().probe(320, Answer.ACK)), dropped(400, 1, settings())]
    [advice] = advice_for(*flows, probing(settings(within(380, 390)), 2))
    assert advice.flows == (2,)
    assert dict(advice.numbers)["limit_s"] == 350
    assert advice_for(*flows, probing(settings(within(340, 390)), 2)) == ()


def test_an_end_that_never_probed_is_not_told_to_probe_sooner() -> None:
    silent = flow(number=2, found=settings(within(7200, None)))
    assert advice_for(dropped(400, 1, settings()), silent) == ()


def test_a_silence_that_the_path_survived_is_not_its_limit() -> None:
    """Cycles of 30.72 s were answered; that the next, a little longer, was not has another cause."""
    answered = Made().probe(30.72, Answer.ACK).probe(30.72, Answer.ACK)
    lost = answered.probe(30.73).probe(10).probe(10)
    assert advice_for(flow(lost, 0, Outcome.TIMED_OUT, Cause.PATH_DROPPED, settings(30))) == ()


def test_a_path_that_survived_longer_has_no_limit_to_exceed() -> None:
    survivor = flow(Made().probe(500, Answer.ACK), found=settings(480))
    assert advice_for(survivor, dropped(360, 1, settings(350))) == ()


def test_interval_longer_than_time() -> None:
    [advice] = advice_for(probing(settings(60, 75)))
    assert advice.code is AdviceCode.INTVL_EXCEEDS_TIME
    assert advice.numbers == (("tcp_keepalive_time", 60), ("tcp_keepalive_intvl", 75))
    assert advice.is_linux is False
    assert advice_for(probing(settings(within(50, 60), 75))) == ()


def test_an_interval_that_is_longer_by_what_timers_are_late_is_the_time() -> None:
    """Windows XP with 180 s: its timer may be early, its clock fast."""
    assert advice_for(probing(settings(179, 180))) == ()


def of_stack(one: Flow, stack: Stack) -> Flow:
    return one._replace(ends=(one.ends[0]._replace(stack=stack), one.ends[1]))


def test_who_does_not_run_linux_is_told_nothing_of_it() -> None:
    """Everywhere else an answer starts the idle time anew, whatever the interval."""
    assert advice_for(of_stack(probing(settings(60, 75)), Stack.BSD)) == ()
    [advice] = advice_for(of_stack(probing(settings(60, 75)), Stack.LINUX))
    assert advice.is_linux is True
    [advice] = advice_for(of_stack(probing(settings(7200, 75, 8)), Stack.BSD_OR_APPLE))
    assert (advice.code, advice.is_linux) == (AdviceCode.SLOW_DETECTION, None)
    assert "latest_s" not in dict(advice.numbers)


def test_one_probe_alone_decides() -> None:
    [advice] = advice_for(probing(settings(60, 10, 1)))
    assert advice.code is AdviceCode.SINGLE_PROBE
    assert advice_for(probing(settings(60, 10, within(1, None)))) == ()


def test_slow_detection_needs_all_three() -> None:
    [advice] = advice_for(probing(settings(7200, 75, 9)))
    assert advice.code is AdviceCode.SLOW_DETECTION
    assert dict(advice.numbers)["detection_s"] == 7875
    assert dict(advice.numbers)["latest_s"] == 7200 + 874 + 9 * 78 - 1  # 300 and 1000 Hz are the latest
    assert advice_for(probing(settings(7200, 75, within(2, None)))) == ()
    assert advice_for(probing(settings(500, 10, 10))) == ()


def test_same_numbers_are_said_once() -> None:
    found = advice_for(
        *(probing(settings(7200, 75, 9), number) for number in range(3)), probing(settings(60, 10, 1), 3)
    )
    assert [(one.code, one.flows) for one in found] == [
        (AdviceCode.SINGLE_PROBE, (3,)),
        (AdviceCode.SLOW_DETECTION, (0, 1, 2)),
    ]


def test_what_is_recommended_lets_two_probes_be_lost() -> None:
    assert recommended() == (60, 10, 5)
    for survived, failed in ((290, 330), (55, 70), (29, 35), (12, 15)):
        [limit] = limits([flow(Made().probe(survived, Answer.ACK)), dropped(failed, 1, settings())])
        time, intvl, probes = recommended(limit)
        assert time + 2 * intvl <= survived
        assert time + probes * intvl <= 120


def test_a_user_timeout_in_place_of_the_count() -> None:
    alternative = within(1, 100)

    def gave_up(number: int, probes: int) -> Flow:
        return probing(settings(60, 10, probes)._replace(tcp_user_timeout=alternative), number)

    [found] = advice_for(gave_up(0, 5), gave_up(1, 4), gave_up(2, 5))
    assert (found.code, found.flows) == (AdviceCode.COUNT_REPLACED, (0, 1, 2))
    assert (dict(found.numbers)["fewest"], dict(found.numbers)["most"]) == (4, 5)
    assert advice_for(gave_up(0, 5), gave_up(1, 5)) == ()
    assert advice_for(gave_up(0, 5), gave_up(1, 2)) == ()  # no timeout is so uneven: programs have set these
    assert AdviceCode.COUNT_REPLACED in {one.code for one in advice_for(gave_up(0, 200))}  # TCP_KEEPCNT ends at 127


def test_probes_that_cost_more_than_they_save() -> None:
    quick = [within_lan(probing(settings(5, 1, 3), number)) for number in range(2)]
    [found] = advice_for(*quick, within_lan(probing(settings(15, 5, 3), 2)))
    assert (found.code, found.flows) == (AdviceCode.FREQUENT_PROBES, (0, 1))
    assert dict(found.numbers)["probes_a_day"] == 2 * 86400 // 5
    assert dict(found.numbers)["octets_a_day"] == 2 * 86400 // 5 * 132
    assert advice_for(quick[0]) == ()  # of one connection they cost nobody anything
    assert advise(in_brief(quick), (), 1000) != () == advise(in_brief(quick), (), 1001)  # two probes: 0.2 %


def test_only_a_path_that_was_silent_for_longer_needs_no_frequent_probes() -> None:
    quick = [probing(settings(5, 1, 3), number) for number in range(2)]
    assert advice_for(*quick) == ()
    [found] = advice_for(*quick, flow(Made().probe(70, Answer.ACK), 2))
    assert (found.code, found.flows) == (AdviceCode.FREQUENT_PROBES, (0, 1))


def test_nothing_longer_is_proposed_than_what_is_in_force() -> None:
    """The interval and the count make it slow; probes after 20 s are no fault."""
    found = {one.code: dict(one.numbers) for one in advice_for(probing(settings(20, 100, 9)))}
    assert found[AdviceCode.SLOW_DETECTION]["set_time"] == 20
    found = {one.code: dict(one.numbers) for one in advice_for(probing(settings(1, 100, 9)))}
    assert "set_time" not in found[AdviceCode.SLOW_DETECTION]


def test_idle_within_a_lan_is_no_matter_of_paths() -> None:
    assert advice_for(within_lan(flow(max_idle_s=4000))) == ()


def test_an_idle_time_up_to_the_end_of_another_recording_is_none() -> None:
    """Two captures in one file, an hour apart: nobody watched the first connection in between."""
    first = flow(Made().capture_end(4000))._replace(end_ns=ns(START_S + 1))
    second = flow(Made().capture_end(100), 1)._replace(start_ns=ns(START_S + 3600), end_ns=ns(START_S + 3900))
    assert advice_for(first, second) == ()
    bridge = flow(Made(), 2, Outcome.CLOSED)._replace(start_ns=ns(START_S), end_ns=ns(START_S + 3500))
    [found] = advice_for(first, second, bridge)
    assert (found.code, dict(found.numbers)["longest_idle_s"]) == (AdviceCode.KEEPALIVE_OFF, 4000)


def test_a_silence_that_was_survived_is_not_held_against_the_path() -> None:
    """Idle for 58 s and alive, where one was lost after 56 s."""
    lived, lost = flow(Made().traffic(58), max_idle_s=58), dropped(56, 1, settings())._replace(max_idle_ns=ns(56))
    assert advice_for(lived, lost) == ()


def test_frequent_probes_may_be_what_a_forgetful_path_needs() -> None:
    codes = {advice.code for advice in advice_for(dropped(14, 0, settings(14, 3, 4)))}
    assert codes == {AdviceCode.TIME_EXCEEDS_PATH_LIMIT}
