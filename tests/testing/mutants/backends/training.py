"""Backends whose models are broken in training."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from mutants.backends.forwarding import Forwarding, breaking, read_at, rounded

from seqgen.backends.torch.backend import TorchBackend
from seqgen.core.canonical import initial_weights

MUTANTS = []
breaks = breaking(MUTANTS)


@breaks("test_the_loss_is_that_before_the_update", "the sum instead of the mean", TorchBackend)
class SummedLoss(Forwarding):
    def train_step(self, batch, learning_rate):
        return self.inner.train_step(batch, learning_rate) * batch.scored


@breaks("test_the_loss_is_that_before_the_update", "the loss after the update", TorchBackend)
class LossAfter(Forwarding):
    def train_step(self, batch, learning_rate):
        self.inner.train_step(batch, learning_rate)
        nats, scored = self.inner.evaluate(batch)
        return nats / scored


@breaks("test_gradients_are_those_of_the_canonical_formulas", "gradients are always clipped at 0.1", TorchBackend)
class AlwaysClipped(TorchBackend):
    def build(self, spec, *, optimizer=None, **how):
        clipped = optimizer and dataclasses.replace(optimizer, grad_clip=0.1)
        return super().build(spec, optimizer=clipped, **how)


@breaks("test_gradients_are_those_of_the_canonical_formulas", "the embedding does not train", TorchBackend)
class FrozenEmbedding(Forwarding):
    def train_step(self, batch, learning_rate):
        before = self.weights()["embedding.weight"]
        loss = self.inner.train_step(batch, learning_rate)
        self.load_weights({**self.weights(), "embedding.weight": before})
        return loss


@breaks("test_the_gradient_norm_is_that_before_clipping", "the norm after clipping", TorchBackend)
class NormAfterClipping(Forwarding):
    def train_step(self, batch, learning_rate):
        loss = self.inner.train_step(batch, learning_rate)
        self.gradient_norm = min(float(self.inner.gradient_norm), self.inner._updater._spec.grad_clip)
        return loss


@breaks("test_the_gradient_norm_is_that_before_clipping", "the norm of the first update stays", TorchBackend)
class FirstNorm(Forwarding):
    def train_step(self, batch, learning_rate):
        loss = self.inner.train_step(batch, learning_rate)
        self.gradient_norm = self.gradient_norm or self.inner.gradient_norm
        return loss


@breaks("test_updates_are_those_of_the_optimizers_rule", "gradients are never clipped", TorchBackend)
class NeverClipped(TorchBackend):
    def build(self, spec, *, optimizer=None, **how):
        return super().build(spec, optimizer=optimizer and dataclasses.replace(optimizer, grad_clip=1e9), **how)


@breaks("test_updates_are_those_of_the_optimizers_rule", "weights do not decay", TorchBackend)
class NoDecay(TorchBackend):
    def build(self, spec, *, optimizer=None, **how):
        return super().build(spec, optimizer=optimizer and dataclasses.replace(optimizer, weight_decay=0.0), **how)


@breaks("test_updates_are_those_of_the_optimizers_rule", "biases decay, too", TorchBackend)
class BiasesDecay(Forwarding):
    def train_step(self, batch, learning_rate):
        before = self.weights()
        loss = self.inner.train_step(batch, learning_rate)
        spec = self.inner._updater._spec
        decay = learning_rate * spec.weight_decay if spec.name == "adamw" else 0.0
        self.load_weights(
            {
                name: after - np.float32(decay * name.endswith("bias")) * before[name]
                for name, after in self.weights().items()
            }
        )
        return loss


@breaks("test_groups_of_rows_give_the_update_of_all", "each group is a mean of its own", TorchBackend)
class MeansOfGroups(Forwarding):
    accumulates = True

    def train_step(self, batch, learning_rate):
        groups = self.groups(len(batch.inputs))
        losses = [self.inner.train_step(batch.rows(rows), learning_rate / len(groups)) for rows in groups]
        return sum(losses) / len(groups)


@breaks("test_dropout_draws_anew_in_each_step", "dropout is left out", TorchBackend)
class WithoutDropout(TorchBackend):
    def build(self, spec, **how):
        return super().build(dataclasses.replace(spec, dropout=0.0), **how)


@breaks("test_masked_targets_do_not_train", "the mask is left aside", TorchBackend)
class TrainsAll(Forwarding):
    def train_step(self, batch, learning_rate):
        return self.inner.train_step(dataclasses.replace(batch, weights=None), learning_rate)


@breaks("test_a_batch_with_nothing_to_score_teaches_nothing", "a mean over nothing", TorchBackend)
class TrainsOnNothing(Forwarding):
    def train_step(self, batch, learning_rate):
        loss = self.inner.train_step(batch, learning_rate)
        return loss * batch.scored / torch.tensor(batch.scored)


@breaks("test_training_modifies_no_batch", "what is masked is overwritten in the batch", TorchBackend)
class FillsBatch(Forwarding):
    def train_step(self, batch, learning_rate):
        if batch.weights is not None:
            batch.inputs[batch.weights == 0] = 0
        return self.inner.train_step(batch, learning_rate)


@breaks("test_a_batch_of_a_corpus_trains_as_its_ids_say", "ids are read one place on", TorchBackend)
class ReadsOnePlaceOn(Forwarding):
    def train_step(self, batch, learning_rate):
        if batch.origin is not None:
            batch = read_at(batch, batch.origin.tokens, batch.origin.first + 1)
        return self.inner.train_step(batch, learning_rate)


@breaks("test_training_carries_the_state_where_the_batch_says_so", "training never carries", TorchBackend)
class TrainsAfresh(Forwarding):
    def train_step(self, batch, learning_rate):
        return self.inner.train_step(dataclasses.replace(batch, carry=False), learning_rate)


@breaks("test_training_carries_the_state_where_the_batch_says_so", "training always carries", TorchBackend)
class TrainsOn(Forwarding):
    def train_step(self, batch, learning_rate):
        return self.inner.train_step(dataclasses.replace(batch, carry=True), learning_rate)


@breaks("test_training_carries_the_state_where_the_batch_says_so", "it learns at rate 0", TorchBackend)
class LearnsAtRateZero(Forwarding):
    def train_step(self, batch, learning_rate):
        return self.inner.train_step(batch, learning_rate or 1e-3)


class OfItsOwn(TorchBackend):
    """The same network as an architecture without a canonical form, of which no law can ask the formulas."""

    def architectures(self):
        return ("own",)

    def weight_shapes(self, spec):
        return TorchBackend().weight_shapes(dataclasses.replace(spec, architecture="rnn"))

    def build(self, spec, **how):
        model = Forwarding(TorchBackend().build(dataclasses.replace(spec, architecture="rnn"), **how))
        model.spec = spec
        return model


@breaks(
    "test_training_carries_the_state_where_the_batch_says_so",
    "training never carries, in an architecture of its own",
    OfItsOwn,
    "own",
)
class TrainsAfreshOfItsOwn(TrainsAfresh):
    pass


@breaks(
    "test_the_gradient_norm_is_that_before_clipping",
    "the norm after clipping, in an architecture of its own",
    OfItsOwn,
    "own",
)
class NormAfterClippingOfItsOwn(Forwarding):
    def train_step(self, batch, learning_rate):
        loss = self.inner.train_step(batch, learning_rate)
        network = self.inner.inner
        self.gradient_norm = min(float(network.gradient_norm), network._updater._spec.grad_clip)
        return loss


@breaks("test_the_loss_falls_on_a_learnable_sequence", "updates go up the gradient", TorchBackend)
class Uphill(Forwarding):
    def train_step(self, batch, learning_rate):
        return self.inner.train_step(batch, -learning_rate)


@breaks("test_the_loss_falls_on_a_learnable_sequence", "targets are the inputs", TorchBackend)
class LearnsToRepeat(Forwarding):
    def train_step(self, batch, learning_rate):
        return self.inner.train_step(dataclasses.replace(batch, targets=batch.inputs), learning_rate)


@breaks("test_generation_follows_training", "what was prepared for generating is kept", TorchBackend)
class StaleGenerator(Forwarding):
    generator: Any = None

    def next_logits(self, ids, state):
        self.generator = self.generator or TorchBackend().build(self.spec, weights=self.weights())
        return self.generator.next_logits(ids, state)


@breaks("test_training_is_the_same_each_time", "dropout draws from the clock", TorchBackend)
class UnseededDropout(TorchBackend):
    def build(self, spec, *, random_seed=0, weights=None, **how):
        weights = weights or initial_weights(spec, random_seed)
        return super().build(spec, random_seed=int(np.random.default_rng().integers(2**32)), weights=weights, **how)


@breaks("test_evaluation_and_training_do_not_disturb_one_another", "evaluation leaves training its state", TorchBackend)
class SharedState(Forwarding):
    def evaluate(self, batch):
        found = self.inner.evaluate(batch)
        self.inner._training_state = tuple(tuple(p.clone() for p in parts) for parts in self.inner._evaluation_state)
        return found


@breaks("test_evaluation_and_training_do_not_disturb_one_another", "training leaves evaluation its state", TorchBackend)
class SharedBack(Forwarding):
    def train_step(self, batch, learning_rate):
        loss = self.inner.train_step(batch, learning_rate)
        self.inner._evaluation_state = self.inner._training_state
        return loss


class ChangesTrainingState(Forwarding):
    def load_weights(self, weights):
        self.inner.load_weights(weights)
        self.inner.load_training_state({name: self.changed(name, value) for name, value in self.kept().items()})

    def kept(self):
        return self.inner.training_state()

    def changed(self, name, value):
        return value


@breaks("test_weights_taken_over_in_between_change_nothing_else_of_training", "moments begin anew", TorchBackend)
class MomentsBeginAnew(ChangesTrainingState):
    def changed(self, name, value):
        return np.zeros_like(value) if "_moment." in name else value


@breaks("test_weights_taken_over_in_between_change_nothing_else_of_training", "the carry is dropped", TorchBackend)
class CarryIsDropped(ChangesTrainingState):
    def kept(self):
        return {name: value for name, value in super().kept().items() if not name.startswith("carry.")}


@breaks(
    "test_weights_taken_over_in_between_change_nothing_else_of_training",
    "they become the running average",
    TorchBackend,
)
class AverageIsTakenOver(ChangesTrainingState):
    def changed(self, name, value):
        return self.weights()[name.removeprefix("average.")] if name.startswith("average.") else value


@breaks("test_lower_precision_is_for_training_only", "weights are kept in bfloat16", TorchBackend)
class RoundedWeights(Forwarding):
    def train_step(self, batch, learning_rate):
        loss = self.inner.train_step(batch, learning_rate)
        if self.precision == "bfloat16":
            self.load_weights({name: rounded(value) for name, value in self.weights().items()})
        return loss


@breaks("test_lower_precision_is_for_training_only", "logits come in bfloat16", TorchBackend)
class RoundedLogits(Forwarding):
    def next_logits(self, ids, state):
        logits, after = self.inner.next_logits(ids, state)
        return (rounded(logits) if self.precision == "bfloat16" else logits), after


@breaks("test_the_running_average_follows_its_rule", "the mean of all weights so far", TorchBackend)
class MeanOfAll(TorchBackend):
    def build(self, spec, *, optimizer=None, **how):
        uniform = optimizer and optimizer.weight_average
        return super().build(
            spec, optimizer=dataclasses.replace(optimizer, weight_average=0.5) if uniform else optimizer, **how
        )


@breaks("test_the_running_average_follows_its_rule", "an average where none is asked for", TorchBackend)
class AlwaysAverages(TorchBackend):
    def build(self, spec, *, optimizer=None, **how):
        always = optimizer and dataclasses.replace(optimizer, weight_average=optimizer.weight_average or 0.2)
        return super().build(spec, optimizer=always, **how)


@breaks("test_the_running_average_resumes_exactly", "it begins anew where a run goes on", TorchBackend)
class ForgetsAverage(Forwarding):
    def training_state(self):
        weights = self.inner.weights()
        state = self.inner.training_state()
        return state | {f"average.{name}": value for name, value in weights.items() if f"average.{name}" in state}


@breaks("test_the_running_average_leaves_training_alone", "training goes on from the average", TorchBackend)
class TrainsAverage(Forwarding):
    def train_step(self, batch, learning_rate):
        loss = self.inner.train_step(batch, learning_rate)
        averaged = self.inner.averaged_weights()
        if averaged is not None:
            self.inner.load_weights(averaged)
        return loss
