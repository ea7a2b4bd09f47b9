"""A training process that is killed, at whatever moment, leaves a registry that is whole and a run that goes on exactly."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

OPTIONS = (
    *("--hidden-size", "16", "--embedding-size", "8", "--seq-len", "16", "--batch-size", "4"),
    *("--num-layers", "2", "--dropout", "0.3", "--learning-rate", "0.01"),
    *("--checkpoint-every", "0.005s", "--random-seed", "7", "--keep", "1", "--quiet"),
    # The model is then the average of all weights up to the last step, so that its bits tell of every step.
    *("--validation-fraction", "0"),
)


@pytest.fixture
def ask(tmp_path, seqgen_home):
    """Runs a ``seqgen`` command in a process of its own, killed on request; see ``killable.py``."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("killable.py")), str(tmp_path / "said.txt")],
        cwd=tmp_path,
        env={**os.environ, "SEQGEN_HOME": str(seqgen_home), "OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "200"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def run(*arguments, **moment):
            process.stdin.write(json.dumps({"arguments": [*map(str, arguments)], **moment}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield run
        process.stdin.close()


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "sea.txt"
    path.write_text(
        "".join(random.Random(0).choices(["The sea is wide.  ", "The ice is white.  ", "A wind rose.\n"], k=80))
    )
    return path


def assert_whole(home):
    """Every published version is what its manifest says, and nothing else lies under a version's name."""
    for folder in home.glob("models/*/[0-9]*"):
        files = json.loads((folder / "manifest.json").read_text())["files"]
        assert {path.name for path in folder.iterdir()} == {*files, "manifest.json"}
        for name, facts in files.items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == facts["sha256"]


def weights_of(home, name):
    newest = max(home.glob(f"models/{name}/[0-9]*"), key=lambda folder: int(folder.name))
    return (newest / "model.safetensors").read_bytes()


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("backend", "batching", "kills", "steps"),
    [
        pytest.param("torch", "stream", 1, 24, id="torch-stream-1"),
        pytest.param("torch", "stream", 60, 60, id="torch-stream-60", marks=SLOW),
        pytest.param("torch", "documents", 6, 60, id="torch-documents-6", marks=SLOW),
        pytest.param("torch", "windows", 6, 60, id="torch-windows-6", marks=SLOW),
        pytest.param("keras", "stream", 4, 60, id="keras-stream-4", marks=SLOW),
    ],
)
def test_after_each_kill_the_registry_is_whole_and_the_run_ends_with_the_very_same_weights(
    ask, corpus, seqgen_home, backend, batching, kills, steps
):
    options = (*OPTIONS, "--backend", backend, "--batching", batching, "--max-steps", steps, "--eval-every", steps // 3)
    whole = ask("train", corpus, *options, "--name", "whole")
    assert whole["exit_code"] == 0, whole["said"]
    expected = weights_of(seqgen_home, "whole")
    choose = random.Random(f"{backend} {batching} {kills}")
    killed = 0
    rounds = 0
    while killed < kills:
        rounds += 1
        assert rounds < 2 * kills + 5, f"only {killed} of {rounds} runs could be killed"
        name = f"killed-{rounds}"
        arguments = ("train", corpus, *options, "--name", name)
        # Every other time between two calls that write; otherwise whenever it happens to be.
        for _ in range(2):  # the run, and then what goes on with it, are killed
            if choose.random() < 0.6:
                moment = {"at_call": choose.randrange(1, whole["moments"])}
            else:
                moment = {"after_seconds": choose.uniform(0.02, 0.9 * whole["seconds"])}
            outcome = ask(*arguments, **moment)
            told = (rounds, moment, outcome)
            assert outcome["exit_code"] in {0, -signal.SIGKILL}, told
            killed += outcome["exit_code"] == -signal.SIGKILL
            assert_whole(seqgen_home)
            listed = ask("models", "list", "--json")
            assert listed["exit_code"] == 0, (told, listed)
            assert "whole" in {each["model"] for each in json.loads(listed["said"])}, told
            for model in {"whole", name} & {path.parent.name for path in seqgen_home.glob("models/*/[0-9]*")}:
                text = ask("generate", "--model", model, "--length", 5)
                assert text["exit_code"] == 0, (told, text)
            if not [*seqgen_home.glob(f"training/{name}/[0-9]*")]:
                break  # it had ended, or not begun
            arguments = ("train", "--resume", name, "--quiet")
        if [*seqgen_home.glob(f"training/{name}/[0-9]*")]:
            resumed = ask("train", "--resume", name, "--quiet")
            assert resumed["exit_code"] == 0, (told, resumed)
        elif not [*seqgen_home.glob(f"models/{name}/[0-9]*")]:
            assert ask("train", "--resume", name)["said"].startswith(f"error: There is no unfinished run of {name}"), (
                told
            )
            assert ask("train", corpus, *options, "--name", name)["exit_code"] == 0
        assert weights_of(seqgen_home, name) == expected, told
        assert not [*seqgen_home.glob(f"training/{name}/[0-9]*")], told
    sys.stderr.write(f"{backend} {batching}: {killed} kills survived, in {rounds} runs\n")


@SLOW
@pytest.mark.parametrize("after", [6.0, 7.3, 8.6])  # some seconds of which go into starting
def test_after_a_kill_no_more_is_done_again_than_since_the_last_checkpoint(ask, corpus, seqgen_home, after):
    every = 0.5
    options = (*OPTIONS, "--backend", "torch", "--batching", "stream", "--eval-every", "1000000")
    options += ("--max-steps", "100000", "--checkpoint-every", f"{every}s", "--keep", "3")
    killed = ask("train", corpus, *options, "--name", "killed", after_seconds=after)
    assert killed["exit_code"] == -signal.SIGKILL, killed
    # Each checkpoint says after how many seconds of training it was written, and its file when that was: training had
    # gone on for as long after the last one as passed until the kill, of which the moment is when nothing is written any more.
    checkpoints = sorted(seqgen_home.glob("training/killed/1/step-*/counters.json"))
    assert len(checkpoints) >= 2
    seconds = [json.loads(path.read_text())["seconds"] for path in checkpoints]
    slack = 0.3  # writing one, and the step in which it became due
    assert all(later - earlier <= every + slack for earlier, later in itertools.pairwise(seconds))
    assert killed["killed_at"] - checkpoints[-1].stat().st_mtime <= every + slack
