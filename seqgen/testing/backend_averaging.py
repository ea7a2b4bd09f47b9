"""What the running average of the weights must keep, in every backend that has one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from seqgen.core.backend import Model
from seqgen.core.spec import OptimizerSpec
from seqgen.core.types import Weights
from seqgen.testing.backend_models import ModelContract, batch_of, require_close, require_same
from seqgen.testing.laws import law, require

SHARE = 0.2
RATE = 0.05
OPTIMIZER = OptimizerSpec(weight_average=SHARE)


class AveragingLaws(ModelContract):
    """The laws of ``averaged_weights``."""

    def averaging(self) -> Model:
        """A model that trains and keeps a running average."""
        self.needs_training()
        model = self.build(weights=self.weights, optimizer=OPTIMIZER)
        if model.averaged_weights() is None:
            pytest.skip("it keeps no running average")
        return model

    @law
    def test_the_running_average_follows_its_rule(self) -> None:
        """The running average is that of OptimizerSpec.weight_average, and none is kept without it.

        It is what is measured and published; another average would be another model.
        """
        model = self.averaging()
        expected: Weights = {}
        for step in range(1, 6):
            model.train_step(batch_of(random_seed=step), RATE)
            kept = (1.0 - 1.0 / step) ** (1.0 / SHARE - 1.0)
            for name, value in model.weights().items():
                expected[name] = kept * expected.get(name, np.zeros_like(value)) + (1.0 - kept) * value
            for name, value in (model.averaged_weights() or {}).items():
                message = (
                    f'The running average of "{name}" is wrong after update {step}.  See OptimizerSpec for the rule.'
                )
                require_close(value, expected[name], message)
        without = self.build(optimizer=dataclasses.replace(OPTIMIZER, weight_average=0.0))
        require(without.averaged_weights() is None, "A running average is given where weight_average is 0.  Give None.")

    @law
    def test_the_running_average_resumes_exactly(self) -> None:
        """A training state brings the running average back, bit for bit, and it goes on from there.

        Training is interrupted; what is published must not depend on it.
        """
        model, resumed = self.averaging(), self.averaging()
        for step in range(3):
            model.train_step(batch_of(random_seed=step), RATE)
        resumed.load_weights(model.weights())
        resumed.load_training_state(model.training_state())
        message = "The running average of a resumed run differs.  Keep it in training_state, as average.NAME."
        for step in range(3, 5):
            require_same(resumed.averaged_weights() or {}, model.averaged_weights() or {}, message)
            for each in (model, resumed):
                each.train_step(batch_of(random_seed=step), RATE)

    @law
    def test_the_running_average_leaves_training_alone(self) -> None:
        """Weights that are trained with a running average beside them are those that are trained without.

        It follows the training; that takes nothing from it.
        """
        model = self.averaging()
        plain = self.build(weights=self.weights, optimizer=dataclasses.replace(OPTIMIZER, weight_average=0.0))
        for step in range(3):
            for each in (model, plain):
                each.train_step(batch_of(random_seed=step), RATE)
        require_same(model.weights(), plain.weights(), "The running average changes the weights that are trained.")
