"""What each sampler costs for a token, beside a step of the NumPy model with as many tokens; one text at a time.

    python benchmarks/samplers.py
    python benchmarks/samplers.py --hidden-size 512 --num-layers 2
    python benchmarks/samplers.py --vocab-size 50000 --tokens 20

A sampler's time is that of what it adjusts and of what it accepts, with a text of some thousand tokens behind it.  Those that hold a
text to an automaton begin one in each run, which keeps to it: by patterns that count, so that hardly a state comes twice.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import string
from collections.abc import Callable, Hashable, Sequence
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported

import numpy as np  # noqa: E402
from side_by_side import interleave, report  # noqa: E402

from seqgen.core.catalog import load_catalog  # noqa: E402
from seqgen.core.spec import ModelSpec  # noqa: E402
from seqgen.generation.chain import Chain  # noqa: E402
from seqgen.testing.letters import LettersTokenizer  # noqa: E402
from seqgen.tokenizers.char import CharTokenizer  # noqa: E402

_PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
_PARSER.add_argument("--vocab-size", type=int, default=65)
_PARSER.add_argument("--hidden-size", type=int, default=256)
_PARSER.add_argument("--num-layers", type=int, default=1)
_PARSER.add_argument("--tokens", type=int, default=200, help="tokens of each run")
_PARSER.add_argument("--repeats", type=int, default=9)

PROMPT = 2000
SPECS = (
    "greedy",
    "temperature:temperature=0.8",
    "top-k",
    "top-p",
    "min-p",
    "typical",
    "mirostat",
    "repetition-penalty",
    "no-repeat-ngram",
    "dry",
    "logit-bias:a=2",
    "logit-bias:ab=2",
    "grammar",
    r"regex:pattern=(.|\n)*",
    r"regex:pattern=[a-z]{400}",
    r"regex:pattern=(\d{4}-\d{2}-\d{2}\n){150}",
    r"regex:pattern=([\w.-]+@[\w-]+\.[a-z]{2\,3}\n){150}",
    r"regex:pattern=((red|green|blue|white|black) (door|house|road)\n){100}",
    r"regex:pattern=(.{1\,80}\n){20}",
    r"regex:pattern=(Name: [A-Za-z -]{1\,40}\nAge: \d{1\,3}\n){30}",
)
CATALOG = load_catalog()


def main() -> None:
    """Measure and report."""
    arguments = _PARSER.parse_args()
    vocab_size, tokens = arguments.vocab_size, arguments.tokens
    generator = np.random.default_rng(0)
    logits = [(generator.normal(size=(1, vocab_size)) * 3).astype(np.float32) for _ in range(tokens)]
    written = generator.zipf(1.3, (PROMPT + (arguments.repeats + 1) * tokens, 1)).clip(max=vocab_size) - 1

    model = ModelSpec(vocab_size=vocab_size, hidden_size=arguments.hidden_size, num_layers=arguments.num_layers)
    runs = {"a step of the model": step(model, written[:tokens])}
    words = Words(vocab_size)
    for spec in SPECS:
        if spec.partition(":")[0] in {"grammar", "regex"}:
            runs[spec] = keeping(spec, logits, words, texts=arguments.repeats + 1)
        else:
            runs[spec] = sampling(spec, logits, written)
    seconds = interleave(runs, repeats=arguments.repeats)
    title = f"samplers {vocab_size} {model.num_layers}x{model.hidden_size}"
    report(title, seconds, work=tokens, unit="tokens", vocab_size=vocab_size, numpy=np.__version__)
    for name, values in seconds.items():
        print(f"{statistics.median(values) / tokens * 1e3:8.4f} ms a token  {name}")


def step(spec: ModelSpec, drawn: np.ndarray) -> Callable[[], object]:
    """The model's own work for these tokens."""
    model = CATALOG.make("backend", "numpy").build(spec, random_seed=0, device="cpu")

    def run() -> None:
        state = model.initial_state(1)
        for ids in drawn:
            _, state = model.next_logits(ids, state)

    return run


def letters(vocab_size: int) -> CharTokenizer:
    """A tokenizer of so many tokens: letters from a on, and the end of a document."""
    return CharTokenizer().fit(["".join(chr(ord("a") + number) for number in range(vocab_size - 1))])


def sampling(spec: str, logits: list[np.ndarray], written: np.ndarray) -> Callable[[], object]:
    """One sampler's work for as many tokens as there are logits (1, V); each repeat goes on with the text (N, 1)."""
    chain = Chain([CATALOG.make("sampler", spec)])
    chain.begin(written[:PROMPT].T, letters(logits[0].shape[1]))
    following = iter(written[PROMPT:])

    def run() -> None:
        for row in logits:
            chain.adjust(row)
            chain.accept(next(following))

    return run


class Words(LettersTokenizer):
    """So many pieces of text as BPE has them: characters, then made-up words, numbers and signs, each with a space or without."""

    def pieces(self) -> Sequence[bytes]:
        """The text of each token."""
        return made_up(self.vocab_size)

    def grammar(self) -> Lines:
        """No line is empty."""
        return Lines(np.array([b"\n" in piece for piece in self.pieces()]))


@functools.cache
def made_up(count: int) -> Sequence[bytes]:
    """So many pieces."""
    generator = np.random.default_rng(1)
    letters = list(string.ascii_lowercase)
    frequencies = generator.dirichlet(np.full(len(letters), 0.7))
    texts = list("\n -.:@" + string.digits + string.ascii_letters)
    for number in range(len(texts), count):
        size = 1 + generator.poisson(5)
        if number % 10:
            text = "".join(generator.choice(letters, size, p=frequencies))
        else:
            text = "".join(generator.choice(list(string.digits if number % 20 else string.punctuation), size))
        texts.append(" " * (number % 2) + (text if number % 3 else text.capitalize()))
    return [text.encode() for text in texts[:count]]


class Lines:
    """A grammar of lines that are not empty, in which states count the tokens of a line up to a hundred."""

    start: Hashable = 0

    def __init__(self, ends: np.ndarray) -> None:
        self._ends = ends

    def allowed(self, state: Any) -> np.ndarray:
        """What may come next."""
        return self._ends if state == 100 else np.ones_like(self._ends) if state else ~self._ends

    def next(self, state: Any, token: int) -> Hashable:
        """After an end of line another line begins."""
        return 0 if self._ends[token] else min(state + 1, 100)

    def may_end(self, state: Any) -> bool:
        """After a whole line."""
        return state == 0


def keeping(spec: str, logits: list[np.ndarray], words: Words, texts: int) -> Callable[[], object]:
    """The work of one sampler and of taking the likeliest token that it leaves; each of so many runs begins a text."""
    chains = [Chain([CATALOG.make("sampler", spec)]) for _ in range(texts)]
    for chain in chains:
        chain.begin(np.zeros((1, 0), np.int64), words)
    unused = iter(chains)

    def run() -> None:
        chain = next(unused)
        for row in logits:
            chain.accept(chain.adjust(row).argmax(axis=1))

    return run


if __name__ == "__main__":
    main()
