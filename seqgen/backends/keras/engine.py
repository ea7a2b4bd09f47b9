"""What differs between the engines under Keras: compiling a function, gradients, devices."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt

from seqgen.backends.gpus import usable_gpus

Tensor: TypeAlias = Any
"""A tensor of the engine."""

Tensors: TypeAlias = Mapping[str, Tensor]

Gradients: TypeAlias = Callable[[tuple[Tensor, ...]], tuple[Tensor, ...]]
"""From the gradients of a function's results to those of its arguments."""

Step: TypeAlias = Callable[[tuple[Tensor, ...], tuple[Tensor, ...]], tuple[tuple[Tensor, ...], ...]]
"""(what is carried, an element of each sequence) -> (what is carried on, what this step gives)."""

TRAINING = ("tensorflow", "jax", "torch")
"""The engines for which gradients are known here."""

BFLOAT16 = ("tensorflow",)
"""The engines on which all Keras' recurrent layers run in mixed_bfloat16 (the GRU of Keras 3.15 fails on JAX)."""


def name() -> str:
    """The engine: ``tensorflow``, ``jax``, ``torch``, or another that only generates."""
    return str(keras.backend.backend())


def devices() -> Sequence[str]:
    """The devices that the engine sees, best first."""
    gpus: Sequence[int]
    match name():
        case "tensorflow":
            import tensorflow as tf

            gpus = range(len(tf.config.list_physical_devices("GPU")))
        case "jax":
            import jax

            gpus = range(sum(device.platform == "gpu" for device in jax.devices()))
        case "torch":
            import torch

            gpus = usable_gpus(torch.cuda, rocm=torch.version.hip is not None)
        case _:
            gpus = ()
    return (*(f"cuda:{number}" for number in gpus), "cpu")


def exact_float32() -> None:
    """Compute float32 in float32, for the whole process.

    On NVIDIA's GPUs from Ampere on engines take TF32 for products, whose 10 bits are not what is promised.
    """
    match name():
        case "tensorflow":
            import tensorflow as tf

            tf.config.experimental.enable_tensor_float_32_execution(enabled=False)
        case "jax":
            import jax

            jax.config.update("jax_default_matmul_precision", "float32")
        case "torch":
            import torch

            torch.backends.cudnn.allow_tf32 = False


def only_deterministic() -> None:
    """Take only operations that give the same bits each time, for the whole process.

    JAX reads its switch (``XLA_FLAGS=--xla_gpu_deterministic_ops=true``) as it starts, before a model can ask for it.
    """
    match name():
        case "tensorflow":
            import tensorflow as tf

            tf.config.experimental.enable_op_determinism()
        case "torch":
            import torch

            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by cuBLAS
            torch.use_deterministic_algorithms(mode=True)


def on(device: str) -> Any:
    """A context in which the engine works on a device."""
    return keras.device(device.replace("cuda", "gpu"))


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, compiled where the engine compiles; pure: tensors and structures of them in and out."""
    match name():
        case "tensorflow":
            import tensorflow as tf

            # reduce_retracing: from the second length on, one trace serves sequences of any length.
            compiled: Callable[..., Any] = tf.function(function, autograph=False, reduce_retracing=True)
            return compiled
        case "jax":
            import jax

            jitted: Callable[..., Any] = jax.jit(function)
            return jitted
        case _:
            return function


def value_and_gradients(
    function: Callable[[Tensors], tuple[Tensor, Any]], values: Tensors
) -> tuple[tuple[Tensor, Any], dict[str, Tensor]]:
    """((loss, more), gradients of the loss) of a function that gives (loss, more) for named tensors."""
    match name():
        case "tensorflow":
            import tensorflow as tf

            with tf.GradientTape() as tape:
                tape.watch(values)
                loss, more = function(values)
            gradients = tape.gradient(loss, dict(values))
            # The gradient of a looked-up embedding comes as slices.
            return (loss, more), {key: tf.convert_to_tensor(value) for key, value in gradients.items()}
        case "jax":
            import jax

            result, gradients = jax.value_and_grad(function, has_aux=True)(dict(values))
            return result, gradients
        case _:
            import torch

            leaves = {key: value.detach().requires_grad_() for key, value in values.items()}
            loss, more = function(leaves)
            gradients = torch.autograd.grad(loss, list(leaves.values()))
            more = keras.tree.map_structure(lambda tensor: tensor.detach(), more)
            return (loss.detach(), more), dict(zip(leaves, gradients, strict=True))


def custom_gradient(
    function: Callable[..., tuple[tuple[Tensor, ...], Gradients]],
) -> Callable[..., tuple[Tensor, ...]]:
    """The results of a function that gives (results, their gradients), which are then used instead of derived ones."""

    def adapted(*arguments: Tensor) -> tuple[tuple[Tensor, ...], Callable[..., tuple[Tensor, ...]]]:
        results, gradients = function(*arguments)
        # JAX hands the gradients over as one tuple, TensorFlow one by one.
        return results, lambda *given: gradients(given[0] if name() == "jax" else given)

    differentiable: Callable[..., tuple[Tensor, ...]] = keras.ops.custom_gradient(adapted)
    return differentiable


def scan(
    step: Step,
    carried: tuple[Tensor, ...],
    sequences: tuple[Tensor, ...],
    dtypes: Sequence[str],
    *,
    reverse: bool = False,
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """``step`` along the first axis of some sequences, in TensorFlow and JAX.

    Not :func:`keras.ops.scan`: what its steps give must look like what they carry.

    Args:
        step: one step.
        carried: what the first step gets.
        sequences: (T, ...) each.
        dtypes: of what a step gives.
        reverse: from the last element to the first.

    Returns:
        what the last step carries on, and what the steps gave, (T, ...) each.
    """
    if name() == "jax":
        import jax

        left, given = jax.lax.scan(step, carried, sequences, reverse=reverse)
        return left, given
    import tensorflow as tf

    length = tf.shape(sequences[0])[0]
    arrays = [
        tf.TensorArray(sequence.dtype, length, element_shape=sequence.shape[1:]).unstack(sequence)
        for sequence in sequences
    ]

    def body(index: Tensor, carried: tuple[Tensor, ...], given: tuple[Any, ...]) -> tuple[Any, ...]:
        carried, results = step(carried, tuple(array.read(index) for array in arrays))
        written = tuple(array.write(index, result) for array, result in zip(given, results, strict=True))
        return index - 1 if reverse else index + 1, carried, written

    _, left, given = tf.while_loop(
        lambda index, *_: (index >= 0) if reverse else (index < length),
        body,
        (length - 1 if reverse else 0, carried, tuple(tf.TensorArray(dtype, length) for dtype in dtypes)),
        parallel_iterations=1,
    )
    return left, tuple(array.stack() for array in given)


def tensor(values: npt.NDArray[Any], dtype: str) -> Tensor:
    """A tensor of that type on the device in use."""
    # A copy in any case: the array may be a view of a read-only file.
    return keras.ops.convert_to_tensor(np.array(values, dtype=dtype, order="C"))


def tensors(arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    """float32 tensors of named arrays."""
    return {key: keras.ops.convert_to_tensor(value, dtype="float32") for key, value in arrays.items()}


def array(values: Tensor) -> npt.NDArray[Any]:
    """A copy of a tensor as a NumPy array."""
    return np.array(keras.ops.convert_to_numpy(values))
