"""The tokenizer contract: documents to token ids and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from seqgen.core.types import Content, Ids


class Decoder(Protocol):
    """Turns ids into text as they come; made by :meth:`Tokenizer.decoder`."""

    def push(self, token: int) -> Content:
        """Take one id; give the text that is final now and was not given before (often empty, never half a character)."""
        ...

    def finish(self) -> Content:
        """Give what is left once no more ids come.

        A U+FFFD at its end stands for a character of which bytes are missing: it is not shown where a length cut the text there.
        """
        ...


class Grammar(Protocol):
    """An automaton of which token may follow which in a document; made by :meth:`Tokenizer.grammar`.

    A state is any value that can be hashed and says all that counts of what went before; answers are remembered by state.
    The end token is no part of it: it comes where the text may end, and the document after it is at the start.
    """

    @property
    def start(self) -> Hashable:
        """The state before the first token of a document."""
        ...

    def allowed(self, state: Any) -> npt.NDArray[np.bool_]:
        """(V,) True for each token that may come next; never for the end token."""
        ...

    def next(self, state: Any, token: int) -> Hashable:
        """The state after a token, also after one that is not allowed there: a prompt may hold any."""
        ...

    def may_end(self, state: Any) -> bool:
        """Whether the document may end here.  Where nothing is allowed it must, so one of the two is possible."""
        ...


class Tokenizer(ABC):
    """Documents to ids and back.

    A tokenizer is a dataclass: its options are fields annotated with ``Doc`` (see :mod:`seqgen.core.options`), what it
    learned in ``fit`` is in its other fields.  It is immutable: ``fit`` gives a new one.

    Laws (checked by ``seqgen.testing``), for every document x made of symbols seen in ``fit``:
        ``decode(encode(x)) == canonical(x)``, and ``canonical(canonical(x)) == canonical(x)``;
        pushing ids one by one through ``decoder()`` gives what ``decode`` gives at once;
        the ids of ``encode_pieces`` over any division of x, joined, are ``encode(x)``;
        ``from_state(json.loads(json.dumps(state())))`` encodes and decodes alike.
    And for every document: ``encode`` gives ids below ``vocab_size`` and never raises.
    """

    media_type: ClassVar[str] = "text/plain"
    framed: ClassVar[bool] = False
    """Whether a document has a frame, as a header that counts what follows, so that two of them joined are no document.

    A prompt is then decoded together with what follows it, nothing is given out before it is whole, and each sample is a
    file of its own."""
    exceptions: ClassVar[Mapping[str, str]] = {}
    """Laws of ``seqgen.testing`` that this part cannot keep: the law's name and the reason, which is shown."""

    @abstractmethod
    def fit(self, documents: Iterable[Content]) -> Self:
        """Learn the vocabulary from documents (or pieces of them, in order); read in one pass, in bounded memory."""

    def extended(self, documents: Iterable[Content]) -> tuple[Self, Ids] | None:
        """This tokenizer with the symbols of documents that it lacks, and (V,) the id that each of its ids has there.

        What this one encodes without loss, the other encodes as the same tokens.  None where nothing can be added (the
        default), as where ``missing`` is always empty.

        Args:
            documents: as for ``fit``.
        """
        return None

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """How many ids there are; ids are 0 to vocab_size - 1."""

    @property
    def end_id(self) -> int | None:
        """The id that stands between documents, or None if the tokenizer has none.

        It decodes to nothing, and what follows it to a document of its own.  The core writes it before and after each
        document where a corpus has several, and generation ends when it is drawn; where a corpus is one document, it is
        never drawn.
        """
        return None

    @abstractmethod
    def encode(self, document: Content) -> Ids:
        """The ids of a document, (T,).  Symbols that the vocabulary lacks become their nearest, or are left out."""

    def cut(self, pieces: Iterable[Content]) -> Iterator[Content]:
        """One document that comes in pieces, cut so that the ids of each part alone, joined, are ``encode`` of the whole.

        The parts are what processes encode side by side, and from which an interrupted encoding goes on.  The default
        leaves the pieces as they come, which is right only where a token never spans two pieces and no symbol depends on
        its neighbours; override it otherwise (:func:`seqgen.core.text.cut_before_space` helps).
        """
        yield from pieces

    def encode_pieces(self, pieces: Iterable[Content]) -> Iterator[Ids]:
        """The ids of one document that comes in pieces, as arrays that joined are ``encode`` of the whole.

        The default encodes each part that ``cut`` gives.  Override it only where a document cannot be cut: it is then
        encoded by one process, from its start.
        """
        yield from map(self.encode, self.cut(pieces))

    @abstractmethod
    def decode(self, ids: Ids) -> Content:
        """The document that the ids stand for."""

    @abstractmethod
    def decoder(self) -> Decoder:
        """An incremental decoder for one sequence."""

    def decoder_after(self, ids: Ids) -> Decoder:
        """An incremental decoder for what follows these ids (T,), whose own text it does not give.

        Override it where the text of a token depends on those before it, as a space or a capital does.  The default is
        ``decoder()``, as at the beginning of a document.  Where documents are ``framed``, it gives these ids, too: what
        follows them is a document only with them.
        """
        decoder = self.decoder()
        if self.framed:
            for token in ids.tolist():
                decoder.push(token)  # which gives nothing before it finishes
        return decoder

    def canonical(self, document: Content) -> Content:
        """The document as this tokenizer can give it back; the same document for a lossless tokenizer."""
        return document

    def numbered(self, document: Content, number: int) -> Content:
        """The document as it stands in a file of several, where it has this number, from 1; the document itself by default.

        For media whose files tell their documents apart by numbers, as tune books in ABC do.
        """
        return document

    def missing(self, document: Content) -> Mapping[str, str | None]:
        """Symbols of the document that the vocabulary lacks, each with the nearest that it has, or None."""
        return {}

    def unreadable(self, document: Content) -> str:
        """Why a document of which ``encode`` gives no ids has none, for a person who gave it as a prompt.

        A sentence without its full stop, as "it ends in the middle of a track"; empty where there is nothing to say but
        that its symbols are not known.
        """
        return ""

    def characters(self, ids: Ids) -> int:
        """How many characters (bytes, for binary media) the ids stand for."""
        return len(self.decode(ids))

    def grammar(self) -> Grammar | None:
        """Which token may follow which, for the sampler ``grammar`` to respect; None if anything may."""
        return None

    def pieces(self) -> Sequence[bytes] | None:
        """What each id stands for, (V,), in UTF-8: joined, they decode to ``decode``, with U+FFFD for what is no UTF-8.

        A piece may be a part of a character.  None where the text of a token depends on others, or the medium is no text.
        """
        return None

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything ``from_state`` needs, options included, as JSON-able values."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer that gave this state.

        The state may come from a stranger: check it, and raise.

        Raises:
            DamagedModelError: the state is not one that ``state`` gives, or gave in a version of the part that this one still reads.
        """
