"""Tokenizers, each broken in one thing, and the law that must reject it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from annotated_doc import Doc
from annotated_types import Ge

from seqgen.core.errors import DamagedModelError
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.testing import TokenizerContract
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer

CONTRACT = TokenizerContract
MUTANTS: list[tuple[str, str, type[TokenizerContract]]] = []


def breaks(law: str, broken: str, **options: Any):
    """Put a tokenizer made with these options among the mutants."""

    def register(part: type[Tokenizer]) -> type[Tokenizer]:
        MUTANTS.append((law, broken, type(part.__name__, (TokenizerContract,), {"make": lambda _: part(**options)})))
        return part

    return register


@dataclass(frozen=True, kw_only=True)
class Plain(Tokenizer):
    """Characters and their numbers, as one writes a tokenizer the first time.  It keeps the laws; some below are made of it."""

    lowercase: Annotated[bool, Doc("make everything lower case")] = False
    symbols: list[str] = field(default_factory=list)

    def fit(self, documents: Iterable[Content]) -> Self:
        found: set[str] = set()
        for document in documents:
            found.update(self.canonical_symbols(document))
        return replace(self, symbols=sorted(found))

    @property
    def vocab_size(self) -> int:
        return len(self.symbols)

    def encode(self, document: Content) -> Ids:
        return np.array([self.numbers[each] for each in self.canonical(document)], np.int64)

    def decode(self, ids: Ids) -> str:
        return "".join(self.symbols[each] for each in ids.tolist())

    def decoder(self) -> PlainDecoder:
        return PlainDecoder(self.symbols)

    def canonical(self, document: Content) -> str:
        return "".join(each for each in self.canonical_symbols(document) if each in self.numbers)

    def canonical_symbols(self, document: Content) -> list[str]:
        # Character by character: the lower case of some depends on their neighbours, which may be in another piece.
        return list("".join(each.lower() for each in document) if self.lowercase else document)

    def missing(self, document: Content) -> Mapping[str, str | None]:
        return {each: None for each in self.canonical_symbols(document) if each not in self.numbers}

    def state(self) -> dict[str, Any]:
        return {"lowercase": self.lowercase, "symbols": list(self.symbols)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        match state:
            case {"lowercase": bool(lowercase), "symbols": list(symbols), **others} if not others:
                if all(isinstance(each, str) and len(each) == 1 for each in symbols):
                    return cls(lowercase=lowercase, symbols=symbols)
        raise DamagedModelError("The state of tokenizer plain is damaged.")

    @cached_property
    def numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols)}


class PlainDecoder:
    def __init__(self, symbols: list[str]) -> None:
        self.symbols = symbols

    def push(self, token: int) -> str:
        return self.symbols[token]

    def finish(self) -> str:
        return ""


class SoundContract(TokenizerContract):
    max_examples = 4

    def make(self) -> Plain:
        return Plain(lowercase=True)


SOUND = [SoundContract]


# Options and exceptions


@breaks("test_every_exception_names_a_law", "an exception without a reason")
class Unreasoned(Plain):
    exceptions: ClassVar[Mapping[str, str]] = {"test_fit_needs_bounded_memory": ""}


@breaks(
    "test_each_option_has_a_type_a_sentence_and_a_default_that_it_allows", "an option of a class without @dataclass"
)
class Undecorated(Plain):
    longest: Annotated[int, Ge(1), Doc("longest token")] = 8


@breaks(
    "test_each_option_has_a_type_a_sentence_and_a_default_that_it_allows", "a field without a sentence is no option"
)
@dataclass(frozen=True, kw_only=True)
class Unexplained(Plain):
    longest: int = 8


@breaks("test_each_option_refuses_wrong_values", "ValueError for a wrong option")
@dataclass(frozen=True, kw_only=True)
class OfValueError(Plain):
    form: Annotated[str, Doc("Unicode normal form")] = "NFC"

    def __post_init__(self) -> None:
        if self.form not in ("NFC", "NFD"):
            raise ValueError(self.form)


@breaks("test_the_options_survive_json", "an option of bytes")
@dataclass(frozen=True, kw_only=True)
class OfBytes(Plain):
    mark: Annotated[bytes, Doc("what stands in front")] = b""


# Encoding and decoding


@breaks("test_decoding_gives_the_canonical_document", "decode loses the last character")
class LosesTheLast(CharTokenizer):
    def decode(self, ids: Ids) -> str:
        return super().decode(ids)[:-1]


@breaks("test_decoding_gives_the_canonical_document", "encode lowers the case, and canonical does not", lowercase=True)
class SaysNotWhatItLoses(CharTokenizer):
    def canonical(self, document: Content) -> Content:
        return document


@breaks("test_a_long_document_of_many_symbols_comes_out_whole", "encode reads the first 1,000 characters")
class ReadsTheFirstThousand(CharTokenizer):
    def encode(self, document: Content) -> Ids:
        return super().encode(document[:1000])


@breaks("test_a_long_document_of_many_symbols_comes_out_whole", "ids are bytes, however many symbols there are")
class WrapsAround(CharTokenizer):
    def encode(self, document: Content) -> Ids:
        return super().encode(document).astype(np.uint8)


@breaks(
    "test_a_long_document_of_many_symbols_comes_out_whole", "of a piece, encode_pieces reads the first 1,000 characters"
)
class CutsPiecesOff(CharTokenizer):
    def encode_pieces(self, pieces: Iterable[Content]) -> Iterator[Ids]:
        yield from (self.encode(piece[:1000]) for piece in pieces)


@breaks("test_canonical_changes_nothing_the_second_time", "canonical takes away what stands in front, each time")
class TakesAway(CharTokenizer):
    def canonical(self, document: Content) -> Content:
        return document[1:]


@breaks("test_documents_have_the_type_of_the_media", "decode gives bytes for text/plain")
class OfBytesAtLast(ByteTokenizer):
    def decode(self, ids: Ids) -> bytes:
        return bytes(ids[ids < 256].tolist())


@breaks("test_pushing_ids_one_by_one_equals_decoding_at_once", "finish gives nothing where a character is unfinished")
class NeverFinishes(ByteTokenizer):
    def decoder(self) -> Any:
        decoder = super().decoder()
        decoder.finish = str
        return decoder


@breaks("test_no_push_gives_half_a_character", "each byte is decoded alone")
class Halves(ByteTokenizer):
    def decoder(self) -> Any:
        return PlainDecoder([*(bytes([byte]).decode("utf-8", "replace") for byte in range(256)), ""])


class WordsDecoder(PlainDecoder):
    between = ""

    def push(self, token: int) -> str:
        text, self.between = self.between + self.symbols[token], " "
        return text


@breaks(
    "test_what_follows_a_prompt_is_decoded_as_in_the_whole", "the first word after a prompt lacks the space before it"
)
class JoinsWords(Plain):
    def canonical_symbols(self, document: Content) -> list[str]:
        return document.split()

    def canonical(self, document: Content) -> str:
        return self.decode(self.encode(document))

    def encode(self, document: Content) -> Ids:
        return np.array([self.numbers[each] for each in document.split() if each in self.numbers], np.int64)

    def decode(self, ids: Ids) -> str:
        return " ".join(self.symbols[each] for each in ids.tolist())

    def decoder(self) -> WordsDecoder:
        return WordsDecoder(self.symbols)


@breaks("test_decoders_do_not_share_what_they_hold", "there is one decoder for all")
class OneDecoder(ByteTokenizer):
    def decoder(self) -> Any:
        return self._only

    @cached_property
    def _only(self) -> Any:
        return super().decoder()


@breaks("test_decode_takes_ids_of_any_integer_type_and_leaves_them_alone", "decode writes into the ids")
class WritesIntoIds(CharTokenizer):
    def decode(self, ids: Ids) -> str:
        ids[ids == self.end_id] = 0
        return super().decode(ids)


@breaks("test_characters_are_those_of_the_decoded_document", "characters counts the ids", min_count=1)
class CountsIds(WordTokenizer):
    def characters(self, ids: Ids) -> int:
        return len(ids)


@breaks("test_characters_are_those_of_the_decoded_document", "characters gives a number of NumPy")
class SumsLengths(CharTokenizer):
    def characters(self, ids: Ids) -> int:
        return np.array([*map(len, self.symbols), 0])[ids].sum()


@breaks("test_the_end_is_an_id_that_decodes_to_nothing", "the end decodes to a line end")
class EndsALine(CharTokenizer):
    def decode(self, ids: Ids) -> str:
        return "".join("\n" if each == self.end_id else self.symbols[each] for each in ids.tolist())


@breaks("test_the_end_is_an_id_that_decodes_to_nothing", "end_id is vocab_size")
class EndsOutside(CharTokenizer):
    @property
    def end_id(self) -> int:
        return self.vocab_size


@breaks("test_the_end_is_an_id_that_decodes_to_nothing", "end_id is a number of NumPy")
class EndsAsNumPy(CharTokenizer):
    @property
    def end_id(self) -> int:
        return np.int64(super().end_id)


@breaks("test_what_follows_the_end_is_a_document_of_its_own", "a space stands between two documents")
class JoinsDocuments(ByteTokenizer):
    def decode(self, ids: Ids) -> str:
        documents = np.split(ids, np.flatnonzero(ids == self.end_id))
        return " ".join(filter(None, map(super().decode, documents)))


@breaks(
    "test_an_extended_vocabulary_keeps_every_token",
    "the new symbols are sorted among the old ones, which keep their ids",
)
class KeepsOldIds(CharTokenizer):
    def extended(self, documents: Iterable[Content]) -> tuple[Self, Ids]:
        wider, ids = super().extended(documents)
        return wider, np.arange(len(ids))


@breaks("test_an_extended_vocabulary_keeps_every_token", "two symbols become one")
class JoinsSymbols(CharTokenizer):
    def extended(self, documents: Iterable[Content]) -> tuple[Self, Ids]:
        wider, ids = super().extended(documents)
        return wider, np.minimum(ids, ids[:1])


@breaks("test_an_extended_vocabulary_has_what_was_lacking", "only the first document is read")
class ReadsTheFirst(CharTokenizer):
    def extended(self, documents: Iterable[Content]) -> tuple[Self, Ids]:
        return super().extended(itertools.islice(documents, 1))


@breaks("test_an_extended_vocabulary_has_what_was_lacking", "extended gives the tokenizer itself")
class AddsNothing(CharTokenizer):
    def extended(self, documents: Iterable[Content]) -> tuple[Self, Ids]:
        return self, np.arange(self.vocab_size)


@breaks("test_encode_never_gives_the_end", "encode adds the end")
class AddsTheEnd(CharTokenizer):
    def encode(self, document: Content) -> Ids:
        return np.append(super().encode(document), self.end_id)


@breaks(
    "test_encoding_in_pieces_equals_encoding_whole",
    "each piece is encoded alone, though words reach across",
    min_count=1,
)
class WordsInPieces(WordTokenizer):
    cut = Tokenizer.cut


@breaks("test_encoding_in_pieces_equals_encoding_whole", "the empty piece ends a document")
class EndsAtNothing(CharTokenizer):
    def encode_pieces(self, pieces: Iterable[Content]) -> Iterator[Ids]:
        yield from map(self.encode, iter(iter(pieces).__next__, ""))


@breaks("test_ids_are_whole_numbers_below_vocab_size", "ids are floats")
class Floats(CharTokenizer):
    def encode(self, document: Content) -> Ids:
        return super().encode(document).astype(np.float32)


@breaks("test_ids_are_whole_numbers_below_vocab_size", "ids are (1, T)")
class Rows(CharTokenizer):
    def encode(self, document: Content) -> Ids:
        return super().encode(document)[None]


@breaks("test_ids_are_whole_numbers_below_vocab_size", "ids count from 1")
class FromOne(Plain):
    def encode(self, document: Content) -> Ids:
        return super().encode(document) + 1


@breaks("test_ids_are_whole_numbers_below_vocab_size", "vocab_size is a number of NumPy")
class HighestAndOne(Plain):
    @property
    def vocab_size(self) -> int:
        return np.max([*self.numbers.values(), -1]) + 1


@breaks("test_no_document_makes_encode_raise", "KeyError for a symbol never seen")
class KeyErrors(Plain):
    def canonical(self, document: Content) -> Content:
        return document


@breaks("test_no_document_makes_encode_raise", "-1 for a symbol never seen")
class MinusOne(Plain):
    def encode(self, document: Content) -> Ids:
        return np.array([self.numbers.get(each, -1) for each in document], np.int64)


@breaks("test_no_document_makes_encode_raise", "UnicodeEncodeError for half of a surrogate pair")
class NoSurrogates(ByteTokenizer):
    def encode(self, document: Content) -> Ids:
        return np.frombuffer(document.encode(), np.uint8)


@breaks("test_no_document_makes_encode_raise", "unreadable raises")
class SaysByRaising(CharTokenizer):
    def unreadable(self, document: Content) -> str:
        raise ValueError(f"{document!r} has no symbols.")


@breaks("test_no_document_makes_encode_raise", "unreadable gives None where there is nothing to say")
class SaysNothing(CharTokenizer):
    def unreadable(self, document: Content) -> Any:
        return None


@breaks("test_any_document_can_be_numbered", "a title is looked for, which a text that is cut off may lack")
class NumbersTitles(CharTokenizer):
    def numbered(self, document: Content, number: int) -> str:
        place = document.index("\n")
        return f"{document[:place]} {number}{document[place:]}"


@breaks("test_any_document_can_be_numbered", "bytes for text/plain")
class NumbersBytes(CharTokenizer):
    def numbered(self, document: Content, number: int) -> bytes:
        return b"%d" % number


@breaks("test_the_empty_document_has_no_ids", "an array of no ids is one of floats")
class FloatsForNothing(Plain):
    def encode(self, document: Content) -> Ids:
        return np.array([self.numbers[each] for each in self.canonical(document)])


@breaks("test_the_empty_document_has_no_ids", "a symbol stands in front of everything")
class StartsWithASymbol(CharTokenizer):
    def encode(self, document: Content) -> Ids:
        return np.insert(super().encode(document), 0, self.end_id)


@breaks("test_encoding_and_decoding_change_nothing", "encode adds what it has not seen to the vocabulary")
class GrowsWhileEncoding(Plain):
    def encode(self, document: Content) -> Ids:
        for each in document:
            if each not in self.symbols:
                self.symbols.append(each)
        return np.array([self.symbols.index(each) for each in document], np.int64)


@breaks("test_encoding_and_decoding_change_nothing", "words are spelled at random", min_count=1)
class AtRandom(WordTokenizer):
    def encode(self, document: Content) -> Ids:
        spelled = [self.symbols.index(each) for each in self.canonical(document)]
        return super().encode(document) if random.random() < 0.5 else np.array(spelled, np.int64)


@breaks("test_missing_names_what_is_lost", "missing names nothing")
class MissesNothing(CharTokenizer):
    def missing(self, document: Content) -> Mapping[str, str | None]:
        return {}


@breaks("test_missing_names_what_is_lost", "missing names all that is no letter, also where it is there")
class MissesSigns(CharTokenizer):
    def missing(self, document: Content) -> Mapping[str, str | None]:
        return {**super().missing(document), **{each: None for each in document if not each.isalpha()}}


@breaks(
    "test_what_is_nearest_to_a_missing_symbol_can_be_encoded", "the nearest is the capital, whether it is there or not"
)
class NearestIsTheCapital(CharTokenizer):
    def missing(self, document: Content) -> Mapping[str, str | None]:
        return {symbol: symbol.upper() for symbol in super().missing(document)}


@breaks("test_what_is_nearest_to_a_missing_symbol_can_be_encoded", "symbols are named by bytes")
class NamesBytes(CharTokenizer):
    def missing(self, document: Content) -> Mapping[Any, str | None]:
        return {symbol.encode("utf-8", "surrogatepass"): None for symbol in super().missing(document)}


# Learning, and what is written down


@breaks("test_fit_reads_its_documents_once", "fit counts the documents first")
class CountsFirst(CharTokenizer):
    def fit(self, documents: Iterable[Content]) -> Self:
        return replace(super().fit(documents), min_count=1 + sum(1 for _ in documents))


@breaks(
    "test_fit_leaves_everything_as_it_was_and_gives_a_fitted_tokenizer", "fit learns into the object it is called on"
)
class LearnsInPlace(Plain):
    def fit(self, documents: Iterable[Content]) -> Self:
        self.symbols[:] = super().fit(documents).symbols
        return self


@breaks("test_fit_leaves_everything_as_it_was_and_gives_a_fitted_tokenizer", "fit sorts the documents where they are")
class SortsDocuments(CharTokenizer):
    def fit(self, documents: Iterable[Content]) -> Self:
        if isinstance(documents, list):
            documents.sort()
        return super().fit(documents)


@breaks("test_fitting_twice_gives_the_same", "ids are dealt out at random")
class Shuffles(Plain):
    def fit(self, documents: Iterable[Content]) -> Self:
        learned = super().fit(documents)
        return replace(learned, symbols=random.sample(learned.symbols, len(learned.symbols)))


@breaks("test_fit_needs_bounded_memory", "fit holds all documents")
class HoldsDocuments(ByteTokenizer):
    def fit(self, documents: Iterable[Content]) -> Self:
        return super().fit(list(documents))


@breaks("test_encoding_a_long_document_in_pieces_needs_bounded_memory", "encode_pieces joins the pieces")
class JoinsPieces(ByteTokenizer):
    def encode_pieces(self, pieces: Iterable[Content]) -> Iterator[Ids]:
        yield self.encode("".join(pieces))


@breaks("test_the_state_survives_json", "the state holds a NumPy number")
class NumPyInState(Plain):
    def state(self) -> dict[str, Any]:
        return {**super().state(), "lowercase": np.bool_(self.lowercase)}


@breaks("test_the_state_survives_json", "the keys of a table in the state are numbers")
class NumbersAsKeys(Plain):
    def state(self) -> dict[str, Any]:
        return {"symbols": dict(enumerate(self.symbols))}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(symbols=[state["symbols"][number] for number in range(len(state["symbols"]))])


@breaks("test_the_state_survives_json", "the state lacks an option", lowercase=True)
class ForgetsAnOption(Plain):
    def state(self) -> dict[str, Any]:
        return {"symbols": list(self.symbols)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(symbols=state["symbols"])


@breaks("test_another_process_restores_and_learns_the_same", "ids follow the order of a set")
class InTheOrderOfASet(Plain):
    def fit(self, documents: Iterable[Content]) -> Self:
        return replace(self, symbols=list({each for document in documents for each in document}))


_learned: dict[str, list[str]] = {}


@breaks("test_another_process_restores_and_learns_the_same", "the vocabulary is remembered in the module")
class RemembersInTheModule(Plain):
    def state(self) -> dict[str, Any]:
        name = f"{len(_learned)}"
        _learned[name] = self.symbols
        return {"name": name}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(symbols=_learned[state["name"]])


@breaks("test_what_state_gives_is_a_copy", "state gives the tokenizer's own list")
class GivesItsOwn(Plain):
    def state(self) -> dict[str, Any]:
        return {"lowercase": self.lowercase, "symbols": self.symbols}


@breaks("test_a_state_that_lacks_a_value_is_refused", "a value that is missing becomes the default")
class FillsIn(Plain):
    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        return super().from_state({"lowercase": False, **state})


@breaks("test_a_state_that_lacks_a_value_is_refused", "KeyError where a value is missing")
class KeyErrorForState(Plain):
    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        return super().from_state({"lowercase": state["lowercase"], "symbols": state["symbols"]})


@breaks("test_a_state_with_an_unknown_value_is_refused", "unknown values are passed over")
class PassesOver(Plain):
    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        return super().from_state({name: state[name] for name in ("lowercase", "symbols") if name in state})


@breaks("test_a_state_of_wrong_types_is_refused", "types are not looked at")
class TakesAllTypes(Plain):
    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(**state)


@breaks(
    "test_a_state_with_any_value_in_it_is_refused_or_works", "a size in the state is not held against the vocabulary"
)
@dataclass(frozen=True, kw_only=True)
class BelievesASize(Plain):
    size: int = 0

    def fit(self, documents: Iterable[Content]) -> Self:
        learned = super().fit(documents)
        return replace(learned, size=len(learned.symbols))

    @property
    def vocab_size(self) -> int:
        return self.size

    def state(self) -> dict[str, Any]:
        return {**super().state(), "size": self.size}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        match state:
            case {"size": int(size), **others}:
                return replace(super().from_state(others), size=size)
        raise DamagedModelError("The state of tokenizer plain is damaged.")


# What it tells about its tokens


@breaks("test_the_pieces_joined_are_the_document", "a piece is told of what it does not decode to")
class TellsLowerCase(CharTokenizer):
    def pieces(self) -> list[bytes]:
        return [piece.lower() for piece in super().pieces()]


class SomeMayFollow:
    """Any character but those refused; the document may end where ``ends`` says so."""

    start = ()

    def __init__(self, allowed, *, ends: bool = True):
        self._allowed, self._ends = allowed, ends

    def allowed(self, state):
        return self._allowed

    def next(self, state, token):
        return state

    def may_end(self, state):
        return self._ends


@breaks("test_the_grammar_allows_what_documents_are_made_of", "a grammar refuses the first character of the vocabulary")
class RefusesTheFirst(Plain):
    def grammar(self) -> SomeMayFollow:
        return SomeMayFollow(np.arange(self.vocab_size) > 0)


@breaks("test_the_grammar_goes_on_or_ends_after_any_ids", "a grammar neither goes on nor ends")
class GetsStuck(Plain):
    def grammar(self) -> SomeMayFollow:
        return SomeMayFollow(np.zeros(self.vocab_size, bool), ends=False)
