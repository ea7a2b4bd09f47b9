"""What is said of a run that goes wrong: each once, with what to do, and nothing of one that goes well."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seqgen.training.diagnosis import Diagnosis
from seqgen.training.metrics import CharactersPerToken
from seqgen.training.options import SETTLED, SettledOptions

OPTIONS = SettledOptions(
    **{**dict.fromkeys(SETTLED), "learning_rate": 0.004, "dropout": 0.1},
    output_bias="zero",
)
TWO = CharactersPerToken(training=2.0, validation=2.0)


@pytest.fixture
def diagnosis():
    """Of tokens whose frequencies alone have 2.0 nats, each two characters; a fresh model has 4.2."""
    return Diagnosis(OPTIONS, token_entropy=2.0, fresh_loss=4.2, characters_per_token=TWO)


def lines_of(train, validation=None, norms=None, *, every=100):
    """The metrics of a run with these losses at its evaluations."""
    validation, norms = validation or train, norms or [0.5] * len(train)
    return [
        {
            "step": every * (number + 1),
            "progress": (number + 1) / len(train),
            "train_loss": loss,
            "validation_loss": other,
            "gradient_norm": norm,
        }
        for number, (loss, other, norm) in enumerate(zip(train, validation, norms, strict=True))
    ]


def said(diagnosis, lines):
    """{number of the line: the sentence that it brought}."""
    return {number: sentence for number, line in enumerate(lines) for sentence in diagnosis.metrics(line)}


FALLING = [1.2 + 1.3 * 0.8**number for number in range(20)]


def test_of_a_run_that_goes_well_nothing_is_said(diagnosis):
    assert said(diagnosis, lines_of(FALLING, [loss + 0.05 for loss in FALLING])) == {}


def test_overfitting_is_told_at_the_third_evaluation_without_a_better_one_and_only_once(diagnosis):
    validation = [1.9 - 0.05 * number if number < 8 else 1.55 + 0.03 * (number - 7) for number in range(20)]
    ((number, sentence),) = said(diagnosis, lines_of(FALLING, validation)).items()
    assert number == 10
    assert sentence == (
        "Since step 800 the validation loss has risen from 1.118 to 1.183 bits/character while the training loss fell: "
        "the model learns its corpus by heart.  The best weights are kept; more dropout (--dropout 0.3), a smaller model "
        "(--hidden-size) or less time may do better"
    )


@pytest.mark.parametrize(
    ("train", "validation", "told"),
    [
        (FALLING, [1.5, 1.4, *[1.6] * 18], "the validation loss has risen from 0.505 to 0.577 bits/character"),
        ([*FALLING[:10], 1.4, 1.9, 2.5, 4.0], None, "The training loss has risen from 1.983 to 2.741 bits/character"),
        ([4.17] * 20, None, "The training loss is where it was, 6.016 bits/character"),
        ([3.0, 2.2, *[2.01] * 18], None, "the frequencies of tokens alone would (2.885 bits/character)"),
    ],
    ids=["overfitting", "divergence", "a dead rate", "frequencies"],
)
def test_losses_are_told_in_bits_per_character_of_the_part_that_they_are_of(train, validation, told):
    diagnosis = Diagnosis(OPTIONS, 2.0, 4.2, CharactersPerToken(training=1.0, validation=4.0))
    (sentence,) = said(diagnosis, lines_of(train, validation)).values()
    assert told in sentence


@pytest.mark.parametrize(
    ("dropout", "advice"),
    [
        (0.4, "more dropout (--dropout 0.5), a smaller model (--hidden-size) or less time may do better"),
        (0.5, "more text would do better"),
        (0.7, "more text would do better"),
    ],
)
def test_of_dropout_there_is_enough_at_a_half(diagnosis, dropout, advice):
    diagnosis.options = replace(OPTIONS, dropout=dropout)
    validation = [1.9 - 0.05 * number if number < 8 else 1.55 + 0.03 * (number - 7) for number in range(20)]
    (sentence,) = said(diagnosis, lines_of(FALLING, validation)).values()
    assert sentence.endswith(f"by heart.  The best weights are kept; {advice}")


def test_a_validation_loss_that_wavers_or_rises_with_the_training_loss_is_no_overfitting(diagnosis):
    wavering = [1.55 + 0.005 * (-1) ** number for number in range(20)]
    assert said(diagnosis, lines_of(FALLING, wavering)) == {}
    both = FALLING[:10] + [FALLING[9] + 0.02 * number for number in range(1, 5)]
    assert said(Diagnosis(OPTIONS, 2.0, 4.2, TWO), lines_of(both)) == {}


def test_without_a_validation_part_there_is_no_overfitting_to_see(diagnosis):
    assert said(diagnosis, lines_of(FALLING, [None] * 20)) == {}


def test_a_training_loss_far_above_its_lowest_tells_of_divergence(diagnosis):
    losses = [*FALLING[:10], 1.4, 1.9, 2.5, 4.0]
    ((number, sentence),) = said(diagnosis, lines_of(losses)).items()
    assert number == 11
    assert sentence == (
        "The training loss has risen from 0.991 to 1.371 bits/character by step 1,200: training may be about to diverge.  "
        "Try --learning-rate 0.001, or find one: --lr-find"
    )


DIVERGED = [
    [51.0] * 20,  # stays where it went before the first evaluation
    [12.6, *[3.93] * 19],  # comes back from there, to no more than frequencies
    [2.7, 2.6, 2.58, *[2.57] * 17],
]


@pytest.mark.parametrize("losses", DIVERGED)
def test_a_loss_far_above_that_of_a_fresh_model_tells_of_divergence_at_the_first_evaluation(diagnosis, losses):
    diagnosis.options, diagnosis.fresh_loss = replace(OPTIONS, output_bias="frequencies"), 2.05
    number, sentence = next(iter(said(diagnosis, lines_of(losses)).items()))
    assert number == 0
    assert sentence.startswith("The training loss has risen from 1.479 to ")
    assert sentence.endswith("training may be about to diverge.  Try --learning-rate 0.001, or find one: --lr-find")


@pytest.mark.parametrize("losses", DIVERGED)
@pytest.mark.parametrize("output_bias", ["frequencies", "zero"])
@pytest.mark.parametrize("every", [9, 100])
def test_a_loss_that_stays_far_above_that_of_a_fresh_model_is_never_told_as_too_low_a_rate(
    diagnosis, losses, output_bias, every
):
    diagnosis.options, diagnosis.fresh_loss = replace(OPTIONS, output_bias=output_bias), 2.05
    sentences = said(diagnosis, lines_of(losses * 5, every=every)).values()
    assert "about to diverge" in next(iter(sentences))
    assert not [sentence for sentence in sentences if "too low" in sentence]


def test_of_weights_that_are_not_fresh_it_is_not_known_where_they_begin(diagnosis):
    diagnosis.fresh_loss = float("inf")
    losses = [1.2 + 5.0 * 0.4**number for number in range(20)]  # of another language, which it soon learns
    assert said(diagnosis, lines_of(losses)) == {}
    diagnosis.fresh_loss = 4.2
    assert list(said(diagnosis, lines_of(losses))) == [0]


def test_a_gradient_norm_far_above_what_it_was_tells_of_divergence(diagnosis):
    ((number, sentence),) = said(diagnosis, lines_of(FALLING, norms=[0.5] * 9 + [4.0, 6.0, 0.5] + [0.5] * 8)).items()
    assert number == 10
    assert sentence.startswith(
        "The norm of the gradients has grown from 0.5 to 6 by step 1,100: training may be about to"
    )


def test_single_batches_do_not_tell_of_divergence(diagnosis):
    noise = np.random.default_rng(0)
    losses = [1.5 + 0.3 * float(noise.normal()) for _ in range(1000)]
    assert said(diagnosis, lines_of(losses, [1.5] * 1000, every=1)) == {}


def test_a_loss_that_stays_where_it_began_tells_of_a_dead_learning_rate(diagnosis):
    losses = [4.17 - 0.001 * number for number in range(20)]
    ((number, sentence),) = said(diagnosis, lines_of(losses)).items()
    assert number == 4  # a quarter of the run
    assert sentence == (
        "The training loss is where it was, 3.005 bits/character after 500 steps: the learning rate of 0.004 may be too "
        "low.  Try --learning-rate 0.04, or find one: --lr-find"
    )


def test_a_loss_that_stays_at_the_frequencies_of_tokens_tells_of_another(diagnosis):
    losses = [3.0, 2.2, *[2.01] * 18]
    ((_, sentence),) = said(diagnosis, lines_of(losses)).items()
    assert sentence == (
        "After 500 steps the model predicts no better than the frequencies of tokens alone would (1.443 bits/character).  "
        "Try another learning rate than 0.004: --lr-find finds one"
    )


@pytest.mark.parametrize("output_bias", ["zero", "frequencies"])
@pytest.mark.parametrize("losses", [[0.4, 0.01, *[0.0002] * 18], [0.0002] * 20, [0.0] * 20])
def test_where_hardly_anything_is_left_to_learn_as_of_one_symbol_alone_nothing_is_said(output_bias, losses):
    options = replace(OPTIONS, output_bias=output_bias)
    assert said(Diagnosis(options, 0.0, 0.7, TWO), lines_of(losses)) == {}
    assert said(Diagnosis(options, 0.0001, 0.7, TWO), lines_of(losses)) == {}


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ([2.05] * 20, "The training loss is where it was"),
        ([1.95] * 20, "The training loss is where it was"),
        ([2.05, *[2.3] * 19], "After 500 steps the model predicts no better"),
        ([2.05, 2.0, *[1.9] * 18], ""),
        ([1.2] * 20, ""),  # of a model that was trained before
    ],
)
def test_a_run_that_begins_at_the_frequencies_of_tokens_must_become_better(diagnosis, losses, told):
    diagnosis.options, diagnosis.fresh_loss = replace(OPTIONS, output_bias="frequencies"), 2.0
    sentences = list(said(diagnosis, lines_of(losses)).values())
    assert [sentence[: len(told)] for sentence in sentences] == [told] * bool(told)


def test_after_few_steps_nothing_is_said_of_the_learning_rate(diagnosis):
    assert said(diagnosis, lines_of([4.17] * 20, every=9)) == {}


def test_metrics_without_gradient_norms_are_judged_by_their_losses(diagnosis):
    lines = [{**line, "gradient_norm": None} for line in lines_of([*FALLING[:10], *[2.5] * 10])]
    assert list(said(diagnosis, lines)) == [10]


def test_what_was_measured_before_a_run_went_back_does_not_count_after_it(diagnosis):
    lines = lines_of(FALLING)
    again = [{**line, "train_loss": 1.9} for line in lines[8:]]
    straight = said(Diagnosis(OPTIONS, 2.0, 4.2, TWO), lines[:8] + again)
    assert [sentence.partition(":")[0] for sentence in straight.values()] == [
        "The training loss has risen from 1.062 to 1.371 bits/character by step 900"
    ]
    assert said(diagnosis, lines[:13] + again) == {number + 5: sentence for number, sentence in straight.items()}


@pytest.mark.parametrize("output_bias", ["zero", "frequencies"])
def test_a_measurement_before_which_nothing_was_trained_shows_nothing(output_bias):
    options = replace(OPTIONS, output_bias=output_bias)
    diagnosis = Diagnosis(options, token_entropy=2.0, fresh_loss=4.2, characters_per_token=TWO)
    (line,) = lines_of([None], [1.95], every=300)
    assert diagnosis.metrics(line) == []
    assert said(diagnosis, lines_of(FALLING, every=300)) == {}
