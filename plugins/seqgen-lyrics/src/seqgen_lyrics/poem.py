"""A text that is being written, read as verse: its lines, stanzas and sections, and what they do not keep of the demands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from seqgen_lyrics.demands import Demands
from seqgen_lyrics.endings import spelled_rhyme
from seqgen_lyrics.lexicon import Words
from seqgen_lyrics.line import Line, Place
from seqgen_lyrics.scheme import REFRAINS
from seqgen_lyrics.sounds import Kind, fits_stress, is_known, rhyme, sounds

_FOREIGN = (
    "CMUdict lacks the language of this text, so lines end in words of the model's own, which rhyme by their spelling"
)

_MOST_NOTES = 100  # of a text, which may have no end; the others are counted
_MOST_GUESSED = 100  # words that are kept to be counted
_SHOWN = 5  # of them


class Proposed(NamedTuple):
    """Words that the model would end a line with.

    Attributes:
        perfect: those that rhyme as is demanded.
        slant: those that rhyme at least by a slant.
        likely: the log-probability of each.
    """

    perfect: Words
    slant: Words
    likely: Mapping[str, float]


@dataclass
class Poem:
    """One sequence.

    Attributes:
        demands: what its lines are held against.
        place: where it is.
        ends: the last word and the number of syllables of each line of this stanza, where stanzas have a number of lines.
        lines: the words of all lines but the last of each, with the last words that were there, where none may come twice.
        has_lines: whether there was a line.
        body: the ids since the stanza began, its heading left out, where sections are demanded.
        kept: the ids of each section that comes back.
        section: the number of the present one.
        headed: whether this stanza has its heading.
        idle: tokens in a row that stood for no text.
        whole: whether all sections are written.
        foreign: whether the words of this text are those of a language that CMUdict lacks; None: nobody knows.
        proposed: what the model would end this line with, by how many words come before it, where it was asked.
        apart: of words that may end this line, those that rhyme with no line of another letter, where it was asked.
        goes_on: tokens of marks after which the model would go on with the line; None where it was not asked.
    """

    demands: Demands
    place: Place = field(default_factory=Place)
    ends: list[tuple[str, int]] = field(default_factory=list)
    lines: dict[tuple[str, ...], set[str]] = field(default_factory=dict)
    has_lines: bool = False
    body: list[int] = field(default_factory=list)
    kept: dict[str, list[int]] = field(default_factory=dict)
    section: int = 0
    headed: bool = False
    idle: int = 0
    whole: bool = False
    foreign: bool | None = None
    proposed: dict[int, Proposed] = field(default_factory=dict)
    apart: dict[Words, Words] = field(default_factory=dict)
    goes_on: frozenset[int] | None = None
    _notes: list[str] = field(default_factory=list)
    _unsaid: int = 0
    _hurried: int = 0
    _guessed: dict[str, None] = field(default_factory=dict)
    _number: int = 0
    _stanza: int = 0

    @property
    def name(self) -> str | None:
        """The section that is being written; None without a form, or after its end."""
        sections = self.demands.sections
        return sections[self.section] if self.section < len(sections) else None

    @property
    def replayed(self) -> int | None:
        """The id that must come next, where a section comes back; None where it does not."""
        kept = self.kept.get(self.name or "", [])
        repeats = len(self.body) < len(kept) and kept[: len(self.body)] == self.body
        return kept[len(self.body)] if repeats else None

    @property
    def _comes_back(self) -> bool:
        """Whether what is written of this stanza is what its section had before."""
        kept = self.kept.get(self.name or "", [])
        return bool(kept and self.body) and kept[: len(self.body)] == self.body

    @property
    def notes(self) -> list[str]:
        """What was not kept, a sentence each; of what is more than many only how much."""
        told = [_FOREIGN] if self.foreign and self.demands.steers_words else []
        told += self._notes
        if self._unsaid:
            told.append(f"and {self._unsaid:,} more")
        sections = len(self.demands.sections)
        begun = self.body or self.headed or self.section  # of a text that came to its end, end() tells
        if sections and begun and not self.whole:
            told.append(f"the text ends within section {self.section + 1} of {sections}.  Give it more --length")
        if self._guessed:
            words = list(self._guessed)
            shown = ", ".join(words[:_SHOWN]) + (", ..." if len(words) > _SHOWN else "")
            count = f"more than {_MOST_GUESSED}" if len(words) > _MOST_GUESSED else str(len(words))
            lacking = "1 word, whose sound is" if len(words) == 1 else f"{count} words, whose sounds are"
            told.append(f"CMUdict lacks {lacking} guessed from the spelling: {shown}")
        return told

    def forget_notes(self) -> None:
        """Begin the text that notes are about."""
        self._notes, self._unsaid, self._hurried, self._guessed, self._number = [], 0, 0, {}, 0

    def hurry(self, seconds: float) -> None:
        """There was no time to look at all that may come next in this line."""
        number = self._number + 1
        if self._hurried != number:
            self._hurried = number
            self._note(
                f"line {number}: the look-ahead was stopped after {seconds:g} s, so another run may write it otherwise"
            )

    def push(self, token: int, text: str) -> None:
        """Read a token."""
        self.idle = 0 if text else self.idle + 1
        self.goes_on = None
        if self.demands.sections:
            self.body.append(token)
        for character in text:
            before = self.place
            self.place = before.push(character)
            if character != "\n":
                continue
            if before.heading:
                self.headed = True
            elif before.at_start:
                if before.number:
                    self._end_stanza()
            else:
                self._end_line(before.line.ended(), before.number)
        if self.place.at_start and not self.place.number:
            self.body = []
        stanza = self.demands.stanza
        last = self.section == len(self.demands.sections) - 1
        if last and stanza is not None and self.place.at_start and self.place.number >= stanza:
            self.whole = True

    def end(self) -> None:
        """Read the end token, after which another text begins."""
        if not self.place.at_start and not self.place.heading:
            self._end_line(self.place.line.ended(), self.place.number)
        if self.ends:
            self._end_stanza()
        if self.demands.sections and not self.whole:
            self._note(f"the text ends after {self.section} of {len(self.demands.sections)} sections")
        fresh = Poem(self.demands)
        self.place, self.ends, self.lines, self.body, self.kept = fresh.place, [], {}, [], {}
        self.section, self.headed, self.has_lines, self.idle, self.whole = 0, False, False, 0, False
        self.proposed, self.apart, self.goes_on = {}, {}, None

    def _end_line(self, line: Line, index: int) -> None:
        self._number += 1
        self.proposed, self.apart = {}, {}
        if not self._comes_back:
            self._judge(line, index)
        self.has_lines = True
        # A text may go on without end, and only these demands look back.
        if self.demands.stanza is not None:
            self.ends.append((line.last, line.syllables))
        if self.demands.unique:
            self.lines.setdefault(line.words[:-1], set()).add(line.last)

    def _note(self, fault: str) -> None:
        if len(self._notes) < _MOST_NOTES:
            self._notes.append(fault)
        else:
            self._unsaid += 1

    def _judge(self, line: Line, index: int) -> None:
        """Note what a line does not keep."""
        demands, number = self.demands, self._number
        wanted = demands.syllables(index)
        if wanted is not None and line.syllables != wanted:
            self._note(f"line {number} has {line.syllables} syllables instead of {wanted}")
        if demands.foot and not keeps_stress(line, demands.foot):
            self._note(f"line {number} does not keep the metre")
        before, _ = demands.partners(index)
        for partner in before:
            if partner < len(self.ends):
                self._judge_rhyme(line.last, self.ends[partner][0])
        if echoed := self.echoed(line.last, index):
            self._note(f'line {number} ends in "{line.last}", which by the scheme must not rhyme with "{echoed}"')
        if demands.unique and line.last in self.lines.get(line.words[:-1], ()):
            self._note(f"line {number} is one that came before")
        if demands.steers_words:
            for word in line.words:
                if len(self._guessed) <= _MOST_GUESSED and not is_known(word):  # one more tells that there are more
                    self._guessed[word] = None

    def rhyme(self, word: str, other: str) -> Kind:
        """How two words rhyme in the language of this text."""
        return spelled_rhyme(word, other) if self.foreign else rhyme(word, other)

    def unlike_ends(self, index: int) -> list[str]:
        """The last words of the lines of this stanza that a line must not rhyme with."""
        return [self.ends[place][0] for place in self.demands.unlike(index) if place < len(self.ends)]

    def echoed(self, word: str, index: int) -> str | None:
        """One of these that a word rhymes with perfectly, or sounds the same as; None: none."""
        too_alike = (Kind.PERFECT, Kind.IDENTICAL)
        return next((end for end in self.unlike_ends(index) if end and self.rhyme(word, end) in too_alike), None)

    def _judge_rhyme(self, word: str, other: str) -> None:
        kind = self.rhyme(word, other)
        demands = self.demands
        if (
            kind == Kind.PERFECT
            or (kind == Kind.SLANT and demands.slant)
            or (kind == Kind.IDENTICAL and demands.identical)
        ):
            return
        fault = {Kind.NONE: "does not rhyme", Kind.SLANT: "rhymes only by a slant", Kind.IDENTICAL: "is the same"}[kind]
        link = "as" if kind == Kind.IDENTICAL else "with"
        self._note(f'line {self._number} ends in "{word}", which {fault} {link} "{other}"')

    def _end_stanza(self) -> None:
        self._stanza += 1
        wanted = self.demands.stanza
        if wanted is not None and len(self.ends) != wanted and not self._comes_back:
            self._note(f"stanza {self._stanza} has {len(self.ends)} lines instead of {wanted}")
        if self.name in REFRAINS:
            self.kept.setdefault(str(self.name), list(self.body))
        self.ends, self.headed = [], False
        self.section += 1
        if self.demands.sections and self.section >= len(self.demands.sections):
            self.whole = True


def keeps_stress(line: Line, foot: str) -> bool:
    """Whether each word of a line fits the metre at its place, in one of its pronunciations."""
    place = 0
    for word in line.words:
        heard = sounds(word)
        count = heard[0].syllables
        if not any(sound.syllables == count and fits_stress(sound, foot, place % len(foot)) for sound in heard):
            return False
        place += count
    return True
