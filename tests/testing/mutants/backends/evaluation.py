"""Backends whose models are broken in evaluation."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from mutants.backends.forwarding import Forwarding, breaking, read_at

from seqgen.backends.torch.backend import TorchBackend

MUTANTS = []
breaks = breaking(MUTANTS)


@breaks("test_evaluation_sums_the_nats_of_stepping", "the mean instead of the sum")
class MeanNats(Forwarding):
    def evaluate(self, batch):
        nats, scored = self.inner.evaluate(batch)
        return nats / max(scored, 1), scored


@breaks("test_evaluation_sums_the_nats_of_stepping", "bits instead of nats")
class Bits(Forwarding):
    def evaluate(self, batch):
        nats, scored = self.inner.evaluate(batch)
        return nats / math.log(2), scored


@breaks("test_evaluation_sums_the_nats_of_stepping", "how many were scored is a float of NumPy")
class SumsWeights(Forwarding):
    def evaluate(self, batch):
        nats, _ = self.inner.evaluate(batch)
        weights = np.ones(batch.targets.shape, np.float32) if batch.weights is None else batch.weights
        return nats, weights.sum()


@breaks("test_what_the_mask_leaves_out_does_not_count", "the mask is left aside")
class WithoutMask(Forwarding):
    def evaluate(self, batch):
        nats, _ = self.inner.evaluate(dataclasses.replace(batch, weights=None))
        return nats, batch.scored


@breaks("test_the_last_step_alone_is_scored_where_asked", "all steps are scored")
class AllSteps(Forwarding):
    def evaluate(self, batch):
        nats, _ = self.inner.evaluate(dataclasses.replace(batch, last_step_only=False))
        return nats, batch.scored


@breaks("test_a_batch_with_nothing_to_score_counts_nothing", "a mean over nothing")
class MeanOfNothing(Forwarding):
    def evaluate(self, batch):
        nats, scored = self.inner.evaluate(batch)
        return (nats if scored else math.nan), scored


@breaks("test_a_batch_of_a_corpus_is_evaluated_as_its_ids_say", "the first corpus is read whatever the batch's is")
class FirstCorpus(Forwarding):
    corpus = None

    def evaluate(self, batch):
        if batch.origin is not None:
            if self.corpus is None:
                self.corpus = batch.origin.tokens
            batch = read_at(batch, self.corpus, batch.origin.first)
        return self.inner.evaluate(batch)


@breaks("test_a_carried_evaluation_reads_two_halves_as_one", "evaluation never carries")
class NeverCarries(Forwarding):
    def evaluate(self, batch):
        return self.inner.evaluate(dataclasses.replace(batch, carry=False))


@breaks("test_evaluation_without_carry_starts_afresh", "evaluation always carries")
class AlwaysCarries(Forwarding):
    def evaluate(self, batch):
        return self.inner.evaluate(dataclasses.replace(batch, carry=True))


@breaks("test_evaluation_changes_no_weights", "evaluation trains", TorchBackend)
class Learning(TorchBackend):
    def build(self, spec, *, optimizer=None, **how):
        how["optimizer"] = optimizer
        model = super().build(spec, **how)
        return model if optimizer else LearningInside(model)


class LearningInside(Forwarding):
    def evaluate(self, batch):
        self.inner.load_weights({name: 0.999 * value for name, value in self.inner.weights().items()})
        return self.inner.evaluate(batch)


@breaks("test_evaluation_changes_no_weights", "evaluation writes to the batch")
class MarksTargets(Forwarding):
    def evaluate(self, batch):
        found = self.inner.evaluate(batch)
        if batch.weights is not None:
            batch.targets[batch.weights == 0] = 0
        return found


@breaks("test_dropout_is_for_training_only", "dropout while generating")
class AlwaysDrops(Forwarding):
    def next_logits(self, ids, state):
        logits, after = self.inner.next_logits(ids, state)
        kept = np.random.default_rng(0).random(logits.shape) >= self.spec.dropout
        return np.where(kept, logits, np.float32(0)), after
