"""Laws of what a tokenizer learns, keeps and writes down."""

from __future__ import annotations

import dataclasses
import json
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from seqgen.core.errors import DamagedModelError
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content
from seqgen.testing.documents import TEXTS, long_text, many_symbols
from seqgen.testing.laws import Contract, LawBroken, hold_bounded, law, require, shown
from seqgen.testing.other_process import in_another_process

_LONG = 20_000

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


class TokenizerStateLaws(Contract):
    """The part of the tokenizer's contract that is about ``fit``, ``state`` and ``from_state``."""

    @abstractmethod
    def make(self) -> Tokenizer:
        """A tokenizer that has not been fitted."""

    def long_document(self, size: int) -> Iterator[Content]:
        """A document of about so many characters or bytes, in pieces that are made as they are read."""
        if self.part.media_type == "text/plain":
            yield from long_text(size)
        else:
            piece = max(self.some_documents(), key=len)
            yield from (piece for _ in range(0, size, max(1, len(piece))))

    @property
    def documents(self) -> SearchStrategy[Any]:
        """Documents such as the tokenizer is made for: text, or bytes for other media, unless a subclass says otherwise."""
        return TEXTS if self.is_text else st.binary(max_size=40)

    def _whole_document(self) -> Content:
        """A document of some 20,000 symbols: of more than 500 where any text is one, else such as the tokenizer is made for."""
        if self.is_text and type(self).documents is TokenizerStateLaws.documents:
            return many_symbols(_LONG)
        documents = self.some_documents()
        longest: Any = max(documents, key=len)
        if self.part.framed or not longest:  # where there is a frame, two documents joined are none
            return longest  # type: ignore[no-any-return]
        times = -(-_LONG // sum(map(len, documents)))
        return longest[:0].join(documents * times)  # type: ignore[no-any-return]

    def instance(self) -> Tokenizer:
        """A tokenizer to look at."""
        return self.make()

    def _is_no_option(self, field: dataclasses.Field[Any]) -> bool:
        """Whether it holds what is learned: it begins empty, or ``fit`` changes it."""
        before = getattr(self.instance(), field.name)
        empty = before is None or (hasattr(before, "__len__") and len(before) == 0)
        return (
            empty or isinstance(before, np.ndarray) or getattr(self.fitted(self.some_documents()), field.name) != before
        )

    @property
    def is_text(self) -> bool:
        """Whether documents are str, which follows from the media type."""
        return bool(self.part.media_type.startswith("text/"))

    def fitted(self, documents: Sequence[Content]) -> Tokenizer:
        """A tokenizer that has seen these documents."""
        return self.make().fit(iter(documents))

    def corpora(self) -> SearchStrategy[list[Any]]:
        """Some documents to fit on."""
        return st.lists(self.documents, min_size=1, max_size=3)

    def some_documents(self) -> list[Any]:
        """As many documents as there are examples."""
        found: list[Any] = []

        def check(document: Content) -> None:
            found.append(document)

        self.for_all(check, document=self.documents)
        return found

    @law
    def test_fit_reads_its_documents_once(self) -> None:
        """Fitting on an iterator, which can be read once, gives what fitting on a list gives.

        A corpus may be larger than memory, and is handed over as it is read.
        """

        def check(seen: list[Content]) -> None:
            once, often = self.make().fit(iter(seen)).state(), self.make().fit(seen).state()
            require(
                once == often,
                f"fit on an iterator over {shown(seen)} learns {shown(once)}, on the list {shown(often)}.  Read the "
                "documents in one loop.",
            )

        self.for_all(check, seen=self.corpora())

    @law
    def test_fit_leaves_everything_as_it_was_and_gives_a_fitted_tokenizer(self) -> None:
        """Fitting changes neither the tokenizer that it is called on nor the documents; what it learned is in the result.

        A tokenizer is handed around and fitted again for another corpus.
        """

        def check(seen: list[Content], others: list[Content]) -> None:
            first = self.fitted(seen)
            before, documents = _written(first), list(seen)
            first.fit(others)
            require(
                _written(first) == before,
                f"After fit on {shown(seen)}, another fit on {shown(others)} changed the tokenizer that it was called on.  "
                "Return dataclasses.replace(self, ...) instead of setting fields.",
            )
            self.make().fit(seen)
            require(seen == documents, f"fit changed the documents {shown(documents)} to {shown(seen)}.")

        self.for_all(check, seen=self.corpora(), others=self.corpora())

    @law
    def test_fitting_twice_gives_the_same(self) -> None:
        """Two tokenizers fitted on the same documents have the same state.

        A model that is trained again from the same corpus must come out the same.
        """

        def check(seen: list[Content]) -> None:
            first, second = _written(self.fitted(seen)), _written(self.fitted(seen))
            require(
                first == second,
                f"fit on {shown(seen)} learns {shown(first)}, and then {shown(second)}.  Use no random numbers, clocks or "
                "state outside the object.",
            )

        self.for_all(check, seen=self.corpora())

    @law
    def test_fit_needs_bounded_memory(self) -> None:
        """Fitting on several times as much needs about the same memory.

        A corpus may be larger than memory.
        """
        hold_bounded("fit", lambda size: partial(self.make().fit, self.long_document(size)))

    @law
    def test_encoding_a_long_document_in_pieces_needs_bounded_memory(self) -> None:
        """``encode_pieces`` over a document several times as long needs about the same memory.

        A document may be larger than memory; its ids go to a file as they come.
        """
        tokenizer = self.make().fit(self.long_document(1 << 16))

        def encode(size: int) -> None:
            for _ in tokenizer.encode_pieces(self.long_document(size)):
                pass

        hold_bounded("encode_pieces", lambda size: partial(encode, size))

    @law
    def test_the_state_survives_json(self) -> None:
        """from_state(json.loads(json.dumps(state()))) has the same state, and encodes and decodes alike.

        A trained model holds its tokenizer as tokenizer.json.
        """

        def check(seen: list[Content]) -> None:
            tokenizer = self.fitted(seen)
            written = _written(tokenizer)
            try:
                restored = type(tokenizer).from_state(json.loads(written))
            except Exception as error:
                msg = f"After fit on {shown(seen)}, from_state fails on what state gives, once it was JSON: {error!r}"
                raise LawBroken(msg) from error
            again = _written(restored)
            require(written == again, f"The state {shown(written)} comes back from JSON as {shown(again)}.")
            sizes = [(each.vocab_size, each.end_id) for each in (tokenizer, restored)]
            require(sizes[0] == sizes[1], f"vocab_size and end_id are {sizes[0]}, and {sizes[1]} after from_state.")
            for document in seen:
                ids, others = tokenizer.encode(document), restored.encode(document)
                same = ids.tolist() == others.tolist() and tokenizer.decode(ids) == restored.decode(ids)
                require(
                    same,
                    f"{shown(document)} is encoded as {shown(ids)}, and after from_state as {shown(others)}; or it decodes "
                    "otherwise.  Put all that encode and decode use into the state.",
                )

        self.for_all(check, seen=self.corpora())

    @law
    def test_another_process_restores_and_learns_the_same(self) -> None:
        """In a fresh process, from_state encodes and decodes as here, and fit learns the same.

        Models are made in one process and used in another, where sets of texts have another order.
        """
        documents = self.some_documents()
        tokenizer = self.fitted(documents)
        try:
            there = in_another_process(self.make(), documents)
        except RuntimeError as error:
            msg = f"{self.part.__name__} does not work in another process: {error}"
            raise LawBroken(msg) from error
        here = json.loads(_written(tokenizer))
        require(
            there["fitted"] == here,
            f"fit learns {shown(here, 120)} here, and {shown(there['fitted'], 120)} in another process.  Sort what comes from a set.",
        )
        for document, ids, decoded in zip(documents, there["ids"], there["decoded"], strict=True):
            expected = tokenizer.encode(document).tolist()
            require(
                (ids, decoded) == (expected, tokenizer.decode(tokenizer.encode(document))),
                f"{shown(document)} is encoded as {shown(expected)} here, and in another process as {shown(ids)}, which it "
                f"decodes to {shown(decoded)}.  Put all that encode and decode use into the state.",
            )

    @law
    def test_what_state_gives_is_a_copy(self) -> None:
        """Changing what state gave does not change the tokenizer.

        Who writes a state down may add to it.
        """

        def check(seen: list[Content]) -> None:
            tokenizer = self.fitted(seen)
            before, state = _written(tokenizer), tokenizer.state()
            for value in [*state.values(), state]:
                if isinstance(value, dict | list):
                    value.clear()
            require(
                _written(tokenizer) == before,
                f"After fit on {shown(seen)}, emptying what state() gave emptied the tokenizer.  Give copies: list(...).",
            )

        self.for_all(check, seen=self.corpora())

    @law
    def test_a_state_that_lacks_a_value_is_refused(self) -> None:
        """from_state raises DamagedModelError where any one value is missing.

        Files are cut off and edited; a person must read what is wrong with the model, not a traceback.  What an earlier version of
        the part gave is told by a number for its form, so that it can be read all the same.
        """
        state = self._some_state()
        for name in state:
            self._hold_refused(
                {key: value for key, value in state.items() if key != name},
                f'without "{name}"',
                advice="  To read what an earlier version gave, put a number for the form into state().",
            )

    @law
    def test_a_state_with_an_unknown_value_is_refused(self) -> None:
        """from_state raises DamagedModelError where there is a value that state never gives.

        It may be of a later version and change the meaning of the others.
        """
        self._hold_refused({**self._some_state(), "no such value": 1}, 'with an unknown "no such value"')

    @law
    def test_a_state_of_wrong_types_is_refused(self) -> None:
        """from_state raises DamagedModelError for what is no table, and for any value of another type.

        A model may come from a stranger; what is not checked here fails later and elsewhere, or does harm.
        """
        for wrong in (None, ["a"], "text", 3):
            self._hold_refused(wrong, f"{wrong!r} instead of a dict")
        state = self._some_state()
        for name, value in state.items():
            for other in ("text", 3.5) if isinstance(value, list | dict) else ([{}], {"a": []}):
                self._hold_refused({**state, name: other}, f'with {other!r} for "{name}"')

    @law
    def test_a_state_with_any_value_in_it_is_refused_or_works(self) -> None:
        """With any one value exchanged, from_state raises DamagedModelError, or the tokenizer that it gives works.

        A damaged file must not become a tokenizer that fails in the middle of a run.
        """
        state = self._some_state()
        documents = self.some_documents()[-3:]

        def check(change: tuple[str, Any]) -> None:
            try:
                tokenizer = self.part.from_state(dict([*state.items(), change]))
                for document in documents:
                    ids = tokenizer.encode(document)
                    tokenizer.decode(ids)
                    require(
                        not ids.size or ids.max() < tokenizer.vocab_size, f"the ids of {document!r} reach vocab_size"
                    )
                if tokenizer.vocab_size and tokenizer.grammar() is None:
                    tokenizer.decode(np.array([tokenizer.vocab_size - 1]))
            except DamagedModelError:
                pass
            except Exception as error:
                name, value = change
                fault = error if isinstance(error, LawBroken) else repr(error)
                msg = f'With {shown(value)} for "{name}", from_state does not refuse, and then: {fault}.  Check the values.'
                raise LawBroken(msg) from error

        if state:
            changes = st.sampled_from(sorted(state)).flatmap(lambda name: st.tuples(st.just(name), _other(state[name])))
            self.for_all(check, change=changes)

    def _some_state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(_written(self.fitted(self.some_documents())))
        return state

    def _hold_refused(self, state: Any, what: str, *, advice: str = "") -> None:
        try:
            self.part.from_state(state)
        except DamagedModelError:
            return
        except Exception as error:
            msg = f"A state {what} raises {error!r}.  Check it in from_state, and raise DamagedModelError with a sentence."
            raise LawBroken(msg) from error
        require(
            condition=False,
            message=f"A state {what} is accepted.  Check it in from_state, and raise DamagedModelError.{advice}",
        )


def _other(value: Any) -> SearchStrategy[Any]:
    """Any value, and such as are like this one."""
    match value:
        case bool():
            return _JSON
        case int():
            return _JSON | st.integers(value - 3, value + 3) | st.integers()
        case str():
            return _JSON | st.text() | st.text(st.sampled_from(value or " "))
        case list() if value:
            return _JSON | st.lists(st.sampled_from(value))
        case dict() if value:
            return _JSON | st.dictionaries(st.sampled_from(sorted(value)), st.sampled_from(list(value.values())))
    return _JSON


def _written(tokenizer: Tokenizer) -> str:
    """The state as JSON.

    Raises:
        LawBroken: it is not JSON-able.
    """
    state = tokenizer.state()
    try:
        return json.dumps(state, allow_nan=False)
    except (TypeError, ValueError) as error:
        msg = f"The state {shown(state)} is no JSON: {error}.  Use dict, list, str, int, float, bool and None."
        raise LawBroken(msg) from error
