"""A generation of which everything is settled, ready to be streamed, sampled, or searched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqgen.core.backend import Model
from seqgen.core.errors import OptionError
from seqgen.core.sampler import Sampler
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.generation.generate import Sample, generate, stream
from seqgen.generation.length import Length, at_least
from seqgen.generation.lines import PrefixLines
from seqgen.generation.start import SearchOptions, TextOptions
from seqgen.generation.stream import Stream
from seqgen.generation.writer import nothing


@dataclass(frozen=True)
class Generation:
    """A generation with everything settled: prompt, chain, seed.  Made by :meth:`seqgen.language_model.LanguageModel.prepare`.

    Attributes:
        prompt: what the text goes on from, as ``whole`` joins it: as given, but for a line end after it, which is added before
            ``prefix_lines`` and left out where the tokenizer writes one of its own.
        prompt_ids: (T,) what the model reads first.
        beam: how many texts ``search`` keeps; None where texts are drawn.
        prefix_lines: what the lines start with; None where the model writes freely.
        random_seed: fixes the draws.
        on_read: called with the number of tokens of the prompt that the model has read so far, for progress.
    """

    prompt: Content
    prompt_ids: Ids
    prefix_lines: PrefixLines | None
    beam: int | None
    random_seed: int
    length: Length
    samplers: tuple[Sampler, ...]
    stop: tuple[Content, ...]
    end_id: int | None
    forbid: tuple[int, ...]
    model: Model
    tokenizer: Tokenizer
    on_read: Callable[[int], None] | None = None

    def stream(self) -> Stream:
        """The first sample, piece by piece.

        Raises:
            OptionError: a beam was asked for, which ``search`` is for.
        """
        self._refuse_beam()
        return stream(self.model, self.tokenizer, self.prompt_ids, length=self.length.tokens, **self._drawing())

    def samples(
        self,
        num_samples: int,
        *,
        numbers: Iterable[int] | None = None,
        on_step: Callable[[int], None] | None = None,
        on_sample: Callable[[Sample], None] | None = None,
        keep: bool = True,
        log_probabilities: bool = False,
    ) -> list[Sample]:
        """Samples 0 to num_samples - 1; see :func:`seqgen.generation.generate.generate`.

        Raises:
            OptionError: also where a beam was asked for, which ``search`` is for.
        """
        self._refuse_beam()
        return generate(
            self.model,
            self.tokenizer,
            self.prompt_ids,
            length=self.length.tokens,
            num_samples=num_samples,
            numbers=numbers,
            on_step=on_step,
            on_sample=on_sample,
            keep=keep,
            log_probabilities=log_probabilities,
            **self._drawing(),
        )

    def search(self) -> Sample:
        """The likeliest text that a beam finds; see :func:`seqgen.generation.beam.beam_search`.

        Raises:
            OptionError: also where no beam was asked for, which ``samples`` and ``stream`` are for.
        """
        from seqgen.generation.beam import beam_search

        if self.beam is None:
            raise OptionError("search keeps the texts of a beam, and none was asked for: give beam, or call samples.")
        return beam_search(
            self.model,
            self.tokenizer,
            self.prompt_ids,
            width=self.beam,
            length=self.length.tokens,
            **self._searching(),
        )

    def best_of(
        self,
        num_samples: int,
        *,
        on_step: Callable[[int], None] | None = None,
        on_sample: Callable[[Sample], None] | None = None,
    ) -> Sample:
        """Of samples 0 to num_samples - 1 the one that the model, before the samplers, finds likeliest per character.

        All tokens that were drawn count with their characters, those of a stop text included, and the end token as one; what
        lines were given to start with does not, as the prompt does not.  Where documents are framed, it is the likeliest per
        token, for their bytes are not those of the tokens alone.  Among equals it is the first; no other is kept.
        """
        at_least(1, best_of=num_samples)
        best: list[Sample] = []

        def compare(sample: Sample) -> None:
            best[:] = [max([*best, sample], key=self._likelihood)]
            if on_sample is not None:
                on_sample(sample)

        self.samples(num_samples, on_step=on_step, on_sample=compare, keep=False, log_probabilities=True)
        return best[0]

    def whole(self, sample: Sample) -> Content:
        """The prompt and a sample as one document."""
        if self.tokenizer.framed:
            return sample.text
        texts: list[Any] = [self.prompt, sample.text]  # both str, or both bytes
        return nothing(self.tokenizer).join(texts)  # type: ignore[no-any-return]

    def _likelihood(self, sample: Sample) -> tuple[float, int]:
        """How likely per character, and among equals how early a sample is."""
        drawn = sample.drawn
        count = len(drawn)
        if not self.tokenizer.framed:  # not those of the text, which lacks what ended it, whose probability counts too
            count = self.tokenizer.characters(drawn) + int(np.count_nonzero(drawn == self.end_id))
        return (sample.log_probability or 0.0) / max(1, count), -sample.number

    def _refuse_beam(self) -> None:
        if self.beam is not None:
            raise OptionError(f"beam is {self.beam}, which takes the place of drawing: call search, or leave it out.")

    def _drawing(self) -> TextOptions:
        """The options of texts that are drawn."""
        return {**self._searching(), "random_seed": self.random_seed, "prefix_lines": self.prefix_lines}

    def _searching(self) -> SearchOptions:
        """Those among them that a search has too."""
        return {
            "characters": self.length.characters,
            "samplers": self.samplers,
            "stop": self.stop,
            "end_id": self.end_id,
            "forbid": self.forbid,
            "on_read": self.on_read,
        }
