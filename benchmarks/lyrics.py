"""What the samplers of seqgen-lyrics do: stanzas of briefly trained models, with rhyme and syllables asked for and without.

    python benchmarks/lyrics.py
    python benchmarks/lyrics.py --steps 100 --stanzas 50 --tokenizers char
    python benchmarks/lyrics.py --home models   # keeps what it trained, and trains it only once

Trains a model for each tokenizer on the bundled songs, lets it write as many stanzas with the samplers as without, and
measures both by the scheme and the pattern.  Tokens a second are those of all stanzas written side by side.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import asdict
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from side_by_side import write_results  # noqa: E402

import seqgen  # noqa: E402
from seqgen.core.errors import ModelNotFoundError  # noqa: E402
from seqgen.corpora import locate  # noqa: E402
from seqgen.language_model import LanguageModel  # noqa: E402
from seqgen_lyrics.evaluation import Aims, Written, read_corpus, write  # noqa: E402

_PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
_PARSER.add_argument("--steps", type=int, default=300, help="of training")
_PARSER.add_argument("--stanzas", type=int, default=200)
_PARSER.add_argument("--scheme", default="ABAB")
_PARSER.add_argument("--pattern", default="8-6-8-6")
_PARSER.add_argument("--home", help="a SEQGEN_HOME that keeps the models; without it they are trained anew")
_PARSER.add_argument("--tokenizers", nargs="+", default=["char", "lyrics", "lyrics:base=char"])


def main() -> None:
    """Train, write, measure and report."""
    arguments = _PARSER.parse_args()
    aims = Aims(arguments.scheme, arguments.pattern)
    rows, results = [], []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEQGEN_HOME"] = arguments.home or folder
        for tokenizer in arguments.tokenizers:
            model = _trained(tokenizer, arguments.steps)
            corpus, _ = read_corpus(model, [])
            for constrained in (True, False):
                written = write(model, arguments.stanzas, aims, constrained=constrained, corpus=corpus)
                rows.append(_row(tokenizer, written, arguments.scheme, constrained=constrained))
                results.append({"tokenizer": tokenizer, "constrained": constrained, **asdict(written)})
    table = Table(
        "tokenizer", "constraints", "perfect rhymes", "syllables kept", "distinct-2", "corpus words", "CMUdict words",
        "copied lines", "nats/token", "nats/character", "tokens/s",
        title=f"{arguments.stanzas} stanzas each, {arguments.scheme} {arguments.pattern}",
    )  # fmt: skip
    for row in rows:
        table.add_row(*row)
    Console(width=170).print(table)
    write_results("lyrics", results, **vars(arguments))


def _trained(tokenizer: str, steps: int) -> LanguageModel:
    name = f"{tokenizer.replace(':', '-').replace('=', '-')}-{steps}"
    try:
        return seqgen.load(name)
    except ModelNotFoundError:
        songs = str(locate("songs"))
        return seqgen.train(songs, dataset="songs", tokenizer=tokenizer, name=name, max_steps=steps, random_seed=1)


def _row(tokenizer: str, written: Written, scheme: str, *, constrained: bool) -> list[Any]:
    figures = written.figures
    shares = (figures.rhymes[scheme].perfect, figures.syllables, figures.distinct[1], figures.real_words)
    more = (figures.dictionary_words, figures.copied_lines)
    return [
        tokenizer,
        "on" if constrained else "off",
        *("-" if share is None else f"{share:.3f}" for share in (*shares, *more)),
        f"{written.log_probability:.3f}",
        f"{written.log_probability_per_character:.3f}",
        f"{written.tokens_per_second:,.0f}",
    ]


if __name__ == "__main__":
    main()
