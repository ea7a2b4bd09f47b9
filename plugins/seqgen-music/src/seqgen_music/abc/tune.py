"""Reading a tune: its fields, its bars and notes, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from seqgen_music.abc.keys import ACCIDENTALS, Key, Pitch, is_clef, parse_key, shifts_of, signature_of
from seqgen_music.abc.lexemes import Kind, Lexeme, lex_line, lines_of
from seqgen_music.abc.metre import bar_length, shown, unit_length
from seqgen_music.abc.rhythm import Rhythm

MOST_IN_CHORD = 16
"""Notes that sound together; more are taken for a mistake."""

SECTION_BARS = frozenset({"||", "|]", "|:", ":|", "::", "[|", ":|]", ":||", "||:", ":||:", ":|:", "[|:"})
"""Bar lines at which a part of a tune begins or ends."""

_LAST_COUNTS = frozenset("MLQK")
"""Fields of which the last before the first note counts; others add to those before (ABC standard 2.1, 3)."""

_WRONG_BAR = "the bar has "
_CLOSING = {Kind.CHORD: "[", Kind.GRACE: "{", Kind.SLUR: "("}
_ENDS = {Kind.CHORD_END: Kind.CHORD, Kind.GRACE_END: Kind.GRACE, Kind.SLUR_END: Kind.SLUR}
_NOTES = frozenset({Kind.PITCH, Kind.REST})
_NO_SYMBOLS = frozenset({Kind.CHORD_SYMBOL, Kind.DECORATION, Kind.BAR, Kind.VOLTA})


class Note(NamedTuple):
    """A note, a chord or a rest.

    Attributes:
        ticks: how long.
        midi: its MIDI number, of a chord that of the lowest note; None for a rest.
        in_key: whether the key signature has it.
        pitches: the MIDI numbers of all its notes.
        graces: those of the grace notes before it.
        tied: those of its notes that a tie joins to the next.
    """

    ticks: int
    midi: int | None
    in_key: bool = True
    pitches: tuple[int, ...] = ()
    graces: tuple[int, ...] = ()
    tied: tuple[int, ...] = ()


class Sign(NamedTuple):
    """What says how notes are played: in which order, in which metre, how fast.

    Attributes:
        letter: ``|`` for a bar line, ``[`` for the beginning of an ending, M for a metre and Q for a tempo.
        text: the bar line, the numbers of the ending, or the value of the field.
        unit: the length, there, of a note that has none written.
    """

    letter: str
    text: str
    unit: int


@dataclass
class Bar:
    """What stands between two bar lines.

    Attributes:
        line: where it begins, from 1.
        full: how long it ought to be; None where there is no metre.
        opening, closing: the bar lines; empty where there is none.
        length: in ticks.
        symbols: its musical lexemes, chord symbols and decorations left out.
    """

    line: int
    full: int | None
    opening: str = ""
    closing: str = ""
    length: int = 0
    notes: list[Note] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)

    @property
    def at_edge(self) -> bool:
        """Whether a part of the tune begins or ends here, so that it may be the rest of another bar."""
        return not self.opening or self.opening in SECTION_BARS or not self.closing or self.closing in SECTION_BARS


@dataclass
class Tune:
    """A tune.

    Attributes:
        fields: the values of header fields by their letter, several joined by line ends; of M:, L:, Q: and K: the last.
        key: that of the first note; None for none.
        bars: those with something in them.
        events: the notes and signs in the order in which they are written.
        faults: what is wrong, each with its line, from 1.
    """

    fields: dict[str, str] = field(default_factory=dict)
    key: Key | None = None
    bars: list[Bar] = field(default_factory=list)
    events: list[Note | Sign] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)

    @property
    def notes(self) -> list[Note]:
        """All notes and rests."""
        return [note for bar in self.bars for note in bar.notes]

    @property
    def misread(self) -> list[tuple[int, str]]:
        """The faults by which what is read may not be what is meant: all but bars that do not add up."""
        return [(line, fault) for line, fault in self.faults if not fault.startswith(_WRONG_BAR)]

    @property
    def wrong_bars(self) -> list[Bar]:
        """The bars that do not add up.

        A bar at the edge of a part may be short: an upbeat at the beginning of the tune, and bars that complete each other.
        """
        short = {bar.length for bar in self.bars if bar.at_edge and bar.full and bar.length < bar.full}
        return [bar for bar in self.bars if not self._adds_up(bar, short)]

    def _adds_up(self, bar: Bar, short: set[int]) -> bool:
        if bar.full is None or bar.length == bar.full:
            return True
        if len(bar.notes) == 1 and bar.symbols[0] in ("Z", "X"):  # a rest of several bars, as Z4
            return True
        if bar.length > bar.full or not bar.at_edge:
            return False
        return bar is self.bars[0] or bar.full - bar.length in short


def read_tune(text: str) -> Tune:
    """The tune that a text is; what is wrong with it is in its faults."""
    return tune_of(map(lex_line, lines_of([text])))


def tune_of(lines: Iterable[Iterable[Lexeme]]) -> Tune:
    """The same of lines whose lexemes are known."""
    reader = _Reader()
    for number, line in enumerate(lines, start=1):
        reader.line = number
        for lexeme in line:
            reader.feed(lexeme)
    return reader.finish()


class _Reader:
    """Reads lexemes into a tune."""

    def __init__(self) -> None:
        self.line = 1
        self._tune = Tune()
        self._rhythm = Rhythm()
        self._bar = Bar(1, None)
        self._key: Key | None = None
        self._signature: dict[str, int] = {}
        self._shifts: dict[str, int] = {}  # by how many semitones notes sound higher, by what says so
        self._shift = 0  # in all
        self._altered: dict[tuple[str, int], int] = {}  # by the accidentals in this bar
        self._open: Counter[Kind] = Counter()
        self._fields: dict[str, list[str]] = {}
        self._text: list[str] | None = None  # of the line of free text that is read
        self._letter = ""
        self._chord: list[tuple[int, bool]] = []
        self._graces: list[int] = []  # read, and the note that they belong to is not
        # Read, but its length is not settled: what of a note stands between its length and its ties.
        self._note: tuple[int | None, bool, tuple[int, ...], list[int]] | None = None
        self._sounding: list[tuple[tuple[str, int], int]] = []  # how the note or chord that was read last is altered
        self._tied: dict[tuple[str, int], int] = {}  # what of it goes on in the next
        self._carried: dict[tuple[str, int], int] = {}  # what of the one before goes on in it
        self._voice = ""  # the first
        self._in_body = False

    def feed(self, lexeme: Lexeme) -> None:
        kind, text = lexeme
        if self._text is not None:
            self._in_free_text(kind, text)
        elif kind in _NOTES and self._in_body:
            self._begin_note(kind, text)
            self._add_symbol(text)
            self._rhythm.feed(lexeme)
        elif kind is Kind.FIELD:
            self._field(text[0], text[2:].strip(), lexeme)
        elif kind is Kind.TEXT or kind is Kind.QUOTE:
            self._text, self._letter = [], text[0]
        elif not self._in_body:
            self._fault(f'"{text}" stands before a K: field, with which the notes begin')
            self._in_body = True
        else:
            self._music(kind, text, lexeme)

    def finish(self) -> Tune:
        """The tune, once all is read."""
        tune = self._tune
        self._end_bar("")
        tune.fields = {letter: "\n".join(values) for letter, values in self._fields.items()}
        for kind in +self._open:
            self._fault(f'"{_CLOSING[kind]}" is not closed')
        if "K" not in tune.fields:
            self._fault("there is no K: field, with which the notes of a tune begin")
        elif not any(note.midi is not None for note in tune.notes):
            self._fault("there is no note")
        if not self._rhythm.exact:
            self._fault("a note's length is finer than any that is written")
        for bar in tune.wrong_bars:
            tune.faults.append((bar.line, f"{_WRONG_BAR}{shown(bar.length)} of {shown(bar.full or 0)}"))
        tune.faults.sort()
        return tune

    def _in_free_text(self, kind: Kind, text: str) -> None:
        assert self._text is not None
        if kind is Kind.CHARACTER:
            self._text.append(text)
            return
        if kind is Kind.LINE_END and self._letter != "%":
            self._header(self._letter, "".join(self._text))
        self._text = None

    def _header(self, letter: str, value: str) -> None:
        if letter == "V":
            voice = value.partition(" ")[0]
            self._voice = self._voice or voice
            if voice != self._voice:
                self._fault("it has voices (V:); a tune is one voice")
        if letter in _LAST_COUNTS:
            if not self._has_notes:
                self._fields[letter] = [value]
        elif not self._in_body:
            self._fields.setdefault(letter, []).append(value)

    @property
    def _has_notes(self) -> bool:
        return bool(self._tune.bars or self._bar.symbols)

    def _field(self, letter: str, value: str, lexeme: Lexeme) -> None:
        self._settle()
        begins = letter == "K" and not self._in_body
        if letter == "K":
            self._key_field(value)
        else:
            self._header(letter, value)
        if letter == "M" and value.lower() not in ("none", "") and bar_length(value) is None:
            self._fault(f"M:{value} is no metre; one is a fraction such as 6/8, C, C| or none")
        if letter == "L" and unit_length(value) is None:
            self._fault(f"L:{value} is no length; one is a fraction such as 1/8, or 1")
        self._rhythm.feed(lexeme)
        if letter == "M" and not self._rhythm.position:
            self._bar.full = self._rhythm.bar
        if letter == "M" or (letter == "Q" and self._in_body):
            self._sign(letter, value)
        if begins and "Q" in self._fields:  # which may stand before the L: that it depends on
            self._sign("Q", self._fields["Q"][-1])

    def _key_field(self, value: str) -> None:
        self._shifts |= shifts_of(value)
        self._shift = sum(self._shifts.values())
        if self._in_body and is_clef(value):
            return
        self._header("K", value)
        self._in_body = True
        self._altered = {}
        self._key, self._signature = parse_key(value), signature_of(value)
        if not self._has_notes:
            self._tune.key = self._key

    def _music(self, kind: Kind, text: str, lexeme: Lexeme) -> None:
        """What is no note."""
        if kind is Kind.INLINE:
            self._field(text[1], text[3:-1].strip(), lexeme)
            return
        if kind is Kind.BAR:
            self._bar_line(text)
        elif kind is Kind.VOLTA or kind is Kind.LENGTH:
            self._ending(kind, text)
        elif kind is Kind.TIE:
            self._tied.update(self._sounding[-1:] if self._open[Kind.CHORD] else self._sounding)
        elif kind is Kind.CHARACTER:
            self._fault(f'"{text}" means nothing here')
        elif kind in _CLOSING:
            self._open[kind] += 1
        elif kind in _ENDS:
            self._close(_ENDS[kind], text)
        if kind not in _NO_SYMBOLS:
            self._add_symbol(text)
        self._rhythm.feed(lexeme)

    def _bar_line(self, text: str) -> None:
        if self._rhythm.tuplet_left:
            self._fault(f"a tuplet lacks {self._rhythm.tuplet_left} of its notes")
        if self._rhythm.broken:
            self._fault("no note follows > or < in the bar")
        for kind, notes in ((Kind.CHORD, self._chord), (Kind.GRACE, self._graces)):
            if self._open.get(kind):  # a slip, which is to end here and not to take the notes behind it
                self._fault(f'"{_CLOSING[kind]}" is not closed')
                self._open[kind] = 0
                notes.clear()
        self._end_bar(text)
        self._sign("|", text)

    def _ending(self, kind: Kind, text: str) -> None:
        """Note down that an ending begins, if one does: with ``[1``, or with a number right behind a bar line."""
        if kind is Kind.VOLTA:
            self._sign("[", text.removeprefix("["))
        elif self._bar.opening and not self._bar.symbols and text[0] in "123456789":
            self._sign("[", text[0])

    def _sign(self, letter: str, text: str) -> None:
        self._settle()
        self._tune.events.append(Sign(letter, text, self._rhythm.unit))

    def _add_symbol(self, text: str) -> None:
        if not self._bar.symbols:  # the bar line before it may end another line
            self._bar.line = self.line
        self._bar.symbols.append(text)

    def _begin_note(self, kind: Kind, text: str) -> None:
        if self._open[Kind.GRACE]:
            if kind is Kind.PITCH:
                pitch = Pitch.parse(text)
                self._graces.append(pitch.midi(self._alter(pitch)) + self._shift)
            return
        in_chord = self._open[Kind.CHORD] > 0
        if not (in_chord and self._chord):
            self._go_on()
        pitched = self._pitched(text) if kind is Kind.PITCH else None
        if in_chord:
            if pitched:
                self._chord.append(pitched)
            if len(self._chord) > MOST_IN_CHORD:
                self._fault(f"a chord has more than {MOST_IN_CHORD} notes")
                self._chord.clear()
            return
        self._note = (*pitched, (pitched[0],), self._graces) if pitched else (None, True, (), self._graces)
        self._graces = []

    def _close(self, opened: Kind, text: str) -> None:
        if not self._open[opened]:
            self._fault(f'"{text}" closes nothing')
            return
        self._open[opened] -= 1
        if opened is Kind.CHORD and not self._open[Kind.GRACE]:  # grace notes may be chords, and take no time
            self._settle()
            if not self._chord:
                self._fault("a chord has no notes")
            midi, in_key = min(self._chord, default=(None, True))
            self._note = (midi, in_key, tuple(pitch for pitch, _ in self._chord), self._graces)
            self._chord, self._graces = [], []

    def _go_on(self) -> None:
        """Another note or chord begins."""
        self._settle()  # before its ties are those of the note before
        self._sounding = []
        if self._tied or self._carried:
            self._carried, self._tied = self._tied, {}

    def _pitched(self, text: str) -> tuple[int, bool]:
        pitch, key = Pitch.parse(text), self._key
        place = (pitch.letter, pitch.octave)
        alter = self._alter(pitch)
        if self._carried and not pitch.accidental:
            alter = self._carried.get(place, alter)
        self._sounding.append((place, alter))
        midi = pitch.midi(alter)
        return midi + self._shift, key is None or midi % 12 in key.pitch_classes

    def _alter(self, pitch: Pitch) -> int:
        """By how many semitones a note is altered where it stands, leaving ties aside."""
        place = (pitch.letter, pitch.octave)
        if pitch.accidental:
            self._altered[place] = ACCIDENTALS[pitch.accidental]
        return self._altered.get(place, self._signature.get(pitch.letter, 0))

    def _settle(self) -> None:
        """Note down the note whose length is known now."""
        if self._note is not None:
            ticks = self._rhythm.pending or self._rhythm.last
            midi, in_key, pitches, graces = self._note
            tied = (
                [Pitch("", *place).midi(alter) + self._shift for place, alter in self._tied.items()]
                if self._tied
                else ()
            )
            note = Note(ticks, midi, in_key, pitches, tuple(graces), tuple(tied))
            self._bar.notes.append(note)
            self._tune.events.append(note)
        self._note = None

    def _end_bar(self, closing: str) -> None:
        self._settle()
        bar = self._bar
        bar.length, bar.closing = self._rhythm.now, closing
        if bar.full is None:
            bar.full = self._rhythm.bar
        if bar.notes:
            self._tune.bars.append(bar)
        opening = closing if bar.notes or bar.opening not in SECTION_BARS else bar.opening
        self._bar = Bar(self.line, self._rhythm.bar, opening)
        self._altered = {}

    def _fault(self, text: str) -> None:
        fault = (self.line, text)
        if len(self._tune.faults) < 20 and fault not in self._tune.faults:
            self._tune.faults.append(fault)
