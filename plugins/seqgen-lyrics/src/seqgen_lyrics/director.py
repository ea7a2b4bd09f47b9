"""The look-ahead: which tokens keep it possible that a line ends as it is demanded to.

A word may be begun only if the words that begin so include one after which the line can still come to its number of
syllables, and to a rhyme.  So the last word is chosen by the model, letter by letter if it writes letters, among those
that rhyme and fit, and no line runs into a corner.  Where none of it is possible, as after a prompt that has too many
syllables already, demands are given up in this order, each for as long as it must: the metre, the perfect rhyme (a slant one will
do), the number of syllables, the rhyme, that no line comes twice, and last the form.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqgen_lyrics.clock import Clock
from seqgen_lyrics.demands import Demands
from seqgen_lyrics.lexicon import MOST, Lexicon, Words
from seqgen_lyrics.line import Line, Place
from seqgen_lyrics.poem import Poem
from seqgen_lyrics.sounds import fits_stress, groups, may_be_word, plain, sounds, syllables
from seqgen_lyrics.vocabulary import Vocabulary, is_letter

Mask = npt.NDArray[np.bool_]

_LONGEST = 16  # syllables of a line of which nobody says how many
_SPREAD = 2  # syllables by which lines that rhyme may differ where nobody says
_MARKS = 3  # in a row
_REPEATED = "-"
_CLOSING = frozenset(",.;:!?)]}…")  # after which a space comes, or the line ends
_ENDING = frozenset(
    ".;:!?…"
)  # of a sentence, which ends with a line: a model that meant the line's end goes on as if it had come
_LEAST = 256  # tokens that are no words are looked at, however little time there is
_HEADING = 24  # characters
_UNKNOWN = 12  # letters of a word that nobody knows
_CONSONANTS = 3  # at its beginning


class Rules(NamedTuple):
    """What holds for the present line.

    Attributes:
        low, high: syllables.
        words: that may stand anywhere in the line.
        last: that it may end with; None: any.
        need: syllables of the shortest of them, 0 where any may.
        free: words that nobody knows may stand in it.
        unique: it must not be a line that came before.
        stanza: lines; None: any number.
    """

    low: int
    high: int
    words: Words
    last: Words | None
    need: int
    free: bool
    unique: bool
    stanza: int | None


class Director:
    """Directs the sequences of one generation.

    Args:
        demands: of all samplers together.
        vocabulary: of the model.
    """

    def __init__(self, demands: Demands, vocabulary: Vocabulary) -> None:
        self.demands = demands
        self._vocabulary = vocabulary
        self._clock = Clock(demands.seconds)
        self._steers = demands.steers_words and vocabulary.ends_lines
        if self._steers:
            lexicon = partial(Lexicon, vocabulary, look_ahead=demands.look_ahead, clock=self._clock)
            self._lexicon = lexicon(foot="")
            self._metrical = lexicon(foot=demands.foot) if demands.foot else self._lexicon
        self._headings = demands.headings and all(map(self._can_write, demands.sections))

    def masks(self, poem: Poem) -> Iterator[Mask]:
        """(V,) the tokens that may come next: first where all demands are kept, then where ever more are given up.

        Of what was not looked at when the time was over nothing may come, and a note says so.
        """
        if not self._vocabulary.ends_lines:
            return
        self._clock.start()
        given_up: set[str] = set()
        for demand in ("", "metre", "perfect rhyme", "syllables", "rhyme", "unique", "form"):
            given_up.add(demand)
            if not demand or self._is_demanded(demand):
                yield self._mask(poem, given_up)

    def _is_demanded(self, demand: str) -> bool:
        demands = self.demands
        return {
            "metre": bool(demands.foot),
            "perfect rhyme": bool(demands.scheme) and not demands.slant,
            "syllables": bool(demands.pattern or demands.scheme),
            "rhyme": bool(demands.scheme),
            "unique": demands.unique,
            "form": demands.stanza is not None,
        }[demand]

    def _can_write(self, section: str) -> bool:
        text = heading(section)
        return text in self._vocabulary.exact or all(letter in self._vocabulary.exact for letter in text)

    def _mask(self, poem: Poem, given_up: set[str]) -> Mask:
        mask = np.zeros(len(self._vocabulary), np.bool_)
        if "form" not in given_up:
            if self._headings and poem.name and not poem.headed and not poem.place.number and poem.place.line.is_empty:
                rest = heading(poem.name)[len(poem.place.heading) :]
                for token, text in enumerate(self._vocabulary.exact):
                    mask[token] = bool(text) and rest.startswith(text)
                return mask
            if poem.replayed is not None:
                mask[poem.replayed] = True
                return mask
        if poem.place.heading:
            return self._in_heading(poem.place.heading)
        rules = self._rules(poem, given_up)
        self._allow_words(mask, poem, rules)
        any_word = bool(mask.any())
        for looked_at, (token, text) in enumerate(self._vocabulary.others):
            if looked_at >= _LEAST and self._clock.late():
                poem.hurry(self._clock.seconds)
                break
            if token == self._vocabulary.end_id:
                mask[token] = self._may_end(poem, rules)
            elif text:
                mask[token] = self._may_follow(poem, text, rules)
            else:  # a mark of case, after which a word comes
                mask[token] = any_word and poem.idle < 2 and self._may_be_any_word(poem.place.line, rules)
        return mask

    def _in_heading(self, begun: str) -> Mask:
        """Within a heading that the model or the prompt began."""
        closed = begun.endswith("]")
        long = len(begun) > _HEADING
        return np.array(
            [
                text[:1] == "\n"
                if closed
                else bool(text) and ("]" in text if long else "\n" not in text.partition("]")[0])
                for text in self._vocabulary.texts
            ],
            np.bool_,
        )

    def _rules(self, poem: Poem, given_up: set[str]) -> Rules:
        demands = self.demands
        index = poem.place.number
        unique = demands.unique and "unique" not in given_up
        stanza = None if "form" in given_up else demands.stanza
        if not self._steers:
            return Rules(0, 1 << 30, _NOTHING, None, 0, free=True, unique=unique, stanza=stanza)
        lexicon = self._lexicon if "metre" in given_up else self._metrical
        last = None if "rhyme" in given_up else self._last_words(poem, lexicon, slant="perfect rhyme" in given_up)
        if last is None and "syllables" not in given_up:
            last = lexicon.strong
        need = min((last.fewest(place) for place in range(max(1, len(lexicon.all.foot)))), default=0) if last else 0
        wanted = demands.syllables(index)
        before, _ = demands.partners(index)
        if "syllables" in given_up:
            so_far = poem.place.line.ended().syllables
            low, high = 1, max(so_far + need + _SPREAD, 1)
        elif wanted is not None:
            low = high = wanted
        elif before and before[0] < len(poem.ends):
            like = poem.ends[before[0]][1]
            low, high = max(1, like - _SPREAD), max(like + _SPREAD, need + 1)
        else:
            low, high = 1, _LONGEST
        free = not lexicon.all.foot
        return Rules(low, high, lexicon.all, last, need, free=free, unique=unique, stanza=stanza)

    def _last_words(self, poem: Poem, lexicon: Lexicon, *, slant: bool) -> Words | None:
        """What the line may end with; None where anything may, or nothing that rhymes is known."""
        demands = self.demands
        before, after = demands.partners(poem.place.number)
        earlier = tuple(poem.ends[place][0] for place in before if place < len(poem.ends) and poem.ends[place][0])
        if earlier:
            options = {"slant": slant or demands.slant, "identical": demands.identical}
            found = lexicon.rhyming(earlier, **options)
            if found.cut_short:
                poem.hurry(self._clock.seconds)
            return found if len(found) else None
        if after:
            most = min((demands.syllables(place) or MOST) for place in (poem.place.number, *after))
            found = lexicon.rich(len(after), most)
            return found if len(found) else None
        return None

    # Words

    def _allow_words(self, mask: Mask, poem: Poem, rules: Rules) -> None:
        """Set the tokens of letters, with or without a space before them."""
        place, line = poem.place, poem.place.line
        if must_break(place, rules):
            return
        inside, spaced = self._vocabulary.inside, self._vocabulary.spaced
        if not self._steers or _takes_letters(line):
            mask[inside.ids] = self._stems(poem, line, rules)[inside.stems]
            if line.word:
                mask[self._vocabulary.capitals] = (
                    False  # the look-ahead leaves few letters, and a model that likes none takes any
                )
        if line.word:
            may_go_on, _ = self._after_word(poem, line, rules)
            if may_go_on:
                mask[spaced.ids] = self._stems(poem, line.ended(), rules)[spaced.stems]
        elif self._vocabulary.drops_space if line.is_empty else not line.gap[-1:].isspace():
            mask[spaced.ids] = self._stems(poem, line, rules)[spaced.stems]

    def _stems(self, poem: Poem, line: Line, rules: Rules) -> Mask:
        """(U,) the stems that may come next in a line."""
        if not self._steers:
            return np.ones(len(self._vocabulary.stems), np.bool_)
        letters, so_far = line.word, line.syllables
        rules = self._without_repetition(poem, line, rules)
        room = min(rules.high - rules.need - so_far, MOST)
        allowed = np.zeros(len(self._vocabulary.stems), np.bool_)
        if room >= 1:
            allowed = (rules.words.after(letters, so_far) & np.uint32((1 << room + 1) - 2)) != 0
            if rules.free and len(letters) < _UNKNOWN:
                # One to spare, for words that have more syllables than groups of vowels.
                free = np.maximum(self._vocabulary.groups + groups(letters), 1) < room
                if len(letters) >= _CONSONANTS and not groups(letters):
                    free &= self._vocabulary.groups > 0  # or it would become no word
                allowed |= free
        if rules.last is not None:
            allowed |= (rules.last.after(letters, so_far) & _bits(rules, so_far)) != 0
        return allowed

    def _may_be_any_word(self, line: Line, rules: Rules) -> bool:
        """Whether it is not only last words that may come, of which the model might take none but for its case."""
        return not self._steers or rules.last is None or rules.high - rules.need - line.ended().syllables >= 1

    def _may_begin_with(self, poem: Poem, line: Line, rules: Rules) -> bool:
        """Whether the line may go on, where its last word is only begun."""
        if not self._steers:
            return True
        letters, so_far = line.word, line.syllables
        rules = self._without_repetition(poem, line, rules)
        room = min(rules.high - rules.need - so_far, MOST)
        if room >= 1 and (rules.words.beginning(letters, so_far) & ((1 << room + 1) - 2)):
            return True
        vowels = groups(letters)
        if rules.free and len(letters) <= (_UNKNOWN if vowels else _CONSONANTS) and max(vowels, 1) < room:
            return True
        return rules.last is not None and bool(rules.last.beginning(letters, so_far) & int(_bits(rules, so_far)))

    def _without_repetition(self, poem: Poem, line: Line, rules: Rules) -> Rules:
        banned = poem.lines.get(line.words) if rules.unique else None
        if not banned:
            return rules
        last = (rules.words if rules.last is None else rules.last).without(banned)
        return rules._replace(last=last, need=max(rules.need, 1))

    def _after_word(self, poem: Poem, line: Line, rules: Rules) -> tuple[bool, bool]:
        """Whether the line may go on after its present word, and whether it may end there."""
        whole = line.ended()
        if not self._steers:
            return True, self._may_end_with(poem, whole, rules)
        if not may_be_word(plain(line.word)):
            return False, False
        if rules.words.foot and not self._keeps_metre(line, rules):
            return False, False
        may_go_on = whole.syllables + max(rules.need, 1) <= rules.high
        return may_go_on, self._may_end_with(poem, whole, rules)

    def _keeps_metre(self, line: Line, rules: Rules) -> bool:
        """Whether the present word is one of which the stress is known, and fits."""
        word = plain(line.word)
        return not word or (word in rules.words and _fits(word, rules.words.foot, line.syllables))

    def _may_end_with(self, poem: Poem, whole: Line, rules: Rules) -> bool:
        """Whether this, with all words whole, may be the line."""
        if not whole.words or (rules.unique and whole.last in poem.lines.get(whole.words[:-1], ())):
            return False
        if not self._steers:
            return True
        return rules.low <= whole.syllables <= rules.high and (rules.last is None or whole.last in rules.last)

    # Everything else

    def _may_follow(self, poem: Poem, text: str, rules: Rules) -> bool:
        """Whether a text may come next, of which not all is letters."""
        place = poem.place
        for character in text:
            if not self._may_be_next(poem, place, character, rules):
                return False
            place = place.push(character)
        return True

    def _may_be_next(self, poem: Poem, place: Place, character: str, rules: Rules) -> bool:
        line = place.line
        if place.heading:
            return (character == "\n") is place.heading.endswith("]")
        if character == "\n":
            return self._may_break(poem, place, rules)
        if must_break(place, rules) or place.number != poem.place.number:
            return False  # a token ends a line, and begins none
        if is_letter(character):
            if self._steers and not _takes_letters(line):
                return False
            return self._may_begin_with(poem, line._replace(word=line.word + character), rules)
        if character == "[" and place.at_start:
            return place.number == 0 and not self.demands.sections
        if not self._steers:
            return True
        return self._may_be_mark(poem, line, character, rules)

    def _may_be_mark(self, poem: Poem, line: Line, character: str, rules: Rules) -> bool:
        if line.word:
            may_go_on, may_end = self._after_word(poem, line, rules)
            if character in _ENDING:
                return may_end
            return may_go_on or (may_end and not character.isspace())
        if character.isspace():
            return not line.is_empty and not line.gap[-1:].isspace() and line.syllables < rules.high
        before = line.gap[-1:] or " "
        if before == " ":
            return character not in _CLOSING and len(line.gap) < _MARKS
        return before == character and character in _REPEATED and len(line.gap) < _MARKS

    def _may_break(self, poem: Poem, place: Place, rules: Rules) -> bool:
        """Whether a line end may come: that of the line, or of the stanza."""
        if place.at_start:
            return place.number > 0 and (rules.stanza is None or place.number >= rules.stanza)
        if place.line.word:
            return self._after_word(poem, place.line, rules)[1]
        return self._may_end_with(poem, place.line, rules)

    def _may_end(self, poem: Poem, rules: Rules) -> bool:
        """Whether the text may end here."""
        place, stanza = poem.place, rules.stanza
        if poem.name is not None and poem.section < len(self.demands.sections) - 1 and stanza is not None:
            return False
        if place.at_start:
            return bool(poem.lines) and (stanza is None or place.number in (0, stanza))
        if stanza is not None and place.number + 1 != stanza:
            return False
        return self._may_break(poem, place, rules)


def _takes_letters(line: Line) -> bool:
    """Whether a word may begin or go on: not right after a comma or a full stop."""
    return bool(line.word) or line.is_empty or line.gap[-1:] not in _CLOSING


def heading(section: str) -> str:
    """The line that a section begins with."""
    return f"[{section.capitalize()}]\n"


def must_break(place: Place, rules: Rules) -> bool:
    """Whether the stanza has all its lines, so that nothing but its end may come."""
    return rules.stanza is not None and place.at_start and place.number >= rules.stanza


def _bits(rules: Rules, so_far: int) -> np.uint32:
    """The numbers of syllables of a word with which the line comes to its own."""
    least, most = max(1, rules.low - so_far), min(MOST, rules.high - so_far)
    return np.uint32((1 << most + 1) - (1 << least)) if most >= least else np.uint32(0)


def _fits(word: str, foot: str, so_far: int) -> bool:
    heard, count = sounds(word), syllables(word)
    return any(sound.syllables == count and fits_stress(sound, foot, so_far % len(foot)) for sound in heard)


_NOTHING = Words((), Vocabulary((), (), None, drops_space=False))
