"""The values that parts hand to one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc
from annotated_types import Ge, Lt

from seqgen.core.errors import OptionError

Ids: TypeAlias = npt.NDArray[np.integer[Any]]
"""Token ids: a NumPy array of any integer type."""

Array: TypeAlias = Any
"""An array that follows the array API standard: a NumPy array or a torch tensor, where it lies."""

State: TypeAlias = Mapping[str, Array]
"""What a model carries from one step to the next: named arrays, each with B (sequences) as its first axis.

Because B always comes first, the core selects and joins the states of sequences without knowing the model."""

Weights: TypeAlias = dict[str, npt.NDArray[np.float32]]
"""Weights in the canonical form: see :mod:`seqgen.core.canonical`."""

Content: TypeAlias = str | bytes

InputEncoding: TypeAlias = Literal["embedding", "one-hot", "scalar"]


@dataclass(frozen=True)
class Document:
    """One document, or a piece of a large one.

    Consecutive documents with the same id are pieces of one document; ``final`` marks its last piece.  Readers
    of large files yield pieces so that memory stays bounded.
    """

    id: str
    content: Content
    final: bool = True


@dataclass(frozen=True)
class Batch:
    """What a model trains on or is scored on in one step.

    Attributes:
        inputs: (B, T) token ids.
        targets: (B, T) the id that follows each input.
        weights: (B, T) float32, 0 where a target is not scored; None scores all.
        carry: go on from the state the previous batch left, instead of from the initial state.
        last_step_only: only the targets at T - 1 are scored (then weights is None).  A model may skip the
            output layer for the other steps.
    """

    inputs: Ids
    targets: Ids
    weights: npt.NDArray[np.float32] | None = None
    carry: bool = False
    last_step_only: bool = False

    @property
    def scored(self) -> int:
        """How many targets are scored."""
        if self.last_step_only:
            return int(self.targets.shape[0])
        return int(self.targets.size if self.weights is None else np.count_nonzero(self.weights))


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """The shape of a model; with its canonical weights, all that any backend needs to run it.

    Raises:
        OptionError: sizes that contradict each other.
    """

    vocab_size: Annotated[int, Ge(1), Doc("how many tokens there are (V)")]
    architecture: Annotated[str, Doc("kind of network; bundled: lstm, gru, rnn")] = "lstm"
    input_encoding: Annotated[
        InputEncoding, Doc("how a token enters: a learned vector, one-hot, or id / vocab_size")
    ] = "embedding"
    embedding_size: Annotated[int, Ge(1), Doc("numbers in a token's learned vector (E)")] = 64
    hidden_size: Annotated[int, Ge(1), Doc("units in each recurrent layer (H)")] = 512
    num_layers: Annotated[int, Ge(1), Doc("recurrent layers (L)")] = 1
    dropout: Annotated[float, Ge(0), Lt(1), Doc("share of each layer's outputs zeroed while training")] = 0.0
    tie_embeddings: Annotated[
        bool, Doc("use the embedding as output weights too; needs embedding_size = hidden_size")
    ] = False

    def __post_init__(self) -> None:
        if self.tie_embeddings and self.input_encoding != "embedding":
            msg = f"tie_embeddings needs input_encoding embedding, not {self.input_encoding}."
            raise OptionError(msg)
        if self.tie_embeddings and self.embedding_size != self.hidden_size:
            msg = (
                f"tie_embeddings needs embedding_size ({self.embedding_size}) equal to hidden_size "
                f"({self.hidden_size}).  Set one to the other."
            )
            raise OptionError(msg)

    @property
    def input_size(self) -> int:
        """Width of the first layer's input: E, V or 1."""
        return {"embedding": self.embedding_size, "one-hot": self.vocab_size, "scalar": 1}[self.input_encoding]


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec:
    """How weights are updated; the learning rate comes with each step.

    Gradients are scaled down so that their global norm is at most ``grad_clip`` (Pascanu, Mikolov and Bengio 2013),
    and weight decay is decoupled and leaves biases alone (Loshchilov and Hutter 2019).
    """

    name: Literal["adamw", "adam", "sgd", "rmsprop"] = "adamw"
    beta_1: float = 0.9
    beta_2: float = 0.99
    epsilon: float = 1e-8
    weight_decay: float = 0.01
    grad_clip: float = 1.0
