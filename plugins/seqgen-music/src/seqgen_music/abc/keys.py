"""Keys: their signatures, the notes in them, and the way from one to another.

A note's name is a place on the line of fifths: ... Bb -2, F -1, C 0, G 1, D 2 ... F# 6 ...  To transpose is to add to it
(Temperley 2000, The Line of Fifths), and so spelling stays right: what was a raised fourth is one afterwards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

LETTERS = "CDEFGAB"
_FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
_NAMES = "FCGDAEB"
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

MODES = {"": 0, "mix": -1, "dor": -2, "m": -3, "phr": -4, "loc": -5, "lyd": 1}
"""Modes as they are written here, and how many fifths their signature lies from that of the major key."""

_ALIASES = {"maj": "", "ion": "", "min": "m", "aeo": "m"}
_KEY = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)(.*)", re.DOTALL)
_CLEF = re.compile(
    r"""
    (?:^|\s)(?i:treble|alto|tenor|bass|perc)[1-5]?(?:[+-]8)?(?!\S)
  | (?:^[a-z]|\s[A-Za-z])[A-Za-z]*=\S*  # K:D=c names a key
  | \s(?i:none)(?!\S)  # alone it says that there is no key
    """,
    re.VERBOSE,
)
"""What may stand behind a key, or without one, of how it is written and played (ABC standard 2.1, 4.6)."""

_OCTAVE_CLEF = re.compile(r"(?:^|\s)(?:clef=[A-Za-z]+|(?i:treble|alto|tenor|bass|perc))[1-5]?([+-]8)?(?!\S)")
_SHIFT = re.compile(r"(?:^|\s)(octave|transpose)=([+-]?[0-9]{1,2})(?!\S)")

_OWN = re.compile(r"(\^\^?|__?|=)([A-Ga-g])")
_EXPLICIT = re.compile(r"\bexp\b")

ACCIDENTALS = {"": 0, "^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
_MARKS = {0: "=", 1: "^", 2: "^^", -1: "_", -2: "__"}
_SIGNS = {"": 0, "#": 1, "b": -1, "##": 2, "bb": -2}
_SUFFIXES = {alter: sign for sign, alter in _SIGNS.items()}


@dataclass(frozen=True)
class Key:
    """A tonic and a mode.

    Attributes:
        tonic: on the line of fifths, C is 0.
        mode: one of ``MODES``.
    """

    tonic: int
    mode: str

    @property
    def signature(self) -> int:
        """How many sharps, or, below zero, flats."""
        return self.tonic + MODES[self.mode]

    @cached_property
    def altered(self) -> dict[str, int]:
        """The letters that the signature alters, and by how many semitones."""
        count = self.signature
        letters = _NAMES[:count] if count > 0 else _NAMES[::-1][:-count]
        return dict.fromkeys(letters, 1 if count > 0 else -1)

    @cached_property
    def pitch_classes(self) -> frozenset[int]:
        """The seven notes, in semitones above C."""
        return frozenset(fifth * 7 % 12 for fifth in range(self.signature - 1, self.signature + 6))

    @property
    def pitch_class(self) -> int:
        """The tonic in semitones above C."""
        return self.tonic * 7 % 12

    def __str__(self) -> str:
        """As ABC writes it: ``F#m``, ``Ador``."""
        letter, alter = spelled(self.tonic)
        return f"{letter}{_SUFFIXES[alter]}{self.mode}"


@lru_cache(1024)
def parse_key(text: str) -> Key | None:
    """The key that a K: field names, whatever the clef; None for none, pipes, and what is no key or has accidentals of its own."""
    match = _KEY.fullmatch(_without_clef(text))
    if match is None:
        return None
    letter, sign, mode, rest = match.groups()
    name = mode[:3].lower() if mode != "m" else "m"
    if mode and (name := _ALIASES.get(name, name)) not in MODES:
        return None
    if _OWN.search(rest) or _EXPLICIT.search(rest):
        return None
    key = Key(_FIFTHS[letter] + 7 * _SIGNS[sign], name)
    return key if abs(key.signature) <= 7 else None


@lru_cache(1024)
def signature_of(text: str) -> dict[str, int]:
    """The letters that a K: field alters, and by how many semitones, also where it is no key that :func:`parse_key` knows: by
    accidentals of its own, ``D =c`` and ``D exp _b``, and of pipes, ``Hp`` (ABC standard 2.1, 3.1.14).
    """
    text = _without_clef(text)
    if text.lower() == "hp":
        return {"F": 1, "C": 1}
    key = None if _EXPLICIT.search(text) else parse_key(_OWN.sub("", text))
    own = {letter.upper(): ACCIDENTALS[sign] for sign, letter in _OWN.findall(text)}
    return {**(key.altered if key else {}), **own}


def is_clef(text: str) -> bool:
    """Whether a K: field says only how the tune is written and played, so that the key stays as it is."""
    return bool(text.strip()) and not _without_clef(text)


def shifts_of(text: str) -> dict[str, int]:
    """By how many semitones the notes sound higher than they are written: by the ``clef``, an ``octave`` and a ``transpose``,
    each where a K: field says it, and to be added (ABC standard 2.1, 4.6).
    """
    clef = _OCTAVE_CLEF.search(text)
    said = {name: int(number) * (12 if name == "octave" else 1) for name, number in _SHIFT.findall(text)}
    return {**({"clef": 12 * int(clef[1] or 0) // 8} if clef else {}), **said}


def respelled(text: str, key: Key | None) -> str:
    """The value of a K: field with this key, or with none: of how it is written and played only the octave stays."""
    octave = shifts_of(text).get("octave")
    return " ".join([*([str(key)] if key else []), *([] if octave is None else [f"octave={octave // 12}"])])


def _without_clef(text: str) -> str:
    return _CLEF.sub("", text.strip()).strip()


def spelled(fifth: int) -> tuple[str, int]:
    """The letter of a place on the line of fifths, and by how many semitones it is altered."""
    return _NAMES[(fifth + 1) % 7], (fifth + 1) // 7


def place_of(letter: str, alter: int) -> int:
    """The place on the line of fifths."""
    return _FIFTHS[letter] + 7 * alter


@dataclass(frozen=True)
class Pitch:
    """A note as ABC writes it: ``^c'``.

    Attributes:
        accidental: as written, or empty.
        letter: C to B.
        octave: 4 for C, 5 for c, as in scientific pitch notation.
    """

    accidental: str
    letter: str
    octave: int

    @classmethod
    @lru_cache(1024)
    def parse(cls, text: str) -> Pitch:
        """The pitch that a lexeme of kind PITCH is."""
        name = text.lstrip("^_=")
        octave = (5 if name[0].islower() else 4) + name.count("'") - name.count(",")
        return cls(text[: len(text) - len(name)], name[0].upper(), octave)

    def __str__(self) -> str:
        """As ABC writes it."""
        if self.octave >= 5:
            return f"{self.accidental}{self.letter.lower()}{chr(39) * (self.octave - 5)}"
        return f"{self.accidental}{self.letter}{',' * (4 - self.octave)}"

    @property
    def step(self) -> int:
        """How many letters above C of octave 0."""
        return 7 * self.octave + LETTERS.index(self.letter)

    def midi(self, alter: int) -> int:
        """The MIDI number, where it is altered by so many semitones; C of octave 4 is 60."""
        return 12 * (self.octave + 1) + SEMITONES[self.letter] + alter


@dataclass(frozen=True)
class Interval:
    """How far to transpose.

    Attributes:
        fifths: along the line of fifths.
        steps: letters up, or, below zero, down.
    """

    fifths: int
    steps: int

    @classmethod
    def between(cls, key: Key, tonic: int, semitones: int) -> Interval:
        """From a key's tonic to another (on the line of fifths) that lies so many semitones above it."""
        start, goal = spelled(key.tonic), spelled(tonic)
        steps = (LETTERS.index(goal[0]) - LETTERS.index(start[0])) % 7
        # Of the places seven letters apart, the one that is as far as the semitones say.
        octaves = round((semitones - steps * 12 / 7) / 12)
        return cls(tonic - key.tonic, steps + 7 * octaves)

    def key(self, key: Key) -> Key:
        """The key there."""
        return Key(key.tonic + self.fifths, key.mode)

    def pitch(self, pitch: Pitch, alter: int) -> Pitch | None:
        """The note there, whose accidental is written if it was; None where it would take three accidentals."""
        letter, altered = spelled(place_of(pitch.letter, alter) + self.fifths)
        octave = (pitch.step + self.steps) // 7
        if abs(altered) > 2:
            return None
        return Pitch(_MARKS[altered] if pitch.accidental else "", letter, octave)

    def name(self, text: str) -> str | None:
        """The name of a note there, as chord symbols write it: ``F#``; None where it would take more than two signs."""
        letter, altered = spelled(place_of(text[0], _SIGNS[text[1:]]) + self.fifths)
        return f"{letter}{_SUFFIXES[altered]}" if altered in _SUFFIXES else None
