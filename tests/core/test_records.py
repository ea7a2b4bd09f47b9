"""Records of tables and of JSON, as people have them."""

from __future__ import annotations

import itertools
import json

import pytest

from seqgen.core.errors import CorpusError
from seqgen.core.records import LONGEST, json_lines, json_list, records_of, table


def rows(text, **options):
    return [row for _, row in table("a.csv", iter([text]), **options)]


def test_records_are_read_one_after_the_other():
    def lines():
        yield '{"lyrics": "la"}\n{"lyrics"'
        yield ': "lo"}\n'
        pytest.fail("the rest was read before it was asked for")

    def listed():
        yield '[{"lyrics": "la"},\n{"lyrics"'
        yield ': "lo"}'
        pytest.fail("the rest was read before it was asked for")

    for records in (json_lines("a.jsonl", lines()), json_list("a.json", listed())):
        assert [next(records), next(records)] == [(1, {"lyrics": "la"}), (2, {"lyrics": "lo"})]


@pytest.mark.parametrize("length", [1, 2, 7, 10_000])
def test_a_list_of_records_is_read_wherever_its_pieces_are_cut(length):
    records = [{"lyrics": 'la ]}, "lo" {[', "year": 1999}, {}, {"a": [{"b": None}]}]
    text = f" \n{json.dumps(records, indent=1)}\n\n"
    pieces = (text[place : place + length] for place in range(0, len(text), length))
    assert list(json_list("a.json", pieces)) == list(enumerate(records, 1))
    assert list(json_list("a.json", iter(["[ ", "]"]))) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"^a\.json is no list of records, as .* is\.  If each line is a record, name it \.jsonl$"),
        ('{"songs": []}', r"^a\.json is no list of records"),
        ('["la"]', r"^a\.json, record 1 is no record, as {\.\.\.} is\.$"),
        ('[{"lyrics": "la"}, {"lyrics": "lo]', r"^a\.json, record 2 is no JSON: Unterminated string starting at\.$"),
        ('[{"lyrics": "la"} {"lyrics": "lo"}]', r"^a\.json is no JSON: behind record 1 there is neither a comma nor"),
        ('[{"lyrics": "la"}', r"^a\.json is no JSON: behind record 1 there is neither"),
        ("[" + '{"a": ' * 100_000, r"^a\.json, record 1 is no JSON: maximum recursion depth"),
    ],
)
def test_what_is_no_list_of_records_is_an_error_that_says_where(text, sentence):
    with pytest.raises(CorpusError, match=sentence):
        list(json_list("a.json", iter([text])))


def test_of_a_record_that_does_not_end_no_more_is_held_than_is_read_of_one():
    piece, taken = "x" * (1 << 20), []
    pieces = (taken.append(piece) or ('[{"a": "' if len(taken) == 1 else piece) for _ in range(100))
    with pytest.raises(CorpusError, match=r"record 1 is no JSON within 4,194,304 characters, the most that are read"):
        list(json_list("a.json", pieces))
    assert len(taken) * len(piece) < 2 * LONGEST


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_of_a_table_is_the_one_that_its_header_has_most_of(delimiter):
    header, row = delimiter.join(["id", '"a, b; c"', "lyrics"]), delimiter.join(["1", "x", '"la, la; lo"'])
    assert rows(f"{header}\n{row}\n") == [{"id": "1", "a, b; c": "x", "lyrics": "la, la; lo"}]


def test_where_the_header_has_no_delimiter_or_as_many_of_several_the_usual_one_counts():
    assert rows("a,b\tc\n1\t2\n", usual="\t") == [{"a,b": "1", "c": "2"}]
    assert rows("lyrics\nla; la\n") == [{"lyrics": "la; la"}]


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"'])
def test_a_line_that_names_the_delimiter_is_followed_and_is_no_header(line):
    assert rows(f"{line}\nlyrics,x;id\nla;1\n") == [{"lyrics,x": "la", "id": "1"}]


def test_fields_that_a_row_lacks_are_none_and_empty_ones_too_many_are_let_be():
    assert rows("\nid,lyrics\n1\n\n2,la,,\n") == [{"id": "1", "lyrics": None}, {"id": "2", "lyrics": "la"}]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'id,lyrics\n1,"la\nla"\n2,d e, f\n',
            r"^a\.csv, record 2 \(line 4\) has 3 fields, but the header 2: id, lyrics\.  A text with , in it stands in quot",
        ),
        ("id\tlyrics\n1\tla\tlo\n", r"A text with a tab in it stands in quotation marks$"),
        (
            'id,lyrics\n1,la\n2,"lo\n3,li\n',
            r"^a\.csv, record 2 \(line 3\) is no CSV: unexpected end of data\.  A text with line ends or quotation marks in",
        ),
        ('id,lyrics\n1,"la\n2,"lo"\n', r"^a\.csv, record 1 \(line 2\) is no CSV: ',' expected after '\"'\."),
        ('"id,lyrics\n1,la\n', r"^a\.csv, the header is no CSV: unexpected end of data"),
    ],
)
def test_words_that_would_be_lost_in_a_table_are_an_error_that_says_where(text, sentence):
    with pytest.raises(CorpusError, match=sentence):
        rows(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("A.CSV", "a,b\n1,2\n"),
        ("a.tsv.gz", "a\tb\n1\t2\n"),
        ("a.jsonl", '{"a": "1", "b": "2"}'),
        ("a.json.xz", '[{"a": "1", "b": "2"}]'),
    ],
)
def test_the_ending_of_a_name_says_how_its_records_are_read(name, text):
    assert list(records_of(name, iter([text]))) == [(1, {"a": "1", "b": "2"})]
    assert records_of("a.txt", iter([text])) is None


def test_a_field_of_a_table_may_be_as_long_as_a_record_and_no_longer():
    long = "a line of a novel\n" * (LONGEST // 20)
    assert rows(f'id,text\n1,"{long}"\n2,"{long}"\n') == [{"id": "1", "text": long}, {"id": "2", "text": long}]
    taken = []
    lines = (taken.append(1) or "a line of a novel\n" for _ in range(LONGEST))
    with pytest.raises(
        CorpusError, match=r"a\.csv has a record of more than 4,194,304 characters, the most that are read\."
    ):
        list(table("a.csv", itertools.chain(['text\n"'], lines)))
    assert len(taken) < LONGEST // 10
