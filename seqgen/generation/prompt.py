"""From a prompt to the ids that the model reads first, and which token ends a text."""

from __future__ import annotations

import numpy as np

from seqgen.core.errors import PromptError
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.generation.writer import nothing


def readable(prompt_ids: Ids) -> Ids:
    """The ids (T,) as an array.

    Raises:
        PromptError: there are none.
    """
    if len(prompt_ids) == 0:
        raise PromptError("The prompt is empty, so there is nothing to go on from.  Give some text with --seed")
    return np.asarray(prompt_ids)


def opening(tokenizer: Tokenizer, prompt: Content, *, has_ends: bool) -> Ids:
    """The ids (T,) that a text begins after, T at least 1.

    Where the corpus had several documents, a text starts as they did: after the end token.  Otherwise an empty prompt
    stands for a new line, or whatever token comes first where the vocabulary has none.
    """
    ids = np.asarray(tokenizer.encode(prompt), np.int64)
    if has_ends and tokenizer.end_id is not None:
        return np.concatenate([np.array([tokenizer.end_id], np.int64), ids])
    if not len(ids):
        ids = np.asarray(tokenizer.encode("\n" if nothing(tokenizer) == "" else b"\n"), np.int64)
    return ids if len(ids) else np.zeros(1, np.int64)


def without_unread_ends(tokenizer: Tokenizer, prompt: Content) -> Content:
    """The prompt without the line ends at its end, where the tokenizer knows line ends and makes no token of these.

    Such a tokenizer, as that of ABC notation, writes a line end of its own before what follows; with the one of the prompt there
    would be an empty line, which ends a tune.
    """
    if not isinstance(prompt, str) or len(tokenizer.encode("\n")) or tokenizer.missing("\n"):
        return prompt
    shorter = prompt.rstrip("\r\n")
    return shorter if np.array_equal(tokenizer.encode(shorter), tokenizer.encode(prompt)) else prompt


def ending(tokenizer: Tokenizer, *, has_ends: bool) -> tuple[int | None, tuple[int, ...]]:
    """The token that ends a text, if any, and those that are never drawn.

    An end token that the corpus never held has a small probability all the same; it must not be drawn.
    """
    end_id = tokenizer.end_id
    if has_ends or end_id is None:
        return end_id, ()
    return None, (end_id,)
