"""The training and the validation part of a corpus: the same in every run."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqgen.core.errors import CorpusError, OutputError, SeqgenWarning
from seqgen.core.types import Ids
from seqgen.data.arrays import ArrayWriter, blocks, read_array, release
from seqgen.data.store import Part, TokenStore

MANY = 20
"""From this number of documents on, whole documents are held out."""

_BLOCK = 1 << 22  # tokens


def split(store: TokenStore, validation_fraction: float) -> tuple[Part, Part]:
    """The training part and the validation part.

    With fewer than 20 documents the validation part is the last part of the tokens, with a warning where it has what is in the training
    part too; else it is the documents whose hash
    falls below the fraction, so that equal documents, and those of one group, are on one side, and none changes sides when others come or go.

    Args:
        store: the whole corpus.
        validation_fraction: of the corpus, from 0 (the validation part is empty) to below 1.

    Raises:
        CorpusError: a part would be too small to predict one token in.
        OutputError: the parts, which are written beside the store once, cannot be written.
    """
    if validation_fraction == 0:
        return store, _cut(store, store.tokens.size, store.tokens.size)
    documents = store.starts.size - 1
    if documents < MANY:
        cut = store.tokens.size - round(store.tokens.size * validation_fraction)
        parts = _cut(store, 0, cut), _cut(store, cut, store.tokens.size)
    else:
        held_out = _held_out(store.document_hashes, validation_fraction)
        parts = (
            _select(store, ~held_out, store.folder / f"training-{validation_fraction}.bin"),
            _select(store, held_out, store.folder / f"validation-{validation_fraction}.bin"),
        )
    for part, name in zip(parts, ("training", "validation"), strict=True):
        if part.tokens.size < 2:
            hashes, tokens = store.document_hashes, store.tokens.size
            if documents >= MANY and (hashes == hashes[0]).all():
                raise CorpusError(
                    f"All {documents:,} documents of the corpus are equal, or variants of one, and such stay on one side: with "
                    f"--validation-fraction {validation_fraction} the {name} part is empty.  "
                    "Take other text too, or --validation-fraction 0"
                )
            raise CorpusError(
                f"The corpus of {tokens:,} token{'s' * (tokens != 1)} in {documents:,} document{'s' * (documents != 1)} is too small: with "
                f"--validation-fraction {validation_fraction} its {name} part has {part.tokens.size}.  "
                "Take more text, or --validation-fraction 0"
            )
    if documents < MANY and (equal := _on_both_sides(store, parts[0].tokens.size)):
        first, second = equal
        warnings.warn(
            f"Document {second + 1} of the corpus is equal to document {first + 1}, or a variant of it: what is held out of the one is "
            "trained on in the other, so that the validation loss says little of other text.  Leave one of them out",
            SeqgenWarning,
            stacklevel=1,  # what is warned of at one place is shown once
        )
    return parts


def _on_both_sides(store: Part, cut: int) -> tuple[int, int] | None:
    """The first two documents of equal content, or of one group, of which one is trained on before the cut and one held out after it."""
    begins, ends = store.starts[:-1] + store.has_ends, store.starts[1:]
    held_out = [number for number in range(ends.size) if begins[number] < ends[number] > cut]
    pairs = ((first, second) for second in held_out for first in range(second) if begins[first] < cut)
    hashes = store.document_hashes
    return next(((first, second) for first, second in pairs if hashes[first] == hashes[second]), None)


def _cut(store: Part, first: int, last: int) -> Part:
    """The tokens from first to before last; the documents there, of which the outer two may be incomplete."""
    tokens = store.tokens[first:last]
    inside = (store.starts[1:] > first) & (store.starts[:-1] < last - store.has_ends)
    bounds = np.append(store.starts[:-1][inside], store.starts[1:][inside][-1:] if inside.any() else first)
    starts = np.clip(bounds - first, 0, max(tokens.size - store.has_ends, 0))
    return Part(tokens, starts, store.document_hashes[inside], store.has_ends)


def _held_out(hashes: npt.NDArray[np.uint64], fraction: float) -> npt.NDArray[np.bool_]:
    """(D,) whether each document is held out; of different documents at least one is and one is not."""
    held_out: npt.NDArray[np.bool_] = hashes < np.uint64(int(fraction * 2**64))
    if not held_out.any():
        held_out = hashes == hashes.min()
    elif held_out.all():
        held_out = hashes != hashes.max()
    return held_out


def _select(store: TokenStore, chosen: npt.NDArray[np.bool_], path: Path) -> Part:
    """The chosen documents as a part, whose tokens are in a file that is written where it is not there yet."""
    lengths = np.diff(store.starts)  # (D,) with one end each
    starts = np.append(0, np.cumsum(lengths[chosen]))
    tokens = read_array(path, store.tokens.dtype)
    if tokens is not None and tokens.size != starts[-1] + store.has_ends:
        tokens = None  # no longer mapped, or Windows would not let another file take its place
    if tokens is None:
        try:
            with ArrayWriter(path, store.tokens.dtype) as writer:
                for block in _blocks(store, chosen):
                    writer.write(block)
                writer.write(store.tokens[-1:] if store.has_ends else store.tokens[:0])
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error
        tokens = read_array(path, store.tokens.dtype)
        if tokens is None:
            raise OutputError(f"{path} was written, but reads back damaged.  Check the disk.")
    return Part(tokens, starts, store.document_hashes[chosen], store.has_ends)


def _blocks(store: TokenStore, chosen: npt.NDArray[np.bool_]) -> Iterator[Ids]:
    """The tokens of the chosen documents, each with its leading end, in bounded memory."""
    first = 0
    while first < chosen.size:
        # As many documents as fit a block, at least one.
        last = int(np.searchsorted(store.starts, store.starts[first] + _BLOCK, side="right")) - 1
        last = min(max(last, first + 1), chosen.size)
        tokens = store.tokens[store.starts[first] : store.starts[last]]
        if last == first + 1:  # maybe a huge one: as it is, without a mask
            yield from blocks(tokens, _BLOCK) if chosen[first] else ()
        else:
            yield tokens[np.repeat(chosen[first:last], np.diff(store.starts[first : last + 1]))]
        release(store.tokens)
        first = last
