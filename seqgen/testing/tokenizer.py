"""The tokenizer's contract."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from seqgen.core.types import Content
from seqgen.testing.documents import ANY_TEXT
from seqgen.testing.laws import LawBroken, law, require, require_whole, shown
from seqgen.testing.tokenizer_grammar import TokenizerGrammarLaws

_PIECES = (4093, 257)


class TokenizerContract(TokenizerGrammarLaws):
    """The laws of tokenizers.

    A subclass gives ``make``, and ``documents`` where the tokenizer is made for something else than any text::

        class TestAbcTokenizer(TokenizerContract):
            documents = st.sampled_from(TUNES)

            def make(self):
                return AbcTokenizer()
    """

    def any_document(self) -> SearchStrategy[Any]:
        """Documents of the right type, whatever is in them."""
        return self.documents | (ANY_TEXT if self.is_text else st.binary(max_size=40))

    @law
    def test_decoding_gives_the_canonical_document(self) -> None:
        """decode(encode(x)) == canonical(x) for every document x that was seen in fit.

        What a model learns from is what it can write; a tokenizer that loses something says so in canonical.
        """

        def check(seen: list[Content]) -> None:
            tokenizer = self.fitted(seen)
            for document in seen:
                ids = tokenizer.encode(document)
                decoded, canonical = tokenizer.decode(ids), tokenizer.canonical(document)
                require(
                    decoded == canonical,
                    f"After fit on {shown(seen)}, {shown(document)} is encoded as {shown(ids)}, which decodes to "
                    f"{shown(decoded)}, but canonical gives {shown(canonical)}.  Make decode the inverse of encode; what "
                    "encode loses on purpose, canonical loses too.",
                )

        self.for_all(check, seen=self.corpora())

    @law
    def test_a_long_document_of_many_symbols_comes_out_whole(self) -> None:
        """A document of 20,000 symbols, several hundred of them different where it is text, decodes to the canonical one.

        Its pieces give the same ids.  Corpora are long and have many symbols; what is cut off, or wraps in a small type of
        number, does not show in a short text of few.
        """
        document = self._whole_document()
        tokenizer = self.fitted([document])
        ids = tokenizer.encode(document)
        decoded, canonical = tokenizer.decode(ids), tokenizer.canonical(document)
        place = _differ(decoded, canonical)
        require(
            decoded == canonical,
            f"A document of {len(document):,} symbols has a vocabulary of {tokenizer.vocab_size:,} and {len(ids):,} ids of type "
            f"{ids.dtype}.  These decode to {len(decoded):,} symbols, and the canonical document has {len(canonical):,}; from "
            f"{place:,} on they are {shown(decoded[place : place + 20])} and {shown(canonical[place : place + 20])}.  Give ids of "
            "a type that holds them all, and all of them.",
        )
        for size in _PIECES:
            pieces = (document[start : start + size] for start in range(0, len(document), size))
            joined = [token for each in tokenizer.encode_pieces(pieces) for token in each.tolist()]
            place = _differ(joined, ids.tolist())
            require(
                joined == ids.tolist(),
                f"A document of {len(document):,} symbols is encoded as {len(ids):,} ids, and in pieces of {size:,} as "
                f"{len(joined):,}; from {place:,} on they are {shown(ids[place : place + 20])} and "
                f"{shown(joined[place : place + 20])}.",
            )

    @law
    def test_canonical_changes_nothing_the_second_time(self) -> None:
        """canonical(canonical(x)) == canonical(x) for every document x.

        Text that a model wrote can be encoded again and stays what it is.
        """

        def check(seen: list[Content], document: Content) -> None:
            tokenizer = self.fitted(seen)
            once = tokenizer.canonical(document)
            twice = tokenizer.canonical(once)
            require(
                once == twice,
                f"After fit on {shown(seen)}, canonical makes {shown(once)} of {shown(document)}, and of that {shown(twice)}.  "
                "Repeat what it does until nothing changes.",
            )

        self.for_all(check, seen=self.corpora(), document=self.documents)

    @law
    def test_encoding_in_pieces_equals_encoding_whole(self) -> None:
        """However a document is divided, the ids of encode_pieces, joined, are those of encode.

        Large files are read in pieces, and results must not depend on where a piece ended.
        """

        def check(document: Content, cuts: list[int]) -> None:
            tokenizer = self.fitted([document, document])  # twice, so that it is worth tokens of several characters
            whole = tokenizer.encode(document)
            length = len(document)
            for bounds in ([0, *sorted(cut % (length + 1) for cut in cuts), length], [*range(length + 1)]):
                pieces = [document[start:stop] for start, stop in pairwise(bounds)]
                joined = [token for ids in tokenizer.encode_pieces(iter(pieces)) for token in ids.tolist()]
                require(
                    joined == whole.tolist(),
                    f"{shown(document)} is encoded as {shown(whole)}, but in the pieces {shown(pieces)} as {shown(joined)}.  "
                    "Override cut, to cut where no token reaches across: seqgen.core.text.cut_before_space helps.",
                )

        self.for_all(check, document=self.documents, cuts=st.lists(st.integers(0, 1 << 16), max_size=5))

    @law
    def test_ids_are_whole_numbers_below_vocab_size(self) -> None:
        """``encode`` and ``encode_pieces`` give NumPy arrays (T,) of integers from 0 to vocab_size - 1, which is an int.

        They index the rows of an embedding, and are stored in the smallest type that vocab_size fits.
        """

        def check(seen: list[Content], document: Content) -> None:
            tokenizer = self.fitted(seen)
            require_whole(tokenizer.vocab_size, "vocab_size")
            for each in (*seen, document):
                for ids in (tokenizer.encode(each), *tokenizer.encode_pieces([each])):
                    _hold_ids(ids, tokenizer.vocab_size, f"After fit on {shown(seen)}, {shown(each)}")

        self.for_all(check, seen=self.corpora(), document=self.documents)

    @law
    def test_no_document_makes_encode_raise(self) -> None:
        """For any document, empty or with symbols never seen, encode, canonical, missing and unreadable do not raise.

        A prompt comes from a person, who types what the corpus never had.
        """

        def check(seen: list[Content], document: Content) -> None:
            tokenizer = self.fitted(seen)
            where = f"After fit on {shown(seen)}, {shown(document)}"
            try:
                ids = tokenizer.encode(document)
                tokenizer.canonical(document)
                tokenizer.missing(document)
                why = tokenizer.unreadable(document)
                list(tokenizer.encode_pieces([document]))
            except Exception as error:
                msg = f"{where} raises {error!r}.  Symbols that the vocabulary lacks become their nearest, or are left out."
                raise LawBroken(msg) from error
            _hold_ids(ids, tokenizer.vocab_size, where)
            require(
                isinstance(why, str),
                f"After fit on {shown(seen)}, unreadable({shown(document)}) gives {why!r}, no text.",
            )
            tokenizer.decode(ids)

        for document in ("", "\ud83d", "\udc4d", "\U0010ffff", "\0", "日本") if self.is_text else (b"", b"\0", b"\xff"):
            check([], document)
        self.for_all(check, seen=st.lists(self.documents, max_size=2), document=self.any_document())

    @law
    def test_any_document_can_be_numbered(self) -> None:
        """For any document, also one that is cut off, ``numbered`` gives a document of the same type.

        What a model writes may end anywhere; samples that go into one file get their numbers, or all of them are lost.
        """
        tokenizer = self.fitted(self.some_documents())

        def check(document: Content) -> None:
            for each in (document, document[: len(document) // 2]):
                try:
                    numbered = tokenizer.numbered(each, 2)
                except Exception as error:
                    msg = f"numbered({shown(each)}, 2) raises {error!r}.  Give the document as it is where it has no place for a number."
                    raise LawBroken(msg) from error
                require(
                    isinstance(numbered, str if self.is_text else bytes),
                    f"numbered({shown(each)}, 2) gives {shown(numbered)}, but media_type is {self.part.media_type}.",
                )

        self.for_all(check, document=self.any_document())

    @law
    def test_the_empty_document_has_no_ids(self) -> None:
        """An empty document is encoded as an empty array of integers, and decodes to an empty document.

        A file may begin with nothing, and np.array([]) holds floats.
        """
        empty = "" if self.is_text else b""
        for tokenizer in (self.fitted([empty]), self.fitted(self.some_documents())):
            ids = tokenizer.encode(empty)
            _hold_ids(ids, tokenizer.vocab_size, "The empty document")
            require(ids.size == 0, f"The empty document is encoded as {shown(ids)}.  Give no ids for it.")
            decoded = tokenizer.decode(ids)
            require(decoded == empty, f"No ids decode to {shown(decoded)}.")

    @law
    def test_encoding_and_decoding_change_nothing(self) -> None:
        """encode, decode and canonical leave the tokenizer as it is: a second time they give the same.

        What a text means must not depend on what was encoded before it; the vocabulary is fixed once a model is made.
        """

        def check(seen: list[Content], document: Content) -> None:
            tokenizer = self.fitted(seen)
            before = tokenizer.state(), tokenizer.vocab_size
            for each in (*seen, document):
                first = tokenizer.encode(each)
                tokenizer.decode(first)
                tokenizer.canonical(each)
                for again in (tokenizer.encode(each), tokenizer.encode(each)):
                    require(
                        first.tolist() == again.tolist(),
                        f"{shown(each)} is encoded as {shown(first)}, and then as {shown(again)}.  Use no random numbers.",
                    )
                after = tokenizer.state(), tokenizer.vocab_size
                require(before == after, f"Encoding {shown(each)} changed the state from {before} to {after}.")

        self.for_all(check, seen=self.corpora(), document=self.documents)

    @law
    def test_missing_names_what_is_lost(self) -> None:
        """Where a document loses what it would keep had fit seen it, missing names symbols; a canonical one lacks none.

        A person must be told that a prompt is not what the model reads.
        """

        def check(seen: list[Content], document: Content) -> None:
            tokenizer = self.fitted(seen)
            canonical, missing = tokenizer.canonical(document), tokenizer.missing(document)
            kept = self.fitted([*seen, document]).canonical(document)
            require(
                missing or canonical == kept,
                f"After fit on {shown(seen)}, {shown(document)} becomes {shown(canonical)}, and {shown(kept)} had fit seen it "
                "too, but missing names nothing.",
            )
            for each in map(tokenizer.canonical, (*seen, document)):
                again = tokenizer.missing(each)
                require(not again, f"{shown(each)} is canonical, but missing names {shown(dict(again))}.")

        self.for_all(check, seen=self.corpora(), document=self.documents)

    @law
    def test_what_is_nearest_to_a_missing_symbol_can_be_encoded(self) -> None:
        """``missing`` names symbols as text, and gives for each one that the vocabulary has, or None.

        It is what a person is advised to write instead; where documents are bytes, it is only shown.
        """

        def check(seen: list[Content], document: Content) -> None:
            tokenizer = self.fitted(seen)
            for symbol, nearest in tokenizer.missing(document).items():
                where = f"After fit on {shown(seen)}, missing({shown(document)})"
                require(
                    isinstance(symbol, str) and isinstance(nearest, str | None),
                    f"{where} gives {shown(nearest)} for {shown(symbol)}, but both are str, also where documents are bytes.",
                )
                known = (
                    nearest is None
                    or not self.is_text
                    or (tokenizer.encode(nearest).size and not tokenizer.missing(nearest))
                )
                require(
                    known,
                    f"After fit on {shown(seen)}, missing gives {shown(nearest)} as nearest to {shown(symbol)}, but the "
                    "vocabulary lacks that too.  Give None where nothing is near.",
                )

        self.for_all(check, seen=self.corpora(), document=self.documents)

    @law
    def test_an_extended_vocabulary_keeps_every_token(self) -> None:
        """Where extended gives a tokenizer, each id stands there for what it stood for, at the id that it says.

        The weights of a model are taken over by these ids; with wrong ones it would go on from another's words.
        """

        def check(seen: list[Content], others: list[Content]) -> None:
            tokenizer = self.fitted(seen)
            before = tokenizer.state()
            extended = tokenizer.extended(iter(others))
            if extended is None:
                return
            where = f"After fit on {shown(seen)}, extended({shown(others)})"
            wider, ids = extended
            _hold_ids(ids, wider.vocab_size, f"{where}: the old vocabulary")
            each_once = len(ids) == tokenizer.vocab_size == len(set(ids.tolist()))
            require(each_once, f"{where} gives the ids {shown(ids)} for {tokenizer.vocab_size} that there were.")
            end = None if tokenizer.end_id is None else int(ids[tokenizer.end_id])
            require(wider.end_id == end, f"{where} makes {wider.end_id} the end, but says that it is {end}.")
            for document in map(tokenizer.canonical, seen):
                found, expected = wider.encode(document), ids[tokenizer.encode(document).astype(np.int64)]
                require(
                    found.tolist() == expected.tolist(),
                    f"{where} says that {shown(document)} becomes {shown(expected)}, but encodes it as {shown(found)}.",
                )
            require(tokenizer.state() == before, f"{where} changed the tokenizer that it was called on.")

        self.for_all(check, seen=self.corpora(), others=self.corpora())

    @law
    def test_an_extended_vocabulary_has_what_was_lacking(self) -> None:
        """Where extended gives a tokenizer, each document that it was handed comes out as whole as after a fit on all.

        A model is taken to another corpus to learn what is new there.
        """

        def check(seen: list[Content], others: list[Content]) -> None:
            extended = self.fitted(seen).extended(iter(others))
            if extended is None:
                return
            wider, _ = extended
            alone, joint = self.fitted(others), self.fitted([*seen, *others])
            for document in others:
                if alone.missing(document) or joint.missing(document):
                    continue  # too rare, or more than it may have
                found, expected = wider.decode(wider.encode(document)), joint.canonical(document)
                require(
                    found == expected,
                    f"After fit on {shown(seen)} and extended({shown(others)}), {shown(document)} comes out as {shown(found)}, "
                    f"and as {shown(expected)} after fit on both.  Add the symbols of all documents.",
                )

        self.for_all(check, seen=self.corpora(), others=st.lists(self.documents, min_size=1, max_size=3))

    @law
    def test_encode_never_gives_the_end(self) -> None:
        """No document's ids contain end_id, whatever is written in it.

        The core writes it between documents; in a document it would end generation in the middle.
        """

        def check(seen: list[Content], document: Content) -> None:
            tokenizer = self.fitted(seen)
            for each in (*seen, document):
                for ids in (tokenizer.encode(each), *tokenizer.encode_pieces([each])):
                    require(
                        tokenizer.end_id not in ids.tolist(),
                        f"After fit on {shown(seen)}, {shown(each)} is encoded as {shown(ids)}, and {tokenizer.end_id} is "
                        "end_id.  Give the end an id of its own, and add none in encode.",
                    )

        self.for_all(check, seen=self.corpora(), document=self.any_document())


def _differ(one: Any, other: Any) -> int:
    """The first place at which two sequences differ, or the end of the shorter."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _hold_ids(ids: Any, vocab_size: int, where: str) -> None:
    right = isinstance(ids, np.ndarray) and ids.ndim == 1 and ids.dtype.kind in "iu"
    found = f"{type(ids).__name__} {getattr(ids, 'dtype', '')} {getattr(ids, 'shape', '')}"
    require(
        right, f"{where} is encoded as {found}, but must be a NumPy array of integers (T,): np.array(ids, np.int64)."
    )
    inside = not ids.size or (ids.min() >= 0 and ids.max() < vocab_size)
    require(inside, f"{where} is encoded as {shown(ids)}, but ids are 0 to vocab_size - 1, which is {vocab_size - 1}.")
