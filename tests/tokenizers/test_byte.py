import numpy as np
import pytest

from seqgen.core.errors import DamagedModelError
from seqgen.tokenizers.byte import ByteTokenizer


def test_ids_are_the_bytes_of_utf_8():
    assert ByteTokenizer().encode("né👍").tolist() == [0x6E, 0xC3, 0xA9, 0xF0, 0x9F, 0x91, 0x8D]
    assert ByteTokenizer().vocab_size == 257


def test_the_decoder_gives_a_character_with_its_last_byte():
    decoder = ByteTokenizer().decoder()
    assert [decoder.push(byte) for byte in "é👍".encode()] == ["", "é", "", "", "", "👍"]


def test_an_unfinished_character_is_given_as_unknown_at_the_end():
    decoder = ByteTokenizer().decoder()
    assert [decoder.push(0xC3), decoder.push(0xC3), decoder.finish()] == ["", "\ufffd", "\ufffd"]
    assert ByteTokenizer().decode(np.array([0xC3, 0xC3])) == "\ufffd\ufffd"


def test_a_state_with_something_in_it_is_refused():
    assert ByteTokenizer().state() == {}
    with pytest.raises(DamagedModelError, match="unknown values: a, b"):
        ByteTokenizer.from_state({"a": 1, "b": 2})
