"""Laws of what a tokenizer tells about its tokens: the text of each, and which may follow which."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from seqgen.core.tokenizer import Grammar, Tokenizer
from seqgen.core.types import Content
from seqgen.testing.laws import law, require, shown
from seqgen.testing.tokenizer_decoding import TokenizerDecodingLaws


class TokenizerGrammarLaws(TokenizerDecodingLaws):
    """The part of the tokenizer's contract that is about ``pieces`` and ``grammar``; kept where there are none."""

    @law
    def test_the_pieces_joined_are_the_document(self) -> None:
        """Where there are pieces, one for each id, those of any ids joined are what decode gives, in UTF-8.

        The sampler regex reads from them which token keeps a match possible.
        """

        def check(seen: list[Content], numbers: list[int]) -> None:
            tokenizer = self.fitted(seen)
            pieces = tokenizer.pieces()
            if pieces is None:
                return
            size = tokenizer.vocab_size
            require(len(pieces) == size, f"After fit on {shown(seen)} there are {len(pieces)} pieces for {size} ids.")
            for ids in [*map(tokenizer.encode, seen), np.array(numbers if size else [], np.int64) % max(size, 1)]:
                joined = b"".join(pieces[token] for token in ids.tolist()).decode("utf-8", "replace")
                require(
                    joined == tokenizer.decode(ids),
                    f"The ids {shown(ids)} decode to {shown(tokenizer.decode(ids))}, but their pieces are {shown(joined)}.  "
                    "Give None where the text of a token depends on others.",
                )

        self.for_all(check, seen=self.corpora(), numbers=st.lists(st.integers(0, 1 << 16), max_size=20))

    @law
    def test_the_grammar_allows_what_documents_are_made_of(self) -> None:
        """Where there is a grammar, it allows the ids of each document that was seen in fit, and that it ends there.

        Otherwise the sampler grammar would keep a model from writing what it learned.
        """

        def check(seen: list[Content]) -> None:
            tokenizer = self.fitted(seen)
            grammar = tokenizer.grammar()
            if grammar is None:
                return
            for document in seen:
                ids, state = tokenizer.encode(document), grammar.start
                for place, token in enumerate(ids.tolist()):
                    require(
                        _allowed(grammar, state, tokenizer)[token],
                        f"The grammar does not allow {token} after {shown(ids[:place])}, as in {shown(document)}.",
                    )
                    state = grammar.next(state, token)
                require(grammar.may_end(state), f"The grammar does not allow {shown(document)} to end.")

        self.for_all(check, seen=self.corpora())

    @law
    def test_the_grammar_goes_on_or_ends_after_any_ids(self) -> None:
        """Where there is a grammar, a token may follow or the document may end after any ids, allowed or not.

        A prompt may hold anything, and a text that can neither go on nor end would be an error in the middle of it.
        """

        def check(seen: list[Content], numbers: list[int]) -> None:
            tokenizer = self.fitted(seen)
            grammar = tokenizer.grammar()
            if grammar is None:
                return
            state = grammar.start
            ids = [number % tokenizer.vocab_size for number in numbers if tokenizer.vocab_size]
            for place in range(len(ids) + 1):
                require(isinstance(state, Hashable), f"The state {shown(state)} cannot be hashed.  Make it a tuple.")
                allowed = _allowed(grammar, state, tokenizer)
                require(
                    allowed.any() or grammar.may_end(state),
                    f"After fit on {shown(seen)}, nothing may follow the ids {shown(ids[:place])}, nor may they end.",
                )
                if place < len(ids):
                    state = grammar.next(state, ids[place])

        self.for_all(check, seen=self.corpora(), numbers=st.lists(st.integers(0, 1 << 16), max_size=20))


def _allowed(grammar: Grammar, state: Any, tokenizer: Tokenizer) -> npt.NDArray[Any]:
    allowed = np.asarray(grammar.allowed(state))
    size, end_id = tokenizer.vocab_size, tokenizer.end_id
    right = allowed.dtype == np.bool_ and allowed.shape == (size,)
    require(right, f"allowed gives {allowed.dtype} {allowed.shape}, but must give booleans ({size},).")
    require(
        end_id is None or not allowed[end_id], "allowed has the end token.  Say by may_end where a document may end."
    )
    return allowed
