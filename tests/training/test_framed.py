"""Documents with a frame, which a dataset may give in pieces, reach a tokenizer whole."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import ClassVar

import pytest

from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, OptionError
from seqgen.core.types import Document
from seqgen.data.reading import contents
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.training.preparation import _encoded
from seqgen.training.unknown_share import unknown_share
from seqgen.training.vocabulary import known_or_extended

PIECES = [("a", b"<1", False), ("a", b"23>", True), ("b", b"<4>", True), ("c", b"<5", False), ("c", b"6>", True)]
WHOLE = [b"<123>", b"<4>", b"<56>"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class InPieces(Dataset):
    media_type = "application/x-frames"

    def documents(self):
        return (Document(name, content, final=final) for name, content, final in PIECES)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Framed(ByteTokenizer):
    """Has nothing to learn, and notes what it is given."""

    media_type = "application/x-frames"
    framed = True
    given: ClassVar[dict[str, list[bytes]]] = {}

    def note(self, what, documents):
        self.given.setdefault(what, []).extend(documents)

    def fit(self, documents):
        self.note("fit", documents)
        return self

    def missing(self, document):
        self.note("missing", [document])
        return {"a note": None}

    def extended(self, documents):
        self.note("extended", documents)

    def unreadable(self, document):
        self.note("unreadable", [document])
        return ""

    def encode(self, document):
        return super().encode(b"")


@pytest.fixture
def tokenizer():
    Framed.given.clear()
    return Framed()


def test_a_document_is_given_as_one_where_it_has_a_frame_and_in_its_pieces_where_it_has_none(tokenizer):
    assert list(contents(InPieces(), tokenizer)) == WHOLE
    assert list(contents(InPieces(), ByteTokenizer())) == [content for _, content, _ in PIECES]


def test_so_it_is_where_the_vocabulary_is_learned_and_where_nothing_of_the_corpus_is_known(seqgen_home, tokenizer):
    with pytest.raises(CorpusError, match="Nothing in the corpus is known"):
        _encoded(InPieces(), tokenizer, None, "refuse", lambda _: None)
    assert tokenizer.given["fit"] == WHOLE
    assert tokenizer.given["unreadable"] == WHOLE


def test_so_it_is_where_training_goes_on_with_another_corpus(tokenizer):
    model = SimpleNamespace(input_encoding="embedding", architecture="lstm")
    parent = SimpleNamespace(config=SimpleNamespace(model=model), where="walks:1")
    with pytest.raises(CorpusError, match="which walks:1 does not know"):
        known_or_extended(tokenizer, InPieces(), parent, "refuse")
    assert tokenizer.given["missing"] == WHOLE
    with pytest.raises(OptionError, match="its tokenizer cannot"):
        known_or_extended(tokenizer, InPieces(), parent, "extend")
    assert tokenizer.given["extended"] == WHOLE


def test_so_it_is_where_it_is_looked_how_much_is_unknown_which_ends_with_a_whole_document(tokenizer, monkeypatch):
    monkeypatch.setattr("seqgen.training.unknown_share.LOOKED_AT", 6)
    unknown_share(tokenizer, InPieces())
    assert tokenizer.given["missing"] == WHOLE[:2]
