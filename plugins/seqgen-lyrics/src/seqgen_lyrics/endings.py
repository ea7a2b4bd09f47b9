"""The letters in which a word may end that rhymes with another: what a beam over a model of letters makes for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from seqgen_lyrics.remembering import remembered
from seqgen_lyrics.sounds import Kind, groups, is_silent_end, plain, sounds

_MOST = 4  # spellings of one rhyme
_OF_CORPUS = 10  # what a word of the corpus counts, where any other counts 1
_UNSTRESSED = ("e", "en", "er", "el", "es", "em", "et", "eln", "ern", "end", "est", "as", "os", "a", "o")


def spelled_endings(word: str) -> tuple[str, ...]:
    """The endings of a word of which nobody knows the sounds, by its letters, the strictest first.

    From the last vowels on; and where those are of a syllable that many languages leave unstressed, as the last of *Träumen*,
    first from the vowels before.
    """
    letters = plain(word)
    starts = vowel_starts(letters)
    if not starts:
        return (letters,)
    last = letters[starts[-1] :]
    if len(starts) > 1 and last in _UNSTRESSED:
        return letters[starts[-2] :], last
    return (last,)


def spelled_rhyme(one: str, other: str) -> Kind:
    """How two words of a language that CMUdict lacks rhyme, by their letters."""
    one, other = plain(one), plain(other)
    if one == other:
        return Kind.IDENTICAL
    endings, others = spelled_endings(one), spelled_endings(other)
    if endings[0] == others[0]:
        before = (word[-len(endings[0]) - 1 : -len(endings[0])] for word in (one, other))
        return Kind.IDENTICAL if len(set(before)) == 1 else Kind.PERFECT
    return Kind.SLANT if endings[-1] == others[-1] else Kind.NONE


def rhyming_endings(word: str, alike: Iterable[str], preferred: frozenset[str]) -> tuple[str, ...]:
    """The endings of words that sound as this one does from the last stressed vowel on, commonest first.

    Args:
        word: that CMUdict knows.
        alike: words that rhyme with it.
        preferred: those of the corpus.
    """
    vowels = max(1, sum(sound[0] in "AEIOU" for sound in sounds(word)[0].rhyme.split()))
    counts: Counter[str] = Counter()
    for each in (word, *alike):
        starts = vowel_starts(each)
        if is_silent_end(each):
            starts = starts[:-1]
        if starts:  # as many as one hears, but for those of which one sees fewer, as in fire
            counts[each[starts[-min(vowels, len(starts))] :]] += _OF_CORPUS if each in preferred else 1
    return tuple(ending for ending, _ in counts.most_common(_MOST)) or spelled_endings(word)


@remembered(1 << 16)
def vowel_starts(word: str) -> tuple[int, ...]:
    """Where groups of vowels begin."""
    vowels = [bool(groups(letter)) for letter in word]
    return tuple(place for place, vowel in enumerate(vowels) if vowel and not (place and vowels[place - 1]))
