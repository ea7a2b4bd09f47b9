"""Nothing is renamed, replaced or removed while this process has it open or mapped: Windows would refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

import seqgen

TINY = {
    "backend": "torch",
    "hidden_size": 8,
    "embedding_size": 4,
    "seq_len": 8,
    "batch_size": 4,
    "eval_every": 3,
    "checkpoint_every": 0.001,
    "precision": "float32",
    "progress": False,
}


@pytest.fixture
def corpus(tmp_path):
    """Thirty lines, so that of documents some are held out whole."""
    path = tmp_path / "ice.txt"
    path.write_text("".join(f"the ice was {number}\n" for number in range(30)))
    return path


def kept(refused):
    """What was refused and is still there, but for the files of locks, which are removed there when they are let go of."""
    return [each for each in refused if not each.endswith(".lock") and Path(each.partition(" ")[2]).exists()]


@pytest.mark.parametrize("dataset", ["text", "lines"])
def test_a_corpus_is_read_and_a_model_trained_and_published(corpus, seqgen_home, as_on_windows, dataset):
    model = seqgen.train(corpus, dataset=dataset, max_steps=6, **TINY)
    assert model.reference == "ice:1"
    assert kept(as_on_windows) == []


def test_models_are_copied_sent_received_and_removed(corpus, shared_main, seqgen_home, tmp_path, as_on_windows):
    seqgen.train(corpus, max_steps=2, **TINY)
    (tmp_path / "folder").mkdir()
    for command in (
        ("models", "copy", "ice", "snow"),
        ("models", "rename", "snow", "sleet"),
        ("models", "export", "ice", tmp_path / "ice.zip"),
        ("models", "export", "ice", tmp_path / "ice.zip"),  # over the one that is there
        ("models", "export", "ice", tmp_path / "folder"),
        ("models", "import", tmp_path / "ice.zip", "--name", "rain"),
        ("models", "push", "ice", tmp_path / "team"),
        ("models", "pull", tmp_path / "team", "ice", "--name", "hail"),
        ("models", "rm", "sleet:1"),
        ("models", "restore", "sleet"),
        ("models", "rm", "sleet:1"),
        ("models", "gc"),
    ):
        outcome = shared_main(*command)
        assert outcome.exit_code == 0, (command, outcome)
    assert [each.reference for each in seqgen.models()] == ["hail:1", "ice:1", "rain:1"]
    assert kept(as_on_windows) == []
