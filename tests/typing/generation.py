"""The options of a generation, which mypy knows by name where they are handed on: mypy reads this file, and nobody runs it."""

from __future__ import annotations

from seqgen.core.backend import Model
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Ids
from seqgen.generation.beam import beam_search
from seqgen.generation.generate import generate, stream
from seqgen.generation.start import SearchOptions, Start, TextOptions


def written(model: Model, tokenizer: Tokenizer, ids: Ids, drawing: TextOptions, searching: SearchOptions) -> None:
    stream(model, tokenizer, ids, length=400, **drawing)
    generate(model, tokenizer, ids, length=None, characters=400, random_seed=1, num_samples=5)
    beam_search(model, tokenizer, ids, length=400, width=4, **searching)
    Start(model, tokenizer, ids, length=400, held=None, **drawing)


def refused(model: Model, tokenizer: Tokenizer, ids: Ids, drawing: TextOptions) -> None:
    """What mypy does not refuse here, it reports as an ignore without use."""
    stream(model, tokenizer, ids, length=400, charcters=400)  # type: ignore[call-arg]
    generate(model, tokenizer, ids, length=400, stop=3)  # type: ignore[arg-type]
    beam_search(model, tokenizer, ids, length=400, width=4, random_seed=1)  # type: ignore[call-arg]
    beam_search(model, tokenizer, ids, length=400, width=4, **drawing)  # type: ignore[misc]
    TextOptions(charcters=400)  # type: ignore[typeddict-unknown-key]
