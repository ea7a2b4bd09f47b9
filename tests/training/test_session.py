"""From a corpus and options to a model in the registry, and what is left where that does not come about."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
import resource
import shutil
import signal
import sys
from asyncio import CancelledError
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import seqgen
from seqgen import home
from seqgen.backends.torch.backend import TorchBackend
from seqgen.backends.torch.model import TorchModel
from seqgen.checkpoint import read_weights
from seqgen.core.callback import Callback
from seqgen.core.canonical import canonical_shapes
from seqgen.core.catalog import load_catalog
from seqgen.core.errors import CorpusError, OptionError, OutputError, PluginError, TrainingError, UsageError
from seqgen.files import sha256
from seqgen.manifest import faults
from seqgen.registry import Registry
from seqgen.training.chosen import resolve_options
from seqgen.training.diagnosis import Diagnosis
from seqgen.training.metrics import FIGURES
from seqgen.training.reproduction import reproduction
from seqgen.training.run import Run
from seqgen.training.samples import SavedSamples
from seqgen.training.session import Session

from .conftest import TINY, Reporter, unfinished


def test_what_was_trained_is_published_with_its_lineage(start, corpus):
    outcome = start(max_steps=6)
    saved = outcome.version.open()
    manifest = saved.manifest
    assert (str(outcome.version), manifest["name"]) == ("sea:1", "sea")
    assert manifest["corpus"]["sources"] == [str(corpus)]
    assert manifest["corpus"]["documents"] == 1
    assert manifest["corpus"]["characters"] == len(corpus.read_text())
    assert re.fullmatch(r"[0-9a-f]{64}", manifest["corpus"]["fingerprint"])
    assert manifest["parent"] is None
    assert manifest["versions"]["seqgen"] == seqgen.__version__
    assert {"python", "torch", "numpy", "safetensors"} <= manifest["versions"].keys()
    assert manifest["machine"]["device"] == "cpu"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", manifest["created"])
    for name, facts in manifest["files"].items():
        assert facts == {"sha256": sha256(saved.folder / name), "bytes": (saved.folder / name).stat().st_size}
    assert sorted(manifest["files"]) == [
        "README.md",
        "config.json",
        "metrics.jsonl",
        "model.safetensors",
        "ngrams.safetensors",
        "tokenizer.json",
    ]


def test_the_figures_are_those_of_the_published_weights(start, corpus):
    outcome = start(max_steps=12, eval_every=3, ngram_order=0)
    results = outcome.version.open().manifest["results"]
    lines = [json.loads(line) for line in (outcome.version.folder / "metrics.jsonl").read_text().splitlines()]
    best = min(lines, key=lambda line: line["validation_loss"])
    assert (results["validation_loss"], results["best_step"]) == (best["validation_loss"], best["step"])
    assert results["bits_per_character"] == pytest.approx(best["validation_loss"] / np.log(2))
    assert (results["steps"], results["tokens"], results["backend"]) == (12, 12 * 4 * 8, "torch")
    assert {key: outcome.record[key] for key in results} == results
    assert (outcome.record["model"], outcome.record["version"]) == ("sea", 1)
    assert Path(outcome.record["path"]) == outcome.version.folder
    assert (outcome.record["interrupted"], outcome.signal_number) == (False, None)


def test_a_callback_that_says_why_ends_the_run_after_that_evaluation_and_the_model_is_published(start):
    class Enough(Callback):
        def __init__(self):
            self.lines = []

        def on_metrics(self, metrics):
            self.lines.append(metrics)

        def stop(self):
            return "That is enough." if len(self.lines) == 2 else ""

    reporter, callback = Reporter(), Enough()
    outcome = start(max_steps=12, eval_every=3, callbacks=[callback], reporter=reporter)
    assert [line["step"] for line in callback.lines] == [3, 6]
    assert [line["progress"] for line in callback.lines] == [0.25, 0.5]
    assert callback.lines[0]["bits_per_character"] == callback.lines[0]["validation_loss"] / np.log(2)
    assert "ended    by callback Enough: That is enough." in reporter.told
    assert (outcome.record["steps"], str(outcome.version)) == (6, "sea:1")
    assert (outcome.record["interrupted"], outcome.record["stopped_by_callback"]) == (False, True)
    assert not list(home.training_folder().glob("sea/*"))  # nothing is left to go on with


def test_what_a_callback_does_to_what_it_is_handed_is_its_own_matter(start):
    class Taking(Callback):
        def on_start(self, config, folder):
            config.clear()

        def on_metrics(self, metrics):
            metrics.pop("step")
            metrics.clear()

        def on_end(self, summary):
            summary["training"].clear()
            summary.clear()

    reporter = Reporter()
    outcome = start(max_steps=6, eval_every=2, callbacks=[Taking(), Taking()], reporter=reporter)
    assert (outcome.record["steps"], outcome.record["training"]["max_steps"]) == (6, 6)
    assert not [line for line in reporter.told if line.startswith("warning")]


class SilentError(Exception):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize("failure", [SilentError(), ValueError("a\nb")], ids=["no words", "several lines"])
def test_whatever_a_callback_raises_is_told_in_a_line_and_ends_nothing(start, failure):
    class Broken(Callback):
        def on_metrics(self, metrics):
            raise failure

    reporter = Reporter()
    assert start(max_steps=6, eval_every=2, callbacks=[Broken()], reporter=reporter).record["steps"] == 6
    (line,) = [line for line in reporter.told if line.startswith("warning")]
    said = "SilentError" if isinstance(failure, SilentError) else "ValueError: a"
    assert line == f"warning: callback Broken failed and is left out: {said}"


@pytest.mark.parametrize("failure", [TypeError("no"), SystemExit("no"), CancelledError("no")], ids=repr)
def test_a_callback_that_fails_when_asked_ends_nothing(start, failure):
    class Broken(Callback):
        def stop(self):
            raise failure

    reporter = Reporter()
    assert start(max_steps=6, eval_every=2, callbacks=[Broken()], reporter=reporter).record["steps"] == 6
    assert [line for line in reporter.told if line.startswith("warning")] == [
        f"warning: callback Broken failed and is left out: {type(failure).__name__}: no"
    ]


class Reticent:
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    "reason", [np.array([1, 2]), Reticent(), True, b"it is late"], ids=lambda each: type(each).__name__
)
def test_a_callback_that_gives_no_text_when_asked_ends_nothing(start, reason):
    class Wordless(Callback):
        def stop(self):
            return reason

    reporter = Reporter()
    assert start(max_steps=6, eval_every=2, callbacks=[Wordless()], reporter=reporter).record["steps"] == 6
    assert [line for line in reporter.told if line.startswith("warning")] == [
        f"warning: callback Wordless failed and is left out: TypeError: stop gives {type(reason).__name__}, which is no text"
    ]


def test_a_callback_that_gives_nothing_when_asked_lets_the_run_go_on(start):
    class Silent(Callback):
        def stop(self):
            return None

    reporter = Reporter()
    assert start(max_steps=6, eval_every=2, callbacks=[Silent()], reporter=reporter).record["steps"] == 6
    assert not [line for line in reporter.told if line.startswith("warning")]


def test_runs_and_models_are_kept_where_the_session_is_told(seqgen_home, corpus, tmp_path):
    session = Session(
        load_catalog(),
        Reporter(),
        lambda *_: "",
        training_folder=tmp_path / "there" / "training",
        registry=Registry(tmp_path / "there" / "models"),
    )
    chosen = resolve_options({**TINY, "max_steps": 2}, preset=None, config=None)
    outcome = session.start([str(corpus)], chosen)
    assert outcome.version.folder == tmp_path / "there" / "models" / "sea" / "1"
    assert not home.models_folder().exists()
    assert not home.training_folder().exists()


def test_bits_are_per_character_whatever_a_token_is(start):
    outcome = start(max_steps=4, tokenizer="word:min_count=1")
    nats, bits = outcome.record["validation_loss"], outcome.record["bits_per_character"]
    assert bits < nats / np.log(2) / 2  # a word and the space before it are more than two characters


def test_the_model_card_says_what_it_is_and_on_what_it_was_trained(start):
    card = (start(max_steps=2).version.folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: seqgen\n")
    assert "# sea\n" in card
    assert "architecture `lstm`, 1 x 8 units, over 14 tokens of the tokenizer `char`" in card
    assert "seqgen generate --model sea" in card
    assert re.search(r"\| bits per character \| \d\.\d{3} \|", card)
    assert "| training steps | 2 |" in card
    assert re.search(r"`sea\.txt`; 1,170 characters; fingerprint `[0-9a-f]{64}`", card)
    assert re.search(r"seqgen train sea\.txt .*--hidden-size 8 .*--max-steps 2 .*--name sea\n", card)


def test_what_the_model_wrote_is_kept_and_changes_nothing_else(start):
    def samples(folder, *, seconds):
        assert seconds == 1  # of a run this short
        return SavedSamples(("The sea", "is wide"), 0, ("Temperature(temperature=0.8)",), "7c")

    plain, sampled = start(max_steps=6), start(max_steps=6, samples=samples)
    assert SavedSamples.read(sampled.version.folder / "samples.json", where="") == samples(None, seconds=1)
    assert "```text\nThe sea\n```" in (sampled.version.folder / "README.md").read_text()
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (plain.version.folder / name).read_bytes() == (sampled.version.folder / name).read_bytes()
    assert faults(sampled.version.folder, where="") == []


@pytest.mark.parametrize(
    "error", [RuntimeError("out of ink"), CancelledError("out of ink"), KeyboardInterrupt()], ids=repr
)
def test_a_model_that_cannot_write_samples_is_published_all_the_same(start, error):
    def samples(folder, *, seconds):
        raise error

    reporter = Reporter()
    outcome = start(max_steps=2, samples=samples, reporter=reporter)
    assert not (outcome.version.folder / "samples.json").exists()
    assert faults(outcome.version.folder, where="") == []
    assert [line for line in reporter.told if "No samples" in line] == [
        "warning: No samples are kept with the model" + (f": {type(error).__name__}: out of ink" if str(error) else ".")
    ]


def test_a_model_that_went_on_from_another_names_it(start, seqgen_home, corpus):
    first = start(max_steps=2)
    second = seqgen.train(corpus, from_model="sea", max_steps=2, backend="torch", progress=False)
    assert second.saved.manifest["parent"] == str(first.version) == "sea:1"
    assert second.saved.manifest["parent_sha256"] == first.version.identity()
    assert second.reference == "sea:2"
    assert second.saved.config.origins["hidden_size"] == "model sea:1"


def test_a_model_that_goes_on_from_another_keeps_what_its_biases_began_with(start, corpus):
    start(max_steps=2)
    again = {"from_model": "sea", "max_steps": 2, "backend": "torch", "progress": False}
    config = seqgen.train(corpus, **again).saved.config
    assert (config.training["output_bias"], config.origins["output_bias"]) == ("frequencies", "model sea:1")
    assert seqgen.train(corpus, **again, output_bias="frequencies").reference == "sea:3"
    with pytest.raises(OptionError, match=r"output_bias is zero\b.*but sea:3 was made with frequencies"):
        seqgen.train(corpus, **again, output_bias="zero")


def test_with_which_loss_a_run_begins_is_known_of_fresh_weights_alone(start, corpus, monkeypatch):
    known = []

    def watched(options, entropy, fresh_loss, ratio):
        known.append((entropy, fresh_loss))
        return Diagnosis(options, entropy, fresh_loss, ratio)

    monkeypatch.setattr("seqgen.training.session.Diagnosis", watched)
    start(max_steps=2, output_bias="frequencies")
    seqgen.train(corpus, from_model="sea", max_steps=2, backend="torch", progress=False)
    (entropy, fresh), (_, of_parent) = known
    assert entropy < fresh < 2 * entropy
    assert of_parent == math.inf


def test_patience_needs_something_to_measure_on(start):
    with pytest.raises(OptionError, match="patience counts evaluations on held-out text"):
        start(max_steps=2, patience=3, validation_fraction=0.0)


def test_of_a_run_that_ended_nothing_is_left(start):
    start(max_steps=2)
    assert unfinished() == []


def test_a_corpus_may_come_from_standard_input_and_is_gone_on_with(start, resume, corpus, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(corpus.read_bytes())))
    outcome = start(sources=["-"], reporter=Reporter(signal_at=1), max_steps=20)
    assert str(outcome.version) == "model:1"
    resumed = resume()
    assert resumed.record["steps"] == 20
    manifest = resumed.version.open().manifest
    assert Path(manifest["corpus"]["sources"][0]).read_bytes() == corpus.read_bytes()


def test_an_interrupted_run_is_published_and_can_be_gone_on_with(start, resume):
    whole = start(max_steps=12, eval_every=4, dropout=0.3)
    reporter = Reporter(signal_at=1)
    outcome = start(reporter=reporter, max_steps=12, eval_every=4, dropout=0.3)
    assert (outcome.record["steps"], outcome.record["interrupted"]) == (5, True)
    assert outcome.signal_number == signal.SIGTERM
    said = [line for line in reporter.told if not line.startswith("n-grams")]
    assert said[-2:] == [
        "SIGTERM: finishing this step and saving ...",
        "Saved as sea:2.  To go on: seqgen train --resume sea",
    ]
    assert unfinished() == ["sea/1"]
    reporter = Reporter()
    resumed = resume(reporter=reporter)
    assert "resume   sea at step 5" in reporter.told
    assert (str(resumed.version), resumed.record["steps"]) == ("sea:3", 12)
    assert unfinished() == []
    shapes = canonical_shapes(resumed.version.open().config.model)
    expected, weights = (
        read_weights(each.version.folder / "model.safetensors", shapes, where="") for each in (whole, resumed)
    )
    assert all(np.array_equal(weights[name], expected[name]) for name in shapes)


def test_a_signal_that_comes_in_the_last_evaluation_finds_all_of_it_saved(start, resume):
    reporter = Reporter(signal_at=3)
    outcome = start(reporter=reporter, max_steps=12, eval_every=4, ngram_order=0)
    assert (outcome.record["steps"], outcome.signal_number) == (12, signal.SIGTERM)
    assert reporter.told[-1] == "Saved as sea:1.  To go on: seqgen train --resume sea"
    reporter = Reporter()
    assert str(resume(reporter=reporter).version) == "sea:2"
    assert "resume   sea at step 12" in reporter.told


@pytest.mark.parametrize("error", [RuntimeError, CancelledError])
def test_a_run_that_an_error_ends_says_how_to_go_on(start, resume, monkeypatch, error):
    train_step = TorchModel.train_step

    def fail_at_last(self, batch, learning_rate):
        if learning_rate < 0.0015:  # of 0.008 at its highest
            raise error("the device is lost")
        return train_step(self, batch, learning_rate)

    options = {"max_steps": 12, "warmup_steps": 0, "checkpoint_every": 1e-6, "dropout": 0.3}
    whole, reporter = start(**options), Reporter()
    with monkeypatch.context() as patch, pytest.raises(error, match="lost"):
        patch.setattr(TorchModel, "train_step", fail_at_last)
        start(**options, reporter=reporter)
    told = re.fullmatch(
        r"warning: Training was broken off\.  The checkpoint of step (\d+) is kept\.  To go on: seqgen train --resume sea",
        reporter.told[-1],
    )
    assert 0 < int(told[1]) < 12
    resumed = resume()
    weights = [(each.version.folder / "model.safetensors").read_bytes() for each in (whole, resumed)]
    assert weights[0] == weights[1]


def out_of_memory_from(step, monkeypatch):
    train_step = TorchModel.train_step
    calls = itertools.count(1)

    def failing(self, batch, learning_rate):
        if next(calls) >= step:
            raise RuntimeError("CUDA out of memory")
        return train_step(self, batch, learning_rate)

    monkeypatch.setattr(TorchModel, "train_step", failing)


@pytest.mark.parametrize(("eval_every", "published"), [(2, ["sea:1"]), (100, [])])
def test_a_run_whose_device_was_full_for_a_moment_can_be_gone_on_with(
    start, resume, monkeypatch, eval_every, published
):
    options = {"max_steps": 12, "checkpoint_every": 1e-6, "dropout": 0.3, "eval_every": eval_every, "ngram_order": 0}
    with monkeypatch.context() as patch, pytest.raises(TrainingError) as error:
        out_of_memory_from(8, patch)
        start(**options)
    assert str(error.value).startswith("There is not enough memory for a step of training.")
    assert str(error.value).endswith("The checkpoint of step 7 is kept.  To go on: seqgen train --resume sea")
    assert [str(version) for version in Registry(home.models_folder()).versions("sea")] == published
    resumed, whole = resume(), start(**options)
    weights = [(each.version.folder / "model.safetensors").read_bytes() for each in (resumed, whole)]
    assert weights[0] == weights[1]


def test_what_is_published_of_a_run_that_failed_says_so(start, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(TrainingError):
        out_of_memory_from(8, patch)
        start(max_steps=12, eval_every=2, ngram_order=0)
    saved = seqgen.load("sea:1").saved
    assert (saved.manifest["results"]["failed"], saved.manifest["results"]["steps"]) == (True, 7)
    again = reproduction(saved.config, saved.manifest)
    assert again.options["max_steps"] == 7
    assert [note[:24] for note in again.notes] == ["It failed after 7 steps,"]
    assert start(max_steps=12, ngram_order=0).record["failed"] is False


@pytest.mark.parametrize("name", ["sea", None])
def test_a_run_that_never_got_the_weights_of_its_parent_does_not_stand_in_the_way(start, resume, monkeypatch, name):
    start(reporter=Reporter(signal_at=1), max_steps=12, eval_every=2)

    class Killed(BaseException):
        """As far as a test can kill the process that it runs in."""

    class Adopting(Callback):
        def on_start(self, config, folder):
            (folder / "run.json").write_text(
                (folder / "run.json").read_text().replace('"parent": null', '"parent": "sea:1"')
            )

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("seqgen.training.session.interruption", killed)  # which comes next
        start(max_steps=12, callbacks=[Adopting()])
    with pytest.raises(UsageError, match="ended before its weights were saved"):
        resume(name)
    assert resume(name).record["steps"] == 12


def test_who_leaves_before_training_begins_leaves_nothing(start, resume):
    class Asking(Callback):
        def on_start(self, config, folder):
            raise KeyboardInterrupt

    start(reporter=Reporter(signal_at=1), max_steps=12, eval_every=2)
    reporter = Reporter()
    with pytest.raises(KeyboardInterrupt):
        start(max_steps=12, callbacks=[Asking()], reporter=reporter)
    assert reporter.told[-1] == "warning: Left before training began."
    assert resume().record["steps"] == 12  # the run before


def test_where_nobody_looks_nothing_is_written_to_be_shown(seqgen_home, corpus, monkeypatch):
    written = []
    monkeypatch.setattr("seqgen.api._sampling", lambda _: lambda *_: written.append("a sample") or "")
    seqgen.train(corpus, progress=False, name="quiet", **TINY, max_steps=2)
    seqgen.train(corpus, name="shown", **TINY, max_steps=2)
    assert written == ["a sample"]


def test_where_the_disk_takes_the_model_but_no_checkpoint_an_older_one_is_named(start):
    weights = 4 * start(max_steps=2).record["parameters"]
    before, reporter = resource.getrlimit(resource.RLIMIT_FSIZE), Reporter(signal_at=1)
    # Files may grow to half as much again: the weights fit, the state of the optimiser does not.
    resource.setrlimit(resource.RLIMIT_FSIZE, (weights * 3 // 2, before[1]))
    try:
        start(max_steps=12, eval_every=4, ngram_order=0, reporter=reporter)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (failed,) = (line for line in reporter.told if "There is no checkpoint now" in line)
    assert failed.endswith("File too large.")  # and not that training goes on
    assert reporter.told[-1] == "Saved as sea:2.  There is no checkpoint yet.  To go on: seqgen train --resume sea"


def test_a_run_that_was_left_at_once_can_be_gone_on_with_while_its_exception_is_still_there(start, resume):
    class Leaving(Callback):
        def on_metrics(self, metrics):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as kept:
        start(max_steps=4, eval_every=2, callbacks=[Leaving()])
    assert str(resume().version) == "sea:1"
    assert kept.tb is not None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("no state"), CancelledError()], ids=repr)
def test_what_was_trained_is_kept_where_publishing_is_broken_off_or_fails(start, resume, monkeypatch, error):
    def publish(*_):
        raise error

    reporter = Reporter()
    with monkeypatch.context() as patch, pytest.raises(type(error)):
        patch.setattr("seqgen.training.session.publish", publish)
        start(reporter=reporter, max_steps=3, ngram_order=0)
    assert reporter.told[-1] == (
        "warning: Publishing was broken off.  The checkpoint of step 3 is kept.  To go on: seqgen train --resume sea"
    )
    resumed = resume()
    assert (str(resumed.version), resumed.record["steps"]) == ("sea:1", 3)


@pytest.mark.parametrize("error", [OutputError("The disk is full."), KeyboardInterrupt])
def test_a_run_that_was_ended_between_evaluations_and_then_not_published_goes_on_as_if_it_had_not_been(
    start, resume, monkeypatch, error
):
    options = {"max_steps": 24, "eval_every": 7, "patience": 1, "learning_rate": 0.3, "ngram_order": 0}
    whole = start(**options)
    step = TorchModel.train_step
    steps = itertools.count(1)

    def interrupted(model, batch, learning_rate):
        if next(steps) == 8:
            signal.raise_signal(signal.SIGTERM)
        return step(model, batch, learning_rate)

    def publish(*_):
        raise error

    with monkeypatch.context() as patch, pytest.raises((OutputError, KeyboardInterrupt)):
        patch.setattr(TorchModel, "train_step", interrupted)
        patch.setattr("seqgen.training.session.publish", publish)
        start(**options)
    resumed = resume()
    for figure in ("steps", "best_step", "validation_loss"):
        assert resumed.record[figure] == whole.record[figure]


def test_a_run_whose_end_callbacks_have_no_time_to_hear_of_is_over_all_the_same(start):
    class Uploading(Callback):
        def on_end(self, summary):
            raise KeyboardInterrupt

    class Following(Callback):
        told = ""

        def on_failure(self, reason):
            self.told = reason

    reporter, following = Reporter(), Following()
    with pytest.raises(KeyboardInterrupt):
        start(max_steps=3, reporter=reporter, callbacks=[Uploading(), following])
    assert following.told == ""  # there is a model
    assert reporter.told[-1] == "warning: Saved as sea:1.  What callbacks do at the end was broken off."
    assert unfinished() == []


def test_a_framework_without_a_version_is_no_obstacle(start, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)  # as where its import is forbidden
    versions = start(max_steps=1, ngram_order=0).version.open().manifest["versions"]
    assert {"torch", "numpy", "safetensors"} < versions.keys()
    assert "jax" not in versions


def test_a_budget_that_a_killed_run_has_used_up_before_anything_was_measured_is_measured_then(
    start, resume, monkeypatch
):
    save = Run.save

    def killed(run, trainer):
        save(run, trainer)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Run, "save", killed)
        start(max_steps=12, eval_every=12, checkpoint_every=1e-9)
    outcome = resume(max_steps=1)
    assert (outcome.record["steps"], outcome.record["best_step"]) == (1, 1)
    assert outcome.record["validation_loss"] < np.log(outcome.version.open().config.model.vocab_size)


def test_a_step_is_measured_once_also_where_a_run_ended_before_its_first_evaluation_has_no_more(
    start, resume, monkeypatch
):
    step = TorchModel.train_step
    steps = itertools.count(1)

    def interrupted(model, batch, learning_rate):
        if next(steps) == 3:
            signal.raise_signal(signal.SIGTERM)
        return step(model, batch, learning_rate)

    with monkeypatch.context() as patch:
        patch.setattr(TorchModel, "train_step", interrupted)
        start(max_steps=20, eval_every=10)
    (line,) = (resume(max_steps=3).version.folder / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 3


def test_another_budget_holds_until_it_is_changed_again(start, resume):
    start(reporter=Reporter(signal_at=1), max_steps=12, eval_every=2)
    resume(reporter=Reporter(signal_at=2), max_steps=30)
    resumed = resume()
    assert resumed.record["steps"] == 30
    assert resumed.version.open().config.origins["max_steps"] == "resume"


def test_a_run_that_diverges_keeps_its_best_weights(start, resume):
    with pytest.raises(TrainingError) as error:
        # In 10**36 updates the rate would rise to all that float32 holds; in 50 it rises through whatever is too high.
        start(max_steps=50, eval_every=1, learning_rate=3e38, warmup_steps=10**36, lr_schedule="constant")
    sentence, kept = str(error.value).splitlines()
    assert re.match(r"The loss is not a number any more after step \d+: training diverged.  Try a lower rate", sentence)
    assert kept == "The best weights before that are kept as sea:1."
    results = seqgen.load("sea:1").saved.manifest["results"]
    assert results["best_step"] < results["steps"]
    assert np.isfinite(results["validation_loss"])
    assert unfinished() == []  # it would diverge again


def test_what_no_folder_of_seqgen_takes_lies_elsewhere_and_can_be_taken_in_from_there(start, seqgen_home, monkeypatch):
    def refuse(*_, **__):
        raise OutputError("The disk is full.")

    publish = Registry.publish
    monkeypatch.setattr(Run, "save", refuse)
    monkeypatch.setattr(
        Registry,
        "publish",
        lambda self, *given, **how: (refuse if self.folder == home.models_folder() else publish)(self, *given, **how),
    )
    with pytest.raises(OutputError) as error:
        start(max_steps=2)
    problem, rescued = str(error.value).splitlines()
    found = re.fullmatch(
        r"There is no checkpoint yet\.  The model as it is now: (\S+)\.  Once it can be written: seqgen models import \1 --name sea",
        rescued,
    )
    assert problem == "The disk is full."
    elsewhere = Path(found[1])
    try:
        assert seqgen.load(elsewhere).generate("the", length=5)
    finally:
        shutil.rmtree(elsewhere.parents[1])


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        (
            {"batching": "windows", "seq_len": 120},
            CorpusError,
            "needs 121.  It is what is held out.  Take more text, a larger --validation-fraction, or --seq-len 116 or less",
        ),
        ({"tie_embeddings": True}, OptionError, "tie_embeddings needs embedding_size"),
        ({"architecture": "transformer"}, OptionError, 'Backend "torch" has no architecture "transformer"'),
        ({"device": "abacus"}, OptionError, 'no device "abacus"'),
        ({"backend": "numpy"}, OptionError, "generates but does not train"),
    ],
)
def test_of_a_run_that_cannot_start_nothing_is_left(start, options, error, sentence):
    with pytest.raises(error, match=sentence):
        start(max_steps=1, **options)
    assert unfinished() == []


def test_without_a_validation_part_the_training_loss_is_told(start):
    record = start(max_steps=4, validation_fraction=0.0).record
    assert record["validation_loss"] is None
    assert record["bits_per_character"] == pytest.approx(record["train_loss"] / np.log(2))


def rows_of(path):
    return [*csv.DictReader(path.read_text().splitlines())]


def test_a_callback_follows_a_run(start, tmp_path):
    path = tmp_path / "log.csv"
    start(max_steps=4, eval_every=2, log_to=[f"csv:path={path}"])
    rows = rows_of(path)
    assert [row["step"] for row in rows] == ["2", "4"]
    assert [name for name in rows[0] if name in FIGURES] == [*FIGURES]


def test_a_callback_that_fails_is_told_once_and_left_out(start, tmp_path):
    reporter = Reporter()
    log_to = [f"csv:path={tmp_path}/none/log.csv", f"csv:path={tmp_path}/log.csv"]
    outcome = start(max_steps=6, eval_every=2, log_to=log_to, reporter=reporter)
    assert outcome.record["steps"] == 6
    warnings = [text for text in reporter.told if text.startswith("warning")]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"warning: --log-to {log_to[0]} failed and is left out: FileNotFoundError")
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4


def test_a_callback_goes_on_after_an_interruption(start, resume, tmp_path):
    path = tmp_path / "log.csv"
    start(max_steps=6, eval_every=2, log_to=[f"csv:path={path}"], reporter=Reporter(signal_at=1))
    resume()
    assert [row["step"] for row in rows_of(path)] == ["2", "3", "4", "6"]


def test_the_run_is_told_in_a_few_words(start):
    reporter = Reporter()
    start(reporter=reporter, max_steps=1, batch_size=4000)
    assert reporter.told[0].startswith("corpus   1,053 training tokens, 14 different, to be read 1.0 times: chose ")
    assert reporter.told[1] == "corpus   small, so batch_size is 131 and not 4000"
    assert re.fullmatch(r"model    sea: lstm 1 x 8, [\d,]+ parameters, torch on cpu, float32", reporter.told[2])


@pytest.mark.parametrize(
    ("text", "documents"), [("The sea is wide.  " * 20, "1 document"), ("The sea\nis wide\nand\nblue\n", "4 documents")]
)
def test_fewer_documents_than_a_batch_has_are_not_called_a_small_corpus(start, tmp_path, text, documents):
    (tmp_path / "lines.txt").write_text(text)
    reporter = Reporter()
    sources, how = [str(tmp_path / "lines.txt")], {"dataset": "lines", "batching": "documents", "batch_size": 8}
    start(sources=sources, **how, reporter=reporter, max_steps=1, ngram_order=0)
    assert reporter.told[1] == (
        f"corpus   of {documents} to train on, so batch_size is {documents[0]} and not 8; of a long one, --batching stream "
        "reads several places at once"
    )


def warnings_of(reporter):
    return [sentence for sentence in reporter.told if sentence.startswith("warning: ")]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"hidden_size": 32, "learning_rate": 0.02, "dropout": 0.0, "max_steps": 600},
            r"Since step [\d,]+ the validation loss has risen .*: the model learns its corpus by heart\.",
        ),
        (
            {
                "learning_rate": 3.0,
                "warmup_steps": 300,
                "lr_schedule": "constant",
                "max_steps": 300,
                "weight_average": 0.0,
                "dropout": 0.5,
                "output_bias": "zero",
                "random_seed": 5,
            },
            r"The training loss has risen from \d.* to \d.*: training may be about to diverge\.  Try --learning-rate 0.75",
        ),
        (
            {"learning_rate": 100.0, "warmup_steps": 0, "max_steps": 260, "eval_every": 130},
            r"The training loss has risen from 3\.\d\d\d to \d.* by step 130: training may be about to diverge\.",
        ),
        (
            {"learning_rate": 1e-7, "max_steps": 400},
            r"The training loss is where it was, \d.*: the learning rate of 1e-07 may be too low\.",
        ),
    ],
    ids=["overfitting", "divergence", "divergence at once", "dead learning rate"],
)
def test_what_goes_wrong_in_a_run_is_said_once(start, tmp_path, options, sentence):
    letters = np.random.default_rng(0).choice(list("abcdefgh "), 1500)  # nothing in it can be learned but by heart
    path = tmp_path / "letters.txt"
    path.write_text("".join(letters))
    reporter = Reporter()
    start(reporter=reporter, sources=[str(path)], **options)
    (warning,) = warnings_of(reporter)
    assert re.match(f"warning: {sentence}", warning), warning


def test_what_was_said_of_a_run_is_not_said_again_when_it_goes_on(start, resume):
    options = {"learning_rate": 1e-7, "max_steps": 400}
    first, second = Reporter(signal_at=12), Reporter()
    start(reporter=first, **options)
    resume(reporter=second)
    assert (len(warnings_of(first)), warnings_of(second)) == (1, [])


def test_lines_of_metrics_that_no_run_wrote_are_passed_over_when_it_goes_on(start, resume):
    start(reporter=Reporter(signal_at=1), max_steps=6, eval_every=2)
    with (home.training_folder() / "sea" / "1" / "metrics.jsonl").open("a") as file:
        for figures in (
            "",
            ', "progress": 1, "train_loss": "x", "validation_loss": 2',
            ', "progress": 1, "train_loss": NaN',
        ):
            file.write(f'{{"step": 1{figures}}}\n')
    assert resume().record["steps"] == 6


def test_a_corpus_of_very_many_named_files_makes_a_model_that_can_be_read(start, tmp_path, monkeypatch):
    monkeypatch.setattr("seqgen.training.publish.SOURCES", 20)
    files = []
    for number in range(50):
        files.append(str(tmp_path / f"{number}.txt"))
        (tmp_path / f"{number}.txt").write_text(f"The sea is wide, {number} miles.  ")
    outcome = start(max_steps=2, sources=files)
    corpus = outcome.version.open().manifest["corpus"]
    assert corpus["sources"] == files[:20]
    assert (corpus["sources_left_out"], corpus["documents"]) == (30, 50)


@pytest.mark.parametrize("limit", [{"max_steps": 12}, {"epochs": 0.5}])
def test_limits_that_nobody_set_do_not_hold_where_steps_or_passes_are_counted_from_now_on(start, resume, limit):
    begun = start(reporter=Reporter(signal_at=1), eval_every=2)
    assert (begun.record["training"]["max_time"], begun.record["training"]["epochs"]) == (180.0, 50.0)
    resumed = resume(**limit)
    none = dict.fromkeys(("max_time", "epochs", "max_steps"))
    assert {name: resumed.record["training"][name] for name in none} == none | limit


def test_limits_that_nobody_set_stay_where_there_is_more_time(start, resume):
    start(reporter=Reporter(signal_at=1), eval_every=2)
    resumed = resume(max_time=0.5, reporter=Reporter(signal_at=1))
    assert (resumed.record["training"]["max_time"], resumed.record["training"]["epochs"]) == (0.5, 50.0)


def test_a_limit_can_be_taken_away_where_another_is_left(start, resume):
    start(reporter=Reporter(signal_at=1), eval_every=2, max_time=0.5, max_steps=4000)
    resumed = resume(max_time=None, max_steps=12)
    assert (resumed.record["training"]["max_time"], resumed.record["steps"]) == (None, 12)
    start(reporter=Reporter(signal_at=1), eval_every=2, max_steps=12)
    with pytest.raises(
        OptionError, match="Without max_steps nothing ends the run of sea: give one of epochs, max_steps"
    ):
        resume(max_steps=None)
    assert resume().record["steps"] == 12


def test_weights_that_a_backend_does_not_state_are_refused_before_anything_is_trained(start, monkeypatch):
    weights = TorchModel.weights
    monkeypatch.setattr(TorchModel, "weights", lambda self: {**weights(self), "x": np.zeros(3, np.float32)})
    with pytest.raises(PluginError, match='TorchBackend: tensor "x" is unknown.  It must give the weights'):
        start(max_steps=4)
    assert unfinished() == []


def test_a_backend_that_builds_no_model_is_named(start, monkeypatch):
    monkeypatch.setattr(TorchBackend, "build", lambda *_, **__: None)
    with pytest.raises(PluginError, match="TorchBackend.build gives None, but must give a Model"):
        start(max_steps=4)


def test_a_model_that_could_not_be_published_is_told_before_anything_is_trained(start, resume, closed):
    start(reporter=Reporter(signal_at=1), max_steps=12, eval_every=4)
    closed(home.models_folder() / "sea")
    for train in (start, resume):
        reporter = Reporter()
        with pytest.raises(OutputError, match="sea cannot be written: Permission denied"):
            train(reporter=reporter, max_steps=12)
        assert not any(line.startswith("model ") for line in reporter.told)
    assert unfinished() == ["sea/1"]
