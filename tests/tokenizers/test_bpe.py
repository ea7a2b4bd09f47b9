import json
import subprocess
import sys

import numpy as np
import pytest

from seqgen.core.errors import DamagedModelError
from seqgen.tokenizers import bpe
from seqgen.tokenizers.bpe import BpeTokenizer

TEXT = "the ice, the ice: there lay the ice; naïve 👍👍\n" * 3


def test_the_first_256_ids_are_the_bytes():
    fitted = BpeTokenizer().fit([""])
    assert fitted.vocab_size == 257
    assert fitted.encode("né").tolist() == [0x6E, 0xC3, 0xA9]


def test_tokens_are_words_with_the_space_before_them():
    fitted = BpeTokenizer().fit([TEXT])
    assert [fitted.decode(np.array([each])) for each in fitted.encode("the ice; the")] == ["the", " ice", ";", " the"]


def test_the_merges_do_not_drift():
    assert BpeTokenizer(vocab_size=263).fit([TEXT]).state() == {
        "vocab_size": 263,
        "min_frequency": 2,
        # "the" occurs 12 times, 9 of them after a space; " ice" 9 times.
        "merges": ["h e", "t he", "c e", "i ce", "Ġ the", "Ġ ice"],
    }


def test_text_without_spaces_is_learned_from_in_parts():
    """As one word it would take time with the square of its length: minutes for a megabyte."""
    genome = "ACGT" * 5000
    longest = max(BpeTokenizer(vocab_size=300).fit([genome]).pieces(), key=len)
    assert len(longest) == 4096


def test_words_are_learned_whole_wherever_a_document_is_cut(monkeypatch):
    learned = BpeTokenizer().fit([TEXT])
    monkeypatch.setattr(bpe, "_PART", 12)
    assert BpeTokenizer().fit([TEXT]) == learned


def test_the_vocabulary_is_no_larger_than_the_corpus_gives():
    fitted = BpeTokenizer(vocab_size=512).fit(["ab ab"])
    assert fitted.vocab_size == 258
    assert fitted.end_id == 257


def test_the_decoder_gives_no_half_character():
    fitted = BpeTokenizer().fit(["é è"])
    decoder = fitted.decoder()
    assert [decoder.push(each) for each in fitted.encode("aé👍")] == ["a", "", "é", "", "", "", "👍"]


def test_two_merges_may_give_the_same_token():
    state = {"vocab_size": 260, "min_frequency": 2, "merges": ["a b", "b c", "ab c", "a bc"]}
    restored = BpeTokenizer.from_state(state)
    assert restored.end_id == 259
    assert restored.decode(restored.encode("abc ab bc")) == "abc ab bc"


def test_training_is_the_same_in_every_process():
    program = (
        "import json; from seqgen.tokenizers.bpe import BpeTokenizer;"
        "print(json.dumps(BpeTokenizer(vocab_size=400).fit(map(str, range(2000))).state()))"
    )
    here = BpeTokenizer(vocab_size=400).fit(map(str, range(2000))).state()
    there = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert json.loads(there) == here


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"merges": ["a b", "a b"]}, "an item twice"),
        ({"merges": ["ab c", "a b"]}, "not of two tokens known before"),
        ({"merges": ["ab"]}, "not of two tokens"),
        ({"merges": ["a b c"]}, "not of two tokens"),
        ({"merges": ["日 本"]}, "not of two tokens"),
        ({"merges": [["a", "b"]]}, "no text"),
        ({"vocab_size": 2**31}, "fit 31 bits"),
        ({"vocab_size": 300}, "not the number of tokens"),
        ({"min_frequency": 0}, "at least 1"),
        ({"model": {}}, "unknown values: model"),
    ],
)
def test_a_strangers_state_is_refused_with_the_fault(change, fault):
    state = {"vocab_size": 258, "min_frequency": 2, "merges": ["a b"]}
    BpeTokenizer.from_state(state)
    with pytest.raises(DamagedModelError, match=fault):
        BpeTokenizer.from_state(state | change)
