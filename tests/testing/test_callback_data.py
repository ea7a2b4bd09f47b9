"""What callbacks are handed by the kit is what a run hands over, and no law changes what the next one hands over."""

import copy

import pytest

import seqgen
from seqgen.callbacks.csv_log import CsvLog
from seqgen.core.callback import Callback
from seqgen.testing import CallbackContract, check_laws
from seqgen.testing.callback import CONFIG, METRICS, SUMMARY


@pytest.fixture
def handed(monkeypatch, tmp_path, seqgen_home):
    """What the callbacks of a small training are handed: the configuration, lines of metrics, the summary."""
    pytest.importorskip("torch")
    found = []
    monkeypatch.setattr(CsvLog, "on_start", lambda _, config, __: found.append(config))
    monkeypatch.setattr(CsvLog, "on_metrics", lambda _, metrics: found.append(metrics))
    monkeypatch.setattr(CsvLog, "on_end", lambda _, summary: found.append(summary))
    corpus = tmp_path / "ice.txt"
    corpus.write_text("the ice lay still over the sea\n" * 60)
    options = {"backend": "torch", "hidden_size": 4, "max_steps": 4, "eval_every": 2, "ngram_order": 0}
    seqgen.train(corpus, name="ice", log_to="csv", progress=False, **options)
    return found


def kinds(values):
    """The type of each value; a number may be whole or not."""
    return {name: float if type(value) is int else type(value) for name, value in values.items()}


def test_the_kit_hands_over_the_keys_of_a_real_run(handed):
    config, *metrics, summary = handed
    assert set(config) == set(CONFIG)
    assert [list(line) for line in metrics] == [list(line) for line in METRICS]
    assert list(summary) == list(SUMMARY)
    assert set(summary["training"]) == set(SUMMARY["training"])


def test_the_values_are_of_the_types_of_a_real_run(handed):
    config, _, line, summary = handed
    unset = {
        "epochs",
        "max_time",
        "patience",
        "max_steps",
        "eval_every",
        "training",
        "validation_loss",
    }
    assert kinds(line) == kinds(METRICS[1])
    for real, ours in ((config, CONFIG), (summary, SUMMARY)):
        assert {name: kind for name, kind in kinds(real).items() if name not in unset} == {
            name: kind for name, kind in kinds(ours).items() if name not in unset
        }


class Emptying(Callback):
    def on_start(self, config, folder):
        config.clear()

    def on_metrics(self, metrics):
        metrics.clear()

    def on_end(self, summary):
        summary["training"].clear()
        summary.clear()


class EmptyingContract(CallbackContract):
    def make(self):
        return Emptying()


def test_one_that_empties_what_it_is_handed_is_told_so_whatever_laws_came_before():
    before = copy.deepcopy((CONFIG, METRICS, SUMMARY))
    broken = [verdict.law.name for verdict in check_laws(EmptyingContract()) if verdict.outcome == "failed"]
    assert broken == ["test_what_it_is_handed_is_not_modified"]
    assert before == (CONFIG, METRICS, SUMMARY)
