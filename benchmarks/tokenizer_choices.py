"""Bits per character of the same text in the same time, by tokenizer, with nothing else set.

    python benchmarks/tokenizer_choices.py tinyshakespeare.txt --seconds 120
    python benchmarks/tokenizer_choices.py frankenstein.txt --tokenizers char word bpe:vocab_size=2048 --seeds 0 1 2

The last tenth of the text is held out and scored whole.  What a tokenizer cannot write costs nothing there, so ``word`` and
``char`` are comparable only as far as the held-out text has no other symbols than the rest.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table
from side_by_side import write_results

import seqgen
from seqgen.corpora import locate


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=locate("ice"))
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--tokenizers", nargs="+", default=["char", "byte", "bpe", "bpe:vocab_size=2048", "word"], metavar="SPEC"
    )
    arguments = parser.parse_args()
    columns = ("", "vocabulary", "characters/token", "size", "passes", "bits/character", "the network alone")
    table = Table(*columns, title=f"{arguments.corpus.name}, {arguments.seconds:g} s")
    rows = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["SEQGEN_HOME"] = home
        for spec in arguments.tokenizers:
            records, alone = [], []
            for seed in arguments.seeds:
                model = seqgen.train(
                    arguments.corpus, tokenizer=spec, max_time=arguments.seconds, random_seed=seed, progress=False
                )
                record = model.training_record
                # Nats per token of both: their ratio is that of their bits per character.
                alone.append(
                    record["bits_per_character"]
                    * record.get("network_loss", record["validation_loss"])
                    / record["validation_loss"]
                )
                records.append(record)
            record = records[0]
            length = record["validation_loss"] / math.log(2) / record["bits_per_character"]
            bits = statistics.mean(each["bits_per_character"] for each in records)
            shape = record["training"]
            table.add_row(
                spec,
                f"{model.tokenizer.vocab_size:,}",
                f"{length:.2f}",
                f"{shape['num_layers']} x {shape['hidden_size']}",
                f"{record['epochs']:.1f}",
                f"{bits:.3f}",
                f"{statistics.mean(alone):.3f}",
            )
            rows.append(
                {"name": spec, "bits_per_character": bits, "network_alone": statistics.mean(alone), "records": records}
            )
    Console().print(table)
    write_results("tokenizer choices", rows, corpus=str(arguments.corpus), seconds=arguments.seconds)


if __name__ == "__main__":
    main()
