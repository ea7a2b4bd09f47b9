"""How good tunes are, in ABC or as MIDI; each kind has measures of its own."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from seqgen.core.errors import CorpusError, SeqgenWarning, UsageError
from seqgen.core.files import Source, find_sources
from seqgen_music.abc import SUFFIXES as ABC_SUFFIXES
from seqgen_music.abc import measures as abc_measures
from seqgen_music.midi import measures as midi_measures
from seqgen_music.midi.files import SUFFIXES, UnreadableMidiError, bytes_of, is_midi
from seqgen_music.quality import Quality


def qualities(tunes: Sequence[str], corpus: Sequence[str] = (), encoding: str = "auto") -> dict[str, Quality]:
    """The quality of ``tunes``, and where there is one, of the ``corpus`` beside which they are measured.

    Where tunes are in ABC, MIDI files among them are left out with a warning, since folders hold both.

    Args:
        tunes: books, MIDI files, folders, globs, URLs.
        corpus: the same, of the same kind.
        encoding: of books, as in :meth:`seqgen.core.files.Source.text`.

    Raises:
        CorpusError: a source cannot be read, or there is no tune.
        UsageError: the corpus is of the other kind.
    """
    books, midi = _by_kind(tunes)
    known_books, known_midi = _by_kind(corpus)
    if corpus and not (known_books if books else known_midi):
        kinds = ("in ABC", "MIDI") if books else ("MIDI", "in ABC")
        raise UsageError(
            f"{', '.join(tunes)} is {kinds[0]}, and {', '.join(corpus)} {kinds[1]}: both must be of one kind.  "
            "seqgen music render --to midi makes MIDI of ABC"
        )
    if not books:
        return _of_midi(midi, known_midi)
    for left_out in filter(None, (midi, known_midi)):
        of = f"{len(left_out):,} MIDI files are" if len(left_out) > 1 else "1 MIDI file is"
        warnings.warn(f"{of} left out beside tunes in ABC: {left_out[0].name}", SeqgenWarning, stacklevel=1)
    known = abc_measures.read_tunes(known_books, encoding) if corpus else []
    found = {"tunes": abc_measures.measure(abc_measures.read_tunes(books, encoding), known)}
    return found | ({"corpus": abc_measures.measure(known)} if corpus else {})


def _by_kind(names: Sequence[str]) -> tuple[list[Source], list[Source]]:
    """Tune books and MIDI files."""
    files = find_sources(names, suffixes=(*ABC_SUFFIXES, *SUFFIXES))
    kinds = [is_midi(file) for file in files]
    return (
        [file for file, midi in zip(files, kinds, strict=True) if not midi],
        [file for file, midi in zip(files, kinds, strict=True) if midi],
    )


def _of_midi(files: Sequence[Source], corpus: Sequence[Source]) -> dict[str, Quality]:
    known, unread = _read(corpus) if corpus else ([], 0)
    pieces, unreadable = _read(files)
    found = {"tunes": midi_measures.measure(pieces, known, unreadable=unreadable)}
    return found | ({"corpus": midi_measures.measure(known, unreadable=unread)} if corpus else {})


def _read(files: Sequence[Source]) -> tuple[list[midi_measures.Piece], int]:
    """The MIDI files that can be read, and how many cannot."""
    pieces, faults = list[midi_measures.Piece](), list[str]()
    for file in files:
        try:
            pieces.append(midi_measures.piece_of(bytes_of(file)))
        except UnreadableMidiError as error:
            faults.append(f"{file.name}: {error}")
    if not pieces:
        more = f"  {len(faults) - 1:,} more cannot be used." if len(faults) > 1 else ""
        raise CorpusError(f"{faults[0]}.{more}")
    if faults:
        told = f"{len(faults):,} of {len(files):,} files cannot be read, the first: {faults[0]}"
        warnings.warn(told, SeqgenWarning, stacklevel=1)
    return pieces, len(faults)
