"""The losses on the way as a figure in a file."""

from __future__ import annotations

import math

import pytest

from seqgen.core.errors import TrainingError
from seqgen.training.figure import write_figure
from seqgen.training.metrics import CharactersPerToken

METRICS = [
    {"step": 1, "train_loss": 4 * math.log(2), "validation_loss": 3 * math.log(2)},
    {"step": 2, "train_loss": 2 * math.log(2)},
]


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """What is drawn of these metrics: the curves by their names, and what stands beside the axis."""
    figure = pytest.importorskip("matplotlib.figure")

    def draw(characters_per_token):
        axes = []
        monkeypatch.setattr(figure.Figure, "savefig", lambda self, _: axes.extend(self.axes))
        write_figure(METRICS, characters_per_token, tmp_path / "novel.svg", title="novel:1")
        return {line.get_label(): list(line.get_ydata()) for line in axes[0].lines}, axes[0].get_ylabel()

    return draw


def test_each_loss_is_in_bits_per_character_of_its_own_part(drawn):
    curves, label = drawn(CharactersPerToken(training=4.0, validation=1.0))
    assert curves == {"training": pytest.approx([1.0, 0.5]), "validation": pytest.approx([3.0])}
    assert label == "bits per character"


def test_where_it_is_not_known_what_a_token_stands_for_losses_are_in_nats(drawn):
    curves, label = drawn(None)
    assert curves == {"training": [4 * math.log(2), 2 * math.log(2)], "validation": [3 * math.log(2)]}
    assert label == "nats per token"


def test_a_title_is_no_mathematics(tmp_path):
    pytest.importorskip("matplotlib")
    write_figure(METRICS, None, tmp_path / "novel.svg", title="./a$x_$b")
    assert (tmp_path / "novel.svg").read_bytes().startswith(b"<?xml")


def test_of_a_model_without_losses_there_is_none(tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(TrainingError, match="novel:1 has no record of its losses to plot"):
        write_figure([{"step": 1}], None, tmp_path / "novel.svg", title="novel:1")
