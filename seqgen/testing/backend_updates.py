"""What one update must be in every backend that trains: its gradients, and what an optimiser makes of them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest

from seqgen.core.spec import Optimizer, OptimizerSpec
from seqgen.core.types import Weights
from seqgen.testing import reference
from seqgen.testing.backend_models import ROWS, SGD, STEPS, ModelContract, batch_of, require_close, train
from seqgen.testing.laws import law, require

RULE_TOLERANCE = 2e-5
"""Of an update of some 0.01: what float32 leaves of gradients; two thousandths of what it changes."""


class UpdateLaws(ModelContract):
    """The laws of a single ``train_step``."""

    @law
    def test_gradients_are_those_of_the_canonical_formulas(self) -> None:
        """The update follows the gradient of the loss, as finite differences of the formulas in float64 give it.

        A gradient that is nearly right trains, only worse; and nobody sees it.
        """
        self.needs_training()
        self.needs_canonical()
        mask = (np.arange(ROWS * STEPS).reshape(ROWS, STEPS) % 5 > 0).astype(np.float32)
        batch, before, pupil = batch_of(weights=mask), self.weights, self.pupil()
        pupil.train_step(batch, 1.0)
        generator = np.random.default_rng(0)
        for name, after in pupil.weights().items():
            gradient = before[name].astype(np.float64) - after
            for _ in range(2):
                direction = generator.normal(size=gradient.shape)
                expected = self._slope(name, direction, batch)
                found = float((gradient * direction).sum())
                error = abs(found - expected)
                require(
                    error <= 1e-3 * np.linalg.norm(gradient) + 1e-5,
                    f'In a random direction of "{name}" sgd at rate 1 moves by {found:.6g}, but the loss has the slope '
                    f"{expected:.6g}.  Sum the nats of the scored targets, divide by their number, go back through all "
                    "time steps, and clip only as OptimizerSpec.grad_clip says.",
                )

    def _slope(self, name: str, direction: npt.NDArray[np.float64], batch: Any) -> float:
        small = 1e-5
        up, down = (
            reference.loss(self.spec(), {**self.weights, name: self.weights[name] + sign * small * direction}, batch)
            for sign in (1, -1)
        )
        return (up - down) / (2 * small)

    @law
    def test_the_gradient_norm_is_that_before_clipping(self) -> None:
        """The gradient_norm that a model tells, if it tells one, is the norm of all its gradients before clipping.

        It warns of a run that is about to diverge; after clipping it would never be above grad_clip.
        """
        self.needs_training()
        batch, pupil = batch_of(), self.pupil()
        pupil.train_step(batch, 1.0)
        if pupil.gradient_norm is None:
            return
        steps = [(self.weights[name] - after).ravel() for name, after in pupil.weights().items()]
        norm = float(np.linalg.norm(np.concatenate(steps).astype(np.float64)))
        clipping = self.build(weights=self.weights, optimizer=dataclasses.replace(SGD, grad_clip=norm / 2))
        train(clipping, [batch_of(random_seed=1)], 0.0)
        clipping.train_step(batch, 1.0)
        for model in (pupil, clipping):
            found = float(math.nan if model.gradient_norm is None else model.gradient_norm)
            require(
                abs(found - norm) <= 1e-3 * norm,
                f"gradient_norm is {found:.6g} after an update of gradients of norm {norm:.6g}.  Take the root of the "
                "sum of squares over all tensors, before clipping, anew in each train_step.",
            )

    @law
    def test_updates_are_those_of_the_optimizers_rule(self) -> None:
        """Two updates by each optimiser are those of its formulas in float64: clipping, moments, their correction, and decay.

        A rule that is nearly right trains, only worse, and another backend that goes on with its moments would follow another one.
        """
        self.needs_training()
        self.needs_canonical()
        norm = self._norm()
        for name in get_args(get_args(Optimizer)[0]):
            spec = OptimizerSpec(name=name, grad_clip=norm / 2, weight_decay=0.5)
            model, rule = self.build(weights=self.weights, optimizer=spec), reference.Rule(spec)
            for batch in (batch_of(), batch_of(random_seed=1)):
                before = model.weights()
                expected = rule.update(before, self._gradients(before, batch), 0.01)
                model.train_step(batch, 0.01)
                for tensor, found in model.weights().items():
                    message = f'An update by {name} changes "{tensor}" otherwise than the formulas of seqgen.backends.updates.'
                    require_close(found - before[tensor], expected[tensor] - before[tensor], message, RULE_TOLERANCE)

    def _gradients(self, weights: Weights, batch: Any) -> dict[str, npt.NDArray[np.float64]]:
        """As plain descent shows them: a step so long that what it starts from hardly counts."""
        pupil, rate = self.pupil(), 1024.0
        pupil.load_weights(weights)
        pupil.train_step(batch, rate)
        return {name: (weights[name].astype(np.float64) - after) / rate for name, after in pupil.weights().items()}

    def _norm(self) -> float:
        gradients = self._gradients(self.weights, batch_of())
        return float(np.linalg.norm(np.concatenate([gradient.ravel() for gradient in gradients.values()])))

    @law
    def test_groups_of_rows_give_the_update_of_all(self) -> None:
        """Where a backend accumulates, gradients of fewer sequences at a time add up to those of the batch.

        Where memory does not suffice for a batch, the run goes on with fewer at a time, and must learn the same.
        """
        self.needs_training()
        if not self.pupil().accumulates:
            pytest.skip("accumulates is false")
        weights = (np.arange(ROWS * STEPS).reshape(ROWS, STEPS) % 5 < 2).astype(np.float32)
        weights[0] = 1  # so that rows count differently much
        trained = []
        for together in (None, 3, 1):
            pupil = self.pupil()
            pupil.micro_batch_size = together
            losses = train(pupil, [batch_of(weights=weights), batch_of(random_seed=1, carry=True)], 0.5)
            pupil.micro_batch_size = None
            trained.append((losses, pupil.weights()))
        for losses, learned in trained[1:]:
            message = "With micro_batch_size the losses are others.  Divide by the targets of the whole batch, and join the states."
            require_close(losses, trained[0][0], message)
            for name, value in trained[0][1].items():
                require_close(
                    learned[name], value, f"With micro_batch_size another {name} is trained.  Add gradients up."
                )
