"""A tune in ABC as MIDI: what its notation says, by our own reading of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from seqgen.core.errors import MissingDependencyError, SeqgenWarning
from seqgen_music.abc.lexemes import lex
from seqgen_music.abc.metre import WHOLE, signature
from seqgen_music.abc.playing import in_order
from seqgen_music.abc.tempo import USUAL, quarters_a_minute
from seqgen_music.abc.tune import Note, Tune, tune_of
from seqgen_music.errors import MusicError
from seqgen_music.midi.files import MAX_BEATS, MAX_NOTES

if TYPE_CHECKING:
    from symusic.core import ScoreTick

QUARTER = 5040
"""Ticks of MIDI for a quarter note: down to the 64th, in triplets, quintuplets and septuplets, exactly; finer notes are rounded.

``MAX_BEATS`` of it are less than the 2^28 ticks that MIDI counts from one event to the next.
"""

_SLOWEST, _FASTEST = 4, 6000  # quarter notes a minute: MIDI has 24 bits for the microseconds of one
_PITCHES = range(128)  # that MIDI has; others are left out
_VELOCITY = 90
_GRACE = WHOLE // 32  # a grace note, at most


class Sound(NamedTuple):
    """A note that is struck; times in ticks of ``WHOLE``."""

    start: int
    ticks: int
    pitch: int


@dataclass
class Performance:
    """What is heard of a tune.

    Attributes:
        sounds: in the order in which they are struck.
        tempos: from when on how many quarter notes a minute.
        metres: from when on how many beats of which part of a whole note.
        ticks: how long it is.
    """

    sounds: list[Sound] = field(default_factory=list)
    tempos: list[tuple[int, Fraction]] = field(default_factory=lambda: [(0, Fraction(USUAL))])
    metres: list[tuple[int, tuple[int, int]]] = field(default_factory=list)
    ticks: int = 0

    @property
    def too_large(self) -> bool:
        """Whether it has more than is made MIDI."""
        return len(self.sounds) > MAX_NOTES or self.ticks > MAX_BEATS * WHOLE // 4


def performed(tune: Tune) -> Performance:
    """The tune with its repeats, tied notes as one, and grace notes, which take at most half of the note that they stand before.

    All notes of a chord last as long as the chord.  What is too large comes as far as it shows that it is.
    """
    made = Performance()
    tied: dict[int, int] = {}  # the pitches that go on, and their places in the sounds
    for event in in_order(tune.events):
        if isinstance(event, Note):
            tied = _strike(made, event, tied)
        elif event.letter == "Q" and (tempo := quarters_a_minute(event.text, event.unit)):
            made.tempos.append((made.ticks, min(max(tempo, Fraction(_SLOWEST)), Fraction(_FASTEST))))
        elif event.letter == "M" and (metre := signature(event.text)):
            made.metres.append((made.ticks, metre))
        if made.too_large:
            break
    return made


def _strike(made: Performance, note: Note, tied: dict[int, int]) -> dict[int, int]:
    """Add a note, a chord or a rest; gives what of it goes on in the next, as ``tied`` says what goes on in it."""
    start, end = made.ticks, made.ticks + note.ticks
    if note.pitches and note.graces:
        tied = {}  # what stands behind a grace note is struck again
        lasts = min(_GRACE, note.ticks // (2 * len(note.graces)))
        for pitch in note.graces:
            made.sounds.append(Sound(start, lasts, pitch))
            start += lasts
    go_on = {}
    for pitch in dict.fromkeys(note.pitches):
        place = tied.get(pitch, len(made.sounds))
        if place < len(made.sounds):
            begun = made.sounds[place].start
            made.sounds[place] = Sound(begun, end - begun, pitch)
        else:
            made.sounds.append(Sound(start, end - start, pitch))
        if pitch in note.tied:
            go_on[pitch] = place
    made.ticks = end
    return go_on


def perform(lines: Iterable[str], where: str) -> bytes:
    """A tune as a MIDI file; a warning says so where the notation is wrong, apart from bars that do not add up.

    Args:
        lines: of the tune, as :func:`seqgen_music.abc.book.tunes_of` gives them.
        where: how it is called in messages.

    Raises:
        MissingDependencyError: symusic is not installed.
        MusicError: it has no note, or with its repeats too many, or lasts too long.
    """
    tune = tune_of(map(lex, lines))
    performance = performed(tune)
    if performance.too_large:
        raise MusicError(
            f"{where} has, with its repeats, more than the {MAX_NOTES:,} notes or {MAX_BEATS:,} quarter notes of time that are "
            "played."
        )
    if not any(sound.pitch in _PITCHES for sound in performance.sounds):
        raise MusicError(f"{where} has no note to be played.  seqgen music info says what is wrong with it")
    if misread := tune.misread:
        line, fault = misread[0]
        warnings.warn(
            f"{where}, line {line} of the tune: {fault}.  What is heard may not be what is meant; seqgen music info names all "
            "that is wrong",
            SeqgenWarning,
            stacklevel=2,
        )
    content: bytes = _score(performance).dumps_midi()
    return content


def _score(performance: Performance) -> ScoreTick:
    """One track, of a piano; of tempos and metres at one time the last."""
    try:
        from symusic import core
    except ImportError as error:
        raise MissingDependencyError('For MIDI, symusic is needed.  pip install "seqgen-music[midi]"') from error
    score = core.ScoreTick(QUARTER)
    for start, tempo in dict(performance.tempos).items():
        score.tempos.append(core.TempoTick(_in_midi(start), float(tempo)))
    for start, (beats, unit) in dict(performance.metres).items():
        if unit & (unit - 1) == 0 and beats < 256:  # MIDI has no others
            score.time_signatures.append(core.TimeSignatureTick(_in_midi(start), beats, unit))
    track = core.TrackTick("", 0)
    for start, ticks, pitch in performance.sounds:
        begin, end = _in_midi(start), _in_midi(start + ticks)  # rounded each, so that nothing grows
        if end > begin and pitch in _PITCHES:
            track.notes.append(core.NoteTick(begin, end - begin, pitch, _VELOCITY))
    score.tracks.append(track)
    return score


def _in_midi(ticks: int) -> int:
    return round(Fraction(ticks * 4 * QUARTER, WHOLE))
