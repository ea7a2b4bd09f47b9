"""What all texts of one call have in common: its arguments, held to what can be used, and the prompt as the model has read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqgen.core.backend import Model
from seqgen.core.sampler import Sampler
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.generation.batch import Prefix, Sequences
from seqgen.generation.chain import Forbid
from seqgen.generation.lines import LineWriter, PrefixLines
from seqgen.generation.memory import enough_memory
from seqgen.generation.prompt import readable
from seqgen.generation.writer import Writer, stop_texts


@dataclass(kw_only=True, eq=False)
class Start:
    """Where texts begin, all from the same prompt.

    Args:
        model, tokenizer, prompt_ids, length, samplers, stop, end_id, forbid, characters, on_read, random_seed, prefix_lines:
            as for :func:`seqgen.generation.generate.generate`.

    Attributes:
        samplers: those that were given, with one before them that leaves out the tokens that are never drawn, if there are any.
        prefix: the prompt, which the model has read.

    Raises:
        PromptError: the prompt is empty.
        OptionError: a stop text that is empty or of the wrong type, or a length below 0.
        GenerationError: memory does not suffice for the model to read the prompt.
    """

    model: Model
    tokenizer: Tokenizer
    prompt_ids: Ids
    length: int | None
    samplers: Iterable[Sampler]
    stop: Sequence[Content]
    end_id: int | None
    forbid: Iterable[int]
    characters: int | None
    on_read: Callable[[int], None] | None
    random_seed: int = 0
    prefix_lines: PrefixLines | None = None
    prefix: Prefix = field(init=False)

    def __post_init__(self) -> None:
        self.prompt_ids = readable(self.prompt_ids)
        forbidden = tuple(sorted(set(self.forbid)))
        self.samplers = (*((Forbid(forbidden),) if forbidden else ()), *self.samplers)
        self.stop = stop_texts(self.stop)
        self.writer()  # finds out now, not when the prompt has been read, whether the stop texts can be used
        with enough_memory(self.model, f"for this model to read a prompt of {len(self.prompt_ids):,} tokens"):
            self.prefix = Prefix(self.model, self.prompt_ids, self.on_read)

    def writer(self) -> Writer | LineWriter:
        """What takes the ids of one text and gives what they stand for."""
        options: dict[str, Any] = {
            "length": self.length,
            "stop": self.stop,
            "end_id": self.end_id,
            "characters": self.characters,
        }
        if self.prefix_lines is not None:
            return LineWriter(self.tokenizer, self.prefix_lines, **options)
        return Writer(self.tokenizer, after=self.prompt_ids, **options)

    def batch(self, numbers: Sequence[int]) -> Sequences:
        """The sequences with these numbers, side by side."""
        # In lines that start with given texts the length bounds what is added to each, and not the whole.
        length = self.length if self.prefix_lines is None else None
        return Sequences(self.model, self.tokenizer, self.prefix, numbers, self.samplers, self.random_seed, length)
