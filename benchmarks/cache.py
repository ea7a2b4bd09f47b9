"""What would counts of the text that is being written add, beside those of the training text that are mixed in?

    python benchmarks/cache.py tinyshakespeare.txt --seconds 60 --windows 500 2000 0

A model is trained with nothing set but the time.  Then its held-out tenth is read as one text, and at each place the mixture of network and n-grams is
mixed once more, with the counts of the last so many tokens of that text (0: of all), a cache as of Kuhn and De Mori (1990), A Cache-Based Natural Language
Model for Speech Recognition, with contexts of up to six tokens whose counts are interpolated (Witten and Bell 1991).  The weights of both depend on the longest context
that has occurred.  They are fitted to one half of the held-out text and scored on the other, and the reverse, beside the mixture as it is.

Then each writes some texts, and it is shown how much of them has stood in the same text before: the share of their pieces of 20 tokens, beside that in
held-out texts of the same length.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from side_by_side import write_results

import seqgen
from seqgen.corpora import locate
from seqgen.generation.selection import DEFAULT_MIN_P
from seqgen.judging.measures import repetition
from seqgen.ngrams.weighing import Scored, Terms, settle

ORDER = 6
"""Tokens of a context at most."""

CASES = 2 * (ORDER + 2)
"""No context, or one of 0 to ``ORDER`` tokens, and whether one token followed it or several."""

PIECE = 20
"""Tokens of a piece that stands in a text twice."""

Floats = npt.NDArray[np.float32]


class Cache:
    """Counts of what followed the contexts of the last tokens.

    Args:
        vocab_size: V.
        window: how many tokens are remembered; 0: all.
    """

    def __init__(self, vocab_size: int, window: int) -> None:
        self._vocab_size = vocab_size
        self._window = window
        self._text: list[int] = []
        self._counts: list[dict[tuple[int, ...], Floats]] = [
            defaultdict(lambda: np.zeros(vocab_size, np.float32)) for _ in range(ORDER + 1)
        ]

    def says(self) -> tuple[Floats, int]:
        """The probabilities (V,) of the token that follows, and the case."""
        probabilities = np.full(self._vocab_size, 1 / self._vocab_size, np.float32)
        longest, followers = -1, 0
        for length in range(min(ORDER, len(self._text)) + 1):
            counts = self._counts[length].get(tuple(self._text[len(self._text) - length :]))
            if counts is None or not (total := counts.sum()):
                break
            longest, followers = length, int(np.count_nonzero(counts))
            probabilities = (counts + followers * probabilities) / (total + followers)
        return probabilities, 2 * (longest + 1) + (followers > 1)

    def add(self, token: int) -> None:
        """Remember a token, and forget the one that is too old."""
        self._count(len(self._text), token, 1)
        self._text.append(token)
        if self._window and len(self._text) > self._window:
            old = len(self._text) - 1 - self._window
            self._count(old, self._text[old], -1)

    def _count(self, place: int, token: int, by: int) -> None:
        for length in range(min(ORDER, place) + 1):
            self._counts[length][tuple(self._text[place - length : place])][token] += by


def read(model: Any, tokens: npt.NDArray[np.int64]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The mixture's logits (n, V) at each place of a text that it reads as one, and the targets (n,)."""
    state, logits = model.initial_state(1), []
    for token in tokens[:-1]:
        row, state = model.next_logits(np.array([token]), state)
        logits.append(row[0])
    return np.stack(logits).astype(np.float32), tokens[1:]


def scored(logits: Floats, targets: npt.NDArray[np.int64], window: int) -> Scored:
    """The mixture and the cache at each place."""
    cache, said, cases = Cache(logits.shape[1], window), [], []
    for target in targets.tolist():
        probabilities, case = cache.says()
        said.append(np.log(probabilities))
        cases.append(case)
        cache.add(target)
    own = logits - np.maximum.reduce(logits, axis=-1, keepdims=True)
    return Scored(Terms(own, np.stack(said), np.array(cases)), targets, np.ones(len(targets)), np.arange(len(targets)))


def write(
    model: Any,
    opening: int,
    weights: npt.NDArray[np.float64],
    *,
    window: int,
    length: int,
    temperature: float,
    min_p: float,
    seed: int,
) -> list[int]:
    """A text of so many tokens by the mixture and the cache of what has been written, weighed as for reading."""
    generator = np.random.default_rng(seed)
    cache, state, text = Cache(model.spec.vocab_size, window), model.initial_state(1), [opening]
    for _ in range(length):
        row, state = model.next_logits(np.array(text[-1:]), state)
        probabilities, case = cache.says()
        own, other = weights[case]
        logits = (own * (row[0] - row[0].max()) + other * np.log(probabilities)) / temperature
        logits[np.exp(logits - logits.max()) < min_p] = -np.inf
        text.append(int((logits + generator.gumbel(size=logits.shape)).argmax()))
        cache.add(text[-1])
    return text[1:]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=locate("ice"))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--windows", type=int, nargs="+", default=[500, 2000, 0])
    parser.add_argument("--texts", type=int, default=10)
    parser.add_argument("--length", type=int, default=1500)
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.8, 1.0])
    parser.add_argument("--min-p", type=float, default=DEFAULT_MIN_P)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["SEQGEN_HOME"] = home
        trained = seqgen.train(arguments.corpus, progress=False, max_time=arguments.seconds, random_seed=0)
        loaded = seqgen.load(Path(trained.training_record["path"]), backend="numpy")
        ids = loaded.tokenizer.encode(arguments.corpus.read_text("utf-8")).astype(np.int64)
        logits, targets = read(loaded.model, ids[len(ids) * 9 // 10 :])
    temperatures = arguments.temperatures
    table = Table(
        "tokens remembered",
        "nats per token",
        *(f"written twice at {temperature}" for temperature in temperatures),
        title=f"{arguments.corpus.name}: a cache of the text itself",
    )
    rows: list[dict[str, Any]] = []
    alone = np.tile([[1.0, 0.0]], (CASES, 1))
    half = len(targets) // 2
    halves = [slice(None, half), slice(half, None)]
    for window in [None, *arguments.windows]:
        both = scored(logits, targets, window or 0)
        nats = 0.0
        for own, other in (halves, halves[::-1]):
            weights = alone if window is None else settle([both.only(own)], CASES)
            nats += both.only(other).nats(weights)
        nats /= len(targets)
        repeated = {}
        for temperature in temperatures:
            texts = [
                write(
                    loaded.model,
                    int(ids[0]),
                    weights,
                    window=window or 0,
                    length=arguments.length,
                    temperature=temperature,
                    min_p=arguments.min_p,
                    seed=seed,
                )
                for seed in range(arguments.texts)
            ]
            repeated[temperature] = repetition(texts, PIECE)
        label = "none: the mixture as it is" if window is None else f"{window:,}" if window else "all"
        table.add_row(label, f"{nats:.4f}", *(f"{share:.1%}" for share in repeated.values()))
        rows.append({"name": label, "window": window, "nats": nats, "repeated": repeated})
    length = arguments.length
    held_out = repetition([targets[at : at + length].tolist() for at in range(0, len(targets) - length, length)], PIECE)
    Console().print(table)
    Console().print(f"Of held-out texts of {length:,} tokens {held_out:.1%} have stood in them before.")
    write_results("cache", rows, corpus=str(arguments.corpus), seconds=arguments.seconds, held_out=held_out)


if __name__ == "__main__":
    main()
