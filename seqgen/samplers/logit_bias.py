"""Logit bias: texts of one's choice made likelier or less likely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from annotated_doc import Doc

from seqgen.core.errors import OptionError
from seqgen.core.options import AnyKey
from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids
from seqgen.samplers.arrays import LOWEST, namespace, number, ordinary

_LARGEST = 1e30
"""No bias is larger, so that float32 can hold sums of them."""


@dataclass(kw_only=True)
class LogitBias(Sampler):
    """Add to the logit of the token that would complete a text: ``e=-5`` all but bans the letter e.

    A text of one token gets its weight everywhere.  Of a text of several, the last token gets it where the tokens before
    it have just come, in the prompt or since, and no other does: ``zebra=-50`` keeps the word from being completed, and
    ``zebra=5`` raises what is begun.  Texts are divided into tokens as they are when they stand alone, and one with symbols
    that the model lacks is refused.  Weights for the same token add up.
    """

    stage: ClassVar[Stage] = Stage.PENALTY

    bias: Annotated[
        Mapping[str, float],
        AnyKey("TEXT", "WEIGHT", "the=2,zebra=-5"),
        Doc("what is added to the logit of each text, in nats; without any, nothing changes"),
    ] = field(default_factory=dict)

    _always: npt.NDArray[np.float32] = field(init=False, repr=False, compare=False)  # (V,) for texts of one token
    _longer: list[tuple[tuple[int, ...], int, float]] = field(init=False, repr=False, compare=False)
    """For each text of several tokens: those before the last, the last, and the weight."""
    _reach: int = field(init=False, repr=False, compare=False)  # how many tokens the longest text has before its last
    _last: list[tuple[int, ...]] = field(init=False, repr=False, compare=False)  # B times the last _reach tokens

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        """Divide the texts into tokens, and remember the end of the prompts (B, T).

        Raises:
            OptionError: a text has symbols that the model lacks.
        """
        self._always = np.zeros(tokenizer.vocab_size, np.float32)
        self._longer = []
        for text, given in self.bias.items():
            weight = min(max(given, -_LARGEST), _LARGEST)
            ids = tokenizer.encode(text)
            lacking = ", ".join(map(repr, tokenizer.missing(text)))
            if lacking or not len(ids):
                why = f": its vocabulary lacks {lacking}" if lacking else ""
                msg = f'sampler logit-bias: the model cannot write the text "{text}"{why}.  Leave it out'
                raise OptionError(msg)
            if len(ids) == 1:
                self._always[ids[0]] += weight
            else:
                self._longer.append((tuple(ids[:-1].tolist()), int(ids[-1]), weight))
        self._reach = max((len(before) for before, _, _ in self._longer), default=0)
        start = max(prompt_ids.shape[1] - self._reach, 0)
        self._last = [tuple(ids) for ids in prompt_ids[:, start:].tolist()]

    def adjust(self, logits: Array) -> Array:
        """(B, V) -> (B, V); what was finite stays finite."""
        if not self.bias:
            return logits
        begun = [
            (row, token, weight)
            for row, last in enumerate(self._last)
            for before, token, weight in self._longer
            if last[-len(before) :] == before
        ]
        bias = self._always[None]  # (1, V), the same for all rows
        if begun:
            bias = np.repeat(bias, logits.shape[0], axis=0)  # (B, V)
            for row, token, weight in begun:
                bias[row, token] += weight
        xp = namespace(logits)
        if xp is not np:
            bias = xp.asarray(bias, device=logits.device)
        if ordinary(logits, _LARGEST):
            return logits + bias
        with np.errstate(over="ignore"):
            added = xp.minimum(logits + bias, number(logits, -LOWEST))
        return xp.maximum(added, xp.minimum(logits, number(logits, LOWEST)))

    def accept(self, ids: Ids) -> None:
        """Remember these ids (B,) as the last ones."""
        if self._reach:
            self._last = [(*last, token)[-self._reach :] for last, token in zip(self._last, ids.tolist(), strict=True)]

    def select(self, rows: Ids) -> None:
        """Keep only what is remembered of these rows (B',)."""
        self._last = [self._last[row] for row in rows]
