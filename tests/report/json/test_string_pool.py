"""Phrases lie one after the other in the buffer, and their rows stay what they are."""

from analyzer.report.json.string_pool import COMMA, FIRST_MEMBER, NULL, QUOTE, StringPool


def text_of(string_pool: StringPool, row: int) -> str:
    _, text, table = string_pool.buffer(bytearray())
    return text[table.first[row] : table.first[row] + table.length[row]].decode()


def test_members_come_after_what_all_need() -> None:
    string_pool = StringPool(('{"a": ', ', "b": '))
    assert [text_of(string_pool, row) for row in (NULL, QUOTE, COMMA)] == ["null", '"', ", "]
    assert [text_of(string_pool, FIRST_MEMBER + row) for row in (0, 1)] == ['{"a": ', ', "b": ']


def test_texts_are_added_as_json() -> None:
    string_pool = StringPool(())
    first = string_pool.add_all(('§ "1"', None))
    second = string_pool.add_all(("more",))
    assert [text_of(string_pool, row) for row in (first, first + 1, second)] == ['"\\u00a7 \\"1\\""', "null", '"more"']
    assert string_pool.rows == second + 1
