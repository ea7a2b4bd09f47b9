"""How fast the char tokenizer encodes, beside what Python's own vectorised operations reach.

    python benchmarks/encoding.py --megabytes 16

The ceilings: ``str.translate`` to bytes below the vocabulary's size and ``numpy.frombuffer`` (only for Latin-1 texts), and a
loop over a dictionary, which is what most scripts do.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from side_by_side import interleave, report

from seqgen.tokenizers.char import CharTokenizer

CORPUS = Path(__file__).parent.parent / "corpora" / "ice.txt"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()

    text = CORPUS.read_text("utf-8")
    text *= max(1, arguments.megabytes * 2**20 // len(text))
    tokenizer = CharTokenizer().fit([text])
    table = {ord(symbol): number for number, symbol in enumerate(tokenizer.symbols)}
    ids = {symbol: number for number, symbol in enumerate(tokenizer.symbols)}
    runs = {
        "CharTokenizer.encode": lambda: tokenizer.encode(text),
        "str.translate, frombuffer": lambda: np.frombuffer(text.translate(table).encode("latin-1"), np.uint8),
        "a loop over a dictionary": lambda: np.array([ids[symbol] for symbol in text], np.uint8),
    }
    assert np.array_equal(runs["CharTokenizer.encode"](), runs["a loop over a dictionary"]())
    report(
        "encoding", interleave(runs, repeats=arguments.repeats), work=len(text), unit="characters", **vars(arguments)
    )


if __name__ == "__main__":
    main()
