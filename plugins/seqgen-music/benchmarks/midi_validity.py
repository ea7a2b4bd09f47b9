"""How many MIDI files of a briefly trained model are well-formed, with the sampler midi-grammar and without.

    python plugins/seqgen-music/benchmarks/midi_validity.py                       # on files that the dataset writes itself
    python plugins/seqgen-music/benchmarks/midi_validity.py --corpus tunes/ --max-time 4m

Judged by others than us: symusic loads the file; MidiTok counts the words in wrong places (``tokens_errors``).  Prints a
table and a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from symusic import Score

import seqgen
from seqgen_music.midi.dataset import MidiDataset

NOTES = ("Pitch_", "PitchDrum_", "NoteOn_", "DrumOn_")


def measure(model: Any, samples: int, length: int, samplers: tuple[str, ...]) -> dict[str, float]:
    """The figures of so many samples."""
    begun = time.perf_counter()
    written = model.prepare(length=length, random_seed=1, samplers=samplers).samples(samples)
    seconds = time.perf_counter() - begun
    loaded = sound = 0
    misplaced, kept = [], []
    for sample in written:
        words = model.tokenizer.words(sample.ids)
        misplaced.append(model.tokenizer.misplaced(sample.ids) if words else 0.0)
        notes = count_notes(sample.text)
        if notes is None:
            continue
        loaded += 1
        sound += notes > 0
        meant = sum(word.startswith(NOTES) for word in words)
        kept.append(notes / meant if meant else 1.0)
    return {
        "loaded": loaded / samples,
        "with_notes": sound / samples,
        "nothing_misplaced": float(np.mean(np.array(misplaced) == 0)),
        "misplaced_words": float(np.mean(misplaced)),
        "notes_kept": float(np.mean(kept)),
        "tokens_per_second": sum(sample.tokens for sample in written) / seconds,
    }


def count_notes(content: bytes) -> int | None:
    """How many notes symusic finds; None where it cannot load the file."""
    try:
        return Score.from_midi(content).note_num()
    except (RuntimeError, ValueError):
        return None


def main() -> None:
    """Train, generate, judge."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--corpus", help="a folder of MIDI files; default: exercises that the dataset writes")
    arguments.add_argument("--tokenizer", default="midi:scheme=remi")
    arguments.add_argument("--max-time", default="60s")
    arguments.add_argument("--samples", type=int, default=200)
    arguments.add_argument("--length", type=int, default=200)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEQGEN_HOME"] = str(Path(folder, "home"))
        example = Path(folder, "corpus")
        example.mkdir()
        sources = (given.corpus,) if given.corpus else MidiDataset.example(example, 300_000)
        options = {
            "dataset": "midi",
            "tokenizer": given.tokenizer,
            "max_time": given.max_time,
            "hidden_size": 128,
            "ngram_order": 0,  # the figures in the README are those of a network alone
        }
        model = seqgen.train(*sources, name="midi-validity", **options)
        rows = {
            "without": measure(model, given.samples, given.length, ()),
            "with midi-grammar": measure(model, given.samples, given.length, ("midi-grammar",)),
        }
        bits = model.training_record.get("bits_per_character")
    print(f"{'':20}" + "".join(f"{name:>20}" for name in rows["without"]))
    for name, figures in rows.items():
        print(f"{name:20}" + "".join(f"{value:>20.3f}" for value in figures.values()))
    print(json.dumps({**rows, "bits_per_byte": bits, **vars(given)}))


if __name__ == "__main__":
    main()
