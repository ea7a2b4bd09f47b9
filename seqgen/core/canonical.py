"""The canonical form of weights: one table for every backend, checkpoint and document.

B sequences, V vocabulary, E embedding, H hidden, G gates.  Gates are stored in this order:

    lstm (G = 4): i f g o   input, forget, candidate, output (Hochreiter and Schmidhuber 1997; Gers et al. 2000)
    gru  (G = 3): r z n     reset, update, candidate, the reset-after form that cuDNN computes (Cho et al. 2014)
    rnn  (G = 1): tanh      (Elman 1990)

One step of a layer with input x (in,), state h (H,) and, for lstm, c (H,):

    lstm: i f g o = split(W x + R h + b);  c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c')
    gru:  r = sigmoid(Wr x + Rr h + br);  z = sigmoid(Wz x + Rz h + bz)
          n = tanh(Wn x + bn + r (Rn h + recurrent_candidate_bias));  h' = (1 - z) n + z h
    rnn:  h' = tanh(W x + R h + b)

The input of the first layer is the token's row of ``embedding.weight``, its one-hot vector, or the single number
id / V (``scalar``); that of a higher layer is h' of the layer below.  Logits are ``output.weight`` h' + ``output.bias``,
with ``embedding.weight`` in place of the former where embeddings are tied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.core.errors import DamagedModelError, OptionError
from seqgen.core.spec import ModelSpec
from seqgen.core.types import Weights

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
"""G of each architecture that has a canonical form."""


def canonical_shapes(spec: ModelSpec) -> dict[str, tuple[int, ...]]:
    """The names and shapes of all tensors of a model, in order.

    | tensor | shape | note |
    | --- | --- | --- |
    | `embedding.weight` | (V, E) | absent for one-hot and scalar input |
    | `layers.N.input_weight` | (G·H, in) | in is E, V, 1, or H above the first layer |
    | `layers.N.recurrent_weight` | (G·H, H) | |
    | `layers.N.bias` | (G·H) | the sum of a framework's two biases |
    | `layers.N.recurrent_candidate_bias` | (H) | gru only: multiplied by the reset gate, so it cannot be summed away |
    | `output.weight` | (V, H) | absent where embeddings are tied |
    | `output.bias` | (V) | |

    Raises:
        OptionError: the architecture has no canonical form.
    """
    if spec.architecture not in GATES:
        msg = f'Architecture "{spec.architecture}" has no canonical form.  It must be one of {", ".join(GATES)}'
        raise OptionError(msg)
    gates = GATES[spec.architecture] * spec.hidden_size
    shapes: dict[str, tuple[int, ...]] = {}
    if spec.input_encoding == "embedding":
        shapes["embedding.weight"] = (spec.vocab_size, spec.embedding_size)
    for layer in range(spec.num_layers):
        width = spec.hidden_size if layer else spec.input_size
        shapes[f"layers.{layer}.input_weight"] = (gates, width)
        shapes[f"layers.{layer}.recurrent_weight"] = (gates, spec.hidden_size)
        shapes[f"layers.{layer}.bias"] = (gates,)
        if spec.architecture == "gru":
            shapes[f"layers.{layer}.recurrent_candidate_bias"] = (spec.hidden_size,)
    if not spec.tie_embeddings:
        shapes["output.weight"] = (spec.vocab_size, spec.hidden_size)
    shapes["output.bias"] = (spec.vocab_size,)
    return shapes


def check_weights(
    weights: Mapping[str, npt.NDArray[Any]], shapes: Mapping[str, tuple[int, ...]], *, where: str
) -> None:
    """Hold names, shapes and types of weights against what a backend states, without touching their values.

    Raises:
        DamagedModelError: what is missing, unknown or misshapen, all at once.
    """
    faults = [f'tensor "{name}" is missing' for name in shapes if name not in weights]
    for name, tensor in weights.items():
        if name not in shapes:
            faults.append(f'tensor "{name}" is unknown')
        elif tuple(tensor.shape) != shapes[name]:
            faults.append(f'tensor "{name}" has shape {tuple(tensor.shape)}, but must have {shapes[name]}')
        elif tensor.dtype != np.float32:
            faults.append(f'tensor "{name}" is {tensor.dtype}, but must be float32')
    if faults:
        raise DamagedModelError(f"{where}: " + "; ".join(faults) + ".")


def initial_weights(spec: ModelSpec, random_seed: int) -> Weights:
    """Fresh weights, the same for every backend.

    Recurrent weights are orthogonal for each gate (Saxe, McClelland and Ganguli 2014), input and output weights uniform
    within sqrt(6 / (rows + columns)) (Glorot and Bengio 2010), embeddings normal with deviation 1 (as torch.nn.Embedding;
    1 / sqrt(E) where tied, since they are output weights too), biases zero, and the forget gate's bias one, so
    that it begins open (Gers, Schmidhuber and Cummins 2000; Jozefowicz, Zaremba and Sutskever 2015).
    """
    generator = np.random.Generator(np.random.Philox(key=random_seed))
    weights: Weights = {}
    for name, shape in canonical_shapes(spec).items():
        match name.rpartition(".")[2]:
            case "recurrent_weight":
                blocks = [_orthogonal(shape[1], generator) for _ in range(shape[0] // shape[1])]
                value = np.concatenate(blocks)  # (G*H, H)
            case "bias" | "recurrent_candidate_bias":
                value = np.zeros(shape)
                if spec.architecture == "lstm" and name != "output.bias":
                    value[spec.hidden_size : 2 * spec.hidden_size] = 1.0
            case _ if name == "embedding.weight":
                value = generator.normal(0.0, spec.embedding_size**-0.5 if spec.tie_embeddings else 1.0, shape)
            case _:
                rows = spec.hidden_size if name.endswith("input_weight") else shape[0]
                bound = float(np.sqrt(6.0 / (rows + shape[1])))
                value = generator.uniform(-bound, bound, shape)
        weights[name] = value.astype(np.float32)
    return weights


def extended_weights(
    weights: Mapping[str, npt.NDArray[np.float32]],
    spec: ModelSpec,
    ids: npt.NDArray[np.integer[Any]],
    random_seed: int,
) -> Weights:
    """Weights of a model whose vocabulary has grown: what there was is there unchanged, and what is new is fresh.

    A token has a row in ``embedding.weight``, ``output.weight`` and ``output.bias``, and with one-hot input a column in
    ``layers.0.input_weight``.  A new token's bias is the smallest there is: it has not occurred so far.

    Args:
        weights: of the model as it was, in the canonical form.
        spec: the shape with the new vocabulary; not of ``scalar`` input, to which each token's number counts.
        ids: (V,) of the old vocabulary, the id that each token has in the new one.
        random_seed: of what is fresh.
    """
    extended = initial_weights(spec, random_seed)
    extended["output.bias"][:] = weights["output.bias"].min()
    by_token = {"embedding.weight": (ids,), "output.weight": (ids,), "output.bias": (ids,)}
    if spec.input_encoding == "one-hot":
        by_token["layers.0.input_weight"] = (slice(None), ids)  # type: ignore[assignment]
    for name, tensor in weights.items():
        extended[name][by_token.get(name, ...)] = tensor
    return extended


def _orthogonal(size: int, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    q, r = np.linalg.qr(generator.normal(size=(size, size)))
    uniform: npt.NDArray[np.float64] = q * np.sign(np.diagonal(r))  # the sign makes the draw uniform (Mezzadri 2007)
    return uniform
