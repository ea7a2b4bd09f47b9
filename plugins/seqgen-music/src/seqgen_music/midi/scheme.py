"""A scheme of MidiTok (Fradet et al. 2021, MidiTok: A Python package for MIDI file tokenization) with its parameters.

A scheme turns a score into words such as ``Pitch_60`` and back.  Ours begin with those that move time, so that id 0 does.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from seqgen_music.midi.score import reduced

if TYPE_CHECKING:
    from symusic.core import ScoreTick

Name = Literal["remi", "tsd", "midilike", "structured"]

_CLASSES = {"remi": "REMI", "tsd": "TSD", "midilike": "MIDILike", "structured": "Structured"}
_METRES = {2: [2, 3, 4], 4: [1, 2, 3, 4, 5, 6, 7], 8: [3, 5, 6, 7, 9, 12]}
_TIME = ("Bar", "TimeShift")  # types of words that come first
_LONG = 12
"""Beats that one duration or time shift covers at most.  Rests take several, but in ``structured``, where one time shift belongs
to each note; a duration is one in each scheme, and ``midilike`` has none.
"""
_ROUNDS = 64


@dataclass(frozen=True)
class Scheme:
    """A scheme with all its parameters; what it makes is made once and kept.

    Attributes:
        name: of the scheme.
        resolution: positions in a beat; durations from 4 to 12 beats are half as fine.
        velocities, tempos: how many levels of each; 0 leaves them out.
        metres: whether time signatures have tokens.
        programs: whether instruments are kept apart.
    """

    name: Name
    resolution: int
    velocities: int
    tempos: int
    metres: bool
    programs: bool

    @functools.cached_property
    def words(self) -> list[str]:
        """What each token is, ``TYPE_VALUE``, without the special ones of MidiTok."""
        special = set(self._miditok.special_tokens)
        words = [word for word in self._miditok.vocab if word not in special]
        return sorted(words, key=lambda word: not word.startswith(_TIME))  # stable

    def tokenize(self, score: ScoreTick) -> list[str]:
        """The words of a score; of a score that these words are played from, the same words.

        MidiTok rounds times and values to what has words.  What was rounded may be rounded once more when it is read again,
        so this goes on until nothing changes; should it ever go in a circle, the first of it in the order of the alphabet
        is taken.
        """
        words = self._once(score)
        if not words:
            return []
        seen = [words]
        for _ in range(_ROUNDS):
            words = self._once(self.play(words))
            if words in seen:
                return min(seen[seen.index(words) :])
            seen.append(words)
        return words

    def play(self, words: Sequence[str]) -> ScoreTick:
        """The score that words stand for, in any order; those without sense where they stand are passed over."""
        from symusic.core import ScoreTick

        sequence = _import_miditok().TokSequence(tokens=list(words))
        score = self._miditok.decode(sequence if self.programs else [sequence])
        for track in score.tracks:
            track.name = ""
            track.notes = track.notes.filter(
                lambda note: note.duration > 0 and 0 <= note.pitch < 128 and 0 < note.velocity < 128
            )
        if not any(len(track.notes) for track in score.tracks):
            score.tracks = []
        score = reduced(score, programs=True, metres=self._known_metres, tempos=True)
        # What a file cannot hold exactly (microseconds for a quarter note) must be lost here already.
        return ScoreTick.from_midi(score.dumps_midi())

    def ticks(self, denominator: int) -> dict[str, int]:
        """How many ticks each value of a duration or a time shift has, in beats of this kind."""
        table: dict[str, int] = self._miditok._tpb_tokens_to_ticks[self.ticks_per_beat(denominator)]  # noqa: SLF001
        return table

    def ticks_per_beat(self, denominator: int) -> int:
        """Ticks in a beat of this kind."""
        ticks: int = self._miditok._tpb_per_ts[denominator]  # noqa: SLF001
        return ticks

    def errors(self, words: Sequence[str]) -> float:
        """The share of words that MidiTok finds to be in the wrong place, from 0 to 1."""
        sequence = _import_miditok().TokSequence(tokens=list(words))
        found = self._miditok.tokens_errors(sequence if self.programs else [sequence])
        return float(found if self.programs else found[0])

    def _once(self, score: ScoreTick) -> list[str]:
        score = reduced(score, programs=self.programs, metres=self._known_metres, tempos=self.tempos > 0)
        if not score.tracks:
            return []
        sequence = self._miditok.encode(score)
        words: list[str] = (sequence if self.programs else sequence[0]).tokens
        return words

    @functools.cached_property
    def _known_metres(self) -> frozenset[tuple[int, int]]:
        """Those that are kept.  A half note's share of the positions must be whole, or MidiTok divides by nothing."""
        metres = self._miditok.time_signatures if self.metres else ()
        return frozenset((beats, unit) for beats, unit in metres if self.resolution * unit % 4 == 0)

    @functools.cached_property
    def _miditok(self) -> Any:
        return _import_miditok().__dict__[_CLASSES[self.name]](self._config())

    def _config(self) -> Any:
        return _import_miditok().TokenizerConfig(
            pitch_range=(0, 127),
            drums_pitch_range=(0, 127),
            beat_res={(0, 4): self.resolution, (4, _LONG): max(self.resolution // 2, 1)},
            num_velocities=self.velocities or 1,
            use_velocities=self.velocities > 0,
            num_tempos=self.tempos or 1,
            use_tempos=self.tempos > 0,
            use_time_signatures=self.metres,
            time_signature_range=_METRES,
            use_programs=self.programs,
            remove_duplicated_notes=True,
            delete_equal_successive_tempo_changes=True,
            special_tokens=["PAD"],
            encode_ids_split="no",
        )


def _import_miditok() -> Any:
    """MidiTok without its loaders of training data, which would import torch: seconds that generating does without."""
    loaders = "miditok.pytorch_data"
    if "miditok" not in sys.modules and loaders not in sys.modules:
        sys.modules[loaders] = cast("Any", None)  # which MidiTok takes as not installed
        try:
            return importlib.import_module("miditok")
        finally:
            del sys.modules[loaders]
    return importlib.import_module("miditok")
