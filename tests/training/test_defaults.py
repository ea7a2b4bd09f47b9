"""What is not given is chosen from the corpus; what is given stays."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.training.defaults import DEFAULT_SECONDS, CorpusSize, Reach, choose
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
    "output_bias": "zero",
    "dropout": 0.0,
    "seq_len": 5,
    "batch_size": 2,
    "learning_rate": 0.5,
    "epochs": 0.5,
    "max_steps": 3,
    "max_time": 2.0,
}


def chosen_for(tokens, *, inherited=(), dataset_batching="stream", seen=4e6, counted=math.inf, **given):
    reach, options, size = Reach(counted, seen), TrainingOptions(**given), CorpusSize(tokens, 1, 60)
    return choose(options, size, inherited=inherited, dataset_batching=dataset_batching, reach=lambda _: reach)


@given(names=st.sets(st.sampled_from(sorted(GIVEN))), tokens=st.integers(2, 10**9), tied=st.booleans())
def test_what_is_given_stays_and_everything_else_that_must_be_known_is_chosen(names, tokens, tied):
    chosen, sentence = chosen_for(tokens, tie_embeddings=tied, **{name: GIVEN[name] for name in names})
    assert not chosen.keys() & names
    assert set(CHOSEN) - names <= chosen.keys()
    assert all(name in sentence for name in chosen)
    assert f"{tokens:,} training tokens, 60 different" in sentence
    if names & {"epochs", "max_steps"}:
        assert not chosen.keys() & set(BUDGET)


def test_a_model_begins_at_the_frequencies_of_tokens_where_its_corpus_is_read_a_few_times():
    assert [chosen_for(10**6, seen=seen)[0]["output_bias"] for seen in (1e6, 7.9e6, 8e6)] == [
        "frequencies",
        "frequencies",
        "zero",
    ]
    shape = {"hidden_size": 512, "dropout": 0.1}
    assert [chosen_for(10**6, seen=seen, **shape)[0]["output_bias"] for seen in (1e6, 8e6)] == ["frequencies", "zero"]


def test_how_often_a_corpus_is_read_is_told_where_it_was_measured_only():
    settled = {"hidden_size": 64, "dropout": 0.0, "output_bias": "zero"}  # as of a model that is gone on from
    chosen, sentence = chosen_for(10**9, **settled)
    assert chosen["epochs"] == 50
    assert "to be read" not in sentence
    assert "to be read 50 times" in chosen_for(1000, batch_size=4, seq_len=8)[1]


def test_how_often_it_is_read_goes_by_the_size_that_is_chosen_of_which_more_steps_fit_into_the_time():
    chosen, sentence = chosen_for(20_000, seen=1e5)  # at the largest size
    assert (chosen["hidden_size"], chosen["dropout"]) == (128, 0.5)
    assert "to be read 40 times" in sentence


def test_of_several_documents_it_is_told_how_many_there_are():
    options, corpus = TrainingOptions(**GIVEN), CorpusSize(1000, 1200, 60)
    _, told = choose(options, corpus, dataset_batching="stream", reach=lambda _: Reach(math.inf, math.inf))
    assert told == "1,200 documents, 1,000 training tokens, 60 different; every option was given"


def test_where_everything_is_given_nothing_is_chosen():
    assert chosen_for(1000, **GIVEN) == ({}, "1,000 training tokens, 60 different; every option was given")


@pytest.mark.parametrize(
    ("batching", "documents", "passes"),
    [
        ("stream", 1, 103.0),  # 200 updates of 16 x 64 of 2,000 tokens
        ("windows", 1, 50.0),  # an update is 64 of them
        ("documents", 200, 64.0),  # 64 lines of ten
        ("documents", 2, 50.0),  # 64 of each, and there are two
        ("documents", 1, 50.0),
        ("documents", 40, 200.0),  # no more than all of it
    ],
)
def test_a_very_small_corpus_is_read_for_200_updates_whatever_an_update_reads(batching, documents, passes):
    options = TrainingOptions(max_time=180.0)
    chosen, _ = choose(
        options, CorpusSize(2000, documents, 60), dataset_batching=batching, reach=lambda _: Reach(math.inf, 1e9)
    )
    assert chosen["epochs"] == passes


def test_without_any_budget_it_is_three_minutes_or_fifty_passes():
    chosen, _ = chosen_for(10**6)
    assert (chosen["max_time"], chosen.get("epochs")) == (DEFAULT_SECONDS, None) == (180.0, None)
    chosen, sentence = chosen_for(10**6, seen=51e6)
    assert (chosen["max_time"], chosen["epochs"]) == (180.0, 50.0)
    assert "to be read 50 times" in sentence
    assert chosen_for(10**6, seen=51e6, hidden_size=64, dropout=0.0)[0]["epochs"] == 50.0


@pytest.mark.parametrize(
    ("tokens", "passes"), [(10**6, 50.0), (10_000, 50.0), (1800, 114.0), (600, 200.0), (30, 200.0)]
)
def test_a_time_that_is_enough_for_more_ends_after_fifty_passes_or_of_a_small_corpus_200_updates(tokens, passes):
    chosen, sentence = chosen_for(tokens, max_time=600.0, seen=1e9)
    assert chosen["epochs"] == passes
    assert f"to be read {passes:.0f} times" in sentence
    assert "epochs" not in chosen_for(tokens, max_time=600.0, seen=tokens)[0]


@pytest.mark.parametrize("given", [{"hidden_size": 64}, {"embedding_size": 8}, {"dropout": 0.0}, {"epochs": 1000.0}])
def test_who_gives_a_time_and_the_size_or_dropout_gets_all_of_it(given):
    assert "epochs" not in chosen_for(10_000, max_time=600.0, seen=1e9, **given)[0]


def test_the_shape_of_a_model_that_is_gone_on_from_is_nobodys_choice_and_its_time_has_the_same_limit():
    shape, all_of_it = {"hidden_size": 64, "embedding_size": 8, "dropout": 0.0}, {"max_time": 600.0, "seen": 1e9}
    assert chosen_for(10_000, inherited=shape, **shape, **all_of_it)[0]["epochs"] == 50.0
    # Whoever names the dropout of the model that has it, or another, has chosen.
    assert "epochs" not in chosen_for(10_000, inherited={"hidden_size", "embedding_size"}, **shape, **all_of_it)[0]


@pytest.mark.parametrize(
    ("tokens", "seen", "hidden_size"),
    [
        (10**6, 10**7, 512),
        (10**6, 15 * 10**5, 384),
        (10**6, 3 * 10**5, 256),
        (10**6, 10**4, 128),
        (20_000, 10**7, 256),
        (20_000, 100, 128),
    ],
)
def test_a_small_corpus_and_a_short_budget_get_a_smaller_model(tokens, seen, hidden_size):
    assert chosen_for(tokens, seen=seen)[0]["hidden_size"] == hidden_size


@pytest.mark.parametrize(
    ("tokens", "counted", "hidden_size"),
    [(10**6, 10**6, 512), (10**6, 250_000, 384), (10**6, 60_000, 256), (10**6, 1, 256), (20_000, 10**7, 256)],
)
def test_where_updates_are_counted_a_smaller_model_would_not_see_more(tokens, counted, hidden_size):
    chosen, sentence = chosen_for(tokens, seen=math.inf, counted=counted, max_steps=1)
    assert chosen["hidden_size"] == hidden_size
    passes = counted / tokens
    assert f"to be read {passes:.{1 if passes < 10 else 0}f} times" in sentence


def test_of_a_time_and_a_count_the_first_reached_tells_how_often_a_corpus_is_read():
    assert "to be read 2.0 times" in chosen_for(10**6, seen=9e6, counted=2e6, max_steps=1, max_time=60.0)[1]
    assert "to be read 3.0 times" in chosen_for(10**6, seen=3e6, counted=9e6, max_steps=1, max_time=60.0)[1]


def test_a_corpus_that_is_read_more_often_gets_more_dropout():
    budgets = [passes * 10**6 for passes in (0.3, 1, 2, 4, 8, 16, 32, 1000)]
    chosen = [chosen_for(10**6, hidden_size=512, seen=seen)[0]["dropout"] for seen in budgets]
    assert chosen == [0.0, 0.0, 0.05, 0.15, 0.3, 0.45, 0.5, 0.5]


@given(shorter=st.floats(1, 1e9), longer=st.floats(1, 1e9), tokens=st.integers(1000, 10**8))
def test_more_time_never_gets_a_smaller_model(shorter, longer, tokens):
    shorter, longer = sorted((shorter, longer))
    sizes = [chosen_for(tokens, seen=seen)[0]["hidden_size"] for seen in (shorter, longer)]
    assert sizes[0] <= sizes[1]


def test_what_the_budget_is_enough_for_is_asked_only_where_it_matters():
    def reach(options):
        raise AssertionError

    options = TrainingOptions(dropout=0.2, hidden_size=64, output_bias="zero")
    chosen, _ = choose(options, CorpusSize(10**6, 1, 60), dataset_batching="stream", reach=reach)
    assert chosen["learning_rate"] == 8e-3


def test_it_is_asked_with_everything_else_settled():
    asked = []
    choose(
        TrainingOptions(max_time=9.0),
        CorpusSize(10**6, 1, 60),
        dataset_batching="documents",
        reach=lambda options: asked.append(options) or Reach(math.inf, 1e6),
    )
    (options,) = asked
    assert [name for name in CHOSEN if name != "dropout" and getattr(options, name) is None] == []


def test_the_choices_fit_what_is_given():
    assert chosen_for(10**6, hidden_size=1024)[0]["learning_rate"] == pytest.approx(2.56 / 1024)
    assert chosen_for(10**6, tie_embeddings=True, hidden_size=300)[0]["embedding_size"] == 300
    tied, sentence = chosen_for(10**6, tie_embeddings=True, embedding_size=300)
    assert (tied["hidden_size"], tied["learning_rate"]) == (300, pytest.approx(8e-3))
    assert "hidden_size 300" in sentence
    assert chosen_for(10**6, dataset_batching="documents")[0]["batching"] == "documents"
    assert chosen_for(10**6, batching="documents")[0]["batch_size"] == 64
