"""One time step of each recurrent layer, and many in a row, gates of all B sequences in one product, in place where possible.

The formulas are those of :mod:`seqgen.core.canonical`.  With sigmoid(a) = (1 + tanh(a / 2)) / 2 and the halves folded
into the weights, one call of tanh serves all gates; see :mod:`seqgen.backends.numpy.weights` for the layout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from seqgen.backends.numpy.weights import Layer

Floats: TypeAlias = npt.NDArray[np.float32]
Parts: TypeAlias = tuple[Floats, ...]

_HALF = np.array(0.5, np.float32)
"""As an array, for one with a Python number takes twice as long at these sizes."""


@dataclass(frozen=True)
class Cell:
    """A kind of recurrent layer.

    Attributes:
        parts: names of what it carries, each (B, H); the first is its output.
        step: (input product (B, G*H), layer, parts before) -> parts after, all new arrays.
        read: (input products (T, B, G*H), layer, parts before, outputs (T, B, H) to be written) -> parts after; the same
            numbers as T steps.  Its arrays are made once, which takes a sixth to a quarter off a step.
    """

    parts: tuple[str, ...]
    step: Callable[[Floats, Layer, Parts], Parts]
    read: Callable[[Floats, Layer, Parts, Floats], Parts]


def _lstm(inputs: Floats, layer: Layer, before: Parts) -> Parts:
    hidden, cell = before
    size = hidden.shape[1]
    gates = np.dot(hidden, layer.recurrent_weight)  # (B, 4H): i f o g
    gates += inputs
    np.tanh(gates, out=gates)
    sigmoids = gates[:, : 3 * size]  # (B, 3H)
    sigmoids *= _HALF
    sigmoids += _HALF
    candidate = gates[:, 3 * size :]
    candidate *= gates[:, :size]
    cell = cell * gates[:, size : 2 * size]
    cell += candidate
    hidden = np.tanh(cell)
    hidden *= gates[:, 2 * size : 3 * size]
    return hidden, cell


def _read_lstm(inputs: Floats, layer: Layer, before: Parts, outputs: Floats) -> Parts:
    hidden, cell = before[0], before[1].copy()
    size, weight = hidden.shape[1], layer.recurrent_weight
    gates = np.empty((len(hidden), 4 * size), np.float32)  # i f o g
    sigmoids, candidate = gates[:, : 3 * size], gates[:, 3 * size :]
    i, f, o = (gates[:, gate * size : (gate + 1) * size] for gate in range(3))
    for product, output in zip(inputs, outputs, strict=True):
        np.dot(hidden, weight, gates)
        gates += product
        np.tanh(gates, gates)
        sigmoids *= _HALF
        sigmoids += _HALF
        candidate *= i
        cell *= f
        cell += candidate
        hidden = np.multiply(np.tanh(cell, output), o, output)
    return hidden.copy(), cell


def _gru(inputs: Floats, layer: Layer, before: Parts) -> Parts:
    (hidden,) = before
    size = hidden.shape[1]
    gates = np.dot(hidden, layer.recurrent_weight)  # (B, 3H): r z n
    sigmoids = gates[:, : 2 * size]  # (B, 2H)
    sigmoids += inputs[:, : 2 * size]
    np.tanh(sigmoids, out=sigmoids)
    sigmoids *= _HALF
    sigmoids += _HALF
    candidate = gates[:, 2 * size :]
    candidate += layer.recurrent_candidate_bias
    candidate *= gates[:, :size]
    candidate += inputs[:, 2 * size :]
    np.tanh(candidate, out=candidate)
    hidden = hidden - candidate
    hidden *= gates[:, size : 2 * size]
    hidden += candidate  # (1 - z) n + z h
    return (hidden,)


def _read_gru(inputs: Floats, layer: Layer, before: Parts, outputs: Floats) -> Parts:
    (hidden,) = before
    size, weight, bias = hidden.shape[1], layer.recurrent_weight, layer.recurrent_candidate_bias
    gates = np.empty((len(hidden), 3 * size), np.float32)  # r z n
    sigmoids, candidate = gates[:, : 2 * size], gates[:, 2 * size :]
    r, z = gates[:, :size], gates[:, size : 2 * size]
    of_sigmoids, of_candidate = inputs[..., : 2 * size], inputs[..., 2 * size :]
    for to_sigmoids, to_candidate, output in zip(of_sigmoids, of_candidate, outputs, strict=True):
        np.dot(hidden, weight, gates)
        sigmoids += to_sigmoids
        np.tanh(sigmoids, sigmoids)
        sigmoids *= _HALF
        sigmoids += _HALF
        candidate += bias
        candidate *= r
        candidate += to_candidate
        np.tanh(candidate, candidate)
        np.subtract(hidden, candidate, output)
        np.multiply(output, z, output)
        hidden = np.add(output, candidate, output)
    return (hidden.copy(),)


def _rnn(inputs: Floats, layer: Layer, before: Parts) -> Parts:
    hidden = np.dot(before[0], layer.recurrent_weight)  # (B, H)
    hidden += inputs
    return (np.tanh(hidden, out=hidden),)


def _read_rnn(inputs: Floats, layer: Layer, before: Parts, outputs: Floats) -> Parts:
    (hidden,) = before
    for product, output in zip(inputs, outputs, strict=True):
        np.add(np.dot(hidden, layer.recurrent_weight, output), product, output)
        hidden = np.tanh(output, output)
    return (hidden.copy(),)


CELLS: Mapping[str, Cell] = MappingProxyType(
    {
        "lstm": Cell(("hidden", "cell"), _lstm, _read_lstm),
        "gru": Cell(("hidden",), _gru, _read_gru),
        "rnn": Cell(("hidden",), _rnn, _read_rnn),
    }
)
