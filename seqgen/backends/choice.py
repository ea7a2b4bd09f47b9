"""Choosing among what a backend offers, with one wording of what is refused."""

from __future__ import annotations

from collections.abc import Sequence

from seqgen.backends.processor import bfloat16_is_faster
from seqgen.core.errors import OptionError
from seqgen.core.spec import Precision


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


def choose_precision(backend: str, precision: Precision, precisions: Sequence[str], *, device: str, where: str) -> str:
    """The precision that a person means: one by name, or for ``auto`` bfloat16 where the device is known to be faster in it.

    Args:
        backend: for the message.
        precision: that was asked for.
        precisions: those that work there, float32 among them.
        device: that was chosen.
        where: for the message, as ``on cpu``.

    Raises:
        OptionError: it is none of those that work there; names those.
    """
    if precision == "auto":
        # Of GPUs it is not known, for it was not measured there.
        faster = "bfloat16" in precisions and device == "cpu" and bfloat16_is_faster()
        return "bfloat16" if faster else "float32"
    if precision not in precisions:
        msg = (
            f'Backend "{backend}" does not compute in precision "{precision}" {where}.  It has: {", ".join(precisions)}'
        )
        raise OptionError(msg)
    return precision
