"""What the rows of a foreign model stand for: as a JSON list, a JSON object, or a text file."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.errors import UsageError
from seqgen.interop.vocabulary import Vocabulary, read_vocabulary
from seqgen.tokenizers.char import CharTokenizer


@pytest.fixture
def read(tmp_path):
    """Reads a file of this name and content as the vocabulary of a model of so many tokens."""

    def run(name, content, size):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_vocabulary(path, size).rows

    return run


def test_a_text_file_has_the_characters_in_the_order_of_their_rows(read):
    assert read("chars.txt", "b\na é", 5) == ("b", "\n", "a", " ", "é")


def test_a_line_end_that_an_editor_put_last_is_passed_over(read):
    assert read("chars.txt", "ba\n", 2) == ("b", "a")
    assert read("chars.txt", "ba\n", 3) == ("b", "a", "\n")


def test_a_byte_order_mark_is_passed_over_where_it_is_one_character_too_many(read):
    assert read("chars.txt", "\ufeffba", 2) == ("b", "a")
    assert read("chars.txt", "\ufeffba\n", 2) == ("b", "a")
    assert read("chars.txt", "\ufeffba", 3) == ("\ufeff", "b", "a")
    assert read("chars.txt", "\ufeffba\n", 4) == ("\ufeff", "b", "a", "\n")
    assert read("chars.txt", "\ufeffb\na\n", 4) == ("\ufeff", "b", "\n", "a")  # there is one line end before


def test_where_it_or_the_line_end_may_be_an_entry_the_file_is_refused(read):
    with pytest.raises(
        UsageError, match=r"one of the two is an entry\.  Write the entries as a list in a \.json file\."
    ):
        read("chars.txt", "\ufeffba\n", 3)
    assert read("chars.json", json.dumps(["\ufeff", "b", "a"]), 3) == ("\ufeff", "b", "a")


def test_json_lists_them_with_null_for_what_is_no_text(read):
    assert read("chars.json", '[null, "b", "\\n"]', 3) == (None, "b", "\n")


def test_json_maps_each_to_its_row(read):
    assert read("chars.json", '{"a": 1, "b": 0, "\\n": 2}', 3) == ("b", "a", "\n")


def test_row_0_may_be_that_of_padding_as_in_keras(read):
    assert read("word_index.json", '{"a": 1, "b": 2}', 3) == (None, "a", "b")


def test_json_may_map_each_row_to_its_character_also_where_characters_are_digits(read):
    assert read("itos.json", '{"0": "b", "1": "1"}', 2) == ("b", "1")
    assert read("itos.json", '{"1": "b", "2": "1"}', 3) == (None, "b", "1")
    assert read("stoi.json", '{"0": 1, "1": 0}', 2) == ("1", "0")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("chars.txt", "abc", "has 3 entries, but the model has 2 tokens: one entry for each, in the order of its ids."),
        ("chars.txt", "\ufeffabc", "has 3 entries, but the model has 2 tokens"),
        ("chars.txt", "aa", "entries 0 and 1 are both 'a'."),
        ("chars.txt", b"\xff\xfe", "is not a vocabulary: 'utf-8' codec can't decode"),
        ("chars.json", '["a", "<eos>"]', "entry 1 is '<eos>', but must be one character, or null where a row stands for no text."),
        ("chars.json", '["a", ""]', "entry 1 is '', but must be one character"),
        ("chars.json", '["a", "\\ud800"]', "entry 1 is '\\ud800', but must be one character"),
        ("chars.json", "[null, null]", "no entry is a character."),
        ("chars.json", '["a", 1]', "must be a list of characters (or null), an object from character to row, or one from row"),
        ("chars.json", '{"a": 0, "b": 2}', "the rows of the characters must be the numbers from 0 or 1 to 1, each once, for the model has 2 tokens; 2 are named."),
        ("chars.json", '{"a": 0}', "each once, for the model has 2 tokens; 1 are named."),
        ("chars.json", '{"a": 0, "b": 0}', "the rows of the characters must be the numbers from 0 or 1 to 1"),
        ("chars.json", '{"0": "a", "00": "b"}', "the rows of the characters must be the numbers from 0 or 1 to 1"),
        ("chars.json", '{"0": "a", "1": "a"}', "entries 0 and 1 are both 'a'."),
        ("chars.json", '{"a": true, "b": 1}', "the rows of the characters must be the numbers from 0 or 1 to 1"),
        ("chars.json", '{"a": 0, "a": 1}', "is not a vocabulary: a name occurs twice in an object."),
        ("chars.json", "[" * 100000, "is not a vocabulary: it has more lists and objects than such a file can have."),
        ("chars.json", "{", "is not a vocabulary: "),
    ],
)  # fmt: skip
def test_what_is_no_vocabulary_of_this_model_is_refused_in_a_sentence(read, name, content, sentence):
    with pytest.raises(UsageError) as error:
        read(name, content, 2)
    assert sentence in str(error.value)


def test_a_file_that_is_not_there_and_one_that_is_too_large_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"nothing\.txt is not a vocabulary: No such file or directory\."):
        read_vocabulary(tmp_path / "nothing.txt", 2)
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(5 << 20)
    with pytest.raises(UsageError, match=r"5,242,880 bytes are more than a vocabulary can have; not read\."):
        read_vocabulary(tmp_path / "large.txt", 2)


@given(
    st.lists(st.one_of(st.none(), st.characters(exclude_categories=["Cs"])), unique_by=lambda text: text or object())
)
def test_the_state_is_one_that_the_tokenizer_takes_and_the_order_leads_to_each_row(rows):
    vocabulary = Vocabulary(tuple(rows), "chars")
    tokenizer = CharTokenizer.from_state(json.loads(json.dumps(vocabulary.state())))
    assert [*tokenizer.symbols] == [rows[row] for row in vocabulary.order]
    assert len(vocabulary.order) == sum(text is not None for text in rows)
