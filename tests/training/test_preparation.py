"""From a corpus and options to what is ready to train, and what the parts of a corpus are."""

from __future__ import annotations

import numpy as np
import pytest

from seqgen.backends.torch.model import TorchModel
from seqgen.core.catalog import load_catalog
from seqgen.core.errors import CorpusError
from seqgen.core.tokenizer import Tokenizer
from seqgen.evaluation import count_characters
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer
from seqgen.training import preparation
from seqgen.training.chosen import resolve_options
from seqgen.training.pace import measure
from seqgen.training.preparation import PACE_SECONDS, prepare

from .conftest import TINY

PROSE = "the sea is wide and the ice is white " * 60
FIGURES = " ".join(str(number) for number in range(100, 200))
"""Each of these words occurs once: ``word`` spells them."""


@pytest.fixture
def prepared(seqgen_home, tmp_path):
    """What a training of a tiny model on these texts has prepared."""

    def make(*texts, parent=None, **given):
        paths = [tmp_path / f"{number:02}.txt" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        chosen = resolve_options({**TINY, "max_steps": 1, **given}, preset=None, config=None)
        return prepare(load_catalog(), [str(path) for path in paths], chosen, parent=parent)

    return make


@pytest.mark.parametrize(
    "texts",
    [(PROSE + FIGURES,), (PROSE, FIGURES), tuple(f"{PROSE[:600]}{number}" for number in range(30))],
    ids=["the end of a text", "the end of two", "whole documents"],
)
@pytest.mark.parametrize("tokenizer", ["word", "byte"])
def test_each_part_has_its_own_characters_per_token(prepared, texts, tokenizer):
    found = prepared(*texts, tokenizer=tokenizer)
    parts = {"training": found.training.part, "validation": found.validation.part}
    expected = {name: count_characters(found.tokenizer, each) / each.tokens.size for name, each in parts.items()}
    assert vars(found.characters_per_token) == pytest.approx(expected)


def test_prose_with_figures_at_its_end_has_more_characters_to_a_token_where_it_is_trained_on(prepared):
    characters = prepared(PROSE + FIGURES, tokenizer="word").characters_per_token
    assert (characters.training > 1.8, characters.validation) == (True, 1.0)


def test_where_each_document_is_decoded_with_a_head_of_its_own_the_held_out_part_speaks_for_both(prepared, monkeypatch):
    monkeypatch.setattr(WordTokenizer, "characters", Tokenizer.characters)
    monkeypatch.setattr(WordTokenizer, "pieces", lambda _: None)
    characters = prepared(PROSE + FIGURES, tokenizer="word").characters_per_token
    assert characters.training == characters.validation == 1.0


def test_where_nothing_is_held_out_losses_are_measured_on_what_is_trained_on(prepared):
    characters = prepared(PROSE + FIGURES, tokenizer="word", validation_fraction=0).characters_per_token
    assert characters.training == characters.validation > 1


@pytest.mark.parametrize(("max_time", "least_seconds"), [(180.0, 0.9), (3600.0, PACE_SECONDS)])
def test_the_pace_is_measured_for_a_share_of_the_time_and_for_some_seconds_at_most(
    prepared, monkeypatch, max_time, least_seconds
):
    monkeypatch.setattr(preparation, "PACE_SECONDS", PACE_SECONDS)  # which is 0 while tests run, for time
    asked = []

    def measured(model, batches, *, least_seconds):
        asked.append(least_seconds)
        return measure(model, batches)

    monkeypatch.setattr(preparation, "measure", measured)
    prepared(PROSE, max_time=max_time)
    assert asked == [pytest.approx(least_seconds)]


def test_parts_that_count_in_numbers_of_numpy_train(start, monkeypatch):
    size, evaluate = CharTokenizer.vocab_size, TorchModel.evaluate
    monkeypatch.setattr(CharTokenizer, "vocab_size", property(lambda self: np.int64(size.fget(self))))
    monkeypatch.setattr(CharTokenizer, "characters", lambda _, ids: (ids < 99).sum())

    def counted(self, batch):
        nats, scored = evaluate(self, batch)
        return nats, np.float32(scored)

    monkeypatch.setattr(TorchModel, "evaluate", counted)
    saved = start(max_steps=1, tokenizer="char", ngram_order=0).version.open()
    assert type(saved.config.model.vocab_size) is int


@pytest.mark.parametrize(
    ("texts", "fraction"),
    [(("\N{SNOWMAN}" * 9, "the sea is wide"), 0.9), (("the sea is wide", "\N{SNOWMAN}" * 9), 0.12)],
    ids=["trained on", "measured on"],
)
def test_a_part_of_which_the_vocabulary_knows_nothing_is_refused(start, prepared, texts, fraction):
    parent = start(max_steps=1, ngram_order=0).version.open()
    small = {"seq_len": 1, "batch_size": 1, "validation_fraction": fraction, "unseen": "nearest"}
    with pytest.raises(CorpusError, match="Nothing in what the losses would be measured on is known to the vocabulary"):
        prepared(*texts, parent=parent, **small)
