"""What n-grams alone predict, and what counting, keeping and looking them up costs, by their order.

    python benchmarks/ngrams.py tinyshakespeare.txt --orders 4 5 6 7 8 9
    python benchmarks/ngrams.py tinyshakespeare.txt --tokenizer word --orders 2 3 4
    python benchmarks/ngrams.py names.txt --lines --orders 6 7

With ``--lines`` each line is a document, with the end before and after it.  The last tenth of the tokens is held out.  Counting is timed as the median of several repeats, orders in turns; a lookup as the median of 200,
of one context alone and of each of 64 together.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from side_by_side import write_results

from seqgen.core.catalog import load_catalog
from seqgen.core.tokenizer import Tokenizer
from seqgen.corpora import locate
from seqgen.ngrams.counting import count_ngrams
from seqgen.ngrams.table import NOTHING, NgramTable

_AT_ONCE = 1 << 20  # probabilities


def nats(table: NgramTable, tokens: np.ndarray[Any, Any], start: int, end: int | None) -> float:
    """Nats per token of tokens[start:], each after those before it; of several documents, after those of its own."""
    size = table.order - 1
    contexts = np.lib.stride_tricks.sliding_window_view(tokens, size)[start - size : -1]
    if end is not None:
        later = np.cumsum((contexts == end)[:, ::-1], axis=1)[:, ::-1]  # ends from each place on
        contexts = np.where((later > 1) | ((later == 1) & (contexts != end)), NOTHING, contexts)
    total, rows = 0.0, max(1, _AT_ONCE // table.vocab_size)
    for first in range(0, len(contexts), rows):
        probabilities = table.after(contexts[first : first + rows]).probabilities
        targets = tokens[start + first : start + first + len(probabilities)]
        total -= float(np.log(probabilities[np.arange(len(targets)), targets]).sum(dtype=np.float64))
    return total / len(contexts)


def lookup(table: NgramTable, tokens: np.ndarray[Any, Any], rows: int) -> float:
    """Microseconds for a context, where so many are looked up together."""
    contexts = np.lib.stride_tricks.sliding_window_view(tokens, table.order - 1)
    times = []
    for start in range(0, 200 * rows, rows):
        begun = time.perf_counter()
        if rows == 1:
            table.after_one(*table.code(contexts[start].tolist()))
        else:
            table.after(contexts[start : start + rows])
        times.append(time.perf_counter() - begun)
    return 1e6 * statistics.median(times) / rows


def joined(tokenizer: Tokenizer, lines: Sequence[str], end: int | None) -> list[int | None]:
    """The ids of lines that are not empty, with an end before the first and after each."""
    return [end, *(each for line in lines if line for each in (*tokenizer.encode(line).tolist(), end))]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=locate("ice"))
    parser.add_argument("--tokenizer", default="char")
    parser.add_argument("--orders", type=int, nargs="+", default=[4, 5, 6, 7, 8, 9])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--lines", action="store_true")
    arguments = parser.parse_args()

    text = arguments.corpus.read_text("utf-8")
    tokenizer = load_catalog().make("tokenizer", arguments.tokenizer).fit([text[: len(text) * 9 // 10]])
    end = tokenizer.end_id if arguments.lines else None
    tokens = np.array(joined(tokenizer, text.split("\n"), end) if arguments.lines else tokenizer.encode(text), np.int64)
    start = len(tokens) * 9 // 10
    times: dict[int, list[float]] = {order: [] for order in arguments.orders}
    tables = {}
    for _, order in itertools.product(range(arguments.repeats), arguments.orders):
        begun = time.perf_counter()
        tables[order] = count_ngrams(tokens[:start], tokenizer.vocab_size, order, end)
        times[order].append(time.perf_counter() - begun)

    columns = ("order", "nats/token", "counting, s", "size, MB", "lookup alone, µs", "one of 64, µs")
    shown = Table(*columns, title=f"{arguments.corpus.name}, {arguments.tokenizer}, V = {tokenizer.vocab_size:,}")
    rows = []
    for order, table in tables.items():
        row = {
            "name": f"order {order}",
            "nats_per_token": nats(table, tokens, start, end),
            "seconds": statistics.median(times[order]),
            "megabytes": sum(tensor.nbytes for tensor in table.tensors().values()) / 1e6,
            "alone_us": lookup(table, tokens[start:], 1),
            "together_us": lookup(table, tokens[start:], 64),
        }
        figures = [f"{value:.3g}" if value < 1000 else f"{value:,.0f}" for value in list(row.values())[3:]]
        shown.add_row(str(order), f"{row['nats_per_token']:.3f}", f"{row['seconds']:.2f}", *figures)
        rows.append(row)
    Console().print(shown)
    write_results("ngrams", rows, corpus=str(arguments.corpus), tokenizer=arguments.tokenizer)


if __name__ == "__main__":
    main()
