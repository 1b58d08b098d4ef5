"""Phrases lie one after the other in the buffer, and their rows stay what they are."""

from analyzer.report.json.string_pool import COMMA, FIRST_MEMBER, NULL, QUOTE, Phrases


def text_of(phrases: Phrases, row: int) -> str:
    _, text, table = phrases.sheet(bytearray())
    return text[table.first[row] : table.first[row] + table.length[row]].decode()


def test_members_come_after_what_all_need() -> None:
    phrases = Phrases(('{"a": ', ', "b": '))
    assert [text_of(phrases, row) for row in (NULL, QUOTE, COMMA)] == ["null", '"', ", "]
    assert [text_of(phrases, FIRST_MEMBER + row) for row in (0, 1)] == ['{"a": ', ', "b": ']


def test_texts_are_added_as_json() -> None:
    phrases = Phrases(())
    first = phrases.add_all(('§ "1"', None))
    second = phrases.add_all(("more",))
    assert [text_of(phrases, row) for row in (first, first + 1, second)] == ['"\\u00a7 \\"1\\""', "null", '"more"']
    assert phrases.rows == second + 1
