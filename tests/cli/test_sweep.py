"""``seqgen sweep``: a line a trial, a table, the command to go on with, and an interruption that loses nothing."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqgen.cli.printing import show
from seqgen.cli.sweep import Display, _ranking
from seqgen.sweep.runner import SweepOutcome
from seqgen.sweep.study import TrialResult

CORPORA = Path(__file__).parents[2] / "corpora"

TINY = [
    word
    for each in (
        "backend=torch",
        "embedding-size=8",
        "seq-len=16",
        "batch-size=4",
        "warmup-steps=0",
        "eval-every=2",
        "ngram-order=0",  # counts would tell the trials apart no more
    )
    for word in ("--set", each)
]
"""Options of trials that take a fraction of a second, once --set max-steps is added."""

SEARCH = ("--search", "hidden-size=8", "--search", "learning-rate=0.03,1e-9")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_line_for_each_trial_a_table_and_what_to_do_next(seqgen, corpus):
    outcome = seqgen("sweep", corpus, *SEARCH, *TINY, "--set", "max-steps=8", "--max-time", "1m", "--trial-time", "20s")
    assert outcome.exit_code == 0, outcome
    first, *trials, last = outcome.stderr.splitlines()
    assert first == "sweep    novel: hidden_size=8, learning_rate=0.03,1e-09; 20s a trial, 1m in all"
    assert [line[:8] for line in trials] == ["trial 1 ", "trial 2 "]
    assert all("bits/character  hidden_size 8, learning_rate " in line for line in trials)
    assert trials[0].endswith("; the best so far")
    assert last == "done     novel:1: seqgen generate --model novel"
    best, other = [line for line in outcome.stdout.splitlines() if " 8 " in line and "seqgen" not in line]
    assert (best.split()[0], "0.03" in best, other.split()[0] == "*") == ("*", True, False)
    (command,) = [
        line.partition("  ")[2] for line in outcome.stdout.splitlines() if line.startswith("To train the best")
    ]
    program, *arguments = shlex.split(command)
    assert program == "seqgen"
    assert "--learning-rate 0.03" in command
    assert "--max-time 1m --name novel" in command
    assert "max-steps" not in command  # it is to train for longer
    longer = seqgen(*arguments, "--max-steps", 9, "--json")
    assert (json.loads(longer.stdout)["version"], json.loads(longer.stdout)["steps"]) == (2, 9)


def test_the_figures_of_trials_that_diverged_are_not_written_out(capsys):
    best = TrialResult(1, 0, "complete", {}, 3.3767e30, 1.0, 6, 2.0)
    other = TrialResult(2, 1, "stopped", {}, 4e30, 0.5, 3, 1.0)
    Display().trial_ended(other, best)
    assert capsys.readouterr().err == "trial 2  4.0e+30 bits/character  ; stopped at 50%; best 3.4e+30\n"
    show(_ranking(SweepOutcome(SimpleNamespace(space=()), [best, other], best, None, 3.0, None)))
    first, second = [line for line in capsys.readouterr().out.splitlines() if "e+30" in line]
    assert (first.split(), second.split()[:2]) == (["*", "1", "3.4e+30", "2"], ["2", "4.0e+30"])


def test_the_bar_shows_the_time_that_is_left_as_a_training_does(monkeypatch):
    display = Display()
    monkeypatch.setattr("sys.stderr", (terminal := Terminal()))
    display.begun(SimpleNamespace(name="sea", space=(), trial_time=600.0, max_time=7200.0), [])
    display.moved(1800.0, 0.5)
    display.close()
    assert "1:30:00 left" in terminal.getvalue()


def test_json_has_every_trial_and_the_best(seqgen, corpus):
    outcome = seqgen("sweep", corpus, *SEARCH, *TINY, "--set", "max-steps=4", "--name", "sea", "--json", "--quiet")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    record = json.loads(outcome.stdout)
    assert (record["sweep"], record["model"], record["version"], record["interrupted"]) == ("sea", "sea", 1, False)
    assert record["search"][1] == {"name": "learning_rate", "values": [0.03, 1e-9]}
    assert record["best"] == record["trials"][0]
    assert [sorted(trial) for trial in record["trials"]] == [
        ["bits_per_character", "number", "options", "problem", "progress", "seconds", "state", "steps"]
    ] * 2
    assert seqgen("generate", "--model", "sea", "--length", 5).exit_code == 0
    assert "trial" in seqgen("models", "show", "sea").stdout


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    """A sweep of trials that go on for long, in a process of its own; with its folder."""
    folder = tmp_path_factory.mktemp("sweep")
    shutil.copy(CORPORA / "names.txt", folder / "novel.txt")
    # Without n-grams: the ten steps of a busy machine change too little of what is mixed with them.
    given = (*SEARCH, *TINY, "--set", "ngram-order=0", "--trial-time", "0.5s", "--max-time", "10m")
    with subprocess.Popen(
        [sys.executable, "-m", "seqgen", "sweep", "novel.txt", *given],
        cwd=folder,
        env={**os.environ, "SEQGEN_HOME": str(folder / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        yield folder, started
        started.kill()


@pytest.mark.slow
def test_a_process_that_is_interrupted_says_how_to_go_on_and_can(seqgen, process, monkeypatch):
    folder, started = process
    assert any(line.startswith("trial 1 ") for line in started.stderr)  # it reads up to the end of the first trial
    started.send_signal(signal.SIGINT)
    stdout, stderr = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "Traceback" not in stderr
    assert stderr.endswith("The trial that was running will be repeated.  To go on: seqgen sweep --resume novel\n")
    assert " 8 " in stdout  # the table so far
    assert not (folder / "home" / "models").exists()

    monkeypatch.setenv("SEQGEN_HOME", str(folder / "home"))
    more = seqgen("sweep", "--resume", "novel", "--json")
    assert more.exit_code == 0, more.stderr
    assert more.stderr.splitlines()[0].endswith("; 0.5s a trial, 10m in all, after 1 trial")
    record = json.loads(more.stdout)
    assert [trial["number"] for trial in sorted(record["trials"], key=lambda each: each["number"])] == [1, 2]
    assert record["best"]["options"]["learning_rate"] == 0.03
    assert seqgen("generate", "--model", "novel:1", "--length", 5).exit_code == 0


def test_a_terminal_shows_the_trials_and_no_bar_is_left(terminal, corpus):
    outcome = terminal("sweep", corpus, *SEARCH, *TINY, "--set", "max-steps=4")
    assert outcome.exit_code == 0
    assert "trial 2 " in outcome.stdout
    assert " left" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--search", "hiden-size=1,2"), 'sweep --search has no option "hiden-size".  Nearest: hidden_size.'),
        (("--set", "hiden-size=1"), 'sweep --set has no option "hiden-size".  Nearest: hidden_size.'),
        (("--set", "num-layers=1", "--set", "num-layers=2"), "--set gives num-layers twice.  Leave one out."),
        (("--set", "num-layers=1", "--set", "num_layers=2"), "sweep --set: num_layers is given twice, "),
        (("--max-time", "soon"), "sweep: max_time is soon, but must be a duration above 0, such as 90s, 5m or 1h30m."),
        (
            ("--resume", "--search", "dropout=0.1"),
            "--search cannot change on --resume; only --max-time and --trials can.",
        ),
        (("--resume", "novel", "--trials", "0"), "sweep --resume: trials is 0, but must be a whole number at least 1."),
    ],
)
def test_wrong_use_is_one_sentence(refused, arguments, sentence):
    assert refused("sweep", *arguments, exit_code=2).startswith(sentence)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--preset", "tutorial"), "Every option that is searched without --search is settled."),
        (("--search", "ngram-order=2,1"), "ngram_order is 1, but must be at least 2, or 0 for no n-grams"),
        (("--search", "ngram-order=1..3"), "ngram_order is 1, but must be at least 2, or 0 for no n-grams"),
        (("--set", "ngram-order=1"), "ngram_order is 1, but must be at least 2, or 0 for no n-grams"),
        (("--search", "unseen=refuse,extend"), "unseen is extend, but only a training that starts from a model"),
        (
            ("--set", "input-encoding=one-hot", "--search", "embedding-size=8,16"),
            "embedding_size needs input_encoding embedding, not one-hot.",
        ),
        (
            ("--set", "optimizer=sgd", "--search", "weight-decay=0.01..0.3"),
            "weight_decay needs optimizer adamw, not sgd.",
        ),
        (
            ("--set", "weight-decay=0.1", "--search", "optimizer=sgd,rmsprop"),
            "weight_decay needs optimizer adamw, not sgd or rmsprop.",
        ),
    ],
)
def test_what_every_trial_would_refuse_is_told_at_once_and_leaves_nothing(
    refused, corpus, seqgen_home, options, sentence
):
    assert refused("sweep", corpus, *options, exit_code=2).startswith(sentence)
    assert not (seqgen_home / "sweeps").exists()


@pytest.mark.parametrize(
    ("searched", "settled"),
    [("input-encoding=one-hot,embedding", "embedding-size=8"), ("optimizer=sgd,adamw", "weight-decay=0.1")],
)
def test_what_only_some_trials_have_a_use_for_may_be_set(seqgen, corpus, searched, settled):
    tiny = (*TINY, "--set", "hidden-size=8", "--set", "max-steps=2")
    options = ("--search", searched, *tiny, *([] if settled in TINY else ["--set", settled]))
    outcome = seqgen("sweep", corpus, *options, "--quiet", "--json")
    assert [trial["state"] for trial in json.loads(outcome.stdout)["trials"]] == ["complete", "complete"]


def test_the_time_of_a_training_is_not_that_of_a_sweep(seqgen, refused, corpus, tmp_path, monkeypatch):
    (tmp_path / "time.toml").write_text('max-time = "7s"\n')
    assert refused("sweep", corpus, "--config", "time.toml", exit_code=2) == (
        "max_time (time.toml) is that of a training.  Leave it out there: the time of a sweep is --max-time."
    )
    monkeypatch.setenv("SEQGEN_MAX_TIME", "7s")
    outcome = seqgen("sweep", corpus, *SEARCH, *TINY, "--set", "max-steps=4", "--quiet", "--json")
    assert outcome.stderr == (
        "warning: SEQGEN_MAX_TIME in the environment is the time of a training and is passed over: that of a sweep is "
        "--max-time.\n"
    )
    assert json.loads(outcome.stdout)["max_time"] == 1800
    monkeypatch.delenv("SEQGEN_MAX_TIME")  # the same sweep all the same
    again = seqgen("sweep", corpus, *SEARCH, *TINY, "--set", "max-steps=4", "--quiet", "--json")
    assert (again.exit_code, again.stderr) == (0, "")


def test_a_missing_optuna_is_told_with_what_installs_it(refused, monkeypatch, corpus):
    monkeypatch.setitem(sys.modules, "optuna", None)
    for arguments in [(corpus,), ("--resume",)]:
        assert refused("sweep", *arguments, exit_code=1) == (
            'seqgen sweep needs optuna, which is not installed.  pip install "seqgen[sweep]"'
        )


def test_help_imports_neither_optuna_nor_numpy(run_python):
    code = (
        "import sys; from seqgen.cli.app import main\n"
        "try: main(['sweep', '--help'])\n"
        "except SystemExit: print(sorted({'optuna', 'numpy', 'torch'} & {*sys.modules}))"
    )
    assert run_python(code).stdout.endswith("[]\n")
