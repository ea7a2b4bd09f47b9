"""A model is one folder, whatever computes: trained on one framework, gone on with on another, the same text on each."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import seqgen
from seqgen.core.catalog import load_catalog
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.data.batching import make_batching
from seqgen.data.split import split
from seqgen.data.store import open_or_build
from seqgen.generation.generate import stream
from seqgen.training.trainer import evaluate

TRAINED_FIRST = {"lstm": "torch", "gru": "keras", "rnn": "torch"}
BACKENDS = ("torch", "keras", "numpy")
TRAINERS = ("torch", "keras")
OTHER = {"torch": "keras", "keras": "torch"}


@pytest.fixture(scope="module")
def trained(shared_main, small_corpus):
    """Trains a model of two layers once for each backend and architecture; gives the record of the run."""

    @functools.cache
    def train(backend, architecture):
        options = {
            "name": f"{architecture}-{backend}",
            "backend": backend,
            "architecture": architecture,
            "hidden-size": 24,
            "num-layers": 2,
            "embedding-size": 12,
            "seq-len": 32,
            "batch-size": 8,
            "max-steps": 60,
            "eval-every": 30,
            "learning-rate": 0.01,
            "warmup-steps": 5,
            "precision": "float32",
            "ngram-order": 0,
        }
        arguments = [f"--{option}={value}" for option, value in options.items()]
        result = shared_main("train", small_corpus, *arguments, "--quiet", "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return train


def metrics_of(record):
    return [json.loads(line) for line in Path(record["path"], "metrics.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    ("architecture", "first"),
    [
        pytest.param(architecture, first, marks=[pytest.mark.slow] * (architecture != "lstm"))
        for architecture, first in TRAINED_FIRST.items()
    ],
)
def test_training_goes_on_in_the_other_framework_and_back(shared_main, trained, small_corpus, first, architecture):
    before = trained(first, architecture)
    for number, backend in enumerate((OTHER[first], first)):
        name = f"{architecture}-from-{first}-{number}"
        options = {
            "from": before["model"],
            "name": name,
            "backend": backend,
            "max-steps": 2,
            "eval-every": 1,
            "warmup-steps": 50,
            "ngram-order": 0,
        }
        arguments = [f"--{option}={value}" for option, value in options.items()]
        result = shared_main("train", small_corpus, *arguments, "--quiet", "--json")
        assert result.exit_code == 0, result.stderr
        after = json.loads(result.stdout)
        # The learning rate has only begun to rise in the first update, so this is the loss that training started at.
        start = metrics_of(after)[0]
        assert start["step"] == 1
        assert start["validation_loss"] == pytest.approx(before["validation_loss"], rel=0.02)
        before = after


@pytest.mark.parametrize("first", TRAINERS)
def test_the_optimiser_goes_on_too(small_corpus, seqgen_home, first):
    catalog = load_catalog()
    dataset = catalog.make("dataset", "text", sources=(str(small_corpus),))
    tokenizer = catalog.make("tokenizer", "char").fit(document.content for document in dataset.documents())
    part, held_out = split(open_or_build(dataset, tokenizer, seqgen_home), 0.2)
    shape = {"seq_len": 24, "batch_size": 8, "random_seed": 0}
    training = make_batching("stream", part, **shape)
    validation = make_batching("stream", held_out, **shape, for_evaluation=True)
    spec = ModelSpec(vocab_size=tokenizer.vocab_size, embedding_size=8, hidden_size=16)
    how = {"optimizer": OptimizerSpec(), "precision": "float32"}

    one = catalog.make("backend", first).build(spec, **how)
    for step in range(5):
        one.train_step(training.batch(0, step), 0.01)
    loss = evaluate(one, validation)
    other = catalog.make("backend", OTHER[first]).build(spec, **how, weights=one.weights())
    assert evaluate(other, validation) == pytest.approx(loss, rel=1e-5)
    other.load_training_state(one.training_state())
    for step in range(5, 10):
        batch = training.batch(0, step)
        assert float(other.train_step(batch, 0.01)) == pytest.approx(float(one.train_step(batch, 0.01)), rel=1e-3)
    weights = other.weights()
    assert all(np.allclose(weights[name], value, atol=2e-3) for name, value in one.weights().items())


@pytest.mark.parametrize(("architecture", "first"), TRAINED_FIRST.items())
def test_the_same_random_seed_writes_the_same_text_on_each_backend(shared_main, trained, architecture, first):
    name = trained(first, architecture)["model"]

    def write(backend, *options):
        arguments = ["--model", name, "--backend", backend, "--random-seed", 7, "--seed", "The ice"]
        result = shared_main("generate", *arguments, *options)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    streamed = write("numpy", "--length", 500)
    assert len(streamed) == len("The ice") + 500 + len("\n")
    for backend in BACKENDS[1:]:
        assert write(backend, "--length", 500) == streamed
    # Fewer tokens: of many thousand, one may fall between two that the last digits of a processor's own arithmetic tell apart.
    many = ("--num-samples", 16, "--length", 60, "--json")
    sixteen = {
        backend: [sample["text"] for sample in json.loads(write(backend, *many))["samples"]] for backend in BACKENDS
    }
    assert sixteen["torch"] == sixteen["numpy"]
    assert sixteen["keras"] == sixteen["numpy"]
    assert streamed.startswith("The ice" + sixteen["numpy"][0])
    assert len(set(sixteen["numpy"])) == 16
    start = seqgen.load(name).prepare("The ice", length=60, random_seed=7)
    how = {"length": 60, "random_seed": 7, "samplers": start.samplers, "forbid": start.forbid}
    for number in (3, 15):
        alone = stream(start.model, start.tokenizer, start.prompt_ids, **how, sample=number)
        assert "".join(alone) == sixteen["numpy"][number]


@pytest.mark.parametrize(
    ("count", "options"),
    [
        pytest.param(70, {}, id="a few"),  # two batches
        pytest.param(1000, {"stop": [". ", " the"]}, id="stop texts", marks=pytest.mark.slow),
        pytest.param(150, {"prefix_lines": ["The ice", "and", ""]}, id="prefix lines", marks=pytest.mark.slow),
    ],
)
def test_a_sample_among_many_batches_is_that_alone_on_each_backend(
    shared_main, small_corpus, monkeypatch, count, options
):
    from seqgen.backends.keras import model as keras_model
    from seqgen.backends.keras.generator import EngineGenerator

    shape = {"hidden-size": 24, "num-layers": 2, "embedding-size": 12, "ngram-order": 4, "precision": "float32"}
    arguments = [f"--{option}={value}" for option, value in {**shape, "max-steps": 60, "learning-rate": 0.01}.items()]
    result = shared_main("train", small_corpus, "--backend=torch", "--name=mixed", "--quiet", "--json", *arguments)
    name = json.loads(result.stdout)["model"]

    def prepared(backend):
        model = seqgen.load(name, backend=backend)
        return model.prepare("The ice", length=20, repetition_penalty=1.2, random_seed=7, **options)

    def written(generation, **which):
        samples = generation.samples(count, **which)
        return [(sample.number, sample.text, sample.tokens, sample.finish_reason) for sample in samples]

    generations = {backend: prepared(backend) for backend in BACKENDS}
    # On a CPU the Keras backend generates in NumPy; here also as it does on a GPU.
    monkeypatch.setattr(keras_model, "NumpyModel", functools.partial(EngineGenerator, device="cpu"))
    generations["keras, on its engine"] = prepared("keras")
    expected = written(generations["numpy"])
    if "stop" in options:
        assert {reason for *_, reason in expected} == {"length", "stop"}  # rows leave at different times
    for backend, generation in generations.items():
        assert written(generation) == expected, backend
        for number in (0, 63, 64, 65, count - 1):
            assert written(generation, numbers=[number]) == [expected[number]], backend
        assert "".join(generation.stream()) == expected[0][1], backend


@pytest.mark.parametrize(("architecture", "first"), TRAINED_FIRST.items())
def test_a_model_folder_loads_on_each_backend(trained, small_corpus, tmp_path, first, architecture):
    record = trained(first, architecture)
    copied = shutil.copytree(record["path"], tmp_path / "copied")
    losses = {backend: seqgen.load(copied, backend=backend).score(small_corpus).loss for backend in BACKENDS}
    assert losses["torch"] == pytest.approx(losses["numpy"], rel=1e-5)
    assert losses["keras"] == pytest.approx(losses["numpy"], rel=1e-5)
    assert losses["numpy"] < np.log(30)
