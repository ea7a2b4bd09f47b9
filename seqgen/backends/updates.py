"""How weights are updated: the rules that every training backend follows, so that one can go on where another stopped.

With gradient g (clipped), learning rate a, and t counting updates from 1:

    clipping        g <- g min(1, grad_clip / (|g| + 1e-6)), |g| over all tensors (Pascanu, Mikolov and Bengio 2013)
    adamw, adam     m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2  (Kingma and Ba 2015)
                    w <- w - a weight_decay w - a (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)
    rmsprop         v <- b2 v + (1 - b2) g^2;  w <- w - a g / (sqrt(v) + epsilon)  (Tieleman and Hinton 2012)
    sgd             w <- w - a g

    average         w' <- k w' + (1 - k) w,  k = (1 - 1/t)^(1/weight_average - 1); see :class:`seqgen.core.spec.OptimizerSpec`

Only ``adamw`` decays, and only weight matrices, not biases (Loshchilov and Hutter 2019); m is ``first_moment``, v ``second_moment`` in a training state.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from seqgen.core.spec import OptimizerSpec

MOMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "adamw": ("first_moment", "second_moment"),
        "adam": ("first_moment", "second_moment"),
        "rmsprop": ("second_moment",),
        "sgd": (),
    }
)
"""What each optimiser remembers of every tensor."""

CLIP_EPSILON = 1e-6
"""Added to the norm when clipping, as torch does."""


AVERAGE = "average"
"""What a training state calls the running averages, beside the moments."""


def average_kept(optimizer: OptimizerSpec, step: int) -> float:
    """The share of the running average that stays in an update, counted from 1: none in the first."""
    kept: float = (1.0 - 1.0 / step) ** (1.0 / optimizer.weight_average - 1.0)
    return kept


def decay_of(optimizer: OptimizerSpec, tensor: str) -> float:
    """The weight decay of a canonical tensor."""
    return optimizer.weight_decay if optimizer.name == "adamw" and tensor.endswith("weight") else 0.0
