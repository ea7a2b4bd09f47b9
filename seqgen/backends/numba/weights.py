"""From the canonical form to weights of 8 bits, in the order in which a product reads them.

A column of weights, all that leads to one gate of one unit, has a scale of its own: its largest weight becomes 127 (symmetric, per
channel: Krishnamoorthi 2018, Quantizing deep convolutional networks for efficient inference, section 3.1).  The first layer's table and
all biases stay float32, for a step reads little of them.

A product takes :data:`~seqgen.backends.numba.kernels.BLOCK` columns at a time, and of each of them two rows together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from seqgen.backends.numba.kernels import BLOCK, Floats, Integers, Packed, Products
from seqgen.backends.numpy.weights import aligned, prepare
from seqgen.core.spec import ModelSpec

_LARGEST = 127


def levels_of(hidden_size: int) -> np.float32:
    """What outputs, from -1 to 1, are multiplied by before they are rounded to 16 bits.

    With 512 units and fewer it is the largest number there is, with more one at which no sum overflows 32 bits.
    """
    return np.float32(min(2**15 - 1, (2**31 - 1) // (_LARGEST * hidden_size)))


def pack(weights: Mapping[str, Floats], spec: ModelSpec) -> Packed:
    """Canonical weights, rounded and packed; where one is not finite, or so large that a sum may not be, no output is."""
    prepared = prepare(weights, spec)
    size, columns = spec.hidden_size, prepared.table.shape[1]
    recurrent_bias = np.zeros((spec.num_layers, columns), np.float32)
    for bias, layer in zip(recurrent_bias, prepared.layers, strict=True):
        candidates = layer.recurrent_candidate_bias[0]
        bias[columns - len(candidates) :] = candidates
    above = prepared.layers[1:]
    packed = Packed(
        prepared.table,
        _products(
            [layer.input_weight for layer in above if layer.input_weight is not None],
            np.array([layer.bias[0] for layer in above], np.float32).reshape(-1, columns),
            size,
        ),
        _products([layer.recurrent_weight for layer in prepared.layers], recurrent_bias, size),
        _products([prepared.output_weight], prepared.output_bias.copy(), size),
    )
    products = (packed.inputs, packed.recurrent, packed.output)
    with np.errstate(over="ignore"):
        largest = [each.scale * np.float32(2**31) for each in products]  # what the largest sum would become
    parts = (packed.table, *(each.bias for each in products), *largest)
    if not all(np.isfinite(part).all() for part in parts):  # an integer cannot say so
        packed.output.bias[:] = np.nan
    return packed


def _products(weights: Sequence[Floats], bias: Floats, rows: int) -> Products:
    columns = bias.shape[1]
    blocks, pairs = -(-columns // BLOCK), -(-rows // 2)
    packed = aligned(len(weights), blocks * pairs * BLOCK * 2, np.int8)
    scale = np.empty_like(bias)
    for number, weight in enumerate(weights):
        rounded = np.zeros((2 * pairs, blocks * BLOCK), np.int8)
        scale[number] = _to_integers(weight, rounded[:rows, :columns])
        by_block = rounded.reshape(pairs, 2, blocks, BLOCK)
        packed[number].reshape(blocks, pairs, BLOCK, 2)[:] = by_block.transpose(2, 0, 3, 1)
    scale /= levels_of(rows)
    return Products(packed, scale, bias)


def _to_integers(weight: Floats, rounded: Integers) -> Floats:
    """Write the integers (R, C) that stand for weights (R, C), and give what each column's are multiplied by, (C)."""
    largest = np.maximum(weight.max(axis=0), -weight.min(axis=0))
    scale: Floats = largest / np.float32(_LARGEST)
    divisor = np.where(scale > 0, scale, np.float32(1))
    if not np.isfinite(largest).all():
        return scale  # the integers stay what they are, for no output will count
    for row, result in zip(weight, rounded, strict=True):  # so that nothing of its size is made
        integers = np.rint(row / divisor)
        np.clip(integers, -_LARGEST, _LARGEST, out=result, casting="unsafe")
    return scale
