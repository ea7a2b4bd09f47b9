"""Backends broken in what they declare, offer and refuse, and in their weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_doc import Doc
from annotated_types import Ge
from mutants.backends.forwarding import Forwarding, breaking

from seqgen.backends.numpy.backend import NumpyBackend
from seqgen.backends.torch.backend import TorchBackend

MUTANTS = []
breaks = breaking(MUTANTS)


@breaks("test_every_exception_names_a_law", "an exception without a reason")
class WithoutReason(NumpyBackend):
    exceptions: ClassVar[Mapping[str, str]] = {"test_weights_are_copies": ""}


@breaks("test_each_option_has_a_type_a_sentence_and_a_default_that_it_allows", "an option without a default")
@dataclass(frozen=True, kw_only=True)
class WithoutDefault(NumpyBackend):
    threads: Annotated[int, Ge(1), Doc("how many threads compute")] = dataclasses.field(init=False)


@breaks(
    "test_each_option_has_a_type_a_sentence_and_a_default_that_it_allows", "a field without a sentence is no option"
)
@dataclass(frozen=True, kw_only=True)
class Unexplained(NumpyBackend):
    threads: int = 1


@breaks("test_each_option_refuses_wrong_values", "a wrong value ends in a KeyError")
@dataclass(frozen=True, kw_only=True)
class LookedUp(NumpyBackend):
    threads: Annotated[str, Doc("how many threads compute")] = "few"

    def __post_init__(self) -> None:
        {"few": 1, "many": 8}[self.threads]


@breaks("test_the_options_survive_json", "an option in bytes")
@dataclass(frozen=True, kw_only=True)
class InBytes(NumpyBackend):
    salt: Annotated[bytes, Doc("mixed into the random seed")] = b"salt"


@breaks("test_auto_takes_the_first_device", "auto is not the first device")
class SlowDevice(NumpyBackend):
    def devices(self):
        return ("cuda:0", "cpu")

    def build(self, spec, *, device="auto", **how):
        return super().build(spec, **how)


@breaks("test_an_unknown_device_is_refused_with_those_there_are", "an unknown device is taken for the CPU")
class AnyDevice(NumpyBackend):
    def build(self, spec, *, device="auto", **how):
        return super().build(spec, **how)


@breaks("test_an_unknown_precision_is_refused_with_those_there_are", "an unknown precision is taken for float32")
class AnyPrecision(NumpyBackend):
    def build(self, spec, *, precision="auto", **how):
        return super().build(spec, **how)


@breaks("test_an_unknown_architecture_is_refused_with_those_there_are", "an unknown architecture is a KeyError")
class ArchitectureLookedUp(NumpyBackend):
    def build(self, spec, **how):
        {"lstm": 4, "gru": 3, "rnn": 1}[spec.architecture]
        return super().build(spec, **how)


@breaks("test_a_model_says_what_it_is", "the precision of a model is auto")
class StillAuto(Forwarding):
    def __init__(self, inner):
        super().__init__(inner)
        self.precision = "auto"


@breaks("test_training_where_there_is_none_is_refused", "it does not train, and gives a loss all the same")
class Pretending(NumpyBackend):
    def build(self, spec, *, optimizer=None, **how):
        return PretendingInside(super().build(spec, **how))


class PretendingInside(Forwarding):
    def train_step(self, batch, learning_rate):
        return 0.0


@breaks("test_weights_are_those_that_weight_shapes_states", "a weight is transposed")
class Transposed(Forwarding):
    def weights(self):
        weights = self.inner.weights()
        return {**weights, "output.weight": weights["output.weight"].T}


@breaks("test_weights_are_those_that_weight_shapes_states", "weights in another order")
class Backwards(Forwarding):
    def weights(self):
        return dict(reversed(self.inner.weights().items()))


@breaks("test_weights_are_those_that_weight_shapes_states", "weights in float64")
class DoubleWeights(Forwarding):
    def weights(self):
        return {name: value.astype(np.float64) for name, value in self.inner.weights().items()}


@breaks(
    "test_weights_are_those_that_weight_shapes_states",
    "of several architectures, one has a weight that is not stated",
    architecture="",
)
class OneWithMoreThanIsStated(NumpyBackend):
    def weight_shapes(self, spec):
        stated = super().weight_shapes(spec)
        return {name: shape for name, shape in stated.items() if "candidate" not in name}


@breaks("test_weights_are_copies", "the weights given are the model's own arrays")
class OwnArrays(Forwarding):
    def weights(self):
        return self.inner._weights


@breaks("test_weights_are_copies", "the arrays handed in are kept", TorchBackend)
class KeptArrays(TorchBackend):
    def build(self, spec, *, weights=None, **how):
        model = super().build(spec, weights=weights, **how)
        if weights is not None:
            model._network.output.bias.data = torch.from_numpy(weights["output.bias"])
        return model


@breaks("test_weights_taken_over_give_the_same_logits", "what was prepared for the old weights is kept")
class StalePreparation(Forwarding):
    def load_weights(self, weights):
        self.inner._weights = {name: value.copy() for name, value in weights.items()}


@breaks("test_the_same_random_seed_builds_the_same_weights", "weights come from the clock")
class Unseeded(NumpyBackend):
    def build(self, spec, *, random_seed=0, **how):
        return super().build(spec, random_seed=int(np.random.default_rng().integers(2**32)), **how)


@breaks("test_the_same_random_seed_builds_the_same_weights", "fresh weights of its own")
class OwnStart(NumpyBackend):
    def build(self, spec, *, random_seed=0, **how):
        return super().build(spec, random_seed=random_seed + 1, **how)
