"""What each sampler costs for a token, beside a step of the NumPy model with as many tokens; one text at a time.

    python benchmarks/samplers.py
    python benchmarks/samplers.py --hidden-size 512 --num-layers 2
    python benchmarks/samplers.py --vocab-size 50000 --tokens 20

A sampler's time is that of what it adjusts and of what it accepts, with a text of some thousand tokens behind it.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported

import numpy as np  # noqa: E402
from side_by_side import interleave, report  # noqa: E402

from seqgen.core.catalog import load_catalog  # noqa: E402
from seqgen.core.spec import ModelSpec  # noqa: E402
from seqgen.generation.chain import Chain  # noqa: E402
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
    r"regex:pattern=(.|\n)*",
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
    runs |= {spec: sampling(spec, logits, written) for spec in SPECS}
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


if __name__ == "__main__":
    main()
