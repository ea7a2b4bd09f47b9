"""What a sweep was told, and what it tells to do next."""

from __future__ import annotations

from dataclasses import replace

from seqgen.sweep.plan import Plan
from seqgen.sweep.space import Choices, Range
from seqgen.training.chosen import resolve_options

CHOSEN = resolve_options({}, preset=None, config=None)
PLAN = Plan(
    name="sea",
    sources=("my sea.txt",),
    paths=("/texts/my sea.txt",),
    values=CHOSEN.values,
    origins=CHOSEN.origins,
    given={"set": {}, "preset": None, "config": None},
    space=(),
    searched=False,
    centre={},
    max_time=5400.0,
    trial_time=60.0,
    trials=None,
    random_seed=0,
)


def test_the_command_trains_with_what_was_settled_and_found_for_as_long_as_the_whole_sweep():
    settled = {"seq_len": "32", "tie_embeddings": False, "dropout": "0.1", "max_steps": "40", "epochs": "2"}
    plan = replace(PLAN, given={"set": settled, "preset": "small", "config": "mine.toml"})
    assert plan.train_command({"dropout": 0.3, "deterministic": True, "hidden_size": 64}) == (
        "seqgen train 'my sea.txt' --preset small --config mine.toml --seq-len 32 --no-tie-embeddings --dropout 0.3 "
        "--deterministic --hidden-size 64 --max-time 90m --name sea"
    )


def test_the_command_leaves_out_what_train_would_refuse_since_it_changes_nothing():
    plan = replace(PLAN, given={**PLAN.given, "set": {"embedding_size": 16}})
    assert "--embedding-size" not in plan.train_command({"input_encoding": "one-hot"})
    assert "--embedding-size 16" in plan.train_command({"input_encoding": "embedding"})
    assert "--embedding-size 16" in plan.train_command({})
    assert "--weight-decay" not in plan.train_command({"optimizer": "sgd", "weight_decay": 0.1})
    assert "--weight-decay 0.1" in plan.train_command({"optimizer": "adamw", "weight_decay": 0.1})


def test_a_plan_is_read_as_it_was_written(tmp_path):
    given = {"dropout": 0.1, "patience": None, "max_steps": 40}
    chosen = resolve_options(given, preset="tutorial", config=None)
    plan = Plan(
        name="sea",
        sources=("-",),
        paths=("/texts/my sea.txt",),
        values=chosen.values,
        origins=chosen.origins,
        given={"set": given, "preset": "tutorial", "config": None},
        space=(
            Range("learning_rate", 0.001, 0.1),
            Choices("backend", ("torch", "none")),
            Choices("patience", (None, 3)),
            Choices("eval_every", ("epoch", 5)),
        ),
        searched=True,
        centre={"learning_rate": 0.01, "backend": "torch", "patience": None, "eval_every": "epoch"},
        max_time=5400.0,
        trial_time=60.0,
        trials=None,
        random_seed=0,
    )
    plan.write(tmp_path)
    assert Plan.read(tmp_path) == plan
