"""How good tunes in ABC are: their bars, their keys, and how they are like, and copied from, a corpus."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence

from seqgen.core.errors import CorpusError
from seqgen.core.files import Source
from seqgen_music.abc.book import lines_of_book, too_long, tunes_of
from seqgen_music.abc.layout import laid_out
from seqgen_music.abc.lexemes import lex
from seqgen_music.abc.normal import normal
from seqgen_music.abc.tune import Note, Tune, read_tune
from seqgen_music.quality import SHINGLE, Quality, distance, share


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
    bars = [tuple(bar.symbols) for tune in tunes for bar in tune.bars]
    beside: dict[str, float | None] = {}
    if corpus:
        known_bars = {tuple(bar.symbols) for tune in corpus for bar in tune.bars}
        known_shingles = {shingle for tune in corpus for shingle in _shingles(tune)}
        beside = {
            "pitch_class_distance": distance(_pitch_classes(tunes), _pitch_classes(corpus)),
            "duration_distance": distance(_durations(tunes), _durations(corpus)),
            "copied_bars": share(bar in known_bars for bar in bars),
            "copied_shingles": share(shingle in known_shingles for tune in tunes for shingle in _shingles(tune)),
        }
    return Quality(
        tunes=len(tunes),
        bars=len(bars),
        notes=len(notes),
        well_formed_tunes=share(not tune.faults for tune in tunes),
        right_bars=share(
            id(bar) not in wrong for tune in tunes for wrong in [set(map(id, tune.wrong_bars))] for bar in tune.bars
        ),
        notes_in_key=share(note.in_key for note in notes),
        repeated_bars=share(again for tune in tunes for again in _again(tune)),
        **beside,
    )


def _again(tune: Tune) -> Iterator[bool]:
    """For each bar, whether one before it is equal."""
    seen: set[tuple[str, ...]] = set()
    for bar in tune.bars:
        symbols = tuple(bar.symbols)
        yield symbols in seen
        seen.add(symbols)


def _above_tonic(tune: Tune) -> list[tuple[int, int]]:
    """Notes as semitones above the tonic and ticks."""
    tonic = tune.key.pitch_class if tune.key else 0
    return [(note.midi - tonic, note.ticks) for note in tune.notes if note.midi is not None]


def _shingles(tune: Tune) -> Iterator[Hashable]:
    notes = _above_tonic(tune)
    return (tuple(notes[start : start + SHINGLE]) for start in range(len(notes) - SHINGLE + 1))


def _pitch_classes(tunes: Iterable[Tune]) -> Counter[int]:
    return Counter(semitones % 12 for tune in tunes for semitones, _ in _above_tonic(tune))


def _durations(tunes: Iterable[Tune]) -> Counter[int]:
    notes: Iterator[Note] = itertools.chain.from_iterable(tune.notes for tune in tunes)
    return Counter(note.ticks for note in notes if note.midi is not None)
