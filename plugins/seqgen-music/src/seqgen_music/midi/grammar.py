"""Which word of a scheme may follow which, so that every word means something: a note has all its parts, time goes on.

The order is that in which MidiTok writes: within a moment tempo before notes, notes by instrument and pitch.  What it
finds wrong in a sequence (``MusicTokenizer.tokens_errors``) is never allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqgen_music.midi.scheme import Scheme
from seqgen_music.midi.score import DRUMS

Mask = npt.NDArray[np.bool_]

_COMMON_TIME = (4, 4)
_REMEMBERED = 8192  # masks


class Moment(NamedTuple):
    """What counts of the words so far.

    Attributes:
        last: the kind of the last word, or "" at the start; "Note" after a whole note.
        metre: (numerator, denominator) of the bar.
        place: position in the bar (where there are bars), or ticks since its beginning; -1 before the first.
        program: of the note that has begun, or of those that have none of their own, 0.
        played: (program, pitch) of the last note that began at this moment; () where none did.
        sounding, fresh: (program, pitch) of the notes that have no end yet, begun before this moment and at it.
    """

    last: str = ""
    metre: tuple[int, int] = _COMMON_TIME
    place: int = -1
    program: int = 0
    played: tuple[int, ...] = ()
    sounding: frozenset[tuple[int, int]] = frozenset()
    fresh: frozenset[tuple[int, int]] = frozenset()


class WordGrammar:
    """The automaton over the words of a scheme.

    Args:
        scheme: whose words they are.
    """

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        pairs = [word.split("_", 1) for word in scheme.words]
        self._kinds = [kind for kind, _ in pairs]
        self._texts = [value for _, value in pairs]
        numbers = [int(value) if value.lstrip("-").isdigit() else 0 for value in self._texts]
        self._numbers = np.array(numbers, np.int64)  # (V,) where a word has one
        self._of = {kind: np.array([each == kind for each in self._kinds]) for kind in set(self._kinds)}
        self._none = np.zeros(len(pairs), bool)
        self._remembered: dict[Moment, Mask] = {}
        self._at_once = np.array([value == "0.0.1" for value in self._texts])  # Structured: a time shift of nothing
        self._in_bars = "Bar" in self._of

    def allowed(self, moment: Moment) -> Mask:
        """(V,) the words that may come next; not to be changed."""
        mask = self._remembered.get(moment)
        if mask is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            mask = self._remembered[moment] = self._allowed(moment)
        return mask

    def _allowed(self, moment: Moment) -> Mask:
        match moment.last:
            case "Pitch" | "PitchDrum" | "NoteOn" | "DrumOn":
                return self._kind("Velocity" if self._scheme.velocities else "Duration")
            case "Velocity":
                return self._kind("Duration")
            case "Program":
                return self._after_program(moment)
        return self._in_bar(moment) if self._in_bars else self._in_time(moment)

    def next(self, moment: Moment, word: int) -> Moment:  # noqa: C901  a case for each kind of word
        """The moment after a word, also one that is not allowed there."""
        kind, number = self._kinds[word], int(self._numbers[word])
        match kind:
            case "Bar":
                return moment._replace(last=kind, place=-1, played=())
            case "Position":
                return moment._replace(last=kind, place=number, played=())
            case "TimeShift":
                ticks = self._scheme.ticks(moment.metre[1]).get(self._texts[word], 0)
                if not ticks:  # Structured writes one also between notes of one moment
                    return moment._replace(last=kind)
                place = (max(moment.place, 0) + ticks) % self._bar(moment.metre)
                sounding = moment.sounding | moment.fresh
                return moment._replace(last=kind, place=place, played=(), sounding=sounding, fresh=frozenset())
            case "TimeSig":
                numerator, _, denominator = self._texts[word].partition("/")
                place = -1 if self._in_bars else 0
                return moment._replace(last=kind, metre=(int(numerator), int(denominator)), place=place)
            case "Program":
                return moment._replace(last=kind, program=number)
            case "Pitch" | "PitchDrum":
                return moment._replace(last=kind, played=(moment.program, number))
            case "NoteOn" | "DrumOn":
                note = (moment.program, number)
                last = kind if self._scheme.velocities else "Note"
                return moment._replace(last=last, played=note, fresh=moment.fresh | {note})
            case "NoteOff" | "DrumOff":
                note = (moment.program, number)
                return moment._replace(last="Note", sounding=moment.sounding - {note}, fresh=moment.fresh - {note})
            case "Velocity" if "NoteOn" in self._of:
                return moment._replace(last="Note")
            case "Duration":
                return moment._replace(last="Note")
        return moment._replace(last=kind)

    @property
    def bars(self) -> Mask:
        """(V,) the words that begin a bar."""
        return self._kind("Bar")

    def may_end(self, moment: Moment) -> bool:
        """Whether no note is without an end; what has no note, as a file that is all drums without programs, may end too."""
        return moment.last in ("", "Note") and not moment.sounding and not moment.fresh

    def _kind(self, *kinds: str) -> Mask:
        masks = [self._of.get(kind, self._none) for kind in kinds]
        return masks[0] if len(masks) == 1 else np.logical_or.reduce(masks)

    def _in_bar(self, moment: Moment) -> Mask:
        """REMI: ``Bar TimeSig Position Tempo NOTE NOTE Position NOTE Bar ...``."""
        match moment.last:
            case "":
                return self._kind("Bar")
            case "Bar" if self._scheme.metres:
                return self._kind("TimeSig")
            case "Position":
                return self._kind("Tempo") | self._notes(moment)
        positions = moment.metre[0] * self._scheme.resolution
        later = (self._numbers > moment.place) & (self._numbers < positions)
        mask = self._kind("Bar") | (self._kind("Position") & later)
        return mask | self._notes(moment) if moment.last in ("Note", "Tempo") else mask

    def _in_time(self, moment: Moment) -> Mask:
        """TSD, MIDI-like and Structured: ``TimeSig Tempo NOTE NOTE TimeShift NOTE ...``."""
        if self._scheme.name == "structured":  # a time shift before each note, and nothing else
            if moment.last == "TimeShift":
                return self._notes(moment)
            full = moment.played and not self._notes(moment).any()
            return self._kind("TimeShift") & ~self._at_once if full else self._kind("TimeShift")
        if moment.last == "" and self._scheme.metres:
            return self._kind("TimeSig")
        mask = self._notes(moment) | self._kind("TimeShift")
        if moment.last in ("", "TimeSig", "TimeShift"):
            mask = mask | self._kind("Tempo")
        if moment.last == "TimeShift" and moment.place == 0:
            mask = mask | self._kind("TimeSig")
        return mask

    def _notes(self, moment: Moment) -> Mask:
        """The words that begin a note, or the end of one."""
        if not self._scheme.programs:
            return self._ends(moment, 0) | self._begins(moment, 0)
        # Above the instrument that played last, all may begin; which of the others have something left is looked at singly.
        last = moment.played[0] if moment.played else DRUMS - 1
        mask = self._of["Program"] & (self._numbers > last)
        for program in {last, *(program for program, _ in moment.sounding | moment.fresh)}:
            left = self._ends(moment, program).any() or self._begins(moment, program).any()
            mask[self._of["Program"] & (self._numbers == program)] = left
        return mask

    def _after_program(self, moment: Moment) -> Mask:
        mask = self._ends(moment, moment.program) | self._begins(moment, moment.program)
        # A prompt may have named an instrument that has no more to play: any of its notes, then.
        return mask if mask.any() else self._kind(self._on(moment.program))

    def _begins(self, moment: Moment, program: int) -> Mask:
        """The pitches that an instrument may begin now: above the last that it began, and none that sounds."""
        played = moment.played or (program, -1)
        if played[0] > program:
            return self._none
        mask = self._kind(self._on(program))
        if played[0] == program:
            mask = mask & (self._numbers > played[1])
        for other, pitch in moment.sounding | moment.fresh:
            if other == program:
                mask = mask & (self._numbers != pitch)
        return mask

    def _ends(self, moment: Moment, program: int) -> Mask:
        """The notes of an instrument that may end now: those that began before, and before others begin."""
        if "NoteOff" not in self._of or (moment.played and moment.played[0] >= program):
            return self._none
        pitches = [pitch for other, pitch in moment.sounding if other == program]
        return self._kind("DrumOff" if program < 0 else "NoteOff") & np.isin(self._numbers, pitches)

    def _on(self, program: int) -> str:
        drums = program < 0
        return ("DrumOn" if drums else "NoteOn") if "NoteOn" in self._of else ("PitchDrum" if drums else "Pitch")

    def _bar(self, metre: tuple[int, int]) -> int:
        return metre[0] * self._scheme.ticks_per_beat(metre[1])


class TokenGrammar:
    """The automaton over tokens of which each is one word or several.

    The end token, the last id, is not among those allowed.

    Args:
        words: the automaton over words.
        tokens: the words of each token, those of one word first and in their order.
    """

    start = Moment()

    def __init__(self, words: WordGrammar, tokens: Sequence[tuple[int, ...]]) -> None:
        self._words = words
        self._tokens = tokens
        self._single = sum(len(token) == 1 for token in tokens)
        bars = words.bars
        self.bars: Mask = np.array([*(bool(bars[token[0]]) for token in tokens), False])
        """(V,) which tokens begin a bar, none where the scheme has no bars; a token of several words begins with that of the bar."""

    def allowed(self, moment: Moment) -> Mask:
        """(V,) the tokens all of whose words may come next, one after the other."""
        mask = np.zeros(len(self._tokens) + 1, bool)
        mask[: self._single] = first = self._words.allowed(moment)
        passed: dict[tuple[int, ...], tuple[Moment, Mask]] = {(): (moment, first)}
        # by the words that may come next, what then may; tokens begin alike
        for token in range(self._single, len(self._tokens)):
            mask[token] = self._may_come(passed, self._tokens[token])
        return mask

    def next(self, moment: Moment, token: int) -> Moment:
        """The moment after a token; the end changes nothing."""
        for word in self._tokens[token] if token < len(self._tokens) else ():
            moment = self._words.next(moment, word)
        return moment

    def may_end(self, moment: Moment) -> bool:
        """Whether the document may end here."""
        return self._words.may_end(moment)

    def _may_come(self, passed: dict[tuple[int, ...], tuple[Moment, Mask]], words: tuple[int, ...]) -> bool:
        for place, word in enumerate(words):
            moment, following = passed[words[:place]]
            if not following[word]:
                return False
            begun = words[: place + 1]
            if begun not in passed and place + 1 < len(words):
                after = self._words.next(moment, word)
                passed[begun] = after, self._words.allowed(after)
        return True
