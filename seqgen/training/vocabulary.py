"""What a corpus has that the vocabulary of a model lacks, where training goes on from the model."""

from __future__ import annotations

from typing import Literal, TypeAlias

from seqgen.checkpoint import SavedModel
from seqgen.core.canonical import GATES
from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, OptionError
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Ids
from seqgen.data.reading import contents

Unseen: TypeAlias = Literal["refuse", "extend", "nearest"]
"""What to do about symbols that a model does not know."""

NAMED = 10
"""Symbols that the sentence names at most."""


def known_or_extended(
    tokenizer: Tokenizer, dataset: Dataset, parent: SavedModel, unseen: Unseen
) -> tuple[Tokenizer, Ids | None]:
    """The tokenizer to go on with, and, where it is another one, (V,) the id that each of the model's ids has in it.

    Raises:
        CorpusError: the corpus has symbols that the model lacks, and ``unseen`` says to refuse them.
        OptionError: the vocabulary cannot be extended.
    """
    if unseen == "nearest":
        return tokenizer, None
    missing: dict[str, str | None] = {}
    for content in contents(dataset, tokenizer):
        missing |= tokenizer.missing(content)
    if not missing:
        return tokenizer, None
    if unseen == "refuse":
        nearest = [
            f"{_shown(symbol)} as {_shown(near)}" for symbol, near in sorted(missing.items()) if near is not None
        ]
        as_what = f" ({', '.join(nearest[:NAMED])}{', ...' if len(nearest) > NAMED else ''})" if nearest else ""
        msg = (
            f"The corpus has {_named(missing)}, which {parent.where} does not know.  To learn them: --unseen extend.  "
            f"To read each as its nearest, or leave it out: --unseen nearest{as_what}"
        )
        raise CorpusError(msg)
    shape = parent.config.model
    reason = ""
    if shape.input_encoding == "scalar":
        reason = "with scalar input a token's number among all others counts, which more of them would change"
    elif shape.architecture not in GATES:
        reason = f'how architecture "{shape.architecture}" keeps its tokens is known to its backend alone'
    elif extended := tokenizer.extended(contents(dataset, tokenizer)):
        return extended
    reason = reason or "its tokenizer cannot"
    msg = f"The vocabulary of {parent.where} cannot be extended by {_named(missing)}: {reason}.  Try --unseen nearest"
    raise OptionError(msg)


def _named(symbols: dict[str, str | None]) -> str:
    names = ", ".join(map(_shown, sorted(symbols)[:NAMED]))
    more = f" and {len(symbols) - NAMED:,} more" if len(symbols) > NAMED else ""
    return f"{len(symbols):,} symbol{'s' * (len(symbols) != 1)} ({names}{more})"


def _shown(symbol: str) -> str:
    return symbol if len(symbol) == 1 and symbol.isprintable() and not symbol.isspace() else ascii(symbol)
