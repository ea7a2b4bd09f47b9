"""Recurrent layers that are not PyTorch's, put into the torch backend for :mod:`alternatives`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqgen.backends.torch import model as torch_model
from seqgen.backends.torch import network as torch_network
from seqgen.backends.torch import weights as torch_weights
from seqgen.backends.torch.weights import Slot
from seqgen.core.backend import Backend


class Stepped(nn.LSTM):
    """An LSTM whose time steps run one after another, so that they may be others than PyTorch's; one layer of it.

    Attributes:
        own: names of the parameters that it has beside PyTorch's.
    """

    own: tuple[str, ...] = ()

    def forward(self, inputs: Tensor, state: Any = None) -> Any:
        """As the one of PyTorch."""
        hidden, cell = (part[0] for part in state)
        outputs = []
        for product in self.read(inputs):
            hidden, cell = self.step(product, hidden, cell)
            outputs.append(hidden)
        return torch.stack(outputs), (hidden[None], cell[None])

    def read(self, inputs: Tensor) -> Tensor:
        """What can be computed for all time steps at once."""
        return functional.linear(inputs, self.weight_ih_l0, self.bias_ih_l0)

    def step(self, product: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """A time step."""
        return self.gated(product + functional.linear(hidden, self.weight_hh_l0), cell)

    def gated(self, gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Output and cell by the sums that the gates are of."""
        i, f, g, o = gates.chunk(4, dim=-1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        return o.sigmoid() * self.carried(cell).tanh(), cell

    def carried(self, cell: Tensor) -> Tensor:
        """What the output sees of the cell."""
        return cell


class Normed(Stepped):
    """With layer norm."""

    own = ("of_input", "of_state", "of_cell", "of_cell_bias")

    def __init__(self, *sizes: int, **where: Any) -> None:
        super().__init__(*sizes, **where)
        for name in self.own:
            size = self.hidden_size if "cell" in name else 4 * self.hidden_size
            self.register_parameter(name, nn.Parameter(torch.full((size,), 0.0 if name.endswith("bias") else 1.0)))

    def read(self, inputs: Tensor) -> Tensor:
        """Normed, and the bias."""
        product = functional.linear(inputs, self.weight_ih_l0)
        return functional.layer_norm(product, product.shape[-1:], self.of_input) + self.bias_ih_l0

    def step(self, product: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """With the state's product normed."""
        recurrent = functional.linear(hidden, self.weight_hh_l0)
        return self.gated(product + functional.layer_norm(recurrent, recurrent.shape[-1:], self.of_state), cell)

    def carried(self, cell: Tensor) -> Tensor:
        """Normed."""
        return functional.layer_norm(cell, cell.shape[-1:], self.of_cell, self.of_cell_bias)


class Mogrified(Stepped):
    """With Mogrifier gates."""

    rounds = 5
    own = tuple(f"round_{number}" for number in range(rounds))

    def __init__(self, *sizes: int, **where: Any) -> None:
        super().__init__(*sizes, **where)
        for number, name in enumerate(self.own):
            shape = (self.hidden_size, self.input_size) if number % 2 else (self.input_size, self.hidden_size)
            self.register_parameter(name, nn.Parameter(torch.randn(shape) * 0.01))

    def read(self, inputs: Tensor) -> Tensor:
        """Nothing: the state has a part in it."""
        return inputs

    def step(self, product: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """After the rounds."""
        for number, name in enumerate(self.own):
            weight = self.get_parameter(name)
            if number % 2:
                hidden = hidden * 2 * functional.linear(product, weight).sigmoid()
            else:
                product = product * 2 * functional.linear(hidden, weight).sigmoid()
        return super().step(super().read(product), hidden, cell)


class Widened(nn.LSTM):
    """An LSTM that also reads the tokens before each."""

    own: tuple[str, ...] = ()

    def __init__(self, *sizes: int, **where: Any) -> None:
        super().__init__(*sizes, **where)
        for name in self.own:
            self.register_parameter(name, nn.Parameter(torch.randn(self.input_size, self.input_size) * 0.01))

    def forward(self, inputs: Tensor, state: Any = None) -> Any:
        """As the one of PyTorch."""
        summed = inputs
        for back, name in enumerate(self.own, start=1):
            earlier = functional.pad(inputs, (0, 0, 0, 0, back, 0))[: len(inputs)]
            summed = summed + functional.linear(earlier, self.get_parameter(name))
        return super().forward(summed, state)


def earlier_tokens(count: int) -> AbstractContextManager[Any]:
    """A first layer that also reads so many tokens before each."""
    return recurrence(type("Widest", (Widened,), {"own": tuple(f"back_{back}" for back in range(1, count + 1))}))


@contextlib.contextmanager
def recurrence(layer: Any) -> Iterator[None]:
    """Recurrent layers of another kind, whose own parameters are trained, averaged and restored as the others are."""
    canonical = torch_weights.slots

    def slots(network: Any) -> dict[str, Slot]:
        found = canonical(network)
        for number, each in enumerate(network.layers):
            found |= {f"layers.{number}.{name}": Slot(each.get_parameter(name)) for name in layer.own}
        return found

    def write_weights(network: Any, weights: Any) -> None:
        for name, slot in slots(network).items():
            if name in weights:  # a new model's are canonical
                slot.write(weights[name])

    canonical_shapes = Backend.weight_shapes

    def weight_shapes(self: Any, spec: Any) -> Any:
        own = {name: slot.read().shape for name, slot in slots(torch_network.Network(spec)).items()}
        return {**own, **canonical_shapes(self, spec)}

    with (
        mock.patch.object(Backend, "weight_shapes", weight_shapes),
        mock.patch.object(torch_network, "LAYERS", {"lstm": layer}),
        mock.patch.object(torch_weights, "slots", slots),
        mock.patch.object(torch_model, "slots", slots),
        mock.patch.object(torch_model, "write_weights", write_weights),
    ):
        yield
