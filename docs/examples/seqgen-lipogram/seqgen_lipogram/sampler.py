from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_doc import Doc
from array_api_compat import array_namespace, device

from seqgen.core.sampler import Sampler, Stage
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Array, Ids


@dataclass(kw_only=True)
class Lipogram(Sampler):
    """Leave only tokens without these letters, as Georges Perec wrote a novel without e (1969, La Disparition)."""

    stage: ClassVar[Stage] = Stage.CONSTRAINT

    letters: Annotated[str, Doc("letters that are not written, in either case")] = "e"
    _allowed: Any = field(init=False, repr=False)  # (V,)

    def begin(self, prompt_ids: Ids, tokenizer: Tokenizer) -> None:
        texts = [str(tokenizer.decode(np.array([token]))) for token in range(tokenizer.vocab_size)]
        self._allowed = np.array([not set(self.letters.lower()) & set(text.lower()) for text in texts])

    def adjust(self, logits: Array) -> Array:  # (B, V) -> (B, V)
        xp = array_namespace(logits)
        left = xp.where(xp.asarray(self._allowed, device=device(logits)), logits, -xp.inf)
        return xp.where(xp.any(left > -xp.inf, axis=-1, keepdims=True), left, logits)  # never nothing
