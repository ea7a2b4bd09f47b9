"""The bundled tunes, read by this plugin and by music21."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from fractions import Fraction
from pathlib import Path

import pytest

from seqgen import corpora
from seqgen_music.abc.dataset import AbcDataset
from seqgen_music.abc.tune import read_tune

BOOK = corpora.locate("tunes")
ROOT = Path(__file__).parent.parent


def test_all_of_them_are_well_formed_and_in_reach():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        documents = [document.content for document in AbcDataset(sources=(str(BOOK),)).documents()]
    assert len(documents) == 144
    pitches = {note.midi for document in documents for note in read_tune(document).notes} - {None}
    assert min(pitches) >= 52
    assert max(pitches) <= 86


def test_the_procedure_gives_the_book():
    written = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "compose_tunes.py")], capture_output=True, check=True
    )
    assert written.stdout == BOOK.read_bytes()


@pytest.mark.slow
def test_music21_reads_them_and_finds_each_bar_full():
    from music21 import converter, meter, stream

    for tune in re.split(r"\n(?=X:)", BOOK.read_text(encoding="utf-8"))[1:]:
        score = converter.parse(tune, format="abc")
        full = Fraction(next(iter(score.recurse().getElementsByClass(meter.TimeSignature))).barDuration.quarterLength)
        lengths = [
            Fraction(measure.duration.quarterLength).limit_denominator(960)
            for measure in score.recurse().getElementsByClass(stream.Measure)
        ]
        short = [length for length in lengths if length < full]
        assert max(lengths) == full
        assert all(full - length in short for length in short), tune
