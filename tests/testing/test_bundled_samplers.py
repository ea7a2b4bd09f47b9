"""The bundled samplers keep all laws."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.core.catalog import load_catalog
from seqgen.testing.moments import LARGE, rows_of_logits
from seqgen.testing.sampler import SamplerContract

CATALOG = load_catalog()


class Bundled(SamplerContract):
    spec = ""
    max_examples = settings.default.max_examples // 5

    def make(self):
        return CATALOG.make("sampler", self.spec)


class TestGreedy(Bundled):
    spec = "greedy"


class TestColdTemperature(Bundled):
    spec = "temperature:temperature=0.01"


class TestHotTemperature(Bundled):
    spec = "temperature:temperature=2.5"


class TestTopK(Bundled):
    spec = "top-k:k=3"


class TestTopP(Bundled):
    spec = "top-p:p=0.9"


class TestMinP(Bundled):
    spec = "min-p:p=0.05"


class TestTypical(Bundled):
    spec = "typical:p=0.5"


class TestRepetitionPenalty(Bundled):
    spec = "repetition-penalty"


class TestShortRepetitionPenalty(Bundled):
    spec = "repetition-penalty:penalty=1e30,window=3"


class TestNoRepeatNgram(Bundled):
    spec = "no-repeat-ngram:size=2"


class TestNoRepeatedToken(Bundled):
    spec = "no-repeat-ngram:size=1"


class TestDry(Bundled):
    spec = "dry:allowed_length=2"


class TestShortDry(Bundled):
    spec = "dry:multiplier=1e30,base=10,allowed_length=1,window=3"


class TestLogitBias(Bundled):
    spec = "logit-bias:a=2,ab=-3,bca=1e38"


class TestMirostat(Bundled):
    spec = "mirostat:tau=0.7,eta=0.5"


class TestGrammarOfNothing(Bundled):
    spec = "grammar"


class TestRegexOfAnything(Bundled):
    spec = "regex"


def test_every_bundled_sampler_is_held_to_the_laws():
    tested = {contract.spec.partition(":")[0] for contract in Bundled.__subclasses__()}
    assert tested == {entry.name for entry in CATALOG.entries("sampler")}


@given(data=st.data(), vocab_size=st.sampled_from([1, 2, 7, LARGE]))
def test_the_rows_that_samplers_are_tried_with_leave_something_to_draw(data, vocab_size):
    row = data.draw(rows_of_logits(vocab_size))
    assert row.shape == (vocab_size,)
    assert row.dtype == np.float32
    assert np.isfinite(row).any()
    assert not (np.isnan(row) | np.isposinf(row)).any()


@pytest.mark.parametrize(
    "kind",
    [
        lambda row: len(row) == 1,
        lambda row: np.isneginf(row).sum() == len(row) - 1 > 0,
        lambda row: len(row) > 1 and len(set(row.tolist())) == 1,
        lambda row: len(set(row.tolist())) < len(row),
        lambda row: row.max() > 1e38,
    ],
    ids=["one token", "one token left", "all equal", "ties", "huge"],
)
def test_the_rows_that_samplers_are_tried_with_are_of_every_kind(kind):
    sizes = st.sampled_from([1, 2, 7])
    assert kind(hypothesis.find(sizes.flatmap(rows_of_logits), kind))
