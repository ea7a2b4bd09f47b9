"""One time step of each recurrent layer, and the way back through it.

B rows, H units, G gates: 4 for lstm (i f c o), 3 for gru (z r h), 1 for rnn; layouts are those of Keras.  What a step multiplies
the gradients by depends on what it has seen alone, so that it is computed for all steps at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from keras import ops

from seqgen.backends.keras.engine import Tensor

Parts: TypeAlias = tuple[Tensor, ...]
"""Tensors (B, H) each; of a state: hidden and, for lstm, cell."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The step of an architecture.

    Attributes:
        sums: whether the gates see only the sum of what inputs and hidden give, so that both have one gradient.
        kept: how many tensors a step keeps for the way back.
        forward: from what the inputs and the hidden state give to the gates (B, G H), and the state before, to (the state
            after, what is kept, of which the first is the hidden state after).
        factors: what the way back needs, from what all steps kept, (T, B, H) each.
        backward: from the gradients of the state after, and a step's factors, to those of what inputs and hidden give
            (B, G H) and of the state before, but for what its hidden part gives to the gates; None is nothing.
    """

    sums: bool
    kept: int
    forward: Callable[[Tensor, Tensor, Parts], tuple[Parts, Parts]]
    factors: Callable[[Parts], Parts]
    backward: Callable[[Parts, Parts], tuple[Tensor, Tensor, Parts]]


def _lstm_forward(given: Tensor, recurrent: Tensor, state: Parts) -> tuple[Parts, Parts]:
    i, f, c, o = ops.split(given + recurrent, 4, axis=-1)
    i, f, c, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(c), ops.sigmoid(o)
    cell = f * state[1] + i * c
    squashed = ops.tanh(cell)
    hidden = o * squashed
    return (hidden, cell), (hidden, state[1], squashed, i, f, c, o)


def _lstm_factors(kept: Parts) -> Parts:
    _, before, squashed, i, f, c, o = kept
    of_gates = c * i * (1 - i), before * f * (1 - f), i * (1 - c * c), squashed * o * (1 - o)
    return (*of_gates, o * (1 - squashed * squashed), f)


def _lstm_backward(of_state: Parts, factors: Parts) -> tuple[Tensor, Tensor, Parts]:
    of_hidden, of_cell = of_state
    of_i, of_f, of_c, of_o, into_cell, f = factors
    of_cell = of_cell + of_hidden * into_cell
    gates = ops.concatenate([of_cell * of_i, of_cell * of_f, of_cell * of_c, of_hidden * of_o], axis=-1)
    return gates, gates, (None, of_cell * f)


def _gru_forward(given: Tensor, recurrent: Tensor, state: Parts) -> tuple[Parts, Parts]:
    # The reset gate comes after the product, as in cuDNN.
    given_z, given_r, given_h = ops.split(given, 3, axis=-1)
    recurrent_z, recurrent_r, recurrent_h = ops.split(recurrent, 3, axis=-1)
    z, r = ops.sigmoid(given_z + recurrent_z), ops.sigmoid(given_r + recurrent_r)
    h = ops.tanh(given_h + r * recurrent_h)
    hidden = z * state[0] + (1 - z) * h
    return (hidden,), (hidden, state[0], z, r, h, recurrent_h)


def _gru_factors(kept: Parts) -> Parts:
    _, before, z, r, h, recurrent_h = kept
    of_h = (1 - z) * (1 - h * h)
    return (before - h) * z * (1 - z), of_h * recurrent_h * r * (1 - r), of_h, r, z


def _gru_backward(of_state: Parts, factors: Parts) -> tuple[Tensor, Tensor, Parts]:
    (of_hidden,) = of_state
    of_z, of_r, of_h, r, z = factors
    first, last = [of_hidden * of_z, of_hidden * of_r], of_hidden * of_h
    given, recurrent = ops.concatenate([*first, last], axis=-1), ops.concatenate([*first, last * r], axis=-1)
    return given, recurrent, (of_hidden * z,)


def _rnn_forward(given: Tensor, recurrent: Tensor, _state: Parts) -> tuple[Parts, Parts]:
    hidden = ops.tanh(given + recurrent)
    return (hidden,), (hidden,)


def _rnn_factors(kept: Parts) -> Parts:
    return (1 - kept[0] * kept[0],)


def _rnn_backward(of_state: Parts, factors: Parts) -> tuple[Tensor, Tensor, Parts]:
    gates = of_state[0] * factors[0]
    return gates, gates, (None,)


CELLS: Mapping[str, Cell] = MappingProxyType(
    {
        "lstm": Cell(sums=True, kept=7, forward=_lstm_forward, factors=_lstm_factors, backward=_lstm_backward),
        "gru": Cell(sums=False, kept=6, forward=_gru_forward, factors=_gru_factors, backward=_gru_backward),
        "rnn": Cell(sums=True, kept=1, forward=_rnn_forward, factors=_rnn_factors, backward=_rnn_backward),
    }
)
"""By architecture."""
