"""Tables and JSON as documents."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.errors import CorpusError, SeqgenWarning
from seqgen.core.types import Document
from seqgen.datasets.lines import LinesDataset
from seqgen.datasets.rows import RowsDataset
from seqgen.datasets.text import TextDataset


@pytest.fixture
def texts(tmp_path, monkeypatch):
    """The texts of the rows of a file with this name and content."""
    monkeypatch.chdir(tmp_path)

    def read(name, content, **options):
        (tmp_path / name).write_text(content, "utf-8", newline="")
        return [document.content for document in RowsDataset(sources=(name,), **options).documents()]

    return read


def test_a_row_is_a_document_with_its_number_in_the_id(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "posts.csv").write_text('title,text\na,"one, two"\nb,\nc,three\n')
    assert list(RowsDataset(sources=("posts.csv",)).documents()) == [
        Document("posts.csv#1", "one, two"),
        Document("posts.csv#3", "three"),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'id,text\r\n1,"he said ""no""\r\nand left"\r\n2,so\r\n'),
        ("a.csv", 'sep=;\nid;text\n1;"he said ""no""\nand left"\n2;so'),
        ("a.tsv", 'id\ttext\n1\t"he said ""no""\nand left"\n2\tso\n'),
        ("a.jsonl", '{"text": "he said \\"no\\"\\r\\nand left", "n": 1}\n\n{"text": "so"}\n{"text": null}\n{"text": " "}\n'),
        ("a.json", '[{"text": "he said \\"no\\"\\nand left"}, {"n": 2, "text": "so"}]'),
    ],
)  # fmt: skip
def test_tables_and_json_say_the_same(texts, name, content):
    assert texts(name, content) == ['he said "no"\nand left', "so"]


def test_the_field_is_text_or_the_only_one_or_the_one_that_is_named(texts):
    assert texts("a.csv", "title,text\na,b\n") == ["b"]
    assert texts("a.csv", "title\na\n") == ["a"]
    assert texts("a.csv", "title,text\na,b\n", field="title") == ["a"]


@pytest.mark.parametrize(
    ("name", "content", "options", "sentence"),
    [
        ("a.csv", "id,body\n1,b\n", {}, r"a\.csv has several fields: id, body\.  Say which is the text: --dataset rows:field="),
        ("a.csv", "id,body\n1,b\n", {"field": "Body"}, r"a\.csv has no field Body\.  It has: id, body\.  Name one: --dataset"),
        ("a.jsonl", '{"meta": "m"}\n{"text": "a", "id": 1}\n', {}, r"a\.jsonl has several fields: meta, text, id\.  Say which"),
        ("a.jsonl", '{"text": 7}\n', {}, r"a\.jsonl, record 1 has no text in its field text, but 7\."),
        ("a.csv", 'text\n"a\n', {}, r"a\.csv, record 1 \(line 2\) is no CSV"),
        ("a.txt", "text\na\n", {}, r"a\.txt is no table, by its name: tables are \.csv or \.tsv files, JSON is \.jsonl or \.json\."),
        ("a.csv", "text\n\n", {}, r"The corpus is empty: there is no row with text in a\.csv\."),
    ],
)  # fmt: skip
def test_what_has_no_such_rows_is_refused_with_what_it_has(texts, name, content, options, sentence):
    with pytest.raises(CorpusError, match=sentence):
        texts(name, content, **options)


def test_records_that_lack_the_field_are_left_out_with_a_warning(texts):
    with pytest.warns(SeqgenWarning, match=r"a\.jsonl: 1 of 3 records have no field text and are left out"):
        assert texts("a.jsonl", '{"text": "a"}\n{"id": 2}\n{"text": "b"}\n') == ["a", "b"]


@pytest.mark.parametrize("dataset", [TextDataset, LinesDataset])
def test_a_corpus_of_tables_that_is_read_as_text_is_told(tmp_path, monkeypatch, dataset):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.jsonl", "c.txt"):
        (tmp_path / name).write_text("text\n")
    with pytest.warns(
        SeqgenWarning, match=r"^a\.csv is read as text, with field names, .*; --dataset rows reads a field"
    ):
        list(dataset(sources=("a.csv",)).documents())
    with pytest.warns(SeqgenWarning, match=r"^a\.csv and 1 more are read as text"):
        list(dataset(sources=("a.csv", "b.jsonl")).documents())
    list(dataset(sources=("a.csv", "c.txt")).documents())  # warnings are errors here


@given(st.lists(st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_whatever_json_lines_hold_comes_back(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("corpus") / "a.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in [*written, "last"]), "utf-8", newline="")
    read = [document.content for document in RowsDataset(sources=(str(path),)).documents()]
    assert read == [text for text in [*written, "last"] if not text.isspace()]
