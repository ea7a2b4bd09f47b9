"""The look-ahead: which tokens keep it possible that a line ends as it is demanded to.

A word may be begun only if the words that begin so include one after which the line can still come to its number of
syllables, and to a rhyme.  So the last word is chosen by the model among those that rhyme and fit, which are its own where it
could be asked (``foresight``), and no line runs into a corner.  Where none of it is possible, as after a prompt that has too many
syllables already, demands are given up in this order, each for as long as it must: that lines of unlike letters do not rhyme, the
metre, the perfect rhyme (a slant one will do), the number of syllables, the rhyme, that no line comes twice, and last the form.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import numpy.typing as npt

from seqgen_lyrics.clock import Clock
from seqgen_lyrics.demands import Demands
from seqgen_lyrics.lexicon import MOST
from seqgen_lyrics.line import Line, Place
from seqgen_lyrics.poem import Poem
from seqgen_lyrics.rules import RuleBook, Rules
from seqgen_lyrics.sounds import fits_stress, groups, may_be_word, plain, sounds, syllables
from seqgen_lyrics.vocabulary import CLOSING, Vocabulary, is_letter
from seqgen_lyrics.weighing import weighed

Mask = npt.NDArray[np.bool_]

_MARKS = 3  # in a row
_REPEATED = "-"
_ENDING = frozenset(".;:!?…")
"""Marks that end a sentence.  A model that meant the line's end with it goes on as if that had come; so where nobody foresees
which it meant, a sentence ends with a line."""
_LEAST = 256  # tokens that are no words are looked at, however little time there is
_HEADING = 24  # characters
_UNKNOWN = 12  # letters of a word that nobody knows
_CONSONANTS = 3  # at its beginning


class Director:
    """Directs the sequences of one generation.

    Args:
        demands: of all samplers together.
        vocabulary: of the model.
    """

    def __init__(self, demands: Demands, vocabulary: Vocabulary) -> None:
        self.demands = demands
        self.vocabulary = vocabulary
        self.clock = Clock(demands.seconds)
        self._asked: tuple[Rules, Line, tuple[bool, bool]] | None = None
        self.book = RuleBook(demands, vocabulary, self.clock)
        # A model of words that may not write the comma that it wants would go on with pieces of words.
        self._watched = _ENDING if vocabulary.drops_space else CLOSING
        self.steers = demands.steers_words and vocabulary.ends_lines
        self._headings = demands.headings and all(map(self._can_write, demands.sections))

    def masks(self, poem: Poem) -> Iterator[Mask]:
        """(V,) the tokens that may come next: first where all demands are kept, then where ever more are given up.

        Of what was not looked at when the time was over nothing may come, and a note says so.
        """
        if not self.vocabulary.ends_lines:
            return
        self.clock.start()
        given_up: set[str] = set()
        for demand in ("", "apart", "metre", "perfect rhyme", "syllables", "rhyme", "unique", "form"):
            given_up.add(demand)
            if not demand or self._is_demanded(demand):
                yield self._mask(poem, given_up)

    def weighed(self, poem: Poem, allowed: Mask, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
        """(V,) the logits by whole words, where the line must end with one that the model proposes; None elsewhere."""
        line = poem.place.line
        words = None if poem.place.heading or line.gap.strip() else self.book.only(poem)
        return weighed(logits, allowed, line.word, words, self.vocabulary) if words else None

    def _is_demanded(self, demand: str) -> bool:
        demands = self.demands
        return {
            "apart": bool(demands.scheme),
            "metre": bool(demands.foot),
            "perfect rhyme": bool(demands.scheme) and not demands.slant,
            "syllables": bool(demands.pattern or demands.scheme),
            "rhyme": bool(demands.scheme),
            "unique": demands.unique,
            "form": demands.stanza is not None,
        }[demand]

    def _can_write(self, section: str) -> bool:
        text = heading(section)
        return text in self.vocabulary.exact or all(letter in self.vocabulary.exact for letter in text)

    def _mask(self, poem: Poem, given_up: set[str]) -> Mask:
        mask = np.zeros(len(self.vocabulary), np.bool_)
        if "form" not in given_up:
            if self.heads(poem):
                rest = heading(str(poem.name))[len(poem.place.heading) :]
                for token, text in enumerate(self.vocabulary.exact):
                    mask[token] = bool(text) and rest.startswith(text)
                return mask
            if poem.replayed is not None:
                mask[poem.replayed] = True
                return mask
        if poem.place.heading:
            return self._in_heading(poem.place.heading)
        rules = self.book.of(poem, poem.place.line, given_up)
        self._allow_words(mask, poem, rules, given_up)
        any_word = bool(mask.any())
        for looked_at, (token, text) in enumerate(self.vocabulary.others):
            if looked_at >= _LEAST and self.clock.late():
                poem.hurry(self.clock.seconds)
                break
            if token == self.vocabulary.end_id:
                mask[token] = self._may_end(poem, rules)
            elif text:
                mask[token] = self._may_follow(poem, token, text, rules)
            else:  # a mark of case, after which a word comes
                mask[token] = any_word and poem.idle < 2 and self._may_be_any_word(poem.place.line, rules)
        return mask

    def heads(self, poem: Poem) -> bool:
        """Whether the heading of the present section is due."""
        at_start = not poem.place.number and poem.place.line.is_empty
        return bool(self._headings and poem.name) and not poem.headed and at_start

    def _in_heading(self, begun: str) -> Mask:
        """Within a heading that the model or the prompt began."""
        closed = begun.endswith("]")
        long = len(begun) > _HEADING
        return np.array(
            [
                text[:1] == "\n"
                if closed
                else bool(text) and ("]" in text if long else "\n" not in text.partition("]")[0])
                for text in self.vocabulary.texts
            ],
            np.bool_,
        )

    # Words

    def _allow_words(self, mask: Mask, poem: Poem, rules: Rules, given_up: Collection[str]) -> None:
        """Set the tokens of letters, with or without a space before them."""
        place, line = poem.place, poem.place.line
        if must_break(place, rules):
            return
        inside, spaced = self.vocabulary.inside, self.vocabulary.spaced
        if not self.steers or takes_letters(line):
            mask[inside.ids] = self._stems(poem, line, rules)[inside.stems]
            if line.word:
                mask[self.vocabulary.capitals] = (
                    False  # the look-ahead leaves few letters, and a model that likes none takes any
                )
        if line.word:
            may_go_on, _ = self.after_word(poem, line, rules)
            if may_go_on:
                whole = line.ended()
                if poem.proposed:  # for each word others
                    rules = self.book.of(poem, whole, given_up)
                mask[spaced.ids] = self._stems(poem, whole, rules)[spaced.stems]
        elif self.vocabulary.drops_space if line.is_empty else not line.gap[-1:].isspace():
            mask[spaced.ids] = self._stems(poem, line, rules)[spaced.stems]

    def _stems(self, poem: Poem, line: Line, rules: Rules) -> Mask:
        """(U,) the stems that may come next in a line."""
        if not self.steers:
            return np.ones(len(self.vocabulary.stems), np.bool_)
        letters, so_far = line.word, line.syllables
        rules = self.without_repetition(poem, line, rules)
        room = min(rules.high - rules.need - so_far, MOST)
        allowed = np.zeros(len(self.vocabulary.stems), np.bool_)
        if room >= 1:
            allowed = (rules.words.after(letters, so_far) & np.uint32((1 << room + 1) - 2)) != 0
            if rules.free and len(letters) < _UNKNOWN:
                free = np.maximum(self.vocabulary.groups + groups(letters), 1) + rules.spare <= room
                if len(letters) >= _CONSONANTS and not groups(letters):
                    free &= self.vocabulary.groups > 0  # or it would become no word
                allowed |= free
        if rules.last is not None:
            allowed |= (rules.last.after(letters, so_far) & bits_of_room(rules, so_far)) != 0
        return allowed

    def _may_be_any_word(self, line: Line, rules: Rules) -> bool:
        """Whether it is not only last words that may come, of which the model might take none but for its case."""
        return not self.steers or rules.last is None or rules.high - rules.need - line.ended().syllables >= 1

    def _may_begin_with(self, poem: Poem, line: Line, rules: Rules) -> bool:
        """Whether the line may go on, where its last word is only begun."""
        if not self.steers:
            return True
        letters, so_far = line.word, line.syllables
        rules = self.without_repetition(poem, line, rules)
        room = min(rules.high - rules.need - so_far, MOST)
        if room >= 1 and (rules.words.beginning(letters, so_far) & ((1 << room + 1) - 2)):
            return True
        vowels = groups(letters)
        few = max(vowels, 1) + rules.spare <= room
        if rules.free and len(letters) <= (_UNKNOWN if vowels else _CONSONANTS) and few:
            return True
        return rules.last is not None and bool(rules.last.beginning(letters, so_far) & int(bits_of_room(rules, so_far)))

    def without_repetition(self, poem: Poem, line: Line, rules: Rules) -> Rules:
        """The rules for a line of which the words so far began another, that must not come again."""
        banned = poem.lines.get(line.words) if rules.unique else None
        if not banned:
            return rules
        last = (rules.words if rules.last is None else rules.last).without(banned)
        return rules._replace(last=last, need=max(rules.need, 1))

    def after_word(self, poem: Poem, line: Line, rules: Rules) -> tuple[bool, bool]:
        """Whether the line may go on after its present word, and whether it may end there."""
        if self._asked is None or self._asked[0] is not rules or self._asked[1] != line:  # as one does for each mark
            self._asked = rules, line, self._after_word(poem, line, rules)
        return self._asked[2]

    def _after_word(self, poem: Poem, line: Line, rules: Rules) -> tuple[bool, bool]:
        whole = line.ended()
        if not self.steers:
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
        return not word or (word in rules.words and fits_foot(word, rules.words.foot, line.syllables))

    def _may_end_with(self, poem: Poem, whole: Line, rules: Rules) -> bool:
        """Whether this, with all words whole, may be the line."""
        if not whole.words or (rules.unique and whole.last in poem.lines.get(whole.words[:-1], ())):
            return False
        if not self.steers:
            return True
        if not rules.low <= whole.syllables <= rules.high:
            return False
        proposed = poem.proposed.get(len(whole.words) - 1)
        if proposed is not None and whole.last in (proposed.slant if rules.slant else proposed.perfect):
            return True  # also after a comma, where the rules are those of the next word
        return rules.last is None or whole.last in rules.last

    # Everything else

    def _may_follow(self, poem: Poem, token: int, text: str, rules: Rules) -> bool:
        """Whether a text may come next, of which not all is letters."""
        place = poem.place
        for character in text:
            if not self._may_be_next(poem, place, token, character, rules):
                return False
            place = place.push(character)
        return True

    def _may_be_next(self, poem: Poem, place: Place, token: int, character: str, rules: Rules) -> bool:
        line = place.line
        if place.heading:
            return (character == "\n") is place.heading.endswith("]")
        if character == "\n":
            return self._may_break(poem, place, rules)
        if must_break(place, rules) or place.number != poem.place.number:
            return False  # a token ends a line, and begins none
        if is_letter(character):
            if self.steers and not takes_letters(line):
                return False
            return self._may_begin_with(poem, line._replace(word=line.word + character), rules)
        if character == "[" and place.at_start:
            return place.number == 0 and not self.demands.sections
        if not self.steers:
            return True
        return self._may_be_mark(poem, line, token, character, rules)

    def _may_be_mark(self, poem: Poem, line: Line, token: int, character: str, rules: Rules) -> bool:
        if line.word:
            may_go_on, may_end = self.after_word(poem, line, rules)
            if character.isspace():
                return may_go_on
            if poem.goes_on is not None and character in self._watched:
                return may_end or (may_go_on and token in poem.goes_on)
            return may_end or (may_go_on and character not in _ENDING)
        if character.isspace():
            return not line.is_empty and not line.gap[-1:].isspace() and line.syllables < rules.high
        if line.syllables >= rules.high:  # the line is full, as of a prompt; behind the mark no word could come
            return False
        before = line.gap[-1:] or " "
        if before == " ":
            return character not in CLOSING and len(line.gap) < _MARKS
        return before == character and character in _REPEATED and len(line.gap) < _MARKS

    def _may_break(self, poem: Poem, place: Place, rules: Rules) -> bool:
        """Whether a line end may come: that of the line, or of the stanza."""
        if place.at_start:
            return place.number > 0 and (rules.stanza is None or place.number >= rules.stanza)
        if place.line.word:
            return self.after_word(poem, place.line, rules)[1]
        return self._may_end_with(poem, place.line, rules)

    def _may_end(self, poem: Poem, rules: Rules) -> bool:
        """Whether the text may end here."""
        place, stanza = poem.place, rules.stanza
        if poem.name is not None and poem.section < len(self.demands.sections) - 1 and stanza is not None:
            return False
        if place.at_start:
            return poem.has_lines and (stanza is None or place.number in (0, stanza))
        if stanza is not None and place.number + 1 != stanza:
            return False
        return self._may_break(poem, place, rules)


def takes_letters(line: Line) -> bool:
    """Whether a word may begin or go on: not right after a comma or a full stop."""
    return bool(line.word) or line.is_empty or line.gap[-1:] not in CLOSING


def heading(section: str) -> str:
    """The line that a section begins with."""
    return f"[{section.capitalize()}]\n"


def must_break(place: Place, rules: Rules) -> bool:
    """Whether the stanza has all its lines, so that nothing but its end may come."""
    return rules.stanza is not None and place.at_start and place.number >= rules.stanza


def bits_of_room(rules: Rules, so_far: int) -> np.uint32:
    """The numbers of syllables of a word with which the line comes to its own."""
    least, most = max(1, rules.low - so_far), min(MOST, rules.high - so_far)
    return np.uint32((1 << most + 1) - (1 << least)) if most >= least else np.uint32(0)


def fits_foot(word: str, foot: str, so_far: int) -> bool:
    """Whether a word fits a metre after so many syllables, in one of its pronunciations of usual length."""
    heard, count = sounds(word), syllables(word)
    return any(sound.syllables == count and fits_stress(sound, foot, so_far % len(foot)) for sound in heard)
