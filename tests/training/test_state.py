"""A checkpoint put back: what the core knows of a training state is checked, what is the backend's own is left to it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from seqgen.checkpoint import write_weights
from seqgen.core.errors import DamagedModelError
from seqgen.core.spec import ModelSpec
from seqgen.files import write_json
from seqgen.training.counters import Counters
from seqgen.training.state import load_state

WEIGHTS = {"block.weight": np.ones((2, 3), np.float32)}
MOMENTS = {"step": np.array(4), "first_moment.block.weight": np.ones((2, 3), np.float32)}


class Caching:
    """As far as it concerns the core, a model of a plugin: fresh, it carries a cache of no length."""

    def __init__(self, architecture):
        self.spec = ModelSpec(vocab_size=5, architecture=architecture)
        self.loaded = None

    def weights(self):
        return WEIGHTS

    def load_weights(self, weights):
        """They are always the same."""

    def initial_state(self, batch_size):
        return {"keys": np.zeros((batch_size, 0, 4), np.float32), "position": np.zeros(batch_size, np.float32)}

    def training_state(self):
        own = {"random.own": np.zeros(8, np.uint8), "carry.position": np.zeros(1, np.float32)}
        return {name: np.zeros_like(value) for name, value in MOMENTS.items()} | own

    def load_training_state(self, state):
        if state.get("random.own", np.zeros(1)).size == 0:
            raise ValueError("the random state has no bytes")
        self.loaded = dict(state)


@pytest.fixture
def loaded(tmp_path):
    """What a model of an architecture gets to load from a checkpoint with these arrays in its training state."""

    def load(architecture="transformer", **arrays):
        state = MOMENTS | {name.replace("_", ".", 1): value for name, value in arrays.items()}
        write_weights(tmp_path / "last.safetensors", WEIGHTS)
        write_weights(tmp_path / "training_state.safetensors", state)
        write_json(tmp_path / "counters.json", Counters(step=4).to_json())
        model = Caching(architecture)
        load_state(SimpleNamespace(model=model), tmp_path)
        return model.loaded

    return load


OWN = {
    "a cache that has grown": {"carry_keys": np.ones((3, 17, 4), np.float32)},
    "a position in whole numbers": {"carry_position": np.arange(3)},
    "parts with other numbers of rows": {"carry_keys": np.ones((3, 1, 4), np.float32), "carry_mask": np.ones(9)},
    "a mask": {"carry_mask": np.array([[0, -np.inf]], np.float32)},
    "random numbers in more bytes than at first": {"random_own": np.arange(100, dtype=np.uint8)},
    "another kind of random numbers": {"random_own": np.array([np.nan])},
}


@pytest.mark.parametrize("arrays", OWN.values(), ids=OWN)
def test_what_a_model_without_a_canonical_form_carries_and_draws_with_is_its_own(loaded, arrays):
    found = loaded(**arrays)
    for name, value in arrays.items():
        np.testing.assert_array_equal(found[name.replace("_", ".", 1)], value)


@pytest.mark.parametrize("name", ["a cache that has grown", "a position in whole numbers", "a mask"])
def test_of_a_canonical_one_it_is_what_the_contract_says(loaded, name):
    with pytest.raises(DamagedModelError, match=r'tensor "carry\.\w+" (of shape|holds values that are not finite)'):
        loaded("lstm", **OWN[name])


def test_random_numbers_are_the_backends_own_also_where_the_architecture_is_canonical(loaded):
    arrays = OWN["random numbers in more bytes than at first"]
    assert loaded("lstm", **arrays)["random.own"].size == 100


def test_counters_of_before_may_lack_the_training_loss_of_the_best_step(tmp_path, loaded):
    loaded()
    kept = Counters(step=4, best_step=2, best_loss=1.5, best_train_loss=1.25).to_json()
    for counters, expected in ((kept, 1.25), ({name: kept[name] for name in kept if name != "best_train_loss"}, None)):
        write_json(tmp_path / "counters.json", counters)
        trainer = SimpleNamespace(model=Caching("transformer"))
        load_state(trainer, tmp_path)
        assert (trainer.counters.best_loss, trainer.counters.best_train_loss) == (1.5, expected)


@pytest.mark.parametrize("architecture", ["lstm", "transformer"])
@pytest.mark.parametrize(
    "arrays",
    [
        {"first_moment.block.weight": np.ones((3, 2), np.float32)},
        {"first_moment.block.weight": np.ones((2, 3), np.float64)},
        {"step": np.array(-1)},
    ],
    ids=["another shape", "another type", "a step that is none"],
)
def test_moments_are_those_of_the_models_weights(tmp_path, loaded, architecture, arrays):
    loaded(architecture)
    write_weights(tmp_path / "training_state.safetensors", MOMENTS | arrays)
    with pytest.raises(DamagedModelError, match="is not of this model's training"):
        load_state(SimpleNamespace(model=Caching(architecture)), tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"surprise": 1}, "counters.json: surprise is unknown to this seqgen; the run cannot go on from there."),
        ({"step": ...}, "counters.json: step is missing; the run cannot go on from there."),
        ({"s" * 500: 1}, f"counters.json: {'s' * 80}... is unknown to this seqgen; the run cannot go on from there."),
    ],
    ids=["one more", "one less", "a long name"],
)
def test_counters_that_a_run_of_this_version_does_not_have_are_named(tmp_path, loaded, change, sentence):
    loaded()
    counters = {**Counters(step=4).to_json(), **change}
    write_json(tmp_path / "counters.json", {name: value for name, value in counters.items() if value is not ...})
    with pytest.raises(DamagedModelError) as error:
        load_state(SimpleNamespace(model=Caching("lstm")), tmp_path)
    assert str(error.value).endswith(sentence)


def test_what_a_backend_itself_refuses_is_damage(loaded):
    with pytest.raises(DamagedModelError, match="the backend cannot go on from it: the random state has no bytes"):
        loaded(random_own=np.zeros(0, np.uint8))
