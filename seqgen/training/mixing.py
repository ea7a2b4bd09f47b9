"""After training: n-grams of the training part, weighted against the network on the validation part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.core.backend import Model
from seqgen.core.errors import OptionError
from seqgen.core.types import Weights
from seqgen.data.batching import Batching
from seqgen.ngrams.counting import affordable_order, check_countable, count_ngrams
from seqgen.ngrams.mixture import Mixture, weights_shape


@dataclass(frozen=True)
class Mixed:
    """What is published beside the weights.

    Attributes:
        tensors: of the n-grams and of the weights, for ``ngrams.safetensors``.
        loss: nats per token of the mixture, on the validation part.
        order: the length of the longest n-grams.
    """

    tensors: dict[str, npt.NDArray[Any]]
    loss: float
    order: int


GAIN = 0.01
"""By how much of the network's loss the mixture's must be lower, to be kept where no order is given."""


def check_mixing(values: Mapping[str, Any], *, tokens: int, vocab_size: int) -> None:
    """Refuse options by which there will be no mixture, before anything is trained.

    Raises:
        OptionError: nothing to count, too much of it, or nothing held out to weigh on.
    """
    order = values["ngram_order"]
    if not order:
        return
    if order == 1:
        raise OptionError(
            "ngram_order is 1, but must be at least 2, or 0 for no n-grams: single tokens know no context."
        )
    if not values["validation_fraction"]:
        raise OptionError(
            "ngram_order weighs n-grams against the network on held-out text: set validation_fraction above 0."
        )
    check_countable(order, tokens=tokens, vocab_size=vocab_size)


def mix(model: Model, weights: Weights, order: int | None, training: Batching, validation: Batching) -> Mixed | None:
    """Count and weigh.

    Args:
        model: computes; its own weights are as before afterwards.
        weights: the network's, that are published.
        order: the length of the longest n-grams; None: as many as are worth it.
        training: what is counted.
        validation: what is weighed on.

    Returns:
        None where there is nothing to count.
    """
    if order is None:
        order = affordable_order(training.part.tokens, model.spec.vocab_size)
    if not order:
        return None
    own = model.weights()
    model.load_weights(weights)
    try:
        table = count_ngrams(training.part.tokens, model.spec.vocab_size, order)
        mixture = Mixture(model, table, np.ones(weights_shape(order), np.float32))
        loss = mixture.fit(
            lambda: (validation.batch(0, step) for step in range(validation.steps_per_epoch)),
            len(validation.part.tokens),
        )
    finally:
        model.load_weights(own)
    return Mixed(mixture.tensors(), loss, order)
