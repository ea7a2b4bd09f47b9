"""What seqgen finds of this plugin: names and summaries.  Nothing heavy is imported to list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqgen

if TYPE_CHECKING:
    import typer

    from seqgen.core.hookspecs import Register

SEQGEN_CONTRACT = "1.0"


@seqgen.hookimpl
def register_datasets(register: Register) -> None:
    """``abc``."""
    register("abc", "seqgen_music.abc.dataset:AbcDataset", summary="tune books in ABC, each tune one document")


@seqgen.hookimpl
def register_tokenizers(register: Register) -> None:
    """``abc``."""
    register("abc", "seqgen_music.abc.tokenizer:AbcTokenizer", summary="musical tokens of ABC tunes")


@seqgen.hookimpl
def register_commands(app: typer.Typer) -> None:
    """``seqgen music``, a group of commands."""
    from seqgen_music.commands.group import music

    app.add_typer(music, name="music")
