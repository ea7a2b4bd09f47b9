"""From the arrays of a stack of embedding, recurrent layers and output to the canonical form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.core.canonical import GATES
from seqgen.core.errors import ModelError
from seqgen.core.spec import InputEncoding, ModelSpec
from seqgen.core.types import Weights
from seqgen.interop.vocabulary import Vocabulary

Floats: TypeAlias = npt.NDArray[np.float32]

NEVER = 30.0
"""By how many nats the logit of the end token, which such a model does not know, lies below the mean of the others."""


@dataclass(frozen=True)
class Layer:
    """A recurrent layer, its gates in canonical order.

    Attributes:
        input_weight: (G·H, in).
        recurrent_weight: (G·H, H).
        bias: (G·H).
        recurrent_candidate_bias: (H), gru only.
    """

    input_weight: Floats
    recurrent_weight: Floats
    bias: Floats
    recurrent_candidate_bias: Floats | None = None


@dataclass(frozen=True)
class Stack:
    """A foreign model, its rows in its own order.

    Attributes:
        framework: the backend that is closest to where it comes from.
        embedding: (V, E); None where tokens enter one-hot or as one number.
        layers: from the lowest.
        output_weight: (V, H); None where it is the embedding.
        output_bias: (V).
    """

    framework: str
    architecture: str
    embedding: Floats | None
    layers: tuple[Layer, ...]
    output_weight: Floats | None
    output_bias: Floats

    @property
    def vocab_size(self) -> int:
        """How many tokens it has."""
        return len(self.output_bias)


def architecture_of(shape: Sequence[int], *, what: str) -> str:
    """Which recurrent network has a recurrent weight (G·H, H) of this shape.

    Raises:
        ModelError: none has.
    """
    for architecture, gates in GATES.items():
        if len(shape) == 2 and shape[1] and shape[0] == gates * shape[1]:
            return architecture
    raise ModelError(f"{what} has shape {tuple(shape)}, but must be G·H by H with G 4 (lstm), 3 (gru) or 1 (rnn).")


def in_sequence(names: Sequence[str], *, where: str) -> list[str]:
    """Names of stacked layers from the lowest: they may differ in numbers only, which tell the order.

    ``lstm``, ``lstm_1``, ``lstm_2``, or ``rnn1``, ``rnn2``; of names that are paths, the first numbers that differ:
    ``lstm/lstm_cell_2`` is below ``lstm_1/lstm_cell_3``.

    Raises:
        ModelError: they differ otherwise, so that the file does not tell which layer comes first.
    """
    if len({re.sub(r"_?\d+", "", name) for name in names}) > 1:
        raise ModelError(
            f"{where}: recurrent layers {', '.join(names)}: their names do not tell which comes first.  Name them by number."
        )
    # Nobody counts layers in more than 9 digits, and of very many Python makes no number.
    return sorted(
        names, key=lambda name: [[*map(int, re.findall(r"\d{1,9}", part))] for part in re.split("[/.]", name)]
    )


def to_canonical(stack: Stack, vocabulary: Vocabulary, *, where: str) -> tuple[ModelSpec, Weights]:
    """The shape and the weights, rows in the order of the tokenizer and one more for its end token.

    That row is the mean of the others, less ``NEVER``, so that it hardly takes probability from them.

    Raises:
        ModelError: ids enter as numbers, and are not in the order of the tokenizer.
    """
    order = vocabulary.order
    size = len(order) + 1

    def rows(value: Floats) -> Floats:
        taken = value[order]
        return np.concatenate([taken, taken.mean(axis=0, keepdims=True)])

    encoding, first = _entering(stack, vocabulary, where=where)
    weights: Weights = {}
    if stack.embedding is not None:
        weights["embedding.weight"] = rows(stack.embedding)
    for number, layer in enumerate(stack.layers):
        tensors = {
            "input_weight": layer.input_weight if number else first,
            "recurrent_weight": layer.recurrent_weight,
            "bias": layer.bias,
            "recurrent_candidate_bias": layer.recurrent_candidate_bias,
        }
        weights |= {f"layers.{number}.{name}": value for name, value in tensors.items() if value is not None}
    if stack.output_weight is not None:
        weights["output.weight"] = rows(stack.output_weight)
    weights["output.bias"] = rows(stack.output_bias)
    weights["output.bias"][-1] -= NEVER
    spec = ModelSpec(
        vocab_size=size,
        architecture=stack.architecture,
        input_encoding=encoding,
        **({} if stack.embedding is None else {"embedding_size": stack.embedding.shape[1]}),
        hidden_size=stack.layers[0].recurrent_weight.shape[1],
        num_layers=len(stack.layers),
        tie_embeddings=stack.output_weight is None,
    )
    return spec, {name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}


def _entering(stack: Stack, vocabulary: Vocabulary, *, where: str) -> tuple[InputEncoding, Floats]:
    """How tokens enter, and the first layer's input weight for ids in the order of the tokenizer."""
    first, order = stack.layers[0].input_weight, vocabulary.order
    if stack.embedding is not None:
        return "embedding", first
    if first.shape[1] == stack.vocab_size:
        taken = first[:, order]
        return "one-hot", np.concatenate([taken, taken.mean(axis=1, keepdims=True)], axis=1)
    if order != [*range(stack.vocab_size)]:
        raise ModelError(
            f"{where}: tokens enter as id / {stack.vocab_size}, so that their order counts, but {vocabulary.name} does not have "
            "them by code point, as the tokenizer does.  Such a model cannot be read."
        )
    # id / V there, id / (V + 1) here.
    return "scalar", first * np.float32((stack.vocab_size + 1) / stack.vocab_size)


def fault(name: str, found: Sequence[int], wanted: Any, why: str) -> str:
    """A sentence about a tensor that has another shape than it must."""
    return f'tensor "{name}" has shape {tuple(found)}, but must have {wanted}: {why}.'
