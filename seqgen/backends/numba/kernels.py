"""Time steps of a whole network in one compiled call.

The formulas are those of :mod:`seqgen.core.canonical`, gates in the order and the halves of :mod:`seqgen.backends.numpy.weights`.
A product is one of integers: weights of 8 bits, rounded once (:mod:`seqgen.backends.numba.weights`), by outputs of 16 bits,
rounded at each step, added up in 32 bits, which hold the largest sum there can be.

All that :func:`read` is compiled from stands in this file, for by its age Numba knows whether what it has kept on disk still holds.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, typeof, types
from numba.extending import intrinsic, models, register_model

LANES = 16
"""Sums that are added up side by side in a vector of 64 bytes."""

BLOCK = 4 * LANES
"""Columns whose sums are added up together: as many stay in registers, and none waits for another."""

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int8]


class Products(NamedTuple):
    """The weights of P products of the same shape, each of outputs (R) with weights (R, C).

    Attributes:
        weight: (P, bytes) int8, by blocks of columns, pairs of rows, columns, rows; zeros fill up the last of each.
        scale: (P, C) what the sum of a column is multiplied by.
        bias: (P, C) what is added then.
    """

    weight: Integers
    scale: Floats
    bias: Floats


class Packed(NamedTuple):
    """All weights of a model.

    Attributes:
        table: (V, G*H) what each token gives to the gates of layer 0, bias included.
        inputs: of the layers above the first.
        recurrent: of all layers.
        output: one product.
    """

    table: Floats
    inputs: Products
    recurrent: Products
    output: Products


# Sums in any order, but what is not a number stays none.
_OPTIONS = {"fastmath": {"contract", "reassoc", "nsz", "arcp"}, "nogil": True, "error_model": "numpy"}

_inlined = njit(**_OPTIONS)


def compiled_for(function: Any, arguments: Sequence[Any]) -> Callable[..., None]:
    """A kept function for arguments of these types, at which a call otherwise looks anew: for that it takes 2 µs of 10."""
    signature = tuple(typeof(argument) for argument in arguments)
    # A full disk cannot keep it, and it is in memory all the same; what a crash left of one that was kept cannot be read.
    with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError):
        function.compile(signature)
    if signature not in function.overloads:
        function = njit(**_OPTIONS)(function.py_func)
        function.compile(signature)
    compiled: Callable[..., None] = function.get_overload(signature)
    return compiled


def kept(function: Any) -> Any:
    """The function, compiled when first called and kept on disk where there is a place for that."""
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # neither beside this file nor among the user's caches
        return njit(**_OPTIONS)(function)


@kept
def read(ids: Any, table: Any, inputs: Any, recurrent: Any, output: Any, levels: Any, state: Any, logits: Any) -> None:
    """Read T tokens, and write down what follows the last of them.

    Args:
        ids: (B, T) int64.
        table: (V, G*H); this and the next three are the parts of :class:`Packed`.
        inputs: the products of the layers above the first with the layer below.
        recurrent: those of all layers with their own outputs.
        output: the one that gives logits.
        levels: what outputs are multiplied by before they are rounded to 16 bits.
        state: (B, L, parts, H) before, and in place the one after; the first part of a layer is its output.
        logits: (B, N, V) to be written: after each of the last N tokens.

    Raises:
        IndexError: an id is not in the table; nothing was written.
    """
    for token in ids.flat:  # before there is any memory to work in, which an error would not give back
        if token < 0 or token >= table.shape[0]:
            raise IndexError("a token id is not in the vocabulary")
    rows, length = ids.shape
    size, columns, vocab_size = state.shape[3], table.shape[1], logits.shape[2]
    first_shown = length - logits.shape[1]
    rounded = np.zeros(size + size % 2, np.int16)
    pairs = rounded.view(np.int32)
    sums = np.empty(-(-max(columns, vocab_size) // BLOCK) * BLOCK, np.int32)
    from_below, gates = np.empty(columns, np.float32), np.empty(columns, np.float32)
    for row in range(rows):
        for step in range(length):
            for layer in range(state.shape[1]):
                parts = state[row, layer]
                if layer == 0:
                    from_below[:] = table[ids[row, step]]
                else:
                    product(inputs, layer - 1, pairs, sums, from_below)
                to_integers(parts[0], levels, rounded)
                product(recurrent, layer, pairs, sums, gates)
                if columns == 4 * size:
                    _lstm(from_below, gates, parts)
                elif columns == 3 * size:
                    _gru(from_below, gates, parts)
                else:
                    _rnn(from_below, gates, parts)
                to_integers(parts[0], levels, rounded)
            if step >= first_shown:
                product(output, 0, pairs, sums, logits[row, step - first_shown])


@_inlined
def to_integers(values: Any, levels: Any, rounded: Any) -> None:
    """Write the integers (R) that stand for values (R) from -1 to 1."""
    for place in range(values.shape[0]):
        rounded[place] = np.int16(np.rint(min(max(values[place], np.float32(-1)), np.float32(1)) * levels))


@_inlined
def product(products: Any, number: Any, pairs: Any, sums: Any, result: Any) -> None:
    """Write the result (C) of one of some products.

    Args:
        products: as :class:`Products`.
        number: which of them.
        pairs: (R / 2) int32, in each of which are two of the integers that stand for what is multiplied.
        sums: int32 to work in, for whole blocks of columns.
        result: (C) to be written.
    """
    weight, scale, bias = products.weight[number], products.scale[number], products.bias[number]
    at = 0
    for first in range(0, result.shape[0], BLOCK):
        a, b, c, d = zeros(), zeros(), zeros(), zeros()
        for place in range(pairs.shape[0]):
            pair = pairs[place]
            a = multiply_add(a, weight, at, pair)
            b = multiply_add(b, weight, at + 2 * LANES, pair)
            c = multiply_add(c, weight, at + 4 * LANES, pair)
            d = multiply_add(d, weight, at + 6 * LANES, pair)
            at += 2 * BLOCK
        store(a, sums, first)
        store(b, sums, first + LANES)
        store(c, sums, first + 2 * LANES)
        store(d, sums, first + 3 * LANES)
    for column in range(result.shape[0]):
        result[column] = bias[column] + scale[column] * np.float32(sums[column])


_HALF = np.float32(0.5)
_SATURATED = np.float32(7.90531)
"""Where a hyperbolic tangent is 1 in float32."""


@_inlined
def _lstm(inputs: Any, gates: Any, parts: Any) -> None:  # i f o g
    hidden, cell = parts[0], parts[1]
    size = hidden.shape[0]
    for unit in range(size):
        i = _HALF + _HALF * tanh(inputs[unit] + gates[unit])
        f = _HALF + _HALF * tanh(inputs[size + unit] + gates[size + unit])
        o = _HALF + _HALF * tanh(inputs[2 * size + unit] + gates[2 * size + unit])
        cell[unit] = f * cell[unit] + i * tanh(inputs[3 * size + unit] + gates[3 * size + unit])
        hidden[unit] = o * tanh(cell[unit])


@_inlined
def _gru(inputs: Any, gates: Any, parts: Any) -> None:  # r z n
    hidden = parts[0]
    size = hidden.shape[0]
    for unit in range(size):
        r = _HALF + _HALF * tanh(inputs[unit] + gates[unit])
        z = _HALF + _HALF * tanh(inputs[size + unit] + gates[size + unit])
        n = tanh(inputs[2 * size + unit] + r * gates[2 * size + unit])
        hidden[unit] = n + z * (hidden[unit] - n)


@_inlined
def _rnn(inputs: Any, gates: Any, parts: Any) -> None:
    hidden = parts[0]
    for unit in range(hidden.shape[0]):
        hidden[unit] = tanh(inputs[unit] + gates[unit])


@_inlined
def tanh(x: Any) -> Any:
    """The rational approximation of Eigen's ``generic_fast_tanh_float``, to 1e-6: unlike a call, several are computed at once."""
    x = min(max(x, -_SATURATED), _SATURATED)
    y = x * x
    above = np.float32(-2.76076847742355e-16)
    above = above * y + np.float32(2.00018790482477e-13)
    above = above * y + np.float32(-8.60467152213735e-11)
    above = above * y + np.float32(5.12229709037114e-08)
    above = above * y + np.float32(1.48572235717979e-05)
    above = above * y + np.float32(6.37261928875436e-04)
    above = above * y + np.float32(4.89352455891786e-03)
    below = np.float32(1.19825839466702e-06)
    below = below * y + np.float32(1.18534705686654e-04)
    below = below * y + np.float32(2.26843463243900e-03)
    below = below * y + np.float32(4.89352518554385e-03)
    return x * above / below


# A vector of sums is a type that Numba has not.  What ``multiply_add`` says in LLVM's language becomes one instruction (VPDPWSSD)
# where the processor has AVX-512 VNNI, two (VPMADDWD, VPADDD) on others by Intel and AMD, and elsewhere what LLVM finds.

_INT16, _INT32 = ir.IntType(16), ir.IntType(32)
_SUMS = ir.VectorType(_INT32, LANES)
_PRODUCTS = ir.VectorType(_INT32, 2 * LANES)
_WEIGHTS = ir.VectorType(ir.IntType(8), 2 * LANES)


class _Sums(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name=f"sums of {LANES} int32")


_sums = _Sums()


@register_model(_Sums)
class _SumsModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, _SUMS)


@intrinsic
def zeros(_context: Any) -> Any:
    """Sums of nothing."""

    def code(_context: Any, _builder: Any, _signature: Any, _arguments: Any) -> Any:
        return _SUMS(None)

    return _sums(), code


@intrinsic
def multiply_add(_context: Any, sums: Any, weights: Any, start: Any, pair: Any) -> Any:
    """The sums, to each of which two products are added: of its two weights, and the two numbers of a pair.

    Args:
        sums: (16) int32.
        weights: int8; from ``start`` on, two for each sum.
        start: where they begin; not checked.
        pair: two int16 in the halves of an int32.
    """
    if weights != types.Array(types.int8, 1, "C"):
        return None

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        before, array, first, both = arguments
        data = context.make_array(signature.args[1])(context, builder, array).data
        read = builder.load(builder.bitcast(builder.gep(data, [first]), _WEIGHTS.as_pointer()))
        read.align = 1
        one = builder.insert_element(_SUMS(ir.Undefined), both, _INT32(0))
        everywhere = builder.shuffle_vector(one, _SUMS(ir.Undefined), _SUMS([0] * LANES))
        factors = builder.bitcast(everywhere, ir.VectorType(_INT16, 2 * LANES))
        products = builder.mul(builder.sext(read, _PRODUCTS), builder.sext(factors, _PRODUCTS))
        halves = [
            builder.shuffle_vector(products, _PRODUCTS(ir.Undefined), _SUMS(list(range(half, 2 * LANES, 2))))
            for half in (0, 1)
        ]
        return builder.add(before, builder.add(*halves))

    return _sums(_sums, weights, types.intp, types.int32), code


@intrinsic
def store(_context: Any, sums: Any, memory: Any, start: Any) -> Any:
    """Write the sums to an array of int32, from ``start`` on; not checked."""
    if memory != types.Array(types.int32, 1, "C"):
        return None

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, array, first = arguments
        data = context.make_array(signature.args[1])(context, builder, array).data
        written = builder.store(values, builder.bitcast(builder.gep(data, [first]), _SUMS.as_pointer()))
        written.align = 4
        return context.get_dummy_value()

    return types.void(_sums, memory, types.intp), code
