"""``manifest.json``, which says what a model folder holds and where it came from.

Reading it imports neither NumPy nor a part, so that models can be listed at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqgen import files
from seqgen.core.errors import DamagedModelError, ModelNotFoundError
from seqgen.untrusted import is_figure, read_json, refuse_link, shown

FORMAT_VERSION = 1
WEIGHTS, CONFIG, TOKENIZER, MANIFEST, METRICS, CARD = (
    "model.safetensors",
    "config.json",
    "tokenizer.json",
    "manifest.json",
    "metrics.jsonl",
    "README.md",
)
SAMPLES = "samples.json"
NGRAMS = "ngrams.safetensors"
REQUIRED = (WEIGHTS, CONFIG, TOKENIZER, MANIFEST)


def write_manifest(folder: Path, lineage: Mapping[str, Any]) -> None:
    """Write ``manifest.json`` over the files that are in the folder now: sha256 and size of each, and the lineage.

    Raises:
        OutputError: it cannot be written, or the disk does not give back what was just written.
    """
    with files.writing(folder):
        contents = {
            path.name: {"sha256": files.sha256(path), "bytes": path.stat().st_size}
            for path in sorted(folder.iterdir())
            if path.name != MANIFEST
        }
    files.write_json(folder / MANIFEST, {"format_version": FORMAT_VERSION, "files": contents, **lineage})
    files.sync_folder(folder)


def read_manifest(folder: Path, *, where: str) -> dict[str, Any]:
    """``manifest.json``, with the names and sizes of the folder's files held against it.

    Raises:
        ModelNotFoundError: the folder is not a model.
        DamagedModelError: a file is missing, or has another size than was written.
    """
    if not folder.is_dir() or not any((folder / name).exists() for name in REQUIRED):
        msg = f"{where} is not a model: it has none of {', '.join(REQUIRED)}."
        raise ModelNotFoundError(msg)
    manifest = read_lineage(folder, where=where)
    check_sizes(folder, manifest, where=where)
    return manifest


def check_sizes(folder: Path, manifest: Mapping[str, Any], *, where: str, names: Sequence[str] | None = None) -> None:
    """Hold the names and sizes of a folder's files, or of those that are named, against its manifest.

    Raises:
        DamagedModelError: a file is missing, a link out of the folder, or has another size than was written.
    """
    listed = manifest.get("files")
    if not isinstance(listed, dict) or any(name not in listed for name in REQUIRED if name != MANIFEST):
        msg = f"{where}/{MANIFEST}: the list of files is incomplete."
        raise DamagedModelError(msg)
    for name in listed if names is None else names:
        _check_size(folder, name, listed[name], where=where)


def _check_size(folder: Path, name: str, entry: Any, *, where: str) -> None:
    path = folder / name
    if Path(name).name != name or len(name.encode("utf-8", "replace")) > 255 or not isinstance(entry, dict):
        msg = f'{where}/{MANIFEST}: "{shown(name)}" is not a file of this folder.'
        raise DamagedModelError(msg)
    if not path.is_file():
        msg = f"{where}/{name}: the file is missing."
        raise DamagedModelError(msg)
    refuse_link(path, where=f"{where}/{name}")
    if path.stat().st_size != entry.get("bytes"):
        msg = (
            f"{where}/{name}: {path.stat().st_size:,} bytes, but {shown(entry.get('bytes'))} were written; "
            "the model is damaged.  Train again, or copy it anew."
        )
        raise DamagedModelError(msg)


def read_lineage(folder: Path, *, where: str) -> dict[str, Any]:
    """``manifest.json`` alone, with the kinds of its values checked: enough to list a model.

    Raises:
        DamagedModelError: it is no manifest, or one of another format, or may not be looked at.
    """
    try:
        refuse_link(folder / MANIFEST, where=f"{where}/{MANIFEST}")
        manifest = read_json(folder / MANIFEST, where=f"{where}/{MANIFEST}")
    except PermissionError as error:
        raise DamagedModelError(f"{where}/{MANIFEST} cannot be read: {error.strerror}.") from error
    check_format(manifest, where=f"{where}/{MANIFEST}")
    faults = [
        name for name in ("results", "corpus", "versions", "machine") if not isinstance(manifest.get(name, {}), dict)
    ]
    faults += [name for name in ("created", "name") if not isinstance(manifest.get(name, ""), str)]
    if not faults:
        results, corpus = manifest.get("results", {}), manifest.get("corpus", {})
        figures = dict.fromkeys(("parameters", "steps", "seconds", "setbacks"), results) | {"characters": corpus}
        faults = [name for name, table in figures.items() if not is_figure(table.get(name, 0))]
        if (bits := results.get("bits_per_character")) is not None and not is_figure(bits):
            faults.append("bits_per_character")
        if not isinstance(results.get("backend", ""), str):
            faults.append("backend")
        if not isinstance(corpus.get("sources", []), list):
            faults.append("sources")
    if faults:
        msg = f"{where}/{MANIFEST}: {', '.join(faults)} is not what a manifest has there; the model was altered or damaged."
        raise DamagedModelError(msg)
    return manifest


def check_format(value: Mapping[str, Any], *, where: str) -> None:
    """Hold that a file of a model is of the format that is read here.

    Args:
        value: what the file says.
        where: how messages name it.

    Raises:
        DamagedModelError: it is of another, or does not say of which.
    """
    version = value.get("format_version")
    if version != FORMAT_VERSION:
        newer = type(version) is int and version > FORMAT_VERSION
        advice = "Upgrade seqgen." if newer else "The model was altered or damaged."
        msg = f"{where}: format version {shown(version)} is not {FORMAT_VERSION}, the one this seqgen reads.  {advice}"
        raise DamagedModelError(msg)


def verify(folder: Path, name: str, manifest: Mapping[str, Any], *, where: str) -> None:
    """Hash one file and hold it against the manifest.

    Raises:
        DamagedModelError: its bytes are not those that were written.
    """
    if files.sha256(folder / name) != manifest["files"][name].get("sha256"):
        msg = f"{where}/{name}: its bytes are not those that were written; the model was altered or damaged."
        raise DamagedModelError(msg)


def faults(folder: Path, *, where: str) -> list[str]:
    """All that is wrong with a model folder, in sentences: every file is read and hashed.

    Args:
        folder: the model folder.
        where: how the sentences name it.
    """
    try:
        manifest = read_lineage(folder, where=where)
    except DamagedModelError as error:
        return [str(error)]
    listed = manifest.get("files")
    listed = listed if isinstance(listed, dict) else {}
    missing = [name for name in REQUIRED if name != MANIFEST and name not in listed]
    found = [f"{where}/{MANIFEST}: the list of files lacks {', '.join(missing)}."] if missing else []
    for name, entry in listed.items():
        try:
            _check_size(folder, name, entry, where=where)
            verify(folder, name, manifest, where=where)
        except DamagedModelError as error:
            found.append(str(error))
        except OSError as error:
            found.append(f"{where}/{name}: {error.strerror or error}.")
    strangers: set[str] = set()
    with contextlib.suppress(FileNotFoundError):  # the whole folder has gone meanwhile: what of it was missing is told
        strangers = {path.name for path in folder.iterdir() if not path.name.startswith(".")} - {*listed, MANIFEST}
    return [*found, *(f"{where}/{name}: the manifest does not list it." for name in sorted(strangers))]
