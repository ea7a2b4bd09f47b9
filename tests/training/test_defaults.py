"""What is not given is chosen from the corpus; what is given stays."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.training.defaults import DEFAULT_SECONDS, Corpus, choose
from seqgen.training.options import TrainingOptions

CHOSEN = (
    "batching",
    "hidden_size",
    "num_layers",
    "embedding_size",
    "dropout",
    "seq_len",
    "batch_size",
    "learning_rate",
)
BUDGET = ("epochs", "max_steps", "max_time")
GIVEN = {
    "batching": "documents",
    "hidden_size": 33,
    "num_layers": 3,
    "embedding_size": 7,
    "dropout": 0.0,
    "seq_len": 5,
    "batch_size": 2,
    "learning_rate": 0.5,
    "epochs": 0.5,
    "max_steps": 3,
    "max_time": 2.0,
}


def chosen_for(tokens, *, dataset_batching="stream", passes=4.0, **given):
    values = asdict(TrainingOptions(**given))
    return choose(values, Corpus(tokens, 1, 60), dataset_batching=dataset_batching, passes=lambda _: passes)


@given(names=st.sets(st.sampled_from(sorted(GIVEN))), tokens=st.integers(2, 10**9), tied=st.booleans())
def test_what_is_given_stays_and_everything_else_that_must_be_known_is_chosen(names, tokens, tied):
    chosen, sentence = chosen_for(tokens, tie_embeddings=tied, **{name: GIVEN[name] for name in names})
    assert not chosen.keys() & names
    assert set(CHOSEN) - names <= chosen.keys()
    assert all(name in sentence for name in chosen)
    assert f"{tokens:,} training tokens, 60 different" in sentence
    if names & set(BUDGET):
        assert not chosen.keys() & set(BUDGET)


def test_where_everything_is_given_nothing_is_chosen():
    assert chosen_for(1000, **GIVEN) == ({}, "1,000 training tokens, 60 different; every option was given")


def test_without_any_budget_it_is_three_minutes_or_fifty_passes():
    chosen, _ = chosen_for(10**6)
    assert (chosen["max_time"], chosen["epochs"]) == (DEFAULT_SECONDS, 50.0) == (180.0, 50.0)


@pytest.mark.parametrize(("tokens", "hidden_size"), [(20_000, 256), (150_000, 512), (1_000_000, 512)])
def test_a_small_corpus_gets_a_smaller_model(tokens, hidden_size):
    assert chosen_for(tokens)[0]["hidden_size"] == hidden_size


def test_a_corpus_that_is_read_more_often_gets_more_dropout():
    chosen = [chosen_for(10**6, passes=passes)[0]["dropout"] for passes in (0.3, 1, 2, 4, 8, 16, 32, 1000)]
    assert chosen == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5]


def test_how_often_it_is_read_is_asked_only_where_dropout_is_to_be_chosen():
    def passes(values):
        raise AssertionError

    values = asdict(TrainingOptions(dropout=0.2))
    chosen, _ = choose(values, Corpus(10**6, 1, 60), dataset_batching="stream", passes=passes)
    assert "dropout" not in chosen


def test_the_choices_fit_what_is_given():
    assert chosen_for(10**6, hidden_size=1024)[0]["learning_rate"] == pytest.approx(2 / 1024)
    assert chosen_for(10**6, tie_embeddings=True, hidden_size=300)[0]["embedding_size"] == 300
    assert chosen_for(10**6, dataset_batching="documents")[0]["batching"] == "documents"
    assert chosen_for(10**6, batching="documents")[0]["batch_size"] == 64
