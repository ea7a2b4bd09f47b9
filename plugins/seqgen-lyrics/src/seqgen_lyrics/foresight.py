"""What a model would write itself: the words that a line may end with, and the marks after which the line goes on.

Where the last word of a line may begin, a bounded beam over the model's own probabilities finds words that end where a word
can end, have the syllables that are left, and rhyme.  Those are what the line may end with.  Only where there is none, and
only in a text whose words CMUdict mostly knows, the words of CMUdict take their place.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqgen.core.sampler import Ahead
from seqgen_lyrics.beam import Found, Quest, log_softmax, search
from seqgen_lyrics.director import Director, fits_foot, must_break, takes_letters
from seqgen_lyrics.endings import rhyming_endings, spelled_endings, spelled_rhyme
from seqgen_lyrics.language import COMMONEST, is_foreign, words_of, written_words
from seqgen_lyrics.lexicon import MOST, Words, by_rhyme_of
from seqgen_lyrics.line import Line
from seqgen_lyrics.penalties import Penalties
from seqgen_lyrics.poem import Poem, Proposed
from seqgen_lyrics.sounds import Kind, is_known, is_weak, may_be_word, plain, sounds, syllables
from seqgen_lyrics.vocabulary import Vocabulary

_LONGEST = 2  # syllables of a word that is looked for, where a rhyme needs no more
_OPEN = 3  # syllables that a line has before its end is looked for, where nobody says how many it has
_LIKELY = 0.02  # the least probability of what is looked at: a mark, or a space
_ENDS = 0.5  # the probability of the line's end after a mark from which on the model means it
_FLUENT = -3.0  # mean log-probability of what follows a word's first letter, below which the model does not know it
_SURE = -0.7  # the same of a word that neither CMUdict nor the corpus knows, in a language that CMUdict knows
_ROOTS = 6  # words a line may begin a rhyme with, of which is looked whether the model can rhyme with them


class _Place(NamedTuple):
    """Where a last word may begin.

    Attributes:
        row: of the text.
        poem: the text.
        line: its whole words.
        spaced: the word begins with a token that has its own space.
        least, most: syllables of it.
        partners: words that it rhymes with; none: others are to rhyme with it.
    """

    row: int
    poem: Poem
    line: Line
    spaced: bool
    least: int
    most: int
    partners: tuple[str, ...]


class Foresight:
    """Asks the model for the texts of one generation.

    Args:
        director: of all of them.
        penalties: of their chain.
    """

    def __init__(self, director: Director, penalties: Penalties) -> None:
        self._director = director
        self._penalties = penalties
        self._vocabulary = director.vocabulary

    def judge_language(self, poem: Poem, prompt: Sequence[int]) -> None:
        """Settle by the commonest words of its corpus and by its prompt whether CMUdict knows a text's language, where those tell."""
        if self._vocabulary.knows_words:
            self._settle(poem, [*self._vocabulary.ordered[:COMMONEST], *self._prompt_words(prompt)])

    def look(self, ahead: Ahead, poems: Sequence[Poem], prompts: Sequence[Sequence[int]]) -> None:
        """Propose what lines may end with, for each of the texts (B,) that is where a last word may begin."""
        director = self._director
        if not director.vocabulary.ends_lines or not director.steers:
            return
        finite = np.isfinite(ahead.logits.max(axis=1))
        asked = [row for row, poem in enumerate(poems) if finite[row] and self._is_free(poem)]
        self._judge_languages(ahead, [(row, poems[row], tuple(prompts[row])) for row in asked])
        if not asked:
            return
        director.clock.start(len(asked))  # by it the rules stop that are asked for before anything is proposed
        known = log_softmax(ahead.logits[np.array(asked)])
        likely = np.exp(known)  # (A, V)
        self._look_at_marks(ahead, asked, poems, likely)
        spaced = likely[:, self._vocabulary.spaced.ids].sum(axis=1) >= _LIKELY
        places = [
            place
            for row, may_be_spaced in zip(asked, spaced.tolist(), strict=True)
            for place in self._places(row, poems[row], may_be_spaced=may_be_spaced)
        ]
        if places:
            director.clock.start(len(places))
            self._propose(ahead, places)

    def _is_free(self, poem: Poem) -> bool:
        """Whether the next token is any, and not of a heading or of what comes back."""
        place = poem.place
        due = self._director.heads(poem)
        return not (place.heading or due or poem.replayed is not None)

    # The language

    def _judge_languages(self, ahead: Ahead, asked: Iterable[tuple[int, Poem, tuple[int, ...]]]) -> None:
        found: dict[tuple[tuple[int, ...], bytes], list[str]] = {}
        for row, poem, prompt in asked:
            if poem.foreign is None:
                read = prompt, ahead.logits[row].tobytes()  # of one prompt the model says the same in all rows
                if read not in found:
                    found[read] = written_words(ahead, row, self._vocabulary)
                self._settle(poem, [*found[read], *self._prompt_words(prompt)])

    def _settle(self, poem: Poem, words: Iterable[str]) -> None:
        poem.foreign = is_foreign(words)

    def _prompt_words(self, prompt: Sequence[int]) -> list[str]:
        return words_of("".join(self._vocabulary.texts[token] for token in prompt))

    # Marks

    def _look_at_marks(
        self, ahead: Ahead, asked: Sequence[int], poems: Sequence[Poem], likely: npt.NDArray[np.float64]
    ) -> None:
        """Find the marks within a line after which the model would go on with it."""
        marks, breaks = self._vocabulary.marks, self._vocabulary.breaks
        rows, tokens = [], []
        for number, row in enumerate(asked):
            poem = poems[row]
            line = poem.place.line
            if not line.word:
                continue
            may_be = marks[likely[number, marks] >= _LIKELY]
            poem.goes_on = frozenset()
            if len(may_be) and self._director.after_word(poem, line, self._director.book.of(poem, line))[0]:
                rows += [row] * len(may_be)
                tokens += may_be.tolist()
        if rows:
            further = np.exp(log_softmax(ahead.after(np.array(rows), np.array(tokens)).logits))
            for row, token, ends in zip(rows, tokens, further[:, breaks].sum(axis=1).tolist(), strict=True):
                if ends < _ENDS:
                    poems[row].goes_on = frozenset({token, *(poems[row].goes_on or ())})

    # Last words

    def _places(self, row: int, poem: Poem, *, may_be_spaced: bool) -> Iterator[_Place]:
        director, demands = self._director, self._director.demands
        line, number = poem.place.line, poem.place.number
        before, after = demands.partners(number)
        words_are_tokens = self._vocabulary.drops_space  # which the model weighs itself
        if not (before or after) or words_are_tokens:
            return
        wanted = demands.syllables(number)
        far = wanted is not None and wanted - line.syllables > 2 * _LONGEST + 1  # as most places are
        if far or (line.word and not may_be_spaced):
            return
        rules = director.book.of(poem, line)
        if must_break(poem.place, rules):
            return
        starts = []
        if line.word:
            if may_be_spaced and director.after_word(poem, line, rules)[0]:
                starts.append((line.ended(), True))
        else:
            if takes_letters(line):
                starts.append((line, False))
            if may_be_spaced and (self._vocabulary.drops_space if line.is_empty else not line.gap[-1:].isspace()):
                starts.append((line, True))
        partners = tuple(poem.ends[place][0] for place in before if place < len(poem.ends) and poem.ends[place][0])
        for start, spaced in starts:
            least = max(1, rules.low - start.syllables)
            most = min(rules.high - start.syllables, max(rules.need, _LONGEST))
            open_end = rules.low == 1 and start.syllables < _OPEN
            if least <= most and not open_end:
                yield _Place(row, poem, start, spaced, least, most, partners)

    def _propose(self, ahead: Ahead, places: Sequence[_Place]) -> None:
        quests = [
            Quest(place.row, place.spaced, self._endings(place), functools.partial(self._accepts, place))
            for place in places
        ]
        found = self._search(ahead, places, quests)
        firsts = [number for number, place in enumerate(places) if not place.partners and self._is_alone(place.poem)]
        rhymable = self._rhymable(ahead, [places[number] for number in firsts], [found[number] for number in firsts])
        for number, words in zip(firsts, rhymable, strict=True):
            found[number] = words
        fresh: dict[tuple[int, int], Proposed] = {}
        for place, words in zip(places, found, strict=True):
            key = place.row, len(place.line.words)
            proposed = self._proposed(place, words)
            fresh[key] = _joined(fresh[key], proposed, self._words) if key in fresh else proposed
            place.poem.proposed[key[1]] = fresh[key]

    def _search(self, ahead: Ahead, places: Sequence[_Place], quests: Sequence[Quest]) -> list[list[Found]]:
        director = self._director
        most, clock = director.demands.look_ahead, director.clock
        found, late = search(ahead, quests, self._vocabulary, self._penalties, most=most, clock=clock)
        if late:
            for place in places:
                place.poem.hurry(director.clock.seconds)
        return found

    def _is_alone(self, poem: Poem) -> bool:
        """Whether only the model knows words of the language, and neither CMUdict nor the tokenizer."""
        return bool(poem.foreign) and not self._vocabulary.knows_words

    def _is_word(self, place: _Place, found: Found) -> bool:
        """Whether it is a word that one would end a line with, as far as the model knows."""
        word = plain(found.word)
        if word not in self._vocabulary.words:
            if place.poem.foreign and not self._is_alone(place.poem):
                return False
            if found.fluency < _SURE and not (place.poem.foreign or is_known(word)):
                return False
        return bool(word) and found.fluency >= _FLUENT and may_be_word(word) and not is_weak(word)

    def _endings(self, place: _Place) -> tuple[str, ...]:
        if not place.partners:
            return ()
        first = place.partners[0]
        if place.poem.foreign or not is_known(first):
            return spelled_endings(first)
        return _english_endings(first, self._vocabulary)

    def _accepts(self, place: _Place, found: Found) -> bool:
        """Whether a word may end the line here."""
        word = plain(found.word)
        if not self._is_word(place, found) or not place.least <= syllables(word) <= place.most:
            return False
        director = self._director
        foot = director.demands.foot
        if foot and not fits_foot(word, foot, place.line.syllables):
            return False
        if director.demands.unique and word in place.poem.lines.get(place.line.words, ()):
            return False
        by_letters = place.poem.foreign and place.partners  # what rhymes with these then echoes whatever they do
        if not by_letters and place.poem.echoed(word, place.poem.place.number):
            return False
        return self._rhymes(place, word, Kind.SLANT)

    def _rhymes(self, place: _Place, word: str, least: Kind) -> bool:
        identical = self._director.demands.identical
        kinds = [place.poem.rhyme(word, partner) for partner in place.partners]
        return all(kind >= least or (kind == Kind.IDENTICAL and identical) for kind in kinds)

    def _proposed(self, place: _Place, found: Sequence[Found]) -> Proposed:
        likely: dict[str, float] = {}
        for each in found:  # likeliest first
            likely.setdefault(plain(each.word), each.log_probability)
        if not place.partners:
            if not self._is_alone(place.poem):  # what others of the lexicon rhyme with
                demands = self._director.demands
                _, after = demands.partners(place.poem.place.number)
                most = min((demands.syllables(line) or MOST) for line in (place.poem.place.number, *after))
                rich = self._director.book.lexicon(place.poem).rich(len(after), most)
                likely = {word: likely[word] for word in likely if word in rich}
            both = self._words(likely)
            return Proposed(both, both, likely)
        perfect = [word for word in likely if self._rhymes(place, word, Kind.PERFECT)]
        return Proposed(self._words(perfect), self._words(likely), likely)

    def _words(self, words: Iterable[str]) -> Words:
        return Words(dict.fromkeys(words), self._vocabulary)

    def _rhymable(self, ahead: Ahead, places: Sequence[_Place], found: Sequence[Sequence[Found]]) -> list[list[Found]]:
        """Of words that were found for lines that others are to rhyme with, those for which the model has rhymes; all, if none."""
        roots = [words[:_ROOTS] for words in found]
        quests = []
        for place, words in zip(places, roots, strict=True):
            endings = dict.fromkeys(spelled_endings(word.word)[0] for word in words)
            quests.append(Quest(place.row, place.spaced, tuple(endings), functools.partial(self._is_word, place)))
        asked = [number for number, quest in enumerate(quests) if quest.endings]
        others = self._search(ahead, [places[number] for number in asked], [quests[number] for number in asked])
        kept: list[list[Found]] = [list(words) for words in found]
        for number, rhymes in zip(asked, others, strict=True):
            _, after = self._director.demands.partners(places[number].poem.place.number)
            good = [
                word
                for word in roots[number]
                if sum(spelled_rhyme(word.word, other.word) == Kind.PERFECT for other in rhymes) >= len(after)
            ]
            kept[number] = good or kept[number]
        return kept


def _joined(one: Proposed, other: Proposed, made: Callable[[Iterable[str]], Words]) -> Proposed:
    perfect, slant = ({*mine.words, *others.words} for mine, others in zip(one[:2], other[:2], strict=True))
    return Proposed(made(perfect), made(slant), {**one.likely, **other.likely})


@functools.lru_cache(1 << 12)
def _english_endings(word: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    alike = by_rhyme_of(vocabulary, english=True).get(sounds(word)[0].rhyme, ())
    return rhyming_endings(word, alike, vocabulary.words)
