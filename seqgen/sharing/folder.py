"""A model as what it is: a folder of safetensors and JSON, copied."""

from __future__ import annotations

from pathlib import Path

from seqgen import files
from seqgen.checkpoint import SavedModel
from seqgen.core.catalog import Catalog
from seqgen.manifest import MANIFEST, read_manifest
from seqgen.sharing.arrival import check_space, read_listed, receive
from seqgen.untrusted import MAX_JSON_BYTES


def export_folder(saved: SavedModel, target: Path, _catalog: Catalog) -> None:
    """Copy the model's files, each held against the manifest on the way.

    Raises:
        DamagedModelError: a file is not what was written.
        OutputError: it cannot be written.
    """
    with files.writing(target):
        target.mkdir()
    _copy(saved.folder, target, where=saved.where)


def import_folder(source: Path, folder: Path) -> None:
    """Copy a model folder: exactly the files of its manifest, each with its size and sha256.

    Raises:
        ModelNotFoundError: it is no model folder.
        DamagedModelError: its files are not what was written.
        OutputError: the folder cannot be written.
    """
    _copy(source, folder, where=str(source))


def _copy(source: Path, target: Path, *, where: str) -> None:
    listed = read_listed(read_manifest(source, where=where), where=where)
    check_space(target, sum(each.bytes for each in listed.values()), where=where)
    for name, expected in listed.items():
        with (source / name).open("rb") as file:
            receive(file, target / name, expected, where=f"{where}/{name}")
    with (source / MANIFEST).open("rb") as file:  # last, as everywhere
        files.write_bytes(target / MANIFEST, file.read(MAX_JSON_BYTES))
    files.sync_folder(target)
