"""Which version was made last, also where the clock was put back in between.

A manifest says when its model was made, by the clock of that moment, and keeps saying so.  Where that is not after all that
the registry has, the version's folder also has a file ``.order``, with a time that is: the way in which Git corrects the
dates of commits.  It is no part of the model, which may come to lie elsewhere among others: it is not in the manifest, and
is neither exported nor pushed.  But it goes along where the registry itself is copied.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from seqgen import files
from seqgen.core.errors import DamagedModelError
from seqgen.manifest import read_lineage
from seqgen.untrusted import size_of

if TYPE_CHECKING:
    from seqgen.registry.store import ModelVersion

ORDER = ".order"

_MAX_BYTES = 64
_NEVER = datetime.min.replace(tzinfo=UTC)

_END = datetime(9999, 1, 1)  # noqa: DTZ001  compared with what a clock shows, in whatever zone
"""What a stranger's manifest says must be before it, so that there is time left in which others are made afterwards."""

_END_OF_ORDER = datetime(9999, 12, 31)  # noqa: DTZ001
"""What the registry itself writes comes after all that it has, and so may be after that."""


def made(folder: Path, created: str | None = None) -> datetime:
    """When the model of a folder was made, in an order that all of a registry keep; before all others where it does not say.

    Args:
        folder: of the model.
        created: what its manifest says, where that is known already.
    """
    with contextlib.suppress(OSError, ValueError):
        path = folder / ORDER
        if size_of(path) <= _MAX_BYTES:
            return _read(path.read_text("ascii").strip(), before=_END_OF_ORDER)
    with contextlib.suppress(DamagedModelError, ValueError):
        created = read_lineage(folder, where=folder.name).get("created", "") if created is None else created
        return _read(created, before=_END)
    return _NEVER


def come_after(folder: Path, others: Iterable[ModelVersion]) -> None:
    """Let the model of a folder be one that was made after others, as it was.

    Raises:
        OutputError: it cannot be written.
    """
    latest = max((made(each.folder) for each in others), default=_NEVER)
    if made(folder) <= latest:
        files.write_bytes(folder / ORDER, f"{(latest + timedelta(microseconds=1)).isoformat()}\n".encode())
        files.sync_folder(folder)


def _read(text: str, *, before: datetime) -> datetime:
    """The moment that a text says.

    Raises:
        ValueError: none, or one that is not before the other.
    """
    moment = datetime.fromisoformat(text)
    if moment.replace(tzinfo=None) >= before:
        msg = f"{text} is no time of this clock"
        raise ValueError(msg)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
