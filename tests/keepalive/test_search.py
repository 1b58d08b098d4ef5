"""Questions and answers in columns: many ends at once, interpreted and compiled, and what no capture should contain."""

from random import Random

import pytest

from analyzer.columns import Table
from analyzer.jit import Engine
from analyzer.keepalive.constraints import TELLS_NOTHING, Seen
from analyzer.keepalive.search import (
    UNANSWERED,
    Answer,
    Asking,
    Question,
    Questions,
    converse,
    idle_span,
    packed,
    spacing_span,
)
from analyzer.keepalive.timeline import Gap, GapKind
from analyzer.keepalive.timer import COARSE, EXACT, LINUX, SECOND, Clock, Keepalive, simulate
from analyzer.schema import sought
from tests.keepalive.simulated import gap, observe

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
HZ_250 = 1


def lives(count: int, seed: int = 0) -> list[list[Seen]]:
    """The gaps of ends with random settings."""
    random, found = Random(seed), []
    for _ in range(count):
        keepalive = Keepalive(random.randint(1, 400), random.randint(1, 90), random.randint(1, 9))
        start_ns, span_ns = random.randrange(600 * SECOND), 9 * (keepalive.time_s + keepalive.intvl_s) * SECOND
        heard_ns = [start_ns + random.randrange(span_ns) for _ in range(3)]
        alive_ns = start_ns + random.randrange(span_ns)
        events = simulate(keepalive, random.choice(LINUX), start_ns, start_ns + span_ns, heard_ns, 40_000, alive_ns)
        gaps = observe(events, start_ns, start_ns + span_ns)
        found.append([Seen(one, random.choice([0, 0, 0, TELLS_NOTHING])) for one in gaps])
    return found


def answers(some: list[list[Seen]], engine: Engine, clocks: tuple[Clock, ...] = LINUX + EXACT) -> list[Answer]:
    questions = Questions()
    for number, seen in enumerate(some):
        questions.ask(Question(seen, clocks, is_whole=number % 2 == 0))
    return list(questions.answers(engine))


def test_compiled_answers_are_those_of_the_interpreter() -> None:
    compiled = Engine()
    compiled.compiled = True
    some = lives(200)
    assert answers(some, compiled) == answers(some, Engine())


def test_answers_do_not_depend_on_what_else_is_asked() -> None:
    some = lives(40, seed=1)
    together = answers(some, Engine())
    for number in range(0, len(some), 2):
        assert answers(some[number : number + 1], Engine()) == together[number : number + 1]


def test_nothing_asked_nothing_answered() -> None:
    assert answers([], Engine()) == []


def test_without_gaps_everything_explains_them() -> None:
    [one] = answers([[]], Engine(), LINUX[:1])
    assert (one.time_low, one.time_high, one.intvl_low, one.intvl_high) == (1, None, 1, None)


def test_slow_timers_are_tried_with_the_exact_ones_if_nothing_else_explains_the_gaps() -> None:
    gaps = [Seen(gap(SPACING, -1, 10.0, 2)), Seen(gap(SPACING, -1, 10.9, 3))]
    assert answers([gaps], Engine())[0].clocks == COARSE
    assert answers([gaps], Engine(), LINUX) == [UNANSWERED]


@pytest.mark.parametrize("far_ns", [(1 << 63) - 1, 1 << 60, 300 * 366 * 86_400 * SECOND])
def test_durations_of_centuries_do_not_leave_64_bits(far_ns: int) -> None:
    """As in captures whose clock was set; compiled sums would wrap, and columns hold no more."""
    one_of_each = [Gap(kind, 1, far_ns, far_ns, far_ns, 3, far_ns, far_ns) for kind in GapKind]
    gaps = [Seen(one, far_ns, far_ns) for one in one_of_each * 9]
    assert len(answers([gaps], Engine())) == 1


def test_spans_of_a_gap() -> None:
    seen = Seen(gap(CYCLE, 60, 61, lag_s=0.2), slack_ns=SECOND)
    idle, spacing = idle_span(seen, HZ_250), spacing_span(seen, HZ_250)
    assert (idle.seen_ns, spacing.seen_ns) == (60 * SECOND, 61 * SECOND)
    assert idle.most_ns - idle.seen_ns < SECOND < idle.seen_ns - idle.least_ns
    assert spacing.most_ns - spacing.seen_ns == spacing.seen_ns - spacing.least_ns - SECOND


def test_what_asks_in_rounds_gets_its_own_answers() -> None:
    """Some ask once, some twice, some never."""
    some = lives(30, seed=2)

    def asker(number: int) -> Asking[list[Answer]]:
        heard: list[Answer] = []
        for _ in range(number % 3):
            heard += yield [Question(some[number], LINUX, is_whole=True)]
        return heard

    found = converse(map(asker, range(30)), Engine())
    for number in range(30):
        assert found[number] == answers([some[number]], Engine(), LINUX) * (number % 3)


ONE = Answer(LINUX[1:2], 58, 60, 10, 10, False, True, True, LINUX[1], 60, 10, 5)
OTHER = Answer(LINUX[:2], 30, None, 9, 12, True, False, True, LINUX[0], None, 12, 9)


def test_rare_explanations_widen_the_bounds_only() -> None:
    both = ONE.with_rare(OTHER)
    assert both == ONE._replace(clocks=(LINUX[1], LINUX[0]), time_low=30, time_high=None, intvl_low=9, intvl_high=12)
    assert ONE.with_rare(UNANSWERED) == ONE
    assert UNANSWERED.with_rare(OTHER) == OTHER


def test_of_rare_ones_alone_the_likeliest_is_taken() -> None:
    both = ONE._replace(is_rare=True).with_rare(OTHER)
    assert (both.time, both.intvl, both.weight, both.is_time_known) == (None, 12, 9, False)


def test_rare_intervals() -> None:
    assert ONE.with_rare_intvls(OTHER) == ONE._replace(intvl_low=9, intvl_high=12)
    assert not ONE._replace(is_rare=True).with_rare_intvls(OTHER).is_intvl_known
    assert UNANSWERED.with_rare_intvls(ONE) == UNANSWERED


def test_what_is_asked_as_rare_is_answered_as_rare() -> None:
    questions = Questions()
    questions.ask(Question([Seen(gap(FIRST, 60))], LINUX, is_whole=True, is_rare=True))
    [one] = questions.answers(Engine())
    assert one.is_rare
    assert one.is_time_known


def test_a_row_is_packed_as_tables_have_it() -> None:
    table = Table(sought.SEEN)
    one = Gap(PENDING, 2, 3, 4, 5, 6, 7, 8)
    table.append(5, 2, 3, 4, 8, 5, 6, 7, 9, 10, 0x4321)
    assert packed(one, 10, 9, (1, 2, 3, 4)) == bytes(table.octets)
