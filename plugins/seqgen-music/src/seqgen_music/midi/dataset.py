"""MIDI files, each a document, in other keys and other loudness too."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_doc import Doc
from annotated_types import Ge, Le

from seqgen.core.errors import CorpusError, SeqgenWarning
from seqgen.core.file_dataset import FileDataset
from seqgen.core.types import Document
from seqgen_music.midi.files import MEDIA_TYPE, SUFFIXES, UnreadableMidiError, bytes_of, read_score

_NAMED = 5  # files that a warning names


@dataclass(frozen=True, kw_only=True)
class MidiDataset(FileDataset):
    """MIDI files; those that cannot be read are told and passed over.

    Variants of a file are held out together with it.
    """

    media_type: ClassVar[str] = MEDIA_TYPE
    batching: ClassVar[str] = "documents"
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES

    transpose: Annotated[
        int, Ge(0), Le(12), Doc("each file also in up to so many semitones above and below; drums stay as they are")
    ] = 0
    velocity_steps: Annotated[int, Ge(0), Le(3), Doc("each file also softer and louder, in so many steps each way")] = 0
    velocity_step: Annotated[int, Ge(1), Le(40), Doc("how much one such step changes the velocity, of 127")] = 12

    _passed_over: list[str] = field(init=False, repr=False, compare=False, default_factory=list)

    def documents(self) -> Iterator[Document]:
        """One document a file and variant; its id is the file's path, and how it was varied.

        Raises:
            CorpusError: no file can be read.
        """
        unread: list[str] = []
        for file in self.files:
            try:
                content = bytes_of(file)
                read_score(content)
            except UnreadableMidiError as error:
                unread.append(f"{file.name}: {error}")
                continue
            yield from self._variants(file.name, content)
        if len(unread) == len(self.files):
            more = f"  {len(unread) - 1} more cannot be used." if len(unread) > 1 else ""
            raise CorpusError(f"{unread[0] if unread else 'There is no file'}.{more}")
        self._passed_over.clear()
        if unread:
            more = f"\n  and {len(unread) - _NAMED:,} more" if len(unread) > _NAMED else ""
            told = "".join(f"\n  {each}" for each in unread[:_NAMED])
            self._passed_over.append(f"{len(unread):,} of {len(self.files):,} files were passed over:{told}{more}")
            # As from here: what is warned of at one place is shown once, however often a corpus is read.
            warnings.warn(self._passed_over[0], SeqgenWarning, stacklevel=1)

    def passed_over(self) -> Sequence[str]:
        """That files could not be read, where it was so.

        A tokenizer without merges learns nothing of a corpus, which is then not read again once it is recognised.
        """
        return tuple(self._passed_over)

    def _variants(self, name: str, content: bytes) -> Iterator[Document]:
        varied = bool(self.transpose or self.velocity_steps)
        yield Document(name, content, group=name if varied else "")
        semitones = range(-self.transpose, self.transpose + 1)
        steps = range(-self.velocity_steps, self.velocity_steps + 1)
        for up, louder in itertools.product(semitones, steps):
            if (up, louder) != (0, 0):
                changed = transformed(content, semitones=up, louder=louder * self.velocity_step)
                if changed is not None:
                    yield Document(
                        f"{name} {up:+d} semitones, {louder * self.velocity_step:+d} velocity", changed, group=name
                    )

    @classmethod
    def example(cls, folder: Path, size: int) -> tuple[str, ...]:
        """Scales and broken chords; a file has at most 16,000 bytes."""
        files = max(3, size // 16_000)
        for number in range(files):
            (folder / f"example-{number:05}.mid").write_bytes(_exercise(number, notes=size // files // 8))
        return (str(folder),)


def transformed(content: bytes, *, semitones: int, louder: int) -> bytes | None:
    """A MIDI file with its notes moved, and drums only louder or softer; None where a note would leave the 128 pitches.

    Raises:
        UnreadableMidiError: it cannot be read.
    """
    score = read_score(content)
    for track in score.tracks:
        for note in track.notes:
            note.velocity = min(127, max(1, note.velocity + louder))
            if not track.is_drum:
                if not 0 <= note.pitch + semitones <= 127:
                    return None
                note.pitch += semitones
    return score.dumps_midi()


def _exercise(number: int, notes: int) -> bytes:
    from symusic.core import NoteTick, ScoreTick, TempoTick, TimeSignatureTick, TrackTick

    score = ScoreTick(480)
    score.time_signatures.append(TimeSignatureTick(0, *((4, 4), (3, 4), (6, 8))[number % 3]))
    score.tempos.append(TempoTick(0, 100.0 + 10 * (number % 5)))
    steps = ((0, 2, 4, 5, 7, 9, 11, 12), (0, 4, 7, 12, 7, 4, 0, 7))[number % 2]
    lead, bass = TrackTick("", (0, 40, 73)[number % 3]), TrackTick("", 32)
    for place in range(max(notes, 16)):
        step, key = steps[place % 8], 60 + number % 12 + place // 8 % 5
        lead.notes.append(NoteTick(place * 240, 240, key + step, 64 + 8 * (place % 4)))
        if place % 4 == 0:
            bass.notes.append(NoteTick(place * 240, 960, key - 24 + step, 80))
    score.tracks.append(lead)
    score.tracks.append(bass)
    return score.dumps_midi()
