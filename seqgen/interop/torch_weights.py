"""The state dict of a module of ``torch.nn``, saved as safetensors: Embedding, then LSTM, GRU or RNN, then Linear.

Modules may have any names.  The recurrent tensors are known by theirs, which PyTorch gives (``weight_ih_l0`` and so on, as
in https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html), the others by their shapes.

| canonical | PyTorch |
| --- | --- |
| `layers.N.input_weight` (G·H, in) | `weight_ih_lN` |
| `layers.N.recurrent_weight` (G·H, H) | `weight_hh_lN` |
| `layers.N.bias` (G·H) | `bias_ih_lN + bias_hh_lN`; for gru's candidate the first alone |
| `layers.N.recurrent_candidate_bias` (H) | for gru `bias_hh_lN[2H:]` |

The order of gates is the same.  Whether an RNN has tanh or relu, its weights do not say: it is taken for tanh.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqgen.core.errors import ModelError
from seqgen.interop.stack import Floats, Layer, Stack, architecture_of, fault, in_sequence
from seqgen.untrusted import read_header, read_tensors, shown

_FLOATS = ("F16", "F32", "F64")
_RECURRENT = re.compile(r"(?:(.*)\.)?(weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)(?:_l(\d{1,4}))?(_reverse)?")


def read_stack(path: Path, *, where: str) -> Stack:
    """The arrays of a state dict; names and shapes are held against each other before one is read.

    Raises:
        DamagedModelError: it is no safetensors file.
        ModelError: it is of another network; names the tensor, its shape and the shape it must have.
    """
    header = read_header(path, where=where)
    shapes = {}
    for name, entry in header.items():
        if entry.get("dtype") not in _FLOATS:
            raise ModelError(
                f'{where}: tensor "{name}" is {shown(entry.get("dtype"))}, but must be one of {", ".join(_FLOATS)}.  Save it '
                "so: {name: tensor.float() for name, tensor in module.state_dict().items()}"
            )
        shapes[name] = tuple(entry["shape"])
    if "layers.0.input_weight" in shapes:
        raise ModelError(f"{where} has the weights of a model of seqgen.  Import the folder that it belongs in")
    layers = _recurrent(shapes, where=where)
    hidden = shapes[layers[0].weight_hh][1]
    rest = {name: shape for name, shape in shapes.items() if not any(name in layer for layer in layers)}
    around = _around(rest, shapes[layers[0].weight_ih][1], hidden, where=where)
    tensors = {name: np.asarray(value, np.float32) for name, value in read_tensors(path, where=where).items()}
    architecture = architecture_of(shapes[layers[0].weight_hh], what=where)
    embedding = tensors[around.embedding] if around.embedding else None
    output = tensors[around.output] if around.output else None
    rows = shapes[around.output or around.embedding or ""][0]
    return Stack(
        framework="torch",
        architecture=architecture,
        embedding=embedding,
        layers=tuple(layer.read(tensors, architecture) for layer in layers),
        output_weight=output,
        output_bias=tensors[around.bias] if around.bias else np.zeros(rows, np.float32),
    )


@dataclass(frozen=True)
class _Names:
    """The names of the tensors of one recurrent layer."""

    weight_ih: str
    weight_hh: str
    bias_ih: str | None
    bias_hh: str | None

    def __contains__(self, name: str) -> bool:
        return name in (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)

    def read(self, tensors: Mapping[str, Floats], architecture: str) -> Layer:
        """The layer in the canonical form."""
        size = tensors[self.weight_hh].shape[1]
        zeros = np.zeros(len(tensors[self.weight_hh]), np.float32)
        first = tensors[self.bias_ih] if self.bias_ih else zeros
        second = tensors[self.bias_hh] if self.bias_hh else zeros
        weights = tensors[self.weight_ih], tensors[self.weight_hh]
        if architecture != "gru":
            return Layer(*weights, first + second)
        apart = second.copy()
        apart[2 * size :] = 0
        return Layer(*weights, first + apart, second[2 * size :])


def _recurrent(shapes: Mapping[str, tuple[int, ...]], *, where: str) -> list[_Names]:
    """The recurrent layers from the lowest, their shapes checked."""
    found: dict[str, dict[str, dict[str, str]]] = {}  # module, layer, kind to the tensor's name
    for name in shapes:
        if not (match := _RECURRENT.fullmatch(name)):
            continue
        module, kind, number, reverse = match.groups()
        if reverse:
            raise ModelError(
                f'{where}: tensor "{name}" is of a bidirectional layer, which reads what is yet to be written.'
            )
        if kind == "weight_hr":
            raise ModelError(f'{where}: tensor "{name}" is of an LSTM with proj_size, which has no canonical form.')
        found.setdefault(module or "", {}).setdefault(number or "0", {})[kind] = name
    if not found:
        raise ModelError(
            f"{where}: has no recurrent layer: none of its tensors is called weight_ih_l0, as in the state dict of "
            f"torch.nn.LSTM.  It has: {shown(', '.join(shapes))}"
        )
    layers = []
    for module in in_sequence([*found], where=where):
        for place, number in enumerate(sorted(found[module], key=int)):
            layers.append(_names(found[module][number], where=where))
            if int(number) != place:
                raise ModelError(f'{where}: below tensor "{layers[-1].weight_ih}" there is none of layer {place}.')
    _check(layers, shapes, where=where)
    return layers


def _names(kinds: Mapping[str, str], *, where: str) -> _Names:
    """The tensors of one layer, by kind; PyTorch writes both biases, or none."""
    biases = ("bias_ih", "bias_hh") if {"bias_ih", "bias_hh"} & kinds.keys() else ()
    for kind in ("weight_ih", "weight_hh", *biases):
        if kind not in kinds:
            raise ModelError(f'{where}: beside tensor "{kinds[max(kinds)]}" there is no {kind}.')
    return _Names(kinds["weight_ih"], kinds["weight_hh"], kinds.get("bias_ih"), kinds.get("bias_hh"))


def _check(layers: list[_Names], shapes: Mapping[str, tuple[int, ...]], *, where: str) -> None:
    first = shapes[layers[0].weight_hh]
    architecture = architecture_of(first, what=f'{where}: tensor "{layers[0].weight_hh}"')
    for number, layer in enumerate(layers):
        if shapes[layer.weight_hh] != first:
            why = f"all layers must be {architecture} of {first[1]} units"
            raise ModelError(f"{where}: {fault(layer.weight_hh, shapes[layer.weight_hh], first, why)}")
        found = shapes[layer.weight_ih]
        width = first[1] if number else (found[1] if len(found) == 2 else "in")
        if found != (first[0], width):
            why = f"it takes what the {'layer below' if number else 'embedding'} gives"
            raise ModelError(f"{where}: {fault(layer.weight_ih, found, (first[0], width), why)}")
        for bias in (layer.bias_ih, layer.bias_hh):
            if bias and shapes[bias] != (first[0],):
                raise ModelError(f"{where}: {fault(bias, shapes[bias], (first[0],), 'one number a row')}")


@dataclass(frozen=True)
class _Around:
    """The names of what is before and after the recurrent layers; None for what there is not, or is the other."""

    embedding: str | None
    output: str | None
    bias: str | None


def _around(shapes: Mapping[str, tuple[int, ...]], width: int, hidden: int, *, where: str) -> _Around:
    """Which of the tensors that are not recurrent is which; their shapes are checked."""
    matrices = {name: shape for name, shape in shapes.items() if len(shape) == 2}
    others = {name: shape for name, shape in shapes.items() if len(shape) != 2}
    bias = next((name for name, shape in others.items() if name.endswith("bias") and len(shape) == 1), None)
    for name, shape in others.items():
        if name != bias:
            raise ModelError(
                f'{where}: tensor "{name}" of shape {shape} has no place between an embedding, recurrent layers and one '
                "linear layer."
            )
    if len(matrices) == 1:
        ((name, shape),) = matrices.items()
        found = _alone(name, shape, bias, width, hidden, where=where)
    elif len(matrices) == 2:
        beside = bias.removesuffix("bias") + "weight" if bias else ""
        embedding, output = _told_apart(matrices, beside, width, hidden, where=where)
        rows = matrices[output][0]
        for name, columns, why in (
            (output, hidden, "it takes what the last layer gives"),
            (embedding, width, "the first layer takes it, for as many tokens as the last gives"),
        ):
            if matrices[name] != (rows, columns):
                raise ModelError(f"{where}: {fault(name, matrices[name], (rows, columns), why)}")
        found = _Around(embedding, output, bias)
    else:
        listed = ", ".join(f"{name} {shape}" for name, shape in matrices.items()) or "none"
        raise ModelError(
            f"{where}: beside the recurrent layers there must be an embedding (V, {width}) and one linear layer "
            f"(V, {hidden}), or the latter alone; there are: {shown(listed)}"
        )
    rows = shapes[found.output or found.embedding or ""][0]
    if bias and shapes[bias] != (rows,):
        raise ModelError(f"{where}: {fault(bias, shapes[bias], (rows,), 'one number a token')}")
    return found


def _alone(name: str, shape: tuple[int, ...], bias: str | None, width: int, hidden: int, *, where: str) -> _Around:
    """The one matrix that there is: the output, and where the widths say so, the embedding too."""
    rows, columns = shape
    if columns != hidden:
        raise ModelError(
            f"{where}: {fault(name, (rows, columns), (rows, hidden), 'it takes what the last layer gives')}"
        )
    if width in (rows, 1):
        return _Around(None, name, bias)  # tokens enter one-hot, or as one number
    if width == hidden:
        return _Around(name, None, bias)  # tied: the file has the one tensor once
    raise ModelError(
        f"{where}: the first layer takes {width} numbers a token, but there is no embedding (V, {width}), and {width} is "
        f"neither the {rows} of one-hot tokens nor 1."
    )


def _told_apart(
    matrices: Mapping[str, tuple[int, ...]], beside: str, width: int, hidden: int, *, where: str
) -> tuple[str, str]:
    """Of two matrices the embedding and the output: by the bias beside it, by their widths, else by name."""
    one, other = matrices
    if beside in matrices:
        return (other, one) if beside == one else (one, other)
    columns = matrices[one][1], matrices[other][1]
    if width != hidden and columns in ((width, hidden), (hidden, width)):
        return (one, other) if columns == (width, hidden) else (other, one)
    named = ["emb" in name.lower() for name in (one, other)]
    if named[0] != named[1]:
        return (one, other) if named[0] else (other, one)
    raise ModelError(
        f"{where}: which of tensors {one} {matrices[one]} and {other} {matrices[other]} is the embedding, their shapes do not "
        'tell.  Rename it, so that "embedding" is in its name'
    )
