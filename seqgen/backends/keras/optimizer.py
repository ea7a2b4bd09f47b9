"""The update rules of :mod:`seqgen.backends.updates`, as pure functions.

Keras' own optimisers put epsilon elsewhere (``adam`` before the bias correction, ``rmsprop`` under the root), so that
weights would part from those that other frameworks train.
"""

from __future__ import annotations

from collections.abc import Mapping

from keras import ops

from seqgen.backends.keras.engine import Tensor, Tensors
from seqgen.backends.updates import CLIP_EPSILON, decay_of
from seqgen.core.spec import OptimizerSpec


def clipped(gradients: Tensors, limit: float) -> tuple[dict[str, Tensor], Tensor]:
    """(the gradients, scaled down so that their global norm is at most ``limit``; their norm before that)."""
    norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients.values()))
    scale = ops.minimum(limit / (norm + CLIP_EPSILON), 1.0)
    return {name: gradient * scale for name, gradient in gradients.items()}, norm


def updated(
    spec: OptimizerSpec, values: Tensors, moments: Mapping[str, Tensors], gradients: Tensors, rates: Tensors
) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
    """(weights, moments) after one update.

    Args:
        spec: the rule.
        values: the weights.
        moments: ``first_moment`` and ``second_moment``, as far as the rule has them, of each weight.
        gradients: clipped.
        rates: scalars ``learning_rate``, ``first_correction`` = 1 - b1^t and ``second_correction`` = 1 - b2^t.
    """
    rate = rates["learning_rate"]
    new_values: dict[str, Tensor] = {}
    new_moments: dict[str, dict[str, Tensor]] = {moment: {} for moment in moments}
    for name, gradient in gradients.items():
        value = values[name]
        if spec.name == "sgd":
            new_values[name] = value - rate * gradient
            continue
        second = spec.beta_2 * moments["second_moment"][name] + (1.0 - spec.beta_2) * ops.square(gradient)
        new_moments["second_moment"][name] = second
        if spec.name == "rmsprop":
            new_values[name] = value - rate * gradient / (ops.sqrt(second) + spec.epsilon)
            continue
        first = spec.beta_1 * moments["first_moment"][name] + (1.0 - spec.beta_1) * gradient
        new_moments["first_moment"][name] = first
        if decay := decay_of(spec, name):
            value = value * (1.0 - rate * decay)
        size = ops.sqrt(second / rates["second_correction"]) + spec.epsilon
        new_values[name] = value - rate * (first / rates["first_correction"]) / size
    return new_values, new_moments
