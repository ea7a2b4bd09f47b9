"""What the classic Keras tutorial and the defaults reach in the same time on the same text.

    python benchmarks/tutorial.py --seconds 300 --backend keras my-novel.txt

Both read lower-case text, as the tutorial does: bits per character compare only on the same characters.  Real words are
those that occur in the corpus; each model writes 2,000 characters by the sampling that seqgen takes by itself.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table
from side_by_side import write_results

import seqgen
from seqgen.corpora import locate

WRITTEN = 2000
CONTENDERS = {"tutorial": {"preset": "tutorial"}, "default": {"tokenizer": "char:lowercase=true"}}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=locate("ice"))
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--backend", default="torch")
    arguments = parser.parse_args()

    known = set(words(arguments.corpus.read_text("utf-8")))
    table = Table("", "bits/character", "characters/s", "epochs", "real words", title="the tutorial and the defaults")
    rows = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["SEQGEN_HOME"] = home
        for name, options in CONTENDERS.items():
            model = seqgen.train(
                arguments.corpus, name=name, backend=arguments.backend, max_time=arguments.seconds, **options
            )
            record = model.training_record
            text = str(model.generate(length=WRITTEN, random_seed=0))
            written = words(text)
            share = sum(word in known for word in written) / max(len(written), 1)
            table.add_row(
                name,
                f"{record['bits_per_character']:.3f}",
                f"{record['characters_per_second']:,.0f}",
                f"{record['epochs']:.2f}",
                f"{share:.0%}",
            )
            rows.append({"name": name, **record, "real_words": share, "text": text})
    Console().print(table)
    for row in rows:
        print(f"\n{row['name']}: {row['text'][:300]}")
    about = {"corpus": str(arguments.corpus), "seconds": arguments.seconds, "backend": arguments.backend}
    write_results("tutorial", rows, **about)


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return re.findall(r"[a-z]+(?:'[a-z]+)*", text.lower())


if __name__ == "__main__":
    main()
