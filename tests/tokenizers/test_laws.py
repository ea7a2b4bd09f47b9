"""What the bundled tokenizers keep beyond the contract, and some of its laws for more combinations of options.

tests/testing/test_bundled_tokenizers.py holds them against all laws of the contract.
"""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.core.errors import DamagedModelError
from seqgen.core.options import option_values
from seqgen.testing import TokenizerContract
from seqgen.testing.documents import ANY_TEXT, TEXTS
from seqgen.tokenizers.bpe import BpeTokenizer
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
TOKENIZERS = [
    CharTokenizer(),
    CharTokenizer(lowercase=True),
    *(CharTokenizer(normalization=form) for form in FORMS),
    *(CharTokenizer(lowercase=True, normalization=form, min_count=2) for form in FORMS),
    CharTokenizer(min_count=2),
    ByteTokenizer(),
    WordTokenizer(),
    WordTokenizer(lowercase=True, min_count=1),
    WordTokenizer(vocab_size=8, min_count=1),
    BpeTokenizer(vocab_size=300),
    BpeTokenizer(vocab_size=300, min_frequency=1),
]
LOSSLESS = [CharTokenizer(), ByteTokenizer(), WordTokenizer(), BpeTokenizer(vocab_size=300)]


def named(tokenizers):
    return [pytest.param(each, id=f"{type(each).__name__}-{option_values(each)}") for each in tokenizers]


@pytest.fixture(scope="module", params=named(TOKENIZERS))
def tokenizer(request):
    return request.param


@pytest.mark.parametrize(
    "law",
    [
        "test_decoding_gives_the_canonical_document",
        "test_canonical_changes_nothing_the_second_time",
        "test_encoding_in_pieces_equals_encoding_whole",
        "test_missing_names_what_is_lost",
        "test_a_state_with_any_value_in_it_is_refused_or_works",
    ],
)
def test_whatever_its_options_are_it_keeps(tokenizer, law):
    class Contract(TokenizerContract):
        max_examples = settings.default.max_examples // 2
        documents = ANY_TEXT

        def make(self):
            return tokenizer

    getattr(Contract(), law)()


@settings(max_examples=40)
@given(seen=ANY_TEXT, text=ANY_TEXT)
def test_documents_with_symbols_that_were_never_seen_decode_to_the_canonical_one(tokenizer, seen, text):
    fitted = tokenizer.fit([seen])
    assert fitted.decode(fitted.encode(text)) == fitted.canonical(text)


@pytest.mark.parametrize("lossless", named(LOSSLESS))
@settings(max_examples=40)
@given(text=TEXTS)
def test_canonical_changes_nothing_at_all_where_nothing_is_lost(lossless, text):
    assert lossless.fit([text]).canonical(text) == text


@settings(max_examples=40)
@given(seen=TEXTS)
def test_the_state_gives_an_equal_tokenizer(tokenizer, seen):
    fitted = tokenizer.fit([seen])
    assert type(tokenizer).from_state(json.loads(json.dumps(fitted.state()))) == fitted


@settings(max_examples=40)
@given(seen=TEXTS, document=ANY_TEXT | st.binary(max_size=20))
def test_ids_are_unsigned_and_bytes_are_text_too(tokenizer, seen, document):
    fitted = tokenizer.fit([seen])
    ids = fitted.encode(document)
    assert ids.dtype.kind == "u"
    assert (ids < fitted.end_id).all()


def test_the_end_is_the_last_id(tokenizer):
    fitted = tokenizer.fit(["some text"])
    assert fitted.end_id == fitted.vocab_size - 1
    assert fitted.decode(np.array([fitted.end_id])) == ""


def test_a_corpus_of_nothing_gives_a_tokenizer_that_still_works(tokenizer):
    fitted = tokenizer.fit([])
    assert fitted.vocab_size >= 1
    assert fitted.decode(fitted.encode("")) == ""


def test_a_state_without_one_of_its_values_is_refused_by_its_name(tokenizer):
    state = tokenizer.fit(["the ice"]).state()
    for name in state:
        with pytest.raises(DamagedModelError, match=f'The state of tokenizer .*"{name}" is missing'):
            type(tokenizer).from_state({key: value for key, value in state.items() if key != name})


@pytest.mark.parametrize("state", [None, [], "text", 3])
def test_a_state_that_is_no_table_is_refused(tokenizer, state):
    with pytest.raises(DamagedModelError, match="not a table"):
        type(tokenizer).from_state(state)


@pytest.mark.parametrize(
    "tokenizer",
    [CharTokenizer(), CharTokenizer(min_count=2), CharTokenizer(lowercase=True), WordTokenizer(min_count=1)],
)
@given(old=st.text("aAb c\ufffdé", min_size=1, max_size=20), new=st.text("aAbdÉ 👍", max_size=20))
@settings(max_examples=50)
def test_an_extended_vocabulary_encodes_what_it_knew_as_before_and_what_was_added_without_loss(tokenizer, old, new):
    tokenizer = tokenizer.fit([old])
    extended, ids = tokenizer.extended([new])
    known = tokenizer.canonical(old)
    assert extended.encode(known).tolist() == ids[tokenizer.encode(known)].tolist()
    assert ids[tokenizer.end_id] == extended.end_id
    assert len(set(ids.tolist())) == tokenizer.vocab_size <= extended.vocab_size
    if getattr(tokenizer, "min_count", 1) == 1:
        assert not extended.missing(new)
    again = type(extended).from_state(json.loads(json.dumps(extended.state())))
    assert again.encode(old + new).tolist() == extended.encode(old + new).tolist()
