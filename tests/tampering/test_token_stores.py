"""A token store that was tampered with is built anew, or read within its bounds; the cache never breaks a training."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest

from seqgen.core.dataset import Dataset
from seqgen.core.types import Document
from seqgen.data.store import open_or_build
from seqgen.tokenizers.char import CharTokenizer

from .conftest import mutations

ABC = CharTokenizer().fit(["abc"])
FILES = ("tokens.bin", "documents.bin")


@dataclass(frozen=True, kw_only=True)
class Lines(Dataset):
    """Three documents."""

    def documents(self):
        yield from (Document(text, text) for text in ("abcabc", "cab", "b"))


EXPECTED = [3, 0, 1, 2, 0, 1, 2, 3, 2, 0, 1, 3, 1, 3]


def with_crc(content):
    return content + zlib.crc32(content).to_bytes(4, "little")


def run_cases(folder, watch, count, start=0):
    place = open_or_build(Lines(), ABC, folder).folder
    for seed in range(start, start + count):
        random = Random(seed)
        name = random.choice(FILES)
        content = (place / name).read_bytes()
        if crc := random.random() < 0.5:  # by whom knows the format
            content = with_crc(random.choice(mutations(name))(content[:-4], random))
        else:
            content = random.choice(mutations(name))(content, random)
        (place / name).write_bytes(content)
        with watch(memory=seed % 50 == 0):
            store = open_or_build(Lines(), ABC, folder)
        assert store.tokens.size == 0 or store.tokens.max() < ABC.vocab_size
        assert (store.starts >= 0).all()
        assert (store.stops <= store.tokens.size).all()
        if not crc:
            assert store.tokens.tolist() == EXPECTED
        for each in FILES:
            (place / each).unlink()
        assert open_or_build(Lines(), ABC, folder).tokens.tolist() == EXPECTED


def test_a_tampered_store_is_built_anew_or_within_bounds(watch, tmp_path):
    run_cases(tmp_path, watch, 60)


@pytest.mark.slow
def test_thousands_of_tampered_stores_are_built_anew_or_within_bounds(watch, tmp_path):
    run_cases(tmp_path, watch, 2000, start=1000)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("tokens.bin", np.full(14, 200, np.uint8)),
        ("documents.bin", np.array([10, 0, 2**60, 11, 13, 1, 2, 3])),
        ("documents.bin", np.array([10, 5, 7, 11, 13, 1, 2, 3])),
        ("documents.bin", np.array([10, 0, -9, 11, 13, 1, 2, 3])),
        ("documents.bin", np.array([-1, 0, 7, 11, 13, 1, 2, 3])),
    ],
    ids=["ids beyond the vocabulary", "a start beyond the end", "a first start", "a negative start", "characters"],
)
def test_numbers_that_cannot_be_are_not_believed_though_their_sum_is_right(watch, tmp_path, name, numbers):
    place = open_or_build(Lines(), ABC, tmp_path).folder
    (place / name).write_bytes(with_crc(numbers.tobytes()))
    assert open_or_build(Lines(), ABC, tmp_path).tokens.tolist() == EXPECTED
    assert open_or_build(Lines(), ABC, tmp_path).starts.tolist() == [0, 7, 11, 13]


@pytest.mark.parametrize("name", FILES)
def test_a_pipe_in_a_store_is_not_waited_for(watch, tmp_path, name):
    place = open_or_build(Lines(), ABC, tmp_path).folder
    (place / name).unlink()
    os.mkfifo(place / name)
    with watch():
        assert open_or_build(Lines(), ABC, tmp_path).tokens.tolist() == EXPECTED
