"""The laws of seqgen.testing on the parts for MIDI."""

from __future__ import annotations

from typing import Any, ClassVar
from unittest import mock

import numpy as np
import pytest
from hypothesis import strategies as st
from symusic import Note, Score, Tempo, TimeSignature, Track

from seqgen.testing import DatasetContract, SamplerContract, TokenizerContract
from seqgen.tokenizers.char import CharTokenizer
from seqgen_music.midi.dataset import MidiDataset
from seqgen_music.midi.grammar import TokenGrammar
from seqgen_music.midi.sampler import MidiGrammar
from seqgen_music.midi.tokenizer import MidiTokenizer

LEAN = MidiTokenizer(scheme="midilike", velocities=0, tempos=0, metres=False, programs=False)
LEAN_BARS = MidiTokenizer(velocities=0, tempos=0, metres=False, programs=False)
METRES = [(4, 4), (3, 4), (6, 8), (2, 2), (7, 8), (11, 16)]  # the last has no token


@st.composite
def pieces(draw: st.DrawFn) -> bytes:
    """Short pieces of several instruments, with chords, overlaps, and changes of tempo and metre anywhere."""
    score = Score(draw(st.sampled_from([96, 480, 7])))
    ticks = st.integers(0, 12 * score.ticks_per_quarter)
    for time in draw(st.lists(ticks, max_size=2)):
        score.time_signatures.append(TimeSignature(time, *draw(st.sampled_from(METRES))))
    for time in draw(st.lists(ticks, max_size=2)):
        score.tempos.append(Tempo(time, draw(st.floats(20, 300))))
    for _ in range(draw(st.integers(1, 3))):
        track = Track("lead", draw(st.integers(0, 127)), draw(st.booleans()))
        for _ in range(draw(st.integers(1, 5))):
            pitch = draw(st.integers(58, 62) | st.integers(0, 127))
            duration = draw(st.integers(1, 20 * score.ticks_per_quarter))
            track.notes.append(Note(draw(ticks), duration, pitch, draw(st.integers(1, 127))))
        score.tracks.append(track)
    return bytes(score.dumps_midi())


class TestMidiDataset(DatasetContract):
    def make(self, sources: tuple[str, ...]) -> MidiDataset:
        return MidiDataset(sources=sources)

    @pytest.mark.slow
    def test_a_large_source_needs_bounded_memory(self):
        super().test_a_large_source_needs_bounded_memory()


class Tokenizer(TokenizerContract):
    max_examples = 3
    options: ClassVar[dict[str, Any]] = {}

    @property
    def documents(self) -> st.SearchStrategy[Any]:
        return pieces()

    def make(self) -> MidiTokenizer:
        return MidiTokenizer(**self.options)

    @pytest.mark.slow
    def test_fit_needs_bounded_memory(self):
        super().test_fit_needs_bounded_memory()

    @pytest.mark.slow
    def test_encoding_a_long_document_in_pieces_needs_bounded_memory(self):
        super().test_encoding_a_long_document_in_pieces_needs_bounded_memory()


class TestRemi(Tokenizer):
    pass


@pytest.mark.slow
class TestMidiLike(Tokenizer):
    options: ClassVar = {"scheme": "midilike"}


@pytest.mark.slow
class TestRemiLean(Tokenizer):
    options: ClassVar = {"resolution": 4, "velocities": 0, "tempos": 0, "metres": False, "programs": False}


@pytest.mark.slow
class TestTsd(Tokenizer):
    options: ClassVar = {"scheme": "tsd"}


@pytest.mark.slow
class TestStructured(Tokenizer):
    options: ClassVar = {"scheme": "structured", "velocities": 4}


@pytest.mark.slow
class TestMidiLikeLean(Tokenizer):
    options: ClassVar = {"scheme": "midilike", "velocities": 0, "tempos": 0, "metres": False, "programs": False}


@pytest.mark.slow
class TestMerged(Tokenizer):
    options: ClassVar = {"merges": 20}


class TestMidiGrammar(SamplerContract):
    max_examples = 4
    vocab_sizes = st.just(LEAN.vocab_size)

    def make(self) -> MidiGrammar:
        return MidiGrammar()

    def tokenizer(self, vocab_size: int) -> MidiTokenizer:
        assert vocab_size == LEAN.vocab_size
        return LEAN


class TestMidiGrammarWithBars(SamplerContract):
    max_examples = 4
    vocab_sizes = st.just(LEAN_BARS.vocab_size)

    def make(self) -> MidiGrammar:
        return MidiGrammar(bars=1)

    def tokenizer(self, vocab_size: int) -> MidiTokenizer:
        assert vocab_size == LEAN_BARS.vocab_size
        return LEAN_BARS


class TestMidiGrammarOfAnotherMedium(SamplerContract):
    max_examples = 3

    def make(self) -> MidiGrammar:
        return MidiGrammar()


def test_a_prompt_that_rows_have_in_common_is_read_once():
    ids, sampler = np.arange(LEAN.vocab_size)[:20], MidiGrammar()
    with mock.patch.object(TokenGrammar, "next", autospec=True, side_effect=TokenGrammar.next) as read:
        sampler.begin(np.broadcast_to(ids, (64, len(ids))), LEAN)
        assert read.call_count == len(ids)
        sampler.accept(np.repeat(ids[:2], 32))
        assert read.call_count == len(ids) + 2


def test_for_another_medium_the_grammar_says_that_it_has_no_rules():
    sampler = MidiGrammar()
    sampler.begin(np.zeros((2, 1), np.int64), CharTokenizer().fit(["ab"]))
    assert sampler.notes() == [["midi-grammar has no rules for text/plain"]] * 2
