"""How long does it take to find what samples copied from a corpus, beside asking Python for each span?

    python benchmarks/copies.py tinyshakespeare.txt --samples 100 --length 400

The samples are passages of the last tenth of the text, and what stands in the rest is looked for: the share of spans of 20 characters,
and the longest that is there.  Python is asked for the spans alone, one after another, on a part of the samples whose time is
scaled up.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from side_by_side import interleave, report

from seqgen.corpora import locate
from seqgen.judging.copies import SHINGLE, Copied, Search

ASKED = 20
"""Of so many samples the first is looked for by Python."""


def copied(texts: list[str], source: str) -> Copied:
    """What of the texts is in the source."""
    search = Search(texts)
    search.read(source)
    return search.found()


def spans_in(texts: list[str], source: str) -> int:
    """How many spans of 20 characters of the texts stand in the source."""
    return sum(text[start : start + SHINGLE] in source for text in texts for start in range(len(text) - SHINGLE + 1))


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", default=str(locate("ice")))
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--length", type=int, default=400, help="characters of a sample")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    text = Path(arguments.corpus).read_text("utf-8")
    source, held_out = text[: len(text) * 9 // 10], text[len(text) * 9 // 10 :]
    room = max(len(held_out) - arguments.length, 1)
    samples = [
        held_out[start : start + arguments.length]
        for start in (number * room // arguments.samples for number in range(arguments.samples))
    ]
    some = samples[::ASKED]
    runs = {
        "seqgen, all spans and the longest": lambda: copied(samples, source),
        f"Python, span by span, one sample in {ASKED}": lambda: spans_in(some, source),
    }
    seconds = interleave(runs, repeats=arguments.repeats)
    python = next(name for name in seconds if name.startswith("Python"))
    seconds["Python, span by span"] = [each * len(samples) / len(some) for each in seconds.pop(python)]
    found = copied(samples, source)
    print(f"{len(source):,} characters of corpus; copied spans {found.shingles:.2%}; the longest {found.longest!r}")
    report("copies", seconds, work=len(source), unit="characters", corpus=arguments.corpus, samples=arguments.samples)


if __name__ == "__main__":
    main()
