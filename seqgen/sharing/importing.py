"""What ``models import`` reads: each form by the suffix of its file, with a module that is imported when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from seqgen.core.errors import ModelError, ModelNotFoundError, UsageError
from seqgen.manifest import MANIFEST, read_lineage
from seqgen.registry import Registry, check_name
from seqgen.sharing.arrival import Arrival, publish

Reader: TypeAlias = Callable[[Path, Path], None]
"""Reads a file into an empty folder, which then is a whole model folder; nothing in the file is believed unchecked."""

READERS: Mapping[str, str] = MappingProxyType(
    {
        ".zip": "seqgen.sharing.archive:import_zip",
        "": "seqgen.sharing.folder:import_folder",
    }
)
"""Suffix, in lower case, to ``module:function`` of a ``Reader``; without one it is a folder."""

FOREIGN: Mapping[str, str] = MappingProxyType(
    dict.fromkeys((".safetensors", ".h5", ".hdf5", ".keras"), "seqgen.interop.adopt:adopt")
)
"""The same for what other programs wrote; these readers take a vocabulary and a name too."""

PICKLES = (".pt", ".pth", ".net", ".bin", ".ckpt", ".pkl", ".pickle")
"""Files of other programs that can run code when they are read."""


def import_model(
    source: Path, registry: Registry, *, name: str | None = None, vocabulary: Path | None = None
) -> Arrival:
    """Make a file, or a folder, that holds a model a version in the registry, unless that is there already.

    Args:
        source: what ``models export`` wrote, a copy of a model folder, or a file of PyTorch or Keras.
        registry: where it goes.
        name: of the model; None: the name that it was published under, or for a foreign one that of its file.
        vocabulary: a file that says what the tokens of a foreign model are, which those files do not say.

    Raises:
        UsageError: not a form that is read, or not a model name; or a vocabulary is missing, wrong, or of no use.
        ModelError: a foreign model that is not of a kind that seqgen has.
        ModelNotFoundError: there is no such file.
        DamagedModelError: it is not what was written; nothing of it stays.
        OutputError: the registry cannot be written.
        MissingDependencyError: a package that reads it is not installed.
    """
    if not source.exists():
        raise ModelNotFoundError(f"There is no file {source}.")
    if name is not None:
        check_name(name)
    read = _reader(source, name, vocabulary)
    with registry.new_folder() as folder:
        read(source, folder)
        manifest = read_lineage(folder, where=f"{source.name}/{MANIFEST}")
        name = name or str(manifest.get("name", ""))
        return publish(folder, registry, name, where=source.name, made_now=source.suffix.lower() in FOREIGN)


def _reader(source: Path, name: str | None, vocabulary: Path | None) -> Reader:
    """What reads this file."""
    suffix = "" if source.is_dir() else source.suffix.lower()
    if suffix in PICKLES:
        raise ModelError(
            f"{source.name} may be a pickle, which can run code when it is read; not opened.  Where you trust it, save its "
            "weights in another form: weights = torch.load(FILE, weights_only=True), or an entry of that, such as 'state_dict'; "
            "safetensors.torch.save_file({name: weights[name].clone() for name in weights}, 'model.safetensors')"
        )
    if (suffix not in READERS and suffix not in FOREIGN) or (not suffix and not source.is_dir()):
        allowed = ", ".join(suffix or "a model folder" for suffix in (*READERS, *FOREIGN))
        raise UsageError(f"{source} is not a file that is read here: {allowed}.")
    if suffix in READERS and vocabulary is not None:
        raise UsageError(f"{source} says itself what its tokens are: leave out --vocabulary.")
    module, _, function = {**READERS, **FOREIGN}[suffix].partition(":")
    read: Callable[..., None] = getattr(importlib.import_module(module), function)
    return read if suffix in READERS else partial(read, vocabulary=vocabulary, name=name)
