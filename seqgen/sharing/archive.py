"""A model as one file: a zip of its folder, the same bytes each time; reading one never writes more than it holds.

The files lie at the top of the archive, as they are, without compression: weights are noise to a compressor, another
version of zlib would write other bytes, and what is not compressed cannot grow.  ``manifest.json`` comes first, then the
others by name; every date is 1980-01-01, the first that a zip can have, and every mode 0644.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from seqgen import files
from seqgen.checkpoint import SavedModel
from seqgen.core.catalog import Catalog
from seqgen.core.errors import DamagedModelError, ModelNotFoundError
from seqgen.manifest import MANIFEST
from seqgen.sharing.arrival import MAX_FILES, check_space, is_file_name, read_listed, receive
from seqgen.untrusted import CHUNK, MAX_JSON_BYTES, BoundedFile, read_json, shown


def export_zip(saved: SavedModel, target: Path, _catalog: Catalog) -> None:
    """Write the model's files into one, each held against the manifest on the way.

    Raises:
        DamagedModelError: a file is not what was written.
        OutputError: the file cannot be written.
    """
    listed = read_listed(saved.manifest, where=saved.where)
    with files.writing(target), target.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            _add(archive, saved.folder / MANIFEST, where=f"{saved.where}/{MANIFEST}")
            for name in sorted(listed):
                where = f"{saved.where}/{name}"
                if _add(archive, saved.folder / name, where=where) != listed[name].sha256:
                    raise DamagedModelError(
                        f"{where}: its bytes are not those that were written; the model was altered or damaged."
                    )
        file.flush()
        os.fsync(file.fileno())


def import_zip(source: Path, folder: Path) -> None:
    """Unpack a model into an empty folder: exactly the files of its manifest, each with its size and sha256.

    Raises:
        ModelNotFoundError: there is no such file.
        DamagedModelError: it is no such archive; says which entry is wrong.
        OutputError: the folder cannot be written.
    """
    if not source.is_file():
        raise ModelNotFoundError(f"There is no file {source}.")
    where = source.name
    with _refusing(where), BoundedFile(source) as file, zipfile.ZipFile(file) as archive:
        entries = _entries(archive, source.stat().st_size, where=where)
        check_space(folder, sum(entry.file_size for entry in entries.values()), where=where)
        with archive.open(entries[MANIFEST]) as content:
            files.write_bytes(folder / MANIFEST, b"".join(iter(lambda: content.read(CHUNK), b"")))
        listed = read_listed(read_json(folder / MANIFEST, where=f"{where}/{MANIFEST}"), where=where)
        if strangers := sorted(entries.keys() - listed.keys() - {MANIFEST}):
            raise DamagedModelError(f"{where}/{strangers[0]}: the manifest does not list it.")
        if missing := sorted(listed.keys() - entries.keys()):
            raise DamagedModelError(f"{where}/{missing[0]}: the file is missing.")
        for name, expected in listed.items():
            with archive.open(entries[name]) as content:
                receive(content, folder / name, expected, where=f"{where}/{name}")


def _add(archive: zipfile.ZipFile, path: Path, *, where: str) -> str:
    """Add a file; its sha256.

    Raises:
        DamagedModelError: it cannot be read.
        OSError: the archive cannot be written.
    """
    entry = zipfile.ZipInfo(path.name, (1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix, wherever this runs
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    digest = hashlib.sha256()
    with contextlib.ExitStack() as opened:
        with _reading(where):
            file = opened.enter_context(path.open("rb"))
            entry.file_size = path.stat().st_size  # which settles whether the entry takes 64-bit sizes
        copy = opened.enter_context(archive.open(entry, "w"))
        while True:
            with _reading(where):
                block = file.read(CHUNK)
            if not block:
                return digest.hexdigest()
            digest.update(block)
            copy.write(block)


@contextlib.contextmanager
def _reading(where: str) -> Iterator[None]:
    """Turn the system's refusal to read into a sentence, or the archive would be blamed."""
    try:
        yield
    except OSError as error:
        raise DamagedModelError(f"{where} cannot be read: {error.strerror or error}.") from error


def _entries(archive: zipfile.ZipFile, size: int, *, where: str) -> dict[str, zipfile.ZipInfo]:
    """The entries by name, each a plain file that lies in the archive as it is."""
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        name = entry.orig_filename
        kind = stat.S_IFMT(entry.external_attr >> 16)
        at = f'{where}: entry "{shown(name)}"'
        if not is_file_name(name) or kind not in (0, stat.S_IFREG):
            raise DamagedModelError(f"{at} is not a plain file of the model's folder.")
        if name in found:
            raise DamagedModelError(f"{at} is there twice.")
        if entry.flag_bits & 0x1:
            raise DamagedModelError(f"{at} is encrypted.")
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise DamagedModelError(f"{at} is compressed, which files of a model are not: zip -0 writes them so.")
        if len(found) == MAX_FILES:
            raise DamagedModelError(f"{where}: more than {MAX_FILES} entries; a model has five to ten.")
        found[name] = entry
    if sum(entry.file_size for entry in found.values()) > size:
        raise DamagedModelError(f"{where}: its entries claim more bytes than the {size:,} of the file.")
    if MANIFEST not in found:
        raise DamagedModelError(f"{where} is not an archive of a model: {MANIFEST} is missing.")
    if found[MANIFEST].file_size > MAX_JSON_BYTES:
        raise DamagedModelError(
            f"{where}/{MANIFEST}: {found[MANIFEST].file_size:,} bytes are more than such a file can have."
        )
    return found


@contextlib.contextmanager
def _refusing(where: str) -> Iterator[None]:
    """Turn what zipfile raises into a sentence."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        struct.error,
    ) as error:
        # ValueError: names that are not UTF-8, dates and offsets that are none; RuntimeError: encrypted.
        raise DamagedModelError(f"{where} is not an archive of a model: {error or type(error).__name__}.") from error
