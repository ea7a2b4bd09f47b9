"""What all texts of one call have in common: its arguments, held to what can be used, and the prompt as the model has read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TypedDict

from seqgen.core.backend import Model
from seqgen.core.sampler import Sampler
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.generation.batch import Prefix, Sequences
from seqgen.generation.chain import Forbid
from seqgen.generation.length import longest
from seqgen.generation.lines import LineWriter, PrefixLines
from seqgen.generation.memory import enough_memory, refuse_unholdable
from seqgen.generation.prompt import readable
from seqgen.generation.writer import Writer, stop_texts


class SearchOptions(TypedDict, total=False):
    """What all texts of one call have in common, whether they are drawn or searched for; :class:`Start` has the defaults.

    Attributes:
        samplers: the chain, in any order (see :func:`seqgen.generation.chain.in_order`); none: plain softmax.
        stop: texts (bytes, for binary media) at whose first occurrence a text ends, just before it.
        end_id: the token at which a text ends; None if there is none.
        forbid: tokens that no text has.
        characters: how many characters (bytes, for binary media) a text has at most; None for no end.
        on_read: called with the number of tokens of the prompt that the model has read so far, for progress; after the last,
            before anything is written.
    """

    samplers: Iterable[Sampler]
    stop: Sequence[Content]
    end_id: int | None
    forbid: Iterable[int]
    characters: int | None
    on_read: Callable[[int], None] | None


class TextOptions(SearchOptions, total=False):
    """What texts that are drawn have in common: all of :class:`SearchOptions`, and what the draws and given lines need.

    Attributes:
        random_seed: fixes the draws.
        prefix_lines: what the lines start with; the lengths then bound what is added to each line.
    """

    random_seed: int
    prefix_lines: PrefixLines | None


@dataclass(eq=False)
class Start:
    """Where texts begin, all from the same prompt.

    Args:
        model: gives logits.
        tokenizer: decodes, and is shown to the samplers.
        prompt_ids: (T,) what to go on from.
        length: how many tokens a text has at most; None for no end.
        held: how many texts are held until they are whole; None where the one that there is goes out in pieces.
        samplers, stop, end_id, forbid, characters, on_read, random_seed, prefix_lines: see :class:`TextOptions`.

    Attributes:
        samplers: those that were given, with one before them that leaves out the tokens that are never drawn, if there are any.
        text_length: how many tokens or characters are written for a text at most; None where nothing bounds it.
        prefix: the prompt, which the model has read.

    Raises:
        PromptError: the prompt is empty.
        OptionError: a stop text that is empty or of the wrong type, a length below 0, or texts to be held that are longer
            together than what may be held, or have no length.
        GenerationError: memory does not suffice for the model to read the prompt.
    """

    model: Model
    tokenizer: Tokenizer
    prompt_ids: Ids
    _: KW_ONLY
    length: int | None
    held: int | None
    samplers: Iterable[Sampler] = ()
    stop: Sequence[Content] = ()
    end_id: int | None = None
    forbid: Iterable[int] = ()
    characters: int | None = None
    on_read: Callable[[int], None] | None = None
    random_seed: int = 0
    prefix_lines: PrefixLines | None = None
    text_length: int | None = field(init=False)
    prefix: Prefix = field(init=False)

    def __post_init__(self) -> None:
        self.prompt_ids = readable(self.prompt_ids)
        forbidden = tuple(sorted(set(self.forbid)))
        self.samplers = (*((Forbid(forbidden),) if forbidden else ()), *self.samplers)
        self.stop = stop_texts(self.stop)
        # What cannot be used is found out now, and not when the prompt has been read.
        self.writer()
        self.text_length = longest(self.length, self.characters)
        if self.text_length is not None and self.prefix_lines is not None:
            self.text_length *= len(self.prefix_lines.texts)
        if self.held is not None:
            refuse_unholdable(self.held, self.text_length)
        with enough_memory(self.model, f"for this model to read a prompt of {len(self.prompt_ids):,} tokens"):
            self.prefix = Prefix(self.model, self.prompt_ids, self.on_read)

    def writer(self) -> Writer | LineWriter:
        """What takes the ids of one text and gives what they stand for."""
        if self.prefix_lines is not None:
            return LineWriter(
                self.tokenizer,
                self.prefix_lines,
                length=self.length,
                stop=self.stop,
                end_id=self.end_id,
                characters=self.characters,
            )
        return Writer(
            self.tokenizer,
            length=self.length,
            stop=self.stop,
            end_id=self.end_id,
            characters=self.characters,
            after=self.prompt_ids,
        )

    def batch(self, numbers: Sequence[int]) -> Sequences:
        """The sequences with these numbers, side by side."""
        # In lines that start with given texts the length bounds what is added to each, and not the whole.
        length = self.length if self.prefix_lines is None else None
        return Sequences(self.model, self.tokenizer, self.prefix, numbers, self.samplers, self.random_seed, length)
