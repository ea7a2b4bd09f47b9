"""The losses on the way, as a published model keeps them."""

from __future__ import annotations

import json
import math

import pytest

from seqgen.training.curve import LossCurve
from seqgen.training.metrics import FIGURES, CharactersPerToken, characters_per_token, published_metrics

LINE = '{"step": 3, "train_loss": 2.0, "validation_loss": null}\n'


def test_lines_are_read_with_the_values_that_are_numbers(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{LINE}half\n{{"step": 4, "train_loss": "x", "progress": true, "epoch": NaN}}\n{{"step": 5')
    assert published_metrics(path) == [{"step": 3, "train_loss": 2.0}, {"step": 4}]


def test_numbers_without_bounds_are_left_out_and_so_is_a_line_without_a_step(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": true}}\n{{"step": 1{"0" * 400}}}\n{{"step": 5, "train_loss": 1{"0" * 400}}}\n')
    assert published_metrics(path) == [{"step": 5}]


def test_of_a_line_the_figures_are_read_that_a_run_writes(tmp_path, start):
    written = (start(max_steps=1).version.folder / "metrics.jsonl").read_text()
    assert tuple(json.loads(written)) == FIGURES
    path = tmp_path / "metrics.jsonl"
    path.write_text(written.replace("{", '{"other": 1, '))
    assert published_metrics(path) == [{key: value for key, value in json.loads(written).items() if value is not None}]


@pytest.mark.parametrize("value", ["[]", "{}", '[{"step": 1}]', "[" * 9999])
def test_a_line_with_a_list_or_an_object_in_it_is_left_out(tmp_path, value):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": 2, "train_loss": {value}}}\n{LINE}')
    assert published_metrics(path) == [{"step": 3, "train_loss": 2.0}]


def test_no_more_lines_are_read_than_a_run_has(tmp_path, monkeypatch):
    monkeypatch.setattr("seqgen.training.metrics.MAX_LINES", 1000)
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step":1}\n' * 1001)
    assert len(published_metrics(path)) == 1000


def test_a_file_that_is_not_there_or_far_too_large_has_none(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert published_metrics(path) == []
    with path.open("wb") as file:
        file.truncate(2**25)
    assert published_metrics(path) == []


@pytest.mark.parametrize(
    ("metrics", "results", "expected"),
    [
        ([{"validation_loss": 2 * math.log(2), "bits_per_character": 0.5}], {}, 4.0),
        ([], {"validation_loss": math.log(2), "bits_per_character": 0.5}, 2.0),
        ([], {"validation_loss": None, "train_loss": math.log(2), "bits_per_character": 1.0}, 1.0),
        ([{"train_loss": 2.0}], {}, None),
        ([{"validation_loss": 5e-324, "bits_per_character": 1e30}], {}, None),
        (
            [{"validation_loss": 2.0, "bits_per_character": 0}],
            {"bits_per_character": "x", "validation_loss": 1.0},
            None,
        ),
    ],
)
def test_the_figures_tell_how_much_a_token_is(metrics, results, expected):
    found = characters_per_token(metrics, results)
    assert (found and found.validation) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("recorded", "training"),
    [(4.5, 4.5), (2, 2), (None, 2.0), *((value, 2.0) for value in (0, -1.0, True, "4.5", [4.5], 10**400, math.nan))],
    ids=str,
)
def test_that_of_the_training_part_is_what_is_recorded_and_else_taken_to_be_as_in_the_validation_part(
    recorded, training
):
    results = {"validation_loss": math.log(2), "bits_per_character": 0.5, "training_characters_per_token": recorded}
    found = characters_per_token([], {key: value for key, value in results.items() if value is not None})
    assert found == CharactersPerToken(training, pytest.approx(2.0))


def test_a_run_that_has_ended_has_a_curve_from_two_points_on():
    metrics = [{"step": step, "train_loss": 3.0 - step} for step in (1, 2)]
    assert len(LossCurve.of(metrics, CharactersPerToken(1.0, 1.0)).lines(60)) > 1
    assert LossCurve.of(metrics[:1], CharactersPerToken(1.0, 1.0)).lines(60) == []
    assert LossCurve.of(metrics, None).lines(60) == []
