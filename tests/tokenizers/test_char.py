import gc
import sys

import numpy as np
import pytest

from seqgen.core.errors import DamagedModelError
from seqgen.core.options import make
from seqgen.tokenizers.char import CharTokenizer


def test_the_vocabulary_is_sorted_by_code_point_and_the_end_is_last():
    fitted = CharTokenizer().fit(["the ice\n", "öÅ"])
    assert fitted.symbols == "\n cehitÅö"
    assert (fitted.vocab_size, fitted.end_id) == (10, 9)
    assert fitted.encode("the ice").tolist() == [6, 4, 3, 1, 5, 2, 3]


def test_the_state_is_small_and_does_not_drift():
    assert CharTokenizer(lowercase=True, normalization="NFC", min_count=2).fit(["Abab e\u0301 E\u0301 x"]).state() == {
        "lowercase": True,
        "normalization": "NFC",
        "min_count": 2,
        "symbols": " abé\ufffd",
        "dropped": "x",
    }


@pytest.mark.parametrize(("symbols", "dtype"), [(255, np.uint8), (256, np.uint16), (65536, np.uint32)])
def test_ids_have_the_smallest_type_that_also_holds_the_end(symbols, dtype):
    text = "".join(map(chr, [*range(0xD7FF), *range(0xE000, 0x12000)][:symbols]))
    fitted = CharTokenizer().fit([text])
    assert fitted.encode(text).dtype == dtype
    assert fitted.decode(fitted.encode(text)) == text


def test_a_missing_character_becomes_its_other_case_its_base_letter_or_its_plain_form():
    fitted = CharTokenizer().fit(["abcX-'\"."])
    assert fitted.decode(fitted.encode("ABcäÇx’“—…")) == "abcacX'\"-."
    assert fitted.missing("ABcä’") == {"A": "a", "B": "b", "ä": "a", "’": "'"}


def test_a_missing_character_that_nothing_is_near_to_is_left_out_and_reported():
    fitted = CharTokenizer().fit(["abc "])
    assert fitted.decode(fitted.encode("a漢b¨")) == "ab"
    assert fitted.missing("a漢b¨") == {"漢": None, "¨": None}


@pytest.mark.parametrize("different", [3, 999, 1000, 3000])
def test_what_is_missing_is_found_in_short_documents_and_in_those_of_many_characters(different):
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + different)))
    fitted = CharTokenizer().fit([letters[1::2]])
    assert fitted.missing(letters * 2) == dict.fromkeys(letters[::2])


def test_rare_characters_share_the_unknown_one():
    fitted = CharTokenizer(min_count=2).fit(["aabbÄxé"])
    assert fitted.symbols == "ab\ufffd"
    assert fitted.decode(fitted.encode("aÄbxA漢")) == "a\ufffdb\ufffda\ufffd"  # A was never seen, so a is its nearest
    assert fitted.canonical("aÄbxA漢") == "a\ufffdb\ufffda\ufffd"
    assert fitted.missing("aÄA漢") == {"A": "a", "Ä": "\ufffd", "漢": "\ufffd"}


def test_nothing_is_unknown_where_min_count_dropped_nothing():
    assert CharTokenizer(min_count=2).fit(["aabb"]).symbols == "ab"


def test_lower_case_looks_across_the_border_of_pieces():
    fitted = CharTokenizer(lowercase=True).fit(["ΟΔΟΣ ΟΔΟΣ"])
    assert fitted.canonical("ΟΔΟΣ ΟΔΟΣ") == "οδος οδος"
    pieces = fitted.encode_pieces(["ΟΔΟ", "Σ", " ΟΔ", "ΟΣ"])
    assert fitted.decode(np.concatenate(list(pieces))) == "οδος οδος"


def test_normalisation_looks_across_the_border_of_pieces():
    fitted = CharTokenizer(normalization="NFC").fit(["cafe\u0301"])
    assert fitted.symbols == "acfé"
    assert fitted.decode(np.concatenate(list(fitted.encode_pieces(["cafe", "\u0301"])))) == "café"


def test_documents_are_not_normalised_together():
    assert CharTokenizer(normalization="NFC").fit(["e", "\u0301"]).symbols == "e\u0301"


def test_half_a_surrogate_pair_does_not_crash_and_is_unknown():
    fitted = CharTokenizer().fit(["ab\ud83d"])
    assert fitted.symbols == "ab\ufffd"
    assert fitted.decode(fitted.encode("a\udc4d\ud83db")) == "a\ufffd\ufffdb"


def steps_of(function, *arguments):
    """How many lines of Python run, which is what a loop over characters would make grow."""
    lines = 0

    def trace(frame, event, argument):
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    gc.disable()  # what earlier tests left must not be finalised, in Python, while lines are counted
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
        gc.enable()
    return lines


@pytest.mark.parametrize("options", [{}, {"lowercase": True, "normalization": "NFKC"}])
def test_no_python_runs_for_each_character(options):
    short, long = "abcÄ漢", "abcÄ漢" * 20_000
    fitted = CharTokenizer(**options).fit(["abcä"])
    fitted.encode(short)  # the table is made the first time
    assert steps_of(fitted.encode, long) == steps_of(fitted.encode, short)
    ids, many = fitted.encode(short), fitted.encode(long)
    assert steps_of(fitted.decode, many) == steps_of(fitted.decode, ids)
    assert steps_of(fitted.characters, many) == steps_of(fitted.characters, ids)
    assert steps_of(fitted.fit, [long]) == steps_of(fitted.fit, [short])


def test_little_python_runs_for_each_of_many_small_documents():
    documents = ["abc"] * 10_000
    assert steps_of(CharTokenizer().fit, documents) < 15 * len(documents)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"symbols": "ba"}, "rising order"),
        ({"symbols": "aab"}, "rising order"),
        ({"symbols": "a\ud800"}, "surrogates"),
        ({"symbols": 3}, "not text"),
        ({"dropped": "x"}, "none is unknown"),
        ({"symbols": "a\ufffd", "dropped": "a"}, "both kept and dropped"),
        ({"normalization": "NFX"}, "one of none, NFC"),
        ({"lowercase": 1}, "true or false"),
        ({"min_count": 0}, "at least 1"),
        ({"min_count": True}, "whole number"),
        ({"normalization": "NFC", "symbols": "\u212b"}, "normal form"),  # NFC makes it \u00c5
        ({"lowercase": True, "symbols": "Ab"}, "lower case"),
        ({"extra": 1}, "unknown values: extra"),
    ],
)
def test_a_strangers_state_is_refused_with_the_fault(change, fault):
    state = CharTokenizer().fit(["ab"]).state()
    with pytest.raises(DamagedModelError, match=fault):
        CharTokenizer.from_state(state | change)


def test_options_are_read_as_on_the_command_line():
    made = make(CharTokenizer, {"lowercase": "true", "normalization": "NFC", "min_count": "3"}, where="tokenizer char")
    assert made == CharTokenizer(lowercase=True, normalization="NFC", min_count=3)
