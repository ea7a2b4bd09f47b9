"""Every tokenizer, dataset, backend and sampler works with every other, those of a third party included."""

from __future__ import annotations

import functools
import json
import math

import pytest

from seqgen.core.catalog import load_catalog

TOY = {"tokenizer": "case", "dataset": "paragraphs", "backend": "counting", "sampler": "no-stutter"}
TINY = {"max-steps": 2, "hidden-size": 8, "embedding-size": 4, "seq-len": 16, "batch-size": 4}
LENGTH = 12


def names(kind):
    """All bundled parts of a kind, whichever there are, and the toy plugin's."""
    return [*(entry.name for entry in load_catalog().entries(kind)), TOY[kind]]


@pytest.fixture(scope="module")
def trained(shared_main, toy_plugin, small_corpus):
    """Trains a model once for each tokenizer, dataset and backend; gives its name and the record of the run."""

    @functools.cache
    def train(tokenizer, dataset, backend):
        name = f"{tokenizer}-{dataset}-{backend}"
        options = {"name": name, "tokenizer": tokenizer, "dataset": dataset, "backend": backend, **TINY}
        arguments = [f"--{option}={value}" for option, value in options.items()]
        result = shared_main("train", small_corpus, *arguments, "--quiet", "--json")
        assert result.exit_code == 0, result.stderr
        return name, json.loads(result.stdout)

    return train


@pytest.mark.parametrize("backend", names("backend"))
@pytest.mark.parametrize("dataset", names("dataset"))
@pytest.mark.parametrize("tokenizer", names("tokenizer"))
def test_any_registered_combination_trains_and_generates(shared_main, trained, tokenizer, dataset, backend):
    trainer = "torch" if backend == "numpy" else backend  # numpy does not train; it generates from what torch trained
    name, record = trained(tokenizer, dataset, trainer)
    assert (record["model"], record["steps"], record["backend"]) == (name, 2, trainer)
    assert math.isfinite(record["train_loss"])
    assert math.isfinite(record["validation_loss"])
    options = ["--backend", backend, "--length", LENGTH, "--num-samples", 2, "--random-seed", 5, "--json"]
    for sampler in names("sampler"):
        result = shared_main("generate", "--model", name, "--sampler", sampler, *options)
        assert result.exit_code == 0, (sampler, result.stderr)
        written = json.loads(result.stdout)
        assert (written["model"], written["backend"]) == (name, backend)
        assert len(written["samples"]) == 2
        for sample in written["samples"]:
            assert isinstance(sample["text"], str)
            if sample["finish_reason"] == "length":
                assert sample["tokens"] == LENGTH, sampler
            else:
                assert sample["finish_reason"] == "end"
                assert 1 <= sample["tokens"] <= LENGTH
