"""What seqgen chooses where nothing is given, from the corpus, the budget and the machine.

The measurements behind the numbers stand in docs/explanation/defaults.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from seqgen.core.canonical import GATES
from seqgen.training.options import TrainingOptions

T = TypeVar("T")

DEFAULT_SECONDS = 180.0
"""Training time where no budget is given."""

MOST_PASSES, LEAST_UPDATES = 50.0, 200
"""Beyond fifty passes a corpus has nothing more to give, unless it is so small that these are fewer updates."""

FEW_PASSES = 8.0
"""Passes below which a model that begins at the frequencies of tokens ends better; with more it does not."""

SIZES = (512, 384, 256, 128)
"""Hidden sizes that are chosen from."""

LEAST_TOKENS = {512: 2_500_000, 384: 1_200_000, 256: 300_000, 128: 0}
"""Tokens that a budget of time must be enough for at a size, that it can be chosen."""

LEAST_COUNTED = {512: 750_000, 384: 100_000, 256: 0, 128: 0}
"""Tokens that a budget of updates or passes must have for it: where time does not count, a larger model learns more from each."""

LEAST_CORPUS = {512: 50_000, 384: 50_000, 256: 0, 128: 0}
"""Tokens that the corpus must have for it."""

COST_EXPONENT = 1.5
"""The time of a step grows with this power of the hidden size, between 256 and 512 units on two cores of a CPU."""

RATE_TIMES_SIZE, HIGHEST_RATE = 2.56, 8e-3
"""The learning rate falls with the hidden size."""


@dataclass(frozen=True)
class CorpusSize:
    """What the choice depends on, and is explained with.

    Attributes:
        tokens: of the training part.
        documents: how many there are.
        vocab_size: V, which is told and decides nothing.
    """

    tokens: int
    documents: int
    vocab_size: int


class Reach(NamedTuple):
    """How many tokens a budget is enough to train on; infinite where it has no such limit.

    Attributes:
        counted: by its updates or passes.
        timed: by its time.
    """

    counted: float
    timed: float


def choose(
    options: TrainingOptions,
    corpus: CorpusSize,
    *,
    inherited: Collection[str] = (),
    dataset_batching: str,
    reach: Callable[[TrainingOptions], Reach],
) -> tuple[dict[str, Any], str]:
    """Values for the options that are None, and a line that says what was chosen and why.

    Options for which None has a meaning of its own (patience, eval_every, max_steps, backend) stay None.

    Args:
        options: what is given.
        corpus: what is trained on.
        inherited: names of what is given by the model that training goes on from, and by no person.
        dataset_batching: the mode that suits the dataset's documents.
        reach: of the budget, given all options but dropout; it may have to measure, and is asked once at most.
    """
    chosen: dict[str, Any] = {}

    def default(name: str, given: T | None, value: T) -> T:
        if given is not None:
            return given
        chosen[name] = value
        return value

    if options.epochs is None and options.max_steps is None:
        default("max_time", options.max_time, DEFAULT_SECONDS)
    batching = default("batching", options.batching, dataset_batching)
    default("num_layers", options.num_layers, 1)
    seq_len = default("seq_len", options.seq_len, 64)
    batch_size = default("batch_size", options.batch_size, 16 if batching == "stream" else 64)
    in_row = {"windows": 1, "documents": min(seq_len, corpus.tokens / corpus.documents)}.get(batching, seq_len)
    rows = min(batch_size, corpus.documents) if batching == "documents" else batch_size

    def sized(hidden_size: int) -> dict[str, Any]:
        embedding_size = hidden_size if options.tie_embeddings else 64
        return {
            "hidden_size": hidden_size,
            "embedding_size": embedding_size if options.embedding_size is None else options.embedding_size,
            "learning_rate": min(HIGHEST_RATE, RATE_TIMES_SIZE / hidden_size),
        }

    given = options.hidden_size or (options.embedding_size if options.tie_embeddings else None)  # tied, they are equal
    largest = given or SIZES[0]
    hidden_size, passes = largest, math.inf
    # What a model of another architecture begins with is its backend's to choose.
    begins = options.output_bias is None and options.architecture in GATES
    if given is None or options.dropout is None or begins:
        far = reach(replace(options, **chosen, **sized(largest)))
        if given is None:
            hidden_size, far = _size_for(far, corpus)
        passes = min(far) / corpus.tokens
    most = _most_passes(options, inherited, min(1.0, rows * in_row / corpus.tokens))
    if passes > most:
        chosen["epochs"] = most
        passes = most if passes < math.inf else passes  # not measured
    default("dropout", options.dropout, dropout_for(passes))
    if begins:
        chosen["output_bias"] = "frequencies" if passes < FEW_PASSES else "zero"
    chosen |= {name: value for name, value in sized(hidden_size).items() if getattr(options, name) is None}
    return chosen, _sentence(chosen, corpus, passes)


def _sentence(chosen: Mapping[str, Any], corpus: CorpusSize, passes: float) -> str:
    """What there is to read, how often if that is known, and what was chosen for it."""
    size = f"{corpus.documents:,} documents, " if corpus.documents > 1 else ""
    size += f"{corpus.tokens:,} training tokens, {corpus.vocab_size:,} different"
    if passes < math.inf:
        size += f", to be read {passes:.1f} times" if passes < 10 else f", to be read {passes:.0f} times"
    if not chosen:
        return f"{size}; every option was given"
    what = (f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in chosen.items())
    return f"{size}: chose {', '.join(what)}"


def _most_passes(options: TrainingOptions, inherited: Collection[str], in_update: float) -> float:
    """How often a corpus is to be read at most, of which an update takes such a share; infinite where a person has decided that.

    Whoever gives a time and a size or dropout may want to see what a long training does, or give a small model its time.
    """
    shape = {"hidden_size", "embedding_size", "dropout"} - set(inherited)
    shaped = any(getattr(options, name) is not None for name in shape)
    counted = options.epochs is not None or options.max_steps is not None
    if counted or (options.max_time is not None and shaped):
        return math.inf
    return max(MOST_PASSES, float(math.ceil(LEAST_UPDATES * in_update)))


def _size_for(reach: Reach, corpus: CorpusSize) -> tuple[int, Reach]:
    """The hidden size for a budget with this reach at the largest one, and its reach at that size.

    A step of half as many units takes a third of the time, and in a short time it is the number of steps that counts.
    """
    for size in SIZES:
        timed = reach.timed * (SIZES[0] / size) ** COST_EXPONENT
        enough = timed >= LEAST_TOKENS[size] and reach.counted >= LEAST_COUNTED[size]
        if enough and corpus.tokens >= LEAST_CORPUS[size]:
            break
    return size, Reach(reach.counted, timed)


def dropout_for(passes: float) -> float:
    """The dropout for a corpus that is read so many times, in steps of 0.05.

    The more often a text is read, the more of it a model learns by heart (docs/explanation/defaults.md).
    """
    share = 0.14 * math.log2(max(passes, 1e-9) / 1.7)
    return round(20 * min(max(share, 0.0), 0.5)) / 20
