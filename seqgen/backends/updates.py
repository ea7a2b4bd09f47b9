"""How weights are updated: the rules that every training backend follows, so that one can go on where another stopped.

With gradient g (clipped), learning rate a, and t counting updates from 1:

    clipping        g <- g min(1, grad_clip / (|g| + 1e-6)), |g| over all tensors (Pascanu, Mikolov and Bengio 2013)
    adamw, adam     m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2  (Kingma and Ba 2015)
                    w <- w - a weight_decay w - a (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)
    rmsprop         v <- b2 v + (1 - b2) g^2;  w <- w - a g / (sqrt(v) + epsilon)  (Tieleman and Hinton 2012)
    sgd             w <- w - a g

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


def decay_of(optimizer: OptimizerSpec, tensor: str) -> float:
    """The weight decay of a canonical tensor."""
    return optimizer.weight_decay if optimizer.name == "adamw" and tensor.endswith("weight") else 0.0
