"""The kinds of parts that plugins add."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from seqgen.core.errors import UsageError
from seqgen.core.nearest import nearest_in_words

Kind: TypeAlias = Literal["tokenizer", "dataset", "backend", "sampler", "callback"]

KINDS: tuple[Kind, ...] = get_args(Kind)
"""All of them, in the order in which they are listed."""


def checked_kind(name: str) -> Kind:
    """The kind that a person names.

    Raises:
        UsageError: there is none of that name; names the nearest.
    """
    for kind in KINDS:
        if kind == name:
            return kind
    msg = f'No kind of part "{name}".{nearest_in_words(name, KINDS, most=1)}  There are: {", ".join(KINDS)}'
    raise UsageError(msg)
