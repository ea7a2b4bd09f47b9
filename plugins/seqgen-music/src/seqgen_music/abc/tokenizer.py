"""Musical tokens, as folk-rnn has them (Sturm et al. 2016, Music Transcription Modelling and Composition Using Deep Learning).

A field, a note with its accidental and octave, a length, a bar line, a bracket and an ornament are a token each; free text,
as a title is, is spelled.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from seqgen.core.errors import DamagedModelError
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen_music.abc import MEDIA_TYPE
from seqgen_music.abc.layout import Layout
from seqgen_music.abc.lexemes import (
    LINE_END,
    QUOTE,
    QUOTE_END,
    Kind,
    Lexeme,
    lex_line,
    lexeme_of,
    lines_of,
    quoted,
    spelled,
)
from seqgen_music.abc.metre import multiple

END = 0
_FIXED = (LINE_END, QUOTE, QUOTE_END)
_FIRST = 1 + len(_FIXED)
_REMEMBERED = 64
_NUMBER = re.compile(r"^X:[^\r\n]*", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class AbcTokenizer(Tokenizer):
    """A token for each musical symbol, and one for each letter of free text; nothing but white space is lost.

    Decoded tunes have a space where a beat ends, so that beams are right, and four bars in a line.  Ids: the end, three of
    free text, the symbols by kind, the letters.
    """

    media_type: ClassVar[str] = MEDIA_TYPE

    tokens: tuple[str, ...] = field(default=(), repr=False)
    letters: str = field(default="", repr=False)

    def fit(self, documents: Iterable[Content]) -> Self:
        """Learn which symbols and letters there are."""
        found: set[Lexeme] = set()
        for document in documents:
            for line in lines_of([_text(document)]):
                found.update(lex_line(line))
        letters = sorted(lexeme.text for lexeme in found if lexeme.kind is Kind.CHARACTER)
        others = [lexeme for lexeme in found if lexeme.kind is not Kind.CHARACTER and lexeme not in _FIXED]
        return replace(self, tokens=tuple(text for _, text in sorted(map(_order, others))), letters="".join(letters))

    @property
    def vocab_size(self) -> int:
        """How many ids there are."""
        return _FIRST + len(self.tokens) + len(self.letters)

    @property
    def end_id(self) -> int:
        """0."""
        return END

    @cached_property
    def lexemes(self) -> tuple[Lexeme | None, ...]:
        """(V,) what each id stands for; None for the end."""
        symbols = [lexeme_of(token) for token in self.tokens]
        return (None, *_FIXED, *symbols, *(Lexeme(Kind.CHARACTER, letter) for letter in self.letters))

    def encode(self, document: Content) -> Ids:
        """The ids, (T,)."""
        return self._joined(self._encode_line(line) for line in lines_of([_text(document)]))

    def encode_pieces(self, pieces: Iterable[Content]) -> Iterator[Ids]:
        """The ids of a document in pieces, a line at a time: no token reaches across lines."""
        yield from map(self._encode_line, lines_of(map(_text, pieces)))

    def decode(self, ids: Ids) -> str:
        """The tune."""
        decoder = self.decoder()
        return "".join([*map(decoder.push, np.asarray(ids).tolist()), decoder.finish()])

    def decoder(self) -> AbcDecoder:
        """Gives the text of each token at once."""
        return AbcDecoder(self.lexemes)

    def decoder_after(self, ids: Ids) -> AbcDecoder:
        """What follows is laid out as in the tune that it goes on with."""
        decoder = self.decoder()
        for token in ids.tolist():
            decoder.push(token)
        return decoder

    def canonical(self, document: Content) -> str:
        """The tune with white space as it is decoded, and what the vocabulary lacks replaced."""
        return self.decode(self.encode(document))

    def numbered(self, document: Content, number: int) -> str:
        """The tune with this number in its X: field; tunes of a book have different ones (ABC standard 2.1, 3.1.1)."""
        text = _text(document)
        tune, found = _NUMBER.subn(f"X:{number}", text, count=1)
        return tune if found else f"X:{number}\n{text}"

    def missing(self, document: Content) -> Mapping[str, str | None]:
        """Symbols and letters that the vocabulary lacks; a symbol with the nearest that it has, or None."""
        missing: dict[str, str | None] = {}
        for line in lines_of([_text(document)]):
            for lexeme in lex_line(line):
                if lexeme not in self._ids:
                    nearest = self._nearest(lexeme)
                    missing[lexeme.text] = None if nearest is None else nearest.text
        return dict(sorted(missing.items()))

    def state(self) -> dict[str, Any]:
        """The symbols, and the letters as one string."""
        return {"tokens": list(self.tokens), "letters": self.letters}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer that gave this state.

        Raises:
            DamagedModelError: the state is not one that ``state`` gives.
        """
        match state:
            case {"tokens": [*tokens], "letters": str(letters), **others} if not others:
                symbols = [lexeme_of(token) if isinstance(token, str) else None for token in tokens]
                known = [lexeme for lexeme in symbols if lexeme is not None]
                in_order = [text for _, text in sorted(map(_order, known))] == tokens
                if in_order and len(set(tokens)) == len(tokens) and _are_letters(letters):
                    return cls(tokens=tuple(tokens), letters=letters)
        raise DamagedModelError(
            'The state of tokenizer abc is damaged: it must be "tokens", each a symbol of ABC, and "letters", each in order '
            "and once."
        )

    @cached_property
    def _ids(self) -> dict[Lexeme, int]:
        return {lexeme: number for number, lexeme in enumerate(self.lexemes) if lexeme is not None}

    @cached_property
    def _like(self) -> dict[tuple[Kind, str], list[Lexeme]]:
        """The symbols for which one may stand in for another."""
        like: dict[tuple[Kind, str], list[Lexeme]] = {}
        for lexeme in self._ids:
            like.setdefault(_likeness(lexeme), []).append(lexeme)
        return like

    def _encode_line(self, line: str) -> Ids:
        lexemes = lex_line(line)
        if not all(map(self._ids.__contains__, lexemes)):
            lexemes = list(self._known(lexemes))
        return np.array([self._ids[lexeme] for lexeme in lexemes], np.min_scalar_type(self.vocab_size))

    def _known(self, lexemes: Sequence[Lexeme]) -> Iterator[Lexeme]:
        """The lexemes of a line, with the nearest in place of those that the vocabulary lacks, or nothing."""
        place = 0
        while place < len(lexemes):
            lexeme = lexemes[place]
            place += 1
            if lexeme.kind in (Kind.TEXT, Kind.QUOTE):
                last = LINE_END if lexeme.kind is Kind.TEXT else QUOTE_END
                stop = lexemes.index(last, place)
                # Without some of its letters it may have spaces at its ends, or be a chord symbol.
                text = "".join(letter.text for letter in lexemes[place:stop] if letter in self._ids)
                place = stop + 1
                if lexeme in self._ids:
                    free = spelled(lexeme.text, text) if lexeme.kind is Kind.TEXT else quoted(text)
                    yield from filter(self._ids.__contains__, free)
            else:
                nearest = self._nearest(lexeme)
                if nearest is not None:
                    yield nearest

    def _nearest(self, lexeme: Lexeme) -> Lexeme | None:
        if lexeme in self._ids:
            return lexeme
        if lexeme not in self._stand_ins:
            if len(self._stand_ins) >= _REMEMBERED:
                self._stand_ins.clear()
            self._stand_ins[lexeme] = self._stand_in(lexeme)
        return self._stand_ins[lexeme]

    @cached_property
    def _stand_ins(self) -> dict[Lexeme, Lexeme | None]:
        """What was found for a few symbols that the vocabulary lacks."""
        return {}

    def _stand_in(self, lexeme: Lexeme) -> Lexeme | None:
        like = self._like.get(_likeness(lexeme), [])
        if not like:
            return None
        if lexeme.kind is Kind.LENGTH:
            wanted = multiple(lexeme.text) or 1
            return min(like, key=lambda other: (abs((multiple(other.text) or 1) - wanted), other.text))
        texts = {other.text: other for other in like}
        return texts[difflib.get_close_matches(lexeme.text, texts, n=1, cutoff=0)[0]]

    def _joined(self, lines: Iterable[Ids]) -> Ids:
        return np.concatenate([np.empty(0, np.min_scalar_type(self.vocab_size)), *lines])


class AbcDecoder:
    """Gives the text of each token at once, with the white space before it."""

    def __init__(self, lexemes: Sequence[Lexeme | None]) -> None:
        self._lexemes = lexemes
        self._layout = Layout()

    def push(self, token: int) -> str:
        """The text of the id; after the end another tune begins."""
        lexeme = self._lexemes[token]
        if lexeme is None:
            return self.finish()
        return self._layout.push(lexeme)

    def finish(self) -> str:
        """A quotation mark, where one is open."""
        rest = self._layout.finish()
        self._layout = Layout()
        return rest


def _likeness(lexeme: Lexeme) -> tuple[Kind, str]:
    """What symbols have in common that may stand in for one another."""
    kind, text = lexeme
    match kind:
        case Kind.FIELD:
            return kind, text[0]
        case Kind.INLINE:
            return kind, text[1]
        case Kind.PITCH:
            return kind, text.lstrip("^_=")[0].upper()
        case Kind.LENGTH | Kind.BAR | Kind.REST:
            return kind, ""
    return kind, text


def _order(lexeme: Lexeme) -> tuple[int, str]:
    return lexeme.kind, lexeme.text


def _are_letters(letters: str) -> bool:
    """Whether these are characters in rising order that a file can hold, and none separates lines."""
    rising = all(one < other for one, other in itertools.pairwise(letters))
    return rising and "\n" not in letters and _text(letters) == letters


def _text(document: Content) -> str:
    """The document as text that any file can hold, whatever it was."""
    data = document if isinstance(document, bytes) else document.encode("utf-8", "replace")
    return data.decode("utf-8", "replace")
