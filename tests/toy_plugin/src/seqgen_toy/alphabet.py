"""``seqgen alphabet``."""

from __future__ import annotations

from typing import Annotated

import typer


def alphabet(
    model: Annotated[str | None, typer.Argument(help="A model; default: the one trained last.")] = None,
) -> None:
    """Every token that a model can write, a line each."""
    import numpy as np

    import seqgen

    tokenizer = seqgen.load(model).tokenizer
    for token in range(tokenizer.vocab_size):
        typer.echo(repr(tokenizer.decode(np.array([token]))))
