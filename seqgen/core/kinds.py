"""The kinds of parts that plugins add."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["tokenizer", "dataset", "backend", "sampler", "callback"]

KINDS: tuple[Kind, ...] = get_args(Kind)
"""All of them, in the order in which they are listed."""
