"""Tokens of lyrics: the ends of lines and stanzas, headings, and between them words or what another tokenizer has."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.errors import AmbiguousPartError, DamagedModelError, OptionError, UnknownPartError
from seqgen.core.options import options_of
from seqgen.core.tokenizer import Decoder, Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.installed import find_part, make_part
from seqgen_lyrics.counting import Seen
from seqgen_lyrics.decoding import LyricsDecoder
from seqgen_lyrics.spelling import CASES, cased, split_word
from seqgen_lyrics.structure import HEADING, PIECE, WORD, as_text, split_text

WORDS = "words"

_WORD_OR_SPACED = re.compile(rf" ?({WORD.pattern})")
_KNOWN = 4096
_WORDS = 2048
_LINE = re.compile(r"(?<=\n)(?=[^\n])")
_SPACE = re.compile(r"(?<=\S)(?= )")
_CUT_BEFORE_SPACE = (WORDS, "bpe", "byte", "char", "word")  # those of seqgen, see seqgen.core.text.cut_before_space
_LONGEST = 1 << 16  # characters of a line that is not cut
_NO_HEADING = 43  # characters of a line after which it is no heading, whatever follows
_BEFORE = 64  # ids, of which the last that has a text tells whether a line begins


@dataclass(frozen=True, kw_only=True)
class LyricsTokenizer(Tokenizer):
    """Line ends, stanza ends, headings such as ``[Chorus]``, and the words between them; nothing that was seen is unknown.

    With ``base=words``, a frequent word is one token, whatever its case and with the space before it; a word is capitalized
    where it begins a line, and a token before it says where it is written otherwise.  Rare words are spelled in pieces and
    characters.  With another base, that tokenizer writes what is between the ends of lines.

    Ids: line end, stanza end, headings, the three marks of case and the words (base=words), pieces, those of the base, the
    end of the song.
    """

    base: Annotated[str, Doc("words, or the name of a tokenizer of text: char, bpe, ...")] = WORDS
    size: Annotated[
        int,
        Ge(0),
        Doc("how many words there are at most, 0: 2048; with another base its vocab_size, 0: as it has by itself"),
    ] = 0
    min_count: Annotated[int, Ge(1), Doc("rarer words are spelled")] = 2
    headings: tuple[str, ...] = field(default=(), repr=False)
    known: tuple[str, ...] = field(default=(), repr=False)
    pieces_of_words: tuple[str, ...] = field(default=(), repr=False)
    inner: Tokenizer | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no tokenizer to put tokens around."""
        if self.base != WORDS:
            _base_class(self.base)

    def fit(self, documents: Iterable[Content]) -> Self:
        """Learn headings, words, pieces, and what the base learns."""
        seen = Seen()
        inner = self._unfitted().fit(seen.segments(documents))
        if inner.pieces() is None:
            raise OptionError(
                f"tokenizer lyrics: base is {self.base}, whose tokens have no text of their own.  Try --tokenizer lyrics:base=char"
            )
        words = seen.words(self.min_count)[: (self.size or _WORDS) if self.base == WORDS else _KNOWN]
        pieces = seen.pieces(words) if self.base == WORDS else ()
        return replace(self, headings=seen.headings(), known=words, pieces_of_words=pieces, inner=inner)

    @property
    def vocab_size(self) -> int:
        """All ids, the end among them."""
        return self.end_id + 1

    @property
    def end_id(self) -> int:
        """The last id."""
        return self._inner_start + len(self._inner_pieces)

    def encode(self, document: Content) -> Ids:
        """The ids, (T,)."""
        return self._encoded(self._canonical(as_text(document)))

    def encode_pieces(self, pieces: Iterable[Content]) -> Iterator[Ids]:
        """The ids of a document in pieces; it is cut where lines begin, and within a long one before a space.

        A line is held whole where it has no space, and where the base is not one of seqgen's, which may look across spaces.
        """
        held, goes_on = "", False
        for piece in map(as_text, pieces):
            new = len(held)  # what is before was searched
            held += piece
            cut = _last(_LINE, held, new)
            within = not cut
            if within and len(held) > _LONGEST:
                cut = self._cut_before_space(held, new)
            if cut:
                yield self._encoded(self._canonical(held[:cut]), goes_on=goes_on)
                held, goes_on = held[cut:], within
        if held:
            yield self._encoded(self._canonical(held), goes_on=goes_on)

    def _cut_before_space(self, line: str, start: int) -> int:
        """The last place in a line, from some place on, at which its ids can be divided; 0 where there is none."""
        if self.base not in _CUT_BEFORE_SPACE:
            return 0
        place = _last(_SPACE, line, max(start, _NO_HEADING))
        around = line[place - 1 : place + 1]
        # Where the vocabulary lacks one of the two, what is around them may come to be one word.
        return place if place and self._canonical(around) == around else 0

    def decode(self, ids: Ids) -> str:
        """The text."""
        decoder = self.decoder()
        pieces = [decoder.push(token) for token in np.asarray(ids).tolist()]
        return "".join(map(str, [*pieces, decoder.finish()]))

    def decoder(self) -> LyricsDecoder:
        """Gives each token's text when it is whole."""
        return LyricsDecoder(self._texts, len(self._structure), self._marks, self._words)

    def decoder_after(self, ids: Ids) -> Decoder:
        """Words then have the space before them, and a capital only where a line begins."""
        decoder = self.decoder()
        for token in np.asarray(ids)[-_BEFORE:].tolist():
            decoder.push(token)
        decoder.forget()
        return decoder

    def canonical(self, document: Content) -> str:
        """The text as the base can give it back."""
        return self._canonical(as_text(document))

    def missing(self, document: Content) -> Mapping[str, str | None]:
        """What the base lacks."""
        found: dict[str, str | None] = {}
        for part in split_text(as_text(document)):
            if part not in self._structure_ids:
                found |= self._fitted.missing(part.removesuffix("\n"))
        return found

    def pieces(self) -> Sequence[bytes] | None:
        """The text of each token; None where words are capitalized, which depends on what is before them."""
        if self.base == WORDS:
            return None
        return self._texts

    def spelled(self) -> Sequence[str]:
        """(V,) what each token adds to a text, in lower case, a word with the space before it."""
        words = [f" {word}" for word in self._words]
        inner = [piece.decode("utf-8", "replace") for piece in self._inner_pieces]
        return [*self._structure, *([""] * len(self._marks)), *words, *self.pieces_of_words, *inner, ""]

    def known_words(self) -> Sequence[str]:
        """The words of the corpus, commonest first."""
        return self.known

    @property
    def drops_space(self) -> bool:
        """The space before a word is none where it begins a line."""
        return self.base == WORDS

    def state(self) -> dict[str, Any]:
        """The options, what was learned, and the state of the base."""
        return {
            "base": self.base,
            "size": self.size,
            "min_count": self.min_count,
            "headings": list(self.headings),
            "known": list(self.known),
            "pieces": list(self.pieces_of_words),
            "inner": self._fitted.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer that gave this state."""
        _require(isinstance(state, Mapping), "it is not a table of names and values")
        names = {"base", "size", "min_count", "headings", "known", "pieces", "inner"}
        _require(
            set(state) == names,
            f"it has {', '.join(sorted(map(str, set(state) ^ names)))[:200]} too much or too little",
        )
        for name, least in (("size", 0), ("min_count", 1)):
            value = state[name]
            _require(type(value) is int and least <= value < 1 << 31, f'"{name}" is no whole number from {least} on')
        texts: dict[str, tuple[str, ...]] = {}
        for name, form in (("headings", HEADING), ("known", WORD), ("pieces", PIECE)):
            value = state[name]
            fits = type(value) is list and all(type(each) is str and form.fullmatch(each) for each in value)
            _require(fits and len(set(value)) == len(value), f'"{name}" is no list of different texts of that kind')
            texts[name] = tuple(value)
        folded = {word.lower() for word in texts["known"]}
        _require(len(folded) == len(texts["known"]), '"known" has a word twice')
        base = state["base"]
        _require(type(base) is str, '"base" is no text')
        _require(base == WORDS or not texts["pieces"], '"pieces" belong to words alone')
        try:
            inner = _base_class("char" if base == WORDS else base).from_state(state["inner"])
        except OptionError as error:
            raise DamagedModelError(f"The state of tokenizer lyrics is damaged: {error}") from error
        _require(inner.pieces() is not None, "its base has tokens without a text of their own")
        return cls(
            base=base,
            size=state["size"],
            min_count=state["min_count"],
            headings=texts["headings"],
            known=texts["known"],
            pieces_of_words=texts["pieces"],
            inner=inner,
        )

    # Ids

    @cached_property
    def _structure(self) -> list[str]:
        return ["\n", "\n\n", *self.headings]

    @property
    def _marks(self) -> tuple[str, ...]:
        return CASES if self.base == WORDS else ()

    @property
    def _words(self) -> tuple[str, ...]:
        return self.known if self.base == WORDS else ()

    @cached_property
    def _structure_ids(self) -> dict[str, int]:
        return {text: token for token, text in enumerate(self._structure)}

    @cached_property
    def _word_ids(self) -> dict[str, int]:
        start = len(self._structure) + len(self._marks)
        return {word.lower(): start + place for place, word in enumerate(self._words)}

    @cached_property
    def _piece_ids(self) -> dict[str, int]:
        start = len(self._structure) + len(self._marks) + len(self._words)
        return {piece: start + place for place, piece in enumerate(self.pieces_of_words)}

    @cached_property
    def _inner_start(self) -> int:
        return len(self._structure) + len(self._marks) + len(self._words) + len(self.pieces_of_words)

    @cached_property
    def _fitted(self) -> Tokenizer:
        return self._unfitted() if self.inner is None else self.inner

    @cached_property
    def _inner_pieces(self) -> Sequence[bytes]:
        """The text of the base's tokens, whose own end, if it has one, stays without use."""
        return list(self._fitted.pieces() or ())

    @cached_property
    def _texts(self) -> list[bytes]:
        """(V,) the text of each token that has one of its own."""
        structure = [text.encode() for text in self._structure]
        nothing = [b""] * (len(self._marks) + len(self._words))
        return [*structure, *nothing, *(piece.encode() for piece in self.pieces_of_words), *self._inner_pieces, b""]

    def _unfitted(self) -> Tokenizer:
        base = "char" if self.base == WORDS else self.base
        sized = self.size and self.base != WORDS and any(o.name == "vocab_size" for o in options_of(_base_class(base)))
        tokenizer: Tokenizer = make_part("tokenizer", f"{base}:vocab_size={self.size}" if sized else base)
        return tokenizer

    def _canonical(self, text: str) -> str:
        return "".join(self._canonical_part(part) for part in split_text(text))

    def _canonical_part(self, part: str) -> str:
        if part in self._structure_ids:
            return part
        end = "\n" if part.endswith("\n") else ""  # a heading that has no token
        return str(self._fitted.canonical(part.removesuffix("\n"))) + end

    def _encoded(self, text: str, *, goes_on: bool = False) -> Ids:
        """The ids of canonical text, which begins in the middle of a line where it goes on."""
        ids: list[int] = []
        for number, part in enumerate(split_text(text)):
            structure = self._structure_ids.get(part)
            if structure is not None:
                ids.append(structure)
            elif part.endswith("\n"):  # a heading that has no token
                ids += [*self._spelled_out(part[:-1]), self._structure_ids["\n"]]
            elif self.base == WORDS:
                ids += self._line(part, goes_on=goes_on and not number)
            else:
                ids += self._spelled_out(part)
        return np.array(ids, np.min_scalar_type(self.end_id))

    def _spelled_out(self, text: str) -> list[int]:
        inner = np.asarray(self._fitted.encode(text), np.int64)
        return [self._inner_start + token for token in inner.tolist()]

    def _line(self, text: str, *, goes_on: bool) -> list[int]:
        """The ids of a line by words, or of the rest of one; where it goes on after another part it begins anew all the same."""
        ids: list[int] = []
        place = 0
        marks = len(self._structure)
        for match in _WORD_OR_SPACED.finditer(text):
            ids += self._spelled_out(text[place : match.start()])
            place = match.end()
            word = match[1]
            token = self._word_ids.get(word.lower())
            at_start = match.start() == 0 and not goes_on
            case = (
                None
                if token is None or at_start is (match[0] != word)
                else cased(self._words[token - marks - len(CASES)], word, at_start=at_start)
            )
            if token is None or case is None:
                ids += self._spelled_out(match[0][: -len(word)])
                for piece in split_word(word, self._piece_ids):
                    ids += [self._piece_ids[piece]] if piece in self._piece_ids else self._spelled_out(piece)
            else:
                ids += [marks + CASES.index(case), token] if case else [token]
        return ids + self._spelled_out(text[place:])


def _last(pattern: re.Pattern[str], text: str, start: int) -> int:
    """The last place in a text, from some place on, at which a pattern matches; 0 where there is none."""
    return max((match.start() for match in pattern.finditer(text, start)), default=0)


def _require(condition: bool, fault: str) -> None:
    if not condition:
        raise DamagedModelError(f"The state of tokenizer lyrics is damaged: {fault}.")


@functools.cache
def _base_class(name: str) -> type[Tokenizer]:
    """The tokenizer of that name.

    Raises:
        OptionError: there is none, or it is no base.
    """
    try:
        part: type[Tokenizer] = find_part("tokenizer", name)
    except (UnknownPartError, AmbiguousPartError) as error:
        base, colon, _ = name.partition(":")
        hint = f"Write its name alone, and how large it may be as lyrics:base={base[:40]},size=512" if colon else error
        raise OptionError(
            f"tokenizer lyrics: base is {name[:80]!r}, but must be words or a tokenizer.  {hint}"
        ) from error
    if part is LyricsTokenizer or not part.media_type.startswith("text/"):
        raise OptionError(f"tokenizer lyrics: base is {name!r}, which is no tokenizer to put tokens around.  Try char")
    return part
