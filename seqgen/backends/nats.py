"""The nats of a text, from logits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqgen.core.types import Ids


def nats_of(logits: npt.NDArray[np.float32], targets: Ids, weights: npt.NDArray[np.float32] | None) -> float:
    """Summed negative log-likelihood of targets (...) by logits (..., V), which it works in; by weights (...) where given."""
    flat = logits.reshape(-1, logits.shape[-1])
    flat -= flat.max(axis=-1, keepdims=True)
    chosen = flat[np.arange(len(flat)), targets.reshape(-1)]
    nats = np.log(np.exp(flat, out=flat).sum(axis=-1)) - chosen
    if weights is not None:
        nats *= weights.reshape(-1)
    return float(nats.sum(dtype=np.float64))
