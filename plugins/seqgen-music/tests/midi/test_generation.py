"""From a folder of MIDI files to new ones, as a person does it; judged by symusic and MidiTok."""

from __future__ import annotations

import subprocess
import sys

import pytest
from symusic import Score

import seqgen
from seqgen_music.midi.dataset import MidiDataset

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a corpus, and a model that was trained on it for a few steps."""
    folder = tmp_path_factory.mktemp("midi")
    (folder / "corpus").mkdir()
    MidiDataset.example(folder / "corpus", 12_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGEN_HOME", str(folder / "home"))
        run(
            folder, "train", "corpus", "--dataset", "midi", "--tokenizer", "midi:scheme=remi", "--name", "exercises", "-q",
            "--max-steps", 60, "--hidden-size", 64, "--batch-size", 8, "--seq-len", 64, "--learning-rate", 0.01,
        )  # fmt: skip
        yield folder


def run(folder, *arguments, exit_code=0):
    command = [sys.executable, "-m", "seqgen", *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, cwd=folder, check=False)
    assert ran.returncode == exit_code, ran.stderr
    return ran


def notes(path):
    score = Score(str(path))
    return {
        (track.program, note.time / score.ticks_per_quarter, note.pitch)
        for track in score.tracks
        for note in track.notes
    }


def test_two_hundred_files_of_a_briefly_trained_model_are_all_in_order(home):
    model = seqgen.load("exercises")
    texts = {}
    for samplers in ((), ("midi-grammar",)):
        samples = model.prepare(length=120, random_seed=3, samplers=samplers).samples(200)
        misplaced = [model.tokenizer.misplaced(sample.ids) for sample in samples if len(sample.ids) > 1]
        texts[samplers] = sum(share > 0 for share in misplaced)
        for sample in samples:
            if samplers:
                assert Score.from_midi(sample.text).note_num() > 0
    assert texts["midi-grammar",] == 0
    assert texts[()] > 20  # else this would show nothing


def test_a_file_is_gone_on_with(home):
    opening = next((home / "corpus").iterdir())
    run(home, "generate", "--model", "exercises", "--seed-file", opening, "--sampler", "midi-grammar", "--length", 60,
        "--output", "continued.mid")  # fmt: skip
    begun = seqgen.load("exercises").tokenizer.canonical(opening.read_bytes())
    (home / "canonical.mid").write_bytes(begun)
    assert notes(home / "canonical.mid") < notes(home / "continued.mid")


def test_a_prompt_that_is_cut_off_is_told(home):
    (home / "cut.mid").write_bytes(next((home / "corpus").iterdir()).read_bytes()[:-9])
    ran = run(home, "generate", "--model", "exercises", "--seed-file", "cut.mid", "--output", "x.mid", exit_code=2)
    assert ran.stderr.decode().startswith("error: The prompt cannot be read: it ends in the middle of track ")
