"""Choosing among what a backend offers, with one wording of what is refused."""

from __future__ import annotations

from collections.abc import Sequence

from seqgen.core.errors import OptionError


def choose_device(backend: str, device: str, devices: Sequence[str]) -> str:
    """The device that a person means: ``auto`` for the first, ``cuda`` for the first of its family, or one by name.

    Raises:
        OptionError: it is not here.
    """
    if device == "auto":
        return devices[0]
    for known in devices:
        if device in (known, known.partition(":")[0]):
            return known
    msg = f'Backend "{backend}" finds no device "{device}" here.  It has: {", ".join(devices)}'
    raise OptionError(msg)


def check_architecture(backend: str, architecture: str, architectures: Sequence[str]) -> None:
    """Raise unless the backend builds that architecture.

    Raises:
        OptionError: it does not; names those that it builds.
    """
    if architecture not in architectures:
        msg = f'Backend "{backend}" has no architecture "{architecture}".  It has: {", ".join(architectures)}'
        raise OptionError(msg)


def check_precision(backend: str, precision: str, precisions: Sequence[str], *, where: str) -> None:
    """Raise unless the precision is one of those that work there (``auto`` aside).

    Raises:
        OptionError: it is not; names those that are.
    """
    if precision not in precisions and precision != "auto":
        msg = (
            f'Backend "{backend}" does not compute in precision "{precision}" {where}.  It has: {", ".join(precisions)}'
        )
        raise OptionError(msg)
