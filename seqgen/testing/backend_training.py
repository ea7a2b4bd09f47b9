"""What the models of every backend that trains must keep while they learn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from seqgen.core.errors import OptionError
from seqgen.core.spec import OptimizerSpec
from seqgen.core.types import Batch
from seqgen.testing import reference
from seqgen.testing.backend_course import BEFORE, SINCE, LearningContract
from seqgen.testing.backend_models import (
    ROWS,
    SGD,
    STEPS,
    TOLERANCE,
    batch_of,
    located_in_corpora,
    require_close,
    require_same,
    stepped,
    stream,
    train,
)
from seqgen.testing.laws import law, require


class TrainingLaws(LearningContract):
    """The laws of ``train_step``."""

    # One update

    @law
    def test_the_loss_is_that_before_the_update(self) -> None:
        """An update gives the mean nats per scored target before it, which float() can read.

        Losses of all backends are shown and compared; a sum, or a mean over what the mask leaves out, would not compare.
        """
        self.needs_training()
        weights = (np.arange(ROWS * STEPS).reshape(ROWS, STEPS) % 3 == 0).astype(np.float32)
        for batch in (batch_of(), batch_of(weights=weights), batch_of(last_step_only=True)):
            pupil = self.pupil()
            nats, scored = pupil.evaluate(batch)
            found = float(pupil.train_step(batch, 0.1))
            expected = float(nats) / scored
            require_close(found, expected, "The loss is not the mean nats per scored target before the update.")

    @law
    def test_dropout_draws_anew_in_each_step(self) -> None:
        """With dropout, the same batch has another loss in each step of training, also where nothing is learned.

        Without it a small text is learned by heart, and the option would be believed to be at work.
        """
        self.needs_training()
        learner = self.learner()
        losses = train(learner, [batch_of(), batch_of(), batch_of()], 0.0)
        require(
            len(set(losses)) == 3,
            f"Three steps at rate 0 with dropout 0.3 have the losses {losses}.  Draw anew in each.",
        )

    @law
    def test_masked_targets_do_not_train(self) -> None:
        """Targets of weight 0 leave no trace in the weights.

        What fills up short documents would be learnt, and written.
        """
        self.needs_training()
        weights = (np.arange(ROWS * STEPS).reshape(ROWS, STEPS) % 3 == 0).astype(np.float32)
        batch = batch_of(weights=weights)
        trained = []
        for filling in (0, 1):
            pupil = self.pupil()
            other = dataclasses.replace(batch, targets=np.where(weights > 0, batch.targets, filling))
            pupil.train_step(other, 0.5)
            trained.append(pupil.weights())
        message = "Other targets of weight 0 train other weights.  Multiply each target's nats by its weight."
        require_same(trained[1], trained[0], message)

    @law
    def test_a_batch_with_nothing_to_score_teaches_nothing(self) -> None:
        """A batch whose weights are all 0 has the loss 0 and changes no weights.

        The last batch of an epoch may be all filling; a mean over nothing would make every weight NaN.
        """
        self.needs_training()
        pupil = self.pupil()
        loss = float(pupil.train_step(batch_of(weights=np.zeros((ROWS, STEPS), np.float32)), 0.5))
        require(loss == 0, f"The loss of a batch with nothing to score is {loss}.  Divide by max(batch.scored, 1).")
        require_same(pupil.weights(), self.weights, "A batch with nothing to score changed the weights.")

    @law
    def test_training_modifies_no_batch(self) -> None:
        """An update does not write to the arrays of its batch.

        They may be views of the token store, which every later epoch reads again.
        """
        self.needs_training()
        weights = (np.arange(ROWS * STEPS).reshape(ROWS, STEPS) % 2).astype(np.float32)
        batch, kept = batch_of(weights=weights.copy()), batch_of(weights=weights)
        self.pupil().train_step(batch, 0.1)
        for name in ("inputs", "targets", "weights"):
            unchanged = np.array_equal(getattr(batch, name), getattr(kept, name))
            require(unchanged, f"train_step wrote to the batch's {name}.  Work on a copy.")

    @law
    def test_a_batch_of_a_corpus_trains_as_its_ids_say(self) -> None:
        """Updates by batches that say where they lie in a corpus are those by the same ids without.

        A backend may read the ids from a copy of the corpus on its device, and then must read the right ones.
        """
        self.needs_training()
        located = list(located_in_corpora())
        for device in self.places:
            pupil = self.build(optimizer=SGD, device=device)
            trained = []
            for batches in ([dataclasses.replace(batch) for batch in located], located):
                pupil.load_weights(self.weights)
                trained.append((train(pupil, batches, 0.5), pupil.weights()))
            (losses, weights), (found, learned) = trained
            require_close(found, losses, f"With an origin, losses are others on {device}.  Compare Batch.origin.")
            for name, value in weights.items():
                message = f"With an origin, batches train another {name} on {device}.  Compare Batch.origin."
                require_close(learned[name], value, message)

    @law
    def test_training_carries_the_state_where_the_batch_says_so(self) -> None:
        """With carry an update goes on from the state that the update before left, else from the initial state.

        Truncated backpropagation through time learns from context that is longer than a batch (at rate 0, so that
        two halves must have the loss of the whole).
        """
        self.needs_training()
        whole, half = batch_of(), STEPS // 2
        first = dataclasses.replace(whole, inputs=whole.inputs[:, :half], targets=whole.targets[:, :half])
        second = dataclasses.replace(whole, inputs=whole.inputs[:, half:], targets=whole.targets[:, half:])
        pupil = self.pupil()
        losses = train(pupil, [first, dataclasses.replace(second, carry=True), second], 0.0)
        learned = any(not np.array_equal(value, self.weights[name]) for name, value in pupil.weights().items())
        if learned and not self.canonical:
            pytest.skip("it learns at rate 0, too, so that its losses are of other weights")
        expected = self._loss(whole)
        require_close(np.mean(losses[:2]), expected, "The second half, carried, is not read after the first.")
        require_close(losses[2], self._loss(second), "Without carry, a state is carried all the same.")

    def _loss(self, batch: Batch) -> float:
        """The mean of nats that a batch has without carry: by the formulas, or by stepping where there are none."""
        if self.canonical:
            return reference.loss(self.spec(), self.weights, batch)
        return float(reference.nats(stepped(self.model, batch.inputs)[0], batch.targets).mean())

    # A run

    @law
    def test_the_loss_falls_on_a_learnable_sequence(self) -> None:
        """The loss falls by half on a sequence in which each token settles the next.

        If not that, the model learns nothing.
        """
        self.needs_training()
        model = self.build(self.spec(hidden_size=16, num_layers=1), optimizer=OptimizerSpec())
        *_, last = stream(self.learning_steps)
        before, count = model.evaluate(dataclasses.replace(last, carry=False))
        train(model, stream(self.learning_steps), self.learning_rate)
        after, _ = model.evaluate(dataclasses.replace(last, carry=False))
        was, became = float(before) / count, float(after) / count
        require(
            became < 0.5 * was,
            f"In {self.learning_steps} updates at rate {self.learning_rate} the loss went from {was:.3f} to {became:.3f} "
            f"nats per token.  Does the update go down the gradient, by the rate that it is handed?",
        )

    @law
    def test_generation_follows_training(self) -> None:
        """After an update, logits and weights are those of the new weights at once.

        While it trains, the run shows samples; weights prepared for generating must not be those of before.
        """
        self.needs_training()
        pupil, ids = self.pupil(), batch_of(2, 4).inputs
        before, _ = stepped(pupil, ids)
        pupil.train_step(batch_of(), 0.5)
        expected, _ = stepped(self.build(weights=pupil.weights()), ids)
        found, _ = stepped(pupil, ids)
        message = (
            "After an update the model gives other logits than a new model of its weights.  Drop what was prepared."
        )
        require_close(found, expected, message)
        require(not np.allclose(found, before, atol=1e-6), "An update at rate 0.5 changed no logits.")

    @law
    def test_training_is_the_same_each_time(self) -> None:
        """The same random seed trains the same weights, bit for bit.

        A result that cannot be had again cannot be compared (on the CPU, or with deterministic=True).
        """
        self.needs_training()
        again = self.learner()
        losses = train(again, stream(BEFORE + SINCE), self.learning_rate)
        message = "A second run of the same seed differs.  Draw dropout from random_seed, and shuffle nothing."
        require(losses == self.course.losses, f"{message}\nlosses {losses}, before {self.course.losses}")
        require_same(again.weights(), self.course.end, message)

    @law
    def test_evaluation_and_training_do_not_disturb_one_another(self) -> None:
        """Evaluations between updates change nothing of training, nor updates between evaluations of their carried state.

        A run must not depend on how often it is evaluated.
        """
        self.needs_training()
        disturbed, losses = self.learner(), []
        for batch in stream(BEFORE + SINCE):
            losses += train(disturbed, [batch], self.learning_rate)
            disturbed.evaluate(batch_of(random_seed=1))
        message = "With evaluations between the updates, training differs.  Keep a state and random numbers of its own."
        require(losses == self.course.losses, f"{message}\nlosses {losses}, without {self.course.losses}")
        first, second = batch_of(), batch_of(random_seed=2, carry=True)
        pupil = self.pupil()
        pupil.evaluate(first)
        expected, _ = pupil.evaluate(second)
        pupil.evaluate(first)
        pupil.train_step(batch_of(random_seed=1), 0.0)
        if all(np.array_equal(value, self.weights[name]) for name, value in pupil.weights().items()):
            found, _ = pupil.evaluate(second)
            require_close(
                float(found), float(expected), "An update between two evaluations changed the state that they carry."
            )

    @law
    def test_weights_taken_over_in_between_change_nothing_else_of_training(self) -> None:
        """Other weights that are taken over, evaluated, and replaced by the run's own again change nothing of training.

        The running average and the best weights are measured in the middle of a run, which must not depend on it.
        """
        self.needs_training()
        learners = [self.learner(optimizer=OptimizerSpec(weight_average=0.2)) for _ in range(2)]
        for each in learners:
            train(each, stream(BEFORE), self.learning_rate)
        plain, disturbed = learners
        own = disturbed.weights()
        others = disturbed.averaged_weights() or {name: value * np.float32(0.5) for name, value in own.items()}
        disturbed.load_weights(others)
        disturbed.evaluate(batch_of(random_seed=1))
        disturbed.load_weights(own)
        message = (
            "After load_weights of others and of its own again, training differs.  Keep moments, carry, random state and the running "
            "average as they are."
        )
        require_same(disturbed.training_state(), plain.training_state(), message)
        losses, expected = (train(each, stream(SINCE, start=BEFORE), self.learning_rate) for each in (disturbed, plain))
        require(losses == expected, f"{message}\nlosses {losses}, without {expected}")
        require_same(disturbed.weights(), plain.weights(), message)

    @law
    def test_lower_precision_is_for_training_only(self) -> None:
        """A model that trains in bfloat16 keeps float32 weights, and float32 logits that are exact for them.

        Updates smaller than bfloat16's digits would be lost, and text would differ from other backends'.
        """
        self.needs_training()
        try:
            model = self.build(optimizer=SGD, weights=self.weights, precision="bfloat16")
        except OptionError:
            pytest.skip("it does not compute in bfloat16 here")
        require(model.precision == "bfloat16", f"precision is {model.precision!r} of a model built for bfloat16.")
        train(model, [batch_of()], 1e-4)
        weights, ids = model.weights(), batch_of(2, 4).inputs
        expected, _ = stepped(self.build(weights=weights), ids)
        require_close(
            stepped(model, ids)[0], expected, "Logits are not those of float32.  Lower precision in training only."
        )
        for name, value in weights.items():
            updated = not np.array_equal(value, self.weights[name])
            kept = value.dtype == np.float32 and np.allclose(value, self.weights[name], rtol=0, atol=TOLERANCE)
            require(updated and kept, f'"{name}" was rounded, or a small update lost.  Keep the weights in float32.')
