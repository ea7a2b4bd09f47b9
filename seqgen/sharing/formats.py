"""What ``models export`` writes and ``models import`` reads.  Each form is a line here and a module, imported when used."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from seqgen import files
from seqgen.checkpoint import SavedModel
from seqgen.core.catalog import Catalog
from seqgen.core.errors import UsageError

Writer: TypeAlias = Callable[[SavedModel, Path, Catalog], None]
"""Writes a model to a path where nothing is yet."""


@dataclass(frozen=True)
class Format:
    """A form that a model can be written in.

    Attributes:
        name: what people write: ``--format NAME``.
        suffix: of the files that have it, in lower case; empty: a folder.
        writer: ``module:function``, a ``Writer``.
        holds_ngrams: whether n-grams that a network is mixed with are in it, or the network alone.
    """

    name: str
    suffix: str
    writer: str
    holds_ngrams: bool = True


FORMATS = (
    Format("zip", ".zip", "seqgen.sharing.archive:export_zip"),
    Format("safetensors", "", "seqgen.sharing.folder:export_folder"),
    Format("onnx", ".onnx", "seqgen.interop.onnx:export_onnx", holds_ngrams=False),
    Format("html", ".html", "seqgen.interop.html.page:export_html"),
)


def export_model(saved: SavedModel, target: Path, *, catalog: Catalog, form: str | None = None) -> Format:
    """Write a model in another form; a file that is there is replaced, by rename when the new one is whole.

    Args:
        saved: the model.
        target: the file or folder to write; of a link, that which it leads to.
        catalog: the parts, for forms that need the model's own.
        form: a name of ``FORMATS``; None: by the suffix of ``target``.

    Raises:
        UsageError: no such form; a folder is there and not empty; or what is there is a pipe or a device.
        OutputError: it cannot be written.
        DamagedModelError: the model's files are not what was written.
        MissingDependencyError, PluginError: a package that writes this form, or a plugin that made the model, is not installed or fails.
    """
    chosen = find_format(form, target)
    module, _, function = chosen.writer.partition(":")
    write: Writer = getattr(importlib.import_module(module), function)
    # "." and ".." too, which have no name that something new could get.
    if target.name in ("", "..") or (target.is_dir() and (chosen.suffix or any(target.iterdir()))):
        raise UsageError(f"{target} is a folder that is there already.  Name another place, or remove it.")
    if target.exists() and not target.is_dir() and not target.is_file():
        raise UsageError(f"{target} is a pipe or a device, which a whole file cannot take the place of.  Name a file.")
    if target.is_symlink():
        target = Path(os.path.realpath(target))
    with files.new_folder(target.parent) as folder:
        new = folder / target.name
        write(saved, new, catalog)
        with files.writing(target):
            if target.is_dir():  # an empty one, which Windows lets nothing take the place of
                target.rmdir()
            files.move(new, target, over=True)
            files.sync_folder(target.parent)
    return chosen


def find_format(name: str | None, target: Path) -> Format:
    """The form of that name, or that a file of this name has.

    Raises:
        UsageError: there is none; says which there are.
    """
    allowed = ", ".join(f"{form.name} ({form.suffix or 'a folder'})" for form in FORMATS)
    if name is None:
        found = [form for form in FORMATS if form.suffix == target.suffix.lower()]
        wrong = (
            f'No form has the suffix "{target.suffix}".  There are: {allowed}.  For a folder add --format safetensors'
        )
    else:
        found = [form for form in FORMATS if form.name == name]
        wrong = f'--format is "{name}", but must be one of: {allowed}'
    if not found:
        raise UsageError(wrong)
    return found[0]
