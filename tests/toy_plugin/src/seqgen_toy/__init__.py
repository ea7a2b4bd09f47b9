"""A plugin for seqgen with a part of each kind and a command, written with what the contracts give and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqgen

if TYPE_CHECKING:
    import typer

    from seqgen.core.hookspecs import Register

SEQGEN_CONTRACT = "1.0"


@seqgen.hookimpl
def register_tokenizers(register: Register) -> None:
    register("case", "seqgen_toy.case:CaseTokenizer", summary="lower case characters, and a token for a capital")


@seqgen.hookimpl
def register_datasets(register: Register) -> None:
    register("paragraphs", "seqgen_toy.paragraphs:ParagraphsDataset", summary="text files, each paragraph one document")


@seqgen.hookimpl
def register_backends(register: Register) -> None:
    register("counting", "seqgen_toy.counting:CountingBackend", summary="bigrams, trained by counting")


@seqgen.hookimpl
def register_samplers(register: Register) -> None:
    register("no-stutter", "seqgen_toy.no_stutter:NoStutter", summary="no token too many times in a row")


@seqgen.hookimpl
def register_callbacks(register: Register) -> None:
    register("tally", "seqgen_toy.tally:Tally", summary="a line a run, in a file")


@seqgen.hookimpl
def register_commands(app: typer.Typer) -> None:
    from seqgen_toy.alphabet import alphabet

    app.command()(alphabet)
