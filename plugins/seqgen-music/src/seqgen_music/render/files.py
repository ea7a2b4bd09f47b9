"""A file of music in the forms that a person asks for, each beside the file or in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seqgen.core.files import find_sources
from seqgen_music.abc.lexemes import lines_of
from seqgen_music.abc.tune import tunes_of
from seqgen_music.errors import MusicError
from seqgen_music.midi.files import UnreadableMidiError, read_score
from seqgen_music.render.notes import notes_of
from seqgen_music.render.roll import draw
from seqgen_music.render.score import Engraved, engrave
from seqgen_music.render.sound import synthesise

FORMS = {"midi": ".mid", "wav": ".wav", "svg": ".svg", "png": ".png", "roll": ".roll.png"}
"""The forms, with the ending of a file in it: ``png`` is the score of ABC, and of MIDI the piano roll."""


@dataclass(frozen=True)
class Piece:
    """One piece of music, of a MIDI file or of a tune book.

    Attributes:
        name: how its files are called, without an ending.
        where: how it is called in messages.
        content: bytes of MIDI, or a tune in ABC.
    """

    name: str
    where: str
    content: bytes | str

    @cached_property
    def midi(self) -> bytes:
        """As a MIDI file."""
        if isinstance(self.content, str):
            return self._engraved.midi
        try:
            read_score(self.content)
        except UnreadableMidiError as error:
            raise MusicError(f"{self.where}: {error}.") from error
        return self.content

    def form(self, name: str) -> bytes:
        """The piece in a form.

        Raises:
            MusicError: it has none, or cannot be read.
            MissingDependencyError: what makes it is not installed.
        """
        match name:
            case "midi":
                return self.midi
            case "wav":
                return synthesise(self.midi)
            case "svg":
                return self._engraved.svg.encode()
            case "png" if isinstance(self.content, str):
                return self._engraved.png
        return draw(notes_of(self.midi))

    @cached_property
    def _engraved(self) -> Engraved:
        if isinstance(self.content, bytes):
            raise MusicError(f"{self.where} is MIDI, of which no score is engraved.  Try --to png, a piano roll")
        return engrave(self.content, self.where)


def pieces(path: str) -> Iterator[Piece]:
    """The pieces of a file: one of MIDI, or each tune of a tune book in ABC.

    Raises:
        CorpusError: the file cannot be read.
        MusicError: there is no music in it.
    """
    (source,) = find_sources([path])[:1]
    stem = Path(source.name).stem
    begin = next(source.blocks(), b"")
    if begin.startswith((b"MThd", b"RIFF")) or Path(path).suffix.lower() in (".mid", ".midi"):
        yield Piece(stem, source.name, b"".join(source.blocks()))
        return
    tunes = list(tunes_of(lines_of(source.text(dataset="abc"))))
    if not tunes:
        raise MusicError(f"{source.name} has no tune in ABC, which begins with X:, and is no MIDI file.")
    width = len(str(len(tunes)))
    for number, (line, lines) in enumerate(tunes, 1):
        name = stem if len(tunes) == 1 else f"{stem}-{number:0{width}}"
        yield Piece(name, f"{source.name}:{line}", "\n".join(lines) + "\n")


def render(path: str, forms: Sequence[str], folder: Path | None) -> Iterator[Path]:
    """Write a file's pieces in these forms; gives each file as it is written.

    Args:
        path: the file.
        forms: of ``FORMS``.
        folder: where they go; None: beside the file.
    """
    for piece in pieces(path):
        for form in forms:
            target = (Path(path).parent if folder is None else folder) / (piece.name + FORMS[form])
            if target.exists() and target.samefile(path):
                continue  # MIDI as MIDI
            content = piece.form(form)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            yield target
