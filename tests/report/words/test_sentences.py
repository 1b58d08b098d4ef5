"""The words about findings: there are some for every finding, complete and free of code names."""

from dataclasses import replace
from enum import Enum
from typing import Any

import pytest

from analyzer.keepalive.findings import Role
from analyzer.keepalive.settings.values import Basis, Setting, Settings
from analyzer.keepalive.story.values import Answer
from analyzer.keepalive.summary.advice import Advice, AdviceCode, advise
from analyzer.keepalive.tags.tag import Rule
from analyzer.keepalive.verdict.values import Cause, Outcome, Reason
from analyzer.report.words import sentences
from tests.keepalive.context.test_middleboxes import BOX, SERVERS, flows, observed_of, server
from tests.keepalive.made import Made, exactly, flow, in_brief, limits, ns, probing, settings, within, within_lan
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import told

TABLES = {
    Outcome: sentences.OUTCOMES,
    Cause: sentences.CAUSES,
    Rule: sentences.RULES,
    AdviceCode: sentences.ADVICE,
}

each_basis = pytest.mark.parametrize("basis", Basis)


def is_prose(words: str) -> bool:
    """Complete, on one line, without what a forgotten `format` or a None would leave."""
    return bool(words.strip()) and not any(one in words for one in ("{", "}", "None", "\n", "  ", "<", "Basis."))


# Tables


@pytest.mark.parametrize("kind", TABLES)
def test_table_is_total(kind: type[Enum]) -> None:
    assert set(TABLES[kind]) == set(kind)


@pytest.mark.parametrize("kind", [Cause, Rule, AdviceCode])
def test_words_tell_members_apart(kind: type[Enum]) -> None:
    assert len(set(TABLES[kind].values())) == len(kind)


@pytest.mark.parametrize("reason", Reason)
def test_reasons_are_sentences(reason: Reason) -> None:
    [sentence] = sentences.reasons(flow().verdict._replace(reasons=(reason,)))
    assert is_prose(sentence)
    assert sentence[0].isupper()
    assert sentence.endswith(".")


def test_a_middlebox_is_said_to_probe_and_the_server_is_not() -> None:
    box = flows(SERVERS)[0]
    who_probes, who_it_is = sentences.sentences(box)
    assert who_probes == "Something on the path probed in the name of the responder: 1 probe, answered."
    assert who_it_is == (
        "A middlebox sends them: their TTL is 248 (7 hops away), that of what the responder itself sends 43, and they "
        "differ in window, too."
    )
    assert sentences.probe_ledger(box, 1).startswith("A middlebox before the responder sent 1 probe: ")
    assert sentences.prober_label(box.ends[1]) == "a middlebox before 10.0.0.2:80 (responder)"


def test_a_middlebox_that_is_known_by_others_is_said_to_be_so() -> None:
    _, said = sentences.sentences(flows(SERVERS + observed_of(BOX))[-1])
    assert said == (
        "A middlebox sends them: their TTL is 248 (7 hops away), as that of what it sends in other names at the same "
        "moment."
    )


def test_of_a_middlebox_no_application_is_told() -> None:
    gave_up = f"{server(101, 43)}    61.101  B>A:101  A  seq 4999  ack 1000  {BOX}  | keepalive-probe\n"
    gave_up += f"    71.101  B>A:101  A  seq 4999  ack 1000  {BOX}  | keepalive-probe\n"
    gave_up += f"    81.101  B>A:101  RA  seq 5000  ack 1000  {BOX}  | give-up-rst\n"
    [flow] = flows(gave_up)
    assert flow.verdict.outcome is Outcome.TIMED_OUT
    assert not any("application" in sentence for sentence in sentences.sentences(flow))


@pytest.mark.parametrize("rule", Rule)
def test_rules_are_said(rule: Rule) -> None:
    assert is_prose(sentences.rule(rule))


# Headlines and sentences


@pytest.mark.parametrize("cause", [*Cause, None])
@pytest.mark.parametrize("outcome", Outcome)
def test_headline(outcome: Outcome, cause: Cause | None) -> None:
    headline = sentences.headline(flow(outcome=outcome, cause=cause))
    assert is_prose(headline)
    assert headline.startswith(sentences.OUTCOMES[outcome])


@pytest.mark.parametrize("reason", sorted(sentences.ONE_WAY))
def test_a_path_that_is_broken_one_way_is_not_said_to_have_forgotten(reason: Reason) -> None:
    lost = flow(outcome=Outcome.TIMED_OUT, cause=Cause.PATH_DROPPED)
    one_way = lost._replace(verdict=lost.verdict._replace(reasons=(reason,)))
    assert sentences.headline(one_way) == "timed out: one way of the path is broken"
    assert sentences.headline(lost) != sentences.headline(one_way)


def test_an_errno_comes_with_its_mask_or_why_there_is_none() -> None:
    lost = flow(outcome=Outcome.TIMED_OUT, cause=Cause.PEER_SILENT)
    no_epoll = "saw ETIMEDOUT (its system is not Linux: no epoll)."
    for epoll, words in ((25, "saw ETIMEDOUT (epoll IN|ERR|HUP)."), (None, no_epoll)):
        told = lost._replace(verdict=lost.verdict._replace(errno="ETIMEDOUT", epoll=epoll))
        assert sentences.sentences(told)[-1].endswith(words)


KNOWLEDGE = {"nothing": None, "exact": exactly(30), "bounds": within(25, 31), "least": within(25, None)}


@pytest.mark.parametrize("intvl", KNOWLEDGE.values(), ids=KNOWLEDGE)
@pytest.mark.parametrize("time", KNOWLEDGE.values(), ids=KNOWLEDGE)
@pytest.mark.parametrize(
    "answers", ["", "a", "aa", "n", "aan", "aannn", "nan", "ar"], ids=lambda one: one or "no probe"
)
def test_sentences(time: Setting | None, intvl: Setting | None, answers: str) -> None:
    """Whatever is known of the settings, and whatever became of the probes."""
    made = Made()
    for one in answers:
        made.probe(30, {"a": Answer.ACK, "n": Answer.NOTHING, "r": Answer.RST}[one])
    said = sentences.sentences(flow(made, found=settings(time, intvl)))
    assert all(is_prose(one) and one.endswith(".") and one[0].isupper() for one in said)
    assert ("The originator" in said[0]) == bool(answers)
    assert ("No keepalive probe" in said[0]) == (not answers)


def test_no_probe_is_a_bound_and_not_silence() -> None:
    survived = within(18720, None)._replace(basis=Basis.SURVIVED_GAPS, seen_ns=(ns(18732), ns(18732)))
    words = (
        "No keepalive probe from either end in 18732.00 s idle: at {} it is off, or tcp_keepalive_time is 18720 s or "
    )
    one, nothing = flow(Made(), found=settings(survived), max_idle_s=18732), flow(Made(), max_idle_s=7)
    assert sentences.sentences(one) == [words.format("the originator") + "more."]
    ends = one.ends[0], one.ends[1]._replace(settings=settings(survived))
    assert sentences.sentences(one._replace(ends=ends)) == [words.format("both") + "more."]
    older = survived._replace(low=1, basis=Basis.SURVIVED_EITHER)
    either = "is off, or the longer of its time and interval is no shorter than about that."
    assert sentences.sentences(flow(Made(), found=settings(older)))[0].endswith(either)
    assert sentences.sentences(nothing) == ["No keepalive probe from either end in 7.00 s idle."]


def test_known_settings_are_in_the_sentence() -> None:
    made = Made().probe(30).probe(10).probe(10)
    said = sentences.sentences(flow(made, found=settings(30, exactly(10, basis=Basis.SPACING), 3)))[0]
    assert "30 s idle" in said
    assert "10 s" in said
    assert "3" in said


def test_what_the_application_saw() -> None:
    dead = flow(Made().probe(30).probe(10))
    verdict = dead.verdict._replace(errno="ETIMEDOUT", epoll=25, detection_delay_ns=ns(82.362), prober=0)
    said = sentences.sentences(dead._replace(verdict=verdict))[-1]
    assert all(one in said for one in ("ETIMEDOUT", "IN|ERR|HUP", "82.36 s"))
    nobody_heard = sentences.sentences(dead._replace(verdict=verdict._replace(detection_delay_ns=None)))[-1]
    assert is_prose(nobody_heard)


def test_ends_have_names_by_role_or_address() -> None:
    known, unknown = flow(), flow(roles=(Role.UNKNOWN, Role.UNKNOWN))
    assert [sentences.name(known, end) for end in (0, 1)] == ["the originator", "the responder"]
    assert [sentences.name(unknown, end) for end in (0, 1)] == ["10.0.0.1:40000", "10.0.0.2:443"]
    assert sentences.end_label(known.ends[0]) == "10.0.0.1:40000 (originator)"
    assert sentences.end_label(unknown.ends[0]) == "10.0.0.1:40000"


# Advice


RESENT = f"{OPENED}    20.0  A>B  PA  seq 1100  ack 5000  len 19\n" + "".join(
    f"    {at}  A>B  PA  seq 1100  ack 5000  len 19  | retransmission\n" for at in (20.3, 20.9, 22.1, 24.5, 29.3)
)


def advised() -> dict[AdviceCode, Advice]:
    """Every kind of advice, as advice.py gives it for connections that deserve it."""
    dropped = flow(Made().probe(360).probe(10).probe(10), 1, Outcome.TIMED_OUT, Cause.PATH_DROPPED, settings(350))
    flows = [
        flow(Made().probe(200, Answer.ACK), found=settings(200)),
        dropped,
        probing(settings(60, 75), 2, server="10.0.0.3"),
        probing(settings(60, 10, 1), 3, server="10.0.0.4"),
        probing(settings(7200, 75, 9), 4, server="10.0.0.5"),
        flow(number=5, server="10.0.0.6", max_idle_s=900),
        *(within_lan(probing(settings(5, 1, 3), number, server="10.0.0.7")) for number in (6, 7)),
        probing(settings(60, 10, 200)._replace(tcp_user_timeout=within(1900, 2060)), 8, server="10.0.0.8"),
        told(RESENT).flow._replace(id=9),
    ]
    return {one.code: one for one in advise(in_brief(flows), limits(flows))}


@pytest.mark.parametrize("code", AdviceCode)
def test_advice_is_formatted_with_the_numbers_it_comes_with(code: AdviceCode) -> None:
    one = advised()[code]
    words = sentences.advice(one)
    assert is_prose(words)
    assert words.endswith(".")
    needed = {name for name, number in one.numbers if f"{{{name}}}" in sentences.ADVICE[code]}
    assert all(str(number) in words for name, number in one.numbers if name in needed)


def test_advice_without_known_limits_of_the_path() -> None:
    """Survived and limit are not always known, so the words must not need them."""
    dropped = flow(Made().probe(75).probe(10).probe(10), 0, Outcome.TIMED_OUT, Cause.PATH_DROPPED, settings(70))
    [one] = advise(in_brief([dropped]), limits([dropped]))
    assert one.code is AdviceCode.TIME_EXCEEDS_PATH_LIMIT
    assert "70 s" in sentences.advice(one)
    assert "75 s" in sentences.advice(one)


def test_prose_check_can_fail() -> None:
    spoiled: list[Any] = ["", "after {time} s", "after None s", "two\nlines", "Basis.SPACING"]
    assert not any(is_prose(words) for words in spoiled)


# Accounts of probes


@pytest.mark.parametrize("answers", ["a", "n", "aan", "ar", "nnn"])
def test_probe_ledger(answers: str) -> None:
    made = Made()
    for one in answers:
        made.probe(30, {"a": Answer.ACK, "n": Answer.NOTHING, "r": Answer.RST}[one])
    words = sentences.probe_ledger(flow(made), 0)
    assert is_prose(words)
    assert words.endswith(".")
    assert ("not (" in words) == ("n" in answers)
    assert ("RST" in words) == ("r" in answers)


# Paths


def test_a_path_s_bracket_in_words() -> None:
    dropped = flow(Made().probe(305).probe(10).probe(10), 1, Outcome.TIMED_OUT, Cause.PATH_DROPPED)
    lived = Made()
    for _ in range(6):
        lived.probe(60, Answer.ACK)
    [limit] = limits([flow(lived), dropped])
    drops, kept = sentences.path(limit)
    assert drops.endswith("the path drops what comes later; seen on one connection only.")
    assert kept.startswith("10.0.0.2:443: keepalive probes kept connections open ")


def test_a_path_without_one_limit_is_called_so() -> None:
    dropped = flow(Made().probe(305).probe(10).probe(10), 1, Outcome.TIMED_OUT, Cause.PATH_DROPPED)
    [limit] = limits([flow(Made().probe(400, Answer.ACK)), dropped])
    [words] = sentences.path(limit)
    assert "no idle limit explains" in words


def test_a_path_that_forgot_nothing_needs_no_words() -> None:
    [limit] = limits([flow(Made().probe(400, Answer.ACK))])
    assert sentences.path(limit) == []


# Matches


def test_what_settings_are_like_and_what_they_share() -> None:
    def like(*names: str, found: Settings, ports: tuple[int, int] = (40000, 6379)) -> str:
        one = probing(found, ports=ports)
        return sentences.matches(one._replace(ends=(one.ends[0]._replace(matches=names), one.ends[1])), 0)

    assert like(found=settings(300)) == ""
    redis = like("Redis server tcp-keepalive", found=settings(300, 100, 3))
    assert redis == "Like Redis server tcp-keepalive (time 300, intvl 100, probes 3, port 6379)."
    several = like("Linux system default", "FreeBSD system default", found=settings(7200, 75))
    assert several == "Like Linux system default, FreeBSD system default (time 7200, intvl 75)."


# Linux


@pytest.mark.parametrize(("is_linux", "words"), [(True, " on Linux the probes"), (False, " if it runs Linux, the")])
def test_words_about_linux_are_for_who_may_run_it(is_linux: bool, words: str) -> None:
    interval = advised()[AdviceCode.INTVL_EXCEEDS_TIME]._replace(is_linux=is_linux)
    assert words in sentences.advice(interval)
    slow = advised()[AdviceCode.SLOW_DETECTION]._replace(is_linux=is_linux)
    assert ("if it runs Linux" in sentences.advice(slow)) == (not is_linux)


def test_who_runs_something_else_is_told_nothing_of_linux() -> None:
    single = advised()[AdviceCode.SINGLE_PROBE]
    assert "TCP_USER_TIMEOUT" in sentences.advice(single)
    assert "TCP_USER_TIMEOUT" not in sentences.advice(single._replace(is_linux=None))


def test_where_many_segments_are_missing_it_is_said_how_many() -> None:
    one = probing(settings(within(1, 60)))
    assert "lacks" not in " ".join(sentences.sentences(one))
    lossy = one._replace(story=replace(one.story, lacks=180))
    said = "its settings are no longer than what was seen, and how much shorter is not known."
    assert f"Of its hosts' segments the capture lacks some 18%: {said}" in sentences.sentences(lossy)
