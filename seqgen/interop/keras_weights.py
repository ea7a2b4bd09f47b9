"""A Keras model's ``.weights.h5`` or ``.keras`` file: Embedding, then LSTM, GRU or SimpleRNN, then Dense.

Keras is not imported, and nothing that the file names is looked up.  A ``.keras`` file is a zip of the weights and of
``config.json``, which says of each layer what it does, as the attribute ``model_config`` of a whole model in HDF5 does; a
``.weights.h5`` has the arrays alone, which then are taken for layers with the defaults (tanh, sigmoid, no mask).  Both layouts
are read: that of Keras 3 (``layers/lstm/cell/vars/0``) and the older one of layers by name (``lstm/lstm_cell/kernel:0``).

| canonical | Keras |
| --- | --- |
| `embedding.weight` (V, E) | Embedding `embeddings` (V, E) |
| `layers.N.input_weight` (G·H, in) | `kernel` (in, G·H) |
| `layers.N.recurrent_weight` (G·H, H) | `recurrent_kernel` (H, G·H) |
| `layers.N.bias` (G·H) | `bias` (G·H); for gru the sum of the rows of (2, 3H), but for the candidate's the first |
| `layers.N.recurrent_candidate_bias` (H) | for gru row 1 of `bias`, from 2H on |
| `output.weight`, `output.bias` | Dense `kernel` (H, V), `bias` (V) |
| gates of lstm, gru | i f c o, the same; z r h: the first two change places |
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from seqgen.core.canonical import GATES
from seqgen.core.errors import DamagedModelError, ModelError, SeqgenWarning
from seqgen.interop.hdf5 import attributes_among, read_arrays
from seqgen.interop.stack import Floats, Layer, Stack, architecture_of, fault, in_sequence
from seqgen.untrusted import CHUNK, MAX_JSON_BYTES, BoundedFile, parse_json, shown, size_of

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"

_SAID, _VERSION = "model_config", "keras_version"
"""Attributes of an HDF5 file: what a whole model says of its layers, and which Keras wrote it."""

_MODEL = re.compile(rb'\{"(?:class_name|config)": ')
"""How what is said of a model begins, or of a part of one."""

_TEXT_OR_BRACE = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}]', re.DOTALL)

_EARLY = re.compile(rb"\x05\0{7}(2\.[0-2]\.\d)\0{3}")
"""A version of Keras of before 2.3, as texts of variable length lie in HDF5: 8 bytes of length, then it, up to a multiple of 8."""

_NO_WEIGHTS = ("optimizer", "optimizer_weights", "seed_generator")
"""Groups of arrays that are no weights of the network."""

_PACKED = 4
"""How many times the bytes of its zip an unpacked file may have; weights hardly shrink, and Keras does not pack them."""

_RECURRENT = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn"}

_ALLOWED: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "InputLayer": {},
    "Embedding": {"mask_zero": (False,)},
    "LSTM": {"activation": ("tanh",), "recurrent_activation": ("sigmoid",), "go_backwards": (False,)},
    "GRU": {
        "activation": ("tanh",),
        "recurrent_activation": ("sigmoid",),
        "go_backwards": (False,),
        "reset_after": (True,),
    },
    "SimpleRNN": {"activation": ("tanh",), "go_backwards": (False,)},
    "Dropout": {},
    "Dense": {"activation": ("linear", "softmax")},
    "TimeDistributed": {},
    "Activation": {"activation": ("linear", "softmax")},
    "Softmax": {},
}
"""The layers that may be there, and the values that their options must have; softmax is what drawing does anyway."""


def read_stack(path: Path, *, where: str) -> Stack:
    """The arrays of the network, in canonical order of the gates.

    Raises:
        MissingDependencyError: h5py is not installed.
        DamagedModelError: the file is not what it should be, or could do harm.
        ModelError: it is of another network; names the layer or array.
    """
    try:
        size = size_of(path)
        if path.suffix.lower() == ".keras":
            config, weights = _unzipped(path, size, where=where)
            _check_layers(config, where=where, named=f"{where}/{_CONFIG}")
            arrays = read_arrays(io.BytesIO(weights), len(weights), skip=_NO_WEIGHTS, where=f"{where}/{_WEIGHTS}")
            return _stack(_layers(arrays), where=where)
        attributes = attributes_among((_SAID, _VERSION), path, where=where)
        with path.open("rb") as file:
            content = _read(file, size) if attributes else b""
        if _SAID in attributes:
            _check_layers(_said(content, where=where), where=where, named=f"{where}: {_SAID}")
        stack = _stack(_layers(read_arrays(path, size, skip=_NO_WEIGHTS, where=where)), where=where)
    except OSError as error:
        raise DamagedModelError(f"{where}: cannot be read: {error.strerror or error}.") from error
    early = _EARLY.search(content) if attributes == {_VERSION} and stack.architecture != "rnn" else None
    if early is not None:
        warnings.warn(
            f"{where} has weights alone, which Keras {early[1].decode()} wrote.  Up to Keras 2.2 the recurrent_activation of LSTM and "
            "GRU was hard_sigmoid unless the model said otherwise; here it is taken for sigmoid, and if it was not, the model predicts "
            "less well than it did",
            SeqgenWarning,
            stacklevel=2,
        )
    return stack


def _said(content: bytes, *, where: str) -> Any:
    """What a whole model in HDF5 says of itself: the attribute, which lies in one piece in the file.

    It is looked for there, for h5py would take as much memory for it as it claims to need (see ``hdf5.py``).

    Raises:
        DamagedModelError: it is not there.
    """
    left = MAX_JSON_BYTES
    for begin in _MODEL.finditer(content):
        first, last, depth = begin.start(), begin.start() + left, 0
        for part in _TEXT_OR_BRACE.finditer(content, first, last):
            depth += {b"{": 1, b"}": -1}.get(part[0], 0)
            if depth == 0:
                last = part.end()
                break
        left -= last - first
        with contextlib.suppress(ValueError, RecursionError):
            value = parse_json(content[first:last])
            said = value.get("config")
            # Else it is of an optimizer, or of a part of a layer.
            if isinstance(said, list) or (isinstance(said, dict) and "layers" in said):
                return value
        if left <= 0:
            break
    raise DamagedModelError(f"{where}: {_SAID} is not what Keras writes there; the file is damaged.")


def _unzipped(path: Path, size: int, *, where: str) -> tuple[Any, bytes]:
    """The configuration and the weights, each bounded before it is unpacked."""
    try:
        with BoundedFile(path) as content, zipfile.ZipFile(content) as archive:
            found = {}
            for name, limit in ((_CONFIG, MAX_JSON_BYTES), (_WEIGHTS, _PACKED * size)):
                member = archive.getinfo(name)
                if member.file_size > limit:
                    raise DamagedModelError(
                        f"{where}/{name}: {member.file_size:,} bytes are more than it can have; not read."
                    )
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    # Of bzip2 and LZMA, zipfile unpacks all that it has read, and a kilobyte may be a gigabyte.
                    raise DamagedModelError(f"{where}/{name}: it is packed as Keras packs nothing; not read.")
                with archive.open(member) as file:
                    found[name] = _read(file, member.file_size + 1)  # no more than was promised, whatever comes
                if len(found[name]) != member.file_size:
                    raise DamagedModelError(f"{where}/{name}: its size is not the one that the zip file states.")
            return parse_json(found[_CONFIG]), found[_WEIGHTS]
    except KeyError as error:
        raise DamagedModelError(f"{where}: no Keras model: it lacks {_CONFIG} or {_WEIGHTS}.") from error
    except (zipfile.BadZipFile, ValueError, RecursionError, NotImplementedError, EOFError, RuntimeError) as error:
        raise DamagedModelError(f"{where}: cannot be read: {error}") from error


def _read(file: IO[bytes], size: int) -> bytes:
    """At most so many bytes."""
    blocks, left = [], size
    while left and (block := file.read(min(CHUNK, left))):
        blocks.append(block)
        left -= len(block)
    return b"".join(blocks)


def _check_layers(config: Any, *, where: str, named: str) -> None:
    """Hold that every layer is one that has a canonical form, by its class and options; anything else is refused by name."""
    try:
        said = config["config"]
        layers = said if isinstance(said, list) else said["layers"]  # a list in Sequential models of before Keras 2.2.3
        layers = [*layers, *(each["config"]["layer"] for each in layers if each["class_name"] == "TimeDistributed")]
        for layer in layers:
            kind, options = layer["class_name"], layer["config"]
            name = options.get("name", kind)
            if kind not in _ALLOWED:
                allowed = ", ".join(_ALLOWED)
                raise ModelError(f'{where}: layer "{shown(name)}" is {shown(kind)}, but must be one of {allowed}.')
            for option, allowed_values in _ALLOWED[kind].items():
                if option in options and options[option] not in allowed_values:
                    must = " or ".join(map(str, allowed_values))
                    raise ModelError(
                        f'{where}: layer "{shown(name)}" ({kind}) has {option}={shown(options[option])}, but must have {must}.'
                    )
    except (TypeError, KeyError, AttributeError) as error:
        raise DamagedModelError(
            f"{named}: it is no list of layers, as Sequential and Functional models have."
        ) from error


@dataclass(frozen=True)
class _Named:
    """The arrays of one layer in Keras's order, with the path that they have in common."""

    name: str
    arrays: tuple[Floats, ...]

    def path(self, place: int) -> str:
        return f"{self.name}[{place}]" if len(self.arrays) > 1 else self.name


_ROLES = ("embeddings", "kernel", "recurrent_kernel", "bias")


def _layers(arrays: Mapping[str, Floats]) -> list[_Named]:
    """The arrays by layer: numbered in Keras 3, by role in older files."""
    groups: dict[str, dict[int, Floats]] = {}
    for path, array in arrays.items():
        group, _, own = path.rpartition("/")
        own = own.removesuffix(":0")
        place = int(own) if re.fullmatch(r"\d{1,4}", own) else _ROLES.index(own) if own in _ROLES else len(_ROLES)
        groups.setdefault(group.removesuffix("/vars"), {})[place] = array
    return [_Named(name, tuple(own[place] for place in sorted(own))) for name, own in groups.items()]


def _stack(layers: Sequence[_Named], *, where: str) -> Stack:
    recurrent = {layer.name: layer for layer in layers if len(layer.arrays) > 1 and layer.arrays[1].ndim == 2}
    if not recurrent:
        listed = ", ".join(f"{layer.name} {[array.shape for array in layer.arrays]}" for layer in layers)
        raise ModelError(f"{where}: has no recurrent layer.  It has: {shown(listed)}")
    if backwards := [name for name in recurrent if "backward" in name]:
        raise ModelError(f'{where}: layer "{backwards[0]}" is bidirectional: it reads what is yet to be written.')
    ordered = [recurrent[name] for name in in_sequence([*recurrent], where=where)]
    architecture = architecture_of(
        ordered[0].arrays[1].T.shape, what=f'{where}: the transpose of array "{ordered[0].path(1)}"'
    )
    size = len(ordered[0].arrays[1])
    read = [_recurrent(layer, architecture, size, first=layer is ordered[0], where=where) for layer in ordered]
    rest = [layer for layer in layers if layer.name not in recurrent]
    width = read[0].input_weight.shape[1]
    embedding, dense = _around(rest, width, size, where=where)
    bias = dense.arrays[1] if len(dense.arrays) > 1 else np.zeros(dense.arrays[0].shape[1], np.float32)
    return Stack(
        framework="keras",
        architecture=architecture,
        embedding=embedding.arrays[0] if embedding else None,
        layers=tuple(read),
        output_weight=dense.arrays[0].T,
        output_bias=bias,
    )


def _recurrent(layer: _Named, architecture: str, size: int, *, first: bool, where: str) -> Layer:
    """A recurrent layer, its shapes checked."""
    kernel, recurrent, *biases = layer.arrays
    if kernel.ndim != 2:
        why = f"it is the kernel of a recurrent layer of {size} units"
        raise ModelError(f"{where}: {fault(layer.path(0), kernel.shape, '(in, G·H)', why)}")
    gates = GATES[architecture] * size
    wanted = {0: (kernel.shape[0] if first else size, gates), 1: (size, gates)}
    for place, shape in wanted.items():
        if layer.arrays[place].shape != shape:
            why = f"all layers must be {architecture} of {size} units, each on what is below it"
            raise ModelError(f"{where}: {fault(layer.path(place), layer.arrays[place].shape, shape, why)}")
    bias = biases[0] if biases else np.zeros((2, gates) if architecture == "gru" else (gates,), np.float32)
    if architecture == "gru" and bias.shape == (gates,):
        raise ModelError(
            f'{where}: array "{layer.path(2)}" has shape ({gates},): a GRU with reset_after=False, which has no canonical form.'
        )
    expected = (2, gates) if architecture == "gru" else (gates,)
    if bias.shape != expected or len(biases) > 1:
        raise ModelError(
            f"{where}: {fault(layer.path(2), bias.shape, expected, 'it is the bias, and the last array of its layer')}"
        )
    if architecture != "gru":
        return Layer(kernel.T, recurrent.T, bias)
    both = bias.sum(axis=0)
    both[2 * size :] = bias[0, 2 * size :]
    return Layer(_swapped(kernel.T), _swapped(recurrent.T), _swapped(both), bias[1, 2 * size :])


def _swapped(rows: Floats) -> Floats:
    """The gates z r h as r z n."""
    update, reset, candidate = np.split(rows, 3)
    return np.concatenate([reset, update, candidate])


def _around(layers: Sequence[_Named], width: int, hidden: int, *, where: str) -> tuple[_Named | None, _Named]:
    """The embedding, if there is one, and the dense layer; their shapes are checked."""
    for layer in layers:
        shapes = [array.shape for array in layer.arrays]
        if len(shapes[0]) != 2 or shapes[1:] not in ([], [shapes[0][1:]]):
            raise ModelError(
                f'{where}: layer "{layer.name}" with arrays of shape {shapes} has no place between an embedding, recurrent '
                "layers and one dense layer."
            )
    biased = [layer for layer in layers if len(layer.arrays) > 1]
    plain = [layer for layer in layers if len(layer.arrays) == 1]
    if len(layers) == 2 and not biased:  # a dense layer without a bias, and an embedding
        biased = [layer for layer in plain if "dense" in layer.name.lower()] or [
            layer for layer in plain if layer.arrays[0].shape[0] == hidden
        ]
        plain = [layer for layer in plain if layer not in biased]
    elif len(layers) == 1:
        biased, plain = [*layers], []
    if len(biased) != 1 or len(plain) > 1:
        listed = ", ".join(f"{layer.name} {layer.arrays[0].shape}" for layer in layers) or "none"
        raise ModelError(
            f"{where}: beside the recurrent layers there must be an embedding (V, {width}) and one dense layer ({hidden}, V), "
            f"or the latter alone; there are: {shown(listed)}"
        )
    dense, embedding = biased[0], plain[0] if plain else None
    kernel = dense.arrays[0].shape
    if kernel[0] != hidden:
        why = "it takes what the last layer gives"
        raise ModelError(f"{where}: {fault(dense.path(0), kernel, (hidden, kernel[1]), why)}")
    if embedding is not None and embedding.arrays[0].shape != (kernel[1], width):
        why = "the first layer takes it, for as many tokens as the last gives"
        raise ModelError(f"{where}: {fault(embedding.name, embedding.arrays[0].shape, (kernel[1], width), why)}")
    if embedding is None and width not in (kernel[1], 1):
        raise ModelError(
            f"{where}: the first layer takes {width} numbers a token, but there is no embedding (V, {width}), and {width} is "
            f"neither the {kernel[1]} of one-hot tokens nor 1."
        )
    return embedding, dense
