"""Backends whose models are broken in generation."""

from __future__ import annotations

import dataclasses

import numpy as np
from mutants.backends.forwarding import Forwarding, breaking

from seqgen.backends.numba.backend import NumbaBackend
from seqgen.backends.numpy.backend import NumpyBackend

MUTANTS = []
breaks = breaking(MUTANTS)


@breaks("test_logits_are_finite_float32", "logits in float64")
class DoubleLogits(Forwarding):
    def next_logits(self, ids, state):
        logits, after = self.inner.next_logits(ids, state)
        return logits.astype(np.float64), after


@breaks("test_logits_are_finite_float32", "the logarithm of a probability that was rounded to zero")
class LogOfZero(Forwarding):
    def next_logits(self, ids, state):
        logits, after = self.inner.next_logits(ids, state)
        chances = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        with np.errstate(divide="ignore"):
            return np.log(chances.round(1)), after


@breaks("test_a_row_alone_gives_what_it_gives_among_others", "logits are normalised over the batch")
class NormalisedOverBatch(Forwarding):
    def next_logits(self, ids, state):
        logits, after = self.inner.next_logits(ids, state)
        return logits - logits.mean(axis=0), after


@breaks("test_states_have_a_row_for_each_sequence", "the sequences are the second axis of a state")
class SecondAxis(Forwarding):
    def initial_state(self, batch_size):
        return {name: array.T for name, array in self.inner.initial_state(batch_size).items()}

    def next_logits(self, ids, state):
        logits, after = self.inner.next_logits(ids, {name: array.T for name, array in state.items()})
        return logits, {name: array.T for name, array in after.items()}


@breaks("test_states_can_be_taken_and_joined", "the state is kept in the model, and what it gives is empty")
class StateInside(Forwarding):
    def initial_state(self, batch_size):
        self.state = self.inner.initial_state(batch_size)
        return {}

    def next_logits(self, ids, state):
        mine = {name: array[: len(ids)] for name, array in self.state.items()}
        logits, self.state = self.inner.next_logits(ids, mine)
        return logits, {}


@breaks("test_stepping_modifies_nothing_handed_in", "the new state is written into the old one")
class StateInPlace(Forwarding):
    def next_logits(self, ids, state):
        logits, after = self.inner.next_logits(ids, state)
        for name, array in after.items():
            state[name][...] = array
        return logits, state


@breaks("test_what_was_given_stays_as_it_was", "all logits are given in one buffer")
class OneBuffer(Forwarding):
    buffer = np.empty((16, 11), np.float32)

    def next_logits(self, ids, state):
        logits, after = self.inner.next_logits(ids, state)
        self.buffer[: len(ids)] = logits
        return self.buffer[: len(ids)], after


@breaks("test_reading_at_once_equals_stepping", "of a prompt of more than 256 tokens, each 256 are read for themselves")
class BlockByBlock(Forwarding):
    def prefill(self, ids, state):
        for start in range(0, ids.shape[1], 256):
            logits, after = self.inner.prefill(ids[:, start : start + 256], state)
        return logits, after


@breaks("test_reading_at_once_equals_stepping", "a prompt is read from the initial state")
class ForgetfulPrompt(Forwarding):
    def prefill(self, ids, state):
        return self.inner.prefill(ids, self.inner.initial_state(len(ids)))


@breaks("test_reading_at_once_equals_stepping", "logits of many steps are read from the initial state")
class ForgetfulForward(Forwarding):
    def forward(self, ids, state):
        return super().forward(ids, self.inner.initial_state(len(ids)))


@breaks("test_reading_at_once_equals_stepping", "logits of many steps come with the time steps first")
class TimeFirst(Forwarding):
    def forward(self, ids, state):
        logits, after = super().forward(ids, state)
        return logits.swapaxes(0, 1), after


@breaks("test_ids_of_any_integer_type_are_taken", "arithmetic with ids, which overflows in uint8")
class Overflowing(Forwarding):
    def next_logits(self, ids, state):
        return self.inner.next_logits(ids * 100 // 100, state)


@breaks("test_logits_are_those_of_the_canonical_formulas", "weights are transposed on both ways, in and out")
class TransposedBothWays(NumpyBackend):
    def build(self, spec, *, weights=None, **how):
        return TransposedInside(super().build(spec, weights=weights and _transposed(weights), **how))


class TransposedInside(Forwarding):
    def weights(self):
        return _transposed(self.inner.weights())

    def load_weights(self, weights):
        self.inner.load_weights(_transposed(weights))


@breaks(
    "test_logits_are_those_of_the_canonical_formulas",
    "of several architectures, one has its gates in another order",
    architecture="",
)
class OneWithSwappedGates(NumpyBackend):
    def build(self, spec, *, weights=None, **how):
        if weights and spec.architecture == "gru":
            name = "layers.0.bias"
            weights = {**weights, name: np.roll(weights[name], spec.hidden_size)}
        return super().build(spec, weights=weights, **how)


@breaks(
    "test_logits_are_those_of_the_canonical_formulas",
    "weights are rounded, and the gates of one architecture in another order",
    architecture="",
)
class RoundedWithSwappedGates(OneWithSwappedGates):
    def build(self, spec, **how):
        model = super().build(spec, **how)
        model.quantised = True
        return model


@breaks("test_logits_are_those_of_the_canonical_formulas", "weights are rounded to quarters")
class RoundedTooFar(NumpyBackend):
    def build(self, spec, *, weights=None, **how):
        rounded = weights and {name: np.round(4 * value) / np.float32(4) for name, value in weights.items()}
        model = super().build(spec, weights=rounded, **how)
        model.quantised = True
        return model


@breaks("test_logits_are_those_of_the_canonical_formulas", "a token enters as its id, which is not divided by V")
class Undivided(NumpyBackend):
    def build(self, spec, *, weights=None, **how):
        if weights and spec.input_encoding == "scalar":
            name = "layers.0.input_weight"
            weights = {**weights, name: spec.vocab_size * weights[name]}
        return super().build(spec, weights=weights, **how)


@breaks("test_logits_are_those_of_the_canonical_formulas", "one-hot vectors lack the last token")
class OneNotHot(NumpyBackend):
    def build(self, spec, *, weights=None, **how):
        if weights and spec.input_encoding == "one-hot":
            name = "layers.0.input_weight"
            weights = {**weights, name: weights[name] * (np.arange(spec.vocab_size) < spec.vocab_size - 1)}
        return super().build(spec, weights=weights, **how)


@breaks("test_logits_are_those_of_the_canonical_formulas", "tied embeddings are scaled on their way in")
class ScaledWhereTied(NumpyBackend):
    def build(self, spec, *, weights=None, **how):
        if weights and spec.tie_embeddings:
            spec = dataclasses.replace(spec, tie_embeddings=False)
            name = "embedding.weight"
            scaled = weights[name] * np.float32(spec.embedding_size**0.5)
            weights = {**weights, name: scaled, "output.weight": weights[name]}
        return super().build(spec, weights=weights, **how)


@breaks("test_a_mixer_mixes_n_grams_in_as_the_core_does", "n-grams are left out")
class WithoutNgrams(Forwarding):
    def mixer(self, ngrams):
        return lambda logits, _: logits


@breaks("test_a_mixer_mixes_n_grams_in_as_the_core_does", "all contexts are taken to be of one text", base=NumbaBackend)
class OneContext(Forwarding):
    def mixer(self, ngrams):
        mix = self.inner.mixer(ngrams)
        return lambda logits, contexts: mix(logits, np.repeat(contexts[:1], len(logits), axis=0))


@breaks("test_a_mixer_mixes_n_grams_in_as_the_core_does", "logits are shifted where they lie", base=NumbaBackend)
class ShiftedInPlace(Forwarding):
    def mixer(self, ngrams):
        mix = self.inner.mixer(ngrams)

        def mixed(logits, contexts):
            logits -= logits.max(axis=1, keepdims=True)
            return mix(logits, contexts)

        return mixed


@breaks("test_a_mixer_mixes_n_grams_in_as_the_core_does", "mixed logits are float64", base=NumbaBackend)
class MixedInDouble(Forwarding):
    def mixer(self, ngrams):
        mix = self.inner.mixer(ngrams)
        return lambda logits, contexts: mix(logits, contexts).astype(np.float64)


@breaks("test_a_mixer_mixes_n_grams_in_as_the_core_does", "mixed logits share memory", base=NumbaBackend)
class MixedInOnePlace(Forwarding):
    def mixer(self, ngrams):
        mix, places = self.inner.mixer(ngrams), {}

        def mixed(logits, contexts):
            place = places.setdefault(logits.shape, np.empty_like(logits))
            place[:] = mix(logits, contexts)
            return place

        return mixed


def _transposed(weights):
    square = "layers.0.recurrent_weight"
    return {**weights, square: np.ascontiguousarray(weights[square].T)}
