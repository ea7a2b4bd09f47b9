"""Tables and JSON as documents."""

import json
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core import files as core_files
from seqgen.core.errors import CorpusError, SeqgenWarning
from seqgen.core.types import Document
from seqgen.data.store import open_or_build
from seqgen.datasets.lines import LinesDataset
from seqgen.datasets.rows import RowsDataset
from seqgen.datasets.text import TextDataset
from seqgen.tokenizers.byte import ByteTokenizer


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


@pytest.fixture
def told(tmp_path, monkeypatch):
    """What is warned of by this, of records some of which have no text, and at the end of each file."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text('{"text": "a"}\n{"id": 2}\n{"text": "b"}\n')

    def told(work):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", SeqgenWarning)
            work()
        return [str(each.message) for each in warned]

    return told


LEFT_OUT = [f"{name}.jsonl: 1 of 3 records have no field text and are left out" for name in "ab"]


def test_what_is_left_out_is_remembered_of_the_last_reading_that_came_to_the_end(told):
    dataset = RowsDataset(sources=("a.jsonl", "b.jsonl"))
    reading = dataset.documents()
    assert told(lambda: [next(reading) for _ in range(3)]) == []
    assert dataset.passed_over() == ()
    assert told(lambda: list(reading)) == LEFT_OUT
    assert told(lambda: next(dataset.documents())) == []
    assert list(dataset.passed_over()) == LEFT_OUT
    assert told(lambda: list(dataset.documents())) == LEFT_OUT
    assert list(dataset.passed_over()) == LEFT_OUT


def test_what_is_left_out_is_told_again_where_the_corpus_is_known_and_not_read(told, tmp_path, monkeypatch):
    monkeypatch.setattr(core_files, "SETTLED_NS", -1)  # files tell of themselves as soon as they are written
    first, second = (RowsDataset(sources=("a.jsonl", "b.jsonl")) for _ in range(2))
    told(lambda: open_or_build(first, ByteTokenizer(), tmp_path / "stores"))
    monkeypatch.setattr(RowsDataset, "documents", None)
    assert told(lambda: open_or_build(second, ByteTokenizer(), tmp_path / "stores")) == LEFT_OUT


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
