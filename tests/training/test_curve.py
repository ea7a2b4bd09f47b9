"""The loss curve of the display: what it shows of a run, and how much it keeps."""

from __future__ import annotations

import math

from seqgen.training.curve import HEIGHT, LEAST, MOST, LossCurve
from seqgen.training.metrics import CharactersPerToken


def curve_of(steps, *, every=1, validated=0):
    curve = LossCurve()
    for step in range(0, steps, every):
        loss = 1.5 + 4 * math.exp(-step / steps * 20)
        curve.add(step, loss, loss + 0.1 if validated and step and step % validated == 0 else None)
    return curve


def test_it_has_a_caption_and_so_many_lines_within_the_width():
    for width in (40, 80, 100):
        caption, *lines = (line.plain for line in curve_of(1000, validated=100).lines(width))
        assert caption == "bits/character  ⠒⠒ training  ● validation"
        assert len(lines) == HEIGHT
        assert max(map(len, lines)) <= width
        assert sum(line.count("●") for line in lines) >= 7


def test_its_height_is_that_of_the_losses_after_the_first_tenth():
    _, top, *_, bottom = (line.plain for line in curve_of(1000).lines(80))
    assert bottom.startswith("1.50 ┤")
    assert top.startswith(f"{1.5 + 4 * math.exp(-2):.2f} ┤")


def test_there_is_none_of_the_first_moments():
    assert curve_of(LEAST - 1).lines(80) == []
    assert curve_of(LEAST).lines(80) != []


def test_a_loss_that_stays_where_it_is_is_a_line():
    curve = LossCurve()
    for step in range(20):
        curve.add(step, 2.0, 2.0)
    _, *lines = (line.plain for line in curve.lines(60))
    assert (lines[0][:6], lines[-1][:6]) == ("2.01 ┤", "1.99 ┤")
    assert sum(bool(line[6:].strip()) for line in lines) == 1


def test_of_a_long_run_it_keeps_a_bounded_number_of_points_from_beginning_to_end():
    curve = curve_of(100_000, every=7, validated=70)
    assert MOST <= len(curve._training) < 2 * MOST
    assert len(curve._validation) < 2 * MOST
    assert (curve._training[0][0], curve._training[-1][0] > 99_000) == (0, True)


def test_a_validation_loss_is_marked_once_where_it_was_measured():
    curve = LossCurve()
    for step in range(30):
        curve.add(step, 3.0 - step / 30, 2.5 if step >= 10 else None)
    assert sum(line.plain.count("●") for line in curve.lines(80)[1:]) == 1


def test_of_a_run_that_has_ended_each_loss_is_in_bits_per_character_of_its_own_part():
    nats = math.log(2)
    metrics = [{"step": step, "train_loss": 4 * nats, "validation_loss": (5 - step) * nats} for step in (1, 2, 3)]
    caption, top, *_, bottom = LossCurve.of(metrics, CharactersPerToken(training=4.0, validation=2.0)).lines(60)
    assert caption.plain == "bits/character  ⠒⠒ training  ● validation"
    assert (top.plain[:6], bottom.plain[:6]) == ("1.50 ┤", "1.00 ┤")  # validation falls to 1, where training is
