import numpy as np
import pytest

from seqgen.core.errors import DamagedModelError
from seqgen.tokenizers import word
from seqgen.tokenizers.word import WordTokenizer

TEXT = "The ice, the ice!  We don't see the\n\nice."


def pieces(fitted, text):
    return [fitted.decode(np.array([each])) for each in fitted.encode(text)]


def test_words_punctuation_and_white_space_are_tokens():
    fitted = WordTokenizer(min_count=1).fit([TEXT])
    assert pieces(fitted, TEXT) == [
        *("The", " ", "ice", ",", " ", "the", " ", "ice", "!", "  ", "We", " ", "don't", " ", "see", " ", "the"),
        *("\n\n", "ice", "."),
    ]


@pytest.mark.parametrize(
    "word",
    ["हिन्दी", "ที่นี่", "مَلِكٌ", "בְּרֵאשִׁית", "cafe\u0301s", "l'e\u0301te\u0301"],
    ids=["Hindi", "Thai", "vocalised Arabic", "pointed Hebrew", "NFD", "apostrophe after NFD"],
)
def test_a_word_is_not_broken_at_a_combining_mark(word):
    text = f"{word} {word}"
    assert pieces(WordTokenizer(min_count=1).fit([text]), text) == [word, " ", word]


def test_words_outside_the_vocabulary_are_spelled():
    fitted = WordTokenizer(min_count=2).fit([TEXT])
    assert fitted.words == ("ice", "the")
    assert pieces(fitted, "the tide") == ["the", " ", "t", "i", "d", "e"]


def test_the_vocabulary_holds_the_commonest_words_that_find_room_and_says_its_size():
    characters = len(set(TEXT))
    fitted = WordTokenizer(min_count=1, vocab_size=characters + 2).fit([TEXT])
    assert fitted.words == ("ice",)
    assert fitted.vocab_size == characters + 2


def test_characters_find_room_always():
    fitted = WordTokenizer(vocab_size=1).fit([TEXT])
    assert fitted.decode(fitted.encode(TEXT)) == TEXT
    assert fitted.vocab_size == len(set(TEXT)) + 1


def test_a_word_with_a_missing_character_is_found_by_its_nearest():
    fitted = WordTokenizer(min_count=1).fit(["cafe don't"])
    assert pieces(fitted, "café don’t") == ["cafe", " ", "don't"]
    assert fitted.missing("café ☃") == {"é": "e", "☃": None}


def test_lower_case_joins_counts():
    assert WordTokenizer(lowercase=True).fit(["The the"]).words == ("the",)


def test_documents_do_not_run_together():
    assert WordTokenizer(min_count=1).fit(["ab", "cd"]).words == ("ab", "cd")


def test_what_is_very_long_is_spelled():
    assert WordTokenizer(min_count=1).fit(["x" * 65 + " " + "y" * 64]).words == ("y" * 64,)


def test_the_rarest_are_forgotten_when_there_are_too_many_to_count(monkeypatch):
    monkeypatch.setattr(word, "_COUNTED", 10)
    documents = [f"common rare{number}" for number in range(50)]
    assert WordTokenizer(min_count=20).fit(documents).words == ("common",)


def test_the_state_does_not_drift():
    assert WordTokenizer(min_count=1).fit(["on on ice"]).state() == {
        "lowercase": False,
        "min_count": 1,
        "vocab_size": 9,
        "symbols": " ceino",
        "words": ["on", "ice"],
    }


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"words": ["ice", "ice"]}, "an item twice"),
        ({"words": ["ice", 3]}, "no text"),
        ({"words": ["ice", "sea"]}, "not made of the characters"),
        ({"words": ["i", "ice"]}, "not made of the characters"),
        ({"words": {}}, "not a list"),
        ({"vocab_size": 5}, "not the number of tokens"),
        ({"symbols": "eci"}, "rising order"),
    ],
)
def test_a_strangers_state_is_refused_with_the_fault(change, fault):
    state = WordTokenizer().fit(["ice ice"]).state()
    with pytest.raises(DamagedModelError, match=fault):
        WordTokenizer.from_state(state | change)
