"""One time step by plain products, for generating.

The recurrent kernels of PyTorch are made for sequences: called for a single step, oneDNN's reorders its weights every
time.  Here all gates are one product, the first layer's input product is a table with a row for each token, and the gates and
their slices are tensors that are made once: a quarter less time for one sequence (1 x 256).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import torch
from torch import Tensor

from seqgen.backends.torch.network import Network, on_device
from seqgen.core.types import Ids, State

Step: TypeAlias = Callable[[Tensor, State, dict[str, Tensor]], Tensor]
"""(input product (B, G*H), state before, state to be written) -> output (B, H); all that is written is new tensors."""


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


def _lstm(layer: _Layer, names: Sequence[str], gates: Tensor) -> Step:
    weight, (of_hidden, of_cell) = layer.recurrent_weight, names
    size = len(weight)
    i, f, g, o = gates.chunk(4, dim=1)
    i_and_f = gates[:, : 2 * size]

    def step(inputs: Tensor, before: State, after: dict[str, Tensor]) -> Tensor:
        torch.addmm(inputs, before[of_hidden], weight, out=gates)
        i_and_f.sigmoid_()
        g.tanh_()
        cell = torch.mul(f, before[of_cell]).addcmul_(i, g)
        hidden = cell.tanh().mul_(o.sigmoid_())
        after[of_hidden], after[of_cell] = hidden, cell
        return hidden

    return step


def _gru(layer: _Layer, names: Sequence[str], gates: Tensor) -> Step:
    weight, bias, (of_hidden,) = layer.recurrent_weight, layer.recurrent_bias, names
    size = len(weight)
    r, z, candidate = gates.chunk(3, dim=1)
    r_and_z = gates[:, : 2 * size]

    def step(inputs: Tensor, before: State, after: dict[str, Tensor]) -> Tensor:
        hidden = before[of_hidden]
        torch.addmm(bias, hidden, weight, out=gates)
        r_and_z.add_(inputs[:, : 2 * size]).sigmoid_()
        n = torch.addcmul(inputs[:, 2 * size :], r, candidate).tanh_()
        after[of_hidden] = hidden = torch.lerp(n, hidden, z)  # (1 - z) n + z h
        return hidden

    return step


def _rnn(layer: _Layer, names: Sequence[str], _: Tensor) -> Step:
    weight, (of_hidden,) = layer.recurrent_weight, names

    def step(inputs: Tensor, before: State, after: dict[str, Tensor]) -> Tensor:
        after[of_hidden] = hidden = torch.addmm(inputs, before[of_hidden], weight).tanh_()
        return hidden

    return step


_STEPS: Mapping[str, Callable[[_Layer, Sequence[str], Tensor], Step]] = MappingProxyType(
    {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
)
"""(layer, names of what it carries in a state, gates (B, G*H) to work in) -> its step."""


class Stepper:
    """The network's weights as they are now, laid out for single steps.

    Args:
        network: whose weights.
        names: for each layer the names of what it carries in a state.
    """

    def __init__(self, network: Network, names: Sequence[Sequence[str]]) -> None:
        self._step = _STEPS[network.spec.architecture]
        self._names = names
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
        if network.spec.input_encoding == "one-hot":  # which would be (V, V)
            self._table = first.bias + first.input_weight  # (V, G*H)
        else:
            tokens = network.encode(torch.arange(network.spec.vocab_size, device=first.bias.device))  # (V, in)
            self._table = torch.addmm(first.bias, tokens, first.input_weight)
        self._output_weight = network.output.weight.detach().T.contiguous()  # (H, V)
        self._output_bias = network.output.bias.detach().clone()
        self._made = _Steps()

    def next(self, ids: Ids, state: State) -> tuple[Tensor, dict[str, Tensor]]:
        """One step.  ids (B,), state -> logits (B, V), and the state after."""
        after: dict[str, Tensor] = {}
        steps = self._steps(len(ids))
        hidden = steps.first(self._of_tokens(ids), state, after)
        for layer, step in steps.above:
            hidden = step(torch.addmm(layer.bias, hidden, layer.input_weight), state, after)
        return torch.addmm(self._output_bias, hidden, self._output_weight), after

    def _of_tokens(self, ids: Ids) -> Tensor:
        """The rows (B, G*H) of the table; for one token a view, for which no id need come to the device."""
        if len(ids) == 1:
            token = ids.item()
            return self._table[token : token + 1]
        return self._table.index_select(0, on_device(ids, self._table.device))

    def _steps(self, rows: int) -> _Steps:
        """The steps of all layers, for so many sequences."""
        made = self._made
        if made.rows != rows:
            gates = self._table.new_empty((rows, self._table.shape[1]))  # one layer after the other works in it
            steps = [self._step(layer, names, gates) for layer, names in zip(self._layers, self._names, strict=True)]
            made.rows = -1  # until all is replaced, for an interruption may come between
            made.first, made.above = steps[0], tuple(zip(self._layers[1:], steps[1:], strict=True))
            made.rows = rows
        return made


class _Steps(threading.local):
    """The steps of the layers for so many sequences: each thread has its own, for they work in memory of theirs.

    Attributes:
        rows: B; -1 before they are made.
        first: of the layer that reads tokens.
        above: of the others, with their weights.
    """

    rows = -1
    first: Step
    above: Sequence[tuple[_Layer, Step]]
