"""What training and scoring compute, as pure functions of the weights, compiled once for all models of a shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import keras

from seqgen.backends.keras import engine, recurrence
from seqgen.backends.keras.engine import Tensor, Tensors
from seqgen.backends.keras.network import Network
from seqgen.backends.keras.optimizer import clipped, updated
from seqgen.core.spec import ModelSpec, OptimizerSpec

KEPT = 8
"""Kinds of models whose functions stay when the last of the kind is gone; see :func:`functions_of`."""


class Functions:
    """Functions of weights, moments and states, which they give back anew, so that any number of models may use one.

    Attributes:
        nats: by whether only the last step is scored; weights, batch and state -> (sum of nats, state after).
        update: by the same; weights, moments, random state, batch, state and rates -> ((loss, norm of its gradients),
            weights, moments, random state, state after).
        differentiate: the first half of it, for a batch that is taken in groups; weights, random state, batch, state and
            rates -> (loss, its gradients, random state, state after).
        apply: the second half; weights, moments, gradients and rates -> (their norm, weights, moments).

    Args:
        spec: the shape of the network.
        device: where it computes.
        precision: of the products while training.
        optimizer: how weights are updated; None: only ``nats`` may be called.
    """

    def __init__(self, spec: ModelSpec, device: str, precision: str, optimizer: OptimizerSpec | None) -> None:
        self._optimizer = optimizer
        with engine.on(device):
            self.nats = _by_last_step(Network(spec, device).nats)
            if optimizer is None:
                return
            self._network = Network(spec, device, precision)
            # Says only where dropout draws from; each model hands in where its own numbers stand.
            self._dropout = keras.random.SeedGenerator(0)
            self.update = _by_last_step(self._updated)
            self.differentiate = _by_last_step(self._gradients)
            self.apply = engine.compiled(self._applied)

    def _updated(
        self,
        values: Tensors,
        moments: Mapping[str, Tensors],
        random: Tensor,
        batch: Tensors,
        state: Tensors,
        rates: Tensors,
        *,
        last_step_only: bool,
    ) -> tuple[tuple[Tensor, Tensor], Tensors, Mapping[str, Tensors], Tensor, Tensors]:
        loss, gradients, random, after = self._gradients(
            values, random, batch, state, rates, last_step_only=last_step_only
        )
        norm, values, moments = self._applied(values, moments, gradients, rates)
        return (loss, norm), values, moments, random, after

    def _gradients(
        self, values: Tensors, random: Tensor, batch: Tensors, state: Tensors, rates: Tensors, *, last_step_only: bool
    ) -> tuple[Tensor, Tensors, Tensor, Tensors]:
        def loss_of(values: Tensors) -> tuple[Tensor, tuple[Tensors, Tensor]]:
            with keras.StatelessScope([(self._dropout.state, random)]) as scope:
                nats, after = self._network.nats(values, batch, state, self._dropout, last_step_only=last_step_only)
            return nats * rates["scale"], (after, scope.get_current_value(self._dropout.state))

        (loss, (after, random_after)), gradients = engine.value_and_gradients(loss_of, values)
        return loss, gradients, random_after, after

    def _applied(
        self, values: Tensors, moments: Mapping[str, Tensors], gradients: Tensors, rates: Tensors
    ) -> tuple[Tensor, Tensors, Mapping[str, Tensors]]:
        assert self._optimizer is not None
        gradients, norm = clipped(gradients, self._optimizer.grad_clip)
        values, moments = updated(self._optimizer, values, moments, gradients, rates)
        return norm, values, moments


def functions_of(
    spec: ModelSpec, device: str, precision: str, optimizer: OptimizerSpec | None, first_rows: int
) -> Functions:
    """The functions of a kind of model, the same for all that are alike, since TensorFlow traces each for seconds.

    Where layers are Keras' own, a model has some for itself, for those hold variables as large as the weights.

    Args:
        spec: the shape of the network.
        device: where it computes.
        precision: of the products while training.
        optimizer: how weights are updated, if they are.
        first_rows: how many rows the first batch has.  TensorFlow traces the second number for any number of them, and where
            that is not known, large products take longer (see :mod:`seqgen.backends.keras.recurrence`).
    """
    if recurrence.is_used(device):
        return _kept(spec, device, precision, optimizer, first_rows)
    return Functions(spec, device, precision, optimizer)


@lru_cache(maxsize=KEPT)
def _kept(spec: ModelSpec, device: str, precision: str, optimizer: OptimizerSpec | None, _first_rows: int) -> Functions:
    return Functions(spec, device, precision, optimizer)


def _by_last_step(function: Callable[..., Any]) -> Mapping[bool, Callable[..., Any]]:
    return {last: engine.compiled(partial(function, last_step_only=last)) for last in (False, True)}
