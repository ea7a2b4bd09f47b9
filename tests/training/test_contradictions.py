"""What a person says that would change nothing is refused; what a file, a preset or a sweep has more of is not."""

from __future__ import annotations

import pytest

from seqgen.core.errors import OptionError
from seqgen.origins import SWEEP
from seqgen.training.chosen import resolve_options
from seqgen.training.contradictions import check_options, check_used


@pytest.fixture
def chosen(tmp_path, monkeypatch):
    """Options of the command line, of a preset, and of a file that is called ``train.toml``."""
    monkeypatch.chdir(tmp_path)

    def choose(file="", preset=None, environment=None, **given):
        (tmp_path / "train.toml").write_text(file)
        return resolve_options(given, preset=preset, config="train.toml", environment=environment or {})

    return choose


def refusal(chosen, **how):
    with pytest.raises(OptionError) as error:
        check_used(chosen, **how)
    return str(error.value)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"optimizer": "adam", "weight_decay": 0.3}, "weight_decay needs optimizer adamw, not adam.  Leave it out."),
        (
            {"optimizer": "sgd", "beta_2": 0.9},
            "beta_2 needs optimizer adamw or adam or rmsprop, not sgd.  Leave it out.",
        ),
        (
            {"preset": "tutorial", "weight_decay": 0.3},
            "weight_decay needs optimizer adamw, not adam (preset tutorial).  Leave it out.",
        ),
        (
            {"environment": {"SEQGEN_OPTIMIZER": "sgd"}, "weight_decay": 0.3},
            "weight_decay needs optimizer adamw, not sgd (environment).  Leave it out.",
        ),
        (
            {"file": 'input-encoding = "one-hot"', "embedding_size": 32},
            "embedding_size needs input_encoding embedding, not one-hot (train.toml).  Leave it out.",
        ),
        (
            {"file": 'input-encoding = "one-hot"\nembedding-size = 32'},
            "embedding_size (train.toml) needs input_encoding embedding, not one-hot.  Leave it out.",
        ),
        (
            {"environment": {"SEQGEN_OPTIMIZER": "sgd", "SEQGEN_WEIGHT_DECAY": "0.3"}},
            "weight_decay (environment) needs optimizer adamw, not sgd.  Leave it out.",
        ),
        (
            {"unseen": "extend"},
            "unseen is extend, but only a training that starts from a model (seqgen train --from MODEL) can meet unseen symbols.",
        ),
    ],
)
def test_what_would_change_nothing_is_refused(chosen, given, sentence):
    assert refusal(chosen(**given)) == sentence


@pytest.mark.parametrize(
    "given",
    [
        {"weight_decay": 0.3},
        {"optimizer": "rmsprop", "beta_2": 0.9},
        {"preset": "tutorial", "optimizer": "adamw", "weight_decay": 0.3},
        {"preset": "tutorial"},
        {"preset": "small", "input_encoding": "one-hot"},  # it has the size of an embedding
        {"preset": "tutorial", "optimizer": "sgd"},
        {"file": "weight-decay = 0.3\nunseen = 'extend'", "optimizer": "adam"},
        {"environment": {"SEQGEN_WEIGHT_DECAY": "0.3"}, "file": 'optimizer = "adam"'},
    ],
    ids=str,
)
def test_a_file_the_environment_and_a_preset_may_have_more_than_a_training_has_a_use_for(chosen, given):
    check_options(chosen(**given), fresh=True)


def test_from_a_model_the_shape_and_what_is_unseen_are_another_matter(chosen):
    check_options(chosen(unseen="extend", input_encoding="one-hot", embedding_size=32), fresh=False)
    with pytest.raises(OptionError, match="weight_decay needs optimizer adamw, not sgd"):
        check_options(chosen(optimizer="sgd", weight_decay=0.3), fresh=False)


def test_of_what_a_sweep_tries_one_value_is_enough(chosen):
    check_used(chosen(weight_decay=0.3), tried={"optimizer": ("sgd", "adamw")})
    check_used(chosen(), tried={"optimizer": ("sgd", "adamw"), "weight_decay": (0.1,)})
    check_used(chosen(preset="tutorial"), tried={"optimizer": ("adamw",), "weight_decay": (0.1,)})
    assert refusal(chosen(weight_decay=0.3), tried={"optimizer": ("sgd", "adam")}) == (
        "weight_decay needs optimizer adamw, not sgd or adam.  Leave it out."
    )
    assert refusal(chosen(preset="tutorial"), tried={"weight_decay": (0.1,)}).startswith("weight_decay needs")
    assert refusal(chosen(), tried={"unseen": ("refuse", "nearest")}).startswith("unseen is nearest, but only")


def test_a_trial_of_one_that_has_no_use_for_what_others_have_runs_all_the_same(chosen):
    check_used(chosen(weight_decay=0.3).take(SWEEP, optimizer="sgd"))
    check_used(chosen().take(SWEEP, optimizer="sgd", weight_decay=0.3))
