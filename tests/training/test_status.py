"""How far a run is, in the units that people read."""

from __future__ import annotations

from seqgen.training.metrics import CharactersPerToken
from seqgen.training.status import Status
from seqgen.training.trainer import Tick

LONG = Tick(
    progress=0.5,
    step=123_456,
    epoch=43.21,
    seconds=5025.0,
    tokens_per_second=345_678.0,
    train_loss=1.0,
    validation_loss=1.5,
    learning_rate=0.00123,
)

SAME = CharactersPerToken(training=1.0, validation=1.0)


def test_figures_are_bits_per_character_and_characters_per_second():
    # Two characters a token: half the nats, twice the speed.
    assert Status(LONG, CharactersPerToken(2.0, 2.0)).line() == (
        " 50%  step 123,456  epoch 43.21  train 0.721  validation 1.082 bits/character  691,356 characters/s  "
        "learning rate 1.23e-03  1:23:45 left"
    )


def test_before_there_is_a_pace_and_a_loss_they_are_dashes():
    start = Tick(0.0, 0, 0.0, 0.0, 0.0, None, None, 0.0)
    assert Status(start, SAME).line().startswith("  0%  step 0  epoch 0.00  train -  validation - bits/character")
    assert Status(start, SAME).line().endswith("-:-- left")


def test_a_loss_that_has_diverged_is_not_written_out():
    huge = Tick(0.5, 1, 0.0, 1.0, 1.0, 2.2e22, 1.0, 0.0)
    assert "train 3.2e+22  validation 1.443 bits/character" in Status(huge, SAME).line()
