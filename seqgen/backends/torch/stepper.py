"""One time step by plain products, for generating.

The recurrent kernels of PyTorch are made for sequences: called for a single step, oneDNN's reorders its weights every
time.  Here all gates are one product, and the first layer's input product is a table with a row for each token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from seqgen.backends.torch.network import Network, Parts


@dataclass(frozen=True)
class _Layer:
    """Weights of one recurrent layer.

    Attributes:
        input_weight: (in, G*H).
        bias: (G*H).
        recurrent_weight: (H, G*H).
        recurrent_bias: (G*H), zero but for the candidate of gru.
    """

    input_weight: Tensor
    bias: Tensor
    recurrent_weight: Tensor
    recurrent_bias: Tensor


def _lstm(inputs: Tensor, layer: _Layer, before: Parts) -> Parts:
    hidden, cell = before
    gates = torch.addmm(inputs, hidden, layer.recurrent_weight)  # (B, 4H)
    i, f, g, o = gates.chunk(4, dim=1)
    cell = f.sigmoid() * cell
    cell.addcmul_(i.sigmoid(), g.tanh())
    return cell.tanh().mul_(o.sigmoid()), cell


def _gru(inputs: Tensor, layer: _Layer, before: Parts) -> Parts:
    (hidden,) = before
    size = hidden.shape[1]
    gates = torch.addmm(layer.recurrent_bias, hidden, layer.recurrent_weight)  # (B, 3H)
    r, z = gates[:, : 2 * size].add_(inputs[:, : 2 * size]).sigmoid_().chunk(2, dim=1)
    n = torch.addcmul(inputs[:, 2 * size :], r, gates[:, 2 * size :]).tanh_()
    return (torch.lerp(n, hidden, z),)  # (1 - z) n + z h


def _rnn(inputs: Tensor, layer: _Layer, before: Parts) -> Parts:
    return (torch.addmm(inputs, before[0], layer.recurrent_weight).tanh_(),)


_STEPS: Mapping[str, Callable[[Tensor, _Layer, Parts], Parts]] = MappingProxyType(
    {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
)
"""(input product (B, G*H), layer, parts before) -> parts after, all new."""


class Stepper:
    """The network's weights as they are now, laid out for single steps."""

    def __init__(self, network: Network) -> None:
        self._step = _STEPS[network.spec.architecture]
        self._layers = [
            _Layer(
                layer.get_parameter("weight_ih_l0").detach().T.contiguous(),
                layer.get_parameter("bias_ih_l0").detach().clone(),
                layer.get_parameter("weight_hh_l0").detach().T.contiguous(),
                layer.get_parameter("bias_hh_l0").detach().clone(),
            )
            for layer in network.layers
        ]
        first = self._layers[0]
        tokens = network.encode(torch.arange(network.spec.vocab_size, device=first.bias.device))  # (V, in)
        self._table = torch.addmm(first.bias, tokens, first.input_weight)  # (V, G*H)
        self._output_weight = network.output.weight.detach().T.contiguous()  # (H, V)
        self._output_bias = network.output.bias.detach().clone()

    def next(self, ids: Tensor, state: tuple[Parts, ...]) -> tuple[Tensor, tuple[Parts, ...]]:
        """One step.  ids (B,), state -> logits (B, V), and the state after."""
        after: list[Parts] = []
        inputs = self._table[ids]  # (B, G*H)
        for number, layer in enumerate(self._layers):
            if number:
                inputs = torch.addmm(layer.bias, after[-1][0], layer.input_weight)
            after.append(self._step(inputs, layer, state[number]))
        return torch.addmm(self._output_bias, after[-1][0], self._output_weight), tuple(after)
