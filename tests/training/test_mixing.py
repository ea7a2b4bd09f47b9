"""N-grams at the end of a run: what is told of them, and that nothing of the network is lost to them."""

from __future__ import annotations

import os
import signal
from asyncio import CancelledError
from importlib.metadata import EntryPoint
from pathlib import Path
from types import FunctionType

import numpy as np
import pytest
from safetensors.numpy import load_file

from seqgen.core.catalog import load_catalog
from seqgen.core.errors import OptionError
from seqgen.files import sha256
from seqgen.manifest import NGRAMS
from seqgen.ngrams.counting import count_ngrams
from seqgen.ngrams.mixture import WEIGHTS, Fitted, Mixture, weights_shape
from seqgen.ngrams.table import NOTHING, NgramTable
from seqgen.training import mixing
from seqgen.training.interruption import Interruption

from .conftest import Reporter, unfinished


@pytest.fixture
def counting(monkeypatch):
    """Let something happen when n-grams are about to be counted."""

    def before(happens):
        def count(*arguments):
            happens()
            return count_ngrams(*arguments)

        monkeypatch.setattr(mixing, "count_ngrams", count)

    return before


@pytest.mark.parametrize("batching", ["documents", "stream"])
def test_n_grams_begin_as_the_documents_of_the_corpus_begin(start, tmp_path, batching):
    verses = tmp_path / "verses.txt"
    verses.write_text("".join(f"Verse {number:,} of the sea.\n" for number in range(0, 99_000, 990)))
    outcome = start(sources=[str(verses)], dataset="lines", batching=batching, max_steps=2, ngram_order=4)
    tokenizer = outcome.version.open().tokenizer(load_catalog())
    tensors = {name: value for name, value in load_file(outcome.version.folder / NGRAMS).items() if name != WEIGHTS}
    table = NgramTable.of(tensors, tokenizer.vocab_size, where="counted")
    begun = table.after(np.array([[NOTHING, NOTHING, tokenizer.end_id]])).probabilities[0]
    assert begun[tokenizer.encode("V")] > 0.98


def test_they_are_weighed_against_the_weights_that_are_published_and_the_model_keeps_its_own(make_trainer):
    trainer = make_trainer()
    model, training, validation = trainer.model, trainer.training, trainer.validation
    own = model.weights()
    published = {name: value * 3 for name, value in own.items()}
    mixed = mixing._mix(model, published, 3, training, validation)
    for name, value in own.items():
        np.testing.assert_array_equal(model.weights()[name], value)
    model.load_weights(published)
    table = count_ngrams(training.part.tokens, model.spec.vocab_size, 3, 0)
    expected = Mixture(model, table, np.ones(weights_shape(3), np.float32))
    batches = [validation.batch(0, step) for step in range(validation.steps_per_epoch)]
    fitted = expected.fit(lambda: batches, crossed=False)  # as an order is given
    assert Fitted(mixed.loss, mixed.unseen) == fitted
    np.testing.assert_array_equal(mixed.tensors[WEIGHTS], expected.tensors()[WEIGHTS])


@pytest.mark.parametrize(
    ("order", "unseen", "kept"), [(None, 0.985, True), (None, 0.995, False), (None, 1.02, False), (3, 1.02, True)]
)
def test_they_are_kept_for_what_they_gain_where_the_weights_were_not_fitted_unless_an_order_is_given(
    make_trainer, monkeypatch, order, unseen, kept
):
    trainer = make_trainer(max_steps=5)
    trainer.run()
    alone = trainer.counters.best_loss
    monkeypatch.setattr(Mixture, "fit", lambda *_, **__: Fitted(0.9 * alone, unseen * alone))
    reporter = Reporter()
    mixed = mixing.mixed_in(
        trainer, order, reporter, Interruption(), catalog=load_catalog(), characters_per_token=1 / np.log(2)
    )
    assert (mixed is not None) == kept
    if kept:
        assert (mixed.loss, mixed.unseen) == (0.9 * alone, unseen * alone)
    bits = f"from {alone:.3f} to {(0.9 if kept else unseen) * alone:.3f} bits/character"
    told = f"n-grams  of up to {order or 7} tokens bring validation {bits}"
    assert reporter.told == [told if kept else f"{told}: too little to keep them"]


def test_what_they_gain_a_network_that_diverged_is_not_written_out(make_trainer, monkeypatch):
    trainer = make_trainer(max_steps=5)
    trainer.run()
    trainer.counters.best_loss = 3.3767e30
    monkeypatch.setattr(Mixture, "fit", lambda *_, **__: Fitted(0.04, 0.05))
    reporter = Reporter()
    mixing.mixed_in(trainer, 3, reporter, Interruption(), catalog=load_catalog(), characters_per_token=1 / np.log(2))
    assert reporter.told == ["n-grams  of up to 3 tokens bring validation from 3.4e+30 to 0.040 bits/character"]


def test_n_grams_of_one_document_reach_over_all_of_it(start, monkeypatch):
    ends = []
    monkeypatch.setattr(mixing, "count_ngrams", lambda *given: ends.append(given[3]) or count_ngrams(*given))
    start(max_steps=2)
    assert ends == [None]


def test_a_signal_while_n_grams_are_counted_publishes_the_network_and_they_can_be_counted_later(
    start, resume, counting, monkeypatch
):
    counting(lambda: os.kill(os.getpid(), signal.SIGTERM))
    reporter = Reporter()
    outcome = start(reporter=reporter, max_steps=12)
    assert (outcome.record["steps"], outcome.record["interrupted"], outcome.signal_number) == (12, True, signal.SIGTERM)
    assert reporter.told[-2:] == [
        "warning: The n-grams are left out.",
        "Saved as sea:1.  To go on: seqgen train --resume sea",
    ]
    assert not (outcome.version.folder / "ngrams.safetensors").exists()
    monkeypatch.setattr(mixing, "count_ngrams", count_ngrams)
    resumed = resume()
    assert (str(resumed.version), resumed.record["steps"], resumed.record["interrupted"]) == ("sea:2", 12, False)
    assert (resumed.version.folder / "ngrams.safetensors").exists()
    assert sha256(resumed.version.folder / "model.safetensors") == sha256(outcome.version.folder / "model.safetensors")


def test_a_process_that_is_killed_while_n_grams_are_counted_has_lost_nothing(start, resume, counting, monkeypatch):
    class Killed(BaseException):
        pass

    class Killing(Reporter):
        """As far as a test can kill the process that it runs in: what counting raises would be caught."""

        def warn(self, text):
            if "n-grams" in text:
                raise Killed
            super().warn(text)

    counting(wrong)
    with pytest.raises(Killed):
        start(reporter=Killing(), max_steps=12)
    monkeypatch.setattr(mixing, "count_ngrams", count_ngrams)
    reporter = Reporter()
    assert str(resume(reporter=reporter).version) == "sea:1"
    assert "resume   sea at step 12" in reporter.told


def wrong():
    return {}["no such count"]


def of_module(name):
    """The same mistake, in code of a module of that name."""
    return FunctionType(wrong.__code__, {"__name__": name})


@pytest.fixture
def toys(monkeypatch):
    """The bundled parts, and those of a plugin, among them a backend."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "toy_plugin" / "src")
    return load_catalog([EntryPoint(name="toy", value="seqgen_toy", group="seqgen")])


def told_of(mistake, start, counting, **given):
    """What is told of a mistake that is made while n-grams are counted; the network is published all the same."""
    counting(mistake)
    reporter = Reporter()
    outcome = start(reporter=reporter, max_steps=12, ngram_order=3, **given)
    assert (str(outcome.version), unfinished()) == ("sea:1", [])
    assert not (outcome.version.folder / NGRAMS).exists()
    (told,) = [text for text in reporter.told if "n-grams" in text]
    return told.removeprefix("warning: The n-grams are left out: ")


def test_our_own_mistake_in_counting_or_weighing_is_told_as_ours_with_where_it_is(start, counting, toys):
    told = told_of(of_module("seqgen.ngrams.counting"), start, counting, catalog=toys)
    line = wrong.__code__.co_firstlineno + 1
    assert told == (
        f"KeyError: 'no such count' (seqgen.ngrams.counting, line {line}).  That is a mistake in seqgen: please report it"
    )


def test_a_mistake_of_a_plugins_backend_is_told_as_that_of_its_authors(start, counting, toys):
    told = told_of(of_module("seqgen_toy.counting"), start, counting, catalog=toys)
    assert told == "KeyError: 'no such count'.  Please tell the authors of plugin seqgen_toy ?"


def test_what_a_plugins_backend_raises_need_be_no_exception(start, counting, toys):
    def panic():
        raise CancelledError("no way out")

    theirs = FunctionType(panic.__code__, {"__name__": "seqgen_toy.counting", "CancelledError": CancelledError})
    told = told_of(theirs, start, counting, catalog=toys)
    assert told == "CancelledError: no way out.  Please tell the authors of plugin seqgen_toy ?"


def test_where_a_plugins_backend_is_at_work_it_may_have_given_what_is_wrong(start, counting, toys):
    told = told_of(wrong, start, counting, catalog=toys, backend="counting", precision="auto")
    assert told.endswith(
        "That is a mistake in seqgen, unless seqgen check-plugin seqgen_toy finds one in backend counting: please report it"
    )


def test_what_a_person_can_mend_is_told_alone(start, counting):
    def refuse():
        raise OptionError("Give it less.")

    assert told_of(refuse, start, counting) == "Give it less."


def test_what_counts_for_nothing_where_it_is_interrupted_has_no_n_grams_counted(start, counting):
    counted = []
    counting(lambda: counted.append(1))
    start(reporter=Reporter(signal_at=1), max_steps=12, eval_every=4, mixes=False)
    assert counted == []
    start(max_steps=12, mixes=False)
    assert counted == [1]


def test_a_run_may_go_on_without_n_grams_and_with_others(start, resume):
    start(reporter=Reporter(signal_at=1), max_steps=12, eval_every=4)
    outcome = resume(ngram_order=0, reporter=Reporter(signal_at=1))
    assert not (outcome.version.folder / "ngrams.safetensors").exists()
    assert resume(ngram_order=3).record["ngram_order"] == 3


def test_an_order_that_cannot_be_is_refused_before_a_run_goes_on(start, resume):
    start(reporter=Reporter(signal_at=1), max_steps=12, eval_every=4)
    with pytest.raises(OptionError, match="ngram_order is 1, but must be at least 2"):
        resume(ngram_order=1)


def test_where_memory_does_not_suffice_for_n_grams_the_network_is_published(start, counting):
    def fail():
        raise MemoryError

    counting(fail)
    reporter = Reporter()
    outcome = start(reporter=reporter, max_steps=4)
    assert "warning: There is not enough memory to count n-grams, so they are left out." in reporter.told
    assert (str(outcome.version), outcome.record["interrupted"], unfinished()) == ("sea:1", False, [])


@pytest.mark.parametrize("many", ["MANY_COUNTED", "MANY_WEIGHED"])
@pytest.mark.parametrize("order", [None, 3])
def test_what_takes_long_with_n_grams_is_told_and_by_itself_not_done_on_very_much(start, monkeypatch, order, many):
    monkeypatch.setattr(mixing, many, 100)
    reporter = Reporter()
    start(reporter=reporter, max_steps=4, ngram_order=order)
    told = [line for line in reporter.told if line.startswith("n-grams")]
    assert told[0] == "n-grams  being counted in 1,053 tokens and weighed on 116; Ctrl-C leaves them out"
    monkeypatch.setattr(mixing, "MOST_WEIGHED", 100)
    outcome = start(max_steps=4, ngram_order=order)
    assert (outcome.version.folder / "ngrams.safetensors").exists() == (order is not None)
