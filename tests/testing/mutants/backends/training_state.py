"""Backends whose models are broken in their training state."""

from __future__ import annotations

import numpy as np
import torch
from mutants.backends.forwarding import Forwarding, breaking, rounded

from seqgen.backends.torch.backend import TorchBackend

MUTANTS = []
breaks = breaking(MUTANTS)


@breaks("test_the_training_state_comes_back_exactly", "a number among the arrays", TorchBackend)
class PlainStep(Forwarding):
    def training_state(self):
        state = self.inner.training_state()
        return {**state, "step": int(state["step"])}


@breaks("test_the_training_state_comes_back_exactly", "moments are rounded on their way back", TorchBackend)
class RoundedMoments(Forwarding):
    def load_training_state(self, state):
        moments = {name: rounded(value) for name, value in state.items() if "_moment." in name}
        self.inner.load_training_state({**state, **moments})


class Without(Forwarding):
    lost = ""

    def training_state(self):
        return {name: value for name, value in self.inner.training_state().items() if not name.startswith(self.lost)}


@breaks("test_training_resumes_exactly", "the carried state is lost", TorchBackend)
class WithoutCarry(Without):
    lost = "carry."


@breaks("test_training_resumes_exactly", "dropout starts from the seed again", TorchBackend)
class WithoutRandom(Without):
    lost = "random."


@breaks("test_training_resumes_exactly", "moments start from zero again", TorchBackend)
class WithoutMoments(Without):
    lost = ("first_moment.", "second_moment.")


@breaks("test_a_run_goes_on_exactly_from_its_checkpoint", "moments are of another type after an update", TorchBackend)
class WiderMoments(Forwarding):
    def training_state(self):
        state = self.inner.training_state()
        kind = np.float64 if state["step"] > 0 else np.float32
        return {name: value.astype(kind) if "_moment." in name else value for name, value in state.items()}


@breaks("test_a_run_goes_on_exactly_from_its_checkpoint", "the carried state is lost", TorchBackend)
class WithoutCarryInARun(WithoutCarry):
    pass


@breaks("test_a_training_state_of_another_backend_is_taken", "an unknown name is an error", TorchBackend)
class KnowsAll(Forwarding):
    def load_training_state(self, state):
        if (
            unknown := set(state)
            - set(self.inner.training_state())
            - {"carry.layers.0.hidden", "carry.layers.1.hidden"}
        ):
            raise ValueError(unknown)
        self.inner.load_training_state(state)


@breaks("test_a_training_state_of_another_backend_is_taken", "its own random state must be there", TorchBackend)
class NeedsRandom(Forwarding):
    def load_training_state(self, state):
        self.inner._dropout.set_state(torch.tensor(state["random.torch-cpu"]))
        self.inner.load_training_state(state)


@breaks(
    "test_a_run_that_goes_back_to_its_start_is_one_that_begins",
    "moments are made with the first update, and stay where a state lacks them",
    TorchBackend,
)
class MadeLate(Forwarding):
    made = False

    def train_step(self, batch, learning_rate):
        self.made = True
        return self.inner.train_step(batch, learning_rate)

    def training_state(self):
        state = self.inner.training_state()
        return {name: value for name, value in state.items() if self.made or "_moment." not in name}

    def load_training_state(self, state):
        self.inner.load_training_state({**self.inner.training_state(), **state})
        self.made = self.made or any("_moment." in name for name in state)


@breaks("test_moments_have_the_names_and_shapes_of_the_weights", "moments under PyTorch's names", TorchBackend)
class OtherNames(Forwarding):
    def training_state(self):
        state = self.inner.training_state()
        return {name.replace("first_moment", "exp_avg"): value for name, value in state.items()}

    def load_training_state(self, state):
        self.inner.load_training_state({name.replace("exp_avg", "first_moment"): v for name, v in state.items()})
