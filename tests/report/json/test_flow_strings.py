"""Every name and sentence that findings may need is a phrase, in its place."""

import json

from analyzer.keepalive.catalogue.profiles import known_idle_times, profiles, profiles_with
from analyzer.keepalive.settings.values import Basis
from analyzer.keepalive.verdict.values import Cause, Outcome, Reason
from analyzer.report.json.flow_strings import FlowStrings
from analyzer.report.json.string_pool import StringPool
from analyzer.report.words import setting_sentences
from analyzer.report.words.reason_sentences import REASONS
from analyzer.schema import ABSENT


def text_of(string_pool: StringPool, row: int) -> str:
    _, text, table = string_pool.buffer(bytearray())
    return text[table.first[row] : table.first[row] + table.length[row]].decode()


def test_names_are_there_in_their_order() -> None:
    string_pool = StringPool(())
    words = FlowStrings(string_pool, ["", "vxlan 42"]).words(set())
    assert [text_of(string_pool, words.tunnels + one) for one in (0, 1)] == ["null", '"vxlan 42"']
    assert [json.loads(text_of(string_pool, words.outcomes + row)) for row in range(len(Outcome))] == [
        one.value for one in Outcome
    ]
    assert [json.loads(text_of(string_pool, words.causes + row)) for row in range(len(Cause) + 1)] == [
        None,
        *(one.value for one in Cause),
    ]
    for row, reason in enumerate(Reason):
        assert json.loads(text_of(string_pool, words.reasons + row)) == {
            "code": reason.value,
            "text": REASONS[reason],
        }
    assert [json.loads(text_of(string_pool, words.bases + row)) for row in range(len(Basis))] == [
        one.value for one in Basis
    ]


def test_sentences_are_those_of_the_prose_with_places() -> None:
    string_pool = StringPool(())
    words = FlowStrings(string_pool, [""]).words(set())
    table = string_pool.buffer(bytearray()).string_pool
    for place, basis in enumerate(setting_sentences.BASES):
        for variant, sentence in enumerate(setting_sentences.OBSERVED[basis]):
            row = words.sentences.first_phrase[words.observed + place * setting_sentences.MOST_VARIANTS + variant]
            said = text_of(string_pool, row)
            while table.place[row] != ABSENT:
                said += f"{{{setting_sentences.PLACES[table.place[row]]}}}" + text_of(string_pool, row + 1)
                row += 1
            assert json.loads(f'"{said}"') == sentence


def test_profiles_are_added_as_their_idle_times_are_met() -> None:
    string_pool = StringPool(())
    flow_strings = FlowStrings(string_pool, [""])
    assert flow_strings.words({7, 999_999}).profile_rows == 0
    assert flow_strings.words({ABSENT}).profile_rows == len(profiles_with(None))
    few = flow_strings.words({7200})
    assert len(profiles_with(None)) < few.profile_rows < len(profiles())
    words = flow_strings.words(set(known_idle_times()))
    assert words.profile_rows == len(profiles())
    names = [json.loads(text_of(string_pool, words.profile_names + row)) for row in range(words.profile_rows)]
    assert sorted(names) == sorted(one.name for one in profiles())
    assert words.profile_names == few.profile_names
