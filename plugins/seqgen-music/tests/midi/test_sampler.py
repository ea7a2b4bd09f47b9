"""How long the sampler ``midi-grammar`` lets a piece become."""

from __future__ import annotations

import numpy as np
import pytest
from symusic import Note, Score, Track

from seqgen.core.errors import OptionError
from seqgen_music.midi.sampler import MidiGrammar
from seqgen_music.midi.tokenizer import MidiTokenizer


def eighths(bars):
    score, track = Score(480), Track("", 0)
    for place in range(8 * bars):
        track.notes.append(Note(place * 240, 240, 60 + place % 8, 90))
    score.tracks.append(track)
    return bytes(score.dumps_midi())


REMI = MidiTokenizer(velocities=0, tempos=0, metres=False, programs=False)
MERGED = MidiTokenizer(velocities=0, tempos=0, metres=False, programs=False, merges=60).fit([eighths(20)])


def written(tokenizer, sampler, prompt, *, random_seed=0):
    """Ids that go on from a prompt, drawn from logits that differ little, until the sampler says that the text is whole."""
    draws, ids = np.random.default_rng(random_seed), tokenizer.encode(prompt).tolist()
    sampler.begin(np.array([ids], np.int64), tokenizer)
    while not sampler.finished()[0]:
        logits = draws.normal(size=(1, tokenizer.vocab_size)).astype(np.float32)
        logits[:, tokenizer.end_id] = -np.inf
        left = sampler.adjust(logits)[0].astype(np.float64)
        ids.append(int(draws.choice(len(left), p=np.exp(left) / np.exp(left).sum())))
        sampler.accept(np.array([ids[-1]]))
    return ids


@pytest.mark.parametrize("tokenizer", [REMI, MERGED], ids=["remi", "merged"])
def test_a_piece_is_whole_once_its_bars_are(tokenizer):
    for random_seed in range(5):
        ids = written(tokenizer, MidiGrammar(bars=4), eighths(2), random_seed=random_seed)
        words = tokenizer.words(ids)
        assert words.count("Bar_None") == 5
        assert words[-1] == "Bar_None"  # the fifth, of which nothing is played
        score = Score.from_midi(tokenizer.decode(ids))
        assert max(note.time for note in score.tracks[0].notes) < 4 * 4 * score.ticks_per_quarter
        assert score.note_num() > 16


def test_in_the_last_bar_the_one_token_that_ends_it_has_the_odds_of_all_that_begin_another():
    ids = MERGED.encode(eighths(2))
    logits = np.random.default_rng(1).normal(size=(1, MERGED.vocab_size)).astype(np.float32)
    sampler, free = MidiGrammar(bars=2), MidiGrammar()
    for each in (sampler, free):
        each.begin(ids[np.newaxis].astype(np.int64), MERGED)
    bars = MERGED.grammar().bars
    assert bars.sum() > 1
    odds, of_all = np.exp(sampler.adjust(logits)[0]), np.exp(free.adjust(logits)[0])
    assert odds[bars.argmax()] == pytest.approx(of_all[bars].sum(), rel=1e-5)
    assert np.count_nonzero(odds[bars]) == 1
    np.testing.assert_array_equal(odds[~bars], of_all[~bars])


def test_a_prompt_that_has_all_bars_is_whole_and_no_bars_are_no_limit():
    ids = REMI.encode(eighths(3))[np.newaxis].astype(np.int64)
    for bars, whole in ((2, [True]), (3, [False])):
        sampler = MidiGrammar(bars=bars)
        sampler.begin(ids, REMI)
        assert sampler.finished().tolist() == whole
        note = "the prompt has 3 bars already, so nothing follows where bars is 2"
        assert sampler.notes() == ([[note]] if whole[0] else None)
    sampler = MidiGrammar()
    sampler.begin(ids, REMI)
    assert sampler.finished() is None


@pytest.mark.parametrize("scheme", ["tsd", "midilike", "structured"])
def test_a_scheme_without_bars_says_so(scheme):
    with pytest.raises(OptionError, match="bars is 8, but the scheme of this model has no bars; only remi has"):
        MidiGrammar(bars=8).begin(np.zeros((1, 0), np.int64), MidiTokenizer(scheme=scheme))
