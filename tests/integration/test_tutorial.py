"""``--preset tutorial`` is the classic Keras character-LSTM tutorial, as a composition of general options.

Brownlee 2016, "Text Generation With LSTM Recurrent Neural Networks in Python with Keras".
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import seqgen
from seqgen.core.canonical import initial_weights
from seqgen.core.catalog import load_catalog
from seqgen.core.spec import ModelSpec, OptimizerSpec
from seqgen.data.batching import make_batching
from seqgen.data.split import split
from seqgen.data.store import open_or_build
from seqgen.training.options import PRESETS, TrainingOptions

BACKENDS = ("torch", "keras")
SPEC = {
    "architecture": "lstm",
    "input_encoding": "scalar",
    "hidden_size": 256,
    "num_layers": 1,
    "dropout": 0.2,
    "tie_embeddings": False,
}
TRAINING = {
    "tokenizer": "char:lowercase=true",
    "batching": "windows",
    "seq_len": 100,
    "batch_size": 128,
    "epochs": 20.0,
    "optimizer": "adam",
    "learning_rate": 0.001,
    "lr_schedule": "constant",
    "warmup_steps": 0,
    "beta_2": 0.999,
    "grad_clip": 1e9,
    "eval_every": "epoch",
    "patience": None,
    "precision": "float32",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """600 characters: with a fifth held out, the training part has 480, which are 380 windows, which are 3 batches."""
    path = tmp_path_factory.mktemp("corpus") / "small.txt"
    text = (Path(__file__).parents[2] / "corpora" / "ice.txt").read_text("utf-8")
    path.write_text(text[:600], "utf-8")
    return path


# All of that is settled before a backend is asked.
@pytest.mark.parametrize("backend", ["torch", pytest.param("keras", marks=pytest.mark.slow)])
def test_a_run_has_the_shape_and_the_options_of_the_tutorial(shared_main, corpus, backend):
    arguments = ["--preset", "tutorial", "--backend", backend, "--max-steps", 1, "--validation-fraction", 0.2]
    result = shared_main("train", corpus, *arguments, "--name", "short", "--quiet", "--json")
    assert result.exit_code == 0, result.stderr
    config = json.loads(shared_main("models", "show", "short", "--json").stdout)["config"]
    assert {name: config["model"][name] for name in SPEC} == SPEC
    assert {name: config["training"][name] for name in TRAINING} == TRAINING
    origins = config["origins"]
    assert {origins[name] for name in PRESETS["tutorial"]} == {"preset tutorial"}
    assert origins["validation_fraction"] == "command line"
    tokenizer = seqgen.load("short").tokenizer
    assert tokenizer.encode("The ICE").tolist() == tokenizer.encode("the ice").tolist()


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_evaluates_after_each_epoch_at_a_constant_rate_and_keeps_the_best(shared_main, corpus, backend):
    arguments = [
        "--preset",
        "tutorial",
        "--backend",
        backend,
        "--hidden-size",
        16,
        "--epochs",
        2,
        "--validation-fraction",
        0.2,
    ]
    result = shared_main("train", corpus, *arguments, "--name", "epochs", "--quiet", "--json")
    assert result.exit_code == 0, result.stderr
    record = json.loads(result.stdout)
    lines = [json.loads(line) for line in Path(record["path"], "metrics.jsonl").read_text("utf-8").splitlines()]
    assert [(line["step"], line["epoch"]) for line in lines] == [(3, 1), (6, 2)]
    assert [line["learning_rate"] for line in lines] == [0.001] * 2
    assert lines[-1]["tokens"] == 2 * 380  # every window once an epoch, one target each
    assert record["validation_loss"] == min(line["validation_loss"] for line in lines)


@pytest.fixture(scope="module")
def start(corpus, tmp_path_factory):
    """What both begin with: the tutorial's options, its batches of windows, and weights; dropout off, since draws differ."""
    options = TrainingOptions(**PRESETS["tutorial"])
    catalog = load_catalog()
    dataset = catalog.make("dataset", "text", sources=(str(corpus),))
    tokenizer = catalog.make("tokenizer", options.tokenizer).fit(each.content for each in dataset.documents())
    part, _ = split(open_or_build(dataset, tokenizer, tmp_path_factory.mktemp("tokens")), 0.2)
    shape = {"seq_len": options.seq_len, "batch_size": 32, "random_seed": 0}  # a quarter of the tutorial's, for time
    windows = make_batching(options.batching, part, **shape)
    batches = [windows.batch(0, step) for step in range(3)]
    values = {name: getattr(options, name) for name in SPEC} | {"dropout": 0.0, "hidden_size": 128}  # half, too
    spec = ModelSpec(vocab_size=tokenizer.vocab_size, **values)
    return options, batches, spec, initial_weights(spec, 0)


@pytest.fixture(scope="module")
def plain_losses(start):
    """The losses of the tutorial's own code, by the epsilon of its Adam."""
    import keras

    _, batches, spec, weights = start

    def train(epsilon):
        model = keras.Sequential(
            [
                keras.Input((100, 1)),
                keras.layers.LSTM(spec.hidden_size),
                keras.layers.Dropout(0.0),
                keras.layers.Dense(spec.vocab_size, activation="softmax"),
            ]
        )
        model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(epsilon=epsilon))
        # (1, 4H), (H, 4H), (4H): Keras has the gates in the same order, transposed.
        matrices = [weights["layers.0.input_weight"].T, weights["layers.0.recurrent_weight"].T]
        model.layers[0].set_weights([*matrices, weights["layers.0.bias"]])
        model.layers[-1].set_weights([weights["output.weight"].T, weights["output.bias"]])
        losses = []
        for batch in batches:
            x = batch.inputs.astype(np.float32)[:, :, None] / spec.vocab_size  # (B, 100, 1)
            y = keras.utils.to_categorical(batch.targets[:, -1], num_classes=spec.vocab_size)  # (B, V)
            losses.append(float(model.train_on_batch(x, y)))
        return losses

    return {epsilon: train(epsilon) for epsilon in (1e-7, 1e-12)}


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_learns_step_by_step_what_a_plain_keras_model_learns(start, plain_losses, backend):
    """Of what Keras does, only its epsilon is not seqgen's: 1e-7 before the bias correction, which is 3e-6 in the first
    update, where seqgen adds 1e-8 after it.  Without it in the way the two agree to float32's last digits.
    """
    options, batches, spec, weights = start
    names = ("beta_2", "grad_clip", "weight_decay")
    optimizer = OptimizerSpec(name=options.optimizer, **{name: getattr(options, name) for name in names})
    how = {"optimizer": optimizer, "weights": weights, "precision": options.precision}
    model = load_catalog().make("backend", backend).build(spec, **how)
    losses = [float(model.train_step(batch, options.learning_rate)) for batch in batches]
    assert batches[0].inputs.shape == (32, 100)
    assert losses[0] == pytest.approx(math.log(spec.vocab_size), rel=0.2)
    assert losses[1] < losses[0]
    assert losses == pytest.approx(plain_losses[1e-12], abs=1e-4)
    assert losses == pytest.approx(plain_losses[1e-7], abs=2e-3)
