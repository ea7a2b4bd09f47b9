"""How good tunes in ABC are: their bars, their keys, and how they are like, and copied from, a corpus."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

from seqgen.core.errors import CorpusError
from seqgen.core.files import Source
from seqgen_music.abc.book import lines_of_book, too_long, tunes_of
from seqgen_music.abc.layout import laid_out
from seqgen_music.abc.lexemes import lex
from seqgen_music.abc.normal import normal
from seqgen_music.abc.tune import Tune, read_tune
from seqgen_music.quality import SHINGLE, Material, Quality, again, beside, share


def read_tunes(books: Sequence[Source], encoding: str = "auto") -> list[Tune]:
    """The tunes of books and folders, ill-formed ones included, each in its normal spelling.

    Of one that is too long (see :func:`seqgen_music.abc.book.too_long`) its beginning, with that for a fault.

    Args:
        books: of tunes.
        encoding: as in :meth:`seqgen.core.files.Source.text`.

    Raises:
        CorpusError: a book cannot be read, or there is no tune.
    """
    tunes = [_tune_of(lines) for book in books for _, lines in tunes_of(lines_of_book(book, encoding))]
    if not tunes:
        more = f" and {len(books) - 1:,} more" if len(books) > 1 else ""
        raise CorpusError(f"There is no tune in {books[0].name}{more}.  A tune has a field X: or K:")
    return tunes


def _tune_of(lines: Sequence[str]) -> Tune:
    tune = read_tune(laid_out(normal(itertools.chain.from_iterable(map(lex, lines)))))
    if fault := too_long(lines):
        tune.faults.append((1, fault))
    return tune


def measure(tunes: Sequence[Tune], corpus: Sequence[Tune] = ()) -> Quality:
    """The quality of tunes, and beside a corpus where there is one."""
    notes = [note for tune in tunes for note in tune.notes if note.midi is not None]
    ours = _material(tunes)
    return Quality(
        tunes=len(tunes),
        bars=len(ours.bars),
        notes=len(notes),
        well_formed_tunes=share(not tune.faults for tune in tunes),
        right_bars=share(
            id(bar) not in wrong for tune in tunes for wrong in [set(map(id, tune.wrong_bars))] for bar in tune.bars
        ),
        notes_in_key=share(note.in_key for note in notes),
        repeated_bars=share(each for tune in tunes for each in again(_bars(tune))),
        **(beside(ours, _material(corpus)) if corpus else {}),
    )


def _material(tunes: Sequence[Tune]) -> Material:
    notes = [note for tune in tunes for note in _above_tonic(tune)]
    return Material(
        bars=[bar for tune in tunes for bar in _bars(tune)],
        shingles=[shingle for tune in tunes for shingle in _shingles(tune)],
        pitch_classes=Counter(semitones % 12 for semitones, _ in notes),
        durations=Counter(ticks for _, ticks in notes),
    )


def _bars(tune: Tune) -> list[Hashable]:
    return [tuple(bar.symbols) for bar in tune.bars]


def _above_tonic(tune: Tune) -> list[tuple[int, int]]:
    """Notes as semitones above the tonic and ticks."""
    tonic = tune.key.pitch_class if tune.key else 0
    return [(note.midi - tonic, note.ticks) for note in tune.notes if note.midi is not None]


def _shingles(tune: Tune) -> Iterator[Hashable]:
    """Runs of notes: how much higher than the first of them each is, and its length."""
    notes = _above_tonic(tune)
    for start in range(len(notes) - SHINGLE + 1):
        first, _ = notes[start]
        yield tuple((semitones - first, ticks) for semitones, ticks in notes[start : start + SHINGLE])
