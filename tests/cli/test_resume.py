"""``seqgen train --resume``: an interrupted run says how to go on, publishes what it has, and goes on exactly there."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

CORPORA = Path(__file__).parents[2] / "corpora"
TINY = ("--hidden-size", 16, "--embedding-size", 8, "--seq-len", 16, "--batch-size", 4)


class Signalling(io.StringIO):
    """Standard error that sends this process a signal when the first figures of a run are shown."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number: int | None = number

    def write(self, text: str) -> int:
        written = super().write(text)
        if "characters/s" in text and self.number is not None:
            number, self.number = self.number, None
            os.kill(os.getpid(), number)
        return written


@pytest.fixture
def interrupted(seqgen, corpus):
    """A run that a signal ends after its first step; its outcome, with what it said."""

    def run(*options, number=signal.SIGINT, sources=(corpus,)):
        stderr = Signalling(number)
        outcome = seqgen("train", *sources, "--backend", "torch", *TINY, *options, stderr=stderr)
        return outcome, stderr.getvalue()

    return run


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """A training process for each signal, side by side, since each imports a framework; with its folder."""
    started = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        folder = tmp_path_factory.mktemp(number.name)
        shutil.copy(CORPORA / "names.txt", folder / "novel.txt")
        options = map(str, ("--backend", "torch", *TINY, "--max-steps", 1000000, "--json"))
        started[number] = (
            folder,
            subprocess.Popen(
                [sys.executable, "-m", "seqgen", "train", "novel.txt", *options],
                cwd=folder,
                env={**os.environ, "SEQGEN_HOME": str(folder / "home")},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ),
        )
    yield started
    for _, process in started.values():
        with process:
            process.kill()


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
def test_a_process_that_is_interrupted_saves_says_how_to_go_on_and_can(
    seqgen, processes, monkeypatch, number, exit_code
):
    folder, process = processes[number]
    assert any("characters/s" in line for line in process.stderr)  # it reads up to the first figures
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == exit_code
    assert "Traceback" not in stderr
    assert f"{number.name}: finishing this step and saving ..." in stderr
    assert stderr.endswith("Saved as novel:1.  To go on: seqgen train --resume novel\n")
    record = json.loads(stdout)
    assert (record["interrupted"], record["version"]) == (True, 1)

    monkeypatch.setenv("SEQGEN_HOME", str(folder / "home"))
    assert seqgen("generate", "--model", "novel:1", "--length", 5).exit_code == 0
    more = seqgen("train", "--resume", "novel", "--max-steps", record["steps"] + 3, "--json")
    assert more.exit_code == 0
    assert f"resume   novel at step {record['steps']:,}\n" in more.stderr
    assert json.loads(more.stdout)["steps"] == record["steps"] + 3


@pytest.mark.slow  # a process that imports a framework
def test_a_process_that_is_killed_goes_on_from_its_last_checkpoint(seqgen, corpus, tmp_path):
    arguments = map(str, ("train", corpus, "--backend", "torch", *TINY, "--max-steps", 1000000))
    with subprocess.Popen(
        [sys.executable, "-m", "seqgen", *arguments, "--checkpoint-every", "0.01s"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not list(tmp_path.glob("home/training/novel/1/step-*")):
            assert process.poll() is None
        process.kill()
    more = seqgen("train", "--resume", "--max-time", "1s", "--json")
    assert more.exit_code == 0
    assert int(re.search(r"resume   novel at step ([\d,]+)", more.stderr)[1].replace(",", "")) >= 1


def test_an_interrupted_and_resumed_run_ends_where_an_uninterrupted_one_does(seqgen, interrupted, corpus):
    options = ("--max-steps", 12, "--warmup-steps", 2, "--learning-rate", 0.02)
    whole = json.loads(seqgen("train", corpus, "--backend", "torch", *TINY, *options, "--json").stdout)
    outcome, _ = interrupted(*options)
    assert outcome.exit_code == 130
    resumed = json.loads(seqgen("train", "--resume", "--json").stdout)
    assert resumed["steps"] == whole["steps"] == 12
    assert resumed["validation_loss"] == whole["validation_loss"]
    assert (whole["version"], resumed["version"]) == (1, 3)


def test_resume_alone_is_the_newest_run_and_with_a_name_that_one(seqgen, interrupted, seqgen_home):
    for name in ("first", "second"):
        assert interrupted("--name", name, "--max-steps", 1000000)[0].exit_code == 130
    os.utime(seqgen_home / "training" / "first" / "1", (1, 1))
    for arguments, model in [
        (("--resume", "--max-steps", 1), "second"),
        (("--max-steps", 1, "--resume"), "first"),  # the other has ended
    ]:
        assert json.loads(seqgen("train", *arguments, "--json").stdout)["model"] == model
    for name in ("first", "second"):
        interrupted("--name", name, "--max-steps", 1000000)
    for arguments, model in [
        (("--resume", "first", "--max-steps", 1), "first"),
        (("--max-steps", 1, "--resume=second"), "second"),
    ]:
        assert json.loads(seqgen("train", *arguments, "--json").stdout)["model"] == model


def test_a_run_can_be_interrupted_again_and_quietly(seqgen, interrupted):
    interrupted("--max-steps", 1000000)
    stderr = Signalling(signal.SIGTERM)
    assert seqgen("train", "--resume", "--json", stderr=stderr).exit_code == 143
    assert stderr.getvalue().endswith("Saved as novel:2.  To go on: seqgen train --resume novel\n")


def test_quiet_says_how_to_go_on_all_the_same(seqgen, corpus, monkeypatch):
    # Nothing is shown that a signal could follow, so the first evaluation sends it.
    from seqgen.callbacks.csv_log import CsvLog

    once = iter([signal.SIGHUP])
    monkeypatch.setattr(CsvLog, "on_metrics", lambda *_: [signal.raise_signal(number) for number in once])
    options = ("--max-steps", 1000000, "--eval-every", 1, "--log-to", "csv", "--quiet")
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored where the tests run under nohup
    try:
        outcome = seqgen("train", corpus, "--backend", "torch", *TINY, *options)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert outcome.exit_code == 128 + signal.SIGHUP
    assert outcome.stderr == "Saved as novel:1.  To go on: seqgen train --resume novel\n"


def test_a_signal_that_the_process_was_started_to_ignore_stays_ignored(interrupted, monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        outcome, _ = interrupted("--max-steps", 6, number=signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert outcome.exit_code == 0


def test_what_cannot_change_is_refused_by_name(interrupted, refused, corpus, tmp_path):
    interrupted("--max-steps", 1000000)
    (tmp_path / "train.toml").write_text("")
    for options, names in [
        (("--hidden-size", 8), "hidden_size"),
        (("--seq-len", 8, "--tokenizer", "byte"), "tokenizer, seq_len"),
        (("--name", "other"), "name"),
        (("--preset", "small"), "preset"),
        (("--config", "train.toml"), "config"),
        (("--no-deterministic",), "deterministic"),
    ]:
        sentence = refused("train", "--resume", "novel", *options, exit_code=2)
        assert sentence.startswith(f"{names} cannot change on --resume; only epochs, max_steps, max_time, "), options
        assert sentence.endswith("ngram_order and log_to can.  To change more: --from MODEL")
    assert refused("train", corpus, "--resume", exit_code=2).startswith(
        "--resume goes on with the corpus that the run was started on; leave CORPUS out"
    )
    assert refused("train", "--resume", "--max-steps", "few", exit_code=2).startswith("train --resume: ")


def test_there_may_be_nothing_to_go_on_with(refused, seqgen_home):
    training = seqgen_home / "training"
    assert refused("train", "--resume", exit_code=1) == f"There is no unfinished run to go on with ({training})."
    for name in ("novel", "novel:1", "../novel"):
        sentence = f"There is no unfinished run of {name} to go on with ({training})."
        assert refused("train", "--resume", name, exit_code=1) == sentence


def test_of_a_model_that_is_finished_it_says_how_to_train_it_further(seqgen, refused, interrupted, corpus, seqgen_home):
    seqgen("train", corpus, "--backend", "torch", *TINY, "--max-steps", 2, "--ngram-order", 0)
    none = f"There is no unfinished run of {{}} to go on with ({seqgen_home / 'training'})."
    further = "  novel:1 is finished; to train it further: seqgen train --from {}"
    for name in ("novel", "novel:1"):
        assert refused("train", "--resume", name, exit_code=1) == none.format(name) + further.format(name)
    interrupted("--name", "other", "--max-steps", 1000000)
    assert refused("train", "--resume", "novel", exit_code=1) == (
        none.format("novel") + "  Unfinished: other." + further.format("novel")
    )
    assert refused("train", "--resume", "ovel", exit_code=1) == none.format("ovel") + "  Unfinished: other."


def test_the_run_of_a_version_that_it_published_goes_on_and_no_other_version_s(
    seqgen, refused, interrupted, corpus, seqgen_home
):
    interrupted("--max-steps", 1000000)
    seqgen("train", corpus, "--backend", "torch", *TINY, "--max-steps", 2, "--ngram-order", 0)
    assert refused("train", "--resume", "novel@latest", exit_code=2) == (
        "novel:2 is not what the unfinished run of novel published last.  --resume novel goes on with the run of novel; to train "
        "novel:2 further: seqgen train --from novel@latest"
    )
    outcome = seqgen("train", "--resume", seqgen_home / "models" / "novel" / "1", "--max-steps", 1, "--quiet")
    assert outcome.exit_code == 0
    assert not list((seqgen_home / "training" / "novel").glob("[0-9]*"))


def test_a_corpus_that_has_changed_or_gone_is_refused(interrupted, refused, corpus, seqgen_home):
    interrupted("--max-steps", 1000000)
    stores = set((seqgen_home / "tokens").iterdir())
    text = corpus.read_text("utf-8")
    corpus.write_text(text + "more", "utf-8")
    sentence = refused("train", "--resume", exit_code=2)
    assert sentence.startswith(f"The corpus of novel has changed since the run was started ({corpus}).")
    assert set((seqgen_home / "tokens").iterdir()) == stores  # it was not encoded to find that out
    corpus.unlink()
    assert refused("train", "--resume", exit_code=1).startswith(f"{corpus} does not exist.")


@pytest.mark.parametrize("kind", ["dataset", "backend"])
def test_a_part_that_is_not_installed_any_more_is_told_with_what_installs_it(interrupted, refused, seqgen_home, kind):
    interrupted("--max-steps", 1000000)
    path = seqgen_home / "training" / "novel" / "1" / "config.json"
    config = json.loads(path.read_text())
    config["parts"][kind] |= {"name": "waves", "distribution": "seqgen-sea", "version": "1.2"}
    path.write_text(json.dumps(config))
    sentence = refused("train", "--resume", exit_code=1)
    assert f'needs the {kind} "waves" of seqgen-sea 1.2, which is not installed.  pip install seqgen-sea' in sentence


def test_a_callback_that_is_not_installed_any_more_is_told_with_how_the_run_goes_on(
    interrupted, seqgen, refused, seqgen_home
):
    interrupted("--max-steps", 1000000, "--log-to", "csv")
    path = seqgen_home / "training" / "novel" / "1" / "run.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps(about | {"log_to": ["csv", "stop:after=9"]}))
    assert refused("train", "--resume", exit_code=2).splitlines() == [
        'No callback "stop".  All: seqgen list-plugins --kind callback',
        (
            "The run of novel was begun with --log-to csv --log-to stop:after=9.  "
            "To go on with another: seqgen train --resume novel --log-to csv"
        ),
    ]
    assert refused("train", "--resume", "--log-to", "stopp", exit_code=2) == (  # which nobody began it with
        'No callback "stopp".  All: seqgen list-plugins --kind callback'
    )
    assert seqgen("train", "--resume", "novel", "--log-to", "csv", "--max-steps", 1).exit_code == 0


def test_a_run_of_before_some_options_and_counters_goes_on_and_one_with_others_says_how(
    interrupted, seqgen, seqgen_home
):
    interrupted("--max-steps", 1000000)
    run = seqgen_home / "training" / "novel" / "1"
    (counters,) = run.glob("step-*/counters.json")
    config = json.loads((run / "config.json").read_text())
    older = {name: value for name, value in config["training"].items() if name not in ("beta_2", "keep")}
    before = json.dumps(config | {"training": older})
    (run / "config.json").write_text(before)
    written = counters.read_text()
    counters.write_text(json.dumps(json.loads(written) | {"surprise": 1}))
    sentence = seqgen("train", "--resume").stderr.splitlines()[-1]
    assert sentence == (
        f"error: {counters}: surprise is unknown to this seqgen; the run cannot go on from there.  "
        f"To do without the run, remove {run}"
    )
    assert (run / "config.json").read_text() == before  # which the version that began it reads
    counters.write_text(written)
    assert seqgen("train", "--resume", "--max-steps", 1).exit_code == 0


def test_a_run_that_another_process_has_open_is_left_alone(interrupted, refused, seqgen_home):
    interrupted("--max-steps", 1000000)
    with filelock.FileLock(seqgen_home / "training" / "novel" / "1" / ".lock"):
        sentence = refused("train", "--resume", exit_code=1)
    assert sentence == "Another process is training novel (run 1).  Wait for it, or give another --name."


def test_a_damaged_checkpoint_gives_way_to_the_one_before(interrupted, seqgen, seqgen_home):
    interrupted("--max-steps", 1000000, "--checkpoint-every", "0.001s")
    run = seqgen_home / "training" / "novel" / "1"
    newest = max(run.glob("step-*"))
    shutil.copytree(newest, run / "step-999999999")
    (run / "step-999999999" / "last.safetensors").write_bytes(b"spoilt")
    more = seqgen("train", "--resume", "--max-steps", 1)
    assert more.exit_code == 0
    assert f"resume   novel at step {int(newest.name.removeprefix('step-'))}\n" in more.stderr


def test_a_run_that_has_no_step_left_and_nothing_held_out_ends_with_the_figure_that_it_had(seqgen, interrupted):
    interrupted("--validation-fraction", 0, "--max-steps", 100_000)
    outcome = seqgen("train", "--resume", "--max-steps", 1)
    assert (outcome.exit_code, "Traceback" in outcome.stderr) == (0, False), outcome
    figure = r"^done     \w+:2: [\d.]+ bits/character of the training text (after|of step \d+;) \d+ steps in"
    assert re.search(figure, outcome.stderr, re.MULTILINE), outcome.stderr
