"""What holds for a line: how many syllables it has, which words may stand in it, and which at its end."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Mapping
from functools import partial
from typing import NamedTuple

from seqgen_lyrics.clock import Clock
from seqgen_lyrics.demands import Demands
from seqgen_lyrics.endings import spelled_endings
from seqgen_lyrics.lexicon import MOST, Lexicon, Words
from seqgen_lyrics.line import Line
from seqgen_lyrics.poem import Poem
from seqgen_lyrics.sounds import groups, syllables
from seqgen_lyrics.vocabulary import Vocabulary

_LONGEST = 16  # syllables of a line of which nobody says how many
_SPREAD = 2  # syllables by which lines that rhyme may differ where nobody says


class Rules(NamedTuple):
    """What holds for the present line.

    Attributes:
        low, high: syllables.
        words: that may stand anywhere in the line.
        last: that it may end with; None: any.
        need: syllables of the shortest of them, 0 where any may.
        free: words that nobody knows may stand in it.
        spare: syllables that such a word leaves, since what begins so may be a word with more than groups of vowels.
        slant: a slant rhyme will do.
        unique: it must not be a line that came before.
        stanza: lines; None: any number.
    """

    low: int
    high: int
    words: Words
    last: Words | None
    need: int
    free: bool
    spare: int
    slant: bool
    unique: bool
    stanza: int | None


class RuleBook:
    """The rules of one generation.

    Args:
        demands: of all samplers together.
        vocabulary: of the model.
        clock: tells when to look at no more words.

    Attributes:
        nothing: no words.
    """

    def __init__(self, demands: Demands, vocabulary: Vocabulary, clock: Clock) -> None:
        self.nothing = Words((), vocabulary)
        self._demands = demands
        self._clock = clock
        self._lexicon = functools.cache(partial(Lexicon, vocabulary, look_ahead=demands.look_ahead, clock=clock))

    def lexicon(self, poem: Poem, foot: str = "") -> Lexicon:
        """The words that a text is steered by: those of CMUdict too, where it is one of English words."""
        with self._clock.stopped():  # it is made once for all tokens
            return self._lexicon(foot=foot, english=not poem.foreign)

    def of(self, poem: Poem, line: Line, given_up: Collection[str] = ()) -> Rules:
        """What holds for the present line, and for the word that comes after the whole words of ``line``."""
        demands = self._demands
        unique = demands.unique and "unique" not in given_up
        stanza = None if "form" in given_up else demands.stanza
        if not self._demands.steers_words:
            nothing = self.nothing
            return Rules(0, 1 << 30, nothing, None, 0, free=True, spare=1, slant=False, unique=unique, stanza=stanza)
        lexicon = self.lexicon(poem, "" if "metre" in given_up else demands.foot)
        slant = demands.slant or "perfect rhyme" in given_up
        last = None if "rhyme" in given_up else self._last_words(poem, lexicon, slant=slant)
        if last is None and "syllables" not in given_up and not poem.foreign:
            last = lexicon.strong
        if last is not None and "apart" not in given_up:
            last = self._apart(poem, lexicon, last)
        need = min((last.fewest(place) for place in range(max(1, len(lexicon.all.foot)))), default=0) if last else 0
        if last is None and poem.foreign and "rhyme" not in given_up:
            need = self._syllables_of_rhyme(poem)
        low, high = self._bounds(poem, need, given_up)
        proposed = poem.proposed.get(len(line.words))
        if proposed is not None and "rhyme" not in given_up:
            if found := proposed.slant if slant else proposed.perfect:
                last, need = found, max(need, 1)
            elif poem.foreign and last is None and self._rhymes_with(poem):
                if high - need - line.syllables >= 1 or proposed.slant:
                    last = self.nothing  # another word comes first, or a slant rhyme will do
                else:
                    need = 0
        free = not lexicon.all.foot
        spare = 0 if poem.foreign else 1
        return Rules(
            low, high, lexicon.all, last, need, free=free, spare=spare, slant=slant, unique=unique, stanza=stanza
        )

    def only(self, poem: Poem) -> Mapping[str, float] | None:
        """The words that may come, and how likely each is, where the line ends with one that the model proposes."""
        line = poem.place.line
        proposed = poem.proposed.get(len(line.words))
        if proposed is None:
            return None
        rules = self.of(poem, line)
        words = proposed.slant if rules.slant else proposed.perfect
        if rules.last is not words or rules.high - rules.need - line.syllables >= 1:
            return None
        return {word: proposed.likely[word] for word in words.words}

    def _bounds(self, poem: Poem, need: int, given_up: Collection[str]) -> tuple[int, int]:
        """The fewest and the most syllables of the present line."""
        low, high = self._demanded(poem, need)
        if "syllables" not in given_up:
            return low, high
        line = poem.place.line
        most = high + need + _SPREAD
        # It is moved by a word that goes beyond it, as one of the prompt may, and not by each, or a line that waits for its
        # rhyme never ends.
        for now in (*itertools.accumulate(map(syllables, line.words)), line.ended().syllables):
            if now > most:
                most = now + need + _SPREAD
        return 1, now + need + _SPREAD if "rhyme" in given_up else most

    def _demanded(self, poem: Poem, need: int) -> tuple[int, int]:
        """The fewest and the most syllables that the present line ought to have."""
        demands, index = self._demands, poem.place.number
        wanted = demands.syllables(index)
        if wanted is not None:
            return wanted, wanted
        before, _ = demands.partners(index)
        if before and before[0] < len(poem.ends):
            like = poem.ends[before[0]][1]
            return max(1, like - _SPREAD), max(like + _SPREAD, need + 1)
        return 1, _LONGEST

    def _rhymes_with(self, poem: Poem) -> tuple[str, ...]:
        """The last words of the lines before, with which the present one rhymes."""
        before, _ = self._demands.partners(poem.place.number)
        return tuple(poem.ends[place][0] for place in before if place < len(poem.ends) and poem.ends[place][0])

    def _syllables_of_rhyme(self, poem: Poem) -> int:
        """How many syllables a word has at least that rhymes with those before, by its letters; 0: nothing is to rhyme."""
        earlier = self._rhymes_with(poem)
        return max(1, groups(spelled_endings(earlier[0])[0])) if earlier else 0

    def _apart(self, poem: Poem, lexicon: Lexicon, last: Words) -> Words:
        """Of the words that the line may end with, those that rhyme with no line of another letter; all, if there are none."""
        ends = poem.unlike_ends(poem.place.number)
        if not ends:
            return last
        if last not in poem.apart:
            left = last.without(lexicon.echoes(ends))
            poem.apart[last] = (
                left if any(left.fewest(place) < MOST for place in range(max(1, len(last.foot)))) else last
            )
        return poem.apart[last]

    def _last_words(self, poem: Poem, lexicon: Lexicon, *, slant: bool) -> Words | None:
        """What the line may end with; None where anything may, or nothing that rhymes is known."""
        demands = self._demands
        _, after = demands.partners(poem.place.number)
        earlier = self._rhymes_with(poem)
        if earlier:
            found = lexicon.rhyming(earlier, slant=slant, identical=demands.identical)
            if found.cut_short:
                poem.hurry(self._clock.seconds)
            return found if len(found) else None
        if after:
            most = min((demands.syllables(place) or MOST) for place in (poem.place.number, *after))
            found = lexicon.rich(len(after), most)
            return found if len(found) else None
        return None
