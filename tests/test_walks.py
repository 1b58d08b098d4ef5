"""Every step of the walks in CONTRIBUTING.md that nothing else would miss: what a new outcome, tag, rule, stack needs.

Dictionaries that are read by member alone raise in tests of their own (words of a reason, sentence of a rule); here is
what would stay silent: bits that overflow, a colour that falls back to none, a rule that nobody asks.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import combinations, product
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from analyzer.cli import main
from analyzer.cli.options import FACES, OUTPUT
from analyzer.keepalive.assembler import FARED_WELL
from analyzer.keepalive.catalogue.profiles import Profile, known_idle_times, known_pairs, profiles, profiles_with
from analyzer.keepalive.model.linux import LINUX
from analyzer.keepalive.settings.constraints import ALL_CLOCKS, CLOCK_COUNT
from analyzer.keepalive.settings.fingerprint import BSD_PROBES, HOST_LATE_NS, Fingerprint, Stack, stack_of
from analyzer.keepalive.settings.infer import CLOCK_BITS
from analyzer.keepalive.settings.values import clocks_of
from analyzer.keepalive.summary import hosts, what_if
from analyzer.keepalive.summary.advice import AdviceCode
from analyzer.keepalive.tags import tag
from analyzer.keepalive.tags.tag import Rule, Tag
from analyzer.keepalive.verdict import flow_flags
from analyzer.keepalive.verdict.values import OUTCOMES, Cause, Outcome, Reason, because, reasons_of
from analyzer.monitor import view
from analyzer.monitor.events import WELL
from analyzer.report import ranking, terminal
from analyzer.report.charts import overview
from analyzer.report.page.page import SIGNS
from analyzer.report.words import plain_words, sentences

ROOT = Path(__file__).parents[1]
KEEPALIVE = ROOT / "analyzer" / "keepalive"
FLAGS = ("FIRST_PROBES", "SECOND_PROBES", "BEATS", "NOTABLE")
SHORT_NAMES = {
    Tag.ACK: "PURE_ACK",
    Tag.SYN: "SYN_TAG",
    Tag.FIN: "FIN_TAG",
    Tag.RST: "RST_TAG",
    Tag.KEEPALIVE_PROBE: "PROBE",
    Tag.KEEPALIVE_ANSWER: "ANSWER",
    Tag.ZERO_WINDOW_PROBE: "WINDOW_PROBE",
    Tag.ZERO_WINDOW_ANSWER: "WINDOW_ANSWER",
}
"""Tags whose constants for kernels have other names than their members."""
WITHOUT_KERNEL = {Rule.NOBODY_ANSWERS}
"""Given where solicitations are read as values, not by the tagger's kernel."""
IN_NO_TRANSCRIPT = {Rule.PLAIN, Rule.ANSWERS_WINDOW_PROBE, Rule.NOBODY_ANSWERS}
"""Of tags that imply the rule, or (the last) of ARP, which transcripts do not have."""
ENDED = {Outcome.CLOSED, Outcome.TIMED_OUT, Outcome.UNREACHABLE, Outcome.RESET}
"""After these nobody holds the connection open any more."""
IN_NO_SAMPLE = {Outcome.UNKNOWN}
"""No recording of a whole life can show it."""


def names_used(sources: list[Path]) -> set[str]:
    """The names that these files read; what they only import is not among them."""
    return set().union(*map(names_in, sources))


@cache
def names_in(source: Path) -> frozenset[str]:
    return frozenset(_names(source))


def _names(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


# An outcome


@pytest.mark.parametrize("place", range(len(Outcome)))
def test_an_outcome_fits_into_the_flow_flags(place: int) -> None:
    """Two of sixteen places stand for what is more than an outcome."""
    others = sum(getattr(flow_flags, name) for name in FLAGS)
    assert flow_flags.outcome_of(place | others) is OUTCOMES[place]
    assert place < min(flow_flags.NEVER_OPENED, flow_flags.CLOSED_BY_RST)


def test_flow_flags_are_an_octet_of_which_no_bit_means_two_things() -> None:
    masks = [flow_flags.HOW_IT_ENDED, *(getattr(flow_flags, name) for name in FLAGS)]
    assert sum(masks) == 0xFF
    assert sum(mask.bit_count() for mask in masks) == 8


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_has_words_a_style_a_sign_and_a_colour_on_the_page(outcome: Outcome) -> None:
    assert sentences.OUTCOMES[outcome]
    assert terminal.STYLES[outcome]
    assert SIGNS[outcome.value]
    css = (ROOT / "analyzer/report/page/page.css").read_text(encoding="utf-8")
    assert re.search(rf"\.o-{outcome.value}\b[^{{}}]*{{ --tone: ", css)


def test_signs_tell_outcomes_apart() -> None:
    assert len(set(SIGNS.values())) == len(Outcome)


def test_an_outcome_is_dead_or_in_doubt_or_uneventful() -> None:
    """The page's first sentence counts the dead and the doubtful; reports leave out what is uneventful."""
    groups = [*plain_words.DEAD, Outcome.PROBING, *ranking.UNEVENTFUL]
    assert sorted(groups, key=OUTCOMES.index) == list(Outcome)
    assert set(FARED_WELL) == set(ranking.UNEVENTFUL)
    assert set(what_if.LOST) == {*plain_words.DEAD, Outcome.PROBING}
    assert {Outcome(value) for value in WELL} == set(ranking.UNEVENTFUL)


def test_an_outcome_is_open_or_over_in_the_overview() -> None:
    assert {Outcome(value) for value in overview.OPEN} == set(Outcome) - ENDED


def test_the_live_view_has_a_style_for_all_that_it_shows() -> None:
    """A closed connection leaves the view; of an unknown one it has nothing to say."""
    assert set(view.STYLES) == set(Outcome) - {Outcome.CLOSED, Outcome.UNKNOWN}


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_is_explained_in_the_description_of_the_document(outcome: Outcome) -> None:
    assert f"`{outcome.value}`" in (ROOT / "docs/json.md").read_text(encoding="utf-8")


def test_every_outcome_and_cause_was_recorded() -> None:
    verdicts = [
        one["verdict"]
        for path in ROOT.glob("samples/*/truth.toml")
        for truth in [tomllib.loads(path.read_text(encoding="utf-8"))]
        for one in truth.get("flow", [truth])
    ]
    assert {one["outcome"] for one in verdicts} == {one.value for one in set(Outcome) - IN_NO_SAMPLE}
    assert {one["cause"] for one in verdicts if "cause" in one} == {one.value for one in Cause}


# A tag and a rule


@pytest.mark.parametrize("member", [*Tag, *Rule], ids=lambda member: f"{type(member).__name__}-{member}")
def test_the_constant_of_a_tag_or_rule_is_its_own(member: Tag | Rule) -> None:
    """They are unpacked in order, so a member in the middle and a constant at the end would swap two meanings."""
    name = SHORT_NAMES.get(member, member.name) if isinstance(member, Tag) else member.name
    members = tag.TAGS if isinstance(member, Tag) else tag.RULES
    assert members[getattr(tag, name)] is member


@pytest.mark.parametrize("one", sorted(set(Tag) - {Tag.ARP_UNANSWERED}))
def test_a_tag_is_given(one: Tag) -> None:
    assert SHORT_NAMES.get(one, one.name) in names_used([KEEPALIVE / "tags" / "tagger.py"])


@pytest.mark.parametrize("rule", sorted(set(Rule) - WITHOUT_KERNEL))
def test_a_rule_is_asked(rule: Rule) -> None:
    assert rule.name in names_used([KEEPALIVE / "tags" / name for name in ("tagger.py", "rules.py", "hindsight.py")])


@pytest.mark.parametrize("rule", sorted(set(Rule) - IN_NO_TRANSCRIPT))
def test_a_rule_has_a_transcript_that_names_it(rule: Rule) -> None:
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert any(re.search(rf"\bby {rule}(?![-\w])", text) for text in texts)


# A reason


def test_a_reason_fits_into_its_eight_bits() -> None:
    for place, reason in enumerate(Reason):
        assert list(reasons_of(because(place, because(0, 0)))) == [reason, Reason.GIVE_UP_RST]


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_given_by_a_rule(reason: Reason) -> None:
    sources = [*KEEPALIVE.glob("verdict/*.py"), *KEEPALIVE.glob("context/*.py")]
    assert reason.name in names_used([one for one in sources if one.name != "values.py"])


# A stack and its clock


def test_clocks_fit_into_a_column() -> None:
    """Of those that explain an end each has CLOCK_BITS in 64, which 0 ends."""
    packed = sum(row + 1 << CLOCK_BITS * row for row in range(CLOCK_COUNT))
    assert packed < 1 << 63
    assert clocks_of(packed) == ALL_CLOCKS


def fingerprints() -> Iterator[Fingerprint]:
    """Combinations of all that stacks are told apart by."""
    models = ((), ("exact",), (LINUX[0].name,), (LINUX[0].name, "exact"))
    timers = {(), *((clock.kind,) for clock in ALL_CLOCKS)}
    octets, intervals_s, counts, flags = (0, 1), (None, 1), (None, BSD_PROBES, 10), (False, True)
    for one in product(
        octets, flags, flags, flags, models, sorted(timers), intervals_s, counts, (0, 2 * HOST_LATE_NS), flags, flags
    ):
        yield Fingerprint(*one)


def test_every_stack_can_be_found() -> None:
    assert {stack_of(one) for one in fingerprints()} == set(Stack)


def test_a_stack_is_rough_or_known_precisely_as_part_of_a_rough_one() -> None:
    """Where two ends of a host are known unequally well the host has one stack, not two."""
    precise = {stack for several in hosts.MORE_OF.values() for stack in several}
    assert precise | set(hosts.MORE_OF) == set(Stack) - {Stack.LINUX, Stack.UNKNOWN}


# Well-known settings and advice


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: profile.name)
def test_a_profile_is_found_by_the_line_of_its_idle_time(profile: Profile) -> None:
    """The table is searched for `idle_s = 60` as text: written otherwise, an entry would never be found."""
    assert profile in profiles_with(profile.idle_s)
    assert profile.idle_s in known_idle_times() or (profile.intvl_s, profile.probes) in known_pairs()


@pytest.mark.parametrize("code", AdviceCode)
def test_advice_is_given_and_has_a_test(code: AdviceCode) -> None:
    """Beside the one that puts all advice into words."""
    assert f"AdviceCode.{code.name}" in (ROOT / "tests/keepalive/summary/test_advice.py").read_text(encoding="utf-8")
    source = (KEEPALIVE / "summary" / "advice.py").read_text(encoding="utf-8")
    assert f"AdviceCode.{code.name}" in source


# An output format


FLAGS_OF_OUTPUT = [option.name for option in (*FACES, *OUTPUT) if not option.hidden]
ELSEWHERE = {"annotate": "command.py", "flow": "command.py", "quiet": "command.py"}
"""Flags that faces.py leaves to another file of cli/."""


@pytest.mark.parametrize("flag", FLAGS_OF_OUTPUT)
def test_what_is_asked_for_is_written(flag: str) -> None:
    assert flag in names_used([ROOT / "analyzer" / "cli" / ELSEWHERE.get(flag, "faces.py")])


VALUES = {"flow": "0", "advice": "linux", "what_if": "time=60"}
"""Of those of FACES that take one, a value."""
REFINING = {"top", "only", "time", "utc"}
"""These choose connections or the form of times, and are no output of their own."""
TOGETHER = {("json", "what_if")}
"""The document has a part for it."""
ON_STDOUT = [option for option in FACES if option.name not in REFINING]


@pytest.mark.parametrize(
    ("first", "second"),
    [pair for pair in combinations(ON_STDOUT, 2) if (pair[0].name, pair[1].name) not in TOGETHER],
    ids=lambda option: option.name,
)
def test_two_outputs_do_not_share_stdout(first: click.Option, second: click.Option) -> None:
    arguments = [
        word for one in (first, second) for word in (one.opts[0], *([] if one.is_flag else [VALUES[one.name]]))
    ]
    result = CliRunner().invoke(main, [*arguments, str(ROOT / "samples/nc-30-10-5/capture.pcap")])
    assert result.exit_code == 2, result.output
