"""Recurrent layers over whole sequences whose gradients are written down, for processors.

Keras' own layers are differentiated by the engine, step by step: each adds its part to the gradients of all weights, so that these
are read and written once a time step.  Here the steps back only give the gradients of the gates, and those of the weights are one
product over all time steps afterwards, as in cuDNN (Appleyard, Kocisky and Blunsom 2016, arXiv:1604.01946).  The smaller the
batch, the more that gains (``benchmarks/training_speed.py --backend keras``).  On GPUs Keras calls cuDNN itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from keras import ops

from seqgen.backends.keras import engine
from seqgen.backends.keras.cells import CELLS, Parts
from seqgen.backends.keras.engine import Tensor

ENGINES = ("tensorflow", "jax")
"""Those that compile a loop over time; on others it would be Python's, as that of Keras' layers is."""

_LARGE = 2**15
"""B x H from which on a product of a time step is faster in two threads."""


def is_used(device: str) -> bool:
    """Whether these are the layers on a device, and not Keras' own."""
    return device == "cpu" and engine.name() in ENGINES


def layer(
    architecture: str, weights: Sequence[Tensor], inputs: Tensor, state: Sequence[Tensor], *, precision: str
) -> tuple[Tensor, Parts]:
    """Read T inputs.

    Args:
        architecture: lstm, gru or rnn.
        weights: those of Keras' layer: kernel (in, G H), recurrent kernel (H, G H), bias (G H), for gru (2, G H).
        inputs: (T, B, in).
        state: (B, H) each, what the steps before left; no gradient goes into it.
        precision: of the products, ``float32`` or ``bfloat16``; all else is float32.

    Returns:
        outputs (T, B, H), the state after.  Only the outputs have a gradient.
    """
    cell = CELLS[architecture]

    def low(values: Tensor) -> Tensor:
        return ops.cast(values, precision)

    def product(left: Tensor, right: Tensor) -> Tensor:
        return ops.matmul(low(left), low(right))

    def run(
        inputs: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor, *state: Tensor
    ) -> tuple[Parts, engine.Gradients]:
        steps, rows, size = ops.shape(inputs)
        units, width = ops.shape(recurrent_kernel)
        flat = low(ops.reshape(inputs, (-1, size)))  # (T B, in)
        given = ops.reshape(product(flat, kernel), (steps, rows, width))
        recurrent = low(recurrent_kernel)

        def forward(state: Parts, elements: Parts) -> tuple[Parts, Parts]:
            hidden = low(state[0])
            from_inputs, from_hidden = _exact(elements[0]), _exact(_product_in_step(hidden, recurrent))
            if cell.sums:
                # The bias last.  TensorFlow moves it there, but only where it knows the shapes, so that a batch would
                # otherwise be rounded in one way after batches of other lengths and in another before them.
                after, kept = cell.forward(from_inputs + from_hidden, bias, state)
            else:
                after, kept = cell.forward(from_inputs + bias[0], from_hidden + bias[1], state)
            return after, (hidden, *kept)

        after, (before, *kept) = engine.scan(forward, state, (given,), (precision, *["float32"] * cell.kept))

        def gradients(of_results: Parts) -> Parts:
            transposed = ops.transpose(recurrent)

            def backward(of_state: Parts, elements: Parts) -> tuple[Parts, Parts]:
                of_output, *factors = elements
                of_given, of_recurrent, (left, *others) = cell.backward(
                    (of_state[0] + of_output, *of_state[1:]), tuple(factors)
                )
                of_recurrent = low(of_recurrent)
                into_hidden = _exact(_product_in_step(of_recurrent, transposed))
                into_state = (into_hidden if left is None else into_hidden + left, *others)
                return into_state, (of_recurrent,) if cell.sums else (of_recurrent, low(of_given))

            nothing = tuple(ops.zeros_like(part) for part in state)
            sequences = (of_results[0], *cell.factors(tuple(kept)))
            dtypes = (precision,) * (1 if cell.sums else 2)
            _, of_gates = engine.scan(backward, nothing, sequences, dtypes, reverse=True)
            of_recurrent, of_given = (ops.reshape(of_gates[number], (-1, width)) for number in (0, -1))  # (T B, G H)
            ones = ops.ones((1, steps * rows), dtype=precision)  # a product sums up faster than a sum
            of_bias = product(ones, of_given)
            of_weights = (
                product(ops.transpose(flat), of_given),
                product(ops.transpose(ops.reshape(before, (-1, units))), of_recurrent),
                of_bias[0] if cell.sums else ops.concatenate([of_bias, product(ones, of_recurrent)]),
            )
            of_inputs = ops.reshape(product(of_given, ops.transpose(kernel)), ops.shape(inputs))
            return (_exact(of_inputs), *map(_exact, of_weights), *nothing)

        return (kept[0], *after), gradients

    outputs, *after = engine.custom_gradient(run)(inputs, *weights, *state)
    return outputs, tuple(after)


def _exact(values: Tensor) -> Tensor:
    return ops.cast(values, "float32")


def _product_in_step(left: Tensor, right: Tensor) -> Tensor:
    """The product of a time step: (B, H) @ (H, G H), or back, (B, G H) @ (G H, H)."""
    rows, size = left.shape
    if left.dtype == "bfloat16" and rows is not None and rows * min(size, right.shape[1]) >= _LARGE:
        # TensorFlow multiplies matrices that fit into eight level 2 caches in one thread, but not batches of them.
        return ops.matmul(left[None], right[None])[0]
    return ops.matmul(left, right)
