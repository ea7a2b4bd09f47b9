"""A run that diverges goes back to its last good checkpoint with half the learning rate, three times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from seqgen.core.errors import TrainingError
from seqgen.model_config import ModelConfig
from seqgen.training import progress
from seqgen.training.memory import enough_memory
from seqgen.training.options import TrainingOptions
from seqgen.training.recovery import SETBACKS, train_with_setbacks
from seqgen.training.run import About, Run
from seqgen.training.schedule import Schedule
from seqgen.training.trainer import DivergedError


class Reporter(progress.Reporter):
    def __init__(self):
        self.warnings = []

    def warn(self, text):
        self.warnings.append(text)


@dataclass(frozen=True)
class Cliff(Schedule):
    """A rate that from a step on, in so many sittings, is so high that the weights leave float32."""

    step: int = 0
    times: tuple = ()

    def at(self, step, progress):
        if step == self.step and self.times:
            self.times.pop()
            return 3e38
        return super().at(step, progress)


def cliff(step, times):
    return Cliff("constant", 0.01, 0, step, [None] * times)


@pytest.fixture
def make_run(make_trainer, tmp_path):
    def make():
        config = ModelConfig(make_trainer().model.spec, parts={}, training={}, origins={}, has_ends=True)
        return Run.create(tmp_path, "tiny", config, {}, About((), ""))

    return make


@pytest.fixture
def make_saving(make_trainer, clock):
    """A trainer that saves into a run at given steps; its clock is so slow that losses are read at evaluations alone."""

    def make(run, save_at=(), **given):
        trainer = make_trainer(**{"max_steps": 24, "dropout": 0.3, "clock": clock(1e-6), **given})

        def stop():
            if trainer.counters.step in save_at:
                run.save(trainer)
            return False

        trainer.stop = stop
        trainer.observer.metrics = run.append_metrics
        return trainer

    return make


def assert_same(weights, others):
    for name, value in weights.items():
        np.testing.assert_array_equal(others[name], value)


@pytest.mark.parametrize(("save_at", "back"), [((7, 9), 9), ((), 0)], ids=["a checkpoint", "the start"])
def test_it_goes_back_and_ends_as_one_that_had_half_the_rate_from_there_on(make_run, make_saving, save_at, back):
    run, reporter = make_run(), Reporter()
    diverging = make_saving(run, save_at, schedule=cliff(12, times=1))
    train_with_setbacks(diverging, run, reporter)
    assert reporter.warnings == [
        f"The loss was not a number any more after step 15: back to step {back}, with half the learning rate (0.005)."
    ]

    @dataclass(frozen=True)
    class Halved(Schedule):
        def at(self, step, progress):
            return 0.005 if step >= back else 0.01

    never = make_run()
    expected = make_saving(never, schedule=Halved("constant", 0.01, 0))
    expected.run()
    assert_same(expected.model.weights(), diverging.model.weights())
    assert (diverging.counters.step, diverging.counters.setbacks) == (24, 1)
    assert [line["step"] for line in run.metrics()] == [line["step"] for line in never.metrics()] == [5, 10, 15, 20, 24]


def test_the_best_weights_before_a_setback_stay_the_best_where_nothing_better_comes(make_run, make_saving):
    run = make_run()
    trainer = make_saving(run, (), schedule=cliff(12, times=100), eval_every=5)
    best = []
    real = trainer.observer.metrics
    trainer.observer.metrics = lambda line: (best.append((line["validation_loss"], line["train_loss"])), real(line))
    with pytest.raises(TrainingError):
        train_with_setbacks(trainer, run, Reporter())
    assert (trainer.counters.best_loss, trainer.counters.best_train_loss) == min(best)
    assert all(np.isfinite(tensor).all() for tensor in trainer.best_weights.values())


def test_it_gives_up_after_three_setbacks(make_run, make_saving):
    run, reporter = make_run(), Reporter()
    trainer = make_saving(run, (7,), schedule=cliff(12, times=100))
    with pytest.raises(TrainingError) as error:
        train_with_setbacks(trainer, run, reporter)
    assert len(reporter.warnings) == SETBACKS == 3
    assert str(error.value) == (
        "The loss is not a number any more after step 15: training diverged.  Try a lower rate: --learning-rate 0.00031"
        "  It has gone back 3 times, each time with half the rate."
    )


def test_the_time_before_a_setback_counts(make_run, make_saving, clock):
    run = make_run()
    trainer = make_saving(run, (7,), schedule=cliff(12, times=1), clock=clock(1.0))
    train_with_setbacks(trainer, run, Reporter())
    undisturbed = make_saving(make_run(), (7,), clock=clock(1.0))
    undisturbed.run()
    assert trainer.counters.seconds > undisturbed.counters.seconds + 5


def test_weights_that_no_step_has_trained_are_not_what_a_run_ends_with(make_run, make_saving, clock):
    run = make_run()
    trainer = make_saving(run, schedule=cliff(3, times=1), max_steps=None, max_seconds=4.5, clock=clock(1.0))
    with pytest.raises(TrainingError, match="No time was left for a step of training"):
        train_with_setbacks(trainer, run, Reporter())
    assert trainer.best_weights is None


def test_a_run_that_is_resumed_after_a_setback_keeps_to_its_lower_rate(make_run, make_saving):
    run = make_run()
    trainer = make_saving(run, (7, 18), schedule=cliff(12, times=1))
    train_with_setbacks(trainer, run, Reporter())
    resumed = make_saving(run)
    run.restore(resumed)
    assert (resumed.counters.step, resumed.counters.setbacks) == (18, 1)
    resumed.run()
    assert_same(trainer.model.weights(), resumed.model.weights())


def test_weights_that_are_no_numbers_are_never_saved(make_run, make_saving):
    run = make_run()
    trainer = make_saving(run)
    weights = trainer.model.weights()
    run.save(trainer)
    trainer.model.load_weights(weights | {"output.bias": weights["output.bias"] * np.float32(np.nan)})
    trainer.counters.step = 5
    with pytest.raises(DivergedError):
        run.save(trainer)
    assert [path.name for path in run.folder.glob("step-*")] == ["step-000000000"]


def test_without_held_out_text_weights_that_are_no_numbers_are_never_the_best(make_trainer):
    trainer = make_trainer(max_steps=4, eval_every=2, validation=None)
    step = trainer.model.train_step

    def wild(batch, learning_rate):
        loss = step(batch, learning_rate)
        if trainer.counters.step == 3:  # after the last loss that is read
            weights = trainer.model.weights()
            trainer.model.load_weights(weights | {"output.bias": weights["output.bias"] * np.float32(np.inf)})
        return loss

    trainer.model.train_step = wild
    with pytest.raises(DivergedError):
        trainer.run()
    assert trainer.counters.best_step == 2
    assert all(np.isfinite(tensor).all() for tensor in trainer.best_weights.values())


def test_before_a_checkpoint_every_loss_is_read(make_trainer, clock):
    trainer = make_trainer(max_steps=100, schedule=cliff(3, times=1), eval_every=1000, checkpoint_every=1e-9)
    trainer.clock = clock(1e-6)  # too fast for anything to be shown in between
    with pytest.raises(DivergedError):
        trainer.run()
    assert max(trainer.observer.checkpoints) <= 4


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to ..."),
        type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor"),
    ],
    ids=["numpy", "torch on a GPU", "torch on the CPU", "tensorflow"],
)
def test_what_frameworks_say_of_too_little_memory_becomes_a_sentence(error):
    with (
        pytest.raises(TrainingError, match=r"Reduce one of --batch-size \(64\), --seq-len, --hidden-size \(512\)"),
        enough_memory(TrainingOptions(batch_size=64, hidden_size=512)),
    ):
        raise error


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="shapes"), enough_memory(TrainingOptions()):
        raise RuntimeError("shapes do not fit")


OUT_OF_MEMORY = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."


def out_of_memory_above(trainer, rows, times=99, after=0):
    """Let its model fail as torch does where it is to compute more sequences at a time, so many times, once it has done some steps."""
    step, left, done = trainer.model.train_step, [None] * times, []

    def train_step(batch, learning_rate):
        if left and len(done) >= after and (trainer.model.micro_batch_size or len(batch.inputs)) > rows:
            left.pop()
            raise RuntimeError(OUT_OF_MEMORY)
        done.append(None)
        return step(batch, learning_rate)

    trainer.model.train_step = train_step


def evaluations_of(trainer):
    """What each evaluation of a run finds: step, loss and weights."""
    found, real = [], trainer.observer.metrics

    def metrics(line):
        found.append((line["step"], line["validation_loss"], trainer.model.weights()))
        real(line)

    trainer.observer.metrics = metrics
    return found


def assert_the_best_is_of_step(step, trainer, found):
    """Of all that was measured, on the way and after going back."""
    best_step, best_loss, weights = min(found, key=lambda each: each[1])
    assert (trainer.counters.best_step, trainer.counters.best_loss) == (best_step, best_loss)
    assert best_step == step
    assert_same(weights, trainer.best_weights)


@pytest.mark.parametrize(("save_at", "ends_at"), [((), 4), ((5,), 9)], ids=["the start", "a checkpoint"])
def test_the_best_weights_before_memory_does_not_suffice_stay_the_best_where_too_little_time_is_left(
    make_run, make_saving, clock, save_at, ends_at
):
    run = make_run()
    trainer = make_saving(run, save_at, dropout=0.0, max_steps=None, max_seconds=17.5, clock=clock(1.0))
    out_of_memory_above(trainer, trainer.training.batch_size // 2, after=12)
    found = evaluations_of(trainer)
    train_with_setbacks(trainer, run, progress.Reporter(), auto_batch=True)
    assert trainer.counters.step == ends_at
    assert_the_best_is_of_step(10, trainer, found)


def test_the_best_weights_stay_where_memory_does_not_suffice_for_the_last_evaluation_and_the_time_is_over(
    make_run, make_saving, clock
):
    run = make_run()
    trainer = make_saving(run, dropout=0.0, max_steps=None, max_seconds=14.5, clock=clock(1.0))
    found, evaluate = evaluations_of(trainer), trainer.model.evaluate

    def evaluate_in_little_memory(batch):
        if len(found) == 2:
            raise RuntimeError(OUT_OF_MEMORY)
        return evaluate(batch)

    trainer.model.evaluate = evaluate_in_little_memory
    train_with_setbacks(trainer, run, progress.Reporter(), auto_batch=True)
    assert trainer.counters.step == 0
    assert_the_best_is_of_step(10, trainer, found)


def test_the_best_weights_stay_where_memory_suffices_for_no_step_more(make_run, make_saving):
    trainer = make_saving(run := make_run(), dropout=0.0)
    out_of_memory_above(trainer, 0, after=12)
    found = evaluations_of(trainer)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        train_with_setbacks(trainer, run, progress.Reporter(), auto_batch=True)
    assert trainer.model.micro_batch_size == 1
    assert_the_best_is_of_step(10, trainer, found)


def test_where_memory_does_not_suffice_fewer_sequences_at_a_time_give_the_same(make_run, make_saving):
    whole, halved = make_saving(make_run(), dropout=0.0), make_saving(run := make_run(), dropout=0.0)
    train_with_setbacks(whole, make_run(), progress.Reporter(), auto_batch=True)
    rows = halved.training.batch_size
    out_of_memory_above(halved, rows // 2)
    told = Reporter()
    told.note = told.warnings.append
    train_with_setbacks(halved, run, told, auto_batch=True)
    assert told.warnings == [f"memory   is not enough: from now on {-(-rows // 2)} sequences of a batch at a time"]
    assert halved.counters.micro_batch_size == -(-rows // 2)
    assert halved.counters.step == whole.counters.step
    for name, tensor in whole.model.weights().items():
        np.testing.assert_allclose(halved.model.weights()[name], tensor, atol=1e-4)


@pytest.mark.parametrize("save_at", [(), (5,)], ids=["the start", "a checkpoint"])
def test_what_is_measured_again_after_going_back_does_not_try_the_patience(make_run, make_saving, save_at):
    whole = make_saving(make_run(), dropout=0.0, patience=1)
    train_with_setbacks(whole, make_run(), progress.Reporter(), auto_batch=True)
    assert whole.counters.step == 24
    halved = make_saving(run := make_run(), save_at, dropout=0.0, patience=1)
    out_of_memory_above(halved, halved.training.batch_size // 2, after=22)
    train_with_setbacks(halved, run, progress.Reporter(), auto_batch=True)
    ends = [(each.counters.step, each.counters.best_step, each.counters.since_best) for each in (whole, halved)]
    assert ends[0] == ends[1]


def test_what_was_tried_before_a_checkpoint_is_forgotten_where_a_better_one_came_after_it(make_run, make_saving):
    trainer = make_saving(run := make_run(), dropout=0.0)
    out_of_memory_above(trainer, trainer.training.batch_size // 2, after=12)
    real, tried = trainer.observer.metrics, []

    def stop():
        if trainer.counters.step == 7:
            trainer.counters.since_best = 2  # as if others had been better than that of step 5
            run.save(trainer)
        return False

    def metrics(line):
        tried.append((line["step"], trainer.counters.since_best))
        real(line)

    trainer.stop, trainer.observer.metrics = stop, metrics
    train_with_setbacks(trainer, run, progress.Reporter(), auto_batch=True)
    assert tried[:4] == [(5, 0), (10, 0), (10, 0), (15, 0)]


def test_going_back_for_lack_of_memory_keeps_the_rate_that_a_setback_halved(make_run, make_saving):
    run = make_run()
    trainer = make_saving(run, save_at=(5,))
    trainer.counters.setbacks = 1
    out_of_memory_above(trainer, trainer.training.batch_size // 2)
    train_with_setbacks(trainer, run, progress.Reporter(), auto_batch=True)
    assert trainer.counters.setbacks == 1
    assert trainer.learning_rate == trainer.schedule.learning_rate / 2


def test_what_was_found_to_fit_is_known_when_the_run_goes_on(make_run, make_saving):
    run = make_run()
    trainer = make_saving(run, save_at=(5, 9))
    out_of_memory_above(trainer, 1)
    train_with_setbacks(trainer, run, progress.Reporter(), auto_batch=True)
    again = make_saving(run)
    run.restore(again)
    assert again.counters.micro_batch_size == 1
    out_of_memory_above(again, 1, times=1)
    train_with_setbacks(again, run, progress.Reporter())  # which would fail with more


@pytest.mark.parametrize("auto_batch", [False, True])
def test_memory_that_does_not_suffice_for_one_sequence_ends_the_run(make_run, make_saving, auto_batch):
    trainer = make_saving(run := make_run())
    out_of_memory_above(trainer, 0)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        train_with_setbacks(trainer, run, progress.Reporter(), auto_batch=auto_batch)
    assert trainer.model.micro_batch_size == (1 if auto_batch else None)


def test_what_else_fails_is_not_tried_again(make_run, make_saving):
    trainer = make_saving(run := make_run())
    trainer.model.train_step = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        train_with_setbacks(trainer, run, progress.Reporter(), auto_batch=True)
