"""The update rules of :mod:`seqgen.backends.updates`, as pure functions.

Keras' own optimisers put epsilon elsewhere (``adam`` before the bias correction, ``rmsprop`` under the root), so that
weights would part from those that other frameworks train.
"""

from __future__ import annotations

from collections.abc import Mapping

from keras import ops

from seqgen.backends.keras.engine import Tensor, Tensors
from seqgen.backends.updates import AVERAGE, CLIP_EPSILON, decay_of
from seqgen.core.spec import OptimizerSpec


def clipped(gradients: Tensors, limit: float) -> tuple[dict[str, Tensor], Tensor]:
    """(the gradients, scaled down so that their global norm is at most ``limit``; their norm before that)."""
    norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients.values()))
    scale = ops.minimum(limit / (norm + CLIP_EPSILON), 1.0)
    return {name: gradient * scale for name, gradient in gradients.items()}, norm


def updated(
    spec: OptimizerSpec, values: Tensors, moments: Mapping[str, Tensors], gradients: Tensors, rates: Tensors
) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
    """(weights, moments, averages among them) after one update.

    Args:
        spec: the rule.
        values: the weights.
        moments: ``first_moment`` and ``second_moment``, as far as the rule has them, and ``average``, if there is to be
            one, of each weight.
        gradients: clipped.
        rates: scalars ``learning_rate``, ``first_correction`` = 1 - b1^t, ``second_correction`` = 1 - b2^t, and
            ``average_kept``.
    """
    new_values: dict[str, Tensor] = {}
    new_moments: dict[str, dict[str, Tensor]] = {moment: {} for moment in moments}
    for name, gradient in gradients.items():
        own = {moment: values_of[name] for moment, values_of in moments.items()}
        new_values[name], new = _updated(spec, name, values[name], own, gradient, rates)
        if AVERAGE in moments:
            kept = rates["average_kept"]
            new[AVERAGE] = kept * own[AVERAGE] + (1.0 - kept) * new_values[name]
        for moment, value in new.items():
            new_moments[moment][name] = value
    return new_values, new_moments


def _updated(
    spec: OptimizerSpec, name: str, value: Tensor, moments: Mapping[str, Tensor], gradient: Tensor, rates: Tensors
) -> tuple[Tensor, dict[str, Tensor]]:
    """(a weight, its moments) after one update."""
    rate = rates["learning_rate"]
    if spec.name == "sgd":
        return value - rate * gradient, {}
    second = spec.beta_2 * moments["second_moment"] + (1.0 - spec.beta_2) * ops.square(gradient)
    if spec.name == "rmsprop":
        return value - rate * gradient / (ops.sqrt(second) + spec.epsilon), {"second_moment": second}
    first = spec.beta_1 * moments["first_moment"] + (1.0 - spec.beta_1) * gradient
    if decay := decay_of(spec, name):
        value = value * (1.0 - rate * decay)
    size = ops.sqrt(second / rates["second_correction"]) + spec.epsilon
    value = value - rate * (first / rates["first_correction"]) / size
    return value, {"first_moment": first, "second_moment": second}
