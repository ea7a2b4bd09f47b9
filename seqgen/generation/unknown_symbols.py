"""What is said where a prompt has symbols that a model does not know, or a stop text such as it never writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from seqgen.core.errors import OptionError, PromptError
from seqgen.core.text import fuller_form, told_apart
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content
from seqgen.evaluation import UNKNOWN_TOLD


def describe_missing(missing: Mapping[str, str | None], reference: str, *, share: float = 0.0) -> str:
    """A sentence that names symbols a model does not know, and what stands in for each; one more where they are much of a text."""
    shown = [
        f"{symbol!r} (left out)" if nearest is None else "{} (read as {})".format(*told_apart(symbol, nearest))
        for symbol, nearest in list(missing.items())[:8]
    ]
    more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
    much = f"  They are {share:.1%} of it, which no figure counts: do not compare the figures with another model's."
    return f"{reference} does not know {', '.join(shown)}{more}." + (much if share >= UNKNOWN_TOLD else "")


def tell_unknown(
    tokenizer: Tokenizer,
    prompt: Content,
    prefix_lines: Iterable[str],
    reference: str,
    *,
    strict: bool,
    warn: Callable[[str], None],
) -> None:
    """Warn of symbols of a prompt, or of what lines start with, that the vocabulary lacks.

    Args:
        tokenizer: has the vocabulary.
        prompt: empty where there is none.
        prefix_lines: what lines start with.
        reference: of the model, for the sentences.
        strict: refuse them instead.
        warn: is told.

    Raises:
        PromptError: no symbol of the prompt is known, or, with ``strict``, one is not.
    """
    missing: dict[str, str | None] = {}
    for text in (prompt, *prefix_lines):
        if text:
            missing |= tokenizer.missing(text)
    told = describe_missing(missing, reference)
    known = _known_form(tokenizer, (prompt, *prefix_lines)) if missing else ""
    if missing and strict:
        raise PromptError(f"{told}{known}  Without --strict the nearest is taken.")
    if prompt and not len(tokenizer.encode(prompt)):
        raise PromptError(f"{_unusable(tokenizer, prompt, reference)}{known}")
    if missing:
        warn(f"{told}{known}")


def tell_unwritten(
    tokenizer: Tokenizer, stops: Sequence[Content], reference: str, *, strict: bool, warn: Callable[[str], None]
) -> None:
    """Warn of stop texts that the model never writes.

    Only where each token has a text of its own.  Elsewhere, as where a word begins a line with a capital, symbols do not tell.

    Args:
        tokenizer: has the vocabulary.
        stops: the stop texts.
        reference: of the model, for the sentences.
        strict: refuse them instead.
        warn: is told.

    Raises:
        OptionError: with ``strict``, there is one.
    """
    if not stops or tokenizer.pieces() is None:
        return
    for text in stops:
        if not isinstance(text, str):  # which is refused when the text begins
            continue
        missing, written = list(tokenizer.missing(text)), tokenizer.canonical(text)
        if not missing and written == text:
            continue
        shown, shown_written = told_apart(text, str(written))
        never = f"never writes {', '.join(map(repr, missing[:8]))}.{_known_form(tokenizer, [text])}"
        instead = never if missing else f"writes {shown_written} instead."
        sentence = f"stop text {shown} can never come: {reference} {instead}"
        if strict:
            raise OptionError(f"{sentence}  Without --strict the text goes on to its length.")
        warn(sentence)


def _unusable(tokenizer: Tokenizer, prompt: Content, reference: str) -> str:
    """Why no id could be made of a prompt."""
    if reason := tokenizer.unreadable(prompt):
        return f"The prompt cannot be read: {reason}.  {reference} takes {tokenizer.media_type}."
    shown = repr(prompt) if len(prompt) <= 80 else f"{prompt[:80]!r}..."
    return f"No symbol of the prompt {shown} is known to {reference}.  Write of what its corpus is made of."


def _known_form(tokenizer: Tokenizer, texts: Iterable[Content]) -> str:
    """A sentence on the Unicode normal form in which more of texts is known; empty where that is in none, and of binary media."""
    text = "\n".join(each for each in texts if isinstance(each, str))
    form = fuller_form(text, tokenizer.missing) if text else None
    return f"  More of it is known in the Unicode normal form {form}: bring it to that." if form else ""
