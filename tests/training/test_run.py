"""A run's folder: what is in it suffices to go on exactly, whatever happened in between."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from seqgen.core.errors import DamagedModelError, ModelNotFoundError, OutputError
from seqgen.data.batching import make_batching
from seqgen.model_config import ModelConfig
from seqgen.training.counters import Counters
from seqgen.training.run import CONSTANT, About, Run
from seqgen.training.schedule import Schedule
from seqgen.training.state import COUNTERS_SINCE

MODES = ("stream", "documents", "windows")
STEPS = 24
ABOUT = About(("a.txt", "b.txt"), "5eed", "sea:1", "c0de", ("csv",))

EVERY_MODE_IN_EACH_BACKEND = [
    pytest.param(mode, backend, id=f"{mode}-{backend}", marks=[pytest.mark.slow] * (backend != "torch"))
    for backend in ("torch", "keras")
    for mode in MODES
]


@pytest.fixture
def make_run(make_trainer, tmp_path):
    """A new run of a tiny model; its name can be given."""

    def make(name="tiny"):
        config = ModelConfig(make_trainer().model.spec, parts={}, training={}, origins={}, has_ends=True)
        return Run.create(tmp_path, name, config, {"symbols": "abc"}, ABOUT)

    return make


@pytest.fixture
def train(make_trainer):
    """A trainer that saves into a run, with dropout and all that makes resuming hard; killed or stopped on request."""

    class KilledError(Exception):
        pass

    def start(run, *, resume=False, save_at=(), kill_at=None, stop_at=None, **given):
        schedule = Schedule("cosine", 0.01, warmup_steps=4)
        trainer = make_trainer(**{"max_steps": STEPS, "dropout": 0.4, "schedule": schedule, "patience": 3, **given})

        def stop():
            step = trainer.counters.step
            if step == kill_at:
                raise KilledError
            return step == stop_at

        def checkpoint(trainer):
            if trainer.counters.step in (*save_at, stop_at):
                run.save(trainer)

        trainer.stop = stop
        trainer.checkpoint_every = 0.0
        trainer.observer.on_checkpoint = checkpoint
        trainer.observer.metrics = run.append_metrics
        if resume:
            run.restore(trainer)
        try:
            trainer.run()
        except KilledError:
            assert kill_at is not None
        return trainer

    return start


def metrics_of(run):
    return [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]


def assert_same_outcome(resumed, whole):
    for name, value in whole.model.weights().items():
        np.testing.assert_array_equal(resumed.model.weights()[name], value)
    for name, value in whole.best_weights.items():
        np.testing.assert_array_equal(resumed.best_weights[name], value)
    counters, expected = (trainer.counters.to_json() | {"seconds": None} for trainer in (resumed, whole))
    assert counters == expected


def without_times(lines, at=None):
    """Lines of metrics, but for the one at a step."""
    return [line | {"seconds": None} for line in lines if line["step"] != at]


@pytest.mark.parametrize(("mode", "backend"), EVERY_MODE_IN_EACH_BACKEND)
def test_a_killed_run_ends_with_the_very_weights_of_one_that_was_left_alone(make_run, train, mode, backend):
    how = {"mode": mode, "backend": backend}
    whole = train(undisturbed := make_run("whole"), **how)
    run = make_run()
    train(run, **how, save_at=(3, 13), kill_at=19)
    resumed = train(run, **how, resume=True, random_seed=99)
    assert_same_outcome(resumed, whole)
    assert without_times(metrics_of(run)) == without_times(metrics_of(undisturbed))


@pytest.mark.parametrize("stop_at", [10, 12])
@pytest.mark.parametrize(("mode", "backend"), EVERY_MODE_IN_EACH_BACKEND)
def test_a_stopped_run_ends_with_the_very_weights_of_one_that_was_left_alone(make_run, train, mode, backend, stop_at):
    how = {"mode": mode, "backend": backend}
    whole = train(undisturbed := make_run("whole"), **how)
    run = make_run()
    train(run, **how, stop_at=stop_at)  # where it would have measured anyway, or where it would not
    resumed = train(run, **how, resume=True, random_seed=99)
    assert_same_outcome(resumed, whole)
    own = None if stop_at % 5 == 0 else stop_at  # the stop's own measurement
    assert without_times(metrics_of(run), own) == without_times(metrics_of(undisturbed))


def test_a_checkpoint_of_before_sums_were_kept_is_gone_on_from(make_run, train):
    whole, run = train(make_run("whole")), make_run()
    train(run, save_at=(13,), kill_at=14)
    path = run.folder / "step-000000013" / "counters.json"
    counters = json.loads(path.read_text())
    assert counters["scored"] > 0
    path.write_text(json.dumps({name: value for name, value in counters.items() if name not in COUNTERS_SINCE}))
    resumed = train(run, resume=True)
    for name, value in whole.model.weights().items():
        np.testing.assert_array_equal(resumed.model.weights()[name], value)


def test_a_gradient_norm_that_is_no_number_and_a_huge_loss_can_be_saved(make_run, make_trainer):
    run, trainer, resumed = make_run(), make_trainer(), make_trainer()
    trainer.counters = Counters(step=3, train_loss=1e30, scored=5, nats=1e30, norms=2, norm_sum=None)
    run.save(trainer)
    run.restore(resumed)
    assert resumed.counters == trainer.counters


def test_a_stop_between_two_evaluations_costs_no_patience_and_is_measured_for_what_is_published(
    make_run, train, make_part
):
    falling = make_batching(
        "stream", make_part(4, down=True), seq_len=8, batch_size=4, random_seed=0, for_evaluation=True
    )
    how = {"max_steps": 1000, "eval_every": 4, "validation": falling, "patience": 1}
    whole = train(make_run("whole"), **how)
    run, at = make_run(), whole.counters.step - 2  # the loss rises already
    stopped = train(run, **how, stop_at=at)
    assert (stopped.counters.since_best, metrics_of(run)[-1]["step"]) == (1, at)
    assert_same_outcome(train(run, **how, resume=True), whole)


@pytest.mark.parametrize(("mode", "backend"), EVERY_MODE_IN_EACH_BACKEND)
def test_a_run_that_was_killed_while_it_got_worse_loses_its_patience_at_the_same_step(
    make_run, train, make_part, mode, backend
):
    # What rises is learnt, and what falls is measured, so that each evaluation is worse than the one before.
    falling = make_batching(mode, make_part(4, down=True), seq_len=8, batch_size=4, random_seed=0, for_evaluation=True)
    how = {"mode": mode, "backend": backend, "max_steps": 1000, "eval_every": 2, "validation": falling}
    whole = train(make_run("whole"), **how)
    last = whole.counters
    assert (last.since_best, last.step - last.best_step) == (3, 6)
    run = make_run()
    train(run, **how, save_at=(last.step - 3,), kill_at=last.step - 1)  # after one evaluation that was worse
    assert_same_outcome(train(run, **how, resume=True, random_seed=99), whole)


def test_what_was_measured_after_the_checkpoint_is_not_told_twice(make_run, train):
    run = make_run()
    train(run, save_at=(7,), kill_at=19)
    assert [line["step"] for line in metrics_of(run)] == [5, 10, 15]
    train(run, resume=True)
    assert [line["step"] for line in metrics_of(run)] == [5, 10, 15, 20, 24]


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_anew(make_run, train):
    whole = train(make_run("whole"))
    run = make_run()
    train(run, kill_at=12)
    resumed = train(run, resume=True)
    assert_same_outcome(resumed, whole)
    assert [line["step"] for line in metrics_of(run)] == [5, 10, 15, 20, 24]


def test_what_was_measured_at_the_checkpoints_own_step_stays(make_run, train):
    run = make_run()
    train(run, stop_at=10)
    assert [line["step"] for line in metrics_of(run)] == [5, 10]
    train(run, resume=True)
    assert [line["step"] for line in metrics_of(run)] == [5, 10, 15, 20, 24]


def test_metrics_are_lines_for_every_system_that_reads_them(make_run, monkeypatch):
    opened = Path.open

    def as_on_windows(path, mode="r", buffering=-1, encoding=None, errors=None, newline=None):
        translated = "b" not in mode and "r" not in mode and newline is None
        return opened(path, mode, buffering, encoding, errors, "\r\n" if translated else newline)

    monkeypatch.setattr(Path, "open", as_on_windows)
    run = make_run()
    line = {"step": 5, "progress": 0.5, "train_loss": 1.0, "validation_loss": None, "gradient_norm": None}
    run.append_metrics(line)
    assert run.metrics() == [line]


def test_a_line_of_metrics_for_which_there_is_no_room_leaves_no_half_of_it(make_run):
    run = make_run()
    line = {"step": 5, "progress": 0.5, "train_loss": 1.0, "validation_loss": None, "gradient_norm": None}
    run.append_metrics(line)
    path = run.folder / "metrics.jsonl"
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, limits[1]))
    try:
        with pytest.raises(OutputError):
            run.append_metrics({**line, "step": 10})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    run.append_metrics({**line, "step": 15})
    assert [json.loads(text)["step"] for text in path.read_text().splitlines()] == [5, 15]


def test_half_a_line_of_metrics_that_a_crash_left_is_dropped(make_run, train):
    run = make_run()
    train(run, save_at=(7,), kill_at=12)
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 1')
    train(run, resume=True)
    assert [line["step"] for line in metrics_of(run)] == [5, 10, 15, 20, 24]


def test_the_best_weights_outlive_a_restart(make_run, make_trainer):
    run = make_run()
    trainer = make_trainer(max_steps=5)
    trainer.run()
    best = trainer.best_weights
    trainer.model.load_weights({name: value + 1 for name, value in best.items()})
    run.save(trainer)
    resumed = make_trainer(max_steps=5)
    run.restore(resumed)
    resumed.run()  # the budget is used up
    assert resumed.counters == trainer.counters
    for name, value in best.items():
        np.testing.assert_array_equal(resumed.best_weights[name], value)
        np.testing.assert_array_equal(resumed.model.weights()[name], value + 1)


def test_two_checkpoints_stay(make_run, train):
    run = make_run()
    train(run, save_at=(2, 4, 6, 8))
    assert sorted(path.name for path in run.folder.glob("step-*")) == ["step-000000006", "step-000000008"]
    assert [path.name for path in run.folder.iterdir() if path.name.startswith(".new")] == []


def test_what_was_being_removed_of_a_run_goes_when_the_next_begins_whatever_its_name(make_run, tmp_path):
    left = tmp_path / "other" / ".old-0123"
    left.mkdir(parents=True)
    (left / "last.safetensors").touch()
    make_run()
    assert not left.exists()


def test_a_run_is_on_the_disk_before_it_is_one_which_then_is_too(make_run, flushed):
    folder = make_run().folder
    renamed = flushed.index("renamed")
    assert {path.stat().st_ino for path in (folder, *map(folder.joinpath, CONSTANT))} <= {*flushed[:renamed]}
    assert {folder.parent.stat().st_ino, folder.parents[1].stat().st_ino} <= {*flushed[renamed:]}


def test_a_checkpoint_is_on_the_disk_before_it_is_one_which_then_is_too(make_run, make_trainer, flushed):
    run = make_run()
    flushed.clear()
    run.save(make_trainer())
    (checkpoint,) = run.folder.glob("step-*")
    renamed = flushed.index("renamed")
    assert {path.stat().st_ino for path in (checkpoint, *checkpoint.iterdir())} <= {*flushed[:renamed]}
    assert run.folder.stat().st_ino in flushed[renamed:]


@pytest.mark.parametrize("keep", [1, 3])
def test_as_many_checkpoints_stay_as_are_asked_for(make_run, train, keep):
    run = make_run()
    run.keep = keep
    train(run, save_at=(2, 4, 6, 8))
    assert sorted(path.name for path in run.folder.glob("step-*")) == [f"step-00000000{n}" for n in (4, 6, 8)[-keep:]]


def test_a_damaged_checkpoint_does_not_count_among_those_that_stay(make_run, train):
    run = make_run()
    run.keep = 1
    train(run, save_at=(6,), kill_at=7)
    spoilt = run.folder / "step-000000009"
    shutil.copytree(run.folder / "step-000000006", spoilt)
    (spoilt / "last.safetensors").write_bytes(b"spoilt")
    train(run, resume=True, save_at=(8,), kill_at=9)
    assert [path.name for path in run.folder.glob("step-*")] == ["step-000000008"]


def test_one_checkpoint_of_a_step_goes_only_after_the_next_of_that_step_is_whole(make_run, make_trainer, monkeypatch):
    run = make_run()
    run.keep = 1
    run.save(make_trainer())
    real, seen = Path.rename, []

    def rename(path, target):
        seen.append(len(list(run.folder.glob("step-*"))))
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    run.save(make_trainer())
    assert min(seen) >= 1
    assert [path.name for path in run.folder.glob("step-*")] == ["step-000000000-2"]
    trainer = make_trainer()
    run.restore(trainer)
    assert trainer.counters.step == 0


def test_what_a_kill_left_half_written_or_half_removed_goes_when_the_run_is_opened(make_run, tmp_path):
    run = make_run()
    run.close()
    for name in (".new-abc", ".old-abc"):
        (run.folder / name).mkdir()
    Run.find(tmp_path, "tiny")
    assert not [path.name for path in run.folder.iterdir() if path.name.startswith((".new", ".old"))]


def test_a_run_that_another_process_trains_is_passed_over_for_one_that_waits(make_run, tmp_path):
    waiting, trained = make_run(), make_run()
    waiting.close()
    assert Run.find(tmp_path, "tiny").folder == waiting.folder
    trained.close()


@pytest.mark.parametrize(
    "name", ["last.safetensors", "best.safetensors", "training_state.safetensors", "counters.json"]
)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(make_run, make_trainer, train, name):
    run = make_run()
    train(run, save_at=(6, 8))
    path = run.folder / "step-000000008" / name
    path.write_bytes(path.read_bytes()[:-9])
    trainer = make_trainer()
    run.restore(trainer)
    assert trainer.counters.step == 6


def test_where_every_checkpoint_is_damaged_it_says_so(make_run, make_trainer, train):
    run = make_run()
    train(run, save_at=(6, 8))
    for path in run.folder.glob("step-*/last.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(DamagedModelError, match="step-000000006/last.safetensors: the file is truncated"):
        run.restore(make_trainer())


def test_counters_of_another_kind_are_refused(make_run, make_trainer, train):
    run = make_run()
    train(run, save_at=(6,))
    path = run.folder / "step-000000006" / "counters.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "surprise": 1}))
    with pytest.raises(DamagedModelError, match=r"counters\.json: surprise is unknown to this seqgen"):
        run.restore(make_trainer())


def test_a_run_is_found_by_name_with_all_it_was_started_with(make_run, tmp_path):
    started = make_run()
    started.close()
    found = Run.find(tmp_path, "tiny")
    assert found.folder == tmp_path / "tiny" / "1"
    assert found.config() == started.config()
    assert found.read("tokenizer.json") == {"symbols": "abc"}
    assert found.about() == ABOUT


@pytest.fixture
def as_on_windows(monkeypatch):
    """No folder is renamed, and none removed, as long as a lock in it is held."""

    def give(run):
        def refusing(move):
            def moved(path, *target):
                if run.lock.is_locked and path in (run.folder, run.folder / ".lock"):
                    raise PermissionError(13, "Access is denied", str(path))
                return move(path, *target)

            return moved

        for name in ("rename", "replace", "unlink", "rmdir"):
            monkeypatch.setattr(Path, name, refusing(getattr(Path, name)))

    return give


def test_a_run_is_removed_also_where_no_folder_is_renamed_in_which_a_file_is_open(
    make_run, make_trainer, as_on_windows, tmp_path
):
    run = make_run()
    run.save(make_trainer())
    as_on_windows(run)
    run.remove()
    assert list((tmp_path / "tiny").iterdir()) == []
    with pytest.raises(ModelNotFoundError, match="There is no unfinished run to go on with"):
        Run.find(tmp_path, None)


def test_of_a_run_that_another_process_looks_into_while_it_is_removed_the_lock_alone_may_stay(
    make_run, make_trainer, as_on_windows, tmp_path, monkeypatch
):
    run = make_run()
    run.save(make_trainer())
    as_on_windows(run)
    with monkeypatch.context() as patch:
        patch.setattr("seqgen.locks.remove", lambda _: None)
        run.remove()
    assert [path.name for path in run.folder.iterdir()] == [".lock"]
    with pytest.raises(ModelNotFoundError, match="There is no unfinished run of tiny to go on with"):
        Run.find(tmp_path, "tiny")
    assert not run.folder.exists()


def test_a_folder_of_which_only_the_lock_is_left_is_no_run(make_run, tmp_path):
    run = make_run()
    run.close()
    emptied = tmp_path / "tiny" / "2"
    emptied.mkdir()
    (emptied / ".lock").touch()
    assert Run.find(tmp_path, None).folder == run.folder
    assert not emptied.exists()


def test_a_run_that_ends_while_another_process_looks_for_one_is_none(make_run, tmp_path, monkeypatch):
    make_run().remove()
    monkeypatch.setattr("seqgen.training.run._runs", lambda root, _name: [root / "tiny" / "1"])
    with pytest.raises(ModelNotFoundError, match="There is no unfinished run of tiny to go on with"):
        Run.find(tmp_path, "tiny")
    assert not (tmp_path / "tiny" / "1").exists()


def test_without_a_name_the_newest_is_found(make_run, train, tmp_path):
    runs = [make_run(name) for name in ("one", "two", "one")]
    assert [str(run.folder.relative_to(tmp_path)) for run in runs] == ["one/1", "two/1", "one/2"]
    for run in runs:
        run.close()
    train(runs[1], save_at=(1,), kill_at=2)
    found = Run.find(tmp_path, None)
    assert found.folder == runs[1].folder
    found.remove()
    found = Run.find(tmp_path, "one")
    assert found.folder == runs[2].folder


def test_the_newest_is_found_also_where_the_clock_was_put_back(make_run, train, tmp_path):
    first, second = make_run("one"), make_run("two")
    an_hour_ahead = time.time() + 3600
    os.utime(first.folder, (an_hour_ahead, an_hour_ahead))
    train(second, save_at=(1,), kill_at=2)
    for run in (first, second):
        run.close()
    assert Run.find(tmp_path, None).folder == second.folder
    third = make_run("three")
    third.close()
    assert Run.find(tmp_path, None).folder == third.folder


def test_a_run_is_open_once_at_a_time(make_run, tmp_path):
    run = make_run()
    with pytest.raises(OutputError, match=r"Another process is training tiny \(run 1\)"):
        Run.find(tmp_path, "tiny")
    run.close()
    Run.find(tmp_path, "tiny").close()


def test_where_nothing_is_unfinished_it_says_so(make_run, tmp_path):
    with pytest.raises(ModelNotFoundError, match="There is no unfinished run to go on with"):
        Run.find(tmp_path, None)
    make_run().remove()
    with pytest.raises(ModelNotFoundError, match=r"There is no unfinished run of tiny to go on with \(.*\)\.$"):
        Run.find(tmp_path, "tiny")


def test_where_others_are_unfinished_they_are_named(make_run, tmp_path):
    for name in ("two", "one", "two"):
        make_run(name).close()
    (tmp_path / "ended" / "1").mkdir(parents=True)
    (tmp_path / "ended" / "1" / ".lock").touch()
    with pytest.raises(ModelNotFoundError, match=r"There is no unfinished run of tiny .*\.  Unfinished: one, two\.$"):
        Run.find(tmp_path, "tiny")


def test_a_path_is_no_name_whatever_numbers_lie_there(tmp_path):
    versions = tmp_path / "models" / "tiny"
    (versions / "1").mkdir(parents=True)
    (versions / "1" / "config.json").touch()
    training = tmp_path / "training"
    for name in (str(versions), "../models/tiny"):
        with pytest.raises(ModelNotFoundError, match="There is no unfinished run of"):
            Run.find(training, name)
    assert [path.name for path in (versions / "1").iterdir()] == ["config.json"]  # nothing was locked there


def test_what_another_user_lets_nobody_look_at_ends_no_run(make_run, make_trainer, tmp_path, closed):
    (tmp_path / "private" / "1").mkdir(parents=True)
    closed(tmp_path / "private")
    run = make_run()
    run.save(make_trainer())
    run.restore(make_trainer())
    run.close()
    assert Run.find(tmp_path, None).folder == run.folder
    with pytest.raises(PermissionError):
        Run.find(tmp_path, "private")


def test_a_run_that_cannot_be_made_the_newest_is_saved_all_the_same(make_run, make_trainer, monkeypatch):
    run = make_run()

    def refuse(*_, **__):
        raise OutputError("its time cannot be set")

    monkeypatch.setattr("seqgen.files.keep_newest", refuse)
    run.save(make_trainer())
    assert run.newest_step() is not None
