"""A process that is killed, or that fails at once: what can be gone on with, and what is not begun anew as if it were that."""

from __future__ import annotations

import pytest

from seqgen import home
from seqgen.backends.torch.model import TorchModel
from seqgen.core.errors import TrainingError, UsageError
from seqgen.training.run import Run

from .conftest import Reporter, unfinished


class Killed(BaseException):
    """As far as a test can kill the process that it runs in."""


def killing(*_):
    raise Killed


def bytes_of(outcome):
    return (outcome.version.folder / "model.safetensors").read_bytes()


def test_a_run_that_goes_on_from_a_model_and_is_killed_at_once_is_not_begun_anew_at_random(start, resume, monkeypatch):
    parent = start(max_steps=6).version.open()
    whole = start(parent=parent, max_steps=3)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(TorchModel, "train_step", killing)
        start(parent=parent, max_steps=3)
    resumed = resume()
    assert bytes_of(resumed) == bytes_of(whole)
    assert resumed.version.open().manifest["parent"] == "sea:1"


def test_one_whose_weights_were_never_saved_is_refused(start, resume, monkeypatch):
    parent = start(max_steps=6).version.open()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Run, "save", killing)
        start(parent=parent, max_steps=3)
    with pytest.raises(
        UsageError, match=r"was to go on from sea:1 and ended before its weights were saved\.  Start it again"
    ):
        resume()


def test_a_process_that_is_killed_while_a_model_is_published_has_lost_nothing(start, resume, monkeypatch):
    whole = start(max_steps=5, ngram_order=0)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("seqgen.training.session.publish", killing)
        start(max_steps=5, ngram_order=0)
    assert Run.find(home.training_folder(), None).newest_step() == 5
    assert bytes_of(resume()) == bytes_of(whole)


def test_a_run_that_failed_before_there_was_anything_to_keep_is_not_gone_on_with(start, resume, monkeypatch):
    def full(*_):
        raise MemoryError

    start(reporter=Reporter(signal_at=1), max_steps=12, eval_every=4)
    with monkeypatch.context() as patch, pytest.raises(TrainingError, match="There is not enough memory"):
        patch.setattr(TorchModel, "train_step", full)
        start(max_steps=12)
    assert unfinished() == ["sea/1"]
    assert resume().record["steps"] == 12
