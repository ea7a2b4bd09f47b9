"""The arrays of an HDF5 file that may come from a stranger, read by h5py: float arrays that lie in the file as they are.

Refused is everything by which a file could reach beyond itself, or ask for more memory than it has bytes: links to other
files and soft links, data in other files, virtual data, chunks and filters (a filter may be a library that HDF5 loads),
references, and every type that is no float.  Of attributes only the names are read: for a text of variable length HDF5 takes as
much memory as the text claims to have, up to 4 GiB.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from seqgen.core.errors import DamagedModelError, MissingDependencyError
from seqgen.untrusted import shown

MAX_ENTRIES = 4096
"""Groups and arrays that are looked at; a network of ten layers has a hundred."""

MAX_DEPTH = 16


def attributes_among(names: Collection[str], source: Path, *, where: str) -> set[str]:
    """Which of these attributes the root of the file has.

    Raises:
        MissingDependencyError, DamagedModelError: as for :func:`read_arrays`.
    """
    with _opened(source, where=where) as file:
        return {name for name in names if name in file.attrs}


def read_arrays(
    source: Path | IO[bytes], size: int, *, skip: tuple[str, ...], where: str
) -> dict[str, npt.NDArray[np.float32]]:
    """Every array of at most two dimensions by its path, such as ``layers/lstm/cell/vars/0``, as float32.

    Args:
        source: the file.
        size: its bytes; no more are taken for the arrays together.
        skip: names of groups that are passed over, wherever they are.
        where: how messages name it.

    Raises:
        MissingDependencyError: h5py is not installed.
        DamagedModelError: not HDF5, or it has something that is refused; names it.
    """
    with _opened(source, where=where) as file:
        found = dict(_datasets(file, skip=skip, where=where))
        left = size
        for name, dataset in found.items():
            _check(name, dataset, left, where=where)
            left -= dataset.nbytes
        return {name: np.asarray(dataset[()], np.float32) for name, dataset in found.items()}


@contextlib.contextmanager
def _opened(source: Path | IO[bytes], *, where: str) -> Iterator[Any]:
    """The file, with what goes wrong in it told in a sentence."""
    try:
        import h5py
    except ImportError as error:
        msg = 'Reading what Keras wrote needs h5py, which is not installed.  pip install "seqgen[h5]"'
        raise MissingDependencyError(msg) from error
    try:
        with h5py.File(source, "r") as file:
            yield file
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, OverflowError, NotImplementedError) as error:
        raise DamagedModelError(f"{where}: cannot be read as HDF5: {shown(error)}") from error


def _datasets(file: Any, *, skip: tuple[str, ...], where: str) -> Iterator[tuple[str, Any]]:
    """Every array and its path, by a walk along plain links that meets nothing twice."""
    import h5py

    met: set[int] = set()
    waiting = [("", file)]
    while waiting:
        prefix, group = waiting.pop()
        for name in group:
            path = f"{prefix}{name}"
            if name in skip:
                continue
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise DamagedModelError(f'{where}: "{shown(path)}" is a link to somewhere else; not followed.')
            entry = group[name]
            address = h5py.h5o.get_info(entry.id).addr
            if address in met or len(met) >= MAX_ENTRIES or path.count("/") >= MAX_DEPTH:
                raise DamagedModelError(
                    f'{where}: "{shown(path)}" is there twice, or there are too many entries; not read.'
                )
            met.add(address)
            if isinstance(entry, h5py.Group):
                waiting.append((f"{path}/", entry))
            elif isinstance(entry, h5py.Dataset):
                yield path, entry
            else:
                raise DamagedModelError(f'{where}: "{shown(path)}" is neither a group nor an array.')


def _check(name: str, dataset: Any, left: int, *, where: str) -> None:
    import h5py

    kept = dataset.id.get_create_plist()
    if (
        kept.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT)
        or kept.get_external_count()
        or kept.get_nfilters()
    ):
        raise DamagedModelError(
            f'{where}: array "{shown(name)}" does not lie in the file as it is (it is chunked, compressed, virtual or '
            "elsewhere); not read."
        )
    if dataset.shape is None or dataset.ndim > 2 or dataset.dtype.kind != "f":
        raise DamagedModelError(
            f'{where}: array "{shown(name)}" is {dataset.dtype} of shape {dataset.shape}, and no weight.'
        )
    if dataset.nbytes > left:
        raise DamagedModelError(
            f'{where}: array "{shown(name)}" claims {dataset.nbytes:,} bytes, more than the file has; not read.'
        )
