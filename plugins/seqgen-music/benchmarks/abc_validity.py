"""How many tunes of a book music21 parses, and how many of their bars add up: a judge that is not ours.

    seqgen train tunes/ --dataset abc --tokenizer abc --name session-tunes --max-time 5m --ngram-order 0
    seqgen generate --model session-tunes --num-samples 200 --length 500 --random-seed 1 --sampler abc-bars --output with.abc
    seqgen generate --model session-tunes --num-samples 200 --length 500 --random-seed 1 --output without.abc
    python plugins/seqgen-music/benchmarks/abc_validity.py with.abc without.abc

A bar adds up that is as long as the metre says; that is the upbeat of the tune; or that is short, with another short one in the
tune that makes it whole.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from fractions import Fraction
from pathlib import Path

from music21 import converter, meter, stream


def judge(tune: str) -> tuple[int, int] | None:
    """How many bars there are, and how many add up; None where music21 does not parse the tune."""
    try:
        score = converter.parse(tune, format="abc")
        full = Fraction(next(iter(score.recurse().getElementsByClass(meter.TimeSignature))).barDuration.quarterLength)
        measures = score.recurse().getElementsByClass(stream.Measure)
        lengths = [Fraction(each.duration.quarterLength).limit_denominator(960) for each in measures]
    except Exception:  # noqa: BLE001  it may raise anything on what it does not understand
        return None
    lengths = [length for length in lengths if length]
    short = [length for length in lengths if length < full]
    right = [
        length == full or (length < full and (number == 0 or full - length in short))
        for number, length in enumerate(lengths)
    ]
    return len(right), sum(right)


def main() -> None:
    """Judge each book, a line of JSON each."""
    warnings.simplefilter("ignore")
    for book in sys.argv[1:]:
        tunes = [
            tune for tune in re.split(r"\n(?=X:)", Path(book).read_text(encoding="utf-8")) if tune.startswith("X:")
        ]
        found = [judge(tune) for tune in tunes]
        parsed = [each for each in found if each is not None]
        record = {
            "book": book,
            "tunes": len(tunes),
            "parsed": len(parsed),
            "bars": sum(bars for bars, _ in parsed),
            "right_bars": sum(right for _, right in parsed),
            "right_tunes": sum(bars == right for bars, right in parsed),
        }
        print(json.dumps(record))


if __name__ == "__main__":
    main()
