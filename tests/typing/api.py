"""What `import seqgen` offers, as people write it: mypy reads this file, and nobody runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import seqgen
from seqgen.core.hookspecs import Register
from seqgen.core.types import Content
from seqgen.evaluation import Score
from seqgen.language_model import LanguageModel
from seqgen.registry.summary import ModelSummary


def trained() -> LanguageModel:
    model = seqgen.train("novel.txt", Path("letters"), backend="torch", tokenizer="char", max_time="2m", progress=False)
    assert_type(model, LanguageModel)
    return model


def written(model: LanguageModel) -> None:
    assert_type(model.generate("the ice", length=400, temperature=0.7), Content)
    assert_type(model.generate(num_samples=5, random_seed=1), list[Content])
    assert_type(model.generate("the ice", best_of=4), Content)
    assert_type(model.stream("the ice"), Iterator[Content])


def measured() -> None:
    model = seqgen.load("novel@best", backend="numpy")
    score = model.score("chapter.txt", Path("other.txt"))
    assert_type(score, Score)
    assert_type(score.bits_per_character, float)
    assert_type(seqgen.models(), list[ModelSummary])
    assert_type(seqgen.__version__, str)


@seqgen.hookimpl
def register_samplers(register: Register) -> None:
    register("bars", "seqgen_bars:Bars", summary="bars that add up to the metre", requires="music21")
