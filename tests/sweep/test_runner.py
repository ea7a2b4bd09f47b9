"""From trial to trial: equal budgets, losers stopped, everything kept through interruptions, the best published."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import shutil
import signal
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path
from types import FunctionType

import filelock
import pytest

import seqgen
from seqgen import home
from seqgen.backends.torch.model import TorchModel
from seqgen.core.catalog import load_catalog
from seqgen.core.errors import (
    CorpusError,
    DamagedModelError,
    ModelNotFoundError,
    OptionError,
    OutputError,
    TrainingError,
    UnknownPartError,
    UsageError,
)
from seqgen.registry import Registry
from seqgen.sweep import start
from seqgen.sweep.space import Range
from seqgen.sweep.study import Study, TrialResult, ranked

TOYS = Path(__file__).parents[1] / "toy_plugin" / "src"

TINY = ("backend=torch", "embedding_size=4", "seq_len=8", "batch_size=4", "precision=float32", "warmup_steps=0")

BAD, GOOD = 1e-9, 0.05
"""Learning rates."""


class Observer:
    """Keeps what it is told, and may do something when the figures of a trial move."""

    def __init__(self, on_move=lambda _: None):
        self.on_move = on_move
        self.begun_with = []
        self.trials = []
        self.told = []

    def begun(self, plan, results):
        self.begun_with = list(results)

    def trial_begun(self, number, options):
        self.trials.append(dict(options))

    def moved(self, seconds, progress):
        self.on_move(self)

    def trial_ended(self, result, best):
        self.told.append((result, best))

    def close(self):
        pass


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "sea.txt"
    path.write_text("The sea is wide and the ice is white.  " * 40)
    return path


@pytest.fixture
def search(seqgen_home, corpus):
    """A sweep of trials of a few steps."""

    def run(*space, observer=None, catalog=None, max_steps=20, **given):
        own = {"max_time": "5m", "trial_time": "60s", **given}
        settled = (*TINY, "ngram_order=0", f"max_steps={max_steps}", "eval_every=5", *own.pop("settled", ()))
        catalog, observer = catalog or load_catalog(), observer or Observer()
        return start.sweep([str(corpus)], space, settled=settled, catalog=catalog, observer=observer, **own)

    return run


@pytest.fixture
def resume(seqgen_home):
    """Go on with a sweep."""

    def run(name=None, *, observer=None, **given):
        return start.resume(name, catalog=load_catalog(), observer=observer or Observer(), **given)

    return run


def outcomes(results):
    """What trials gave, without the time they took."""
    return sorted((each.number, each.state, tuple(each.options.items()), each.bits_per_character) for each in results)


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_best_is_published_and_writes_and_of_the_others_only_figures_remain(search, corpus):
    observer = Observer()
    outcome = search("hidden-size=4,8", "learning-rate=0.03,1e-9", observer=observer)
    assert len({tuple(result.options.items()) for result in outcome.results}) == 4  # each once, though there is time
    assert outcome.results == ranked(outcome.results)
    assert outcome.best == outcome.results[0]
    assert outcome.best.options["learning_rate"] == 0.03
    assert [result.number for result, _ in observer.told] == [1, 2, 3, 4]
    assert [dict(result.options) for result, _ in observer.told] == observer.trials
    assert observer.told[-1][1] == outcome.best

    assert outcome.version == "sea:1"
    assert [str(version) for version in Registry(home.models_folder()).all()] == ["sea:1"]
    saved = Registry(home.models_folder()).find("sea").open()
    assert saved.manifest["results"]["bits_per_character"] == outcome.best.bits_per_character
    assert saved.config.model.hidden_size == outcome.best.options["hidden_size"]
    assert saved.config.origins["hidden_size"] == "sweep"
    about = saved.manifest["sweep"]
    assert (about["trial"], about["trials"]) == (outcome.best.number, 4)
    assert about["search"] == ["hidden_size=4,8", "learning_rate=0.03,1e-09"]
    assert about["chosen"] == dict(outcome.best.options)
    assert len(seqgen.load("sea").generate("the", length=5)) == 5
    assert files_below(home.sweeps_folder() / "sea") == [".lock", "journal.log", "sweep.json"]
    assert not home.training_folder().exists()


def test_the_best_is_on_the_disk_before_the_trial_that_made_it_is_removed(search, monkeypatch):
    flushed, fsync = set(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.add(os.fstat(descriptor).st_ino) or fsync(descriptor))
    rmtree, at_removal = shutil.rmtree, []

    def remove(folder, **how):
        if (published := home.models_folder() / "sea" / "1").exists():
            at_removal.append({path.name for path in published.iterdir() if path.stat().st_ino not in flushed})
        rmtree(folder, **how)

    monkeypatch.setattr(shutil, "rmtree", remove)
    assert search("hidden-size=4", max_steps=1).version == "sea:1"
    assert at_removal
    assert not set.union(*at_removal)


def test_losers_are_stopped_at_a_quarter_but_not_the_first_three(search):
    rates = "learning-rate=0.05,0.04,0.03,1e-7,1e-8,1e-9"
    outcome = search(rates, "hidden-size=8", random_seed=1)
    stopped = [result for result in outcome.results if result.state == "stopped"]
    assert stopped
    assert all(result.options["learning_rate"] <= 1e-7 for result in stopped)
    assert {(result.progress, result.steps) for result in stopped} == {(0.25, 5)}
    assert all(result.number > 3 for result in stopped)
    assert outcome.best.state == "complete"


def test_the_same_random_seed_tries_the_same_and_another_something_else(search):
    tried = []
    for name, random_seed in [("one", 3), ("two", 3), ("three", 4)]:
        outcome = search(
            "hidden-size=2..8", "learning-rate=1e-4..1e-1", name=name, trials=3, random_seed=random_seed, max_steps=2
        )
        tried.append(outcomes(outcome.results))
    assert tried[0] == tried[1] != tried[2]


class InterruptedAt:
    """Sends this process a signal in a trial, once."""

    def __init__(self, trial):
        self.trial = trial

    def __call__(self, observer):
        if len(observer.trials) == self.trial:
            self.trial = None
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupted_sweep_repeats_the_trial_that_was_running_and_ends_as_an_uninterrupted_one(search, resume):
    space = ("hidden-size=2..8", "learning-rate=1e-3..1e-1")
    whole = search(*space, name="whole", trials=5)
    cut = search(*space, name="cut", trials=5, observer=Observer(InterruptedAt(3)))
    assert (cut.signal_number, cut.version, len(cut.results)) == (signal.SIGINT, None, 2)
    assert not (home.models_folder() / "cut").exists()
    observer = Observer()
    more = resume("cut", observer=observer)
    assert outcomes(observer.begun_with) == outcomes(cut.results)
    assert (more.signal_number, more.version) == (None, "cut:1")
    assert outcomes(more.results) == outcomes(whole.results)
    assert more.seconds > cut.seconds  # time spent before counts


@pytest.mark.parametrize("draw", [2, 5])
def test_a_trial_that_was_being_drawn_is_drawn_as_it_would_have_been(search, resume, monkeypatch, draw):
    space = ("hidden-size=2..8", "learning-rate=1e-3..1e-1", "dropout=0.0..0.5")
    options = {"trials": 2, "max_steps": 2}
    search(*space, name="whole", observer=(whole := Observer()), **options)
    suggest, draws = Range.suggest, itertools.count(1)

    def interrupted(dimension, trial):
        if next(draws) == draw:
            raise KeyboardInterrupt
        return suggest(dimension, trial)

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(Range, "suggest", interrupted)
        search(*space, name="cut", observer=(before := Observer()), **options)
    resume("cut", observer=(after := Observer()))
    assert [*before.trials, *after.trials] == whole.trials


def test_an_interruption_while_a_trial_is_prepared_is_gone_on_from_by_the_same_command(search):
    class Interrupted(Observer):
        def trial_begun(self, number, options):
            super().trial_begun(number, options)
            if number == 2:
                raise KeyboardInterrupt

    cut = search("learning-rate=0.03,0.02", "hidden-size=4", observer=(first := Interrupted()), max_steps=2)
    assert (cut.signal_number, len(cut.results)) == (signal.SIGINT, 1)
    observer = Observer()
    more = search("learning-rate=0.03,0.02", "hidden-size=4", observer=observer, max_steps=2)
    assert observer.trials == first.trials[1:]
    assert (len(more.results), more.version) == (2, "sea:1")


def test_a_killed_sweep_goes_on_from_what_is_on_the_disk(search, resume, tmp_path):
    folder = tmp_path / "home" / "sweeps"

    def copy(observer):
        if len(observer.trials) == 2 and not (folder / "killed").exists():
            shutil.copytree(folder / "sea", folder / "killed")

    whole = search("hidden-size=2..8", trials=3, observer=Observer(copy), max_steps=4)
    with (folder / "killed" / "journal.log").open("ab") as journal:
        journal.write(b'{"op_code":8,"worker')  # a line that was being written
    (folder / "killed" / "journal.log.lock").touch()
    before = (folder / "sea" / "sweep.json").read_text()
    shutil.rmtree(folder / "sea")
    (folder / "killed").rename(folder / "sea")
    assert (folder / "sea" / "sweep.json").read_text() == before
    observer = Observer()
    more = resume("sea", observer=observer)
    assert [result.number for result in observer.begun_with] == [1]
    assert outcomes(more.results) == outcomes(whole.results)
    assert more.version == "sea:2"


def test_a_full_disk_while_a_journal_is_mended_loses_no_trial(search, resume, monkeypatch):
    first = search("hidden-size=2,3", max_steps=1)
    journal = home.sweeps_folder() / "sea" / "journal.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code":8,"worker')  # a line for which there was no room
    opened, limits = Study.__init__, resource.getrlimit(resource.RLIMIT_FSIZE)

    def without_room(*given):
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        try:
            opened(*given)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    with monkeypatch.context() as patch:
        patch.setattr(Study, "__init__", without_room)
        with pytest.raises(OutputError, match=r"journal\.log cannot be written: File too large\."):
            resume("sea")
    assert journal.read_bytes() == whole
    assert outcomes(resume("sea").results) == outcomes(first.results)


def test_what_was_published_before_a_kill_could_be_noted_is_not_published_again(search, resume, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Study, "publish", killed)
        with pytest.raises(Killed):
            search("hidden-size=4", trials=1, max_steps=1)
    before = Registry(home.models_folder()).find("sea:1").identity()
    seqgen.train(home.sweeps_folder() / "sea" / "sweep.json", name="sea", max_steps=1, progress=False)  # meanwhile
    assert resume("sea").version == "sea:1"
    versions = Registry(home.models_folder()).versions("sea")
    assert [str(version) for version in versions] == ["sea:1", "sea:2"]
    assert versions[0].identity() == before
    assert files_below(home.sweeps_folder() / "sea") == [".lock", "journal.log", "sweep.json"]


@pytest.mark.parametrize(
    ("random_seed", "first_rate", "published"),
    [(2, BAD, ["sea:1", "sea:2"]), (1, GOOD, ["sea:1"])],
    ids=["better", "worse"],
)
def test_with_more_trials_a_sweep_that_has_ended_goes_on_and_publishes_what_is_better(
    search, resume, random_seed, first_rate, published
):
    first = search("learning-rate=1e-9,0.05", "hidden-size=4", trials=1, max_steps=4, random_seed=random_seed)
    assert first.best.options["learning_rate"] == first_rate
    again = resume("sea")
    assert outcomes(again.results) == outcomes(first.results)
    assert again.version == "sea:1"
    more = resume(trials=2)
    assert (more.version, more.best.options["learning_rate"]) == (published[-1], GOOD)
    assert list(map(str, Registry(home.models_folder()).versions("sea"))) == published


def test_the_sweep_that_was_at_work_last_goes_on_also_where_the_clock_was_put_back(search, resume):
    for name in ("one", "two"):
        search("hidden-size=2,4", name=name, trials=1, max_steps=1)
        for path in (home.sweeps_folder() / name).iterdir() if name == "one" else ():
            os.utime(path, (time.time() + 3600,) * 2)
    assert resume().plan.name == "two"


def test_a_sweep_ends_within_its_time(search):
    pytest.importorskip("torch")  # whose import, like that of optuna, would be most of the first trial
    outcome = search("hidden-size=2..64", max_time="1.5s", trial_time="0.25s", max_steps=10**9)
    assert all(result.seconds >= 0.25 for result in outcome.results if result.state == "complete")
    # The last trial began since one like that before it would have ended in time, the first in any case.  How long all took says
    # more of the machine.
    *before, _ = sorted(outcome.results, key=lambda result: result.number)
    foreseen = [result.seconds for result in before if result.state == "complete"] or [0.25]
    if before:
        assert sum(result.seconds for result in before) + foreseen[-1] <= 1.5 + 0.01


def test_the_time_is_shared_out_to_the_trials(search):
    outcome = search("hidden-size=2,4", max_time="1m", trial_time=None, trials=2, max_steps=1)
    assert outcome.plan.trial_time == pytest.approx(0.95 * 60 / 2)
    outcome = search("hidden-size=2,4", max_time="1m", trial_time=None, name="other", max_steps=1)
    assert outcome.plan.trial_time == pytest.approx(0.95 * 60 / 12)


def test_without_a_search_what_seqgen_chooses_is_tried_first(search, corpus):
    settled = ("hidden_size=4", "num_layers=1")
    outcome = search(trials=2, settled=settled, max_steps=1)
    searched = [dimension.name for dimension in outcome.plan.space]
    assert searched == ["learning_rate", "dropout"]  # the other sizes are settled too
    first = next(result for result in outcome.results if result.number == 1)
    assert dict(first.options) == outcome.plan.centre
    chosen = seqgen.train(
        corpus,
        **dict(each.split("=") for each in (*TINY, *settled, "ngram_order=0")),
        max_time=60,
        max_steps=1,
        progress=False,
    )
    assert first.options["dropout"] == chosen.saved.config.training["dropout"]
    assert first.bits_per_character == chosen.training_record["bits_per_character"]


def test_tokenizers_are_compared_by_character(search):
    outcome = search("tokenizer=char|word:min_count=1", "learning-rate=0.03", max_steps=4)
    words = next(result for result in outcome.results if result.options["tokenizer"] != "char")
    assert outcome.best == words  # a few words that return, of which each is several characters
    assert seqgen.load("sea").saved.config.parts["tokenizer"].name == "word"


def test_a_trial_that_fails_is_told_and_the_others_go_on(search):
    # Embeddings are tied only where they have the size of the hidden state.
    outcome = search("hidden-size=4,8", "tie-embeddings=true", max_steps=2)
    (good, bad) = outcome.results
    assert (good.state, good.options["hidden_size"]) == ("complete", 4)
    assert (bad.state, bad.bits_per_character, bad.options["hidden_size"]) == ("failed", None, 8)
    assert "embedding" in bad.problem


def test_what_a_plugin_raises_in_a_trial_need_be_no_exception_for_the_others_to_go_on(search, monkeypatch):
    monkeypatch.syspath_prepend(TOYS)
    from seqgen_toy import counting

    def panics_where_it_is_large(self, batch, learning_rate):
        if self.spec.hidden_size == 8:
            raise BaseException("no way out")  # noqa: TRY002
        return self.untouched(batch, learning_rate)

    monkeypatch.setattr(TorchModel, "untouched", TorchModel.train_step, raising=False)
    as_if_it_stood_there = FunctionType(panics_where_it_is_large.__code__, vars(counting))
    monkeypatch.setattr(TorchModel, "train_step", as_if_it_stood_there)
    toys = load_catalog([EntryPoint(name="toy", value="seqgen_toy", group="seqgen")])
    (good, bad) = search("hidden-size=4,8", catalog=toys, max_steps=2).results
    assert (good.state, bad.state, bad.problem) == ("complete", "failed", "BaseException: no way out")


def test_what_ends_the_program_is_no_trials_failure(search, monkeypatch):
    def leaves(self, batch, learning_rate):
        sys.exit(3)

    monkeypatch.setattr(TorchModel, "train_step", leaves)
    with pytest.raises(SystemExit):
        search("hidden-size=4,8", max_steps=2)


def test_a_journal_that_cannot_be_written_ends_the_sweep_instead_of_the_watching(search):
    journal = home.sweeps_folder() / "sea" / "journal.log"

    def spoil(_):
        journal.unlink(missing_ok=True)
        journal.mkdir(exist_ok=True)

    with pytest.raises(OSError, match="journal.log"):
        search("hidden-size=4,8", observer=Observer(spoil))


def test_where_all_fail_the_sweep_ends_with_the_reason(search, resume):
    with pytest.raises(TrainingError, match=r"^All 3 trials of sweep sea failed, the last because: .*embedding"):
        search("hidden-size=8..64", "tie-embeddings=true")
    with pytest.raises(TrainingError, match=r"^All 6 trials"):
        resume("sea")  # where what failed before may have been mended
    with pytest.raises(TrainingError, match=r"^No trial of sweep two was trained to its end, the last because: "):
        search("hidden-size=8", "tie-embeddings=true", name="two")


@pytest.mark.parametrize(
    ("space", "given", "error", "sentence"),
    [
        (["tokenizer=char,chr"], {}, UnknownPartError, 'No tokenizer "chr".  Nearest: char.'),
        (["tokenizer=bpe:vocab_size=1"], {}, OptionError, "tokenizer bpe: vocab_size is 1, but must be"),
        (["hidden-size=4"], {"settled": ["hidden-size=8"]}, OptionError, "hidden_size is both in --search and in --set."),
        (["hidden-size=4"], {"settled": ["dropout"]}, OptionError, '--set "dropout" is not OPTION=VALUE.'),
        (["hidden-size=4"], {"settled": ["max-time=2s"]}, OptionError, "max_time of each trial is --trial-time"),
        (["hidden-size=4"], {"settled": ["validation-fraction=0"]}, OptionError, "validation_fraction is 0, but trials"),
        (["hidden-size=4"], {"trial_time": "6m"}, OptionError, "trial_time is 360 s, more than the 300 s"),
        (["hidden-size=4"], {"trials": "no"}, OptionError, "sweep: trials is no, but must be a whole number at least 1"),
        (["hidden-size=4"], {"name": "a/b"}, UsageError, '"a/b" is not a model name'),
        (["hidden-size=4"], {"preset": "huge"}, OptionError, 'No preset "huge".'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_before_anything_runs(search, space, given, error, sentence):
    observer = Observer()
    with pytest.raises(error) as refusal:
        search(*space, observer=observer, **given)
    assert str(refusal.value).startswith(sentence)
    assert not observer.trials
    assert not home.sweeps_folder().exists()


def test_a_missing_corpus_is_told_before_anything_runs(search, corpus):
    corpus.unlink()
    with pytest.raises(CorpusError, match="does not exist"):
        search("hidden-size=4")


def test_another_search_of_the_same_name_is_refused(search, corpus):
    search("hidden-size=4", max_steps=1)
    other = corpus.with_name("lake.txt")
    corpus.rename(other)
    with pytest.raises(UsageError, match="There is a sweep sea already, with another corpus, "):
        start.sweep([str(other)], ["hidden-size=4"], name="sea", catalog=load_catalog(), observer=Observer())
    other.rename(corpus)
    for space, given, what in [
        (["hidden-size=8"], {}, "search"),
        (["hidden-size=4"], {"settled": ["dropout=0.5"]}, "dropout"),
        (["hidden-size=4"], {"random_seed": 7}, "random_seed"),
        (["hidden-size=4"], {"trial_time": "2s"}, "trial_time"),
    ]:
        with pytest.raises(UsageError) as refusal:
            search(*space, max_steps=1, **given)
        assert str(refusal.value) == (
            f"There is a sweep sea already, with another {what}.  Go on with it: seqgen sweep --resume sea; or give "
            "another --name."
        )


def test_a_corpus_that_has_changed_is_refused_before_a_trial_and_when_nothing_is_left_to_do(search, resume, corpus):
    search("hidden-size=4,8", trials=1, name="sea")
    text = corpus.read_text()
    corpus.write_text(text + "The end.")
    for go_on in (
        lambda: resume("sea", trials=2),
        lambda: resume("sea"),
        lambda: search("hidden-size=4,8", name="sea"),
    ):
        with pytest.raises(
            OptionError, match="The corpus of sweep sea has changed since it was begun .*Put it back, or give"
        ):
            go_on()
    corpus.write_text(text)
    assert len(resume("sea", trials=2).results) == 2


def test_a_corpus_that_changes_between_two_trials_ends_the_sweep(search, resume, corpus):
    text = corpus.read_text()

    def change(observer):
        if len(observer.told) == 1:
            corpus.write_text(text + "The end.")

    class Changing(Observer):
        def trial_begun(self, number, options):
            super().trial_begun(number, options)
            change(self)

    with pytest.raises(OptionError, match="The corpus of sweep sea has changed"):
        search("hidden-size=4,8,16", observer=Changing())
    corpus.write_text(text)
    observer = Observer()
    outcome = resume(observer=observer)
    assert len(observer.begun_with) == 1
    assert len(outcome.results) == 3


@pytest.mark.parametrize("change", [lambda values: values.pop("beta_2"), lambda values: values.update(momentum=0.9)])
def test_a_sweep_of_a_seqgen_with_other_options_is_told(search, resume, change):
    search("hidden-size=4", trials=1)
    path = home.sweeps_folder() / "sea" / "sweep.json"
    plan = json.loads(path.read_text())
    change(plan["values"])
    path.write_text(json.dumps(plan))
    for go_on in (resume, lambda: search("hidden-size=4")):
        with pytest.raises(
            DamagedModelError, match=r"sweep\.json: values\.(beta_2|momentum) is missing or unknown to this"
        ):
            go_on()


def test_one_process_at_a_time(search, resume):
    search("hidden-size=4", max_steps=1)
    with filelock.FileLock(home.sweeps_folder() / "sea" / ".lock"), pytest.raises(OutputError) as refusal:
        resume("sea")
    assert str(refusal.value) == "Another process is at work on sweep sea.  Wait for it, or give another --name."


def test_there_may_be_nothing_to_go_on_with(resume):
    with pytest.raises(ModelNotFoundError, match=r"^There is no sweep to go on with \("):
        resume()
    with pytest.raises(ModelNotFoundError, match=r"^There is no sweep sea to go on with \("):
        resume("sea")
    assert not home.sweeps_folder().exists()


def test_those_that_ended_come_first_and_the_failed_last():
    def result(number, state, bits):
        return TrialResult(number, number, state, {}, bits, 1.0, 1, 1.0)

    results = [result(1, "failed", None), result(2, "stopped", 1.0), result(3, "complete", 3.0), result(4, "complete", 2.0)]  # fmt: skip
    assert [each.number for each in ranked(results)] == [4, 3, 2, 1]
