"""The laws of core/tokenizer.py, for every bundled tokenizer and its options, and beyond what the contract asks:
they hold for every document, not only for those made of symbols seen in fit.
"""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.core.errors import DamagedModelError
from seqgen.core.options import option_values
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

# What has gone wrong somewhere before: accents alone and composed, letters whose lower case depends on their neighbours
# or takes two characters, white space of all kinds, characters of four bytes, and half of a surrogate pair.
tricky = st.sampled_from(
    "aAbBeE éÉê\u0301\u0302 ΑΣσς İiIK™ﬁ … 'don’t \n\r\t\x0b\x0c\x1c\x85\u00a0\u2003¨ 👍\U0001f469\u200d\ufffd\ud83d\udc4d한\u1112\u1161"
)
texts = st.text(tricky | st.characters(), max_size=40)


def named(tokenizers):
    return [pytest.param(each, id=f"{type(each).__name__}-{option_values(each)}") for each in tokenizers]


@pytest.fixture(scope="module", params=named(TOKENIZERS))
def tokenizer(request):
    return request.param


def through_json(tokenizer):
    return type(tokenizer).from_state(json.loads(json.dumps(tokenizer.state())))


def pushed(decoder, ids):
    return [*(decoder.push(int(each)) for each in ids), decoder.finish()]


@settings(max_examples=40)
@given(seen=st.lists(texts, max_size=3), text=texts)
def test_decoding_what_was_encoded_gives_the_canonical_document(tokenizer, seen, text):
    fitted = tokenizer.fit([*seen, text])
    for document in [*seen, text, text[::-1]]:
        assert fitted.decode(fitted.encode(document)) == fitted.canonical(document)


@settings(max_examples=40)
@given(seen=texts, text=texts)
def test_the_same_holds_for_documents_with_symbols_that_were_never_seen(tokenizer, seen, text):
    fitted = tokenizer.fit([seen])
    assert fitted.decode(fitted.encode(text)) == fitted.canonical(text)


@settings(max_examples=40)
@given(seen=texts, text=texts)
def test_canonical_changes_nothing_the_second_time(tokenizer, seen, text):
    fitted = tokenizer.fit([seen])
    once = fitted.canonical(text)
    assert fitted.canonical(once) == once
    assert fitted.missing(once) == {}


@pytest.mark.parametrize("lossless", named(LOSSLESS))
@settings(max_examples=40)
@given(text=st.text(tricky.filter(str.isascii) | st.characters(codec="utf-8"), max_size=40))
def test_canonical_changes_nothing_at_all_where_nothing_is_lost(lossless, text):
    assert lossless.fit([text]).canonical(text) == text


@settings(max_examples=40)
@given(seen=texts, numbers=st.lists(st.integers(0, 2**16), max_size=30))
def test_pushing_ids_one_by_one_equals_decoding_at_once(tokenizer, seen, numbers):
    fitted = tokenizer.fit([seen])
    ids = np.array(numbers, np.int64) % fitted.vocab_size
    assert "".join(pushed(fitted.decoder(), ids)) == fitted.decode(ids)


@settings(max_examples=40)
@given(text=texts)
def test_no_push_gives_half_a_character(tokenizer, text):
    fitted = tokenizer.fit([text])
    given_so_far = ""
    for piece in pushed(fitted.decoder(), fitted.encode(text)):
        given_so_far += piece
        assert fitted.canonical(text).startswith(given_so_far)


@settings(max_examples=100)
@given(
    text=texts | st.text(st.sampled_from("aé'Σ!\u0301 \n\x0c\u00a0"), max_size=20),
    cuts=st.lists(st.integers(0, 40), max_size=5),
)
def test_encoding_in_pieces_equals_encoding_whole(tokenizer, text, cuts):
    fitted = tokenizer.fit([text, text])  # twice, so that it is worth tokens of several characters
    bounds = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(bounds)]
    joined = [number for ids in fitted.encode_pieces(iter(pieces)) for number in ids.tolist()]
    assert joined == fitted.encode(text).tolist()


@settings(max_examples=40)
@given(seen=texts, text=texts)
def test_the_state_survives_json(tokenizer, seen, text):
    fitted = tokenizer.fit([seen])
    restored = through_json(fitted)
    assert restored == fitted
    assert restored.encode(text).tolist() == fitted.encode(text).tolist()


@settings(max_examples=40)
@given(seen=texts, document=texts | st.binary(max_size=20))
def test_encoding_never_raises_and_gives_ids_of_the_vocabulary_without_the_end(tokenizer, seen, document):
    fitted = tokenizer.fit([seen])
    ids = fitted.encode(document)
    assert ids.ndim == 1
    assert ids.dtype.kind == "u"
    assert ((ids < fitted.vocab_size) & (ids != fitted.end_id)).all()


def test_the_end_is_the_last_id_and_decodes_to_nothing(tokenizer):
    fitted = tokenizer.fit(["some text"])
    assert fitted.end_id == fitted.vocab_size - 1
    assert fitted.decode(np.array([fitted.end_id])) == ""
    assert pushed(fitted.decoder(), [fitted.end_id]) == ["", ""]


@settings(max_examples=40)
@given(seen=texts, numbers=st.lists(st.integers(0, 2**16), max_size=30))
def test_characters_are_those_of_the_decoded_text(tokenizer, seen, numbers):
    fitted = tokenizer.fit([seen])
    ids = np.array(numbers, np.int64) % fitted.vocab_size
    assert fitted.characters(ids) == len(fitted.decode(ids))


def test_a_corpus_of_nothing_gives_a_tokenizer_that_still_works(tokenizer):
    fitted = tokenizer.fit([])
    assert fitted.vocab_size >= 1
    assert fitted.decode(fitted.encode("")) == ""


def test_fitting_twice_gives_the_same(tokenizer):
    documents = ["the ice lay\n\n", "over the sea; the Sea lay still", "é"]
    assert tokenizer.fit(iter(documents)) == tokenizer.fit(iter(documents))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=60)
@given(data=st.data())
def test_a_state_with_any_other_value_in_it_is_refused_in_a_sentence_or_works(tokenizer, data):
    state = tokenizer.fit(["the ice, the ice, é"]).state()
    name = data.draw(st.sampled_from([*state, "other"]))
    state[name] = data.draw(json_values)
    try:
        restored = type(tokenizer).from_state(state)
    except DamagedModelError as error:
        assert str(error).startswith("The state of tokenizer ")  # noqa: PT017  either outcome is right
    else:
        assert restored.decode(restored.encode("the ice é\U0001f44d")) == restored.canonical("the ice é\U0001f44d")


def test_a_state_without_one_of_its_values_is_refused(tokenizer):
    state = tokenizer.fit(["the ice"]).state()
    for name in state:
        with pytest.raises(DamagedModelError, match=f'"{name}" is missing'):
            type(tokenizer).from_state({key: value for key, value in state.items() if key != name})


@pytest.mark.parametrize("state", [None, [], "text", 3])
def test_a_state_that_is_no_table_is_refused(tokenizer, state):
    with pytest.raises(DamagedModelError, match="not a table"):
        type(tokenizer).from_state(state)
