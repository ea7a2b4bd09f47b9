"""What models, aliases and tags may be called, and how a person refers to a version."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from seqgen.core.errors import UsageError

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
VERSION = r"[1-9][0-9]{0,8}"
HIGHEST_KEPT = 10**8
"""The highest number that a version of elsewhere keeps here: one of nine nines would be the last of its name."""

LABEL = r"[a-z0-9][a-z0-9._-]{0,39}"
"""Of an alias or a tag: what needs no quoting in a shell and cannot be taken for an option."""

LATEST, BEST = "latest", "best"
COMPUTED = (LATEST, BEST)
"""Aliases that every model has, and that nobody sets."""


@dataclass(frozen=True)
class Reference:
    """A version as a person names it; with neither number nor alias, the latest."""

    name: str
    version: int | None = None
    alias: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """``NAME``, ``NAME:3`` or ``NAME@alias``.

        Raises:
            UsageError: none of these.
        """
        match = re.fullmatch(rf"({NAME})(?::([0-9]{{1,9}})|@({LABEL}))?", text)
        if not match:
            forms = "NAME, NAME:VERSION, NAME@ALIAS or the path of a model folder."
            if "/" in text or os.sep in text or text in (os.curdir, os.pardir):  # who takes paths too, has looked there
                forms = "NAME, NAME:VERSION or NAME@ALIAS.  Here only models of the registry are taken, no paths."
            msg = f'"{text}" is not a model: write {forms}'
            raise UsageError(msg)
        name, number, alias = match.groups()
        return cls(name, int(number) if number is not None else None, alias)

    @property
    def bare(self) -> bool:
        """Whether it is a name alone."""
        return self.version is None and self.alias is None


def check_name(name: str) -> None:
    """Refuse a name that is no model name.

    Raises:
        UsageError: says what is allowed.
    """
    if not re.fullmatch(NAME, name):
        msg = f'"{name}" is not a model name: letters, digits, dot, hyphen and underscore, at most 100, first a letter or digit.  Letters are A to Z.'
        raise UsageError(msg)


def check_label(kind: str, label: str) -> None:
    """Refuse what cannot be an alias or a tag.

    Args:
        kind: ``alias`` or ``tag``, for the message.
        label: as it was written.

    Raises:
        UsageError: says what is allowed.
    """
    if not re.fullmatch(LABEL, label):
        msg = (
            f'"{label}" cannot be {"an" if kind == "alias" else "a"} {kind}: lower-case letters, digits, dot, hyphen and '
            "underscore, at most 40, first a letter or digit."
        )
        raise UsageError(msg)
    if kind == "alias" and label in COMPUTED:
        msg = f"@{label} follows from the versions that there are and cannot be set.  Choose another alias."
        raise UsageError(msg)
