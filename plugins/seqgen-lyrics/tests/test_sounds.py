"""How words sound and rhyme, in CMUdict and beyond."""

from __future__ import annotations

import string
import time
import tracemalloc

import pytest

from seqgen_lyrics.endings import spelled_rhyme
from seqgen_lyrics.line import Line
from seqgen_lyrics.sounds import (
    Kind,
    _guess,
    dictionary_words,
    fits_stress,
    groups,
    is_known,
    rhyme,
    sounds,
    syllables,
)


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("station", "nation", Kind.PERFECT),
        ("rain", "again", Kind.PERFECT),  # in one of its pronunciations
        ("men", "again", Kind.PERFECT),  # in the other
        ("blue", "true", Kind.PERFECT),
        ("flowing", "growing", Kind.PERFECT),
        ("home", "alone", Kind.SLANT),
        ("night", "hat", Kind.SLANT),
        ("falling", "singing", Kind.SLANT),
        ("love", "love", Kind.IDENTICAL),
        ("leave", "believe", Kind.IDENTICAL),
        ("Love", "LOVE'", Kind.IDENTICAL),
        ("orange", "door", Kind.NONE),
        ("them", "some", Kind.SLANT),  # perfect only slurred within a line
        ("aalto", "go", Kind.PERFECT),  # though CMUdict has a comment after the one
        ("glight", "night", Kind.PERFECT),  # by its spelling
        ("singin'", "bringin", Kind.PERFECT),
        ("o'er", "more", Kind.PERFECT),
        ("ne’er", "there", Kind.PERFECT),
    ],
)
def test_pairs_rhyme_as_they_sound(one, other, kind):
    assert rhyme(one, other) == rhyme(other, one) == kind


@pytest.mark.parametrize(("word", "count"), [("the", 1), ("fire", 2), ("banana", 3), ("I'm", 1), ("", 1)])
def test_syllables_are_those_of_the_usual_pronunciation(word, count):
    assert syllables(word) == count


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("Th' expense of spirit in a waste of shame", 10),
        ("As you like it, o'er hill and dale, where'er ’tis ta'en", 12),
        ("So shall I ne'er be found when th’ even falls", 10),
    ],
)
def test_what_verse_elides_is_not_counted(line, count):
    assert Line.of(line).syllables == count
    assert all(map(is_known, Line.of(line).words))


@pytest.mark.parametrize("word", ["brr", "pst", "zqxrt", "sh", "hmm", "7", "'", "夜", "ﬁ", "x" * 500])
def test_a_word_without_vowels_or_sense_has_one_syllable_and_a_sound(word):
    assert syllables(word) == 1
    assert rhyme(word, word) == Kind.IDENTICAL


def test_a_long_word_is_guessed_by_its_end():
    assert rhyme("mic" + "ro" * 40 + "glight", "night") == Kind.PERFECT
    assert syllables("ba" * 40) == 40


@pytest.mark.parametrize("word", ["bcdfg" * 20_000 + "a", "a" * 8000 + "ba", "bade" * 10_000])
def test_the_sound_of_a_long_word_takes_time_that_grows_with_it(word):
    sounds("glight")  # reads CMUdict
    begun = time.process_time()
    _guess(word)
    assert time.process_time() - begun < 0.3


def test_of_long_words_nothing_is_kept():
    rhyme("glight", "zight")
    tracemalloc.start()
    try:
        for letter in string.ascii_lowercase:
            rhyme(letter * 2000, "night")
            spelled_rhyme(letter * 2000, "night")
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept < 30_000


def test_languages_that_cmudict_lacks_are_guessed():
    assert not is_known("schlummertänze")
    assert [syllables(word) for word in ("blütenträume", "schlummertänze", "молоко", "λόγος")] == [4, 4, 3, 2]
    assert rhyme("schlummertänze", "blumenkränze") == Kind.PERFECT
    assert rhyme("молоко", "окно") == Kind.PERFECT


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("øy brød træ sœur", 1),
        ("lære grønne œuvre ære yıldız büyük playa", 2),
        ("kærlighed øyeblikk sabırsız saygıyla", 3),
        ("ağlıyorum", 4),
        ("мой рай йод воўк", 1),
        ("моя знаю поэт район їжак", 2),
        ("синее мария", 3),
    ],
)
def test_vowels_of_other_alphabets_are_counted_as_those_are_read(words, count):
    assert {word: syllables(word) for word in words.split()} == dict.fromkeys(words.split(), count)


@pytest.mark.parametrize(
    ("words", "count"),
    [("greyed greyes", 1), ("bullseyes", 2), ("undismayed undecayed", 3), ("blayer glayers øye", 2)],
)
def test_a_silent_e_behind_y_is_no_syllable(words, count):
    assert not any(map(is_known, words.split()))
    assert {word: syllables(word) for word in words.split()} == dict.fromkeys(words.split(), count)


@pytest.mark.parametrize(
    "pair", ["brød død", "grønn skjønn", "sø ø", "træ knæ", "kız yıldız", "kœur sœur", "год йод", "он район"]
)
def test_vowels_of_other_alphabets_begin_a_rhyme(pair):
    assert spelled_rhyme(*pair.split()) == rhyme(*pair.split()) == Kind.PERFECT
    assert spelled_rhyme("brød", "træ") == Kind.NONE


@pytest.mark.parametrize("word", ["øyeblikk", "ağlıyorum", "pyyhe", "моя", "район", "rhythm", "yyayyayy"])
def test_parts_of_a_word_have_together_at_least_its_groups_of_vowels(word):
    assert all(groups(word[:cut]) + groups(word[cut:]) >= groups(word) for cut in range(len(word) + 1))


def test_the_guess_of_syllables_agrees_with_cmudict_in_five_words_of_six():
    words = sorted(word for word in dictionary_words() if word.isalpha() and len(word) > 2)[::61]
    right = sum(_guess(word).syllables == syllables(word) for word in words)
    assert right / len(words) > 0.83


def test_stress_holds_longer_words_to_the_foot_and_lets_short_ones_be():
    (garden, *_), (again, *_), (the, *_) = sounds("garden"), sounds("again"), sounds("the")
    assert fits_stress(garden, "10", 0)
    assert not fits_stress(garden, "01", 0)
    assert fits_stress(garden, "01", 1)
    assert fits_stress(again, "01", 0)
    assert not fits_stress(again, "10", 0)
    assert all(fits_stress(the, foot, phase) for foot in ("01", "10") for phase in (0, 1))


def test_a_line_is_read_in_words_whatever_stands_between_them():
    line = Line.of('"Don’t go," she said -- not NOW!')
    assert line.words == ("don't", "go", "she", "said", "not", "now")
    assert line.syllables == 6
    assert Line.of("...").words == ()
