"""A tokenizer takes the media of one kind, and who brings others is told what fits."""

from __future__ import annotations

from typing import ClassVar

import pytest

from seqgen.core.catalog import load_catalog
from seqgen.core.errors import OptionError
from seqgen.datasets.text import TextDataset
from seqgen.tokenizers.char import CharTokenizer
from seqgen.training.media import media_mismatch, what_fits


class Steps(TextDataset):
    media_type: ClassVar[str] = "application/x-steps"


class Moves(CharTokenizer):
    media_type: ClassVar[str] = "application/x-moves"


def test_media_that_are_the_same_fit():
    catalog = load_catalog()
    entries = catalog.find("dataset", "text"), TextDataset, catalog.find("tokenizer", "char"), CharTokenizer
    assert media_mismatch(*entries) == ""


def test_a_dataset_and_a_tokenizer_that_fit_are_named():
    catalog = load_catalog()
    assert what_fits(catalog, Steps(), CharTokenizer()) == "  Try --dataset text"
    assert what_fits(catalog, TextDataset(), Moves()) == "  Try --tokenizer char"
    assert what_fits(catalog, Steps(), Moves()) == ""


def test_it_is_said_before_anything_is_trained(start, monkeypatch):
    monkeypatch.setattr(TextDataset, "media_type", "application/x-steps")
    sentence = r"Dataset text gives application/x-steps, but tokenizer char takes text/plain\.  Try --dataset lines$"
    with pytest.raises(OptionError, match=sentence):
        start(max_steps=2)
