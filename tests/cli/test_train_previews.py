"""``seqgen train --dry-run`` and ``--lr-find``: what they show, and that they leave nothing behind."""

from __future__ import annotations

import json
import re
import sys

import pytest

from seqgen.core.options import options_of
from seqgen.training.options import TrainingOptions

TINY = ("--backend", "torch", "--hidden-size", 16, "--embedding-size", 8, "--seq-len", 16, "--batch-size", 4)


@pytest.fixture
def preview(seqgen, corpus, seqgen_home):
    """Run a preview on the small corpus; whatever it shows, it leaves only tokens behind."""

    def run(*options, command=seqgen):
        outcome = command("train", corpus, *TINY, *options)
        assert outcome.exit_code == 0, outcome
        assert [path.name for path in seqgen_home.iterdir()] == ["tokens"]
        return outcome

    return run


def test_a_dry_run_shows_sizes_time_and_where_each_option_came_from(preview):
    outcome = preview("--dry-run", "--max-steps", 1000)
    assert re.fullmatch(
        r"dry run  7 steps of novel: lstm 1 x 16, [\d,]+ parameters, torch on cpu, \w+ \.\.\.\n", outcome.stderr
    )
    for pattern in (
        r"^novel: lstm 1 x 16, [\d,]+ parameters, torch on cpu, ",
        r"^ corpus +5,400 training tokens, \d+ different.*: chose ",
        r"^ parameters +[\d,]+ ",
        r"^ memory +up to [\d.]+ MB: weights [\d.]+ MB, gradients [\d.]+ MB, optimizer and running average [\d.]+ MB, ",
        r"activations [\d.]+ MB, logits [\d.]+ MB \(estimated\)",
        r"^ n-grams +[\d.]+ MB when all is trained \(estimated\)",
        *(
            [r"^ process +[\d,]+ MB of main memory so far, with the framework \(measured\)"]
            if sys.platform == "linux"
            else []
        ),
        r"^ steps per epoch +84 ",
        r"^ measured +[1-5] steps?, \S+ s each",
        r"^ pace +[\d,]+ tokens/s, [\d,]+ characters/s",
        r"^ an epoch +[\d.]+ s without evaluations",
        r"^ the training +about 1,000 steps, 11\.9 epochs, ",
        r"^ hidden_size +16 +command line",
        r"^ dropout +0\.4 +chosen",
        r"^ optimizer +adamw +default",
    ):
        assert re.search(pattern, outcome.stdout, re.MULTILINE), pattern


def test_a_dry_run_as_json_has_all_of_it(preview):
    outcome = preview("--dry-run", "--json", "--quiet")
    assert outcome.stderr == ""
    found = json.loads(outcome.stdout)
    assert (found["model"], found["backend"], found["device"], found["vocab_size"] > 20) == (
        "novel",
        "torch",
        "cpu",
        True,
    )
    assert found["memory"]["weights"] == 4 * found["parameters"]
    memory = found["memory"]
    while_training = memory["activations"] + memory["logits"]
    assert memory["total"] - max(while_training, memory["ngrams"]) == sum(
        memory[name] for name in ("weights", "gradients", "optimizer")
    )
    assert (found["training_tokens"], found["validation_tokens"], found["steps_per_epoch"]) == (5400, 600, 84)
    assert found["seconds_per_epoch"] == pytest.approx(84 * found["seconds_per_step"])
    assert found["tokens_per_second"] == pytest.approx(4 * 16 / found["seconds_per_step"])
    assert (
        found["training"].keys() == found["origins"].keys() == {option.name for option in options_of(TrainingOptions)}
    )
    assert found["expected"]["epochs"] == pytest.approx(found["expected"]["steps"] / 84)


def test_lr_find_draws_the_loss_against_the_rate_and_suggests_one(preview):
    outcome = preview("--lr-find")
    assert re.fullmatch(
        r"lr-find  100 steps at rates from 1e-06 to 1 of novel: lstm 1 x 16, .* \.\.\.\n", outcome.stderr
    )
    title, *plot, axis, ticks, steps, suggestion = outcome.stdout.splitlines()
    assert title.startswith("bits/character against the learning rate")
    assert len(plot) == 12
    assert "●" in "".join(plot)
    assert axis.strip().startswith("└")
    assert {"1e-06", "0.001"} <= set(ticks.split())
    assert re.match(r"\d+ steps, up to a rate of ", steps)
    assert re.match(r"--learning-rate 0\.\d+  a tenth of 0?\.?\d+, where the loss is lowest", suggestion)
    assert max(map(len, outcome.stdout.splitlines())) <= 100


def test_lr_find_as_json_has_the_points(preview):
    found = json.loads(preview("--lr-find", "--json").stdout)
    assert 60 < len(found["points"]) <= 100
    assert found["points"][0].keys() == {"learning_rate", "loss", "smoothed"}
    rates = {point["learning_rate"] for point in found["points"]}
    assert found["lowest_loss_at"] in rates
    assert found["suggestion"] == pytest.approx(found["lowest_loss_at"] / 10, rel=0.06)


def test_in_a_terminal_the_plot_fits_80_columns(preview, terminal):
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", preview("--lr-find", command=terminal).stdout)
    assert "●" in plain
    lines = re.split(r"[\r\n]+", plain)
    assert max(len(line) for line in lines if not line.startswith("lr-find")) <= 80


def test_from_a_model_they_look_at_its_shape(novel, seqgen, corpus):
    found = json.loads(seqgen("train", corpus, "--from", "novel", "--dry-run", "--json").stdout)
    assert (found["training"]["hidden_size"], found["origins"]["hidden_size"]) == (16, "model novel:1")


@pytest.mark.parametrize("preview", ["--dry-run", "--lr-find"])
@pytest.mark.parametrize(
    ("callback", "sentence"),
    [("cvs", 'No callback "cvs".  Nearest: csv.'), ("csv:pth=x", 'callback csv has no option "pth".')],
)
def test_what_the_training_itself_refuses_is_refused(refused, corpus, preview, callback, sentence):
    assert refused("train", corpus, *TINY, preview, "--log-to", callback, exit_code=2).startswith(sentence)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--dry-run", "--lr-find"), "--dry-run and --lr-find exclude each other.  Give one after the other."),
        (
            ("--dry-run", "--resume"),
            "--dry-run looks at a new training, so it does not go with --resume.  Leave one out.",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(refused, options, sentence):
    assert refused("train", *options, exit_code=2) == sentence
