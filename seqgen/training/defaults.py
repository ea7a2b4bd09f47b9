"""What seqgen chooses where nothing is given, from the corpus and the machine.

The figures behind the numbers: a plain LSTM of 512 units, embedding 64, batch 32, 64 time steps, AdamW (0.9, 0.99) at 4e-3
with cosine decay reached 1.44 nats per character on tiny-shakespeare in 80 s on four cores, ahead of 1 x 256, 2 x 384
and 1 x 768 in the same time (docs/explanation/performance.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_SECONDS = 180.0
"""Training time where no budget is given."""


@dataclass(frozen=True)
class Corpus:
    """What the choice depends on.

    Attributes:
        tokens: of the training part.
        documents: how many there are.
        vocab_size: V.
    """

    tokens: int
    documents: int
    vocab_size: int


def choose(
    values: Mapping[str, Any], corpus: Corpus, *, dataset_batching: str, passes: Callable[[Mapping[str, Any]], float]
) -> tuple[dict[str, Any], str]:
    """Values for the options that are None, and a line that says what was chosen and why.

    Options for which None has a meaning of its own (patience, eval_every, max_steps, backend) stay None.

    Args:
        values: every option of ``TrainingOptions``.
        corpus: what is trained on.
        dataset_batching: the mode that suits the dataset's documents.
        passes: how often the training part will be read, given all values but dropout; asked only if that is to be chosen.
    """
    chosen: dict[str, Any] = {}

    def default(name: str, value: Any) -> Any:
        if values[name] is None:
            chosen[name] = value
            return value
        return values[name]

    batching = default("batching", dataset_batching)
    # A small corpus is read many times in the budget: fewer units and dropout hold it back from learning it by heart.
    # (Ice, 172,000 characters, two minutes: 1.622 bits per character with dropout 0.3, 1.591 with 0.5.)
    small = corpus.tokens < 300_000
    hidden_size = default("hidden_size", 256 if corpus.tokens < 50_000 else 512)
    default("num_layers", 1)
    default("embedding_size", hidden_size if values["tie_embeddings"] else 64)
    default("seq_len", 64)
    default("batch_size", 64 if batching != "stream" else 16 if small else 32)
    default("learning_rate", min(6e-3, 2.0 / hidden_size))
    if values["epochs"] is None and values["max_steps"] is None and values["max_time"] is None:
        chosen["max_time"] = DEFAULT_SECONDS
        # Beyond some fifty passes a corpus has nothing more to give.
        chosen["epochs"] = 50.0
    size = f"{corpus.tokens:,} training tokens, {corpus.vocab_size:,} different"
    if values["dropout"] is None:
        expected = passes({**values, **chosen})
        chosen["dropout"] = dropout_for(expected)
        size += f", to be read {expected:.1f} times" if expected < 10 else f", to be read {expected:.0f} times"
    if not chosen:
        return chosen, f"{size}; every option was given"
    what = ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in chosen.items()
    )
    return chosen, f"{size}: chose {what}"


def dropout_for(passes: float) -> float:
    """The dropout for a corpus that is read so many times, in steps of 0.05.

    The more often a text is read, the more of it a model learns by heart.
    """
    share = 0.1 + 0.1 * math.log2(max(passes, 1e-9))
    return round(20 * min(max(share, 0.0), 0.5)) / 20
