"""Tunes in other keys."""

from __future__ import annotations

import re
from collections.abc import Iterable

from seqgen_music.abc.keys import ACCIDENTALS, Interval, Key, Pitch, is_clef, parse_key, respelled
from seqgen_music.abc.lexemes import Kind, Lexeme

_PLACES = range(-6, 7)
"""Signatures to transpose to: six flats to six sharps."""

_FIELDS = frozenset({Kind.FIELD, Kind.INLINE})
_ROOT = re.compile(r'(?<=["(/])[A-G][#b]?')
"""A note in a chord symbol: a root, also of the chord in parentheses, or a bass."""


def key_of(lexemes: Iterable[Lexeme]) -> Key | None:
    """The key that a tune begins in, where it is one."""
    return next((parse_key(text[2:]) for kind, text in lexemes if kind is Kind.FIELD and text[0] == "K"), None)


def to_tonic(key: Key, tonic: int) -> Interval:
    """The nearest way from a key to a tonic (on the line of fifths): at most a tritone up or down."""
    semitones = (tonic - key.tonic) * 7 % 12
    return Interval.between(key, tonic, semitones if semitones <= 6 else semitones - 12)


def to_signature(key: Key, signature: int) -> Interval:
    """The nearest way to the key of the same mode with so many sharps, or, below zero, flats."""
    return to_tonic(key, key.tonic + signature - key.signature)


def all_keys(key: Key) -> list[Interval]:
    """The nearest way to each of the twelve keys of the same mode, the key itself among them, from flats to sharps."""
    nearest: dict[int, int] = {}
    for signature in sorted(_PLACES, key=lambda place: (abs(place - key.signature), place)):
        nearest.setdefault(signature % 12, signature)  # six flats sound as six sharps
    return [to_signature(key, signature) for signature in sorted(nearest.values())]


def transposed(lexemes: Iterable[Lexeme], interval: Interval) -> list[Lexeme] | None:  # noqa: C901  one branch a kind
    """The tune, in its normal spelling, at an interval; None where a note would take three accidentals, or a key inside is none."""
    result = []
    altered: dict[tuple[str, int], int] = {}
    signature: dict[str, int] = {}
    notes: dict[tuple[str, int], Lexeme] = {}  # those that were moved already
    in_text = False
    for lexeme in lexemes:
        kind, text = lexeme
        if kind is Kind.PITCH:
            pitch = Pitch.parse(text)
            place = (pitch.letter, pitch.octave)
            if pitch.accidental:
                altered[place] = ACCIDENTALS[pitch.accidental]
            alter = altered.get(place, signature.get(pitch.letter, 0)) if altered else signature.get(pitch.letter, 0)
            moved = notes.get((text, alter))
            if moved is None:
                there = interval.pitch(pitch, alter)
                if there is None:
                    return None
                moved = notes[text, alter] = Lexeme(kind, str(there))
            result.append(moved)
        elif kind is Kind.LENGTH:
            result.append(lexeme)
        elif (
            kind in _FIELDS and not in_text and text.lstrip("[").startswith("K:") and not is_clef(text.strip("[]")[2:])
        ):
            value = text.strip("[]")[2:]
            key = parse_key(value)
            if key is None or abs(interval.key(key).signature) > 7:
                return None
            signature, altered = key.altered, {}
            name = f"K:{respelled(value, interval.key(key))}"
            result.append(Lexeme(kind, name if kind is Kind.FIELD else f"[{name}]"))
        elif kind is Kind.CHORD_SYMBOL:
            symbol = _chord_symbol(text, interval)
            if symbol is None:
                return None
            result.append(Lexeme(kind, symbol))
        else:
            in_text = kind is Kind.TEXT or (in_text and kind is not Kind.LINE_END)
            if kind is Kind.BAR:
                altered = {}
            result.append(lexeme)
    return result


def _chord_symbol(text: str, interval: Interval) -> str | None:
    moved = {root: interval.name(root) for root in _ROOT.findall(text)}
    if None in moved.values():
        return None
    return _ROOT.sub(lambda root: str(moved[root[0]]), text)
