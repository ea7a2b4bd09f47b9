"""A plugin for seqgen with a medium of its own: walks, a byte for each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqgen

if TYPE_CHECKING:
    from seqgen.core.hookspecs import Register


@seqgen.hookimpl
def register_tokenizers(register: Register) -> None:
    register("steps", "seqgen_steps.tokenizer:StepsTokenizer", summary="a token for each kind of step")


@seqgen.hookimpl
def register_datasets(register: Register) -> None:
    register("walks", "seqgen_steps.dataset:WalksDataset", summary="files of walks, each one document")
