"""``seqgen train``: what it makes, and what it says while it does."""

from __future__ import annotations

import csv
import json
import re
import resource
import sys

import pytest

from seqgen.core.options import options_of
from seqgen.registry import Registry
from seqgen.training.options import PRESETS, TrainingOptions

from .conftest import TINY


@pytest.fixture
def train(seqgen, corpus):
    """Train on the small corpus, with options, in a fraction of a second."""

    def run(*options, sources=(corpus,), **more):
        return seqgen("train", *sources, "--backend", "torch", *TINY, *options, **more)

    return run


@pytest.fixture
def trained(train):
    """The record of a training that went well."""

    def run(*options, **more):
        outcome = train(*options, "--json", **more)
        assert outcome.exit_code == 0, outcome.stderr
        return json.loads(outcome.stdout)

    return run


def test_the_record_has_all_that_a_program_may_want(train, seqgen_home):
    outcome = train("--precision", "float32", "--json")
    assert (outcome.exit_code, outcome.stdout.count("\n")) == (0, 1)
    record = json.loads(outcome.stdout)
    assert {key: record[key] for key in ("model", "version", "path", "steps", "tokens", "backend", "precision")} == {
        "model": "novel",
        "version": 1,
        "path": str(seqgen_home / "models" / "novel" / "1"),
        "steps": 6,
        "tokens": 6 * 4 * 16,
        "backend": "torch",
        "precision": "float32",
    }
    assert record["epochs"] == pytest.approx(6 / (5400 // (4 * 16)), rel=0.02)
    for key in ("seconds", "tokens_per_second", "characters_per_second", "train_loss", "validation_loss"):
        assert record[key] > 0, key
    assert 0 < record["bits_per_character"] == pytest.approx(record["validation_loss"] / 0.6931, rel=1e-3)
    assert record["parameters"] > 1000
    assert record["device"] == "cpu"
    assert record["interrupted"] is False
    assert record["training"].keys() == {option.name for option in options_of(TrainingOptions)}
    assert record["training"]["hidden_size"] == 16


def test_without_json_nothing_goes_to_standard_output(train):
    outcome = train()
    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert re.fullmatch(
        r"done     novel:1: \d\.\d{3} bits/character after 6 steps in \d+ s\.  seqgen generate --model novel",
        outcome.stderr.splitlines()[-1],
    )


def test_where_the_best_weights_are_not_the_last_the_end_says_of_which_step_they_are(train, corpus):
    corpus.write_text("abcdefgh" * 150 + "hgfedcba" * 16)  # the more it learns, the worse is it at the end of the text
    options = ("--max-steps", 60, "--eval-every", 5, "--learning-rate", 0.05, "--warmup-steps", 0)
    last = train(*options).stderr.splitlines()[-1]
    figures = r"done     novel:1: \d\.\d{3} bits/character of step (\d+); 60 steps in \d+ s\."
    said = re.fullmatch(figures + "  seqgen generate --model novel", last)
    assert said, last
    assert int(said[1]) < 60


def test_a_loss_of_the_training_text_is_said_to_be_one(train):
    last = train("--validation-fraction", 0).stderr.splitlines()[-1]
    assert re.search(r" \d\.\d{3} bits/character of the training text after 6 steps in \d+ s\.", last)


def test_one_step_is_no_steps(train):
    assert " bits/character after 1 step in " in train("--max-steps", 1).stderr.splitlines()[-1]


@pytest.mark.filterwarnings("default::seqgen.core.errors.SeqgenWarning")
def test_a_variable_whose_name_is_misspelt_is_told_once(train, monkeypatch):
    monkeypatch.setenv("SEQGEN_DROPUOT", "0.5")
    outcome = train("-q")
    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert outcome.stderr == "warning: SEQGEN_DROPUOT in the environment sets nothing.  Nearest: SEQGEN_DROPOUT\n"


def test_what_was_trained_generates(train, seqgen):
    train()
    assert seqgen("generate", "--seed", "the ice", "--length", 5).exit_code == 0


def test_without_a_terminal_progress_is_plain_lines(train):
    lines = train("--precision", "float32").stderr.splitlines()
    assert lines[0].startswith("corpus   5,400 training tokens, ")
    assert re.fullmatch(r"model    novel: lstm 1 x 16, [\d,]+ parameters, torch on cpu, float32", lines[1])
    figures = [line for line in lines if "characters/s" in line]
    assert len(figures) in (2, 3)  # the first, and the last; and one more where a machine stands still for ten seconds
    for line in figures:
        assert re.fullmatch(
            r" *\d+%  step \d  epoch 0\.\d\d  train \d\.\d{3}  validation (\d\.\d{3}|-) bits/character  "
            r"[1-9][\d,]* characters/s  learning rate \d\.\d\de-\d\d  \d+:\d\d left",
            line,
        ), line
    assert figures[-1].startswith("100%  step 6 ")
    samples = [line for line in lines if line.startswith("sample: ")]
    assert len(samples) in (2, 3)
    assert len(samples[-1]) > 50
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", "\n".join(lines))
    assert "⠒⠒ training" not in "\n".join(lines)


def test_in_a_terminal_a_live_display_shows_everything_in_80_columns(terminal, corpus):
    shown = terminal("train", corpus, "--backend", "torch", *TINY, "--max-steps", 30)
    assert shown.exit_code == 0
    assert "\x1b[?25l" in shown.stdout  # the cursor is hidden while the display is redrawn
    assert "\x1b[?25h" in shown.stdout
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.stdout)
    last = plain[plain.rindex("━") :]
    assert re.match(r"━ 100% +0:00 left +[1-9][\d,]* characters/s +step 30 +epoch 0\.\d", last), last
    assert re.search(r"train \d\.\d{3}  validation \d\.\d{3} bits/character  learning rate \d\.\de-\d\d", last)
    curve = plain[plain.rindex("bits/character  ⠒⠒ training  ● validation") : plain.rindex("━")].splitlines()
    assert [bool(re.match(r"\d\.\d\d ┤| {4} │", line)) for line in curve[1:7]] == [True] * 6
    assert "●" in "".join(curve[1:7])
    sample = last.splitlines()[2]
    assert len(sample) > 40
    assert last.splitlines()[-1] == "         seqgen generate --model novel"
    assert max(len(line) for line in re.split(r"[\r\n]+", plain)) <= 80


def test_quiet_says_nothing(train):
    outcome = train("--quiet")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "", "")
    assert json.loads(train("-q", "--json").stdout)["version"] == 2


def test_two_trainings_are_two_versions(train, trained):
    assert [trained()["version"], trained()["version"]] == [1, 2]


def test_the_same_random_seed_trains_the_same_model(trained):
    losses = [trained("--random-seed", random_seed)["validation_loss"] for random_seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_the_model_is_called_after_the_corpus_or_as_one_likes(trained, tmp_path, corpus):
    assert trained()["model"] == "novel"
    assert trained("--name", "a-book_2.0")["model"] == "a-book_2.0"
    odd = tmp_path / "Der Große Eisberg (2).txt"
    odd.write_bytes(corpus.read_bytes())
    assert trained(sources=(odd,))["model"] == "Der-Gro-e-Eisberg-2"


def test_without_a_corpus_it_trains_on_the_bundled_one(trained):
    record = trained("--max-steps", 1, sources=())
    assert record["model"] == "ice"
    assert record["training"]["dataset"] == "text"


def test_a_corpus_may_be_named_and_brings_its_dataset(trained):
    record = trained("--max-steps", 1, sources=("names",))
    assert record["model"] == "names"
    assert (record["training"]["dataset"], record["training"]["batching"]) == ("lines", "documents")
    assert trained("--max-steps", 1, "--dataset", "text", sources=("names",))["training"]["dataset"] == "text"


def test_a_corpus_may_be_several_files_a_folder_a_glob_or_standard_input(trained, tmp_path, corpus):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in ("one.txt", "two.txt"):
        (folder / name).write_bytes(corpus.read_bytes())
    losses = {
        trained(sources=sources)["validation_loss"]
        for sources in [(folder,), (f"{folder}/*.txt",), (folder / "one.txt", folder / "two.txt")]
    }
    assert len(losses) == 1
    from_stdin = trained("--name", "stdin", sources=("-",), stdin=corpus.read_bytes())
    assert from_stdin["validation_loss"] == trained()["validation_loss"]


@pytest.mark.parametrize(
    ("options", "reached"),
    [
        (("--max-steps", 5, "--epochs", 9, "--max-time", "1h"), lambda record: record["steps"] == 5),
        (("--max-steps", 1000000, "--epochs", 0.1), lambda record: 0.09 < record["epochs"] < 0.11),
        (
            ("--max-steps", 1000000, "--max-time", "0.3s"),
            lambda record: record["seconds"] >= 0.3 and record["steps"] < 1000000,
        ),
        (
            ("--max-steps", 1000000, "--patience", 2, "--eval-every", 1, "--learning-rate", 1e-30),
            lambda record: record["steps"] == record["best_step"] + 2,
        ),
    ],
    ids=["steps", "epochs", "time", "patience"],
)
def test_the_budget_that_is_reached_first_ends_it(trained, options, reached):
    record = trained(*options)
    assert reached(record), record


def test_without_a_validation_part_the_training_loss_stands_in(trained, train):
    record = trained("--validation-fraction", 0)
    assert record["validation_loss"] is None
    assert record["bits_per_character"] == pytest.approx(record["train_loss"] / 0.6931, rel=1e-3)


def test_a_preset_sets_several_options_and_others_still_win(seqgen, corpus):
    options = ("--preset", "tutorial", "--hidden-size", 16, "--dropout", 0.1, "--max-steps", 1, "--batch-size", 4)
    outcome = seqgen("train", corpus, "--backend", "torch", *options, "--validation-fraction", 0, "--json")
    options = json.loads(outcome.stdout)["training"]
    assert {key: options[key] for key in ("input_encoding", "batching", "tokenizer", "dropout", "hidden_size")} == {
        "input_encoding": "scalar",
        "batching": "windows",
        "tokenizer": "char:lowercase=true",
        "dropout": 0.1,
        "hidden_size": 16,
    }


@pytest.mark.parametrize(
    "preset", [pytest.param(preset, marks=[pytest.mark.slow] * (preset == "large")) for preset in PRESETS]
)
def test_every_preset_trains(seqgen, corpus, preset):
    options = ("--preset", preset, "--max-steps", 1, "--batch-size", 2, "--validation-fraction", 0)
    assert seqgen("train", corpus, "--backend", "torch", *options, "-q").exit_code == 0


def test_options_follow_the_command_line_the_environment_a_file_and_a_preset(trained, tmp_path, monkeypatch):
    (tmp_path / "train.toml").write_text('preset = "small"\ndropout = 0.4\nweight-decay = 0.2\ngrad_clip = 0.5\n')
    monkeypatch.setenv("SEQGEN_WEIGHT_DECAY", "0.3")
    monkeypatch.setenv("SEQGEN_GRAD_CLIP", "0.7")
    options = trained("--config", "train.toml", "--grad-clip", 0.9)["training"]
    assert (options["grad_clip"], options["weight_decay"], options["dropout"]) == (0.9, 0.3, 0.4)
    assert options["learning_rate"] == PRESETS["small"]["learning_rate"]


def test_a_flag_that_a_file_sets_can_be_taken_back(trained, tmp_path):
    (tmp_path / "train.toml").write_text("tie_embeddings = true\n")
    options = ("--config", "train.toml", "--embedding-size", 16)
    assert trained(*options)["training"]["tie_embeddings"] is True
    assert trained(*options, "--no-tie-embeddings")["training"]["tie_embeddings"] is False


def test_metrics_go_to_a_csv_file_too(train, tmp_path):
    outcome = train("--log-to", "csv:path=metrics.csv", "--eval-every", 2)
    assert outcome.exit_code == 0
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [2, 4, 6]
    assert all(float(row["validation_loss"]) > 0 for row in rows)


def test_a_callback_that_fails_is_told_once_and_the_run_goes_on(train, seqgen_home):
    for quiet in ((), ("--quiet",)):
        outcome = train("--log-to", "csv:path=/nowhere/metrics.csv", "--eval-every", 1, *quiet)
        assert outcome.exit_code == 0
        assert outcome.stderr.count("warning: ") == 1
        assert (
            "warning: --log-to csv:path=/nowhere/metrics.csv failed and is left out: FileNotFoundError"
            in outcome.stderr
        )
    assert (seqgen_home / "models" / "novel" / "2").is_dir()


def test_from_a_model_training_goes_on_from_its_weights(novel, trained, seqgen):
    parent = json.loads((novel / "manifest.json").read_text())
    options = ("--learning-rate", 1e-6, "--max-steps", 1, "--warmup-steps", 0, "--ngram-order", 7)
    record = trained("--from", "novel:1", *options)
    assert record["version"] == 2
    assert record["validation_loss"] == pytest.approx(parent["results"]["validation_loss"], rel=0.02)
    shown = json.loads(seqgen("models", "show", "--json").stdout)
    assert shown["manifest"]["parent"] == "novel:1"
    assert shown["config"]["origins"]["num_layers"] == "model novel:1"


def test_from_a_model_its_shape_cannot_change(novel, train):
    outcome = train("--from", "novel", "--hidden-size", 32)
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert outcome.stderr == (
        "error: hidden_size is 32, but novel:1 was made with 16.  Leave it out to go on from novel:1\n"
    )


def test_from_a_model_a_shape_that_the_environment_asks_for_is_told_as_that(novel, train, monkeypatch):
    monkeypatch.setenv("SEQGEN_NUM_LAYERS", "2")
    outcome = train("--from", "novel")
    assert outcome.stderr.startswith("error: num_layers is 2 (environment), but novel:1 was made with 1.")


def test_a_corpus_of_another_script_trains_and_generates(trained, seqgen_cli, tmp_path):
    text = "Η θάλασσα ήταν παγωμένη και ο ουρανός λευκός. Кораблі йшли крізь лід. 氷の海を船が行く。🧊\n" * 30
    (tmp_path / "greek.txt").write_text(text, "utf-8")
    assert trained(sources=("greek.txt",))["model"] == "greek"
    result = seqgen_cli("generate", "--seed", "Η θάλασσα 🧊", "--length", 200, env={"LC_ALL": "C", "LANG": "C"})
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Η θάλασσα 🧊")
    assert set(result.stdout) - set(text) <= {"\n"}
    assert len(result.stdout) == len("Η θάλασσα 🧊") + 201


def test_a_reader_of_the_progress_who_leaves_does_not_end_the_run(seqgen, corpus, seqgen_home):
    class Closed:
        def write(self, text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

        def isatty(self):
            return False

    outcome = seqgen("train", corpus, "--backend", "torch", *TINY, "--json", stderr=Closed())
    assert outcome.exit_code == 0
    assert json.loads(outcome.stdout)["steps"] == 6
    assert (seqgen_home / "models" / "novel" / "1").is_dir()


def test_a_registry_that_cannot_be_written_is_told_before_anything_is_trained(train, seqgen_home):
    seqgen_home.mkdir()
    (seqgen_home / "models").write_text("in the way")
    outcome = train()
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.stderr.splitlines()[-1].startswith(f"error: {seqgen_home / 'models'}")
    assert "step" not in outcome.stderr
    assert not list(seqgen_home.glob("training/novel/*"))


def test_a_registry_that_cannot_be_written_any_more_loses_nothing(train, seqgen, seqgen_home, monkeypatch):
    seqgen_home.mkdir()
    (seqgen_home / "models").write_text("in the way")
    monkeypatch.setattr(Registry, "check_writable", lambda *_: None)  # as if it had come in the way only after that
    outcome = train()
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    *_, sentence, advice = outcome.stderr.splitlines()
    assert sentence == f"error: {seqgen_home / 'models'} cannot be written: File exists."
    assert advice == "What was trained is kept.  Once it can be written: seqgen train --resume novel"
    (seqgen_home / "models").unlink()
    record = json.loads(seqgen("train", "--resume", "novel", "--json").stdout)
    assert (record["steps"], record["version"]) == (6, 1)


def test_a_checkpoint_that_the_disk_does_not_take_does_not_end_the_run(train, trained):
    weights = 4 * trained()["parameters"]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Files may grow to half as much again: the weights fit, the state of the optimiser does not.
    resource.setrlimit(resource.RLIMIT_FSIZE, (weights * 3 // 2, before[1]))
    try:
        outcome = train("--checkpoint-every", "0.001s", "--ngram-order", 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert outcome.exit_code == 0
    assert re.search(
        r"^warning: There is no checkpoint now: \S+training_state\.safetensors cannot be written: File too large\.  "
        r"Training goes on\.$",
        outcome.stderr,
        re.MULTILINE,
    )
    assert "done     novel:2" in outcome.stderr


def test_nothing_is_left_of_a_run_that_ended_but_its_model(train, seqgen_home):
    train("--ngram-order", 2)
    assert list((seqgen_home / "training" / "novel").iterdir()) == []
    assert {path.name for path in (seqgen_home / "models" / "novel" / "1").iterdir()} == {
        "README.md",
        "config.json",
        "manifest.json",
        "metrics.jsonl",
        "model.safetensors",
        "ngrams.safetensors",
        "samples.json",
        "tokenizer.json",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names that are not UTF-8")
def test_a_corpus_whose_name_is_no_utf8_is_trained_on_and_named(seqgen, corpus):
    source = corpus.rename(corpus.with_name("caf\udce9.txt"))
    outcome = seqgen("train", source, "--backend", "torch", *TINY, "--name", "novel", "-q")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    (model,) = json.loads(seqgen("models", "list", "--json").stdout)
    assert model["corpus"] == [str(source)]
