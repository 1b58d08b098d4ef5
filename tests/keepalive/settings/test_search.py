"""Questions about one end, and what their answers say together."""

from analyzer.keepalive.model.linux import COARSE, EXACT, LINUX, Clock
from analyzer.keepalive.settings.search import add_intvls, add_rare
from analyzer.keepalive.story.values import GapKind
from tests.keepalive.columns import UNANSWERED, Answer, Seen, answer_to, asked, note, solve
from tests.keepalive.simulated import gap

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind


def test_without_gaps_everything_explains_them() -> None:
    one = answer_to([], LINUX[:1], is_whole=True)
    assert (one.time_low, one.time_high, one.intvl_low, one.intvl_high) == (1, None, 1, None)


def answers(gaps: list[Seen], clocks: tuple[Clock, ...] = LINUX + EXACT) -> Answer:
    return answer_to(gaps, clocks, is_whole=True)


def test_slow_timers_are_tried_with_the_exact_ones_if_nothing_else_explains_the_gaps() -> None:
    gaps = [Seen(gap(SPACING, -1, 10.0, 2)), Seen(gap(SPACING, -1, 10.9, 3))]
    assert answers(gaps).clocks == COARSE
    assert answers(gaps, LINUX) == UNANSWERED


ONE = Answer(LINUX[1:2], 58, 60, 10, 10, False, True, True, LINUX[1], 60, 10, 5)
OTHER = Answer(LINUX[:2], 30, None, 9, 12, True, False, True, LINUX[0], None, 12, 9)


def with_rare(one: Answer, other: Answer) -> Answer:
    s = asked([], LINUX, is_whole=True)
    note(s, 0, one)
    note(s, 1, other)
    add_rare(s, 1)
    return solve(s, 0)


def with_rare_intvls(one: Answer, other: Answer) -> Answer:
    s = asked([], LINUX, is_whole=True)
    note(s, 0, one)
    note(s, 1, other)
    add_intvls(s, 0, 1)
    return solve(s, 0)


def test_rare_explanations_widen_the_bounds_only() -> None:
    both = with_rare(ONE, OTHER)
    assert both == ONE._replace(clocks=LINUX[:2], time_low=30, time_high=None, intvl_low=9, intvl_high=12)
    assert with_rare(ONE, UNANSWERED) == ONE
    assert with_rare(UNANSWERED, OTHER) == OTHER


def test_of_rare_ones_alone_the_likeliest_is_taken() -> None:
    both = with_rare(ONE._replace(is_rare=True), OTHER)
    assert (both.time, both.intvl, both.weight, both.is_time_known) == (None, 12, 9, False)


def test_rare_intervals() -> None:
    assert with_rare_intvls(ONE, OTHER) == ONE._replace(intvl_low=9, intvl_high=12)
    assert not with_rare_intvls(ONE._replace(is_rare=True), OTHER).is_intvl_known
    assert with_rare_intvls(UNANSWERED, ONE) == UNANSWERED


def test_what_is_asked_as_rare_is_answered_as_rare() -> None:
    one = answer_to([Seen(gap(FIRST, 60))], LINUX, is_whole=True, is_rare=True)
    assert one.is_rare
    assert one.is_time_known
