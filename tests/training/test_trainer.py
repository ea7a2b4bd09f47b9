"""The loop: when it ends, when it measures, what it keeps, and that none of this changes what is learned."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest

from seqgen.core.errors import TrainingError
from seqgen.core.spec import OptimizerSpec
from seqgen.data.batching import make_batching
from seqgen.evaluation import summed_nats
from seqgen.training.counters import Counters
from seqgen.training.schedule import Schedule
from seqgen.training.trainer import TICK_SECONDS, evaluate

MODES = ("stream", "documents", "windows")


def same(weights, others):
    return weights.keys() == others.keys() and all(np.array_equal(weights[name], others[name]) for name in weights)


@pytest.mark.parametrize("mode", MODES)
def test_it_ends_after_exactly_so_many_steps(make_trainer, mode):
    trainer = make_trainer(max_steps=13, mode=mode)
    trainer.run()
    now = trainer.counters
    assert now.step == 13
    assert (now.epoch, now.epoch_step) == divmod(13, trainer.training.steps_per_epoch)


def test_it_ends_when_the_time_is_over_with_the_step_that_it_was_in(make_trainer, clock):
    trainer = make_trainer(max_seconds=60.0, clock=clock(1.0), eval_every=1000)
    trainer.run()
    assert 60 <= trainer.counters.seconds < 60 + 3
    assert 50 < trainer.counters.step <= 60


def test_it_ends_in_time_by_the_clock_on_the_wall(make_trainer):
    started = time.perf_counter()
    trainer = make_trainer(max_seconds=0.5)
    trainer.run()
    assert 0.5 <= trainer.counters.seconds <= time.perf_counter() - started
    assert trainer.counters.step >= 1


@pytest.mark.parametrize(("max_steps", "max_seconds", "steps"), [(7, 1000.0, 7), (1000, 7.0, None)])
def test_the_budget_that_is_reached_first_ends_it(make_trainer, clock, max_steps, max_seconds, steps):
    trainer = make_trainer(max_steps=max_steps, max_seconds=max_seconds, clock=clock(1.0), eval_every=1000)
    trainer.run()
    assert trainer.counters.step == (steps or pytest.approx(7, abs=2))


def test_it_measures_every_so_many_steps_and_at_the_end(make_trainer):
    trainer = make_trainer(max_steps=17, eval_every=5)
    trainer.run()
    assert trainer.observer.steps == [5, 10, 15, 17]
    assert trainer.observer.evaluated_at == [5, 10, 15, 17]


@pytest.mark.parametrize(
    ("max_steps", "steps"),
    [(200, [*range(10, 201, 10)]), (250, [round(12.5 * i + 0.1) for i in range(1, 21)]), (3, [3])],
)
def test_by_default_it_measures_twenty_times_in_steps_that_are_enough_for_it(make_trainer, max_steps, steps):
    trainer = make_trainer(max_steps=max_steps, eval_every=None)
    trainer.run()
    assert trainer.observer.steps == steps


def test_by_default_it_measures_twenty_times_in_a_given_time_too(make_trainer, clock):
    trainer = make_trainer(max_seconds=400.0, eval_every=None, clock=clock(1.0))
    trainer.run()
    assert 19 <= len(trainer.observer.lines) <= 21


def test_a_line_of_metrics_says_where_the_run_is_and_how_well_it_does(make_trainer):
    trainer = make_trainer(max_steps=5, learning_rate=0.02)
    epoch = round(5 / trainer.training.steps_per_epoch, 4)
    trainer.run()
    (line,) = trainer.observer.lines
    assert (line["step"], line["epoch"], line["tokens"], line["learning_rate"]) == (5, epoch, 5 * 4 * 8, 0.02)
    assert line["validation_loss"] == evaluate(trainer.model, trainer.validation)
    assert 0 < line["train_loss"] < 2 * math.log(8)


def test_the_training_loss_is_the_mean_since_the_last_measurement(make_trainer):
    lines = {}
    for eval_every in (1, 4):
        trainer = make_trainer(max_steps=8, eval_every=eval_every)
        trainer.run()
        lines[eval_every] = [line["train_loss"] for line in trainer.observer.lines]
    assert lines[4] == pytest.approx([np.mean(lines[1][:4]), np.mean(lines[1][4:])])


def test_each_target_counts_alike_in_it_though_batches_score_different_numbers(make_trainer):
    trainer = make_trainer(max_steps=8, eval_every=8, mode="documents")
    real, losses, scored = trainer.model.train_step, [], []

    def train_step(batch, learning_rate):
        losses.append(float(real(batch, learning_rate)))
        scored.append(batch.scored)
        return losses[-1]

    trainer.model.train_step = train_step
    trainer.run()
    assert len(set(scored)) > 3
    assert trainer.counters.train_loss == pytest.approx(np.average(losses, weights=scored), rel=1e-12)


def test_it_stays_where_an_evaluation_follows_on_no_step(make_trainer):
    trainer = make_trainer(max_steps=5)
    trainer.run()
    before = trainer.counters.train_loss
    trainer.best_weights = None  # so that it is measured once more, as where a run goes on whose budget is used up
    trainer.run()
    assert [line["train_loss"] for line in trainer.observer.lines] == [before, before]


def test_a_line_of_metrics_has_the_mean_and_the_largest_gradient_norm_since_the_last(make_trainer):
    lines = {}
    for eval_every in (1, 4):
        trainer = make_trainer(max_steps=8, eval_every=eval_every)
        trainer.run()
        lines[eval_every] = trainer.observer.lines
    norms = [line["gradient_norm"] for line in lines[1]]
    assert all(norm > 0 for norm in norms)
    assert norms == [line["largest_gradient_norm"] for line in lines[1]]
    assert [line["gradient_norm"] for line in lines[4]] == pytest.approx([np.mean(norms[:4]), np.mean(norms[4:])])
    assert [line["largest_gradient_norm"] for line in lines[4]] == [max(norms[:4]), max(norms[4:])]


def test_of_a_model_that_tells_no_gradient_norm_there_is_none(make_trainer):
    trainer = make_trainer(max_steps=5)
    real = trainer.model.train_step

    def train_step(batch, learning_rate):
        loss = real(batch, learning_rate)
        trainer.model.gradient_norm = None
        return loss

    trainer.model.train_step = train_step
    trainer.run()
    (line,) = trainer.observer.lines
    assert (line["gradient_norm"], line["largest_gradient_norm"]) == (None, None)


def test_a_gradient_norm_that_is_no_number_is_left_out_for_json_could_not_hold_it(make_trainer):
    trainer = make_trainer(max_steps=1)
    real = trainer.model.train_step

    def train_step(batch, learning_rate):
        loss = real(batch, learning_rate)
        trainer.model.gradient_norm = math.inf
        return loss

    trainer.model.train_step = train_step
    trainer.run()
    (line,) = trainer.observer.lines
    assert (line["gradient_norm"], line["largest_gradient_norm"]) == (None, None)


def test_one_that_is_no_number_counts_until_the_next_measurement(make_trainer):
    trainer = make_trainer(max_steps=6, eval_every=3)
    real = trainer.model.train_step

    def train_step(batch, learning_rate):
        loss = real(batch, learning_rate)
        if trainer.counters.step == 1:
            trainer.model.gradient_norm = math.nan
        return loss

    trainer.model.train_step = train_step
    trainer.run()
    first, second = trainer.observer.lines
    assert (first["gradient_norm"], first["largest_gradient_norm"]) == (None, None)
    assert second["largest_gradient_norm"] >= second["gradient_norm"] > 0


@pytest.mark.parametrize("mode", MODES)
def test_it_learns(make_trainer, mode):
    trainer = make_trainer(max_steps=150, mode=mode, eval_every=30)
    trainer.run()
    losses = [line["validation_loss"] for line in trainer.observer.lines]
    assert losses[-1] < losses[0] * 0.8
    assert trainer.counters.best_loss == min(losses)


@pytest.mark.parametrize("mode", MODES)
def test_measuring_does_not_change_what_is_learned(make_trainer, mode):
    trainers = [make_trainer(max_steps=12, mode=mode, dropout=0.3, eval_every=each) for each in (1, 12)]
    for trainer in trainers:
        trainer.run()
    assert same(trainers[0].model.weights(), trainers[1].model.weights())


def test_where_an_average_is_kept_it_is_what_is_measured_and_the_weights_are_trained_on(make_trainer):
    averaging = OptimizerSpec(weight_average=0.1)
    often, once = (make_trainer(max_steps=12, optimizer=averaging, eval_every=each) for each in (1, 12))
    for trainer in (often, once):
        trainer.run()
    assert same(often.model.weights(), once.model.weights())
    average = once.model.averaged_weights()
    assert same(once.best_weights, average)
    assert not same(average, once.model.weights())
    once.model.load_weights(average)
    assert evaluate(once.model, once.validation) == once.counters.best_loss


def test_an_evaluation_that_is_broken_off_leaves_the_weights_that_are_trained(make_trainer):
    trainer = make_trainer(max_steps=4, optimizer=OptimizerSpec(weight_average=0.1), eval_every=4)
    expected = make_trainer(max_steps=4, optimizer=OptimizerSpec(weight_average=0.1), eval_every=4)
    expected.run()

    def leave(_):
        raise KeyboardInterrupt

    trainer.observer.evaluated = leave
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert same(trainer.model.weights(), expected.model.weights())


def test_patience_ends_it_after_so_many_measurements_without_a_better_one(make_trainer):
    trainer = make_trainer(max_steps=1000, patience=3, learning_rate=0.0)
    trainer.run()
    assert trainer.observer.steps == [5, 10, 15, 20]  # one that is the best, and three that are no better
    assert trainer.counters.best_step == 5
    assert trainer.counters.since_best == 3


@pytest.fixture
def overfitting(make_trainer, make_part):
    """It trains on scales that go down and is measured on scales that go up: it gets worse with every step."""
    training = make_batching("stream", make_part(down=True), seq_len=8, batch_size=4, random_seed=0)
    return lambda **given: make_trainer(training=training, learning_rate=0.03, **given)


def test_the_best_weights_are_kept_and_not_the_last(overfitting):
    trainer = overfitting(max_steps=100, eval_every=10)
    trainer.run()
    losses = {line["step"]: line["validation_loss"] for line in trainer.observer.lines}
    best_step = min(losses, key=losses.get)
    assert best_step < 100
    assert (trainer.counters.best_step, trainer.counters.best_loss) == (best_step, losses[best_step])
    assert not same(trainer.best_weights, trainer.model.weights())
    trainer.model.load_weights(trainer.best_weights)
    assert evaluate(trainer.model, trainer.validation) == trainer.counters.best_loss


def test_the_training_loss_of_the_best_step_is_kept_with_it(overfitting):
    trainer = overfitting(max_steps=100, eval_every=10)
    trainer.run()
    (best,) = [line for line in trainer.observer.lines if line["step"] == trainer.counters.best_step]
    assert trainer.counters.best_train_loss == best["train_loss"]
    assert trainer.counters.train_loss == trainer.observer.lines[-1]["train_loss"] < best["train_loss"]


def test_the_observer_ends_it_after_an_evaluation(make_trainer, recorder):
    recorder.ends_after = 2
    trainer = make_trainer(max_steps=1000, eval_every=5, observer=recorder)
    trainer.run()
    assert recorder.steps == [5, 10]
    assert trainer.counters.step == 10
    assert trainer.best_weights is not None


def test_patience_ends_it_where_it_only_gets_worse(overfitting):
    trainer = overfitting(max_steps=1000, patience=2, eval_every=10)
    trainer.run()
    assert trainer.counters.step == trainer.counters.best_step + 20


def test_without_a_validation_part_the_last_weights_are_the_best(make_trainer):
    trainer = make_trainer(max_steps=12, validation=None)
    trainer.run()
    assert same(trainer.best_weights, trainer.model.weights())
    assert (trainer.counters.best_loss, trainer.counters.validation_loss) == (None, None)
    assert [line["validation_loss"] for line in trainer.observer.lines] == [None] * 3


@dataclass(frozen=True)
class Cliff(Schedule):
    """A rate that suddenly is so high that the weights leave float32."""

    step: int = 0

    def at(self, step, progress):
        return 3e38 if step >= self.step else super().at(step, progress)


@pytest.mark.parametrize("with_validation", [True, False])
def test_divergence_is_an_error_that_says_what_to_do_and_the_best_before_it_is_kept(make_trainer, with_validation):
    validation = {} if with_validation else {"validation": None}
    schedule = Cliff("constant", 0.01, 0, step=12)
    trainer = make_trainer(max_steps=100, schedule=schedule, **validation)
    with pytest.raises(TrainingError) as error:
        trainer.run()
    assert "training diverged.  Try a lower rate: --learning-rate 0.0025" in str(error.value)
    assert trainer.counters.step < 100
    assert trainer.counters.best_step == 10
    assert all(np.isfinite(tensor).all() for tensor in trainer.best_weights.values())
    if with_validation:
        trainer.model.load_weights(trainer.best_weights)
        assert evaluate(trainer.model, trainer.validation) == trainer.counters.best_loss


def test_divergence_in_the_first_steps_leaves_nothing(make_trainer):
    trainer = make_trainer(max_steps=100, schedule=Cliff("constant", 0.01, 0, step=0))
    with pytest.raises(TrainingError, match="The loss is not a number any more after step"):
        trainer.run()
    assert trainer.best_weights is None


def test_when_asked_to_stop_it_finishes_the_step_measures_and_saves(make_trainer):
    trainer = make_trainer(max_steps=1000, eval_every=100)
    trainer.stop = lambda: trainer.counters.step == 7
    trainer.run()
    assert trainer.counters.step == 7
    assert trainer.observer.steps == [7]
    assert trainer.observer.checkpoints == [7]
    assert same(trainer.best_weights, trainer.model.weights())


def test_a_stopped_run_goes_on_where_it_was(make_trainer):
    whole = make_trainer(max_steps=20, dropout=0.3)
    whole.run()
    parts = make_trainer(max_steps=20, dropout=0.3)
    parts.stop = lambda: parts.counters.step == 9
    parts.run()
    parts.stop = lambda: False
    parts.run()
    assert parts.counters.step == 20
    assert same(parts.model.weights(), whole.model.weights())


def test_checkpoints_come_by_the_clock(make_trainer, clock):
    trainer = make_trainer(max_seconds=100.0, checkpoint_every=20.0, clock=clock(1.0), eval_every=1000)
    trainer.run()
    assert 4 <= len(trainer.observer.checkpoints) <= 5
    gaps = np.diff([0, *trainer.observer.checkpoints])
    assert (gaps >= 18).all()


def test_the_time_of_all_sittings_counts(make_trainer, clock):
    trainer = make_trainer(max_seconds=50.0, clock=clock(1.0), eval_every=1000)
    trainer.counters.seconds = 30.0
    trainer.run()
    assert trainer.counters.seconds >= 50
    assert trainer.counters.step < 25


def test_a_clock_that_goes_backwards_loses_that_moment_and_nothing_else(make_trainer, clock):
    forward = make_trainer(max_seconds=100.0, checkpoint_every=20.0, clock=clock(1.0), eval_every=10)
    forward.run()
    real = clock(1.0)

    def back():
        if real.now == 130.0:
            real.now -= 3600.0
        return real()

    backward = make_trainer(max_seconds=100.0, checkpoint_every=20.0, clock=back, eval_every=10)
    backward.run()
    assert real.now < 0  # it has gone back
    assert backward.counters.seconds >= 100
    assert backward.counters.step == pytest.approx(forward.counters.step, abs=2)
    assert backward.observer.checkpoints == pytest.approx(forward.observer.checkpoints, abs=2)


@dataclass
class Lazy:
    """A loss that knows how often it was read."""

    value: float
    readings: list

    def __float__(self):
        self.readings.append(self.value)
        return self.value


def test_losses_are_read_seldom_since_reading_waits_for_the_device(make_trainer, clock):
    trainer = make_trainer(max_steps=200, clock=clock(TICK_SECONDS / 50), eval_every=200)
    real, readings, unread = trainer.model.train_step, [], []

    norms = []

    def train_step(batch, learning_rate):
        unread.append(trainer.counters.step - len(readings))
        assert len(norms) == len(readings)
        loss = Lazy(float(real(batch, learning_rate)), readings)
        trainer.model.gradient_norm = Lazy(float(trainer.model.gradient_norm), norms)
        return loss

    trainer.model.train_step = train_step
    trainer.run()
    assert len(readings) == len(norms) == 200  # each once
    assert max(unread) >= 40
    assert 3 <= len(trainer.observer.ticks) <= 8


def test_a_tick_shows_the_pace_and_the_share_of_the_budget(make_trainer, clock):
    trainer = make_trainer(max_steps=100, clock=clock(0.5), eval_every=1000)
    trainer.run()
    tick = trainer.observer.ticks[50]
    assert (tick.progress, tick.epoch) == (tick.step / 100, tick.step / trainer.training.steps_per_epoch)
    assert tick.tokens_per_second == pytest.approx(4 * 8 / 0.5, rel=0.1)
    assert tick.train_loss == pytest.approx(math.log(8), rel=0.5)
    assert tick.validation_loss is None
    last = trainer.observer.ticks[-1]
    assert (last.progress, last.validation_loss) == (1.0, trainer.counters.validation_loss)


def test_the_schedule_is_asked_with_the_steps_and_the_share_of_the_budget(make_trainer):
    trainer = make_trainer(max_steps=10, eval_every=1, schedule=Schedule("linear", 1e-3, warmup_steps=3))
    trainer.run()
    expected = [trainer.schedule.at(step, step / 10) for step in range(10)]
    assert [line["learning_rate"] for line in trainer.observer.lines] == pytest.approx(expected)


def test_where_only_measuring_is_left_the_line_has_the_rate_of_the_last_step(make_trainer):
    schedule = Schedule("linear", 1e-3, warmup_steps=8)
    trainer = make_trainer(max_steps=4, schedule=schedule, counters=Counters(step=4, setbacks=2))
    trainer.run()
    (line,) = trainer.observer.lines
    assert line["learning_rate"] == schedule.at(3, 1.0) / 4 < schedule.at(4, 1.0) / 4  # halved by each of two setbacks


def test_nats_are_summed_to_the_same_bits_however_many_batches_are_read_together(make_trainer, monkeypatch):
    trainer = make_trainer(max_steps=1)
    model, batches = trainer.model, trainer.validation
    expected, scored = 0.0, 0
    for step in range(batches.steps_per_epoch):
        batch = batches.batch(0, step)
        expected += float(model.evaluate(batch)[0])
        scored += batch.scored
    assert batches.steps_per_epoch > 3
    for together in (1, 3, 1000):
        monkeypatch.setattr("seqgen.evaluation.READ_TOGETHER", together)
        assert summed_nats(model, batches) == (expected, scored)


@pytest.mark.parametrize("step", range(1, 13))
def test_a_run_that_is_resumed_evaluates_when_it_would_have(make_trainer, step):
    whole, stopped = (make_trainer(max_steps=36, eval_every=None) for _ in range(2))
    whole.run()
    assert 1 < len(whole.observer.steps) < 20
    saved = []
    stopped.observer.on_checkpoint = lambda trainer: saved.append(replace(trainer.counters))
    stopped.stop = lambda: stopped.counters.step == step
    stopped.run()
    resumed = make_trainer(max_steps=36, eval_every=None, counters=saved[-1])
    resumed.run()
    assert resumed.observer.steps == [each for each in whole.observer.steps if each > step]
