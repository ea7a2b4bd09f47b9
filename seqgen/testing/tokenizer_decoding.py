"""Laws of how a tokenizer turns ids into documents."""

from __future__ import annotations

import itertools
import re

import numpy as np
from hypothesis import strategies as st

from seqgen.core.tokenizer import Decoder, Tokenizer
from seqgen.core.types import Content, Ids
from seqgen.testing.laws import LawBroken, law, require, require_whole, shown
from seqgen.testing.tokenizer_state import TokenizerStateLaws

_MOST = 100  # ids of which every beginning is tried


class TokenizerDecodingLaws(TokenizerStateLaws):
    """The part of the tokenizer's contract that is about ``decode``, ``decoder``, ``characters`` and ``end_id``."""

    @law
    def test_documents_have_the_type_of_the_media(self) -> None:
        """With a media type text/... documents are str, with any other bytes: in decode, canonical and the decoder.

        Datasets, tokenizers and outputs are matched by media type.
        """
        media, kind = self.part.media_type, str if self.is_text else bytes
        require(
            re.fullmatch(r"[a-z]+/[\w.+-]+", media),
            f'media_type is "{media}", which is no media type, as text/plain is.',
        )

        def check(seen: list[Content]) -> None:
            tokenizer = self.fitted(seen)
            for document in seen:
                ids = tokenizer.encode(document)
                results = {
                    "decode": [tokenizer.decode(ids), tokenizer.decode(ids[:0])],
                    "canonical": [tokenizer.canonical(document)],
                    "decoder": _pushed(tokenizer, ids),
                }
                for what, values in results.items():
                    for value in values:
                        require(
                            isinstance(value, kind), f"{what} gives {shown(value)}, but {media} means {kind.__name__}."
                        )

        self.for_all(check, seen=self.corpora())

    @law
    def test_pushing_ids_one_by_one_equals_decoding_at_once(self) -> None:
        """For any ids, what the decoder gives, pushes and finish joined, is what decode gives, wherever the ids end.

        Text appears as it is written, and must be the text that is kept.
        """

        def check(seen: list[Content], numbers: list[int]) -> None:
            tokenizer = self.fitted(seen)
            sequences = [tokenizer.encode(document) for document in seen]
            if tokenizer.grammar() is None and tokenizer.vocab_size:  # a model may write any ids in any order
                sequences.append(np.array(numbers, np.int64) % tokenizer.vocab_size)
            for ids in sequences:
                for stop in range(min(len(ids), _MOST) + 1):
                    pushed, decoded = _pushed(tokenizer, ids[:stop]), tokenizer.decode(ids[:stop])
                    require(
                        type(decoded)().join(pushed) == decoded,  # type: ignore[arg-type]
                        f"After fit on {shown(seen)}, the ids {shown(ids[:stop])} decode to {shown(decoded)}, but pushing "
                        f"them gives {shown(pushed)}, the last by finish.",
                    )

        self.for_all(check, seen=self.corpora(), numbers=st.lists(st.integers(0, 1 << 16), max_size=30))

    @law
    def test_no_push_gives_half_a_character(self) -> None:
        """What was pushed so far is always the beginning of the whole document.

        Half a character cannot be taken back once it is shown.
        """

        def check(seen: list[Content]) -> None:
            tokenizer = self.fitted(seen)
            for document in seen:
                ids = tokenizer.encode(document)
                whole = tokenizer.decode(ids)
                so_far = whole[:0]
                for piece in _pushed(tokenizer, ids):
                    so_far += piece  # type: ignore[operator]
                    require(
                        whole.startswith(so_far),  # type: ignore[arg-type]
                        f"{shown(whole)} appears as {shown(so_far)} on its way.  Let the decoder hold back what is not final: "
                        'codecs.getincrementaldecoder("utf-8")("replace") does so for bytes.',
                    )

        self.for_all(check, seen=self.corpora())

    @law
    def test_what_follows_a_prompt_is_decoded_as_in_the_whole(self) -> None:
        """What the decoder after a document's ids gives for more ids, joined to that document, is what all ids decode to.

        A text goes on from a prompt; its first word must have the space, or the capital, that it has within a text.
        """

        def check(seen: list[Content], numbers: list[int]) -> None:
            tokenizer = self.fitted(seen)
            before = tokenizer.encode(seen[0])
            following = [tokenizer.encode(document) for document in seen]
            if tokenizer.framed:  # joined to another, a document is none: the decoder gives the whole
                before, following, given = (
                    before[: len(before) // 2],
                    [before[len(before) // 2 :]],
                    tokenizer.decode(before[:0]),
                )
            else:
                given = tokenizer.decode(before)
                if tokenizer.grammar() is None and tokenizer.vocab_size:
                    following.append(np.array(numbers, np.int64) % tokenizer.vocab_size)
            for ids in following:
                whole = tokenizer.decode(np.concatenate([before, ids]).astype(np.int64))
                pushed = _pushed(tokenizer, ids, tokenizer.decoder_after(before))
                joined = type(whole)().join((given, *pushed))  # type: ignore[arg-type]
                require(
                    joined == whole,
                    f"After fit on {shown(seen)}, {shown(before)} and then {shown(ids)} decode to {shown(whole)}.  The first alone "
                    f"decode to {shown(given)}, and the decoder after them gives {shown(pushed)}.  Override decoder_after, "
                    "where the text of a token depends on those before it.",
                )

        self.for_all(check, seen=self.corpora(), numbers=st.lists(st.integers(0, 1 << 16), max_size=30))

    @law
    def test_decoders_do_not_share_what_they_hold(self) -> None:
        """Two decoders that are pushed in turn give what each alone would give.

        Several samples are written at the same time.
        """

        def check(seen: list[Content]) -> None:
            tokenizer = self.fitted(seen)
            for ids in map(tokenizer.encode, seen):
                decoders = [tokenizer.decoder() for _ in range(2)]
                pieces: list[list[Content]] = [[], []]
                for token in ids[:_MOST].tolist():
                    for each, decoder in zip(pieces, decoders, strict=True):
                        each.append(decoder.push(token))
                for each, decoder in zip(pieces, decoders, strict=True):
                    each.append(decoder.finish())
                alone = _pushed(tokenizer, ids[:_MOST])
                require(
                    pieces == [alone, alone],
                    f"Pushing {shown(ids)} into two decoders in turn gives {shown(pieces)}, into one alone {shown(alone)}.  "
                    "decoder() must make a new object, with a state of its own.",
                )

        self.for_all(check, seen=self.corpora())

    @law
    def test_decode_takes_ids_of_any_integer_type_and_leaves_them_alone(self) -> None:
        """``decode`` and ``characters`` take read-only arrays of any integer type.

        Ids come from memory-mapped files in the smallest type, and from frameworks as int64.
        """

        def check(seen: list[Content]) -> None:
            tokenizer = self.fitted(seen)
            for ids in map(tokenizer.encode, seen):
                expected = tokenizer.decode(ids.copy())
                for dtype in (np.min_scalar_type(tokenizer.vocab_size), np.int32, np.int64, np.uint64):
                    given = ids.astype(dtype)
                    given.setflags(write=False)
                    try:
                        decoded = tokenizer.decode(given)
                        tokenizer.characters(given)
                    except (ValueError, TypeError, IndexError) as error:
                        msg = (
                            f"A read-only array of {given.dtype} raises {error!r}: {shown(ids)}.  Copy before changing."
                        )
                        raise LawBroken(msg) from error
                    require(
                        decoded == expected,
                        f"{shown(ids)} decode to {shown(expected)} as {ids.dtype}, to {shown(decoded)} as {given.dtype}.",
                    )

        self.for_all(check, seen=self.corpora())

    @law
    def test_characters_are_those_of_the_decoded_document(self) -> None:
        """characters(ids) == len(decode(ids)) for any ids, as an int.

        Losses are given per character, so that tokenizers can be compared.
        """

        def check(seen: list[Content], numbers: list[int]) -> None:
            tokenizer = self.fitted(seen)
            sequences = [tokenizer.encode(document) for document in seen]
            if tokenizer.grammar() is None and tokenizer.vocab_size:
                sequences.append(np.array(numbers, np.int64) % tokenizer.vocab_size)
            for ids in sequences:
                counted, decoded = tokenizer.characters(ids), tokenizer.decode(ids)
                require_whole(counted, f"What characters gives for {shown(ids)}")
                require(
                    counted == len(decoded),
                    f"characters gives {counted} for {shown(ids)}, which decode to {shown(decoded)}, of {len(decoded)}.",
                )

        self.for_all(check, seen=self.corpora(), numbers=st.lists(st.integers(0, 1 << 16), max_size=30))

    @law
    def test_the_end_is_an_id_that_decodes_to_nothing(self) -> None:
        """end_id is None or an int below vocab_size that adds nothing to a document, by decode and by the decoder.

        It stands between documents and is no part of them.
        """

        def check(seen: list[Content]) -> None:
            tokenizer = self.fitted(seen)
            end = tokenizer.end_id
            if end is None:
                return
            require_whole(end, "end_id")
            require(0 <= end < tokenizer.vocab_size, f"end_id is {end}, but vocab_size is {tokenizer.vocab_size}.")
            for ids in map(tokenizer.encode, seen):
                ended = np.append(ids.astype(np.int64), end)
                decoded, pushed = tokenizer.decode(ended), _pushed(tokenizer, ended)[-2:]
                given = pushed[0] or (pushed[1] and not tokenizer.framed)  # where there is a frame, all comes by finish
                require(
                    decoded == tokenizer.decode(ids) and not given,
                    f"With the end, {shown(ended)} decode to {shown(decoded)}, without it to {shown(tokenizer.decode(ids))}; "
                    f"pushing the end gives {shown(pushed[0])}, then finish {shown(pushed[1])}.  Let it decode to nothing.",
                )

        self.for_all(check, seen=self.corpora())

    @law
    def test_what_follows_the_end_is_a_document_of_its_own(self) -> None:
        """Two documents with the end between them decode to both, one after the other, where they are not ``framed``.

        A corpus is its documents with ends between them, and has as many characters as they have.
        """

        def check(seen: list[Content]) -> None:
            tokenizer = self.fitted(seen)
            end = tokenizer.end_id
            if end is None or tokenizer.framed:  # joined to another, such a document is none
                return
            documents = list(map(tokenizer.encode, seen))
            for ids, following in itertools.pairwise([documents[0][:0], *documents, documents[0]]):
                joined = np.concatenate([ids, [end], following]).astype(np.int64)
                both = [tokenizer.decode(ids), tokenizer.decode(following)]
                decoded, pushed = tokenizer.decode(joined), _pushed(tokenizer, joined)
                expected = type(decoded)().join(both)  # type: ignore[arg-type]
                require(
                    decoded == expected == type(decoded)().join(pushed),  # type: ignore[arg-type]
                    f"With the end {end} between two documents, {shown(joined)} decode to {shown(decoded)}, and pushing them gives "
                    f"{shown(pushed)}; alone they decode to {shown(both)}.  Forget at the end what was before it.",
                )

        self.for_all(check, seen=self.corpora())


def _pushed(tokenizer: Tokenizer, ids: Ids, decoder: Decoder | None = None) -> list[Content]:
    """What a decoder, a new one if none is given, gives for each id, and then by finish."""
    decoder = decoder or tokenizer.decoder()
    return [*(decoder.push(token) for token in ids.tolist()), decoder.finish()]
