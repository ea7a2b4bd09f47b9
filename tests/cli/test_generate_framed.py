"""Media whose documents have a frame: a prompt and what follows are one document, and each sample is a file of its own."""

import base64
import json
from pathlib import Path

import pytest

from seqgen import load

PLUGIN = """
from dataclasses import dataclass

import numpy as np
import seqgen
from seqgen.core.sampler import Sampler
from seqgen_steps.tokenizer import StepsTokenizer

HEAD = b"W"


@seqgen.hookimpl
def register_tokenizers(register):
    register("parcels", "parcels:ParcelTokenizer", summary="walks as parcels: a head, how many steps follow, the steps")


@seqgen.hookimpl
def register_datasets(register):
    register("walks", "seqgen_steps.dataset:WalksDataset", summary="files of walks, each one document")


@seqgen.hookimpl
def register_samplers(register):
    register("lost", "parcels:Lost", summary="promises to come home, and never does")


@dataclass(frozen=True, kw_only=True)
class ParcelTokenizer(StepsTokenizer):
    framed = True

    def encode(self, document):
        return super().encode(document[5:] if document[:1] == HEAD else document)

    def decode(self, ids):
        steps = super().decode(ids)
        return HEAD + len(steps).to_bytes(4, "big") + steps if len(ids) else b""

    def decoder(self):
        return Decoder(self)

    def unreadable(self, document):
        return "it is a parcel with no step in it"


@dataclass(kw_only=True)
class Lost(Sampler):
    def begin(self, prompt_ids, tokenizer):
        self.rows = len(prompt_ids)

    def adjust(self, logits):
        return logits

    def select(self, rows):
        self.rows = len(rows)

    def notes(self):
        return [["it does not come home"]] * self.rows


class Decoder:
    def __init__(self, tokenizer):
        self.tokenizer, self.ids = tokenizer, []

    def push(self, token):
        self.ids.append(token)
        return b""

    def finish(self):
        return self.tokenizer.decode(np.array(self.ids, np.int64))
"""
STEPS = str(Path(__file__).parents[1] / "steps_plugin" / "src")
COMMAND = ("generate", "--model", "walks", "--length", 12, "--random-seed", 5)


def steps_of(parcel):
    if not parcel:  # a walk that ended before its first step
        return b""
    assert parcel[:1] == b"W"
    assert int.from_bytes(parcel[1:5], "big") == len(parcel) - 5
    return parcel[5:]


@pytest.fixture
def walks(seqgen, install, tmp_path, monkeypatch):
    install("parcels", PLUGIN)
    monkeypatch.syspath_prepend(STEPS)
    from seqgen_steps.dataset import WalksDataset

    (path,) = WalksDataset.example(tmp_path, 3000)
    options = ("--dataset", "walks", "--tokenizer", "parcels", "--hidden-size", 8, "--max-steps", 4, "--seq-len", 16)
    assert seqgen("train", path, "-q", *options, "--name", "walks").exit_code == 0


@pytest.mark.usefixtures("walks")
def test_the_prompt_and_what_follows_are_one_document(seqgen, tmp_path):
    opening = bytes([0, 1, 2, 3])
    (tmp_path / "opening").write_bytes(b"W\0\0\0\x04" + opening)
    assert seqgen(*COMMAND, "--seed-file", "opening", "--output", "continued").exit_code == 0
    continued = steps_of((tmp_path / "continued").read_bytes())
    assert continued.startswith(opening)
    assert len(continued) > len(opening)


@pytest.mark.usefixtures("walks")
def test_each_sample_is_a_file_of_its_own(seqgen, terminal, tmp_path):
    outcome = terminal(*COMMAND, "--num-samples", 10, "--output", "walk.bin")
    assert outcome.exit_code == 0
    assert "0%" in outcome.stdout  # of a bar
    files = sorted(path.name for path in tmp_path.glob("walk-*.bin"))
    assert files == [f"walk-{number:02}.bin" for number in range(1, 11)]
    assert seqgen(*COMMAND, "--output", "one.bin").exit_code == 0
    assert (tmp_path / "walk-01.bin").read_bytes() == (tmp_path / "one.bin").read_bytes()
    assert len({steps_of((tmp_path / name).read_bytes()) for name in files}) > 1


@pytest.mark.usefixtures("walks")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--num-samples", 2),
            "2 documents of application/x-steps do not go into one stream: name a file with --output",
        ),
        (
            ("--length", "12c"),
            "length is 12c, but application/x-steps cannot be cut after any byte.  Give tokens, as 400",
        ),
        (("--length", 10**12), "length is too large: 1,000,000,000,000 tokens or characters would be held at once"),
        (
            ("--stop", "x"),
            "--stop is for text, and walks:1 writes application/x-steps.  Leave it out",
        ),
        (
            ("--show-probabilities",),
            "--show-probabilities is for text, and walks:1 writes application/x-steps.  Leave it out",
        ),
        (("--seed-file", "empty"), "The prompt cannot be read: it is a parcel with no step in it.  walks:1 takes"),
    ],
)
def test_what_would_spoil_a_document_is_refused(seqgen, tmp_path, options, said):
    (tmp_path / "empty").write_bytes(b"W\0\0\0\0")
    outcome = seqgen(*COMMAND, *options)
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert said in outcome.stderr


@pytest.mark.usefixtures("walks")
def test_json_and_python_give_the_document_that_a_file_is(seqgen, tmp_path):
    (tmp_path / "opening").write_bytes(b"W\0\0\0\x04" + bytes([0, 1, 2, 3]))
    command = (*COMMAND, "--seed-file", "opening")
    assert seqgen(*command, "--output", "continued").exit_code == 0
    written = (tmp_path / "continued").read_bytes()
    samples = [
        *json.loads(seqgen(*command, "--json").stdout)["samples"],
        json.loads(seqgen(*command, "--jsonl").stdout),
    ]
    assert [base64.b64decode(sample["text"]) for sample in samples] == [written] * 2
    model, options = load("walks"), {"length": 12, "random_seed": 5, "warn": lambda _: None}
    prompt = (tmp_path / "opening").read_bytes()
    assert model.generate(prompt, **options) == b"".join(model.stream(prompt, **options)) == written


@pytest.mark.usefixtures("walks")
def test_what_could_not_be_kept_is_told_with_the_number_where_there_are_several(seqgen):
    command = (*COMMAND, "--sampler", "lost", "--output", "walk.bin")
    assert seqgen(*command).stderr == "note: it does not come home\n"
    assert seqgen(*command, "--best-of", 3).stderr == "note: it does not come home\n"
    told = seqgen(*command, "--num-samples", 3).stderr.splitlines()
    assert sorted(told) == [f"note: sample {number}: it does not come home" for number in (1, 2, 3)]
