"""A file of music in the forms that a person asks for, each beside the file or in a folder."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seqgen.core.errors import OutputError
from seqgen.core.files import Source, find_sources
from seqgen_music.abc import SUFFIXES as ABC_SUFFIXES
from seqgen_music.abc.book import lines_of_book, too_long, tunes_of
from seqgen_music.errors import MusicError
from seqgen_music.midi.files import SUFFIXES, UnreadableMidiError, bytes_of, is_midi, read_score
from seqgen_music.render.notes import notes_of
from seqgen_music.render.performance import perform
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
        content: bytes of MIDI, or the lines of a tune in ABC (see :func:`seqgen_music.abc.book.tunes_of`).
    """

    name: str
    where: str
    content: bytes | list[str]

    @cached_property
    def midi(self) -> bytes:
        """As a MIDI file."""
        if not isinstance(self.content, bytes):
            return perform(self.content, self.where)
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
            case "png" if not isinstance(self.content, bytes):
                return self._engraved.png
        return draw(notes_of(self.midi))

    @cached_property
    def _engraved(self) -> Engraved:
        if isinstance(self.content, bytes):
            raise MusicError(f"{self.where} is MIDI, of which no score is engraved.  Try --to png, a piano roll")
        return engrave("\n".join(self.content) + "\n", self.where)


def pieces(files: Sequence[str], encoding: str = "auto") -> Iterator[Piece]:
    """The pieces of files, of those in folders, and of those that globs stand for.

    Args:
        files: MIDI, of which each is one piece, and tune books in ABC, of which each tune is one.
        encoding: of tune books, as in :meth:`seqgen.core.files.Source.text`.

    Raises:
        CorpusError: a file cannot be read.
        MusicError: there is no music in it, or a tune that is too long.
    """
    for source in _sources(files):
        yield from _pieces_of(source, encoding)


def render(files: Sequence[str], forms: Sequence[str], folder: Path | None, encoding: str = "auto") -> Iterator[Path]:
    """Write the pieces of files in these forms; gives each file as it is written.

    Args:
        files: as for ``pieces``.
        forms: of ``FORMS``.
        folder: where they go; None: beside the file that they are of, or here, where that is none of this machine.
        encoding: as for ``pieces``.

    Raises:
        MusicError: beside what reading raises, what would be written is a file that is read, or was written just now.
        OutputError: it cannot be written.
    """
    sources = _sources(files)
    taken = {Path(source.name).resolve(): "which is read too" for source in sources if _is_local(source)}
    for source in sources:
        beside = Path(source.name).parent if _is_local(source) else Path()
        for piece, form in itertools.product(_pieces_of(source, encoding), dict.fromkeys(forms)):
            target = (beside if folder is None else folder) / (piece.name + FORMS[form])
            place = target.resolve()
            if _is_local(source) and place == Path(source.name).resolve():
                continue  # MIDI as MIDI
            if place in taken:
                raise MusicError(
                    f"{piece.where} as {form} would overwrite {target}, {taken[place]}.  Render it by itself, into another "
                    "--output-folder"
                )
            content = piece.form(form)
            try:
                _replace(place, content)
            except OSError as error:
                raise OutputError(f"{target} cannot be written: {error.strerror}.") from error
            taken[place] = f"which was made of {piece.where}"
            yield target


def _replace(path: Path, content: bytes) -> None:
    """Put a file in the place of the one that is there, if there is one: whoever looks finds the one or the other, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".new-{path.name}")
    try:
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        with contextlib.suppress(OSError):  # it is gone where all went well
            new.unlink()


def _sources(files: Sequence[str]) -> list[Source]:
    """The files, each once."""
    return list({source.name: source for source in find_sources(files, suffixes=(*ABC_SUFFIXES, *SUFFIXES))}.values())


def _is_local(source: Source) -> bool:
    return source.name != "-" and "://" not in source.name


def _pieces_of(source: Source, encoding: str) -> Iterator[Piece]:
    name = Path(re.sub(r"\.(gz|bz2|xz|zst)$", "", source.name))
    stem = "tune" if source.name == "-" else name.stem
    if is_midi(source):
        yield Piece(stem, source.name, bytes_of(source))
        return
    tunes = list(tunes_of(lines_of_book(source, encoding)))
    if not tunes:
        raise MusicError(f"{source.name} has no tune in ABC, which begins with X:, and is no MIDI file.")
    width = len(str(len(tunes)))
    for line, lines in tunes:
        if fault := too_long(lines):
            raise MusicError(f"{source.name}:{line}: {fault}.  Leave it out")
    for number, (line, lines) in enumerate(tunes, 1):
        called = stem if len(tunes) == 1 else f"{stem}-{number:0{width}}"
        yield Piece(called, f"{source.name}:{line}", lines)
