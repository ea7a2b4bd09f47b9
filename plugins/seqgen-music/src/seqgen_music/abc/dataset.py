"""Tune books in ABC, each tune one document."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from annotated_doc import Doc

from seqgen.core.errors import CorpusError, OptionError, SeqgenWarning
from seqgen.core.file_dataset import TextFileDataset
from seqgen.core.types import Document
from seqgen_music.abc import MEDIA_TYPE, SUFFIXES
from seqgen_music.abc.book import too_long, tunes_of
from seqgen_music.abc.layout import laid_out, laid_out_as, pieces_of
from seqgen_music.abc.lexemes import Lexeme, lex, lines_of
from seqgen_music.abc.normal import ORDER, normal
from seqgen_music.abc.transpose import all_keys, key_of, to_signature, to_tonic, transposed
from seqgen_music.abc.tune import tune_of

_SHOWN = 10  # faults of a corpus


@dataclass(frozen=True, kw_only=True)
class AbcDataset(TextFileDataset):
    """Tunes out of books and folders of ``.abc`` files, in one spelling, so that equal music looks alike.

    A tune that is ill-formed is left out, with a warning that says where and why.
    """

    media_type: ClassVar[str] = MEDIA_TYPE
    batching: ClassVar[str] = "documents"
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES

    transpose: Annotated[
        Literal["none", "all", "tonic", "signature"],
        Doc(
            "all: each tune in each of the twelve keys; tonic: every tune on C, in its mode; signature: every tune without "
            "sharps and flats, in its mode"
        ),
    ] = "none"
    fields: Annotated[
        str, Doc(f"header fields that are kept, of {ORDER}; X and K, and M and L where given, always are")
    ] = "TRMLK"
    bars: Annotated[Literal["right", "any"], Doc("right: tunes with bars that do not add up are left out")] = "right"

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := sorted(set(self.fields) - set(ORDER)):
            msg = f'dataset abc: fields has "{"".join(unknown)}", but must be letters of {ORDER}.  Try abc:fields=TRMLK'
            raise OptionError(msg)

    def documents(self) -> Iterator[Document]:
        """One document a tune, or with ``transpose=all`` up to twelve; its id is the file's path and the tune's line."""
        found, faults = 0, list[str]()
        for file, text in self.texts("abc"):
            for line, lexemes in self._tunes(file.name, text, faults):
                found += 1
                yield from self._documents(f"{file.name}:{line}", normal(lexemes, self.fields))
        if not found:
            why = f"  {faults[0]}." if faults else ""
            raise CorpusError(f"There is no well-formed tune in {', '.join(self.sources) or 'no sources'}.{why}")
        self._report(faults, found)

    @classmethod
    def example(cls, folder: Path, size: int) -> tuple[str, ...]:
        """A book of scales that go up and down, in several keys and metres."""
        path = folder / "scales.abc"
        with path.open("w", encoding="utf-8") as file:
            number = 0
            while number < 3 or file.tell() < size:
                key, metre, bar = (
                    ("D", "6/8", "{}{}{} {}{}{}"),
                    ("G", "4/4", "{}2 {}2 {}{}{}{}"),
                    ("Am", "2/4", "{}{} {}>{}"),
                )[number % 3]
                scale = "DEFGABcdefgab"[number % 5 :]
                up, down = bar.format(*scale), bar.format(*scale[::-1])
                file.write(f"X:{number + 1}\nT:Scale {number + 1}\nM:{metre}\nL:1/8\nK:{key}\n|:{up}|{down}:|\n\n")
                number += 1
        return (str(path),)

    def _tunes(self, name: str, pieces: Iterator[str], faults: list[str]) -> Iterator[tuple[int, Iterator[Lexeme]]]:
        """The well-formed tunes of a file, each with its line; why others are left out is added to ``faults``."""
        for start, lines in tunes_of(lines_of(pieces)):
            if fault := too_long(lines):
                faults.append(f"{name}:{start}: {fault}")
                continue
            lexed = [list(lex(line)) for line in lines]
            tune = tune_of(lexed)
            if found := tune.misread if self.bars == "any" else tune.faults:
                faults.append(f"{name}:{start + found[0][0] - 1}: {found[0][1]}")
            else:
                yield start, itertools.chain.from_iterable(lexed)

    def _documents(self, name: str, lexemes: list[Lexeme]) -> Iterator[Document]:
        key = key_of(lexemes)
        if self.transpose == "none" or key is None:
            yield Document(name, laid_out(lexemes))
        elif self.transpose == "all":
            pieces = pieces_of(lexemes)
            moved = [
                (interval, found) for interval in all_keys(key) if (found := transposed(lexemes, interval)) is not None
            ]
            for interval, there in moved:
                yield Document(f"{name}#{interval.key(key)}", laid_out_as(lexemes, pieces, there), group=name)
            if not moved:  # it has K: fields within that name no key
                yield Document(name, laid_out(lexemes))
        else:
            interval = to_tonic(key, 0) if self.transpose == "tonic" else to_signature(key, 0)
            yield Document(name, laid_out(transposed(lexemes, interval) or lexemes))

    def _report(self, faults: list[str], found: int) -> None:
        if not faults:
            return
        shown = "\n  ".join(faults[:_SHOWN])
        more = f"\n  and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        warnings.warn(
            f"{len(faults)} of {found + len(faults)} tunes left out:\n  {shown}{more}", SeqgenWarning, stacklevel=2
        )
