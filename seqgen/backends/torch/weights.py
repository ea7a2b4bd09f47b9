"""Where the canonical tensors lie in the network's parameters.

| canonical | PyTorch |
| --- | --- |
| `embedding.weight` (V, E) | `embedding.weight` |
| `layers.N.input_weight` (G·H, in) | `layers.N.weight_ih_l0` |
| `layers.N.recurrent_weight` (G·H, H) | `layers.N.weight_hh_l0` |
| `layers.N.bias` (G·H) | `layers.N.bias_ih_l0`; `bias_hh_l0` is zero |
| `layers.N.recurrent_candidate_bias` (H) | `layers.N.bias_hh_l0[2H:]`, the rest of which is zero |
| `output.weight`, `output.bias` | `output.weight`, `output.bias` |

The gate order is the same: lstm i f g o, gru r z n.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seqgen.backends.torch.network import Network
from seqgen.core.canonical import canonical_shapes
from seqgen.core.types import Weights

_LAYER_NAMES = {
    "input_weight": "weight_ih_l0",
    "recurrent_weight": "weight_hh_l0",
    "bias": "bias_ih_l0",
    "recurrent_candidate_bias": "bias_hh_l0",
}


@dataclass(frozen=True)
class Slot:
    """A canonical tensor's place: the rows of a parameter from ``start`` on."""

    parameter: nn.Parameter
    start: int = 0

    def read(self, tensor: Tensor | None = None) -> npt.NDArray[np.float32]:
        """A copy of the canonical tensor, out of the parameter, or out of something of its shape (a moment)."""
        rows = (self.parameter if tensor is None else tensor).detach()[self.start :]
        return np.array(rows.cpu().numpy(), dtype=np.float32)

    def write(self, value: npt.NDArray[np.generic], tensor: Tensor | None = None) -> None:
        """Set the canonical tensor there."""
        rows = (self.parameter if tensor is None else tensor).detach()[self.start :]
        rows.copy_(torch.from_numpy(np.array(value, order="C")))


def slots(network: Network) -> dict[str, Slot]:
    """Each canonical tensor's place in the network, in canonical order."""
    parameters = dict(network.named_parameters())
    found = {}
    for name in canonical_shapes(network.spec):
        prefix, _, last = name.rpartition(".")
        start = 2 * network.spec.hidden_size if last == "recurrent_candidate_bias" else 0
        own = f"{prefix}.{_LAYER_NAMES[last]}" if prefix.startswith("layers.") else name
        found[name] = Slot(parameters[own], start)
    return found


def read_weights(network: Network) -> Weights:
    """A copy of the network's weights in the canonical form."""
    return {name: slot.read() for name, slot in slots(network).items()}


def write_weights(network: Network, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Set the network's weights from the canonical form; second biases become zero."""
    for layer in network.layers:
        layer.get_parameter("bias_hh_l0").detach().zero_()
    for name, slot in slots(network).items():
        slot.write(weights[name])
