"""Whether a tokenizer takes what a dataset gives."""

from __future__ import annotations

import contextlib

from seqgen.core.catalog import Catalog
from seqgen.core.dataset import Dataset
from seqgen.core.kinds import Kind
from seqgen.core.part_entry import PartEntry
from seqgen.core.tokenizer import Tokenizer


def media_mismatch(
    dataset_entry: PartEntry,
    dataset: Dataset | type[Dataset],
    tokenizer_entry: PartEntry,
    tokenizer: Tokenizer | type[Tokenizer],
) -> str:
    """Why this tokenizer cannot take what this dataset gives, in a sentence; empty if it can."""
    if dataset.media_type == tokenizer.media_type:
        return ""
    return (
        f"Dataset {dataset_entry.name} gives {dataset.media_type}, but tokenizer {tokenizer_entry.name} takes "
        f"{tokenizer.media_type}."
    )


def what_fits(catalog: Catalog, dataset: Dataset, tokenizer: Tokenizer) -> str:
    """A dataset for this tokenizer and a tokenizer for this dataset, as advice."""
    found = []
    wanted: dict[Kind, str] = {"dataset": tokenizer.media_type, "tokenizer": dataset.media_type}
    for kind, media_type in wanted.items():
        for entry in catalog.entries(kind):
            with contextlib.suppress(Exception):  # somebody else's, that nobody has asked for
                if entry.load().media_type == media_type:
                    found.append(f"--{kind} {entry.name}")
                    break
    return f"  Try {' or '.join(found)}" if found else ""
