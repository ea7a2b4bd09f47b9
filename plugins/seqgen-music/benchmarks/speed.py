"""How fast tunes are read, and encoded and decoded as tokens.

    python plugins/seqgen-music/benchmarks/speed.py                          # what the datasets write as examples
    python plugins/seqgen-music/benchmarks/speed.py --abc tunes/ --midi midi-folder/

The best of three runs each, in CPU seconds of one core.  Prints a table and a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqgen.core.dataset import Dataset
from seqgen.core.tokenizer import Tokenizer
from seqgen_music.abc.dataset import AbcDataset
from seqgen_music.abc.tokenizer import AbcTokenizer
from seqgen_music.midi.dataset import MidiDataset
from seqgen_music.midi.tokenizer import MidiTokenizer

RUNS = 3


def best(work: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds of the fastest run, and what it gave."""
    seconds = []
    for _ in range(RUNS):
        begun = time.process_time()
        result = work()
        seconds.append(time.process_time() - begun)
    return min(seconds), result


def measure(dataset: Dataset, tokenizer: Tokenizer) -> dict[str, float]:
    """The figures of a dataset and a tokenizer."""
    reading, documents = best(lambda: [document.content for document in dataset.documents()])
    tokenizer = tokenizer.fit(documents)
    encoding, encoded = best(lambda: [tokenizer.encode(document) for document in documents])
    decoding, _ = best(lambda: [tokenizer.decode(ids) for ids in encoded])
    tokens = sum(map(len, encoded))
    return {
        "documents": len(documents),
        "tokens": tokens,
        "documents_read_per_second": len(documents) / reading,
        "tokens_encoded_per_second": tokens / encoding,
        "tokens_decoded_per_second": tokens / decoding,
    }


def main() -> None:
    """Measure both."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--abc", nargs="+", help="tune books and folders")
    arguments.add_argument("--midi", nargs="+", help="MIDI files and folders")
    given = arguments.parse_args()
    warnings.simplefilter("ignore")  # what is left out of a corpus
    with tempfile.TemporaryDirectory() as folder:
        abc = tuple(given.abc or AbcDataset.example(Path(folder), 100_000))
        midi = tuple(given.midi or MidiDataset.example(Path(folder), 100_000))
        rows = {
            "abc": measure(AbcDataset(sources=abc), AbcTokenizer()),
            **{
                f"midi:scheme={scheme}": measure(MidiDataset(sources=midi), MidiTokenizer(scheme=scheme))
                for scheme in ("remi", "tsd", "midilike", "structured")
            },
        }
    print(f"{'':24}" + "".join(f"{name.replace('_', ' '):>28}" for name in rows["abc"]))
    for name, figures in rows.items():
        print(f"{name:24}" + "".join(f"{value:>28,.0f}" for value in figures.values()))
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
